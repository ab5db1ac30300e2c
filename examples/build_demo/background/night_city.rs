//! A city at night: glowing dusk, towers with lit windows, street lamps, reflections on wet ground.

use crate::canvas::{Bounds, Canvas};
use crate::colour::{Rgb, hsv, mix, shade, smoothstep};
use crate::dice::Dice;
use crate::noise::Noise;

pub fn paint(canvas: &mut Canvas, dice: &mut Dice) {
    let noise = Noise::new(dice.seed());
    let street = dice.range(0.7, 0.84);
    let hue = dice.range(0.6, 0.8);
    let (zenith, dusk) =
        (hsv(hue, 0.7, 0.13), mix(hsv(hue + 0.08, 0.6, 0.38), hsv(0.05, 0.6, 0.5), dice.range(0.0, 0.6)));
    canvas.fill(|x, y| {
        let smog = 0.12 * noise.fractal(2.0 * x, 3.0 * y, 3);
        mix(zenith, dusk, (y / street).powi(2) + smog)
    });
    for _ in 0..40 {
        let star = [dice.range(0.0, 1.0), dice.range(0.0, 0.4)];
        canvas.disc(star, dice.range(0.0006, 0.0018), [0.9, 0.9, 1.0], dice.range(0.3, 0.9));
    }
    let moon = [dice.range(0.1, 0.9), dice.range(0.06, 0.2)];
    canvas.glow(moon, 0.22, [0.3, 0.3, 0.36]);
    canvas.disc(moon, 0.035, [0.97, 0.95, 0.86], 1.0);
    for layer in 0..3 {
        let nearness = layer as f32 / 2.0;
        let wall = mix(dusk, hsv(hue, 0.55, 0.1), 0.55 + 0.45 * nearness);
        let mut x = dice.range(-0.1, 0.0);
        while x < 1.0 {
            let width = dice.range(0.07, 0.13) + 0.06 * nearness;
            let top = street - dice.range(0.15, 0.3) * (2.3 - nearness);
            tower(canvas, dice, Bounds { left: x, top, right: x + width, bottom: street }, wall, nearness);
            x += width + dice.range(-0.01, 0.03);
        }
    }
    let wet = Bounds { left: 0.0, top: street, right: 1.0, bottom: 1.0 };
    let asphalt = hsv(hue, 0.35, 0.11);
    canvas.blend(wet, |x, y| {
        let depth = (y - street) / (1.0 - street);
        let sheen = smoothstep(-0.1, 0.6, noise.fractal(14.0 * x, 2.0 * depth, 3)) * (1.0 - 0.6 * depth);
        (mix(asphalt, shade(dusk, 1.2), 0.7 * sheen), 1.0)
    });
    lamps(canvas, dice, street);
}

fn tower(canvas: &mut Canvas, dice: &mut Dice, walls: Bounds, wall: Rgb, nearness: f32) {
    let noise = Noise::new(dice.seed());
    let pitch = 0.014 + 0.009 * nearness;
    let lit_share = dice.range(0.25, 0.6);
    let warm = hsv(dice.range(0.09, 0.15), 0.55, 0.98);
    let cold = hsv(0.55, 0.25, 0.95);
    canvas.blend(walls, |x, y| {
        let (u, v) = ((x - walls.left) / pitch, (y - walls.top) / (1.35 * pitch));
        let (cell_u, cell_v) = (u.floor(), v.floor());
        let window = (u - cell_u - 0.5).abs() < 0.3 && (v - cell_v - 0.5).abs() < 0.32 && v > 1.0;
        let margin = (x - walls.left).min(walls.right - x) < 0.4 * pitch;
        let lamp = noise.at(cell_u as i32, cell_v as i32);
        let facade = shade(wall, 1.0 + 0.35 * ((x - walls.left) / (walls.right - walls.left) - 0.5));
        if !window || margin || lamp > lit_share {
            return (if window { shade(facade, 0.75) } else { facade }, 1.0);
        }
        let light = if noise.at(cell_v as i32, cell_u as i32) < 0.8 { warm } else { cold };
        (mix(facade, light, (0.45 + 0.9 * lamp) * (0.6 + 0.4 * nearness)), 1.0)
    });
}

/// Lamps and signs out of focus, each with its smeared reflection on the wet street.
fn lamps(canvas: &mut Canvas, dice: &mut Dice, street: f32) {
    for _ in 0..9 + dice.below(7) {
        let light = hsv(dice.pick([0.1, 0.12, 0.0, 0.5, 0.88, 0.13]), dice.range(0.5, 0.8), 1.0);
        let centre = [dice.range(0.0, 1.0), street - dice.range(-0.01, 0.1)];
        let radius = dice.range(0.008, 0.022);
        canvas.glow(centre, 5.0 * radius, shade(light, 0.6));
        canvas.disc(centre, radius, mix(light, [1.0; 3], 0.35), 0.75);
        let mirror =
            Bounds { left: centre[0] - 3.0 * radius, top: street, right: centre[0] + 3.0 * radius, bottom: 1.0 };
        canvas.add_light(mirror, |x, y| {
            let across = (x - centre[0]) / (1.2 * radius);
            let fade = (1.0 - (y - street) / (1.0 - street)).max(0.0);
            let broken = 0.65 + 0.35 * (190.0 * y + 4.0 * across).sin();
            shade(light, 0.6 * (-across * across).exp() * fade * broken)
        });
    }
}
