// Mean and 1/σ of a row of `x`, in two sweeps: the squares about the mean, not about zero, keep all digits.
fn moments_of_row(start: u32, width: u32, eps: f32, lane: u32) -> vec2<f32> {
    var sum = 0.0;
    for (var i = lane; i < width; i += LANES) {
        sum += x[start + i];
    }
    let mean = sum_of_lanes(sum, lane) / f32(width);
    var squares = 0.0;
    for (var i = lane; i < width; i += LANES) {
        let centred = x[start + i] - mean;
        squares += centred * centred;
    }
    let variance = sum_of_lanes(squares, lane) / f32(width);
    return vec2<f32>(mean, 1.0 / sqrt(variance + eps));
}
