//! A pond: trees on the far bank, their reflection in rippled water, lily pads, reeds.

use crate::canvas::{Bounds, Canvas, Stroke};
use crate::colour::{Rgb, hsv, mix, shade, smoothstep};
use crate::dice::Dice;
use crate::noise::Noise;

pub fn paint(canvas: &mut Canvas, dice: &mut Dice) {
    let noise = Noise::new(dice.seed());
    let shore = dice.range(0.14, 0.3);
    let tree_hue = dice.range(0.2, 0.36);
    let sky = mix(hsv(0.57, 0.3, 0.95), hsv(0.08, 0.3, 0.98), dice.range(0.0, 0.8));
    let deep = hsv(dice.range(0.45, 0.56), 0.55, dice.range(0.28, 0.42));
    // What stands above the shore, at a height above it: trees of ragged outline against the sky.
    let scene_above = |x: f32, height: f32| -> Rgb {
        let crown = 0.09 + 0.05 * noise.fractal(4.0 * x, 1.0, 4);
        let leaves = 0.75 + 0.45 * noise.fractal(30.0 * x, 30.0 * height, 3) + 2.5 * height;
        let trees = shade(hsv(tree_hue, 0.55, 0.45), leaves);
        mix(trees, sky, smoothstep(crown - 0.008, crown + 0.008, height))
    };
    canvas.fill(|x, y| {
        if y < shore {
            return scene_above(x, shore - y);
        }
        let nearness = (y - shore) / (1.0 - shore);
        // Ripples are finer and flatter towards the far bank.
        let fineness = 1.0 / (0.06 + nearness);
        let ripple = noise.fractal(x * 2.2 * fineness.powf(0.6), 5.0 * fineness.ln() * 5.0, 3);
        let mirrored = scene_above(x + 0.012 * ripple, 0.55 * (y - shore) + 0.05 * ripple * nearness.sqrt());
        let mirror_share = 0.8 - 0.4 * nearness + 0.28 * ripple;
        let glint = smoothstep(0.45, 0.8, ripple) * 0.35;
        mix(mix(deep, mirrored, mirror_share), sky, glint)
    });
    let bank = Bounds { left: 0.0, top: shore - 0.004, right: 1.0, bottom: shore + 0.012 };
    canvas.blend(bank, |x, _| (shade([0.3, 0.27, 0.16], 0.8 + 0.4 * noise.gradient(60.0 * x, 2.0)), 0.75));
    for _ in 0..4 + dice.below(8) {
        lily_pad(canvas, dice, shore);
    }
    let side: f32 = dice.pick([0.0, 1.0]);
    for _ in 0..14 + dice.below(16) {
        reed(canvas, dice, side, tree_hue);
    }
}

fn lily_pad(canvas: &mut Canvas, dice: &mut Dice, shore: f32) {
    let nearness = dice.range(0.05, 1.0);
    let centre = [dice.range(0.0, 1.0), shore + (1.0 - shore) * nearness];
    let radius = (0.012 + 0.06 * nearness) * dice.range(0.7, 1.2);
    let (notch, colour) =
        (dice.range(0.0, std::f32::consts::TAU), hsv(dice.range(0.24, 0.36), 0.6, dice.range(0.45, 0.65)));
    let pixel = canvas.pixel();
    canvas.blend(Bounds::around([centre[0], centre[1] + 0.006], radius), |x, y| {
        let distance = ((x - centre[0]).powi(2) + ((y - centre[1] - 0.006) * 2.6).powi(2)).sqrt();
        ([0.03, 0.08, 0.08], 0.45 * smoothstep(radius, 0.8 * radius, distance))
    });
    canvas.blend(Bounds::around(centre, radius), |x, y| {
        let (dx, dy) = (x - centre[0], (y - centre[1]) * 2.6);
        let (distance, angle) = (dx.hypot(dy), dy.atan2(dx) - notch);
        let cut = angle.sin().abs() < 0.18 && angle.cos() > 0.0;
        let veins = 1.0 + 0.08 * (angle * 11.0).cos() - 0.15 * distance / radius;
        let inside = ((radius - distance) / pixel).clamp(0.0, 1.0);
        (shade(colour, veins), if cut { 0.0 } else { inside })
    });
    if dice.chance(0.25) {
        for step in 0..8 {
            let angle = step as f32 * std::f32::consts::TAU / 8.0;
            let petal =
                [centre[0] + 0.2 * radius * angle.cos(), centre[1] - 0.12 * radius + 0.12 * radius * angle.sin()];
            canvas.disc(petal, 0.13 * radius, [0.97, 0.78, 0.88], 1.0);
        }
        canvas.disc([centre[0], centre[1] - 0.14 * radius], 0.1 * radius, [0.98, 0.85, 0.4], 1.0);
    }
}

fn reed(canvas: &mut Canvas, dice: &mut Dice, side: f32, hue: f32) {
    let root = [side + (0.5 - side).signum() * dice.range(-0.02, 0.2), dice.range(0.85, 1.08)];
    let length = dice.range(0.2, 0.5);
    let lean = dice.around(0.0, 0.08);
    let tip = [root[0] + lean, root[1] - length];
    let colour = hsv(hue - 0.02 + dice.around(0.0, 0.03), 0.6, dice.range(0.35, 0.6));
    canvas.stroke(&Stroke {
        from: root,
        bend: [root[0] + 0.2 * lean, root[1] - 0.6 * length],
        to: tip,
        width: [0.011, 0.002],
        colour: [shade(colour, 0.6), shade(colour, 1.15)],
    });
    if dice.chance(0.25) {
        let cattail = [[0.32, 0.2, 0.1], [0.42, 0.27, 0.14]];
        let low = [tip[0] - 0.1 * lean, tip[1] + 0.08];
        canvas.stroke(&Stroke { from: low, bend: tip, to: tip, width: [0.017, 0.014], colour: cattail });
    }
}
