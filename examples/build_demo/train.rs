//! Ordinary supervised training: cross entropy, AdamW, warm-up and cosine, flips and shifts.

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use rayon::prelude::*;

use crate::dataset::Dataset;
use crate::dice::Dice;
use crate::model::{GRID, IMAGE_SIZE, PATCH_LENGTH, PATCH_SIZE, Vit};

/// A batch is split into shards of this many pictures, each on one thread. Fixed, so that sums come
/// in the same order on every machine.
const SHARD: usize = 16;
/// Pictures are stored a little larger than the model's input, for random shifts.
pub const SHIFT: usize = 8;

/// How to train.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub seed: u64,
    pub steps: usize,
    pub batch: usize,
    pub learning_rate: f64,
    pub weight_decay: f64,
    /// Share of the patches shown during the first part of the training.
    pub early_patches: f64,
    /// How long that part is, as a share of all steps.
    pub early_share: f64,
}

/// Trains in place; `report` hears of every step.
pub fn train(
    vit: &Vit,
    data: &Dataset,
    recipe: &Recipe,
    mut report: impl FnMut(usize, f64) -> Result<()>,
) -> Result<()> {
    let weights: Vec<Var> = vit.weights().values().cloned().collect();
    let settings = ParamsAdamW { lr: 0.0, weight_decay: recipe.weight_decay, beta2: 0.99, ..ParamsAdamW::default() };
    let mut optimiser = AdamW::new(weights.clone(), settings)?;
    let mut order = Order::new(data.len(), recipe.seed);
    for step in 0..recipe.steps {
        let done = step as f64 / recipe.steps as f64;
        let picked = order.next(recipe.batch);
        let shown = if done < recipe.early_share { recipe.early_patches } else { 1.0 };
        let shards = picked.par_chunks(SHARD).enumerate().map(|(shard, picked)| {
            let mut dice = Dice::new(recipe.seed ^ ((step * recipe.batch + shard) as u64) << 20);
            gradients(vit, &weights, data, picked, shown, &mut dice)
        });
        let mut shards = shards.collect::<Result<Vec<_>>>()?;
        let mean = 1.0 / shards.len() as f64;
        let loss = shards.iter().map(|shard| shard.loss).sum::<f64>() * mean;
        optimiser.set_learning_rate(recipe.learning_rate * schedule(done));
        apply(&mut optimiser, &weights, &mut shards, mean)?;
        report(step, loss)?;
    }
    Ok(())
}

/// Linear warm-up over a twentieth, then a half cosine down to one hundredth.
fn schedule(done: f64) -> f64 {
    const WARM_UP: f64 = 0.05;
    if done < WARM_UP {
        return (done + 1e-3) / WARM_UP;
    }
    let fall = (done - WARM_UP) / (1.0 - WARM_UP);
    0.01 + 0.99 * 0.5 * (1.0 + (std::f64::consts::PI * fall).cos())
}

struct Shard {
    loss: f64,
    gradients: Vec<Tensor>,
    store: candle_core::backprop::GradStore,
}

fn gradients(
    vit: &Vit,
    weights: &[Var],
    data: &Dataset,
    picked: &[usize],
    shown: f64,
    dice: &mut Dice,
) -> Result<Shard> {
    let positions = positions(shown, dice);
    let mut patches = Vec::with_capacity(picked.len() * positions.len() * PATCH_LENGTH);
    for &index in picked {
        let view = View::random(dice, data.side - IMAGE_SIZE);
        view.patches(&data.pictures[index], data.side, &positions, &mut patches);
    }
    let labels: Vec<u32> = picked.iter().map(|&index| data.classes[index] as u32).collect();
    let logits = vit.logits(&tensor(patches, positions.len())?, &position_tensor(&positions)?)?;
    let loss = candle_nn::loss::cross_entropy(&logits, &Tensor::new(labels, &Device::Cpu)?)?;
    let mut store = loss.backward()?;
    let take = |weight: &Var| store.remove(weight).context("a weight got no gradient");
    let gradients = weights.iter().map(take).collect::<Result<Vec<_>>>()?;
    Ok(Shard { loss: f64::from(loss.to_scalar::<f32>()?), gradients, store })
}

/// Averages the shards' gradients, limits their norm to 1 and takes an optimiser's step.
fn apply(optimiser: &mut AdamW, weights: &[Var], shards: &mut Vec<Shard>, mean: f64) -> Result<()> {
    let Some(mut total) = shards.pop() else { return Ok(()) };
    let sums = (0..weights.len()).into_par_iter().map(|index| {
        let mut sum = total.gradients[index].contiguous()?;
        for shard in shards.iter() {
            sum = (sum + &shard.gradients[index])?;
        }
        let square = f64::from(sum.sqr()?.sum_all()?.to_scalar::<f32>()?);
        Ok((sum, square))
    });
    let sums = sums.collect::<Result<Vec<_>>>()?;
    let norm = mean * sums.iter().map(|(_, square)| square).sum::<f64>().sqrt();
    let scale = mean / norm.max(1.0);
    for (weight, (sum, _)) in weights.iter().zip(sums) {
        total.store.insert(weight, (sum * scale)?);
    }
    optimiser.step(&total.store)?;
    Ok(())
}

/// Numbers of the patches to show: all, or a sorted random part.
fn positions(shown: f64, dice: &mut Dice) -> Vec<u32> {
    let count = GRID * GRID;
    let mut all: Vec<u32> = (0..count as u32).collect();
    let keep = (shown * count as f64).round() as usize;
    if keep < count {
        for place in 0..keep {
            all.swap(place, place + dice.below(count - place));
        }
        all.truncate(keep);
        all.sort_unstable();
    }
    all
}

fn tensor(patches: Vec<f32>, positions: usize) -> Result<Tensor> {
    let batch = patches.len() / (positions * PATCH_LENGTH);
    Ok(Tensor::from_vec(patches, (batch, positions, PATCH_LENGTH), &Device::Cpu)?)
}

fn position_tensor(positions: &[u32]) -> Result<Tensor> {
    Ok(Tensor::new(positions, &Device::Cpu)?)
}

/// How a stored picture becomes an input: shift, flip, contrast and brightness.
struct View {
    left: usize,
    top: usize,
    mirrored: bool,
    gain: f32,
    lift: f32,
}

impl View {
    fn random(dice: &mut Dice, room: usize) -> Self {
        Self {
            left: dice.below(room + 1),
            top: dice.below(room + 1),
            mirrored: dice.chance(0.5),
            gain: dice.range(0.85, 1.15),
            lift: dice.around(0.0, 0.1),
        }
    }

    fn plain() -> Self {
        Self { left: 0, top: 0, mirrored: false, gain: 1.0, lift: 0.0 }
    }

    /// Appends the patches at the positions, each as channel, row, column; mean and deviation 0.5.
    fn patches(&self, picture: &[u8], side: usize, positions: &[u32], out: &mut Vec<f32>) {
        for &position in positions {
            let (grid_row, grid_column) = (position as usize / GRID, position as usize % GRID);
            for channel in 0..3 {
                for row in 0..PATCH_SIZE {
                    let y = self.top + grid_row * PATCH_SIZE + row;
                    for column in 0..PATCH_SIZE {
                        let x = grid_column * PATCH_SIZE + column;
                        let x = self.left + if self.mirrored { IMAGE_SIZE - 1 - x } else { x };
                        let value = f32::from(picture[(y * side + x) * 3 + channel]) / 127.5 - 1.0;
                        out.push(self.gain * value + self.lift);
                    }
                }
            }
        }
    }
}

/// Class predicted for each picture, which must have the model's input size.
pub fn predict(vit: &Vit, data: &Dataset) -> Result<Vec<usize>> {
    let positions = positions(1.0, &mut Dice::new(0));
    let shards = data.pictures.par_chunks(2 * SHARD).map(|pictures| {
        let mut patches = Vec::new();
        for picture in pictures {
            View::plain().patches(picture, data.side, &positions, &mut patches);
        }
        let logits = vit.logits(&tensor(patches, positions.len())?, &position_tensor(&positions)?)?.detach();
        Ok(logits.argmax(1)?.to_vec1::<u32>()?.into_iter().map(|class| class as usize).collect::<Vec<_>>())
    });
    Ok(shards.collect::<Result<Vec<_>>>()?.concat())
}

/// Share of correct predictions.
pub fn accuracy(vit: &Vit, data: &Dataset) -> Result<f64> {
    let correct = predict(vit, data)?.iter().zip(&data.classes).filter(|(a, b)| a == b).count();
    Ok(correct as f64 / data.len() as f64)
}

/// Every picture once per epoch, in an order of its own.
struct Order {
    places: Vec<usize>,
    next: usize,
    dice: Dice,
}

impl Order {
    fn new(count: usize, seed: u64) -> Self {
        Self { places: (0..count).collect(), next: count, dice: Dice::new(seed) }
    }

    fn next(&mut self, batch: usize) -> Vec<usize> {
        if self.next + batch > self.places.len() {
            for last in (1..self.places.len()).rev() {
                self.places.swap(last, self.dice.below(last + 1));
            }
            self.next = 0;
        }
        self.next += batch;
        self.places[self.next - batch..self.next].to_vec()
    }
}
