// What the matrix products share: C = alpha·A·B for each matrix of a batch, and what follows before it is written.
// Rows and columns count elements of C; any of the three may have any size and lie anywhere in its buffer.

// Keep in sync with `Product` in src/engine/wgsl/matmul.rs.
struct Sizes {
    rows: u32,
    columns: u32,
    inner: u32,
    // Rows of A that exist; the others count as zero.
    a_rows: u32,
    // A batch is images × heads. A product that is cut along its inner index takes its slices for heads.
    heads: u32,
    // From the start of one head's slice to the next; 0 where nothing is cut.
    slice: u32,
    // Where the last slice ends.
    slices_end: u32,
    // Elements to the first number, and from one image, head, row (column) and inner index to the next.
    a_start: u32,
    a_image: u32,
    a_head: u32,
    a_row: u32,
    a_inner: u32,
    b_start: u32,
    b_image: u32,
    b_head: u32,
    b_column: u32,
    b_inner: u32,
    c_start: u32,
    c_image: u32,
    c_head: u32,
    c_row: u32,
    // A large product is cut into several dispatches by rows.
    first_row: u32,
    alpha: f32,
    // 1 where there is one.
    bias: u32,
    scale: u32,
    // Rows after which the residual repeats; 0 for none.
    residual_rows: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> scale: array<f32>;
@group(0) @binding(5) var<storage, read> residual: array<f32>;
@group(0) @binding(6) var<storage, read_write> c: array<f32>;

// One of three endings follows: `write_one` takes a finished product.

// Whether neighbours in memory are neighbours along the inner index: it decides which lane reads what.
override a_along_inner: bool = true;
override b_along_inner: bool = true;

// Where the matrices of one image and head start: A, B, C.
fn starts(matrix: u32) -> vec3<u32> {
    let image = matrix / sizes.heads;
    let head = matrix % sizes.heads;
    return vec3<u32>(
        sizes.a_start + image * sizes.a_image + head * sizes.a_head,
        sizes.b_start + image * sizes.b_image + head * sizes.b_head,
        sizes.c_start + image * sizes.c_image + head * sizes.c_head,
    );
}

// The inner length of one matrix: the last slice may be shorter than the others.
fn inner_length(matrix: u32) -> u32 {
    return min(sizes.inner, sizes.slices_end - matrix % sizes.heads * sizes.slice);
}

// (alpha·product + bias)·scale
fn scaled(product: f32, column: u32) -> f32 {
    var value = product * sizes.alpha;
    if sizes.bias != 0u {
        value += bias[column];
    }
    if sizes.scale != 0u {
        value *= scale[column];
    }
    return value;
}
