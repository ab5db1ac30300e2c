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
    ($name:expr, $file:literal, outputs $outputs:literal $(, $snippet:literal)*) => {
        Kernel {
            name: $name,
            source: source!($file, "matmul" $(, $snippet)*),
            inputs: 5,
            outputs: $outputs,
            switches: LAYOUTS,
        }
    };
}

macro_rules! products {
    ($($constant:ident $name:literal: $file:literal $(, $snippet:literal)*;)*) => {
        $(
            /// With its three endings.
            pub static $constant: Endings = Endings {
                plain: product!($name, $file, outputs 1 $(, $snippet)*, "ending"),
                gelu: product!(concat!($name, "_gelu"), $file, outputs 2 $(, $snippet)*, "ending_gelu", "normal"),
                gelu_backward: product!(
                    concat!($name, "_gelu_backward"), $file, outputs 1 $(, $snippet)*, "ending_gelu_backward", "normal"
                ),
            };
        )*
    };
}

/// One way to multiply, with what may follow.
#[derive(Debug)]
pub struct Endings {
    pub plain: Kernel,
    pub gelu: Kernel,
    pub gelu_backward: Kernel,
}

products! {
    MATMUL_THIN "matmul_thin": "matmul_thin";
    MATMUL_32 "matmul_32": "matmul_32", "tiles";
    MATMUL_64 "matmul_64": "matmul_64", "tiles";
    MATMUL_FOLD "matmul_fold": "matmul_fold", "index";
}

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
kernel!(ADD_SQUARES, "add_squares", inputs 1, "lanes");
kernel!(ADAMW, "adamw", inputs 1, outputs 3, "index");

pub static ALL: &[&Kernel] = &[
    &MATMUL_THIN.plain,
    &MATMUL_THIN.gelu,
    &MATMUL_THIN.gelu_backward,
    &MATMUL_32.plain,
    &MATMUL_32.gelu,
    &MATMUL_32.gelu_backward,
    &MATMUL_64.plain,
    &MATMUL_64.gelu,
    &MATMUL_64.gelu_backward,
    &MATMUL_FOLD.plain,
    &MATMUL_FOLD.gelu,
    &MATMUL_FOLD.gelu_backward,
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
    &ADD_SQUARES,
    &ADAMW,
];
