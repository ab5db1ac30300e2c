// The ending of a hidden layer: the result, which the backward pass reads, and its GELU.

@group(0) @binding(7) var<storage, read_write> activated: array<f32>;

fn write_one(start: u32, row: u32, column: u32, product: f32) {
    let value = scaled(product, column);
    let at = start + row * sizes.c_row + column;
    c[at] = value;
    activated[at] = gelu_of(value);
}
