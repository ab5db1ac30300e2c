//! A brick wall in running bond: mortar, bricks of varied burn, weathering, slanting light.

use crate::canvas::Canvas;
use crate::colour::{hsv, mix, shade, smoothstep};
use crate::dice::Dice;
use crate::noise::Noise;

pub fn paint(canvas: &mut Canvas, dice: &mut Dice) {
    let noise = Noise::new(dice.seed());
    let rows = dice.range(8.0, 13.0);
    let columns = rows / dice.range(2.1, 2.6);
    let hue = dice.range(0.005, 0.055);
    let (saturation, value) = (dice.range(0.45, 0.65), dice.range(0.55, 0.72));
    let mortar = mix([0.78, 0.75, 0.7], [0.5, 0.48, 0.46], dice.range(0.0, 1.0));
    let painted = dice.chance(0.2);
    let light_from = dice.pick([-1.0, 1.0]);
    let (offset_x, offset_y) = (dice.range(0.0, 1.0), dice.range(0.0, 1.0));
    canvas.fill(|x, y| {
        let wobble = 0.03 * noise.fractal(x * 40.0, y * 40.0, 2);
        let down = y * rows + offset_y + wobble;
        let course = down.floor();
        let along = x * columns + offset_x + 0.5 * (course as i32 & 1) as f32 + 0.4 * wobble;
        let brick = (along.floor() as i32, course as i32);
        // Distance to the brick's edge in units of a course's height.
        let (u, v) = (along - along.floor(), down - course);
        let edge_u = u.min(1.0 - u) * rows / columns;
        let edge = edge_u.min(v.min(1.0 - v));
        let burn = noise.at(brick.0, brick.1);
        let mut colour = hsv(hue + 0.03 * (burn - 0.5), saturation, value * (0.72 + 0.45 * noise.at(brick.1, brick.0)));
        if painted {
            colour = mix(colour, [0.86, 0.84, 0.8], 0.75 - 0.3 * burn);
        }
        let grain = noise.fractal(x * 90.0, y * 90.0, 3);
        let pores = smoothstep(0.35, 0.7, noise.fractal(x * 60.0, 31.0 + y * 60.0, 2));
        colour = shade(colour, 1.0 + 0.13 * grain - 0.25 * pores);
        // A bevel: the upper edge catches light, the lower one lies in shadow.
        let bevel = smoothstep(0.22, 0.08, edge) * (0.5 - v) * 0.5;
        colour = shade(colour, 1.0 + bevel);
        let joint = shade(mortar, 0.82 + 0.12 * grain - 0.25 * smoothstep(0.6, 1.0, v));
        let weather =
            1.0 + 0.12 * noise.fractal(x * 3.0, 7.0 + y * 2.0, 3) + 0.16 * light_from * (x - 0.5) - 0.16 * (y - 0.4);
        shade(mix(joint, colour, smoothstep(0.06, 0.1, edge)), weather)
    });
}
