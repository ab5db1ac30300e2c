//! Every figure of the report: what each picture adds to it, and what becomes of the sums.
//!
//! A figure is a function of sums over pictures. Thus one table of contributions serves the value, its bootstrap
//! interval, and the difference of two models on the same pictures.

use serde::Serialize;

use crate::eval::{Answer, Overlap, Scene, calibration_error, calibration_share};

use super::faithfulness::FaithfulnessScores;
use super::judge::{AgainstMask, Judged};

/// As many sums as the figure with most of them needs.
pub const SUMS: usize = 16;

/// What a picture adds, or all of them together; unused places are 0.
pub type Sums = [f64; SUMS];

/// A figure of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    Top1,
    Top5,
    AmongTop1,
    AmongTop5,
    Confidence,
    TruthProbability,
    Calibration,
    Mass,
    Lift,
    Rank,
    Pointing,
    PixelAccuracy,
    MeanIou,
    MeanIouPerPicture,
    MeanIouOtsu,
    MeanIouTopArea,
    ObjectIou,
    F1,
    TwoChannelAp,
    ForegroundAp,
    LossBackground,
    LossForeground,
    Faithful(Curve),
    SceneTop1(Scene),
    SceneAmongTop1(Scene),
    SceneProbability(Scene),
    /// Accuracy lost when the background becomes that of another class.
    Reliance,
    AmongReliance,
}

/// How pixels go or come, and what is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// The most relevant pixels go first.
    Positive,
    /// The least relevant go first.
    Negative,
    PositivePatches,
    NegativePatches,
    Deletion,
    Insertion,
}

impl Curve {
    const ALL: [Self; 6] =
        [Self::Positive, Self::Negative, Self::PositivePatches, Self::NegativePatches, Self::Deletion, Self::Insertion];
}

/// Which part of the report a figure belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    Classification,
    Maps,
    Faithfulness,
    Background,
}

/// What a larger value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    Higher,
    Lower,
    Neither,
}

impl Measure {
    /// In the order of the report.
    pub fn all() -> Vec<Self> {
        use Measure::{
            AmongReliance, AmongTop1, AmongTop5, Calibration, Confidence, F1, ForegroundAp, Lift, LossBackground,
            LossForeground, Mass, MeanIou, MeanIouOtsu, MeanIouPerPicture, MeanIouTopArea, ObjectIou, PixelAccuracy,
            Pointing, Rank, Reliance, Top1, Top5, TruthProbability, TwoChannelAp,
        };
        let classification = [Top1, Top5, AmongTop1, AmongTop5, Confidence, TruthProbability, Calibration];
        let maps = [
            Mass,
            Lift,
            Rank,
            Pointing,
            ObjectIou,
            MeanIou,
            MeanIouPerPicture,
            MeanIouOtsu,
            MeanIouTopArea,
            PixelAccuracy,
            F1,
            TwoChannelAp,
            ForegroundAp,
            LossBackground,
            LossForeground,
        ];
        let of_scenes = |of: fn(Scene) -> Self| Scene::ALL.map(of);
        [&classification[..], &maps]
            .concat()
            .into_iter()
            .chain(Curve::ALL.map(Self::Faithful))
            .chain(of_scenes(Self::SceneTop1))
            .chain([Reliance])
            .chain(of_scenes(Self::SceneAmongTop1))
            .chain([AmongReliance])
            .chain(of_scenes(Self::SceneProbability))
            .collect()
    }

    /// The name in JSON and CSV.
    pub fn key(self) -> String {
        let plain = match self {
            Self::Top1 => "top_1",
            Self::Top5 => "top_5",
            Self::AmongTop1 => "top_1_among_classes",
            Self::AmongTop5 => "top_5_among_classes",
            Self::Confidence => "confidence",
            Self::TruthProbability => "truth_probability",
            Self::Calibration => "calibration_error",
            Self::Mass => "relevance_mass",
            Self::Lift => "relevance_lift",
            Self::Rank => "relevance_rank",
            Self::Pointing => "pointing_game",
            Self::PixelAccuracy => "pixel_accuracy",
            Self::MeanIou => "miou",
            Self::MeanIouPerPicture => "miou_per_picture",
            Self::MeanIouOtsu => "miou_otsu",
            Self::MeanIouTopArea => "miou_top_area",
            Self::ObjectIou => "object_iou",
            Self::F1 => "f1",
            Self::TwoChannelAp => "map_two_channel",
            Self::ForegroundAp => "ap_foreground",
            Self::LossBackground => "loss_background",
            Self::LossForeground => "loss_foreground",
            Self::Faithful(Curve::Positive) => "perturbation.positive",
            Self::Faithful(Curve::Negative) => "perturbation.negative",
            Self::Faithful(Curve::PositivePatches) => "perturbation.positive_patches",
            Self::Faithful(Curve::NegativePatches) => "perturbation.negative_patches",
            Self::Faithful(Curve::Deletion) => "deletion",
            Self::Faithful(Curve::Insertion) => "insertion",
            Self::SceneTop1(scene) => return format!("{}.top_1", scene_key(scene)),
            Self::SceneAmongTop1(scene) => return format!("{}.top_1_among_classes", scene_key(scene)),
            Self::SceneProbability(scene) => return format!("{}.truth_probability", scene_key(scene)),
            Self::Reliance => "background_reliance.top_1",
            Self::AmongReliance => "background_reliance.top_1_among_classes",
        };
        plain.to_owned()
    }

    /// The name for people.
    pub fn title(self) -> String {
        let plain = match self {
            Self::Top1 => "top-1",
            Self::Top5 => "top-5",
            Self::AmongTop1 => "top-1 among the set's classes",
            Self::AmongTop5 => "top-5 among the set's classes",
            Self::Confidence => "mean confidence",
            Self::TruthProbability => "mean probability of the truth",
            Self::Calibration => "calibration error (ECE, 15 bins)",
            Self::Mass => "relevance on the object",
            Self::Lift => "lift over the object's area",
            Self::Rank => "relevance rank",
            Self::Pointing => "pointing game",
            Self::PixelAccuracy => "pixel accuracy",
            Self::MeanIou => "mIoU, all pixels together",
            Self::MeanIouPerPicture => "mIoU, mean over pictures",
            Self::MeanIouOtsu => "mIoU, Otsu's threshold",
            Self::MeanIouTopArea => "mIoU, top |M| pixels",
            Self::ObjectIou => "IoU of the object",
            Self::F1 => "F1 of the object",
            Self::TwoChannelAp => "mAP, both channels",
            Self::ForegroundAp => "AP of the object",
            Self::LossBackground => "loss on the background, L_bg",
            Self::LossForeground => "loss on the object, L_fg",
            Self::Faithful(Curve::Positive) => "most relevant pixels first, area of accuracy (0 … 90)",
            Self::Faithful(Curve::Negative) => "least relevant pixels first, area of accuracy (0 … 90)",
            Self::Faithful(Curve::PositivePatches) => "most relevant patches first, area of accuracy",
            Self::Faithful(Curve::NegativePatches) => "least relevant patches first, area of accuracy",
            Self::Faithful(Curve::Deletion) => "deletion, area of the truth's probability",
            Self::Faithful(Curve::Insertion) => "insertion, area of the truth's probability",
            Self::SceneTop1(scene) => return format!("{}: top-1", scene.title()),
            Self::SceneAmongTop1(scene) => return format!("{}: top-1 among classes", scene.title()),
            Self::SceneProbability(scene) => return format!("{}: probability of the truth", scene.title()),
            Self::Reliance => "lost to another class's background: top-1",
            Self::AmongReliance => "lost to another class's background: among classes",
        };
        plain.to_owned()
    }

    pub fn group(self) -> Group {
        match self {
            Self::Top1
            | Self::Top5
            | Self::AmongTop1
            | Self::AmongTop5
            | Self::Confidence
            | Self::TruthProbability
            | Self::Calibration => Group::Classification,
            Self::SceneTop1(_)
            | Self::SceneAmongTop1(_)
            | Self::SceneProbability(_)
            | Self::Reliance
            | Self::AmongReliance => Group::Background,
            Self::Faithful(_) => Group::Faithfulness,
            _ => Group::Maps,
        }
    }

    pub fn better(self) -> Better {
        match self {
            Self::Calibration
            | Self::Reliance
            | Self::AmongReliance
            | Self::LossBackground
            | Self::LossForeground
            | Self::Faithful(Curve::Positive | Curve::PositivePatches | Curve::Deletion) => Better::Lower,
            // A model that knows a class by its background alone is no better for it, and no worse.
            Self::Confidence
            | Self::SceneTop1(Scene::BackgroundOnly)
            | Self::SceneAmongTop1(Scene::BackgroundOnly)
            | Self::SceneProbability(Scene::BackgroundOnly) => Better::Neither,
            _ => Better::Higher,
        }
    }

    /// Whether it is shown in per cent; the lift and areas up to 90 are plain numbers.
    pub fn is_share(self) -> bool {
        match self {
            Self::Lift | Self::LossBackground | Self::LossForeground => false,
            Self::Faithful(curve) => matches!(curve, Curve::Deletion | Curve::Insertion),
            _ => true,
        }
    }

    /// `67.5 %`, or a plain number.
    pub fn with_unit(self, value: f64) -> String {
        if self.is_share() { format!("{:.1} %", 100.0 * value) } else { self.bare(value) }
    }

    /// `67.5`, without its unit.
    pub fn bare(self, value: f64) -> String {
        match self {
            Self::LossBackground | Self::LossForeground => format!("{value:.4}"),
            _ if self.is_share() => format!("{:.1}", 100.0 * value),
            _ => format!("{value:.2}"),
        }
    }

    /// `+3.2` of a difference, with a minus as long as the plus.
    pub fn signed(self, value: f64) -> String {
        let digits = self.bare(value.abs());
        let is_zero = digits.chars().all(|c| c == '0' || c == '.');
        let sign = match value > 0.0 {
            _ if is_zero => "±",
            true => "+",
            false => "−",
        };
        format!("{sign}{digits}")
    }

    /// What a picture adds; `None` if it does not take part.
    pub fn of(self, judged: &Judged) -> Option<Sums> {
        match self.group() {
            Group::Classification => self.of_answer(judged.answer.as_ref()?),
            Group::Maps => self.of_map(judged.map.as_ref()?),
            Group::Faithfulness => self.of_faithfulness(&judged.faithfulness.as_ref()?.map),
            Group::Background => self.of_scenes(judged),
        }
    }

    fn of_answer(self, answer: &Answer) -> Option<Sums> {
        Some(match self {
            Self::Calibration => calibration_share(answer.confidence, answer.top_1),
            Self::Confidence => mean_of(f64::from(answer.confidence)),
            Self::TruthProbability => mean_of(f64::from(answer.truth_probability)),
            _ => mean_of(f64::from(u8::from(self.right(answer)?))),
        })
    }

    fn of_map(self, map: &AgainstMask) -> Option<Sums> {
        let scores = &map.scores;
        Some(match self {
            Self::Mass => mean_of(scores.mass),
            Self::Lift => sums([scores.mass, scores.area]),
            Self::Rank => mean_of(scores.rank),
            Self::Pointing => mean_of(scores.pointing),
            Self::PixelAccuracy | Self::MeanIou => sums(scores.mean.counts()),
            Self::MeanIouOtsu => sums(scores.otsu.counts()),
            Self::MeanIouTopArea => sums(scores.top_area.counts()),
            Self::MeanIouPerPicture => mean_of(scores.mean.mean_iou()),
            Self::ObjectIou => mean_of(scores.mean.iou()),
            Self::F1 => mean_of(scores.mean.f1()),
            Self::TwoChannelAp => mean_of(scores.two_channel_ap),
            Self::ForegroundAp => mean_of(scores.foreground_ap),
            Self::LossBackground => mean_of(map.loss_background),
            Self::LossForeground => mean_of(map.loss_foreground),
            _ => return None,
        })
    }

    fn of_faithfulness(self, scores: &FaithfulnessScores) -> Option<Sums> {
        let Self::Faithful(curve) = self else { return None };
        Some(mean_of(match curve {
            Curve::Positive => scores.positive,
            Curve::Negative => scores.negative,
            Curve::PositivePatches => scores.positive_patches,
            Curve::NegativePatches => scores.negative_patches,
            Curve::Deletion => scores.deletion,
            Curve::Insertion => scores.insertion,
        }))
    }

    fn of_baselines(self, judged: &Judged) -> Option<[Sums; 2]> {
        if self.group() == Group::Faithfulness {
            let of = judged.faithfulness.as_ref()?;
            return Some([self.of_faithfulness(&of.random)?, self.of_faithfulness(&of.centred)?]);
        }
        let of = judged.baselines.as_ref()?;
        Some([self.of_map(&of.random)?, self.of_map(&of.centred)?])
    }

    /// What the two baselines get: a random map, and a Gaussian in the middle.
    pub fn of_all_baselines(self, judged: &[&Judged]) -> [Option<f64>; 2] {
        let shares: Vec<[Sums; 2]> = judged.iter().filter_map(|judged| self.of_baselines(judged)).collect();
        [0, 1].map(|which| self.value(&total(shares.iter().map(|of| of[which]))))
    }

    fn of_scenes(self, judged: &Judged) -> Option<Sums> {
        let scene = |scene| judged.scenes.get(&scene);
        let right = |value: bool| f64::from(u8::from(value));
        Some(match self {
            Self::SceneTop1(of) => mean_of(right(scene(of)?.top_1)),
            Self::SceneAmongTop1(of) => mean_of(right(scene(of)?.among.top_1)),
            Self::SceneProbability(of) => mean_of(f64::from(scene(of)?.truth_probability)),
            Self::Reliance => mean_of(right(scene(Scene::Original)?.top_1) - right(scene(Scene::OtherClass)?.top_1)),
            Self::AmongReliance => {
                mean_of(right(scene(Scene::Original)?.among.top_1) - right(scene(Scene::OtherClass)?.among.top_1))
            }
            _ => return None,
        })
    }

    /// Whether a picture was answered rightly in the sense of this figure, for McNemar's test; `None` for figures that
    /// are no share of right answers.
    pub fn is_right(self, judged: &Judged) -> Option<bool> {
        match self {
            Self::SceneTop1(scene) => judged.scenes.get(&scene).map(|answer| answer.top_1),
            Self::SceneAmongTop1(scene) => judged.scenes.get(&scene).map(|answer| answer.among.top_1),
            _ => self.right(judged.answer.as_ref()?),
        }
    }

    fn right(self, answer: &Answer) -> Option<bool> {
        match self {
            Self::Top1 => Some(answer.top_1),
            Self::Top5 => Some(answer.top_5),
            Self::AmongTop1 => Some(answer.among.top_1),
            Self::AmongTop5 => Some(answer.among.top_5),
            _ => None,
        }
    }

    /// The figure; `None` if no picture took part.
    pub fn value(self, sums: &Sums) -> Option<f64> {
        let [a, b, c, d, ..] = *sums;
        let overlap = Overlap::from_counts([a, b, c, d]);
        match self {
            Self::Calibration => calibration_error(sums),
            Self::PixelAccuracy => (a + b + c + d > 0.0).then(|| overlap.pixel_accuracy()),
            Self::MeanIou | Self::MeanIouOtsu | Self::MeanIouTopArea => {
                (a + b + c + d > 0.0).then(|| overlap.mean_iou())
            }
            _ => (b > 0.0).then(|| a / b),
        }
    }
}

/// All pictures together.
pub fn total(shares: impl Iterator<Item = Sums>) -> Sums {
    let mut total = [0.0; SUMS];
    for share in shares {
        for (sum, share) in total.iter_mut().zip(share) {
            *sum += share;
        }
    }
    total
}

/// A figure that is the mean of one value per picture.
fn mean_of(value: f64) -> Sums {
    sums([value, 1.0])
}

fn sums<const N: usize>(values: [f64; N]) -> Sums {
    let mut sums = [0.0; SUMS];
    sums[..N].copy_from_slice(&values);
    sums
}

fn scene_key(scene: Scene) -> &'static str {
    match scene {
        Scene::Original => "background.original",
        Scene::ForegroundOnly => "background.foreground_only",
        Scene::BackgroundOnly => "background.background_only",
        Scene::SameClass => "background.same_class",
        Scene::OtherClass => "background.other_class",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_figure_has_its_own_name() {
        let all = Measure::all();
        let keys: HashSet<String> = all.iter().map(|measure| measure.key()).collect();
        let titles: HashSet<String> = all.iter().map(|measure| measure.title()).collect();
        assert_eq!((keys.len(), titles.len()), (all.len(), all.len()));
    }

    #[test]
    fn numbers_have_their_sign_and_unit() {
        assert_eq!(Measure::Top1.with_unit(0.675), "67.5 %");
        assert_eq!(Measure::Top1.signed(0.0321), "+3.2");
        assert_eq!(Measure::Top1.signed(-0.0321), "−3.2");
        assert_eq!(Measure::Top1.signed(-0.0001), "±0.0");
        assert_eq!(Measure::Lift.signed(0.5), "+0.50");
        assert_eq!(Measure::Lift.with_unit(2.0), "2.00");
    }

    #[test]
    fn without_pictures_there_is_no_value() {
        for measure in Measure::all() {
            assert_eq!(measure.value(&[0.0; SUMS]), None, "{measure:?}");
        }
    }
}
