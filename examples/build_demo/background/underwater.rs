//! A lagoon from inside: blue depth, beams, sand with caustics, kelp, bubbles.

use super::terrain::{below_skyline, light_shafts};
use crate::canvas::{Canvas, Stroke};
use crate::colour::{hsv, mix, ramp, shade};
use crate::dice::Dice;
use crate::noise::Noise;

pub fn paint(canvas: &mut Canvas, dice: &mut Dice) {
    let noise = Noise::new(dice.seed());
    let hue = dice.range(0.5, 0.58);
    let stops = [(0.0, hsv(hue - 0.03, 0.45, 0.95)), (0.35, hsv(hue, 0.75, 0.75)), (1.0, hsv(hue + 0.05, 0.85, 0.36))];
    canvas.fill(|x, y| shade(ramp(&stops, y + 0.05 * noise.fractal(2.0 * x, 2.0 * y, 2)), 1.0));
    let reef = hsv(hue + 0.03, 0.7, 0.42);
    let floor = dice.range(0.68, 0.86);
    below_skyline(
        canvas,
        |x| floor - 0.06 - 0.1 * noise.fractal(3.0 * x, 40.0, 4),
        |_, depth, below| mix(reef, below, 0.45 + depth),
    );
    let sand = mix(hsv(0.12, 0.3, 0.8), hsv(hue, 0.6, 0.6), dice.range(0.35, 0.6));
    below_skyline(
        canvas,
        |x| floor + 0.02 * noise.fractal(2.0 * x, 5.0, 3),
        |x, depth, below| {
            let perspective = 0.25 + depth / (1.0 - floor);
            let net = noise.ridged(7.0 * x / perspective.sqrt(), 22.0 * depth / perspective, 2).powi(7);
            let grain = noise.fractal(80.0 * x, 160.0 * depth, 2);
            let lit = shade(sand, 0.72 + 0.1 * grain + 0.55 * net);
            mix(below, lit, 0.45 + 3.0 * depth)
        },
    );
    light_shafts(canvas, dice, mix([0.4, 0.55, 0.5], hsv(hue, 0.3, 0.5), 0.5), 0.95);
    for _ in 0..3 + dice.below(5) {
        kelp(canvas, dice, floor, hue);
    }
    for _ in 0..4 + dice.below(5) {
        bubbles(canvas, dice);
    }
}

fn kelp(canvas: &mut Canvas, dice: &mut Dice, floor: f32, hue: f32) {
    let side: f32 = dice.pick([0.0, 1.0]);
    let root = [side + (0.5 - side).signum() * dice.range(0.0, 0.25), dice.range(floor + 0.02, 1.05)];
    let length = dice.range(0.25, 0.6);
    let colour = mix(hsv(dice.range(0.3, 0.42), 0.75, 0.45), hsv(hue, 0.8, 0.4), dice.range(0.0, 0.5));
    let sway = dice.around(0.0, 0.12);
    for _ in 0..4 {
        let spread = dice.around(0.0, 0.08);
        canvas.stroke(&Stroke {
            from: [root[0] + 0.2 * spread, root[1]],
            bend: [root[0] + sway + spread, root[1] - 0.5 * length],
            to: [root[0] + spread - 0.6 * sway, root[1] - length * dice.range(0.7, 1.0)],
            width: [0.022, 0.004],
            colour: [shade(colour, 0.6), shade(colour, dice.range(0.9, 1.25))],
        });
    }
}

/// A string of rising bubbles with bright rims and highlights.
fn bubbles(canvas: &mut Canvas, dice: &mut Dice) {
    let (x, mut y) = (dice.range(0.0, 1.0), dice.range(0.3, 1.0));
    for _ in 0..5 {
        let radius = dice.range(0.004, 0.014);
        let centre = [x + dice.around(0.0, 0.02), y];
        canvas.disc(centre, radius, [0.8, 0.95, 1.0], 0.35);
        canvas.disc(centre, 0.75 * radius, [0.3, 0.65, 0.8], 0.35);
        canvas.disc([centre[0] - 0.35 * radius, centre[1] - 0.35 * radius], 0.28 * radius, [1.0; 3], 0.95);
        y -= dice.range(0.03, 0.08);
    }
}
