// Matrix product for a handful of rows: sixteen lanes share the sum of each number. Tiles would leave most of their
// rows empty, and a few work groups would walk the whole inner length alone.

const WIDTH: u32 = 16u;
const SLICES: u32 = 16u;

var<workgroup> lane_sums: array<f32, WIDTH * SLICES>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let start = starts(tile.z);
    let row = sizes.first_row + tile.y;
    // Neighbouring lanes read neighbouring numbers of B, whichever way it lies.
    let in_tile = select(lane % WIDTH, lane / SLICES, b_along_inner);
    let slice = select(lane / WIDTH, lane % SLICES, b_along_inner);
    let column = tile.x * WIDTH + in_tile;
    var sum = 0.0;
    if row < sizes.a_rows && column < sizes.columns {
        let a_row = start.x + row * sizes.a_row;
        let b_column = start.y + column * sizes.b_column;
        for (var inner = slice; inner < sizes.inner; inner += SLICES) {
            sum = fma(a[a_row + inner * sizes.a_inner], b[b_column + inner * sizes.b_inner], sum);
        }
    }
    lane_sums[in_tile * SLICES + slice] = sum;
    workgroupBarrier();
    for (var half = SLICES / 2u; half > 0u; half /= 2u) {
        if slice < half {
            lane_sums[in_tile * SLICES + slice] += lane_sums[in_tile * SLICES + slice + half];
        }
        workgroupBarrier();
    }
    if slice == 0u && row < sizes.rows && column < sizes.columns {
        write_one(start.z, row, column, lane_sums[in_tile * SLICES]);
    }
}
