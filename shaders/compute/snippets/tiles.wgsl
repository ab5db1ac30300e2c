// A tile of C per work group, walked along the inner index in steps of DEPTH; the kernel defines TILE, DEPTH and SIDE.

const LANES: u32 = SIDE * SIDE;
// One quad more per row than needed, so that lanes which write a column do not meet in one bank of the memory.
const PITCH: u32 = TILE / 4u + 1u;
// Quads of each operand that one lane fetches: one or two.
const FETCHES: u32 = TILE / 4u * DEPTH / LANES;

// [inner][quad of rows or columns]
var<workgroup> a_tile: array<vec4<f32>, PITCH * DEPTH>;
var<workgroup> b_tile: array<vec4<f32>, PITCH * DEPTH>;

// Four neighbouring rows of A at one inner index; zero beyond the edges.
fn a_quad(start: u32, row: u32, inner: u32, length: u32) -> vec4<f32> {
    var quad = vec4<f32>(0.0);
    if inner < length {
        let here = start + row * sizes.a_row + inner * sizes.a_inner;
        if row < sizes.a_rows {
            quad.x = a[here];
        }
        if row + 1u < sizes.a_rows {
            quad.y = a[here + sizes.a_row];
        }
        if row + 2u < sizes.a_rows {
            quad.z = a[here + 2u * sizes.a_row];
        }
        if row + 3u < sizes.a_rows {
            quad.w = a[here + 3u * sizes.a_row];
        }
    }
    return quad;
}

// Four neighbouring columns of B at one inner index; zero beyond the edges.
fn b_quad(start: u32, column: u32, inner: u32, length: u32) -> vec4<f32> {
    var quad = vec4<f32>(0.0);
    if inner < length {
        let here = start + column * sizes.b_column + inner * sizes.b_inner;
        if column < sizes.columns {
            quad.x = b[here];
        }
        if column + 1u < sizes.columns {
            quad.y = b[here + sizes.b_column];
        }
        if column + 2u < sizes.columns {
            quad.z = b[here + 2u * sizes.b_column];
        }
        if column + 3u < sizes.columns {
            quad.w = b[here + 3u * sizes.b_column];
        }
    }
    return quad;
}

// Which quad of rows and which inner index a lane fetches: neighbouring lanes read neighbouring memory.
fn place(index: u32, along_inner: bool) -> vec2<u32> {
    let by_rows = vec2<u32>(index % (TILE / 4u), index / (TILE / 4u));
    let by_inner = vec2<u32>(index / DEPTH, index % DEPTH);
    return select(by_rows, by_inner, along_inner);
}

// What one lane fetches for a step.
struct Fetched {
    a0: vec4<f32>,
    b0: vec4<f32>,
    a1: vec4<f32>,
    b1: vec4<f32>,
}

// Zeros beyond the `length` of the inner index.
fn fetch(start: vec3<u32>, row: u32, column: u32, inner: u32, length: u32, lane: u32) -> Fetched {
    var fetched: Fetched;
    let in_a = place(lane, a_along_inner);
    fetched.a0 = a_quad(start.x, row + 4u * in_a.x, inner + in_a.y, length);
    let in_b = place(lane, b_along_inner);
    fetched.b0 = b_quad(start.y, column + 4u * in_b.x, inner + in_b.y, length);
    if FETCHES == 2u {
        let second_in_a = place(lane + LANES, a_along_inner);
        fetched.a1 = a_quad(start.x, row + 4u * second_in_a.x, inner + second_in_a.y, length);
        let second_in_b = place(lane + LANES, b_along_inner);
        fetched.b1 = b_quad(start.y, column + 4u * second_in_b.x, inner + second_in_b.y, length);
    }
    return fetched;
}

// Lays what was fetched out for all lanes.
fn share(fetched: Fetched, lane: u32) {
    let in_a = place(lane, a_along_inner);
    a_tile[in_a.y * PITCH + in_a.x] = fetched.a0;
    let in_b = place(lane, b_along_inner);
    b_tile[in_b.y * PITCH + in_b.x] = fetched.b0;
    if FETCHES == 2u {
        let second_in_a = place(lane + LANES, a_along_inner);
        a_tile[second_in_a.y * PITCH + second_in_a.x] = fetched.a1;
        let second_in_b = place(lane + LANES, b_along_inner);
        b_tile[second_in_b.y * PITCH + second_in_b.x] = fetched.b1;
    }
}

fn write_quad(start: u32, row: u32, column: u32, sums: vec4<f32>) {
    if row >= sizes.rows {
        return;
    }
    if column < sizes.columns {
        write_one(start, row, column, sums.x);
    }
    if column + 1u < sizes.columns {
        write_one(start, row, column + 1u, sums.y);
    }
    if column + 2u < sizes.columns {
        write_one(start, row, column + 2u, sums.z);
    }
    if column + 3u < sizes.columns {
        write_one(start, row, column + 3u, sums.w);
    }
}
