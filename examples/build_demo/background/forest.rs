//! A jungle: trunks fading into green mist, lianas, canopy, light shafts, ferns.

use super::terrain::{foliage, light_shafts};
use crate::canvas::{Bounds, Canvas, Stroke};
use crate::colour::{Rgb, hsv, mix, shade, smoothstep};
use crate::dice::Dice;
use crate::noise::Noise;

const LAYERS: usize = 4;

pub fn paint(canvas: &mut Canvas, dice: &mut Dice) {
    let noise = Noise::new(dice.seed());
    let hue = dice.range(0.24, 0.38);
    let mist = hsv(hue - 0.04, dice.range(0.22, 0.4), dice.range(0.78, 0.92));
    let dark = hsv(hue + 0.04, 0.6, 0.16);
    canvas.fill(|x, y| {
        let light = 1.0 - 0.45 * (y - 0.35).abs() + 0.1 * noise.fractal(3.0 * x, 3.0 * y, 3);
        shade(mist, light)
    });
    for layer in 0..LAYERS {
        let nearness = (layer as f32 + 1.0) / LAYERS as f32;
        let bark = mix(mist, mix(dark, [0.3, 0.2, 0.12], 0.65), 0.25 + 0.7 * nearness);
        for _ in 0..7 - layer {
            trunk(canvas, dice, noise, nearness, bark);
        }
        let leaves = mix(mist, hsv(hue + dice.around(0.0, 0.03), 0.7, 0.38), 0.3 + 0.65 * nearness);
        for _ in 0..9 {
            let centre = [dice.range(0.0, 1.0), dice.range(-0.05, 0.26 - 0.14 * nearness)];
            foliage(canvas, dice, centre, 0.06 + 0.06 * nearness, leaves);
            let ground = [dice.range(0.0, 1.0), 0.8 + 0.2 * nearness + dice.around(0.03, 0.05)];
            foliage(canvas, dice, ground, 0.06 + 0.05 * nearness, shade(leaves, 0.75));
        }
    }
    light_shafts(canvas, dice, mix([0.5, 0.48, 0.3], mist, 0.3), 0.85);
    for _ in 0..16 {
        let colour = hsv(hue + dice.around(0.0, 0.04), 0.7, dice.range(0.25, 0.5));
        fern(canvas, dice, colour);
    }
}

fn trunk(canvas: &mut Canvas, dice: &mut Dice, noise: Noise, nearness: f32, bark: Rgb) {
    let (foot, half) = (dice.range(-0.05, 1.05), dice.range(0.4, 1.0) * (0.008 + 0.042 * nearness * nearness));
    let (lean, lane, bottom) = (dice.around(0.0, 0.06), dice.range(0.0, 99.0), 0.72 + 0.3 * nearness);
    let pixel = canvas.pixel();
    let reach = 2.5 * half + lean.abs() + 0.02;
    let bounds = Bounds { left: foot - reach, top: 0.0, right: foot + reach, bottom };
    canvas.blend(bounds, |x, y| {
        let centre = foot + lean * (bottom - y) + 0.25 * half * noise.gradient(4.0 * y, lane);
        let radius = half * (0.8 + 0.35 * y + 0.9 * smoothstep(bottom - 0.12, bottom, y).powi(2));
        let across = (x - centre) / radius;
        let opacity = ((1.0 - across.abs()) * radius / pixel).clamp(0.0, 1.0);
        // Round: lit from the left, with vertical furrows.
        let furrows = noise.fractal(across * 3.0 + lane, y * 9.0, 3) * (0.1 + 0.14 * nearness);
        (shade(bark, 1.05 - 0.4 * across - 0.25 * across * across + furrows), opacity)
    });
    if nearness > 0.7 && dice.chance(0.5) {
        let sag = dice.range(0.15, 0.5);
        let to = [foot + dice.around(0.0, 0.5), -0.02];
        let bend = [0.5 * (foot + to[0]), sag + 0.25];
        let liana = [shade(bark, 0.8), shade(bark, 0.6)];
        canvas.stroke(&Stroke { from: [foot, 0.1], bend, to, width: [0.007, 0.007], colour: liana });
    }
}

fn fern(canvas: &mut Canvas, dice: &mut Dice, colour: Rgb) {
    let root = [dice.range(0.0, 1.0), dice.range(0.95, 1.08)];
    for _ in 0..6 {
        let (reach, rise) = (dice.around(0.0, 0.14), dice.range(0.08, 0.2));
        canvas.stroke(&Stroke {
            from: root,
            bend: [root[0] + 0.4 * reach, root[1] - 1.4 * rise],
            to: [root[0] + reach, root[1] - rise],
            width: [0.012, 0.002],
            colour: [shade(colour, 0.7), shade(colour, dice.range(0.9, 1.3))],
        });
    }
}
