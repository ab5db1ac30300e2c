//! Which photos are learnt from, which choose the best checkpoint, which only watch: sorted, then drawn by the seed.

use std::collections::{BTreeMap, BTreeSet};

use crate::relevance::Random;

use super::config::{FinetuneConfig, ValidationClasses};
use super::error::DataError;
use super::sample::Sample;

/// Three sets without a photo in common, each sorted by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Split {
    pub train: Vec<Sample>,
    /// Chooses the best checkpoint.
    pub validation: Vec<Sample>,
    /// Watches the accuracy; may lack masks.
    pub hold_out: Vec<Sample>,
}

/// Draws the sets. The draw of a class depends on the seed and its own photos alone.
///
/// `only`: the classes to use; all if empty.
///
/// # Errors
/// If nothing is left to train on, or photos of fewer than two classes.
pub fn split(samples: Vec<Sample>, only: &[usize], config: &FinetuneConfig) -> Result<Split, DataError> {
    let mut by_class: BTreeMap<usize, Vec<Sample>> = BTreeMap::new();
    for sample in samples {
        if only.is_empty() || only.contains(&sample.class) {
            by_class.entry(sample.class).or_default().push(sample);
        }
    }
    let learnable = |samples: &[Sample]| samples.iter().any(|sample| is_learnable(sample, config));
    let usable: Vec<usize> = by_class.iter().filter(|(_, of)| learnable(of)).map(|(&class, _)| class).collect();
    if usable.is_empty() {
        return Err(DataError::NoMasks { photos: by_class.values().map(Vec::len).sum() });
    }
    let trained = trained_classes(&usable, config);
    if trained.len() < 2 {
        return Err(DataError::OneClass);
    }
    let mut split = Split::default();
    for (class, samples) in by_class {
        draw(class, samples, trained.contains(&class), config, &mut split);
    }
    for set in [&mut split.train, &mut split.validation, &mut split.hold_out] {
        set.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(split)
}

fn is_learnable(sample: &Sample, config: &FinetuneConfig) -> bool {
    sample.mask.is_some() || !config.needs_masks()
}

fn trained_classes(usable: &[usize], config: &FinetuneConfig) -> BTreeSet<usize> {
    let mut classes = usable.to_vec();
    if config.class_count > 0 {
        Random::of_item(config.seed, usize::MAX).shuffle(&mut classes);
        classes.truncate(config.class_count);
    }
    classes.into_iter().collect()
}

/// Shares the photos of one class out.
fn draw(class: usize, mut samples: Vec<Sample>, is_trained: bool, config: &FinetuneConfig, split: &mut Split) {
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    Random::of_item(config.seed, class).shuffle(&mut samples);
    let (mut masked, mut rest): (Vec<Sample>, Vec<Sample>) =
        samples.into_iter().partition(|sample| is_learnable(sample, config));
    let validates = is_trained == (config.validation_classes == ValidationClasses::Same);
    // A class that is trained on keeps a photo for that.
    let spare = masked.len().saturating_sub(usize::from(is_trained));
    let for_validation = if validates { config.validation_per_class.min(spare) } else { 0 };
    split.validation.extend(masked.drain(..for_validation));
    if is_trained {
        let wanted = if config.per_class == 0 { masked.len() } else { config.per_class };
        let reserved = if config.per_class == 0 { config.hold_out_per_class.saturating_sub(rest.len()) } else { 0 };
        let for_training = wanted.min(masked.len().saturating_sub(reserved).max(1)).min(masked.len());
        split.train.extend(masked.drain(..for_training));
    }
    rest.extend(masked);
    split.hold_out.extend(rest.into_iter().take(config.hold_out_per_class));
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::sample::MaskSource;
    use super::*;
    use crate::image::ImageSource;

    /// `masked` of `photos` photos of a class have masks.
    fn class(class: usize, masked: usize, photos: usize) -> Vec<Sample> {
        let sample = |index: usize| {
            let name = format!("{class}/{index:02}.jpg");
            let mask = (index < masked).then(|| MaskSource::File(PathBuf::from("m.png")));
            Sample { image: ImageSource::file(&name), name, mask, class }
        };
        (0..photos).map(sample).collect()
    }

    fn config() -> FinetuneConfig {
        FinetuneConfig { per_class: 3, validation_per_class: 2, hold_out_per_class: 2, ..FinetuneConfig::default() }
    }

    fn counts(split: &Split) -> [usize; 3] {
        [split.train.len(), split.validation.len(), split.hold_out.len()]
    }

    #[test]
    fn sets_are_disjoint_sorted_and_repeatable() {
        let samples = || [class(4, 8, 10), class(7, 6, 6)].concat();
        let drawn = split(samples(), &[], &config()).unwrap();
        assert_eq!(counts(&drawn), [6, 4, 3], "class 7 has one photo left to watch");
        let all: Vec<&str> =
            [&drawn.train, &drawn.validation, &drawn.hold_out].into_iter().flatten().map(|s| s.name.as_str()).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(drawn.train.is_sorted_by(|a, b| a.name < b.name));
        assert!(drawn.hold_out.iter().take(2).all(|sample| sample.mask.is_none()), "those without masks watch first");
        let mut reversed = samples();
        reversed.reverse();
        assert_eq!(split(reversed, &[], &config()).unwrap(), drawn, "the order of the folder does not matter");
        assert_ne!(split(samples(), &[], &FinetuneConfig { seed: 1, ..config() }).unwrap(), drawn);
        let more = [samples(), class(9, 5, 5)].concat();
        let with_more = split(more, &[], &config()).unwrap();
        assert!(drawn.train.iter().all(|sample| with_more.train.contains(sample)), "other classes do not disturb");
    }

    #[test]
    fn a_class_keeps_a_photo_to_train_on_and_0_takes_all_that_are_left() {
        let small = split([class(0, 1, 1), class(1, 2, 2)].concat(), &[], &config()).unwrap();
        assert_eq!(counts(&small), [2, 1, 0]);
        let all = FinetuneConfig { per_class: 0, ..config() };
        let drawn = split([class(0, 9, 9), class(1, 9, 12)].concat(), &[], &all).unwrap();
        assert_eq!(counts(&drawn), [(9 - 2 - 2) + (9 - 2), 4, 4]);
    }

    #[test]
    fn validation_on_other_classes_takes_those_that_were_not_drawn() {
        let other = FinetuneConfig { class_count: 3, validation_classes: ValidationClasses::Other, ..config() };
        let samples: Vec<Sample> = (0..5).flat_map(|index| class(index, 4, 4)).collect();
        let drawn = split(samples, &[], &other).unwrap();
        let classes = |set: &[Sample]| set.iter().map(|sample| sample.class).collect::<BTreeSet<_>>();
        assert_eq!((classes(&drawn.train).len(), classes(&drawn.validation).len()), (3, 2));
        assert!(classes(&drawn.train).is_disjoint(&classes(&drawn.validation)));
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_cure() {
        let refused = |samples: Vec<Sample>, only: &[usize], config: &FinetuneConfig| {
            split(samples, only, config).unwrap_err().to_string()
        };
        let none = refused([class(0, 0, 3), class(1, 0, 3)].concat(), &[], &config());
        assert!(none.contains("6 photos has a mask") && none.contains("vitrine mask"), "{none}");
        let one = refused([class(0, 3, 3), class(1, 3, 3)].concat(), &[1], &config());
        assert!(one.contains("one class"), "{one}");
        let control = FinetuneConfig { method: super::super::LossMethod::CrossEntropy, ..config() };
        split([class(0, 0, 3), class(1, 0, 3)].concat(), &[], &control).unwrap();
    }
}
