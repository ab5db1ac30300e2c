// Gradient of the scores before the softmax: A ⊙ (G − rowsum(G ⊙ A)); one work group per row.

struct Sizes {
    rows: u32,
    width: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> gradients: array<f32>;
@group(0) @binding(2) var<storage, read> maps: array<f32>;
@group(0) @binding(3) var<storage, read_write> d_scores: array<f32>;

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
    var inner = 0.0;
    for (var i = lane; i < sizes.width; i += LANES) {
        inner += gradients[start + i] * maps[start + i];
    }
    inner = sum_of_lanes(inner, lane);
    for (var i = lane; i < sizes.width; i += LANES) {
        d_scores[start + i] = maps[start + i] * (gradients[start + i] - inner);
    }
}
