// (x − mean)/σ·γ + β over each row; one work group per row.

struct Sizes {
    rows: u32,
    width: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gamma: array<f32>;
@group(0) @binding(3) var<storage, read> beta: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

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
    for (var i = lane; i < sizes.width; i += LANES) {
        out[start + i] = (x[start + i] - moments.x) * moments.y * gamma[i] + beta[i];
    }
}
