// Adds Σ x² to a few numbers whose total is meant: each work group adds what its lanes found to the number of its place.

struct Sizes {
    count: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    var sum = 0.0;
    for (var i = group.x * LANES + lane; i < sizes.count; i += groups.x * LANES) {
        sum += x[i] * x[i];
    }
    sum = sum_of_lanes(sum, lane);
    if lane == 0u {
        sums[group.x] += sum;
    }
}
