//! Winter: pale sky, icy peaks, snow drifts with blue shadows and sparkles, falling flakes.

use super::terrain::below_skyline;
use crate::canvas::Canvas;
use crate::colour::{hsv, mix, shade, smoothstep};
use crate::dice::Dice;
use crate::noise::Noise;

const DRIFTS: usize = 5;

pub fn paint(canvas: &mut Canvas, dice: &mut Dice) {
    let noise = Noise::new(dice.seed());
    let horizon = dice.range(0.22, 0.42);
    let dawn = dice.range(0.0, 1.0);
    let zenith = mix(hsv(0.58, 0.42, 0.88), hsv(0.68, 0.3, 0.7), dawn);
    let haze = mix([0.9, 0.96, 1.0], [1.0, 0.84, 0.8], dawn);
    canvas.fill(|_, y| mix(zenith, haze, y / horizon));
    for range in 0..2 {
        let near = range as f32;
        let lane = dice.range(0.0, 50.0);
        let (height, rough) = (0.2 - 0.09 * near, 2.2 + 2.0 * near);
        let peak = |x: f32| horizon + 0.03 - height * noise.ridged(rough * x, lane, 4).powi(2);
        let rock = mix(hsv(0.6, 0.35, 0.5), zenith, 0.5 - 0.3 * near);
        let ice = mix([0.97, 0.98, 1.0], haze, 0.3);
        below_skyline(canvas, peak, |x, depth, _| {
            let face = noise.fractal(14.0 * x + 8.0 * depth, 10.0 * depth + lane, 3);
            let cover = smoothstep(-0.25, 0.2, face + 0.25 - 2.5 * depth);
            mix(mix(rock, ice, cover), haze, 2.5 * depth)
        });
    }
    let blue = hsv(dice.range(0.56, 0.62), 0.3, 0.78);
    for drift in 0..DRIFTS {
        let nearness = drift as f32 / (DRIFTS - 1) as f32;
        let base = horizon + (0.85 - horizon) * nearness.powf(1.3);
        let lane = dice.range(0.0, 90.0);
        let (swell, width) = (0.02 + 0.06 * nearness, 3.4 - 1.9 * nearness);
        let crest = |x: f32| base - swell * noise.fractal(width * x, lane, 2);
        let lit = mix([0.97, 0.98, 1.0], haze, 0.45 * (1.0 - nearness));
        below_skyline(canvas, crest, |x, depth, _| {
            let edge = x + 1.3 * depth + 0.05 * noise.gradient(6.0 * depth + lane, 4.0 * x);
            let slope = (crest(edge + 0.03) - crest(edge - 0.03)) / 0.06;
            let powder = 0.5 + 0.5 * noise.fractal(5.0 * x, 16.0 * depth + lane, 2);
            let shadow = 0.5 * smoothstep(-0.15, 0.3, slope) * smoothstep(0.3, 0.0, depth)
                + 0.5 * smoothstep(0.0, 0.16, depth) * powder;
            let grain = 0.02 * noise.gradient(150.0 * x, 150.0 * depth);
            shade(mix(lit, blue, shadow), 1.0 + grain)
        });
    }
    for _ in 0..90 {
        let at = [dice.range(0.0, 1.0), dice.range(horizon + 0.08, 1.0)];
        canvas.disc(at, dice.range(0.0007, 0.0022), [1.0; 3], 1.0);
    }
    for _ in 0..40 + dice.below(80) {
        let size = dice.range(0.0, 1.0).powi(3);
        let at = [dice.range(0.0, 1.0), dice.range(0.0, 1.0)];
        canvas.disc(at, 0.0015 + 0.007 * size, [1.0; 3], 0.85 - 0.35 * size);
    }
}
