//! A forest floor in October: layers of maple-coloured leaves seen from above.

use crate::canvas::{Bounds, Canvas};
use crate::colour::{Rgb, hsv, mix, shade, smoothstep};
use crate::dice::Dice;
use crate::noise::Noise;

const LEAVES: usize = 260;

pub fn paint(canvas: &mut Canvas, dice: &mut Dice) {
    let noise = Noise::new(dice.seed());
    let warmth = dice.range(-0.015, 0.03);
    let soil = hsv(0.07, 0.5, dice.range(0.14, 0.24));
    canvas.fill(|x, y| shade(soil, 1.0 + 0.5 * noise.fractal(25.0 * x, 25.0 * y, 4)));
    let size = dice.range(0.045, 0.075);
    let (light_x, light_y) = (dice.range(0.0, 1.0), dice.range(0.0, 1.0));
    for index in 0..LEAVES {
        let height = index as f32 / LEAVES as f32;
        let centre = [dice.range(-0.05, 1.05), dice.range(-0.05, 1.05)];
        let sun = 1.1 - 0.45 * (centre[0] - light_x).hypot(centre[1] - light_y);
        let hue = dice.pick([0.01, 0.035, 0.06, 0.085, 0.11, 0.135]) + warmth;
        let colour = hsv(hue, dice.range(0.7, 0.92), dice.range(0.6, 0.95));
        let colour = shade(mix(colour, soil, 0.65 * (1.0 - height).powi(2)), sun);
        let size = size * dice.range(0.7, 1.35);
        leaf(canvas, dice, centre, size, colour);
    }
    canvas.glow([light_x, light_y], 0.7, [0.22, 0.17, 0.08]);
}

fn leaf(canvas: &mut Canvas, dice: &mut Dice, centre: [f32; 2], size: f32, colour: Rgb) {
    let (sin, cos) = dice.range(0.0, std::f32::consts::TAU).sin_cos();
    let slender = dice.range(1.7, 2.6);
    let lobes = if dice.chance(0.5) { 0.22 } else { 0.05 };
    let curl = dice.around(0.0, 0.25);
    let pixel = canvas.pixel();
    let shadow = [centre[0] + 0.1 * size, centre[1] + 0.16 * size];
    // Signed distance (positive inside) of a pointed oval with lobes along its rim, in leaf lengths.
    let shape = move |x: f32, y: f32| {
        let (along, across) = ((cos * x + sin * y) / size, (cos * y - sin * x) / size);
        let across = across - curl * (1.0 - along * along) * 0.5;
        let rim = (1.0 - along * along).max(0.0) * (1.0 - lobes * (along * 14.0).cos().abs()) / slender * 1.3;
        (rim - across.abs(), along, across)
    };
    canvas.blend(Bounds::around(shadow, 1.15 * size), |x, y| {
        let (inside, ..) = shape(x - shadow[0], y - shadow[1]);
        ([0.08, 0.04, 0.02], 0.5 * smoothstep(-0.12, 0.15, inside))
    });
    canvas.blend(Bounds::around(centre, 1.15 * size), |x, y| {
        let (inside, along, across) = shape(x - centre[0], y - centre[1]);
        let midrib = smoothstep(0.035, 0.015, across.abs());
        let veins = smoothstep(0.75, 0.95, ((along - across.abs() * 0.8) * 20.0).cos());
        let fold = 1.0 + 0.16 * across.signum() - 0.25 * smoothstep(0.12, 0.0, inside);
        let lit = shade(colour, fold - 0.12 * veins);
        (mix(lit, shade(colour, 1.35), 0.7 * midrib), (inside * size / pixel + 0.5).clamp(0.0, 1.0))
    });
}
