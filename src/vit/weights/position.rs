//! Position embeddings for another input size.

use super::Tensor;
use super::error::Problem;
use crate::size::Size;

/// Coefficient of PyTorch's bicubic kernel (Keys 1981).
const A: f32 = -0.75;

/// Resizes the patch part of a position embedding `[1, prefix + from.area(), dim]` to the grid `to`;
/// the `prefix` leading entries are kept.
///
/// Bicubic, `align_corners=false`, no antialias: `torch.nn.functional.interpolate` as ViT, DeiT and DINO use it.
///
/// # Errors
/// [`Problem::PositionGrid`] if the tensor does not hold `prefix` entries and the grid `from`.
pub fn resize_position_embedding(tensor: &Tensor, from: Size, to: Size, prefix: usize) -> Result<Tensor, Problem> {
    let mismatch = || Problem::PositionGrid { shape: tensor.shape.clone(), grid: from, prefix };
    let &[1, positions, dim] = &tensor.shape[..] else {
        return Err(mismatch());
    };
    if dim == 0 || from.area() == 0 || positions != prefix + from.area() || tensor.data.len() != positions * dim {
        return Err(mismatch());
    }
    let (kept, patches) = tensor.data.split_at(prefix * dim);
    let columns = taps(from.width, to.width);
    // Rows first into [from.height, to.width, dim], then columns of it.
    let mut widened = Vec::with_capacity(from.height * to.width * dim);
    for row in patches.chunks_exact(from.width * dim) {
        columns.iter().for_each(|taps| blend(row, taps, dim, &mut widened));
    }
    let mut data = Vec::with_capacity((prefix + to.area()) * dim);
    data.extend_from_slice(kept);
    for taps in taps(from.height, to.height) {
        blend(&widened, &taps, to.width * dim, &mut data);
    }
    Ok(Tensor { shape: vec![1, prefix + to.area(), dim], data })
}

/// Gradient of [`resize_position_embedding`]: from that of the resized patches `[to.area(), dim]` to that of the
/// stored ones, `[from.area(), dim]`.
pub(in crate::vit) fn resize_position_embedding_backward(
    d_patches: &[f32],
    from: Size,
    to: Size,
    dim: usize,
) -> Vec<f32> {
    // The transposed matrices in reverse order: columns first into [from.height, to.width, dim], then rows.
    let mut d_widened = vec![0.0; from.height * to.width * dim];
    for (d_row, taps) in d_patches.chunks_exact(to.width * dim).zip(taps(from.height, to.height)) {
        spread(d_row, &taps, &mut d_widened);
    }
    let columns = taps(from.width, to.width);
    let mut d_stored = vec![0.0; from.area() * dim];
    for (d_row, d_stored) in d_widened.chunks_exact(to.width * dim).zip(d_stored.chunks_exact_mut(from.width * dim)) {
        for (d_item, taps) in d_row.chunks_exact(dim).zip(&columns) {
            spread(d_item, taps, d_stored);
        }
    }
    d_stored
}

/// The four source indices of one target index, clamped to the border, and their weights.
type Taps = [(usize, f32); 4];

fn taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f32 / to as f32;
    let last = from as isize - 1;
    let taps_of = |target: usize| {
        let source = (target as f32 + 0.5) * scale - 0.5;
        let base = source.floor();
        let t = source - base;
        let weights = [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)];
        std::array::from_fn(|k| ((base as isize - 1 + k as isize).clamp(0, last) as usize, weights[k]))
    };
    (0..to).map(taps_of).collect()
}

/// Kernel for distances up to 1.
fn near(x: f32) -> f32 {
    ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
}

/// Kernel for distances from 1 to 2.
fn far(x: f32) -> f32 {
    ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A
}

/// Appends the weighted sum of four of the `width`-long items of `items`.
fn blend(items: &[f32], taps: &Taps, width: usize, out: &mut Vec<f32>) {
    let item = |k: usize| &items[taps[k].0 * width..][..width];
    let [a, b, c, d] = std::array::from_fn(item);
    let [wa, wb, wc, wd] = taps.map(|(_, weight)| weight);
    out.extend((0..width).map(|i| a[i] * wa + b[i] * wb + c[i] * wc + d[i] * wd));
}

/// The transpose of [`blend`]: adds an item's gradient to those of the four items it was made of.
fn spread(d_item: &[f32], taps: &Taps, d_items: &mut [f32]) {
    for &(index, weight) in taps {
        let target = &mut d_items[index * d_item.len()..][..d_item.len()];
        target.iter_mut().zip(d_item).for_each(|(target, d)| *target += weight * d);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_transpose() {
        // ⟨resize(x), y⟩ = ⟨x, transpose(y)⟩ for a linear map, whatever x and y are.
        let (from, to, dim) = (Size::new(3, 4), Size::new(5, 2), 2);
        let numbers = |count: usize| (0..count).map(|i| ((i * i) % 11) as f32 - 5.0).collect::<Vec<f32>>();
        let (x, y) = (numbers(from.area() * dim), numbers(to.area() * dim));
        let stored = Tensor { shape: vec![1, from.area(), dim], data: x.clone() };
        let resized = resize_position_embedding(&stored, from, to, 0).unwrap().data;
        let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        let (forward, back) =
            (product(&resized, &y), product(&x, &resize_position_embedding_backward(&y, from, to, dim)));
        // Sums of 24 f32 products below 25.
        assert!((forward - back).abs() < 1e-3 && forward != 0.0, "{forward} and {back}");
    }
}
