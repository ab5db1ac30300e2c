//! Connected components of a set of pixels or patches.

use std::ops::Range;

use super::runs::Runs;
use crate::size::Size;

/// Cells of a component that lie on each border of the grid; a corner counts for both of its borders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BorderContact {
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
    pub left: usize,
}

impl BorderContact {
    /// Whether there is none.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// One connected component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Component {
    /// Number of cells.
    pub area: usize,
    pub border: BorderContact,
}

/// The components of a grid (4-connectivity), numbered by their first cell in reading order.
///
/// Rows are taken as runs, which a union-find joins (He, Chao & Suzuki 2008): linear in the number of cells.
#[derive(Clone, Debug)]
pub struct Components {
    runs: Runs,
    /// Of each run, the number of its component.
    of_run: Vec<usize>,
    list: Vec<Component>,
}

impl Components {
    /// Of the cells, counted row by row, of which `is_set(row · width + column)` is true.
    pub fn label(size: Size, is_set: impl Fn(usize) -> bool) -> Self {
        let mut runs = Runs::starting_at(0);
        let mut row_is_set = vec![false; size.width];
        for row in 0..size.height {
            for (column, set) in row_is_set.iter_mut().enumerate() {
                *set = is_set(row * size.width + column);
            }
            runs.push_row(0, &row_is_set);
        }
        Self::of_runs(runs, size)
    }

    fn of_runs(runs: Runs, size: Size) -> Self {
        let mut sets = DisjointSets::new(runs.len());
        for row in runs.rows().skip(1) {
            for index in runs.in_row(row) {
                for above in runs.meeting(runs.get(index), row - 1) {
                    sets.join(above, index);
                }
            }
        }
        let mut of_run: Vec<usize> = Vec::with_capacity(runs.len());
        let mut list: Vec<Component> = Vec::new();
        for (index, (row, run)) in runs.iter().enumerate() {
            // A root is the first run of its set, so its number is known before it is asked for.
            let root = sets.root(index);
            let number = if root == index { list.len() } else { of_run[root] };
            if number == list.len() {
                list.push(Component::default());
            }
            of_run.push(number);
            list[number].add(row, run.columns(), size);
        }
        Self { runs, of_run, list }
    }

    /// What is known of each component.
    pub fn list(&self) -> &[Component] {
        &self.list
    }

    /// The number of the largest component, the first of several as large; `None` if there is no component.
    pub fn largest(&self) -> Option<usize> {
        let areas = self.list.iter().map(|component| component.area).enumerate();
        // `max_by_key` would take the last of equals.
        areas.rev().max_by_key(|&(_, area)| area).map(|(number, _)| number)
    }

    /// The number of the component that holds a cell.
    pub fn at(&self, row: usize, column: usize) -> Option<usize> {
        self.runs.find(row, column).map(|index| self.of_run[index])
    }

    /// All cells in reading order: the number of their component, their row, and their columns.
    pub fn spans(&self) -> impl Iterator<Item = (usize, usize, Range<usize>)> {
        self.runs.iter().zip(&self.of_run).map(|((row, run), &number)| (number, row, run.columns()))
    }
}

impl Component {
    fn add(&mut self, row: usize, columns: Range<usize>, size: Size) {
        self.area += columns.len();
        self.border.left += usize::from(columns.start == 0);
        self.border.right += usize::from(columns.end == size.width);
        if row == 0 {
            self.border.top += columns.len();
        }
        if row + 1 == size.height {
            self.border.bottom += columns.len();
        }
    }
}

/// A forest in which each root is the smallest index of its set.
struct DisjointSets {
    parents: Vec<usize>,
}

impl DisjointSets {
    fn new(count: usize) -> Self {
        Self { parents: (0..count).collect() }
    }

    fn root(&mut self, mut index: usize) -> usize {
        while self.parents[index] != index {
            // Halves the path for the next time.
            self.parents[index] = self.parents[self.parents[index]];
            index = self.parents[index];
        }
        index
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::sketch::random_mask;
    use crate::mask::{Label, Mask};

    fn label(mask: &Mask) -> Components {
        Components::label(mask.size(), |index| mask.labels()[index] == Label::Foreground)
    }

    #[test]
    fn areas_and_borders_are_counted_by_hand() {
        let mask = crate::mask::sketch::mask(&["#.#.#", "#.###", ".#...", "..#.#"]);
        let components = label(&mask);
        // In reading order: left edge, the joined right part, the two single pixels, the corner.
        let areas: Vec<_> = components.list().iter().map(|component| component.area).collect();
        assert_eq!(areas, [2, 5, 1, 1, 1]);
        assert_eq!(components.list()[0].border, BorderContact { top: 1, right: 0, bottom: 0, left: 2 });
        assert_eq!(components.list()[1].border, BorderContact { top: 2, right: 2, bottom: 0, left: 0 });
        assert!(components.list()[2].border.is_none());
        assert_eq!(components.list()[4].border, BorderContact { top: 0, right: 1, bottom: 1, left: 0 });
        assert_eq!(components.largest(), Some(1));
        assert_eq!((components.at(1, 3), components.at(0, 1)), (Some(1), None));
    }

    #[test]
    fn the_first_of_equals_is_the_largest_and_nothing_has_none() {
        assert_eq!(label(&crate::mask::sketch::mask(&["#.#"])).largest(), Some(0));
        assert_eq!(label(&crate::mask::sketch::mask(&["..."])).largest(), None);
    }

    /// Pixel-wise relabelling to the least neighbour until nothing changes: slow and obviously right.
    fn by_relaxation(mask: &Mask) -> Vec<usize> {
        let size = mask.size();
        let mut least: Vec<usize> = (0..size.area()).collect();
        let set = |index: usize| mask.labels()[index] == Label::Foreground;
        loop {
            let before = least.clone();
            for index in (0..size.area()).filter(|&index| set(index)) {
                let (row, column) = (index / size.width, index % size.width);
                let right = (column + 1 < size.width).then_some(index + 1);
                let below = (row + 1 < size.height).then_some(index + size.width);
                for other in [right, below].into_iter().flatten().filter(|&other| set(other)) {
                    let low = least[index].min(least[other]);
                    (least[index], least[other]) = (low, low);
                }
            }
            if least == before {
                return least;
            }
        }
    }

    #[test]
    fn random_grids_agree_with_relaxation() {
        for seed in 0..40 {
            let mask = random_mask(Size::new(12, 17), seed);
            let (components, least) = (label(&mask), by_relaxation(&mask));
            let mut firsts: Vec<usize> =
                (0..204).filter(|&i| mask.labels()[i] == Label::Foreground).map(|i| least[i]).collect();
            firsts.sort_unstable();
            firsts.dedup();
            for (index, first) in least.iter().enumerate() {
                let expected = (mask.labels()[index] == Label::Foreground)
                    .then(|| firsts.iter().position(|other| other == first).unwrap());
                assert_eq!(components.at(index / 17, index % 17), expected, "seed {seed}, pixel {index}");
            }
            let areas: usize = components.list().iter().map(|component| component.area).sum();
            assert_eq!(areas, mask.count(Label::Foreground));
        }
    }
}
