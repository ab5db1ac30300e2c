//! Methods that read ∂y/∂x: plain, times the input, integrated, smoothed.
//!
//! On the patch grid the map is Σ|g| and the signed map Σg, over the channels and the pixels of a patch.

use std::ops::ControlFlow;

use crate::size::Size;
use crate::vit::{Batch, Engine, TraceOptions};

use super::random::Random;
use super::session::{ObjectiveOf, Session};
use super::{Explanation, MethodOptions, RelevanceError, RelevanceMap};

/// What a gradient method found in one picture, before it is reduced to patches.
pub(super) struct PixelGradient {
    logits: Vec<f32>,
    /// `[channels, height, width]`
    values: Vec<f32>,
}

/// ∂y/∂x per picture, `[channels, height, width]` each.
///
/// # Errors
/// If the pictures or the objective do not fit the model, or the device fails.
pub fn input_gradient(
    engine: &dyn Engine,
    pixels: &Batch,
    objective: &ObjectiveOf<'_>,
) -> Result<Vec<Vec<f32>>, RelevanceError> {
    per_pixel(engine, pixels, objective, &MethodOptions::default(), plain)
}

/// x ⊙ ∂y/∂x per picture, `[channels, height, width]` each.
///
/// # Errors
/// See [`input_gradient`].
pub fn gradient_x_input(
    engine: &dyn Engine,
    pixels: &Batch,
    objective: &ObjectiveOf<'_>,
) -> Result<Vec<Vec<f32>>, RelevanceError> {
    per_pixel(engine, pixels, objective, &MethodOptions::default(), times_input)
}

/// Integrated gradients from the zero tensor by the midpoint rule, `[channels, height, width]` each.
///
/// # Errors
/// See [`input_gradient`]; also for 0 steps.
pub fn integrated_gradients(
    engine: &dyn Engine,
    pixels: &Batch,
    objective: &ObjectiveOf<'_>,
    steps: usize,
) -> Result<Vec<Vec<f32>>, RelevanceError> {
    let options = MethodOptions { steps, ..MethodOptions::default() };
    per_pixel(engine, pixels, objective, &options, integrated)
}

fn per_pixel(
    engine: &dyn Engine,
    pixels: &Batch,
    objective: &ObjectiveOf<'_>,
    options: &MethodOptions,
    method: impl Fn(&mut Session<'_>) -> Result<Vec<PixelGradient>, RelevanceError>,
) -> Result<Vec<Vec<f32>>, RelevanceError> {
    let mut never_stop = |_| ControlFlow::Continue(());
    let mut session = Session::new(engine, pixels, objective, options, &mut never_stop)?;
    Ok(method(&mut session)?.into_iter().map(|gradient| gradient.values).collect())
}

fn only_input_gradient() -> TraceOptions {
    TraceOptions { input_gradient: true, ..TraceOptions::default() }
}

pub(super) fn plain(session: &mut Session<'_>) -> Result<Vec<PixelGradient>, RelevanceError> {
    session.announce(1);
    session.trace_each(&only_input_gradient(), |_, trace| PixelGradient {
        logits: trace.logits,
        values: trace.input_gradient,
    })
}

pub(super) fn times_input(session: &mut Session<'_>) -> Result<Vec<PixelGradient>, RelevanceError> {
    let mut gradients = plain(session)?;
    for (index, gradient) in gradients.iter_mut().enumerate() {
        multiply(&mut gradient.values, session.picture(index));
    }
    Ok(gradients)
}

/// The mean gradient at the middles of equal steps from 0 to x, times x − 0.
pub(super) fn integrated(session: &mut Session<'_>) -> Result<Vec<PixelGradient>, RelevanceError> {
    let steps = session.options.steps;
    if steps == 0 {
        return Err(RelevanceError::Zero("number of steps"));
    }
    let mut gradients = mean_gradients(session, steps, |picture, step| {
        let share = (step as f32 + 0.5) / steps as f32;
        picture.iter().map(|value| share * value).collect()
    })?;
    for (index, gradient) in gradients.iter_mut().enumerate() {
        multiply(&mut gradient.values, session.picture(index));
    }
    Ok(gradients)
}

/// Every picture meets the same noise, so a map does not depend on the pictures beside it.
pub(super) fn smooth(session: &mut Session<'_>) -> Result<Vec<PixelGradient>, RelevanceError> {
    let MethodOptions { samples, noise, seed, .. } = *session.options;
    if samples == 0 {
        return Err(RelevanceError::Zero("number of samples"));
    }
    mean_gradients(session, samples, |picture, sample| {
        let (min, max) = picture.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
        let deviation = noise * (max - min);
        let mut random = Random::of_item(seed, sample);
        picture.iter().map(|value| value + deviation * random.normal() as f32).collect()
    })
}

/// The mean of ∂y/∂x over `count` variants of each picture; y is chosen from the picture itself.
fn mean_gradients(
    session: &mut Session<'_>,
    count: usize,
    variant: impl Fn(&[f32], usize) -> Vec<f32>,
) -> Result<Vec<PixelGradient>, RelevanceError> {
    session.announce(1 + count);
    let mut gradients = Vec::with_capacity(session.pixels.count);
    for (index, logits) in session.classify_each()?.into_iter().enumerate() {
        let objective = (session.objective)(index, &logits);
        let (engine, picture) = (session.engine, session.picture(index));
        let mut mean = vec![0.0; picture.len()];
        session.in_batches(
            count,
            |_, item| variant(picture, item),
            |_, batch| {
                for trace in engine.trace(batch, &|_, _| objective, &only_input_gradient())? {
                    mean.iter_mut().zip(trace.input_gradient).for_each(|(sum, g)| *sum += g / count as f32);
                }
                Ok(())
            },
        )?;
        gradients.push(PixelGradient { logits, values: mean });
    }
    Ok(gradients)
}

fn multiply(values: &mut [f32], factors: &[f32]) {
    values.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
}

/// Reduces to the patch grid. Pixels beyond the last whole patch have no gradient.
pub(super) fn on_patches(session: &Session<'_>, gradients: Vec<PixelGradient>) -> Vec<Explanation> {
    let (grid, patch, size) = (session.grid(), session.engine.config().patch, session.pixels.size);
    let explain = |PixelGradient { logits, values }: PixelGradient| {
        let map = RelevanceMap { grid, values: sum_over_patches(&values, size, patch, grid, f32::abs) };
        let signed = RelevanceMap { grid, values: sum_over_patches(&values, size, patch, grid, |value| value) };
        Explanation { logits, map, signed: Some(signed) }
    };
    gradients.into_iter().map(explain).collect()
}

fn sum_over_patches(values: &[f32], size: Size, patch: Size, grid: Size, term: impl Fn(f32) -> f32) -> Vec<f32> {
    let mut sums = vec![0.0; grid.area()];
    for channel in values.chunks_exact(size.area()) {
        for (y, row) in channel.chunks_exact(size.width).take(grid.height * patch.height).enumerate() {
            for (x, value) in row[..grid.width * patch.width].iter().enumerate() {
                sums[y / patch.height * grid.width + x / patch.width] += term(*value);
            }
        }
    }
    sums
}
