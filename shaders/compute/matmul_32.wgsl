// Matrix product in tiles of 32 × 32, 16 numbers per lane: for small matrices, which larger tiles would leave too few
// work groups to fill the hardware.

const TILE: u32 = 32u;
const DEPTH: u32 = 8u;
const SIDE: u32 = 8u;

@compute @workgroup_size(SIDE, SIDE)
fn main(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let start = starts(tile.z);
    let row = sizes.first_row + tile.y * TILE;
    let column = tile.x * TILE;
    var c0 = vec4<f32>(0.0);
    var c1 = vec4<f32>(0.0);
    var c2 = vec4<f32>(0.0);
    var c3 = vec4<f32>(0.0);
    let length = inner_length(tile.z);
    var fetched = fetch(start, row, column, 0u, length, lane);
    for (var inner = 0u; inner < length; inner += DEPTH) {
        share(fetched, lane);
        workgroupBarrier();
        // The next step's numbers are on their way while this one's are multiplied.
        fetched = fetch(start, row, column, inner + DEPTH, length, lane);
        for (var i = 0u; i < DEPTH; i++) {
            let left = a_tile[i * PITCH + local.y];
            let right = b_tile[i * PITCH + local.x];
            c0 = fma(vec4<f32>(left.x), right, c0);
            c1 = fma(vec4<f32>(left.y), right, c1);
            c2 = fma(vec4<f32>(left.z), right, c2);
            c3 = fma(vec4<f32>(left.w), right, c3);
        }
        workgroupBarrier();
    }
    let my_row = row + 4u * local.y;
    let my_column = column + 4u * local.x;
    write_quad(start.z, my_row, my_column, c0);
    write_quad(start.z, my_row + 1u, my_column, c1);
    write_quad(start.z, my_row + 2u, my_column, c2);
    write_quad(start.z, my_row + 3u, my_column, c3);
}
