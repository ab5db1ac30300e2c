// The sum of each chunk of x, or of its squares; one work group per chunk.

struct Sizes {
    count: u32,
    chunk: u32,
    // 1: of the squares.
    squares: u32,
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
    let index = folded(group, groups);
    // The last chunk may be short; work groups beyond it have nothing to do.
    if index * sizes.chunk >= sizes.count {
        return;
    }
    let end = min(sizes.count, (index + 1u) * sizes.chunk);
    var sum = 0.0;
    for (var i = index * sizes.chunk + lane; i < end; i += LANES) {
        let value = x[i];
        sum += select(value, value * value, sizes.squares != 0u);
    }
    sum = sum_of_lanes(sum, lane);
    if lane == 0u {
        sums[index] = sum;
    }
}
