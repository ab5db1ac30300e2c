//! A bamboo grove: rows of jointed stalks fading into green light, hanging leaves.

use crate::canvas::{Bounds, Canvas, Stroke};
use crate::colour::{Rgb, hsv, mix, shade, smoothstep};
use crate::dice::Dice;
use crate::noise::Noise;

const LAYERS: usize = 4;

pub fn paint(canvas: &mut Canvas, dice: &mut Dice) {
    let noise = Noise::new(dice.seed());
    let hue = dice.range(0.19, 0.29);
    let glow = hsv(hue - 0.03, 0.28, dice.range(0.86, 0.97));
    let depth = hsv(hue + 0.05, 0.6, 0.32);
    let bright = dice.range(0.25, 0.75);
    canvas.fill(|x, y| {
        let light = 1.3 - 1.3 * (x - bright).hypot(0.8 * (y - 0.3)) + 0.15 * noise.fractal(4.0 * x, 2.5 * y, 3);
        mix(depth, glow, light)
    });
    for layer in 0..LAYERS {
        let nearness = (layer as f32 + 1.0) / LAYERS as f32;
        for _ in 0..9 - layer {
            let fresh = hsv(hue + dice.around(0.0, 0.035), 0.62, dice.range(0.5, 0.72));
            let colour = mix(mix(glow, depth, 0.3), fresh, 0.2 + 0.8 * nearness);
            stalk(canvas, dice, nearness, colour);
        }
        for _ in 0..6 {
            let leaves = mix(glow, hsv(hue + 0.02, 0.72, dice.range(0.35, 0.6)), 0.25 + 0.75 * nearness);
            spray(canvas, dice, nearness, leaves);
        }
    }
}

/// One stalk: a slightly leaning cylinder with a pale ring and a dark line at each joint.
fn stalk(canvas: &mut Canvas, dice: &mut Dice, nearness: f32, colour: Rgb) {
    let (foot, lean) = (dice.range(-0.05, 1.05), dice.around(0.0, 0.09));
    let half = (0.005 + 0.021 * nearness * nearness) * dice.range(0.8, 1.2);
    let (spacing, offset) = (half * dice.range(8.0, 11.0) + 0.05, dice.range(0.0, 1.0));
    let pixel = canvas.pixel();
    let reach = half * 1.3 + lean.abs();
    canvas.blend(Bounds { left: foot - reach, top: 0.0, right: foot + reach, bottom: 1.0 }, |x, y| {
        let joint = ((y / spacing + offset).fract() - 0.5) * spacing;
        let bulge = 1.0 + 0.14 * smoothstep(0.5 * half, 0.0, joint.abs());
        let across = (x - foot - lean * (0.5 - y)) / (half * bulge);
        let opacity = ((1.0 - across.abs()) * half / pixel + 0.5).clamp(0.0, 1.0);
        let round = 1.0 - 0.5 * across * across - 0.3 * across + 0.3 * smoothstep(0.25, 0.0, (across + 0.4).abs());
        let ring = 0.25 * smoothstep(0.45 * half, 0.1 * half, (joint - 0.3 * half).abs());
        let line = 0.5 * smoothstep(0.22 * half, 0.0, joint.abs());
        (shade(colour, round + ring - line), opacity)
    });
}

/// A twig with a fan of long pointed leaves.
fn spray(canvas: &mut Canvas, dice: &mut Dice, nearness: f32, colour: Rgb) {
    let from = [dice.range(0.0, 1.0), dice.range(-0.05, 0.6 - 0.2 * nearness)];
    for _ in 0..6 {
        let length = (0.05 + 0.09 * nearness) * dice.range(0.7, 1.2);
        let angle = dice.range(0.1, 0.9) * std::f32::consts::PI;
        let to = [from[0] + length * angle.cos(), from[1] + 0.8 * length * angle.sin()];
        let middle = [0.5 * (from[0] + to[0]), 0.5 * (from[1] + to[1]) - 0.12 * length];
        let tone = shade(colour, dice.range(0.75, 1.2));
        let wide = 0.1 * length + 0.001;
        let halves = [(from, middle, [0.3 * wide, wide]), (middle, to, [wide, 0.1 * wide])];
        for (start, end, width) in halves {
            let bend = [0.5 * (start[0] + end[0]), 0.5 * (start[1] + end[1])];
            canvas.stroke(&Stroke { from: start, bend, to: end, width, colour: [tone, shade(tone, 1.1)] });
        }
    }
}
