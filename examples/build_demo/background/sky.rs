//! Open sky: cumulus clouds lit from one side, from noon blue to evening.

use crate::canvas::Canvas;
use crate::colour::{hsv, mix, ramp, smoothstep};
use crate::dice::Dice;
use crate::noise::Noise;

pub fn paint(canvas: &mut Canvas, dice: &mut Dice) {
    let noise = Noise::new(dice.seed());
    let evening = dice.range(0.0, 1.0).powi(2);
    let hue = dice.range(0.55, 0.61);
    let stops = [
        (0.0, mix(hsv(hue, 0.72, 0.78), hsv(0.66, 0.5, 0.55), evening)),
        (0.6, mix(hsv(hue - 0.02, 0.45, 0.95), hsv(0.04, 0.3, 0.92), evening)),
        (1.0, mix(hsv(hue - 0.03, 0.2, 0.99), hsv(0.1, 0.45, 1.0), evening)),
    ];
    let scale = dice.range(1.6, 3.2);
    let cover = dice.range(-0.12, 0.16);
    let light = [dice.pick([-0.05, 0.05]), -0.07];
    let (bright, grey) =
        (mix([1.0; 3], [1.0, 0.88, 0.78], evening), mix([0.68, 0.75, 0.86], [0.6, 0.5, 0.62], evening));
    let density = |x: f32, y: f32| {
        // Clouds are wider than high, and flatter towards the horizon.
        let (u, v) = (x * scale, y * scale * 1.7);
        let swirl = 0.16 * noise.gradient(2.0 * u, 2.0 * v);
        noise.fractal(u + swirl, v + swirl, 5) + cover
    };
    canvas.fill(|x, y| {
        let thick = density(x, y);
        let toward_light = density(x + light[0], y + light[1]);
        let lit = smoothstep(-0.3, 0.35, thick - toward_light + 0.05);
        let wisps = 0.12 * smoothstep(0.0, 0.8, noise.fractal(x * 2.0, 40.0 + y * 8.0, 4));
        let sky = mix(ramp(&stops, y), bright, wisps);
        mix(sky, mix(grey, bright, lit), smoothstep(0.0, 0.42, thick))
    });
}
