// One head's share of a step of the relevance rule: w_h Σ_i row_i · max(0, A ⊙ G)_{h,i,·}, or with A alone.
// 32 columns per work group; eight lanes share the query rows of each.

struct Sizes {
    tokens: u32,
    queries: u32,
    heads: u32,
    // 0: A alone.
    gradients: u32,
}

const COLUMNS: u32 = 32u;
const SLICES: u32 = 8u;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> row: array<f32>;
@group(0) @binding(2) var<storage, read> maps: array<f32>;
@group(0) @binding(3) var<storage, read> gradients: array<f32>;
@group(0) @binding(4) var<storage, read> head_weights: array<f32>;
// [images, heads, tokens]
@group(0) @binding(5) var<storage, read_write> shares: array<f32>;

var<workgroup> lane_sums: array<f32, COLUMNS * SLICES>;

@compute @workgroup_size(COLUMNS, SLICES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let column = group.x * COLUMNS + local.x;
    let head = group.y;
    let image = group.z;
    var sum = 0.0;
    if column < sizes.tokens {
        let start = (image * sizes.heads + head) * sizes.queries * sizes.tokens + column;
        for (var query = local.y; query < sizes.queries; query += SLICES) {
            let at = start + query * sizes.tokens;
            var product = maps[at];
            if sizes.gradients != 0u {
                product = max(product * gradients[at], 0.0);
            }
            sum += row[image * sizes.tokens + query] * product;
        }
    }
    lane_sums[lane] = sum;
    workgroupBarrier();
    if local.y == 0u && column < sizes.tokens {
        for (var slice = 1u; slice < SLICES; slice++) {
            sum += lane_sums[slice * COLUMNS + local.x];
        }
        shares[(image * sizes.heads + head) * sizes.tokens + column] = head_weights[head] * sum;
    }
}
