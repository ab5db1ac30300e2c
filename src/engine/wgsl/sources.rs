//! The compute shaders as the program compiles them: kernels with the snippets they use appended.

/// One compute shader.
#[derive(Debug)]
pub struct Kernel {
    pub name: &'static str,
    /// A whole WGSL module. Binding 0 holds the sizes, then follow the inputs, then the outputs.
    pub source: &'static str,
    /// Buffers it reads.
    pub inputs: u32,
    /// Buffers it writes.
    pub outputs: u32,
    /// Names of the constants a pipeline may set; all are switches.
    pub switches: &'static [&'static str],
}

macro_rules! source {
    ($name:literal $(, $snippet:literal)*) => {
        concat!(
            include_str!(concat!("../../../shaders/compute/", $name, ".wgsl")),
            $(include_str!(concat!("../../../shaders/compute/snippets/", $snippet, ".wgsl")),)*
        )
    };
}

macro_rules! kernel {
    ($constant:ident, $name:literal, inputs $inputs:literal $(, $snippet:literal)*) => {
        kernel!($constant, $name, inputs $inputs, outputs 1 $(, $snippet)*);
    };
    ($constant:ident, $name:literal, inputs $inputs:literal, outputs $outputs:literal $(, $snippet:literal)*) => {
        pub static $constant: Kernel = Kernel {
            name: $name,
            source: source!($name $(, $snippet)*),
            inputs: $inputs,
            outputs: $outputs,
            switches: &[],
        };
    };
}

/// The operands of a product that lie along the inner index, in the order of `Kernel::switches`.
const LAYOUTS: &[&str] = &["a_along_inner", "b_along_inner"];

macro_rules! product {
    ($constant:ident, $name:literal, $file:literal, outputs $outputs:literal $(, $snippet:literal)*) => {
        pub static $constant: Kernel = Kernel {
            name: $name,
            source: source!($file, "matmul" $(, $snippet)*),
            inputs: 5,
            outputs: $outputs,
            switches: LAYOUTS,
        };
    };
}

product!(MATMUL_32, "matmul_32", "matmul_32", outputs 1, "tiles", "ending");
product!(MATMUL_64, "matmul_64", "matmul_64", outputs 1, "tiles", "ending");
product!(MATMUL_THIN, "matmul_thin", "matmul_thin", outputs 1, "ending");
product!(MATMUL_32_GELU, "matmul_32_gelu", "matmul_32", outputs 2, "tiles", "ending_gelu", "normal");
product!(MATMUL_64_GELU, "matmul_64_gelu", "matmul_64", outputs 2, "tiles", "ending_gelu", "normal");
product!(MATMUL_THIN_GELU, "matmul_thin_gelu", "matmul_thin", outputs 2, "ending_gelu", "normal");
product!(
    MATMUL_32_GELU_BACKWARD,
    "matmul_32_gelu_backward",
    "matmul_32",
    outputs 1,
    "tiles",
    "ending_gelu_backward",
    "normal"
);
product!(
    MATMUL_64_GELU_BACKWARD,
    "matmul_64_gelu_backward",
    "matmul_64",
    outputs 1,
    "tiles",
    "ending_gelu_backward",
    "normal"
);
product!(
    MATMUL_THIN_GELU_BACKWARD,
    "matmul_thin_gelu_backward",
    "matmul_thin",
    outputs 1,
    "ending_gelu_backward",
    "normal"
);
kernel!(LAYER_NORM, "layer_norm", inputs 3, "lanes", "index", "moments");
kernel!(LAYER_NORM_BACKWARD, "layer_norm_backward", inputs 4, "lanes", "index", "moments");
kernel!(SOFTMAX, "softmax", inputs 0, "lanes", "index");
kernel!(SOFTMAX_BACKWARD, "softmax_backward", inputs 2, "lanes", "index");
kernel!(GELU, "gelu", inputs 1, "index", "normal");
kernel!(GELU_BACKWARD, "gelu_backward", inputs 2, "index", "normal");
kernel!(SCALE_ROWS, "scale_rows", inputs 2, "index");
kernel!(ADD, "add", inputs 2, "index");
kernel!(COPY_TOKENS, "copy_tokens", inputs 1, "index");
kernel!(PREPEND, "prepend", inputs 2, "index");
kernel!(MEAN_TOKENS, "mean_tokens", inputs 1, "index");
kernel!(MEAN_TOKENS_BACKWARD, "mean_tokens_backward", inputs 1, "index");
kernel!(RELEVANCE, "relevance", inputs 4);
kernel!(FOLD_HEADS, "fold_heads", inputs 2, "index");
kernel!(RELEVANCE_BACKWARD, "relevance_backward", inputs 4, "lanes", "index");
kernel!(INJECT_RELEVANCE, "inject_relevance", inputs 5, "index");
kernel!(COLUMN_SUM, "column_sum", inputs 2, "index");
kernel!(SUM_CHUNKS, "sum_chunks", inputs 1, "lanes", "index");
kernel!(ADAMW, "adamw", inputs 1, outputs 3, "index");

pub static ALL: &[&Kernel] = &[
    &MATMUL_32,
    &MATMUL_64,
    &MATMUL_THIN,
    &MATMUL_32_GELU,
    &MATMUL_64_GELU,
    &MATMUL_THIN_GELU,
    &MATMUL_32_GELU_BACKWARD,
    &MATMUL_64_GELU_BACKWARD,
    &MATMUL_THIN_GELU_BACKWARD,
    &LAYER_NORM,
    &LAYER_NORM_BACKWARD,
    &SOFTMAX,
    &SOFTMAX_BACKWARD,
    &GELU,
    &GELU_BACKWARD,
    &SCALE_ROWS,
    &ADD,
    &COPY_TOKENS,
    &PREPEND,
    &MEAN_TOKENS,
    &MEAN_TOKENS_BACKWARD,
    &RELEVANCE,
    &FOLD_HEADS,
    &RELEVANCE_BACKWARD,
    &INJECT_RELEVANCE,
    &COLUMN_SUM,
    &SUM_CHUNKS,
    &ADAMW,
];
