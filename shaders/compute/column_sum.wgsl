// x, or x ⊙ y, summed over each chunk of its rows. 32 columns of a chunk per work group; eight lanes share the rows of
// each.

struct Sizes {
    rows: u32,
    width: u32,
    // Rows of one chunk.
    chunk: u32,
    // 1: x ⊙ y.
    products: u32,
}

const COLUMNS: u32 = 32u;
const SLICES: u32 = 8u;

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;

var<workgroup> slice_sums: array<f32, COLUMNS * SLICES>;

@compute @workgroup_size(COLUMNS, SLICES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let blocks = (sizes.width + COLUMNS - 1u) / COLUMNS;
    let index = folded(group, groups);
    let chunk = index / blocks;
    let column = index % blocks * COLUMNS + local.x;
    let first = chunk * sizes.chunk;
    let end = min(sizes.rows, first + sizes.chunk);
    var sum = 0.0;
    if column < sizes.width {
        for (var row = first + local.y; row < end; row += SLICES) {
            let at = row * sizes.width + column;
            var value = x[at];
            if sizes.products != 0u {
                value *= y[at];
            }
            sum += value;
        }
    }
    slice_sums[lane] = sum;
    workgroupBarrier();
    // Work groups that fold into the second dimension may be more than there are chunks; no rows at all sum to zero.
    if local.y == 0u && column < sizes.width && first < max(sizes.rows, 1u) {
        for (var slice = 1u; slice < SLICES; slice++) {
            sum += slice_sums[slice * COLUMNS + local.x];
        }
        sums[chunk * sizes.width + column] = sum;
    }
}
