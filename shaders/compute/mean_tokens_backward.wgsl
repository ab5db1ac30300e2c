// Each token of an image gets its share of the gradient of their mean.

struct Sizes {
    // Elements of the result.
    count: u32,
    width: u32,
    tokens: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> d_out: array<f32>;
@group(0) @binding(2) var<storage, read_write> d_x: array<f32>;

@compute @workgroup_size(ELEMENTS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = folded(group, groups) * ELEMENTS + lane;
    if i >= sizes.count {
        return;
    }
    let image = i / (sizes.tokens * sizes.width);
    d_x[i] = d_out[image * sizes.width + i % sizes.width] / f32(sizes.tokens);
}
