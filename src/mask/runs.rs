//! Sets of pixels as runs: the unbroken stretches of each row. Floods and components walk over runs instead of
//! pixels, of which a photo has a thousand times as many.

use std::ops::Range;

/// An unbroken stretch of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    left: u32,
    right: u32,
}

impl Run {
    pub(super) fn columns(self) -> Range<usize> {
        self.left as usize..self.right as usize
    }

    /// Whether two runs of neighbouring rows share a column: 4-connectivity.
    fn meets(self, other: Self) -> bool {
        self.left < other.right && other.left < self.right
    }
}

/// The runs of a set of pixels, row after row.
#[derive(Clone, Debug)]
pub(super) struct Runs {
    /// Row of the picture that is the first one here.
    top: usize,
    /// Of each row, where its runs begin in `runs`; one entry more than there are rows.
    starts: Vec<usize>,
    runs: Vec<Run>,
}

impl Runs {
    /// No rows yet; the first that is pushed is row `top` of the picture.
    pub(super) fn starting_at(top: usize) -> Self {
        Self { top, starts: vec![0], runs: Vec::new() }
    }

    /// The next row: `is_set` says of each pixel from column `left` on whether it belongs to the set.
    pub(super) fn push_row(&mut self, left: usize, is_set: &[bool]) {
        let mut at = 0;
        while let Some(gap) = is_set[at..].iter().position(|&set| set) {
            let start = at + gap;
            let end = is_set[start..].iter().position(|&set| !set).map_or(is_set.len(), |length| start + length);
            self.runs.push(Run { left: (left + start) as u32, right: (left + end) as u32 });
            at = end;
        }
        self.starts.push(self.runs.len());
    }

    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// The rows of the picture that were pushed.
    pub(super) fn rows(&self) -> Range<usize> {
        self.top..self.top + self.starts.len() - 1
    }

    /// The indices of the runs of a row; none of a row that was not pushed.
    pub(super) fn in_row(&self, row: usize) -> Range<usize> {
        let Some(index) = row.checked_sub(self.top).filter(|index| *index < self.starts.len() - 1) else {
            return 0..0;
        };
        self.starts[index]..self.starts[index + 1]
    }

    /// Panics beyond [`Self::len`].
    pub(super) fn get(&self, index: usize) -> Run {
        self.runs[index]
    }

    /// Every run with its row, in reading order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Run)> {
        self.rows().flat_map(|row| self.runs[self.in_row(row)].iter().map(move |&run| (row, run)))
    }

    /// The run that holds a pixel.
    pub(super) fn find(&self, row: usize, column: usize) -> Option<usize> {
        let within = self.in_row(row);
        let index = within.start + self.runs[within.clone()].partition_point(|run| run.right as usize <= column);
        (index < within.end && self.runs[index].columns().contains(&column)).then_some(index)
    }

    /// The indices of the runs of `row` that a run of a neighbouring row meets.
    pub(super) fn meeting(&self, run: Run, row: usize) -> Range<usize> {
        let within = self.in_row(row);
        let runs = &self.runs[within.clone()];
        let first = runs.partition_point(|other| other.right <= run.left);
        let count = runs[first..].iter().take_while(|other| run.meets(**other)).count();
        within.start + first..within.start + first + count
    }

    /// The runs connected to a pixel (4-connectivity), with their rows; none if the pixel is not in the set.
    pub(super) fn flood(&self, row: usize, column: usize) -> Vec<(usize, Run)> {
        let Some(seed) = self.find(row, column) else {
            return Vec::new();
        };
        let mut is_reached = vec![false; self.runs.len()];
        is_reached[seed] = true;
        let mut reached = vec![(row, self.runs[seed])];
        let mut next = 0;
        while let Some(&(row, run)) = reached.get(next) {
            next += 1;
            for neighbour in [row.wrapping_sub(1), row + 1] {
                for index in self.meeting(run, neighbour) {
                    if !std::mem::replace(&mut is_reached[index], true) {
                        reached.push((neighbour, self.runs[index]));
                    }
                }
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(top: usize, rows: &[&str]) -> Runs {
        let mut runs = Runs::starting_at(top);
        for row in rows {
            runs.push_row(0, &row.bytes().map(|byte| byte == b'#').collect::<Vec<_>>());
        }
        runs
    }

    #[test]
    fn a_flood_turns_corners_and_does_not_jump_diagonals() {
        // By hand: the ring of the left is open at its right and reaches row 13; the pixel at its corner stays out.
        let runs = runs(10, &["###.", "#..#", "#.##", "###."]);
        let mut reached: Vec<_> = runs.flood(10, 1).iter().map(|(row, run)| (*row, run.columns())).collect();
        reached.sort_by_key(|(row, columns)| (*row, columns.start));
        assert_eq!(reached, [(10, 0..3), (11, 0..1), (11, 3..4), (12, 0..1), (12, 2..4), (13, 0..3)]);
        assert_eq!(runs.flood(11, 1), []);
        assert_eq!(runs.flood(9, 0), []);
        assert_eq!(runs.flood(14, 0), []);
        assert_eq!(self::runs(0, &["#"]).flood(0, 0).len(), 1, "there is no row above the first");
        let diagonal = self::runs(0, &["#.", ".#"]);
        assert_eq!(diagonal.flood(0, 0).len(), 1);
    }

    #[test]
    fn runs_are_found_by_pixel() {
        let runs = runs(0, &["##.#", "....", ".###"]);
        assert_eq!([0, 1, 2, 3, 4].map(|column| runs.find(0, column)), [Some(0), Some(0), None, Some(1), None]);
        assert_eq!(runs.find(1, 0), None);
        assert_eq!(runs.find(2, 3), Some(2));
        assert_eq!(
            runs.iter().map(|(row, run)| (row, run.columns().len())).collect::<Vec<_>>(),
            [(0, 2), (0, 1), (2, 3)]
        );
    }
}
