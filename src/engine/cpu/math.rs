//! Elementary functions written so that the compiler turns a loop over them into vector code.
//!
//! No branches, no table, no libm call; only plain `+ - * /`, so results are the same bits on every machine.

/// ln 2 in two parts: the first has so few bits that its product with a small integer is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// 1.5·2²³: adding it rounds a small float to an integer, which then stands in the low mantissa bits.
const ROUND: f32 = 12_582_912.0;

/// e^x with a relative error below 3e-7; arguments are clamped to the range of normal results.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    // Taylor series of e^r on |r| ≤ ln 2 / 2; the first term left out is below 6e-9.
    let mut p = 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    // 2^n, put together in the exponent bits.
    let power_of_two = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0f32.to_bits()));
    p * power_of_two
}

/// Coefficients of erfc(z)·e^(z²)/t in t = 1/(1 + 0.42·z), a least-squares fit of relative error
/// on 0 ≤ z ≤ 6 in double precision; largest relative error 3.7e-8.
const ERFC: [f32; 8] =
    [0.236_717_32, 0.241_077_2, 0.186_139_24, 0.295_212_8, -0.177_772_34, 0.489_590_6, -0.347_519_6, 0.076_554_78];
const ERFC_P: f32 = 0.42;

/// Φ(x), the normal distribution function, and e^(−x²/2), which its derivative needs as well.
#[inline(always)]
fn normal_cdf(x: f32) -> (f32, f32) {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + ERFC_P * z);
    let mut p = ERFC[7];
    p = p * t + ERFC[6];
    p = p * t + ERFC[5];
    p = p * t + ERFC[4];
    p = p * t + ERFC[3];
    p = p * t + ERFC[2];
    p = p * t + ERFC[1];
    p = p * t + ERFC[0];
    let bell = exp(-0.5 * x * x);
    let upper_tail = 0.5 * p * t * bell;
    let cdf = if x < 0.0 { upper_tail } else { 1.0 - upper_tail };
    (cdf, bell)
}

/// GELU(x) = x·Φ(x), the exact («erf») form.
#[inline(always)]
pub fn gelu(x: f32) -> f32 {
    x * normal_cdf(x).0
}

/// d GELU / dx = Φ(x) + x·φ(x).
#[inline(always)]
pub fn gelu_derivative(x: f32) -> f32 {
    const INV_SQRT_TAU: f32 = 0.398_942_3;
    let (cdf, bell) = normal_cdf(x);
    cdf + x * bell * INV_SQRT_TAU
}

/// Number of partial results kept side by side in a reduction: one AVX-512 register, two of AVX2.
const LANES: usize = 16;

/// Reduces in lanes with `each(lane, element)`, then joins the lanes with `join`.
#[inline(always)]
fn fold_lanes(x: &[f32], start: f32, each: impl Fn(f32, f32) -> f32, join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &v) in lanes.iter_mut().zip(chunk) {
            *lane = each(*lane, v);
        }
    }
    for (lane, &v) in lanes.iter_mut().zip(rest) {
        *lane = each(*lane, v);
    }
    lanes.into_iter().fold(start, join)
}

#[inline(always)]
pub fn sum(x: &[f32]) -> f32 {
    fold_lanes(x, 0.0, |a, b| a + b, |a, b| a + b)
}

#[inline(always)]
pub fn max(x: &[f32]) -> f32 {
    let larger = |a, b| if a > b { a } else { b };
    fold_lanes(x, f32::NEG_INFINITY, larger, larger)
}

/// Σ (x − mean)².
#[inline(always)]
pub fn sum_of_squares_about(x: &[f32], mean: f32) -> f32 {
    fold_lanes(x, 0.0, |a, b| a + (b - mean) * (b - mean), |a, b| a + b)
}

/// Σ x·y.
#[inline(always)]
pub fn dot(x: &[f32], y: &[f32]) -> f32 {
    sum_of_triples(x, y, y, |x, y, _| x * y)
}

/// Σ x·y·(z − mean).
#[inline(always)]
pub fn dot_with_centred(x: &[f32], y: &[f32], z: &[f32], mean: f32) -> f32 {
    sum_of_triples(x, y, z, |x, y, z| x * y * (z - mean))
}

/// Σ f(x, y, z).
#[inline(always)]
pub fn sum_of_triples(x: &[f32], y: &[f32], z: &[f32], f: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let ((xs, x_rest), (ys, y_rest), (zs, z_rest)) =
        (x.as_chunks::<LANES>(), y.as_chunks::<LANES>(), z.as_chunks::<LANES>());
    for ((x, y), z) in xs.iter().zip(ys).zip(zs) {
        for lane in 0..LANES {
            lanes[lane] += f(x[lane], y[lane], z[lane]);
        }
    }
    for (lane, ((x, y), z)) in lanes.iter_mut().zip(x_rest.iter().zip(y_rest).zip(z_rest)) {
        *lane += f(*x, *y, *z);
    }
    sum(&lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// erf by its Maclaurin series in double precision (converges for every |x| ≤ 4 used here).
    fn erf(x: f64) -> f64 {
        let mut term = x;
        let mut sum = x;
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn exp_is_within_a_few_ulp() {
        for i in -8600..=8700 {
            let x = i as f32 * 0.01;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 3e-7, "exp({x})");
        }
    }

    #[test]
    fn exp_underflows_to_almost_nothing_and_never_to_nan() {
        assert!(exp(f32::NEG_INFINITY) < 2e-38);
        assert!(exp(-1e30) < 2e-38);
        assert!(exp(1e30).is_finite());
    }

    #[test]
    fn gelu_and_its_derivative_match_the_series() {
        for i in -560..=560 {
            let x = f64::from(i) * 0.01;
            let cdf = 0.5 * (1.0 + erf(x / 2f64.sqrt()));
            let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
            // 3e-7 absolute: a few roundings of f32 numbers of size one (the fit itself is 4e-8).
            assert!((f64::from(gelu(x as f32)) - x * cdf).abs() < 3e-7 * (1.0 + x.abs()), "gelu({x})");
            let derivative = f64::from(gelu_derivative(x as f32));
            assert!((derivative - (cdf + x * density)).abs() < 4e-7 * (1.0 + x.abs()), "gelu'({x})");
        }
    }

    #[test]
    fn reductions_count_every_element_once() {
        for n in [0, 1, 15, 16, 17, 37, 64, 197] {
            let x: Vec<f32> = (0..n).map(|i| i as f32).collect();
            assert_eq!(sum(&x), (n * n.max(1) - n) as f32 / 2.0);
            assert_eq!(dot(&x, &x), x.iter().map(|v| v * v).sum::<f32>());
            let mean = 3.0;
            let squares = x.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>();
            assert_eq!(sum_of_squares_about(&x, mean), squares);
            assert_eq!(max(&x), if n == 0 { f32::NEG_INFINITY } else { n as f32 - 1.0 });
        }
    }
}
