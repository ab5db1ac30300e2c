//! A mask from where the model looks: a threshold on its relevance map.

use std::ops::ControlFlow;
use std::path::Path;

use crate::image::{self, Picture};
use crate::jobs::explain::{Target, check_head};
use crate::jobs::model::LoadedModel;
use crate::mask::{MaskFile, PatchMap, Quality, Review, border_contact};
use crate::relevance::{self, MethodOptions, Progress};
use crate::vit::{Batch, Objective, argmax};

use super::workbench::AutoMask;
use super::{AutoMaskError, RelevanceOptions, record};

/// # Errors
/// If the model has no such class or no head, the map is flat, the work is cancelled or the device fails.
pub fn relevance_mask(
    model: &LoadedModel,
    picture: &Picture,
    image: &Path,
    options: &RelevanceOptions,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<AutoMask, AutoMaskError> {
    let config = model.engine.config();
    check_head(config, options.method)?;
    let target = match &options.target {
        Target::Predicted => None,
        Target::Class(name) => Some(model.classes.find(name)?),
    };
    let prepared = image::prepare(picture, &model.preparation(options.profile))?;
    let batch = Batch { pixels: prepared.input.clone(), count: 1, size: prepared.size };
    let class_of = |logits: &[f32]| target.unwrap_or_else(|| argmax(logits));
    let objective = |_: usize, logits: &[f32]| Objective::Logit(class_of(logits));
    let methods = MethodOptions::default();
    let explanation =
        relevance::explain(&*model.engine, &batch, &objective, options.method, &methods, progress)?.swap_remove(0);

    let map = &explanation.map;
    let threshold = options.rule.threshold(&map.upsample(config.patch)).ok_or(AutoMaskError::Flat)?;
    let patches = PatchMap { values: &map.values, grid: map.grid, patch: config.patch, framing: &prepared.framing };
    let mask = patches.above(threshold);
    let quality =
        Quality { eigengap: None, area: mask.area(), border_contact: border_contact(&mask), iou_refined: None };
    let class = match explanation.logits.is_empty() {
        true => String::new(),
        false => format!(" of «{}»", model.classes.short_name(class_of(&explanation.logits))),
    };
    let method = options.method;
    let words = format!("relevance above {}, {method}{class}; circular: not independent evidence", options.rule);
    // What it is good for, only a person can say.
    let record = record(image.to_owned(), words, quality, Review::NeedsReview);
    Ok(AutoMask { coarse: mask.clone(), file: MaskFile { mask, record }, found: None })
}
