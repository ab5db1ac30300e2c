//! Matrix products on strided views of slices: a bounds-checked face for the `gemm` crate.

#![allow(unsafe_code)] // The crate takes raw pointers; every view is checked against its slice before they are made.

use std::marker::PhantomData;

use gemm::Parallelism;

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

    /// Some columns of a row-major matrix; nothing is copied.
    ///
    /// # Panics
    /// If the matrix has no such columns or is transposed.
    pub fn columns(self, range: std::ops::Range<usize>) -> Self {
        assert!(range.end <= self.cols && self.col_stride == 1, "no such columns");
        Self { data: &self.data[range.start..], cols: range.len(), ..self }
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

impl<'a> Shared<'a> {
    pub fn new(data: &'a mut [f32]) -> Self {
        Self { start: data.as_mut_ptr(), len: data.len(), lifetime: PhantomData }
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

/// A block of a [`Shared`] buffer that the holder alone may write.
pub struct ViewMut<'a> {
    start: *mut f32,
    rows: usize,
    cols: usize,
    row_stride: usize,
    lifetime: PhantomData<&'a mut [f32]>,
}

impl ViewMut<'_> {
    /// `self = alpha · lhs · rhs`; old content is never read.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn assign(self, alpha: f32, lhs: View<'_>, rhs: View<'_>, parallelism: Parallelism) {
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
    }

    /// The rows of the block, one after the other.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        // SAFETY: in bounds since construction; rows do not overlap (row_stride ≥ cols or a single row).
        (0..self.rows)
            .map(|i| unsafe { std::slice::from_raw_parts_mut(self.start.add(i * self.row_stride), self.cols) })
    }
}

/// `lhs · rhs` as a new row-major buffer, on all threads of the current pool.
pub fn matmul(lhs: View<'_>, rhs: View<'_>) -> Vec<f32> {
    let len = lhs.rows * rhs.cols;
    let mut out = Vec::<f32>::with_capacity(len);
    let block = ViewMut {
        start: out.as_mut_ptr(),
        rows: lhs.rows,
        cols: rhs.cols,
        row_stride: rhs.cols,
        lifetime: PhantomData,
    };
    block.assign(1.0, lhs, rhs, Parallelism::Rayon(0));
    // SAFETY: `assign` wrote all `len` elements without reading them (with an empty inner dimension it writes zeros).
    unsafe { out.set_len(len) };
    out
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
