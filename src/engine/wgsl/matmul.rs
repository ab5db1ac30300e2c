//! Matrix products: where the operands lie, and in how many dispatches they are multiplied.

use super::WgslOps;
use super::dispatch::ELEMENTS;
use super::error::GpuError;
use super::memory::Buffer;
use super::plan::Plan;
use super::recorder::Call;
use super::sources::{Endings, Kernel, MATMUL_FOLD};
use crate::engine::Epilogue;

/// Where one operand of every product of a batch lies, in elements.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steps {
    pub start: usize,
    /// From one image to the next.
    pub image: usize,
    pub head: usize,
    /// From one row of A or C, or column of B, to the next.
    pub line: usize,
    /// From one index of the sum to the next; from one column of C to the next it is always 1.
    pub inner: usize,
}

impl Steps {
    /// One matrix whose lines lie one after the other.
    pub(super) fn lines(line: usize) -> Self {
        Self { line, inner: 1, ..Self::default() }
    }

    /// One matrix whose lines lie across.
    pub(super) fn across(inner: usize) -> Self {
        Self { line: 1, inner, ..Self::default() }
    }
}

/// C = alpha·A·B and an epilogue, for each head of each image. Keep in sync with shaders/compute/snippets/matmul.wgsl.
pub(super) struct Product<'a> {
    pub a: (&'a Buffer, Steps),
    pub b: (&'a Buffer, Steps),
    pub c: (&'a Buffer, Steps),
    pub rows: usize,
    pub columns: usize,
    pub inner: usize,
    /// Rows of A that exist; the others count as zeros.
    pub a_rows: usize,
    pub images: usize,
    pub heads: usize,
    /// Of one whole inner index, where the «heads» are its slices.
    pub slices_of: Option<usize>,
    pub alpha: f32,
    pub then: Epilogue<'a, Buffer>,
    pub gelu: Gelu<'a>,
}

/// Whether the product ends in a GELU.
#[derive(Clone, Copy)]
pub(super) enum Gelu<'a> {
    No,
    /// Its GELU is written too, into a buffer of its shape.
    Forward(&'a Buffer),
    /// Each number is multiplied by GELU' of the epilogue's residual, which is not added then.
    Backward,
}

impl<'a> Product<'a> {
    /// A single product of `rows × inner` by `inner × columns`, without epilogue.
    pub(super) fn single(
        [rows, columns, inner]: [usize; 3],
        a: (&'a Buffer, Steps),
        b: (&'a Buffer, Steps),
        c: &'a Buffer,
    ) -> Self {
        Self {
            a,
            b,
            c: (c, Steps::lines(columns)),
            rows,
            columns,
            inner,
            a_rows: rows,
            images: 1,
            heads: 1,
            slices_of: None,
            alpha: 1.0,
            then: Epilogue::none(),
            gelu: Gelu::No,
        }
    }

    fn matrices(&self) -> usize {
        self.images * self.heads
    }

    fn work(&self) -> u64 {
        2 * (self.rows * self.columns) as u64 * (self.inner * self.matrices()) as u64
    }

    fn kernel(&self, endings: &'static Endings) -> &'static Kernel {
        match self.gelu {
            Gelu::No => &endings.plain,
            Gelu::Forward(_) => &endings.gelu,
            Gelu::Backward => &endings.gelu_backward,
        }
    }

    /// The same product cut along its inner index: one plain matrix per slice, one after the other in `slices`.
    fn cut<'b>(&self, count: usize, slices: &'b Buffer) -> Product<'b>
    where
        'a: 'b,
    {
        let inner = self.inner.div_ceil(count);
        let (a, b) = (self.a.1, self.b.1);
        Product {
            a: (self.a.0, Steps { head: inner * a.inner, ..a }),
            b: (self.b.0, Steps { head: inner * b.inner, ..b }),
            c: (slices, Steps { head: self.rows * self.columns, ..Steps::lines(self.columns) }),
            inner,
            heads: self.inner.div_ceil(inner),
            slices_of: Some(self.inner),
            alpha: 1.0,
            then: Epilogue::none(),
            gelu: Gelu::No,
            ..*self
        }
    }

    fn sizes(&self, first_row: usize) -> [u32; 26] {
        let (a, b, c) = (self.a.1, self.b.1, self.c.1);
        let residual_rows = self.then.residual.map_or(0, |residual| residual.len() / self.columns.max(1));
        [
            self.rows as u32,
            self.columns as u32,
            self.inner as u32,
            self.a_rows as u32,
            self.heads as u32,
            self.slices_of.map_or(0, |_| self.inner) as u32,
            self.slices_of.unwrap_or(self.inner) as u32,
            a.start as u32,
            a.image as u32,
            a.head as u32,
            a.line as u32,
            a.inner as u32,
            b.start as u32,
            b.image as u32,
            b.head as u32,
            b.line as u32,
            b.inner as u32,
            c.start as u32,
            c.image as u32,
            c.head as u32,
            c.line as u32,
            first_row as u32,
            self.alpha.to_bits(),
            u32::from(self.then.bias.is_some()),
            u32::from(self.then.scale.is_some()),
            residual_rows as u32,
        ]
    }

    /// Whether every element the kernel will touch is in its buffer: the shaders themselves do not look.
    fn fits(&self) -> bool {
        let last = |steps: Steps, lines: usize, inner: usize, step: usize| {
            steps.start
                + self.images.saturating_sub(1) * steps.image
                + self.heads.saturating_sub(1) * steps.head
                + lines.saturating_sub(1) * steps.line
                + inner.saturating_sub(1) * step
        };
        let ((a, in_a), (b, in_b), (c, in_c)) = (self.a, self.b, self.c);
        let per_column = |buffer: Option<&Buffer>| buffer.is_none_or(|buffer| buffer.len() == self.columns);
        let residual = self.then.residual.map_or(self.columns, Buffer::len);
        last(in_a, self.a_rows, self.inner, in_a.inner) < a.len()
            && last(in_b, self.columns, self.inner, in_b.inner) < b.len()
            && last(in_c, self.rows, self.columns, 1) < c.len()
            && self.a_rows <= self.rows
            && per_column(self.then.bias)
            && per_column(self.then.scale)
            && residual > 0
            && residual.is_multiple_of(self.columns)
            && match self.gelu {
                Gelu::No => true,
                Gelu::Forward(activated) => activated.len() == c.len(),
                Gelu::Backward => residual == c.len(),
            }
    }
}

impl WgslOps {
    /// Records a product, as it pays on this device.
    pub(super) fn product(&self, product: &Product<'_>) -> Result<(), GpuError> {
        let plan = Plan::of([product.rows, product.columns, product.inner], product.matrices(), &self.gpu.tuning());
        self.product_by(product, plan)
    }

    pub(super) fn product_by(&self, product: &Product<'_>, plan: Plan) -> Result<(), GpuError> {
        if product.rows * product.columns * product.matrices() == 0 {
            return Ok(());
        }
        if !product.fits() {
            return Err(GpuError::Shape { operation: "matrix product", shape: product.a.0.shape.clone() });
        }
        if plan.slices <= 1 {
            self.multiply(product, plan);
            return Ok(());
        }
        let slices = self.gpu.buffer(vec![plan.slices, product.rows, product.columns])?;
        let cut = product.cut(plan.slices, &slices);
        self.multiply(&cut, plan);
        let count = product.rows * product.columns;
        let whole = Product { a: cut.c, heads: cut.heads, ..*product };
        let work = (count * cut.heads) as u64;
        self.record_product(&whole, &MATMUL_FOLD, (0, self.gpu.folded(count.div_ceil(ELEMENTS))), work);
        Ok(())
    }

    /// A large product goes in several dispatches, so that no submission keeps the screen waiting.
    fn multiply(&self, product: &Product<'_>, plan: Plan) {
        let [tile_rows, tile_columns] = plan.tile.extent();
        let portions = product.work().div_ceil(self.gpu.portion()).max(1) as usize;
        let row_tiles = product.rows.div_ceil(tile_rows);
        let tiles_each = row_tiles.div_ceil(portions).min(self.gpu.most_groups());
        for first in (0..row_tiles).step_by(tiles_each) {
            let tiles = tiles_each.min(row_tiles - first);
            let groups = [product.columns.div_ceil(tile_columns), tiles, product.matrices()].map(|n| n as u32);
            let work = product.work() * tiles as u64 / row_tiles as u64;
            self.record_product(product, plan.tile.kernels(), (first * tile_rows, groups), work);
        }
    }

    fn record_product(
        &self,
        product: &Product<'_>,
        kernels: &'static Endings,
        (first_row, groups): (usize, [u32; 3]),
        work: u64,
    ) {
        let nothing = &self.gpu.nothing;
        let Epilogue { bias, scale, residual } = product.then;
        let [bias, scale, residual] = [bias, scale, residual].map(|buffer| buffer.unwrap_or(nothing));
        let outputs = match product.gelu {
            Gelu::Forward(activated) => vec![product.c.0, activated],
            Gelu::No | Gelu::Backward => vec![product.c.0],
        };
        let call = Call {
            kernel: product.kernel(kernels),
            switches: [product.a.1.inner == 1, product.b.1.inner == 1],
            sizes: &product.sizes(first_row),
            inputs: &[product.a.0, product.b.0, bias, scale, residual],
            outputs: &outputs,
            groups,
            work,
        };
        self.gpu.recorder().record(&self.gpu, &call);
    }
}
