// A step of the relevance rule from the other side: column_i + Σ_h w_h Σ_j max(0, A ⊙ G)_{h,i,j} · column_j;
// one work group per token i. Query rows that nobody computed count as zeros.

struct Sizes {
    // images · tokens
    rows: u32,
    tokens: u32,
    queries: u32,
    heads: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> column: array<f32>;
@group(0) @binding(2) var<storage, read> maps: array<f32>;
@group(0) @binding(3) var<storage, read> gradients: array<f32>;
@group(0) @binding(4) var<storage, read> head_weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

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
    let image = row / sizes.tokens;
    let query = row % sizes.tokens;
    var sum = 0.0;
    if query < sizes.queries {
        for (var head = 0u; head < sizes.heads; head++) {
            let start = ((image * sizes.heads + head) * sizes.queries + query) * sizes.tokens;
            var share = 0.0;
            for (var key = lane; key < sizes.tokens; key += LANES) {
                share += max(maps[start + key] * gradients[start + key], 0.0) * column[image * sizes.tokens + key];
            }
            sum += head_weights[head] * share;
        }
    }
    sum = sum_of_lanes(sum, lane);
    if lane == 0u {
        out[row] = column[row] + sum;
    }
}
