// Some tokens of every image moved to another place among theirs, zeros around them.

struct Sizes {
    // Elements of the result.
    count: u32,
    width: u32,
    tokens_in: u32,
    tokens_out: u32,
    // The first token to copy, where it goes, and how many follow.
    source: u32,
    target_token: u32,
    copied: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

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
    let row = i / sizes.width;
    let image = row / sizes.tokens_out;
    let token = row % sizes.tokens_out;
    var value = 0.0;
    if token >= sizes.target_token && token - sizes.target_token < sizes.copied {
        let taken = image * sizes.tokens_in + sizes.source + token - sizes.target_token;
        value = x[taken * sizes.width + i % sizes.width];
    }
    out[i] = value;
}
