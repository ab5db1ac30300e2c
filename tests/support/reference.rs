//! A Vision Transformer and the loss on relevance once more, as plain loops in double precision over named weights:
//! slow, obvious, and exact enough for central differences.

use std::collections::BTreeMap;

use vitrine::finetune::{StepConfig, TrainBatch};
use vitrine::vit::weights::Tensor;
use vitrine::vit::{Pooling, VitConfig};

/// Rows of equal length.
type Rows = Vec<Vec<f64>>;

pub struct Reference {
    pub config: VitConfig,
    pub weights: BTreeMap<String, Vec<f64>>,
}

/// What one picture left behind.
struct Seen {
    logits: Vec<f64>,
    /// Per block `[h·N·N]`.
    attention: Rows,
}

impl Reference {
    pub fn new(config: &VitConfig, tensors: &BTreeMap<String, Tensor>) -> Self {
        let double = |tensor: &Tensor| tensor.data.iter().map(|&x| f64::from(x)).collect();
        let weights = tensors.iter().map(|(name, tensor)| (name.clone(), double(tensor))).collect();
        Self { config: config.clone(), weights }
    }

    /// L of a batch with G held fixed: `gradients[picture][block]` is `[h·N·N]`.
    pub fn loss(&self, batch: &TrainBatch, config: &StepConfig, gradients: &[Vec<Vec<f32>>]) -> f64 {
        let count = batch.pictures.count;
        let picture = batch.pictures.pixels.len() / count;
        let area = batch.pictures.size.area();
        (0..count)
            .map(|i| {
                let seen = self.see(&batch.pictures.pixels[i * picture..][..picture]);
                let relevance = self.relevance(&seen.attention, &gradients[i]);
                let mask = &batch.masks[i * area..][..area];
                (self.mask_terms(&relevance, mask, config) + classification(&seen.logits, config)) / count as f64
            })
            .sum()
    }

    fn linear(&self, x: &Rows, name: &str) -> Rows {
        let (weight, bias) = (&self.weights[&format!("{name}.weight")], &self.weights[&format!("{name}.bias")]);
        let dot = |row: &[f64], w: &[f64]| row.iter().zip(w).map(|(a, b)| a * b).sum::<f64>();
        x.iter().map(|row| weight.chunks(row.len()).zip(bias).map(|(w, b)| dot(row, w) + b).collect()).collect()
    }

    fn norm(&self, x: &Rows, name: &str) -> Rows {
        let (gamma, beta) = (&self.weights[&format!("{name}.weight")], &self.weights[&format!("{name}.bias")]);
        let row = |row: &Vec<f64>| {
            let n = row.len() as f64;
            let mean = row.iter().sum::<f64>() / n;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            let std = (variance + f64::from(self.config.norm_eps)).sqrt();
            row.iter().zip(gamma).zip(beta).map(|((x, g), b)| (x - mean) / std * g + b).collect()
        };
        x.iter().map(row).collect()
    }

    /// `x + branch·LayerScale`.
    fn add(&self, x: &Rows, branch: &Rows, scale: &str) -> Rows {
        let scale = self.weights.get(scale);
        let row = |(x, b): (&Vec<f64>, &Vec<f64>)| {
            (0..x.len()).map(|d| x[d] + b[d] * scale.map_or(1.0, |scale| scale[d])).collect()
        };
        x.iter().zip(branch).map(row).collect()
    }

    fn embed(&self, pixels: &[f32]) -> Rows {
        let VitConfig { channels, dim, patch, input, .. } = self.config;
        let grid = self.config.grid();
        let mut patches = Vec::new();
        for (gy, gx) in (0..grid.height).flat_map(|y| (0..grid.width).map(move |x| (y, x))) {
            let mut patch_pixels = Vec::new();
            for (c, y) in (0..channels).flat_map(|c| (0..patch.height).map(move |y| (c, y))) {
                let row = (c * input.height + gy * patch.height + y) * input.width + gx * patch.width;
                patch_pixels.extend(pixels[row..row + patch.width].iter().map(|&x| f64::from(x)));
            }
            patches.push(patch_pixels);
        }
        let tokens = ["cls_token", "dist_token", "reg_token"].iter().filter_map(|name| self.weights.get(*name));
        let mut x: Rows = tokens.flat_map(|token| token.chunks(dim).map(<[f64]>::to_vec)).collect();
        x.extend(self.linear(&patches, "patch_embed.proj"));
        let position = &self.weights["pos_embed"];
        let first = x.len() - position.len() / dim;
        for (row, position) in x[first..].iter_mut().zip(position.chunks(dim)) {
            row.iter_mut().zip(position).for_each(|(x, p)| *x += p);
        }
        x
    }

    /// A as `[h·N·N]` and the heads' mixed values.
    fn attention(&self, qkv: &Rows) -> (Vec<f64>, Rows) {
        let (dim, heads, width, n) = (self.config.dim, self.config.heads, self.config.head_dim(), qkv.len());
        let (mut maps, mut mixed) = (Vec::new(), vec![vec![0.0; dim]; n]);
        for (head, i) in (0..heads).flat_map(|head| (0..n).map(move |i| (head, i))) {
            let at = |row: usize, part: usize, d: usize| qkv[row][part * dim + head * width + d];
            let score = |j| (0..width).map(|d| at(i, 0, d) * at(j, 1, d)).sum::<f64>() / (width as f64).sqrt();
            let exps: Vec<f64> = (0..n).map(|j| f64::exp(score(j))).collect();
            let sum: f64 = exps.iter().sum();
            for (j, exp) in exps.iter().enumerate() {
                maps.push(exp / sum);
                (0..width).for_each(|d| mixed[i][head * width + d] += exp / sum * at(j, 2, d));
            }
        }
        (maps, mixed)
    }

    fn see(&self, pixels: &[f32]) -> Seen {
        let mut x = self.embed(pixels);
        let mut attention = Vec::new();
        for block in 0..self.config.depth {
            let name = |part: &str| format!("blocks.{block}.{part}");
            let qkv = self.linear(&self.norm(&x, &name("norm1")), &name("attn.qkv"));
            let (maps, mixed) = self.attention(&qkv);
            attention.push(maps);
            x = self.add(&x, &self.linear(&mixed, &name("attn.proj")), &name("ls1.gamma"));
            let mut hidden = self.linear(&self.norm(&x, &name("norm2")), &name("mlp.fc1"));
            hidden.iter_mut().flatten().for_each(|x| *x = gelu(*x));
            x = self.add(&x, &self.linear(&hidden, &name("mlp.fc2")), &name("ls2.gamma"));
        }
        Seen { logits: self.read_out(&x), attention }
    }

    fn read_out(&self, x: &Rows) -> Vec<f64> {
        let one =
            |row: &Vec<f64>, norm: &str, head: &str| self.linear(&self.norm(&vec![row.clone()], norm), head)[0].clone();
        match self.config.pooling {
            Pooling::ClassToken => one(&x[0], "norm", "head"),
            Pooling::Distilled => {
                let (a, b) = (one(&x[0], "norm", "head"), one(&x[1], "norm", "head_dist"));
                a.iter().zip(&b).map(|(a, b)| (a + b) / 2.0).collect()
            }
            Pooling::MeanOfPatches => {
                let patches = &x[self.config.prefix_tokens()..];
                let mean = |d: usize| patches.iter().map(|row| row[d]).sum::<f64>() / patches.len() as f64;
                one(&(0..self.config.dim).map(mean).collect(), "fc_norm", "head")
            }
        }
    }

    /// The patches' part of the relevance row, by whole matrices: R ← R + C·R from the first block to the last.
    fn relevance(&self, attention: &Rows, gradients: &[Vec<f32>]) -> Vec<f64> {
        let (n, heads, prefix) = (self.config.tokens(), self.config.heads, self.config.prefix_tokens());
        let mut r: Rows = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
        for (maps, gradients) in attention.iter().zip(gradients) {
            let c = |i: usize, j: usize| {
                let product = |head| maps[(head * n + i) * n + j] * f64::from(gradients[(head * n + i) * n + j]);
                (0..heads).map(|head| f64::max(0.0, product(head))).sum::<f64>() / heads as f64
            };
            let mut next = r.clone();
            for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
                let c = c(i, j);
                next[i].iter_mut().zip(&r[j]).for_each(|(next, r)| *next += c * r);
            }
            r = next;
        }
        let rows = match self.config.pooling {
            Pooling::MeanOfPatches => prefix..n,
            _ => 0..1,
        };
        let share = 1.0 / rows.len() as f64;
        (prefix..n).map(|j| rows.clone().map(|i| r[i][j] * share).sum()).collect()
    }

    /// λ_seg·(λ_bg·L_bg + λ_fg·L_fg) of one picture.
    fn mask_terms(&self, relevance: &[f64], mask: &[f32], config: &StepConfig) -> f64 {
        let (grid, patch) = (self.config.grid(), self.config.patch);
        let place = |pixel: usize, patch: usize, cells: usize| {
            let position = ((pixel as f64 + 0.5) / patch as f64 - 0.5).max(0.0);
            let cell = position.floor() as usize;
            (cell, (cell + 1).min(cells - 1), position - cell as f64)
        };
        let mut pixels = Vec::new();
        for (y, x) in (0..self.config.input.height).flat_map(|y| (0..self.config.input.width).map(move |x| (y, x))) {
            let ((y0, y1, v), (x0, x1, u)) = (place(y, patch.height, grid.height), place(x, patch.width, grid.width));
            let at = |y: usize, x: usize| relevance[y * grid.width + x];
            pixels.push(
                (1.0 - v) * ((1.0 - u) * at(y0, x0) + u * at(y0, x1)) + v * ((1.0 - u) * at(y1, x0) + u * at(y1, x1)),
            );
        }
        let min = pixels.iter().copied().fold(f64::INFINITY, f64::min);
        let max = pixels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (mut background, mut foreground) = (0.0, 0.0);
        for (r, &s) in pixels.iter().zip(mask) {
            let r = (r - min) / (max - min);
            background += (r * f64::from(config.mask_profile.background(s))).powi(2);
            foreground += (r * f64::from(s) - f64::from(s)).powi(2);
        }
        let terms = f64::from(config.lambda_bg) * background + f64::from(config.lambda_fg) * foreground;
        f64::from(config.lambda_seg) * terms / pixels.len() as f64
    }
}

/// λ_cls·L_cls of one picture against its own answer.
fn classification(logits: &[f64], config: &StepConfig) -> f64 {
    let scaled: Vec<f64> = logits.iter().map(|z| z / f64::from(config.temperature)).collect();
    let max = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    f64::from(config.lambda_cls) * scaled.iter().map(|z| (z - max).exp()).sum::<f64>().ln()
}

/// x·Φ(x), with erf by its Maclaurin series near zero and erfc by its continued fraction further out.
fn gelu(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let erf = if z < 2.5 {
        let (mut term, mut sum) = (z, z);
        for n in 1..80 {
            term *= -z * z / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    } else {
        let fraction = (1..60).rev().fold(0.0, |below, k| f64::from(k) / 2.0 / (z + below));
        1.0 - (-z * z).exp() / std::f64::consts::PI.sqrt() / (z + fraction)
    };
    x * 0.5 * (1.0 + erf * x.signum())
}
