//! Matrix products on strided views of slices: a bounds-checked face for the `gemm` crate.

#![allow(unsafe_code)] // The crate takes raw pointers; every view is checked against its slice before they are made.

use std::marker::PhantomData;
use std::ops::Range;

use gemm::Parallelism;
use rayon::prelude::*;

/// A read-only matrix inside a slice.
#[derive(Clone, Copy)]
pub struct View<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// Index one past the last element a view touches, relative to its start.
fn extent(rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> usize {
    if rows == 0 || cols == 0 { 0 } else { (rows - 1) * row_stride + (cols - 1) * col_stride + 1 }
}

impl<'a> View<'a> {
    /// A row-major `rows × cols` matrix whose rows are `row_stride` apart, starting at `data[0]`.
    ///
    /// # Panics
    /// If the matrix reaches beyond `data`.
    pub fn new(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        assert!(extent(rows, cols, row_stride, 1) <= data.len(), "matrix view out of bounds");
        Self { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// Some of the columns; nothing is copied.
    ///
    /// # Panics
    /// If the matrix has no such columns.
    pub fn columns(self, range: Range<usize>) -> Self {
        assert!(range.end <= self.cols, "no such columns");
        Self { data: &self.data[range.start * self.col_stride..], cols: range.len(), ..self }
    }

    /// The transposed matrix; nothing is copied.
    pub fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            data: self.data,
        }
    }
}

/// A buffer that several tasks fill at once, each its own disjoint blocks.
pub struct Shared<'a> {
    start: *mut f32,
    len: usize,
    lifetime: PhantomData<&'a mut [f32]>,
}

// SAFETY: only disjoint blocks are written (the contract of `block`), so threads never touch the same element.
unsafe impl Sync for Shared<'_> {}

impl Shared<'_> {
    /// A new buffer of `len` elements that `fill` writes in blocks.
    ///
    /// # Safety
    /// `fill` must write every element: it finds none.
    pub unsafe fn fill_new(len: usize, fill: impl FnOnce(&Shared<'_>)) -> Vec<f32> {
        let mut data = Vec::with_capacity(len);
        fill(&Shared { start: data.as_mut_ptr(), len, lifetime: PhantomData });
        // SAFETY: `fill` wrote all `len` elements (the contract).
        unsafe { data.set_len(len) };
        data
    }

    /// The row-major `rows × cols` block that starts at `offset`, its rows `row_stride` apart.
    ///
    /// # Safety
    /// No two blocks that are alive at the same time may share an element.
    ///
    /// # Panics
    /// If the block reaches beyond the buffer.
    pub unsafe fn block(&self, offset: usize, rows: usize, cols: usize, row_stride: usize) -> ViewMut<'_> {
        assert!(offset + extent(rows, cols, row_stride, 1) <= self.len, "matrix block out of bounds");
        assert!(row_stride >= cols || rows <= 1, "rows of a matrix block overlap");
        // SAFETY: in bounds, as just checked.
        ViewMut { start: unsafe { self.start.add(offset) }, rows, cols, row_stride, lifetime: PhantomData }
    }
}

/// A block of a [`Shared`] buffer that the holder alone may write; there may be nothing in it yet.
pub struct ViewMut<'a> {
    start: *mut f32,
    rows: usize,
    cols: usize,
    row_stride: usize,
    lifetime: PhantomData<&'a mut [f32]>,
}

/// A block in which everything is written.
pub struct Written<'a>(ViewMut<'a>);

impl<'a> ViewMut<'a> {
    /// `self = alpha · lhs · rhs`; old content is never read.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn assign(self, alpha: f32, lhs: View<'_>, rhs: View<'_>, parallelism: Parallelism) -> Written<'a> {
        assert!(
            lhs.cols == rhs.rows && self.rows == lhs.rows && self.cols == rhs.cols,
            "matrix product of {}×{} and {}×{} into {}×{}",
            lhs.rows,
            lhs.cols,
            rhs.rows,
            rhs.cols,
            self.rows,
            self.cols
        );
        // SAFETY: the three views were checked against their slices; the destination is exclusively ours.
        unsafe {
            gemm::gemm(
                self.rows,
                self.cols,
                lhs.cols,
                self.start,
                1,
                self.row_stride as isize,
                false,
                lhs.data.as_ptr(),
                lhs.col_stride as isize,
                lhs.row_stride as isize,
                rhs.data.as_ptr(),
                rhs.col_stride as isize,
                rhs.row_stride as isize,
                0.0,
                alpha,
                false,
                false,
                false,
                parallelism,
            );
        }
        Written(self)
    }

    /// `self = 0`.
    pub fn clear(self) {
        for i in 0..self.rows {
            // SAFETY: in bounds since construction, and exclusively ours; zero bits are the number zero.
            unsafe { self.start.add(i * self.row_stride).write_bytes(0, self.cols) };
        }
    }
}

impl Written<'_> {
    /// The rows of the block, one after the other.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let ViewMut { start, rows, cols, row_stride, .. } = self.0;
        // SAFETY: written, in bounds since construction; rows do not overlap (row_stride ≥ cols or a single row).
        (0..rows).map(move |i| unsafe { std::slice::from_raw_parts_mut(start.add(i * row_stride), cols) })
    }
}

/// Rows or columns of a result from which on a thread is better off alone with them: packing the whole of the other
/// operand for itself costs less than sharing it, piece by piece, with the others.
const ALONE_FROM: usize = 256;

/// `lhs · rhs` as a new row-major buffer, on all threads of the current pool.
pub fn matmul(lhs: View<'_>, rhs: View<'_>) -> Vec<f32> {
    let (rows, cols) = (lhs.rows, rhs.cols);
    let piece = rows.max(cols).div_ceil(rayon::current_num_threads());
    let fill = |out: &Shared<'_>| {
        if piece < ALONE_FROM {
            // SAFETY: the only block.
            unsafe { out.block(0, rows, cols, cols) }.assign(1.0, lhs, rhs, Parallelism::Rayon(0));
            return;
        }
        (0..rows.max(cols)).into_par_iter().step_by(piece).for_each(|start| {
            // SAFETY: pieces are disjoint rows, or disjoint columns.
            if rows >= cols {
                let range = start..rows.min(start + piece);
                let block = unsafe { out.block(start * cols, range.len(), cols, cols) };
                block.assign(1.0, lhs.t().columns(range).t(), rhs, Parallelism::None);
            } else {
                let range = start..cols.min(start + piece);
                let block = unsafe { out.block(start, rows, range.len(), cols) };
                block.assign(1.0, lhs, rhs.columns(range), Parallelism::None);
            }
        });
    };
    // SAFETY: the pieces are all rows or all columns; `assign` writes a whole block (with an empty inner dimension, zeros).
    unsafe { Shared::fill_new(rows * cols, fill) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_views_and_transposes() {
        let a = [1.0, 2.0, 9.0, 3.0, 4.0, 9.0]; // [[1, 2], [3, 4]] with rows three apart
        let b = [5.0, 6.0, 7.0, 8.0];
        assert_eq!(matmul(View::new(&a, 2, 2, 3), View::new(&b, 2, 2, 2)), [19.0, 22.0, 43.0, 50.0]);
        assert_eq!(matmul(View::new(&a, 2, 2, 3).t(), View::new(&b, 2, 2, 2)), [26.0, 30.0, 38.0, 44.0]);
        assert_eq!(matmul(View::new(&a, 2, 2, 3), View::new(&b, 2, 2, 2).t()), [17.0, 23.0, 39.0, 53.0]);
    }

    /// Larger than the pieces of one to four threads, so that both ways of sharing the work are met.
    #[test]
    fn large_products_are_the_same_piece_by_piece() {
        for (rows, cols) in [(1100, 40), (40, 1100), (1100, 1100)] {
            let lhs: Vec<f32> = (0..rows * 3).map(|i| (i % 7) as f32).collect();
            let rhs: Vec<f32> = (0..cols * 3).map(|i| (i % 5) as f32).collect();
            let product = matmul(View::new(&lhs, rows, 3, 3), View::new(&rhs, cols, 3, 3).t());
            // All sums are small whole numbers: exact in any order.
            let entry = |i: usize, j: usize| (0..3).map(|k| lhs[3 * i + k] * rhs[3 * j + k]).sum::<f32>();
            for (at, value) in product.iter().enumerate() {
                assert_eq!(*value, entry(at / cols, at % cols), "row {}, column {}", at / cols, at % cols);
            }
        }
    }

    #[test]
    fn an_empty_inner_dimension_gives_zeros() {
        assert_eq!(matmul(View::new(&[], 2, 0, 0), View::new(&[], 0, 3, 3)), [0.0; 6]);
    }

    #[test]
    #[should_panic(expected = "out of bounds")]
    fn a_view_beyond_its_slice_is_refused() {
        View::new(&[0.0; 5], 2, 3, 3);
    }
}
