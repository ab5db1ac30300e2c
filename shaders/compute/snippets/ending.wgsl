// The usual ending of a product: what bypassed it is added.
fn write_one(start: u32, row: u32, column: u32, product: f32) {
    var value = scaled(product, column);
    if sizes.residual_rows != 0u {
        value += residual[(row % sizes.residual_rows) * sizes.columns + column];
    }
    c[start + row * sizes.c_row + column] = value;
}
