// Matrix product in tiles of 64 × 64, 64 numbers per lane: each number fetched serves twice as often as in tiles of 32.

const TILE: u32 = 64u;
const DEPTH: u32 = 8u;
const SIDE: u32 = 8u;
const HALF: u32 = TILE / 2u;

@compute @workgroup_size(SIDE, SIDE)
fn main(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let start = starts(tile.z);
    let row = sizes.first_row + tile.y * TILE;
    let column = tile.x * TILE;
    // Rows 0 to 3 of the lane's place and those half a tile below, each with a left and a right quad of columns. Named
    // one by one: compilers keep an array in registers only if they unroll every loop over it.
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
    let length = inner_length(tile.z);
    var fetched = fetch(start, row, column, 0u, length, lane);
    for (var inner = 0u; inner < length; inner += DEPTH) {
        share(fetched, lane);
        workgroupBarrier();
        // The next step's numbers are on their way while this one's are multiplied.
        fetched = fetch(start, row, column, inner + DEPTH, length, lane);
        for (var i = 0u; i < DEPTH; i++) {
            let upper = a_tile[i * PITCH + local.y];
            let lower = a_tile[i * PITCH + local.y + SIDE];
            let left = b_tile[i * PITCH + local.x];
            let right = b_tile[i * PITCH + local.x + SIDE];
            l0 = fma(vec4<f32>(upper.x), left, l0);
            r0 = fma(vec4<f32>(upper.x), right, r0);
            l1 = fma(vec4<f32>(upper.y), left, l1);
            r1 = fma(vec4<f32>(upper.y), right, r1);
            l2 = fma(vec4<f32>(upper.z), left, l2);
            r2 = fma(vec4<f32>(upper.z), right, r2);
            l3 = fma(vec4<f32>(upper.w), left, l3);
            r3 = fma(vec4<f32>(upper.w), right, r3);
            l4 = fma(vec4<f32>(lower.x), left, l4);
            r4 = fma(vec4<f32>(lower.x), right, r4);
            l5 = fma(vec4<f32>(lower.y), left, l5);
            r5 = fma(vec4<f32>(lower.y), right, r5);
            l6 = fma(vec4<f32>(lower.z), left, l6);
            r6 = fma(vec4<f32>(lower.z), right, r6);
            l7 = fma(vec4<f32>(lower.w), left, l7);
            r7 = fma(vec4<f32>(lower.w), right, r7);
        }
        workgroupBarrier();
    }
    let my_row = row + 4u * local.y;
    let my_column = column + 4u * local.x;
    write_quad(start.z, my_row, my_column, l0);
    write_quad(start.z, my_row, my_column + HALF, r0);
    write_quad(start.z, my_row + 1u, my_column, l1);
    write_quad(start.z, my_row + 1u, my_column + HALF, r1);
    write_quad(start.z, my_row + 2u, my_column, l2);
    write_quad(start.z, my_row + 2u, my_column + HALF, r2);
    write_quad(start.z, my_row + 3u, my_column, l3);
    write_quad(start.z, my_row + 3u, my_column + HALF, r3);
    write_quad(start.z, my_row + HALF, my_column, l4);
    write_quad(start.z, my_row + HALF, my_column + HALF, r4);
    write_quad(start.z, my_row + HALF + 1u, my_column, l5);
    write_quad(start.z, my_row + HALF + 1u, my_column + HALF, r5);
    write_quad(start.z, my_row + HALF + 2u, my_column, l6);
    write_quad(start.z, my_row + HALF + 2u, my_column + HALF, r6);
    write_quad(start.z, my_row + HALF + 3u, my_column, l7);
    write_quad(start.z, my_row + HALF + 3u, my_column + HALF, r7);
}
