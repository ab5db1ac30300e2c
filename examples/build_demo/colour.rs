//! Colours as three gamma-coded channels in [0, 1], mixed as screens and image editors mix them.

/// Red, green, blue, sRGB-coded, each in [0, 1].
pub type Rgb = [f32; 3];

/// `a` at `t` = 0, `b` at `t` = 1.
pub fn mix(a: Rgb, b: Rgb, t: f32) -> Rgb {
    let t = t.clamp(0.0, 1.0);
    [0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * t)
}

/// Brighter (`factor` > 1) or darker.
pub fn shade(colour: Rgb, factor: f32) -> Rgb {
    colour.map(|channel| channel * factor)
}

/// Hue in turns, saturation and value in [0, 1].
pub fn hsv(hue: f32, saturation: f32, value: f32) -> Rgb {
    [5.0, 3.0, 1.0].map(|offset| {
        let k = (offset + hue.rem_euclid(1.0) * 6.0) % 6.0;
        value * (1.0 - saturation * k.min(4.0 - k).clamp(0.0, 1.0))
    })
}

/// A gradient through colours at ascending positions.
pub fn ramp(stops: &[(f32, Rgb)], position: f32) -> Rgb {
    let mut colour = stops.first().map_or([0.0; 3], |stop| stop.1);
    for pair in stops.windows(2) {
        let ((from, a), (to, b)) = (pair[0], pair[1]);
        if position >= from {
            colour = mix(a, b, (position - from) / (to - from));
        }
    }
    colour
}

/// 0 below `low`, 1 above `high`, smooth between; falls instead when `low` > `high`.
pub fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
