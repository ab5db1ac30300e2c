//! What several landscapes share: ridges against the sky, foliage, light shafts.

use crate::canvas::{Bounds, Canvas};
use crate::colour::{Rgb, shade, smoothstep};
use crate::dice::Dice;
use crate::noise::Noise;

/// Fills everything below a skyline; `colour_at(x, depth below the line)`.
pub fn below_skyline(canvas: &mut Canvas, skyline: impl Fn(f32) -> f32, colour_at: impl Fn(f32, f32, Rgb) -> Rgb) {
    let pixel = canvas.pixel();
    let columns: Vec<f32> = (0..canvas.side()).map(|column| skyline((column as f32 + 0.5) * pixel)).collect();
    let top = columns.iter().copied().fold(1.0, f32::min);
    let whole = Bounds { left: 0.0, top, right: 1.0, bottom: 1.0 };
    canvas.change(whole, |x, y, below| {
        let line = columns[((x / pixel) as usize).min(columns.len() - 1)];
        if y < line { below } else { colour_at(x, y - line, below) }
    });
}

/// A cloud of leaves: many small discs, darker below and lighter on top.
pub fn foliage(canvas: &mut Canvas, dice: &mut Dice, centre: [f32; 2], radius: f32, colour: Rgb) {
    for _ in 0..26 {
        let (angle, reach) = (dice.range(0.0, std::f32::consts::TAU), radius * dice.range(0.0, 1.0).sqrt());
        let offset = [angle.cos() * reach, 0.7 * angle.sin() * reach];
        let light = 1.0 - 0.35 * offset[1] / radius + dice.around(0.0, 0.14);
        let leaf = radius * dice.range(0.1, 0.3);
        canvas.disc([centre[0] + offset[0], centre[1] + offset[1]], leaf, shade(colour, light), 0.9);
    }
}

/// Beams of light that fan out from a point above the picture.
pub fn light_shafts(canvas: &mut Canvas, dice: &mut Dice, colour: Rgb, reach: f32) {
    let noise = Noise::new(dice.seed());
    let source = [dice.range(0.0, 1.0), dice.range(-0.7, -0.35)];
    let whole = Bounds { left: 0.0, top: 0.0, right: 1.0, bottom: reach.min(1.0) };
    canvas.add_light(whole, |x, y| {
        let slope = (x - source[0]) / (y - source[1]);
        let beam = smoothstep(0.0, 0.75, noise.fractal(slope * 7.0, 0.5, 2));
        colour.map(|channel| channel * beam * (1.0 - y / reach).max(0.0))
    });
}
