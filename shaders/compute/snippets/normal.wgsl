// Φ(x), the normal distribution function, and e^(−x²/2), which its derivative needs as well.
// Keep in sync with src/engine/cpu/math.rs: the fit and its error are told there.
fn normal_cdf(x: f32) -> vec2<f32> {
    let z = abs(x) * 0.70710678;
    let t = 1.0 / (1.0 + 0.42 * z);
    var p = 0.07655478;
    p = p * t - 0.3475196;
    p = p * t + 0.4895906;
    p = p * t - 0.17777234;
    p = p * t + 0.2952128;
    p = p * t + 0.18613924;
    p = p * t + 0.2410772;
    p = p * t + 0.23671732;
    // Beyond 13 the tail is below the smallest f32; some drivers answer a larger argument with NaN.
    let bounded = min(abs(x), 13.0);
    let bell = exp(-0.5 * bounded * bounded);
    let upper_tail = 0.5 * p * t * bell;
    return vec2<f32>(select(1.0 - upper_tail, upper_tail, x < 0.0), bell);
}

fn gelu_of(x: f32) -> f32 {
    return x * normal_cdf(x).x;
}

// d GELU / dx = Φ(x) + x·φ(x).
fn gelu_derivative(x: f32) -> f32 {
    let normal = normal_cdf(x);
    return normal.x + x * normal.y * 0.3989423;
}
