//! A summer meadow: sky, hills, grass blades that grow towards the viewer, daisies.

use super::terrain::below_skyline;
use crate::canvas::{Canvas, Stroke};
use crate::colour::{hsv, mix, shade};
use crate::dice::Dice;
use crate::noise::Noise;

const BLADES: usize = 1300;

pub fn paint(canvas: &mut Canvas, dice: &mut Dice) {
    let noise = Noise::new(dice.seed());
    let horizon = dice.range(0.1, 0.3);
    let hue = dice.range(0.23, 0.31);
    let light = dice.range(0.85, 1.1);
    let (zenith, haze) = (hsv(dice.range(0.54, 0.6), 0.5, 0.95), [0.88, 0.95, 0.98]);
    canvas.fill(|_, y| mix(zenith, haze, y / horizon));
    let hill = shade(hsv(hue + 0.08, 0.4, 0.68), light);
    below_skyline(
        canvas,
        |x| horizon - 0.05 - 0.05 * noise.fractal(2.0 * x, 3.0, 3),
        |_, depth, _| shade(hill, 1.05 - 2.0 * depth),
    );
    let (far, near) = (shade(hsv(hue - 0.03, 0.55, 0.78), light), shade(hsv(hue + 0.03, 0.75, 0.42), light));
    let waves = |x: f32| horizon + 0.015 * noise.gradient(3.0 * x, 9.0);
    below_skyline(canvas, waves, |x, depth, _| {
        let near_share = (depth / (1.0 - horizon)).sqrt();
        let stretch = 14.0 / (0.2 + near_share);
        let patch = noise.fractal(x * stretch * 0.5, depth * stretch * 1.6, 3);
        shade(mix(far, near, near_share), 1.0 + 0.22 * patch)
    });
    let wind = dice.around(0.0, 0.5);
    for index in 0..BLADES {
        let nearness = index as f32 / BLADES as f32;
        let root = [dice.range(-0.05, 1.05), horizon + (1.04 - horizon) * nearness.powf(1.3)];
        if dice.chance(0.035) {
            daisy(canvas, dice, root, 0.004 + 0.011 * nearness);
            continue;
        }
        let length = (0.014 + 0.085 * nearness * nearness) * dice.range(0.6, 1.3);
        let lean = length * (wind + dice.around(0.0, 0.45));
        let base = mix(far, near, nearness.sqrt() * dice.range(0.6, 1.2));
        canvas.stroke(&Stroke {
            from: root,
            bend: [root[0] + 0.15 * lean, root[1] - 0.6 * length],
            to: [root[0] + lean, root[1] - length],
            width: [0.0025 + 0.007 * nearness, 0.0005],
            colour: [shade(base, 0.8), shade(mix(base, far, 0.5), dice.range(1.0, 1.25))],
        });
    }
}

fn daisy(canvas: &mut Canvas, dice: &mut Dice, centre: [f32; 2], radius: f32) {
    let petal = dice.pick([[0.98, 0.98, 0.95], [0.98, 0.93, 0.6], [0.93, 0.8, 0.95]]);
    for step in 0..7 {
        let angle = step as f32 * std::f32::consts::TAU / 7.0;
        let at = [centre[0] + radius * angle.cos(), centre[1] + 0.7 * radius * angle.sin()];
        canvas.disc(at, 0.55 * radius, petal, 1.0);
    }
    canvas.disc(centre, 0.5 * radius, [0.95, 0.72, 0.15], 1.0);
}
