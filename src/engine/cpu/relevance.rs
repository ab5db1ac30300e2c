//! What relevance does with attention maps: the row form of GAE, and its gradient, without any N×N product.

use pulp::Arch;
use rayon::prelude::*;

use super::attention::Shape;

impl Shape {
    /// Calls `f(image, head)` for every map, in parallel, and sums the results per image in the order of the heads,
    /// so that they do not depend on which thread was first. Each result is `[tokens]`.
    fn sum_over_heads(self, f: impl Fn(usize, usize) -> Vec<f32> + Sync) -> Vec<f32> {
        let heads: Vec<(usize, usize)> =
            (0..self.batch).flat_map(|image| (0..self.heads).map(move |head| (image, head))).collect();
        let partial: Vec<Vec<f32>> = heads.into_par_iter().map(|(image, head)| f(image, head)).collect();
        let mut out = vec![0.0; self.batch * self.tokens];
        for (index, partial) in partial.iter().enumerate() {
            let out = &mut out[index / self.heads * self.tokens..][..self.tokens];
            out.iter_mut().zip(partial).for_each(|(out, &p)| *out += p);
        }
        out
    }

    /// Row `i` of one head's map.
    fn map_row(self, maps: &[f32], image: usize, head: usize, i: usize) -> &[f32] {
        &maps[self.map_start(image, head) + i * self.tokens..][..self.tokens]
    }
}

#[inline(always)]
fn positive(x: f32) -> f32 {
    if x > 0.0 { x } else { 0.0 }
}

/// What a row of token relevance gains from one block: Σ_h w_h Σ_i row_i · max(0, A ⊙ G)_{h,i,·}, `[batch, tokens]`.
///
/// Without `gradients`: Σ_h w_h Σ_i row_i · A_{h,i,·}. Rows at and after `queries` count as zero gradient.
pub fn row_times_maps(
    row: &[f32],
    maps: &[f32],
    gradients: Option<&[f32]>,
    head_weights: &[f32],
    shape: Shape,
) -> Vec<f32> {
    shape.sum_over_heads(|image, head| {
        let mut sum = vec![0.0; shape.tokens];
        let row = &row[image * shape.tokens..][..shape.queries];
        Arch::new().dispatch(|| {
            for (i, &r) in row.iter().enumerate().filter(|(_, r)| **r != 0.0) {
                let weight = r * head_weights[head];
                let a = shape.map_row(maps, image, head, i);
                match gradients {
                    Some(gradients) => {
                        let g = shape.map_row(gradients, image, head, i);
                        for ((sum, &a), &g) in sum.iter_mut().zip(a).zip(g) {
                            *sum += weight * positive(a * g);
                        }
                    }
                    None => sum.iter_mut().zip(a).for_each(|(sum, &a)| *sum += weight * a),
                }
            }
        });
        sum
    })
}

/// C·column with C = Σ_h w_h·max(0, A ⊙ G): `[batch, tokens]`, zero at and after `queries`.
pub fn maps_times_column(
    column: &[f32],
    maps: &[f32],
    gradients: &[f32],
    head_weights: &[f32],
    shape: Shape,
) -> Vec<f32> {
    shape.sum_over_heads(|image, head| {
        let mut out = vec![0.0; shape.tokens];
        let column = &column[image * shape.tokens..][..shape.tokens];
        Arch::new().dispatch(|| {
            for (i, out) in out.iter_mut().take(shape.queries).enumerate() {
                let (a, g) = (shape.map_row(maps, image, head, i), shape.map_row(gradients, image, head, i));
                *out = head_weights[head] * super::math::sum_of_triples(a, g, column, |a, g, q| positive(a * g) * q);
            }
        });
        out
    })
}
