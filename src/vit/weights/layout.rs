//! How the axes of a stored tensor relate to the canonical ones.

/// Storage layouts; PyTorch spellings are all [`Layout::AsIs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    AsIs,
    /// Several axes that are one: a bias `[heads, head_dim]` → `[dim]`.
    Flat,
    /// JAX: `[inputs…, outputs…]` → `[outputs, inputs]`, the first `input_axes` axes being inputs.
    Kernel {
        input_axes: usize,
    },
    /// JAX: `[height, width, in, out]` → `[out, in, height, width]`.
    ConvolutionKernel,
}

impl Layout {
    /// Canonical shape of a stored one; shapes of another rank than the layout's stay and are found wrong later.
    pub fn shape(self, stored: &[usize]) -> Vec<usize> {
        match (self, stored) {
            (Self::Flat, _) => vec![product(stored)],
            (Self::Kernel { input_axes }, _) if stored.len() > input_axes => {
                let (inputs, outputs) = stored.split_at(input_axes);
                vec![product(outputs), product(inputs)]
            }
            (Self::ConvolutionKernel, [height, width, inputs, outputs]) => vec![*outputs, *inputs, *height, *width],
            _ => stored.to_vec(),
        }
    }

    /// Whether elements change places, not just axes their names.
    pub fn reorders(self) -> bool {
        matches!(self, Self::Kernel { .. } | Self::ConvolutionKernel)
    }

    /// Appends `stored`, which has `shape`, in canonical order. Both JAX layouts put the outputs last and
    /// PyTorch puts them first, which is a matrix transposition; a convolution's inputs move past its window too.
    pub fn append(self, stored: &[f32], shape: &[usize], out: &mut Vec<f32>) {
        match (self, shape) {
            (Self::Kernel { input_axes }, _) if shape.len() > input_axes => {
                let outputs = shape[input_axes..].iter().product();
                append_transposed(stored, outputs, out);
            }
            (Self::ConvolutionKernel, [_, _, inputs, outputs]) => {
                let mut outputs_first = Vec::with_capacity(stored.len());
                append_transposed(stored, *outputs, &mut outputs_first);
                for window in outputs_first.chunks_exact((stored.len() / (*outputs).max(1)).max(1)) {
                    append_transposed(window, *inputs, out);
                }
            }
            _ => out.extend_from_slice(stored),
        }
    }
}

/// Where an axis has length zero, the others may be of any length, and some of them overflow: no axis is that long.
fn product(axes: &[usize]) -> usize {
    axes.iter().fold(1, |product: usize, axis| product.saturating_mul(*axis))
}

/// Appends a row-major matrix of `columns` columns, column by column.
fn append_transposed(matrix: &[f32], columns: usize, out: &mut Vec<f32>) {
    for column in 0..columns {
        out.extend(matrix.iter().skip(column).step_by(columns));
    }
}
