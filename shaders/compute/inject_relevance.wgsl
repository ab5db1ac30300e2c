// The relevance's share of the loss's gradient, added to that of the attention maps in place:
// d_A += [A ⊙ G > 0] · G · w_h · row_i · column_j.

struct Sizes {
    // Elements of the maps.
    count: u32,
    tokens: u32,
    queries: u32,
    heads: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read> gradients: array<f32>;
@group(0) @binding(3) var<storage, read> head_weights: array<f32>;
@group(0) @binding(4) var<storage, read> row: array<f32>;
@group(0) @binding(5) var<storage, read> column: array<f32>;
@group(0) @binding(6) var<storage, read_write> d_maps: array<f32>;

@compute @workgroup_size(ELEMENTS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = folded(group, groups) * ELEMENTS + lane;
    if at >= sizes.count {
        return;
    }
    let key = at % sizes.tokens;
    let query = at / sizes.tokens % sizes.queries;
    let matrix = at / (sizes.tokens * sizes.queries);
    let image = matrix / sizes.heads;
    let gradient = gradients[at];
    if maps[at] * gradient > 0.0 {
        let outer = row[image * sizes.tokens + query] * column[image * sizes.tokens + key];
        d_maps[at] += gradient * head_weights[matrix % sizes.heads] * outer;
    }
}
