//! Methods that change the picture and watch y, the value of the objective itself: logit, difference of two logits,
//! or probability, whichever was chosen. What is hidden becomes 0, the grey of the normalised picture.

use crate::size::Size;
use crate::vit::Objective;

use super::random::Random;
use super::session::Session;
use super::{Explanation, MethodOptions, RelevanceError, RelevanceMap};

/// Signed: the mean fall of y over all windows that cover a patch. Map: its positive part.
pub(super) fn occlusion(session: &mut Session<'_>) -> Result<Vec<Explanation>, RelevanceError> {
    let MethodOptions { window, stride, .. } = *session.options;
    match (window, stride) {
        (0, _) => return Err(RelevanceError::Zero("window")),
        (_, 0) => return Err(RelevanceError::Zero("stride")),
        _ if stride > window => return Err(RelevanceError::Gaps { stride, window }),
        _ => {}
    }
    let (grid, patch, size) = (session.grid(), session.engine.config().patch, session.pixels.size);
    let windows = windows(grid, window, stride);
    session.announce(1 + windows.len());
    let mut explanations = Vec::with_capacity(session.pixels.count);
    for (index, logits) in session.classify_each()?.into_iter().enumerate() {
        let objective = (session.objective)(index, &logits);
        let clear = objective.value(&logits)?;
        let scores = scores(session, index, windows.len(), objective, |picture, item| {
            hide(picture, size, patch, &windows[item]);
        })?;
        let mut falls = vec![0.0; grid.area()];
        let mut covers = vec![0_u32; grid.area()];
        for (window, score) in windows.iter().zip(&scores) {
            for cell in window.cells(grid) {
                falls[cell] += clear - score;
                covers[cell] += 1;
            }
        }
        let signed: Vec<f32> = falls.iter().zip(&covers).map(|(fall, &n)| (fall / f64::from(n)) as f32).collect();
        let values = signed.iter().map(|fall| fall.max(0.0)).collect();
        explanations.push(explanation(logits, grid, values, signed));
    }
    Ok(explanations)
}

/// Signed: mean y while a patch is visible, minus mean y. Map: the same, lifted to begin at 0.
///
/// The weights of a patch are divided by their sum instead of their expectation, which the paper does: then adding
/// a constant to y changes nothing, and logits serve as well as probabilities.
pub(super) fn rise(session: &mut Session<'_>) -> Result<Vec<Explanation>, RelevanceError> {
    let MethodOptions { masks, cells, visible, seed, .. } = *session.options;
    match (masks, cells) {
        (0, _) => return Err(RelevanceError::Zero("number of masks")),
        (_, 0) => return Err(RelevanceError::Zero("number of mask cells")),
        _ if !(0.0..=1.0).contains(&visible) => {
            return Err(RelevanceError::Share { name: "probability that a cell is visible", value: visible });
        }
        _ => {}
    }
    let (grid, patch, size) = (session.grid(), session.engine.config().patch, session.pixels.size);
    let masks: Vec<Mask> = (0..masks).map(|item| Mask::draw(seed, item, size, cells, visible)).collect();
    let weights: Vec<Vec<f64>> = masks.iter().map(|mask| mask.mean_over_patches(grid, patch, size)).collect();
    session.announce(1 + masks.len());
    let mut explanations = Vec::with_capacity(session.pixels.count);
    for (index, logits) in session.classify_each()?.into_iter().enumerate() {
        let objective = (session.objective)(index, &logits);
        let scores = scores(session, index, masks.len(), objective, |picture, item| {
            let mask = masks[item].pixels(size);
            for channel in picture.chunks_exact_mut(size.area()) {
                channel.iter_mut().zip(&mask).for_each(|(value, visibility)| *value *= visibility);
            }
        })?;
        let signed = mean_while_visible(&weights, &scores, grid);
        let least = signed.iter().copied().fold(f32::INFINITY, f32::min);
        let values = signed.iter().map(|value| value - least).collect();
        explanations.push(explanation(logits, grid, values, signed));
    }
    Ok(explanations)
}

fn explanation(logits: Vec<f32>, grid: Size, values: Vec<f32>, signed: Vec<f32>) -> Explanation {
    let signed = Some(RelevanceMap { grid, values: signed });
    Explanation { logits, map: RelevanceMap { grid, values }, signed }
}

/// y of `count` changed copies of one picture.
fn scores(
    session: &mut Session<'_>,
    index: usize,
    count: usize,
    objective: Objective,
    change: impl Fn(&mut [f32], usize),
) -> Result<Vec<f64>, RelevanceError> {
    let engine = session.engine;
    let mut scores = Vec::with_capacity(count);
    let make = |session: &Session<'_>, item| {
        let mut picture = session.picture(index).to_vec();
        change(&mut picture, item);
        picture
    };
    session.in_batches(count, make, |_, batch| {
        for logits in engine.classify(batch)? {
            scores.push(objective.value(&logits)?);
        }
        Ok(())
    })?;
    Ok(scores)
}

/// A rectangle of patches: from `top`, `left` up to but not including `bottom`, `right`.
struct Window {
    top: usize,
    left: usize,
    bottom: usize,
    right: usize,
}

impl Window {
    fn cells(&self, grid: Size) -> impl Iterator<Item = usize> {
        (self.top..self.bottom).flat_map(move |y| (self.left..self.right).map(move |x| y * grid.width + x))
    }
}

/// Row by row; windows that reach over the border are cut there.
fn windows(grid: Size, side: usize, stride: usize) -> Vec<Window> {
    let columns = |top: usize| {
        (0..grid.width).step_by(stride).map(move |left| Window {
            top,
            left,
            bottom: grid.height.min(top.saturating_add(side)),
            right: grid.width.min(left.saturating_add(side)),
        })
    };
    (0..grid.height).step_by(stride).flat_map(columns).collect()
}

fn hide(picture: &mut [f32], size: Size, patch: Size, window: &Window) {
    let columns = window.left * patch.width..window.right * patch.width;
    for channel in picture.chunks_exact_mut(size.area()) {
        for y in window.top * patch.height..window.bottom * patch.height {
            channel[y * size.width..][columns.clone()].fill(0.0);
        }
    }
}

/// A coarse random grid, enlarged to a little more than the picture and shifted (RISE, section 3.2).
struct Mask {
    /// Row-major, `cells · cells`.
    visible: Vec<bool>,
    cells: usize,
    /// In pixels.
    shift: Size,
}

impl Mask {
    fn draw(seed: u64, item: usize, size: Size, cells: usize, probability: f64) -> Self {
        let mut random = Random::of_item(seed, item);
        let visible = (0..cells * cells).map(|_| random.uniform() < probability).collect();
        let mut below = |bound: usize| (random.uniform() * bound as f64) as usize;
        let shift = Size::new(below(size.height.div_ceil(cells)), below(size.width.div_ceil(cells)));
        Self { visible, cells, shift }
    }

    /// Visibility of every pixel, 0…1.
    fn pixels(&self, size: Size) -> Vec<f32> {
        let columns = self.taps(size.width, self.shift.width);
        let at = |y: usize, x: usize| f32::from(u8::from(self.visible[y * self.cells + x]));
        let mut pixels = Vec::with_capacity(size.area());
        for (y, next_y, down) in self.taps(size.height, self.shift.height) {
            for &(x, next_x, right) in &columns {
                let above = at(y, x) * (1.0 - right) + at(y, next_x) * right;
                let below = at(next_y, x) * (1.0 - right) + at(next_y, next_x) * right;
                pixels.push(above * (1.0 - down) + below * down);
            }
        }
        pixels
    }

    /// For every pixel of an axis the two cells it lies between and the share of the second; the whole grid
    /// spans one cell's width more than the picture, which leaves room for the shift.
    fn taps(&self, pixels: usize, shift: usize) -> Vec<(usize, usize, f32)> {
        let span = (self.cells + 1) * pixels.div_ceil(self.cells);
        let tap = |pixel: usize| {
            let position = ((pixel + shift) as f32 + 0.5) * self.cells as f32 / span as f32 - 0.5;
            let position = position.clamp(0.0, (self.cells - 1) as f32);
            let cell = position as usize;
            (cell, (cell + 1).min(self.cells - 1), position - cell as f32)
        };
        (0..pixels).map(tap).collect()
    }

    fn mean_over_patches(&self, grid: Size, patch: Size, size: Size) -> Vec<f64> {
        let mut means = vec![0.0; grid.area()];
        for (y, row) in self.pixels(size).chunks_exact(size.width).take(grid.height * patch.height).enumerate() {
            for (x, visibility) in row[..grid.width * patch.width].iter().enumerate() {
                means[y / patch.height * grid.width + x / patch.width] += f64::from(*visibility) / patch.area() as f64;
            }
        }
        means
    }
}

/// A patch that no mask shows gets 0, like one that does not matter.
fn mean_while_visible(weights: &[Vec<f64>], scores: &[f64], grid: Size) -> Vec<f32> {
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    let of_patch = |patch: usize| {
        let (sum, weight) = weights.iter().zip(scores).fold((0.0, 0.0), |(sum, total), (weights, score)| {
            (sum + weights[patch] * (score - mean), total + weights[patch])
        });
        if weight > 0.0 { (sum / weight) as f32 } else { 0.0 }
    };
    (0..grid.area()).map(of_patch).collect()
}
