//! Height and width in one value, so that no function takes two bare numbers in an order to be guessed.

use serde::{Deserialize, Serialize};

/// A height and a width, in whatever unit the context names (pixels, patches).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    pub height: usize,
    pub width: usize,
}

impl Size {
    pub const fn new(height: usize, width: usize) -> Self {
        Self { height, width }
    }

    pub const fn square(side: usize) -> Self {
        Self::new(side, side)
    }

    /// Number of cells: `height · width`.
    pub const fn area(self) -> usize {
        self.height * self.width
    }
}

impl std::fmt::Display for Size {
    /// Width first, as photographers write it: `640×480`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}×{}", self.width, self.height)
    }
}
