//! A sand desert: warm sky, sun, dunes with sharp crests, a lit and a shadowed flank, wind ripples.

use super::terrain::below_skyline;
use crate::canvas::Canvas;
use crate::colour::{hsv, mix, shade, smoothstep};
use crate::dice::Dice;
use crate::noise::Noise;

const DUNES: usize = 5;

pub fn paint(canvas: &mut Canvas, dice: &mut Dice) {
    let noise = Noise::new(dice.seed());
    let horizon = dice.range(0.2, 0.4);
    let hue = dice.range(0.07, 0.115);
    let evening = dice.range(0.0, 1.0);
    let zenith = mix(hsv(0.57, 0.5, 0.9), hsv(0.62, 0.35, 0.65), evening);
    let haze = mix([0.97, 0.92, 0.8], [0.99, 0.75, 0.5], evening);
    canvas.fill(|_, y| mix(zenith, haze, y / horizon));
    let sun = [dice.range(0.1, 0.9), horizon * dice.range(0.2, 0.8)];
    canvas.glow(sun, 0.4, [0.6, 0.5, 0.3]);
    canvas.disc(sun, 0.035, [1.0, 0.97, 0.85], 0.9);
    let light_side = if sun[0] < 0.5 { 1.0 } else { -1.0 };
    for dune in 0..DUNES {
        let nearness = dune as f32 / (DUNES - 1) as f32;
        let base = horizon + (0.86 - horizon) * nearness.powf(1.4) + dice.around(0.0, 0.02);
        let (swell, width) = (0.05 + 0.1 * nearness, 2.6 - 1.4 * nearness);
        let lane = dice.range(0.0, 90.0);
        let crest = |x: f32| base - swell * (1.5 * noise.ridged(width * x, lane, 1) - 0.9);
        let sand =
            mix(mix(hsv(hue, 0.5, 0.93), haze, 0.5 * (1.0 - nearness)), hsv(hue - 0.02, 0.7, 0.85), 0.5 * evening);
        let dark = mix(shade(sand, 0.55), [0.45, 0.3, 0.4], 0.25);
        below_skyline(canvas, crest, |x, depth, _| {
            // Each summit sends a winding edge down towards the viewer; the flank behind it is dark.
            let edge = x + light_side * (1.1 * depth + 0.04 * noise.gradient(9.0 * depth + lane, 5.0));
            let slope = (crest(edge + 0.02) - crest(edge - 0.02)) / 0.04 * light_side;
            let shadow = smoothstep(0.0, 0.1, slope) * smoothstep(2.4 * swell, 0.1 * swell, depth);
            let persp = 30.0 + 130.0 * (1.0 - nearness);
            let bend = 0.6 * noise.fractal(4.0 * x, 4.0 * depth + lane, 2);
            let ripples = ((depth * persp * 2.6 + 9.0 * bend + 6.0 * x) * 2.2).sin();
            let rough = 0.05 * noise.fractal(120.0 * x, 120.0 * depth, 2);
            let lit = shade(sand, 1.02 + 0.035 * ripples * nearness + rough - 0.35 * depth);
            mix(lit, dark, 0.8 * shadow)
        });
    }
}
