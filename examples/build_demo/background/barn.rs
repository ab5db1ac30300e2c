//! A barn: weathered planks with grain, knots and nails, lit through the gaps, straw on the floor.

use crate::canvas::{Canvas, Stroke};
use crate::colour::{hsv, mix, shade, smoothstep};
use crate::dice::Dice;
use crate::noise::Noise;

const STRAWS: usize = 320;

pub fn paint(canvas: &mut Canvas, dice: &mut Dice) {
    let noise = Noise::new(dice.seed());
    let planks = dice.range(5.0, 9.0);
    let red = dice.chance(0.35);
    let wood = if red {
        hsv(0.01, 0.68, 0.5)
    } else {
        hsv(dice.range(0.06, 0.09), dice.range(0.35, 0.6), dice.range(0.45, 0.62))
    };
    let offset = dice.range(0.0, 1.0);
    let lamp = [dice.range(0.1, 0.9), dice.range(0.0, 0.5)];
    let floor = dice.range(0.74, 0.88);
    canvas.fill(|x, y| {
        let across = x * planks + offset;
        let plank = across.floor();
        let u = across - plank;
        let id = plank as i32;
        let knot_at = [0.3 + 0.4 * noise.at(id, 5), noise.at(id, 9)];
        let (du, dv) = ((u - knot_at[0]) * 1.2, (y - knot_at[1]) * planks * 0.8);
        let knot = (-(du * du + dv * dv) * 22.0).exp();
        let warp = u * 5.0 + 2.2 * knot * du.signum() + 0.8 * noise.fractal(u * 1.5 + plank * 7.0, y * 2.0, 2);
        let grain = noise.fractal(warp * 2.5 + plank * 13.0, y * 1.6, 4);
        let fibres = noise.gradient(u * 34.0 + plank * 3.0, y * 7.0);
        let tone = 0.8 + 0.35 * noise.at(id, 1) + 0.26 * grain + 0.07 * fibres - 0.45 * knot;
        let edge = u.min(1.0 - u);
        let gap = smoothstep(0.035, 0.015, edge);
        let bevel = 0.2 * smoothstep(0.09, 0.03, edge) * (0.5 - u).signum();
        let light = 1.18 - 0.55 * (x - lamp[0]).hypot(y - lamp[1]) - 0.25 * smoothstep(floor - 0.2, floor, y);
        shade(mix(shade(wood, tone + bevel), [0.06, 0.04, 0.03], gap), light)
    });
    for beam in [0.12, 0.6] {
        for index in 0..planks as usize + 1 {
            let x = (index as f32 + 0.5 - offset) / planks;
            for side in [-0.2, 0.2] {
                let nail = [x + side / planks, beam + dice.around(0.0, 0.004)];
                canvas.disc([nail[0] + 0.001, nail[1] + 0.002], 0.005, [0.08, 0.05, 0.04], 0.7);
                canvas.disc(nail, 0.0038, [0.36, 0.33, 0.32], 1.0);
            }
        }
    }
    straw(canvas, dice, floor);
}

fn straw(canvas: &mut Canvas, dice: &mut Dice, floor: f32) {
    let noise = Noise::new(dice.seed());
    super::terrain::below_skyline(
        canvas,
        |x| floor + 0.025 * noise.fractal(4.0 * x, 1.0, 3),
        |x, depth, _| shade(hsv(0.12, 0.6, 0.5), 0.75 + depth + 0.4 * noise.fractal(30.0 * x, 40.0 * depth, 3)),
    );
    for index in 0..STRAWS {
        let nearness = index as f32 / STRAWS as f32;
        let from = [dice.range(-0.05, 1.05), floor - 0.01 + (1.06 - floor) * nearness];
        let (angle, length) = (dice.around(0.0, 1.0), dice.range(0.05, 0.11) * (0.6 + 0.6 * nearness));
        let to = [from[0] + length * angle.cos() * dice.pick([-1.0, 1.0]), from[1] - 0.7 * length * angle.sin()];
        let colour = hsv(dice.range(0.105, 0.145), dice.range(0.45, 0.7), dice.range(0.62, 0.95));
        canvas.stroke(&Stroke {
            from,
            bend: [0.5 * (from[0] + to[0]), 0.5 * (from[1] + to[1]) + dice.around(0.0, 0.015)],
            to,
            width: [0.0055, 0.004],
            colour: [shade(colour, 0.75), colour],
        });
    }
}
