//! The animals: pictures with exact alpha, prefiltered so that they stay smooth at every size.

use std::path::Path;

use anyhow::{Context, Result};

use crate::species::SPECIES;

/// Side of the blurred silhouette that casts the soft shadow, and the share of it that is margin on each side.
const SHADOW_SIDE: usize = 96;
pub const SHADOW_MARGIN: f32 = 0.25;

/// A sprite, premultiplied by alpha, at full size and halved again and again.
pub struct Sprite {
    /// Finest first; each level is a square of RGBA pixels.
    levels: Vec<Level>,
    /// Blurred alpha of the sprite within a margin.
    shadow: Level,
    /// Lowest opaque row as a share of the height: where the feet are.
    pub feet: f32,
}

struct Level {
    side: usize,
    pixels: Vec<[f32; 4]>,
}

impl Sprite {
    fn load(path: &Path) -> Result<Self> {
        let file =
            image::open(path).with_context(|| format!("cannot read the sprite {}", path.display()))?.into_rgba8();
        let side = file.width() as usize;
        let premultiplied = |pixel: &image::Rgba<u8>| {
            let alpha = f32::from(pixel[3]) / 255.0;
            [0, 1, 2, 3].map(|c| if c == 3 { alpha } else { f32::from(pixel[c]) / 255.0 * alpha })
        };
        let mut levels = vec![Level { side, pixels: file.pixels().map(premultiplied).collect() }];
        while let Some(level) = levels.last().filter(|level| level.side > 16) {
            levels.push(level.halved());
        }
        let lowest = (0..side).rev().find(|row| levels[0].pixels[row * side..][..side].iter().any(|p| p[3] > 0.5));
        let feet = lowest.map_or(1.0, |row| row as f32 / side as f32);
        let shadow = levels[levels.len() - 1].blurred_alpha();
        Ok(Self { levels, shadow, feet })
    }

    /// The level whose pixels are at least as fine as those of a drawing `drawn_pixels` wide.
    pub fn level_for(&self, drawn_pixels: f32) -> usize {
        let shrink = self.levels[0].side as f32 / drawn_pixels.max(1.0);
        (shrink.log2().floor().max(0.0) as usize).min(self.levels.len() - 1)
    }

    /// Premultiplied colour at a point of the unit square, zero outside.
    pub fn colour_at(&self, level: usize, u: f32, v: f32) -> [f32; 4] {
        self.levels[level].bilinear(u, v)
    }

    /// Softened silhouette; the unit square is the sprite, the shadow reaches beyond it by [`SHADOW_MARGIN`].
    pub fn shadow_at(&self, u: f32, v: f32) -> f32 {
        let inner = 1.0 + 2.0 * SHADOW_MARGIN;
        self.shadow.bilinear((u + SHADOW_MARGIN) / inner, (v + SHADOW_MARGIN) / inner)[3]
    }
}

impl Level {
    fn halved(&self) -> Self {
        let side = self.side / 2;
        let average = |index: usize| {
            let (row, column) = (index / side * 2, index % side * 2);
            let at = |dy: usize, dx: usize| self.pixels[(row + dy) * self.side + column + dx];
            let (a, b, c, d) = (at(0, 0), at(0, 1), at(1, 0), at(1, 1));
            [0, 1, 2, 3].map(|k| 0.25 * (a[k] + b[k] + c[k] + d[k]))
        };
        Self { side, pixels: (0..side * side).map(average).collect() }
    }

    /// Bilinear between pixel centres; transparent outside.
    fn bilinear(&self, u: f32, v: f32) -> [f32; 4] {
        let (x, y) = (u * self.side as f32 - 0.5, v * self.side as f32 - 0.5);
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (x - left, y - top);
        let at = |dx: i32, dy: i32, weight: f32| {
            let (column, row) = (left as i32 + dx, top as i32 + dy);
            let inside = (0..self.side as i32).contains(&column) && (0..self.side as i32).contains(&row);
            let pixel = if inside { self.pixels[row as usize * self.side + column as usize] } else { [0.0; 4] };
            pixel.map(|channel| channel * weight)
        };
        let corners = [
            at(0, 0, (1.0 - fx) * (1.0 - fy)),
            at(1, 0, fx * (1.0 - fy)),
            at(0, 1, (1.0 - fx) * fy),
            at(1, 1, fx * fy),
        ];
        [0, 1, 2, 3].map(|k| corners.iter().map(|corner| corner[k]).sum())
    }

    /// Alpha resampled into the margin and blurred with a Gaussian of about a twentieth of the sprite.
    fn blurred_alpha(&self) -> Self {
        let inner = 1.0 + 2.0 * SHADOW_MARGIN;
        let deviation = 0.05 / inner * SHADOW_SIDE as f32;
        let reach = (2.5 * deviation).ceil() as i32;
        let weights: Vec<f32> = (-reach..=reach).map(|d| (-0.5 * (d as f32 / deviation).powi(2)).exp()).collect();
        let total: f32 = weights.iter().sum();
        let side = SHADOW_SIDE as i32;
        let blur = |alpha: &[f32], step_x: i32, step_y: i32| -> Vec<f32> {
            let value = |index: i32| {
                let (row, column) = (index / side, index % side);
                let taps = (-reach..=reach).zip(&weights).map(|(d, weight)| {
                    let (y, x) = (row + d * step_y, column + d * step_x);
                    let inside = (0..side).contains(&x) && (0..side).contains(&y);
                    if inside { weight * alpha[(y * side + x) as usize] } else { 0.0 }
                });
                taps.sum::<f32>() / total
            };
            (0..side * side).map(value).collect()
        };
        let unit = |cell: i32| (cell as f32 + 0.5) / side as f32 * inner - SHADOW_MARGIN;
        let sharp: Vec<f32> = (0..side * side).map(|i| self.bilinear(unit(i % side), unit(i / side))[3]).collect();
        let soft = blur(&blur(&sharp, 1, 0), 0, 1);
        Self { side: SHADOW_SIDE, pixels: soft.into_iter().map(|alpha| [0.0, 0.0, 0.0, alpha]).collect() }
    }
}

/// All sprites by class, in the order of [`SPECIES`].
pub struct Cast(Vec<Vec<Sprite>>);

impl Cast {
    pub fn load(folder: &Path) -> Result<Self> {
        let sprites_of = |files: &[&str]| {
            files.iter().map(|stem| Sprite::load(&folder.join(format!("{stem}.webp")))).collect::<Result<Vec<_>>>()
        };
        SPECIES.iter().map(|species| sprites_of(species.sprites)).collect::<Result<_>>().map(Self)
    }

    pub fn sprite(&self, class: usize, variant: usize) -> &Sprite {
        &self.0[class][variant]
    }
}
