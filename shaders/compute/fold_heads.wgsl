// The end of a step of the relevance rule: factor·(row + the shares of all heads), in the order of the heads.

struct Sizes {
    // Elements of the result, [images, tokens].
    count: u32,
    tokens: u32,
    heads: u32,
    factor: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> row: array<f32>;
@group(0) @binding(2) var<storage, read> shares: array<f32>;
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
    let image = i / sizes.tokens;
    var sum = row[i];
    for (var head = 0u; head < sizes.heads; head++) {
        sum += shares[(image * sizes.heads + head) * sizes.tokens + i % sizes.tokens];
    }
    out[i] = sizes.factor * sum;
}
