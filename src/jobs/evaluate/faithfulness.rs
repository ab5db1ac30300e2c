//! Perturbation, deletion and insertion of one picture by one model.

use serde::Serialize;

use crate::eval::faithfulness::{
    First, SHARES, blurred, order_of_patches, order_of_pixels, perturbation_area, pixels_of_share, unit_area,
    with_pixels_of,
};
use crate::eval::{centred_map, random_map};
use crate::image::Preparation;
use crate::jobs::model::LoadedModel;
use crate::relevance::RelevanceMap;
use crate::vit::{Batch, argmax, softmax};

use super::dataset::Labelled;
use super::judge::{JudgeError, OnPass};

/// Pictures sent through the model at once.
const BATCH: usize = 8;

/// The areas of one picture in the order of one map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FaithfulnessScores {
    /// 0…90, lower is better: the most relevant pixels turn black first.
    pub positive: f64,
    /// 0…90, higher is better: the least relevant turn black first.
    pub negative: f64,
    /// The same in whole patches.
    pub positive_patches: f64,
    pub negative_patches: f64,
    /// 0…1, lower is better: probability of the truth as relevant pixels take the mean colour.
    pub deletion: f64,
    /// 0…1, higher is better: as relevant pixels come back into a blurred picture.
    pub insertion: f64,
}

/// The map and the two that never saw the picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FaithfulnessOfAll {
    pub map: FaithfulnessScores,
    pub random: FaithfulnessScores,
    pub centred: FaithfulnessScores,
}

/// What changed pictures are made of.
pub struct Faithfulness<'a> {
    pub model: &'a LoadedModel,
    pub preparation: &'a Preparation,
    /// `[channels, height, width]`
    pub input: &'a [f32],
}

impl Faithfulness<'_> {
    /// A flat map counts as chance: it takes the random map's order. `seed`: of the random map, and the picture's place.
    ///
    /// # Errors
    /// If the device fails or the work is cancelled.
    pub fn of_all(
        &self,
        map: &RelevanceMap,
        labelled: &Labelled,
        (seed, index): (u64, usize),
        on_pass: &mut OnPass<'_>,
    ) -> Result<FaithfulnessOfAll, JudgeError> {
        let random = self.of(&random_map(map.grid, seed, index), labelled, on_pass)?;
        Ok(FaithfulnessOfAll {
            map: if map.is_flat() { random } else { self.of(map, labelled, on_pass)? },
            random,
            centred: self.of(&centred_map(map.grid), labelled, on_pass)?,
        })
    }

    fn of(
        &self,
        map: &RelevanceMap,
        labelled: &Labelled,
        on_pass: &mut OnPass<'_>,
    ) -> Result<FaithfulnessScores, JudgeError> {
        let patch = self.model.engine.config().patch;
        let by_pixel = |first| order_of_pixels(map, patch, first);
        let by_patch = |first| order_of_patches(map, patch, first);
        let width = map.grid.width * patch.width;
        let mut perturb = |order: &[u32], unit| self.perturb(order, unit, width, labelled, on_pass);
        let positive = perturb(&by_pixel(First::Most), 1)?;
        let negative = perturb(&by_pixel(First::Least), 1)?;
        let positive_patches = perturb(&by_patch(First::Most), patch.area())?;
        let negative_patches = perturb(&by_patch(First::Least), patch.area())?;

        let order = by_pixel(First::Most);
        let step = width * patch.height;
        let mean_colour = vec![0.0; self.input.len()];
        let deletion = self.curve(self.input, &mean_colour, &order, (step, width), labelled, on_pass)?;
        let blurred = blurred(self.input, self.preparation.input);
        let insertion = self.curve(&blurred, self.input, &order, (step, width), labelled, on_pass)?;
        Ok(FaithfulnessScores { positive, negative, positive_patches, negative_patches, deletion, insertion })
    }

    /// Turns shares of the pixels black.
    fn perturb(
        &self,
        order: &[u32],
        unit: usize,
        width: usize,
        labelled: &Labelled,
        on_pass: &mut OnPass<'_>,
    ) -> Result<f64, JudgeError> {
        let black = self.black();
        let size = self.preparation.input;
        let counts = std::iter::once(0.0).chain(SHARES).map(|share| pixels_of_share(share, order.len(), unit));
        let pictures: Vec<Vec<f32>> =
            counts.map(|count| with_pixels_of(self.input, size, &black, order, count, width)).collect();
        let mut right = [false; SHARES.len() + 1];
        for (right, logits) in right.iter_mut().zip(self.classify(&pictures, on_pass)?) {
            *right = labelled.truth.contains(&argmax(&logits));
        }
        Ok(perturbation_area(&right))
    }

    /// Probability of the truth from `from` to `to` in steps.
    fn curve(
        &self,
        from: &[f32],
        to: &[f32],
        order: &[u32],
        (step, width): (usize, usize),
        labelled: &Labelled,
        on_pass: &mut OnPass<'_>,
    ) -> Result<f64, JudgeError> {
        let size = self.preparation.input;
        let steps = order.len().div_ceil(step);
        let pictures: Vec<Vec<f32>> =
            (0..=steps).map(|at| with_pixels_of(from, size, to, order, at * step, width)).collect();
        let probability = |logits: Vec<f32>| {
            let probabilities = softmax(&logits);
            labelled.truth.iter().map(|&class| f64::from(probabilities[class])).sum()
        };
        let curve: Vec<f64> = self.classify(&pictures, on_pass)?.into_iter().map(probability).collect();
        Ok(unit_area(&curve))
    }

    /// 0 of 0…1 in every channel, as the model sees it.
    fn black(&self) -> Vec<f32> {
        let Preparation { mean, std, input, .. } = self.preparation;
        mean.iter().zip(std).flat_map(|(mean, std)| std::iter::repeat_n(-mean / std, input.area())).collect()
    }

    fn classify(&self, pictures: &[Vec<f32>], on_pass: &mut OnPass<'_>) -> Result<Vec<Vec<f32>>, JudgeError> {
        let mut logits = Vec::with_capacity(pictures.len());
        for pictures in pictures.chunks(BATCH) {
            let batch = Batch { pixels: pictures.concat(), count: pictures.len(), size: self.preparation.input };
            logits.extend(self.model.engine.classify(&batch)?);
            if on_pass().is_break() {
                return Err(JudgeError::Cancelled);
            }
        }
        Ok(logits)
    }
}
