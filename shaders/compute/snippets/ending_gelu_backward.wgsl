// The ending of a gradient that goes back through a GELU; `residual` is what went into it, of the result's shape.
fn write_one(start: u32, row: u32, column: u32, product: f32) {
    let at = row * sizes.columns + column;
    c[start + row * sizes.c_row + column] = scaled(product, column) * gelu_derivative(residual[at]);
}
