// The same prefix tokens in front of every image's patches.

struct Sizes {
    // Elements of the result.
    count: u32,
    width: u32,
    prefix: u32,
    patches: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> prefix: array<f32>;
@group(0) @binding(2) var<storage, read> patches: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

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
    let tokens = sizes.prefix + sizes.patches;
    let row = i / sizes.width;
    let image = row / tokens;
    let token = row % tokens;
    let column = i % sizes.width;
    if token < sizes.prefix {
        out[i] = prefix[token * sizes.width + column];
    } else {
        out[i] = patches[(image * sizes.patches + token - sizes.prefix) * sizes.width + column];
    }
}
