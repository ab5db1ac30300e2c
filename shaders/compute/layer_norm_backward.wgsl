// Gradient of layer norm with respect to x, plus the gradient that went around it; one work group per row.
// With x̂ the normalised row and g = d_out·γ: d_x = (g − mean(g) − x̂·mean(g·x̂)) / σ.

struct Sizes {
    rows: u32,
    width: u32,
    eps: f32,
    // 1 where there is one.
    residual: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> d_out: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> gamma: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> d_x: array<f32>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = folded(group, groups);
    if row >= sizes.rows {
        return;
    }
    let start = row * sizes.width;
    let moments = moments_of_row(start, sizes.width, sizes.eps, lane);
    var g_sum = 0.0;
    var gx_sum = 0.0;
    for (var i = lane; i < sizes.width; i += LANES) {
        let g = d_out[start + i] * gamma[i];
        g_sum += g;
        gx_sum += g * (x[start + i] - moments.x) * moments.y;
    }
    let g_mean = sum_of_lanes(g_sum, lane) / f32(sizes.width);
    let gx_mean = sum_of_lanes(gx_sum, lane) / f32(sizes.width);
    for (var i = lane; i < sizes.width; i += LANES) {
        let at = start + i;
        let normalised = (x[at] - moments.x) * moments.y;
        var gradient = moments.y * (d_out[at] * gamma[i] - g_mean - normalised * gx_mean);
        if sizes.residual != 0u {
            gradient += residual[at];
        }
        d_x[at] = gradient;
    }
}
