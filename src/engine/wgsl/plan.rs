//! How a product is shared out: what one work group computes, and whether the inner index is cut.

use super::sources::{Endings, MATMUL_32, MATMUL_64, MATMUL_THIN};
use super::tuning::Tuning;

/// Up to so many rows sixteen lanes share one number; tiles would stay mostly empty.
const THIN_ROWS: usize = 8;

/// A slice of the inner index is at least so long: each slice is written and read once more.
const SHORTEST_SLICE: usize = 64;

const MOST_SLICES: usize = 16;

/// Which part of a product one work group computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tile {
    /// One row of 16 columns.
    Thin,
    /// 32 × 32.
    Small,
    /// 64 × 64.
    Large,
}

impl Tile {
    /// Rows and columns.
    pub(super) fn extent(self) -> [usize; 2] {
        match self {
            Self::Thin => [1, 16],
            Self::Small => [32, 32],
            Self::Large => [64, 64],
        }
    }

    pub(super) fn kernels(self) -> &'static Endings {
        match self {
            Self::Thin => &MATMUL_THIN,
            Self::Small => &MATMUL_32,
            Self::Large => &MATMUL_64,
        }
    }

    /// Work groups of a product.
    fn groups(self, [rows, columns]: [usize; 2], matrices: usize) -> usize {
        let [tile_rows, tile_columns] = self.extent();
        rows.div_ceil(tile_rows) * columns.div_ceil(tile_columns) * matrices
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Plan {
    pub tile: Tile,
    /// Pieces of the inner index, multiplied side by side.
    pub slices: usize,
}

impl Plan {
    /// For so many products of `rows × inner` by `inner × columns`: the largest tiles that keep the device busy, cut
    /// along the inner index as often as that takes.
    pub(super) fn of([rows, columns, inner]: [usize; 3], matrices: usize, tuning: &Tuning) -> Self {
        if rows <= THIN_ROWS {
            return Self { tile: Tile::Thin, slices: 1 };
        }
        let most_slices = if matrices == 1 { (inner / SHORTEST_SLICE).clamp(1, MOST_SLICES) } else { 1 };
        let groups = |tile: Tile| tile.groups([rows, columns], matrices);
        let is_large = groups(Tile::Large) * most_slices >= tuning.groups_for_large;
        let tile = if is_large { Tile::Large } else { Tile::Small };
        Self { tile, slices: (tuning.groups_to_fill / groups(tile).max(1)).clamp(1, most_slices) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(extent: [usize; 3], matrices: usize, [groups_for_large, groups_to_fill]: [usize; 2]) -> (Tile, usize) {
        let Plan { tile, slices } =
            Plan::of(extent, matrices, &Tuning { groups_for_large, groups_to_fill, ..Tuning::default() });
        (tile, slices)
    }

    #[test]
    fn tiles_are_as_large_as_the_product_allows() {
        // 100 × 100 are four tiles of 64 × 64.
        assert_eq!(plan([100, 100, 32], 1, [4, 0]), (Tile::Large, 1));
        assert_eq!(plan([100, 100, 32], 1, [5, 0]), (Tile::Small, 1));
        assert_eq!(plan([100, 100, 32], 3, [12, 0]), (Tile::Large, 1), "all products of a batch count");
        assert_eq!(plan([8, 5000, 32], 1, [0, 0]), (Tile::Thin, 1));
    }

    #[test]
    fn long_products_are_cut_until_the_device_is_busy() {
        // Sixteen tiles of 32 × 32.
        let never = usize::MAX;
        assert_eq!(plan([100, 100, 2000], 1, [never, 16]).1, 1);
        assert_eq!(plan([100, 100, 2000], 1, [never, 5 * 16]).1, 5);
        assert_eq!(plan([100, 100, 130], 1, [never, 5 * 16]).1, 2, "slices would be too short");
        assert_eq!(plan([100, 100, 1 << 20], 1, [never, never]).1, MOST_SLICES);
        assert_eq!(plan([100, 100, 2000], 2, [never, 5 * 16]).1, 1, "heads are not cut");
        // What can be cut can use larger tiles: four of 64 × 64, each in sixteen slices.
        assert_eq!(plan([100, 100, 2000], 1, [4 * 16, 2 * 4]), (Tile::Large, 2));
    }
}
