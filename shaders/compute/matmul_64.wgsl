// Matrix product in tiles of 64 × 64, 64 numbers per lane: each number fetched serves twice as often as in tiles of 32.

const TILE: u32 = 64u;
const DEPTH: u32 = 16u;
const LANES: u32 = 64u;

@compute @workgroup_size(8, 8)
fn main(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let start = starts(tile.z);
    let row = sizes.first_row + tile.y * TILE;
    let column = tile.x * TILE;
    // Rows 0 to 3 and 32 to 35 of the lane's place, each with a left and a right quad of columns. Named one by one:
    // compilers keep an array in registers only if they unroll every loop over it.
    var l0 = vec4<f32>(0.0);
    var r0 = vec4<f32>(0.0);
    var l1 = vec4<f32>(0.0);
    var r1 = vec4<f32>(0.0);
    var l2 = vec4<f32>(0.0);
    var r2 = vec4<f32>(0.0);
    var l3 = vec4<f32>(0.0);
    var r3 = vec4<f32>(0.0);
    var l4 = vec4<f32>(0.0);
    var r4 = vec4<f32>(0.0);
    var l5 = vec4<f32>(0.0);
    var r5 = vec4<f32>(0.0);
    var l6 = vec4<f32>(0.0);
    var r6 = vec4<f32>(0.0);
    var l7 = vec4<f32>(0.0);
    var r7 = vec4<f32>(0.0);
    for (var inner = 0u; inner < sizes.inner; inner += DEPTH) {
        load_tiles(start, row, column, inner, lane);
        workgroupBarrier();
        for (var i = 0u; i < DEPTH; i++) {
            let upper = a_tile[i * PITCH + local.y];
            let lower = a_tile[i * PITCH + local.y + 8u];
            let left = b_tile[i * PITCH + local.x];
            let right = b_tile[i * PITCH + local.x + 8u];
            l0 += upper.x * left;
            r0 += upper.x * right;
            l1 += upper.y * left;
            r1 += upper.y * right;
            l2 += upper.z * left;
            r2 += upper.z * right;
            l3 += upper.w * left;
            r3 += upper.w * right;
            l4 += lower.x * left;
            r4 += lower.x * right;
            l5 += lower.y * left;
            r5 += lower.y * right;
            l6 += lower.z * left;
            r6 += lower.z * right;
            l7 += lower.w * left;
            r7 += lower.w * right;
        }
        workgroupBarrier();
    }
    let my_row = row + 4u * local.y;
    let my_column = column + 4u * local.x;
    write_quad(start.z, my_row, my_column, l0);
    write_quad(start.z, my_row, my_column + 32u, r0);
    write_quad(start.z, my_row + 1u, my_column, l1);
    write_quad(start.z, my_row + 1u, my_column + 32u, r1);
    write_quad(start.z, my_row + 2u, my_column, l2);
    write_quad(start.z, my_row + 2u, my_column + 32u, r2);
    write_quad(start.z, my_row + 3u, my_column, l3);
    write_quad(start.z, my_row + 3u, my_column + 32u, r3);
    write_quad(start.z, my_row + 32u, my_column, l4);
    write_quad(start.z, my_row + 32u, my_column + 32u, r4);
    write_quad(start.z, my_row + 33u, my_column, l5);
    write_quad(start.z, my_row + 33u, my_column + 32u, r5);
    write_quad(start.z, my_row + 34u, my_column, l6);
    write_quad(start.z, my_row + 34u, my_column + 32u, r6);
    write_quad(start.z, my_row + 35u, my_column, l7);
    write_quad(start.z, my_row + 35u, my_column + 32u, r7);
}
