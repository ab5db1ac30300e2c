// Softmax in place over each row; one work group per row.

struct Sizes {
    rows: u32,
    width: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;

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
    var largest = -3.0e38;
    for (var i = lane; i < sizes.width; i += LANES) {
        largest = max(largest, x[start + i]);
    }
    largest = max_of_lanes(largest, lane);
    var sum = 0.0;
    for (var i = lane; i < sizes.width; i += LANES) {
        let power = exp(x[start + i] - largest);
        x[start + i] = power;
        sum += power;
    }
    let inverse = 1.0 / sum_of_lanes(sum, lane);
    for (var i = lane; i < sizes.width; i += LANES) {
        x[start + i] *= inverse;
    }
}
