//! From an eigenvector to the patches of the object.

use serde::{Deserialize, Serialize};

use crate::image::PatchIndex;
use crate::mask::components::{Component, Components};
use crate::size::Size;

use super::Spectrum;

/// Where the released code errs and we do not: with large objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskProfile {
    /// A cut that runs along most of the border is the background: its complement is taken. After refinement the
    /// largest part that is not background is kept.
    #[default]
    Default,
    /// As the released code: the side of the seed whatever it is, and after refinement the second most frequent
    /// label, which is the background where the object is larger.
    Paper,
}

/// One side of the graph, patch by patch.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    pub grid: Size,
    /// Divided by its largest absolute value, positive at the seed, `[grid.height, grid.width]`.
    pub eigenvector: Vec<f32>,
    /// All patches on the seed's side.
    pub bipartition: Vec<bool>,
    /// Where the eigenvector is largest, or where a person clicked.
    pub seed: PatchIndex,
    /// The connected part that holds the seed, or its complement if `is_inverted`.
    pub coarse: Vec<bool>,
    /// Whether the part was taken for background.
    pub is_inverted: bool,
}

impl Cut {
    /// Whether the coarse mask holds a patch; not beyond the grid.
    pub fn holds(&self, patch: PatchIndex) -> bool {
        patch.row < self.grid.height
            && patch.column < self.grid.width
            && self.coarse[patch.row * self.grid.width + patch.column]
    }
}

impl Spectrum {
    /// How many eigenvectors there are to choose from.
    pub fn count(&self) -> usize {
        self.vectors.len()
    }

    /// TokenCut: the part of the patches that holds the largest entry of an eigenvector; 0 is the second smallest.
    /// Beyond the last it is the last.
    pub fn cut(&self, eigenvector: usize, profile: MaskProfile) -> Cut {
        let vector = self.vector(eigenvector);
        self.part(vector, self.seed(vector), profile)
    }

    /// The part that holds a patch somebody clicked: the same eigenvector, another component or the other side.
    /// `None` beyond the grid.
    pub fn part_at(&self, eigenvector: usize, patch: PatchIndex) -> Option<Cut> {
        let inside = patch.row < self.grid.height && patch.column < self.grid.width;
        let seed = patch.row * self.grid.width + patch.column;
        // The raw behaviour: whoever clicks the background means it.
        inside.then(|| self.part(self.vector(eigenvector), seed, MaskProfile::Paper))
    }

    fn vector(&self, index: usize) -> &[f64] {
        &self.vectors[index.min(self.vectors.len() - 1)]
    }

    fn part(&self, vector: &[f64], seed: usize, profile: MaskProfile) -> Cut {
        let mean = vector.iter().sum::<f64>() / vector.len() as f64;
        let side = vector[seed] > mean;
        let bipartition: Vec<bool> = vector.iter().map(|&value| (value > mean) == side).collect();
        let largest = vector.iter().fold(f64::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
        let sign = if side { 1.0 } else { -1.0 };
        let eigenvector = vector.iter().map(|value| (sign * value / largest) as f32).collect();

        let grid = self.grid;
        let components = Components::label(grid, |index| bipartition[index]);
        let at = PatchIndex { row: seed / grid.width, column: seed % grid.width };
        let number = components.at(at.row, at.column);
        let mut coarse = vec![false; grid.area()];
        for (_, row, columns) in components.spans().filter(|(of, ..)| Some(*of) == number) {
            coarse[row * grid.width..][columns].fill(true);
        }
        let component = number.map(|number| components.list()[number]).unwrap_or_default();
        let is_inverted = profile == MaskProfile::Default && surrounds(component, grid);
        if is_inverted {
            coarse.iter_mut().for_each(|set| *set = !*set);
        }
        Cut { grid, eigenvector, bipartition, seed: at, coarse, is_inverted }
    }

    /// The patch with the largest entry. Patches with the same neighbours have the same entry but for rounding: of
    /// such, one in the largest part that they form.
    fn seed(&self, vector: &[f64]) -> usize {
        const SAME: f64 = 1e-7;
        let mut first = 0;
        for (at, value) in vector.iter().enumerate() {
            if value.abs() > vector[first].abs() {
                first = at;
            }
        }
        let width = self.grid.width;
        let is_same = |at: usize| (vector[at] - vector[first]).abs() <= SAME * vector[first].abs();
        let parts = Components::label(self.grid, is_same);
        let largest = parts.largest();
        (0..vector.len()).find(|at| largest.is_some() && parts.at(at / width, at % width) == largest).unwrap_or(first)
    }
}

/// Whether a part touches three or more borders along most of their length, as background does.
fn surrounds(part: Component, grid: Size) -> bool {
    let border = part.border;
    let along = [
        (border.top, grid.width),
        (border.bottom, grid.width),
        (border.left, grid.height),
        (border.right, grid.height),
    ];
    // A part of everything has no complement to take.
    part.area < grid.area() && along.iter().filter(|(touched, length)| 2 * touched > *length).count() >= 3
}
