//! A picture as data: which animal stands where on which background. Drawn at any resolution.

use serde::Serialize;

use crate::background::Background;
use crate::canvas::{Bounds, Canvas};
use crate::colour::smoothstep;
use crate::dice::Dice;
use crate::species::SPECIES;
use crate::sprites::{Cast, SHADOW_MARGIN, Sprite};

/// Side of the sprite as a share of the picture's.
const SMALLEST: f32 = 0.42;
const LARGEST: f32 = 0.64;

/// Everything that makes one picture; lengths are shares of the picture's side.
#[derive(Clone, Debug, Serialize)]
pub struct Scene {
    pub class: usize,
    pub sprite: usize,
    pub background: Background,
    pub background_seed: u64,
    pub placement: Placement,
    pub tint: Tint,
    pub shadow: Shadow,
}

#[derive(Clone, Debug, Serialize)]
pub struct Placement {
    pub centre: [f32; 2],
    pub size: f32,
    /// Radians, clockwise.
    pub rotation: f32,
    pub mirrored: bool,
}

/// Change of the sprite's colours.
#[derive(Clone, Debug, Serialize)]
pub struct Tint {
    /// Rotation of the hue in radians.
    pub hue: f32,
    /// Factor of the distance from grey.
    pub saturation: f32,
    pub brightness: f32,
}

#[derive(Clone, Debug, Serialize)]
pub struct Shadow {
    /// Shift of the cast shadow as a share of the sprite's size.
    pub offset: [f32; 2],
    pub opacity: f32,
}

impl Scene {
    /// Draws all but the class and the background at random.
    pub fn random(dice: &mut Dice, class: usize, background: Background) -> Self {
        let size = dice.range(SMALLEST, LARGEST);
        // Photographers centre their animals; the sprite stays inside the picture but for its empty frame.
        let room = (0.5 - 0.47 * size).min(0.15);
        let grey = dice.chance(0.05);
        Self {
            class,
            sprite: dice.below(SPECIES[class].sprites.len()),
            background,
            background_seed: dice.seed(),
            placement: Placement {
                centre: [dice.around(0.5, room), dice.around(0.5, room)],
                size,
                rotation: dice.around(0.0, 0.2),
                mirrored: dice.chance(0.5),
            },
            tint: Tint {
                hue: dice.around(0.0, 0.12),
                saturation: if grey { 0.1 } else { dice.range(0.75, 1.2) },
                brightness: dice.range(0.78, 1.12),
            },
            shadow: Shadow {
                offset: [dice.pick([-0.05, 0.05]), dice.range(0.04, 0.08)],
                opacity: dice.range(0.3, 0.5),
            },
        }
    }

    /// The picture and the animal's mask (255 where its opacity exceeds one half), `side` pixels wide,
    /// averaged from a canvas `supersampling` times as fine.
    pub fn render(&self, cast: &Cast, side: usize, supersampling: usize) -> Picture {
        let mut canvas = Canvas::new(side * supersampling);
        self.background.paint(&mut canvas, self.background_seed);
        let sprite = cast.sprite(self.class, self.sprite);
        self.cast_shadow(&mut canvas, sprite);
        let fine_side = canvas.side();
        let mut opacity = vec![0.0_f32; fine_side * fine_side];
        self.place(&mut canvas, sprite, &mut opacity);
        let mask = (0..side * side).map(|index| {
            let (row, column) = (index / side * supersampling, index % side * supersampling);
            let lines = (row..row + supersampling).map(|y| &opacity[y * fine_side + column..][..supersampling]);
            let covered: f32 = lines.flatten().sum::<f32>() / (supersampling * supersampling) as f32;
            if covered > 0.5 { 255 } else { 0 }
        });
        Picture { side, rgb: canvas.averaged(supersampling), mask: mask.collect() }
    }

    fn cast_shadow(&self, canvas: &mut Canvas, sprite: &Sprite) {
        let Placement { centre: [x, y], size, .. } = self.placement;
        let [shift_x, shift_y] = self.shadow.offset.map(|share| share * size);
        let to_sprite = self.sprite_from_picture();
        let reach = size * (0.71 + SHADOW_MARGIN);
        canvas.blend(Bounds::around([x + shift_x, y + shift_y], reach), |x, y| {
            let [u, v] = to_sprite(x - shift_x, y - shift_y);
            ([0.02, 0.02, 0.05], self.shadow.opacity * sprite.shadow_at(u, v))
        });
        if !self.background.has_ground() {
            return;
        }
        let feet = [x, y + (sprite.feet - 0.5) * size];
        let wide = 0.42 * size;
        canvas.blend(Bounds::around(feet, wide), |x, y| {
            let distance = ((x - feet[0]) / wide).hypot((y - feet[1]) / (0.2 * wide));
            ([0.02, 0.02, 0.04], 0.55 * smoothstep(1.0, 0.2, distance))
        });
    }

    fn place(&self, canvas: &mut Canvas, sprite: &Sprite, opacity: &mut [f32]) {
        let Placement { centre, size, .. } = self.placement;
        let (side, pixel) = (canvas.side(), canvas.pixel());
        let level = sprite.level_for(size * side as f32);
        let (to_sprite, tint) = (self.sprite_from_picture(), self.tint.matrix());
        canvas.change(Bounds::around(centre, 0.71 * size), |x, y, below| {
            let [u, v] = to_sprite(x, y);
            let [r, g, b, alpha] = sprite.colour_at(level, u, v);
            // Linear, so it may act on premultiplied colours.
            let tinted = tint.map(|row| (row[0] * r + row[1] * g + row[2] * b).clamp(0.0, alpha));
            opacity[(y / pixel) as usize * side + (x / pixel) as usize] = alpha;
            [0, 1, 2].map(|c| tinted[c] + below[c] * (1.0 - alpha))
        });
    }

    /// Picture coordinates → sprite coordinates in the unit square.
    fn sprite_from_picture(&self) -> impl Fn(f32, f32) -> [f32; 2] {
        let Placement { centre, size, rotation, mirrored } = self.placement;
        let (sin, cos) = rotation.sin_cos();
        move |x, y| {
            let (dx, dy) = ((x - centre[0]) / size, (y - centre[1]) / size);
            let (u, v) = (cos * dx + sin * dy, cos * dy - sin * dx);
            [0.5 + if mirrored { -u } else { u }, 0.5 + v]
        }
    }
}

impl Tint {
    /// Hue rotation about the grey axis, then saturation about Rec. 601 luma, then brightness.
    fn matrix(&self) -> [[f32; 3]; 3] {
        let (sin, cos) = self.hue.sin_cos();
        let (third, skew) = ((1.0 - cos) / 3.0, sin / 3.0_f32.sqrt());
        let turned = |row: usize, column: usize| match (3 + row - column) % 3 {
            0 => cos + third,
            1 => third + skew,
            _ => third - skew,
        };
        let luma = [0.299, 0.587, 0.114];
        [0, 1, 2].map(|row| {
            [0, 1, 2].map(|column| {
                let grey: f32 = (0..3).map(|k| luma[k] * turned(k, column)).sum();
                self.brightness * (grey + self.saturation * (turned(row, column) - grey))
            })
        })
    }
}

/// A drawn scene.
pub struct Picture {
    pub side: usize,
    /// Row-major sRGB pixels.
    pub rgb: Vec<[u8; 3]>,
    /// 255 on the animal, 0 elsewhere.
    pub mask: Vec<u8>,
}
