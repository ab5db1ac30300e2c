//! What an edit of a mask changed: old pixels of the touched tiles, run-length encoded.
//!
//! A [`Painter`] is the only one who writes labels, and a [`Recording`] keeps each tile as it was before it was first
//! written to. A stroke thus costs what it touches, not what the photo measures, and filling 24 megapixels is
//! remembered in 36 kB.

use std::ops::Range;

use super::bitmap::{Label, Mask};
use super::region::Region;
use crate::size::Size;

/// Height and width of a tile in pixels; those at the right and bottom border of a photo may be smaller.
const TILE: usize = 64;

/// A row of a tile of each label, to compare with.
const UNIFORM: [[u8; TILE]; 3] = [[0; TILE], [1; TILE], [2; TILE]];

/// How a picture is cut into tiles, counted row by row.
#[derive(Clone, Copy, Debug)]
struct Tiling {
    size: Size,
}

impl Tiling {
    fn columns(self) -> usize {
        self.size.width.div_ceil(TILE)
    }

    fn count(self) -> usize {
        self.columns() * self.size.height.div_ceil(TILE)
    }

    fn region(self, tile: u32) -> Region {
        let (row, column) = (tile as usize / self.columns(), tile as usize % self.columns());
        let (top, left) = (row * TILE, column * TILE);
        Region::between(top, left, (top + TILE).min(self.size.height), (left + TILE).min(self.size.width))
    }
}

/// Pixels of some tiles, in order of the tiles.
#[derive(Clone, Debug)]
struct Tiles {
    tiling: Tiling,
    tiles: Vec<u32>,
    /// Of each tile its runs: (length − 1) · 4 + label. They end where the tile is full.
    runs: Vec<u16>,
}

impl Tiles {
    fn new(size: Size) -> Self {
        Self { tiling: Tiling { size }, tiles: Vec::new(), runs: Vec::new() }
    }

    fn push(&mut self, mask: &Mask, tile: u32) {
        self.tiles.push(tile);
        let region = self.tiling.region(tile);
        let (mut label, mut length) = (0, 0);
        for row in region.top..region.bottom() {
            let row = &mask.as_bytes()[row * mask.size().width..][region.left..region.right()];
            // Most rows of most tiles are all of one label.
            if length > 0 && *row == UNIFORM[usize::from(label)][..row.len()] {
                length += row.len();
                continue;
            }
            for &next in row {
                if next != label && length > 0 {
                    self.runs.push(run(label, length));
                    length = 0;
                }
                label = next;
                length += 1;
            }
        }
        self.runs.push(run(label, length));
    }

    /// Each tile and its runs.
    fn iter(&self) -> impl Iterator<Item = (u32, &[u16])> {
        let mut rest = self.runs.as_slice();
        self.tiles.iter().map(move |&tile| {
            let area = self.tiling.region(tile).size().area();
            let (mut count, mut covered) = (0, 0);
            while covered < area && count < rest.len() {
                covered += length(rest[count]);
                count += 1;
            }
            let (runs, others) = rest.split_at(count);
            rest = others;
            (tile, runs)
        })
    }

    fn bytes(&self) -> usize {
        self.tiles.capacity() * size_of::<u32>() + self.runs.capacity() * size_of::<u16>()
    }
}

fn run(label: u8, length: usize) -> u16 {
    // At most TILE² − 1 = 4095, which needs 12 of the 14 bits.
    ((length - 1) as u16) << 2 | u16::from(label)
}

fn length(run: u16) -> usize {
    usize::from(run >> 2) + 1
}

fn label(run: u16) -> Label {
    Label::ALL.get(usize::from(run & 3)).copied().unwrap_or_default()
}

/// Writes the pixels of one tile.
fn restore(mask: &mut Mask, region: Region, runs: &[u16]) {
    let (mut row, mut column) = (region.top, region.left);
    for &run in runs {
        let mut left = length(run);
        while left > 0 {
            let count = left.min(region.right() - column);
            mask.row_mut(row, Region::between(row, column, row + 1, column + count)).fill(label(run));
            left -= count;
            column += count;
            if column == region.right() {
                (row, column) = (row + 1, region.left);
            }
        }
    }
}

/// The tiles that an edit in progress has touched, as they were before.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    is_touched: Vec<bool>,
    before: Tiles,
}

impl Recording {
    /// Nothing touched yet.
    pub(super) fn new(size: Size) -> Self {
        let before = Tiles::new(size);
        Self { is_touched: vec![false; before.tiling.count()], before }
    }

    /// To be called before the pixels of a span are written to.
    fn touch(&mut self, mask: &Mask, row: usize, columns: Range<usize>) {
        let first = row / TILE * self.before.tiling.columns();
        for tile in first + columns.start / TILE..first + columns.end.div_ceil(TILE) {
            if !std::mem::replace(&mut self.is_touched[tile], true) {
                self.before.push(mask, tile as u32);
            }
        }
    }

    /// What the edit changed; `None` if the mask is as it was.
    pub(super) fn finish(self, mask: &Mask) -> Option<Edit> {
        let size = mask.size();
        let mut kept = Tiles::new(size);
        let mut now = Tiles::new(size);
        for (tile, runs) in self.before.iter() {
            now.tiles.clear();
            now.runs.clear();
            now.push(mask, tile);
            // Runs are as long as can be, so that equal pixels have equal runs.
            if now.runs != runs {
                kept.tiles.push(tile);
                kept.runs.extend_from_slice(runs);
            }
        }
        (!kept.tiles.is_empty()).then(|| Edit::new(kept))
    }
}

/// A finished edit: what [`Self::swap`] has to write to take it back.
#[derive(Clone, Debug)]
pub struct Edit {
    tiles: Tiles,
}

impl Edit {
    fn new(mut tiles: Tiles) -> Self {
        tiles.tiles.shrink_to_fit();
        tiles.runs.shrink_to_fit();
        Self { tiles }
    }

    /// Of the masks it fits.
    pub fn size(&self) -> Size {
        self.tiles.tiling.size
    }

    /// A rectangle around all that it changes.
    pub fn region(&self) -> Region {
        let regions = self.tiles.tiles.iter().map(|&tile| self.tiles.tiling.region(tile));
        regions.fold(Region::between(0, 0, 0, 0), Region::union)
    }

    /// What it occupies in memory.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.tiles.bytes()
    }

    /// Writes the pixels it holds and returns the edit that takes this back. `mask` must have its [`Self::size`].
    pub(super) fn swap(&self, mask: &mut Mask) -> Self {
        let mut replaced = Tiles::new(mask.size());
        for (tile, runs) in self.tiles.iter() {
            replaced.push(mask, tile);
            restore(mask, self.tiles.tiling.region(tile), runs);
        }
        Self::new(replaced)
    }
}

/// Writes labels, records what was there, and knows which rectangle it wrote to.
pub(super) struct Painter<'a> {
    mask: &'a mut Mask,
    recording: &'a mut Recording,
    dirty: Region,
}

impl<'a> Painter<'a> {
    pub(super) fn new(mask: &'a mut Mask, recording: &'a mut Recording) -> Self {
        Self { mask, recording, dirty: Region::between(0, 0, 0, 0) }
    }

    pub(super) fn mask(&self) -> &Mask {
        self.mask
    }

    pub(super) fn size(&self) -> Size {
        self.mask.size()
    }

    /// A rectangle around all that was written.
    pub(super) fn dirty(&self) -> Region {
        self.dirty
    }

    /// Writes one label to the columns of a row, as far as they lie on the photo.
    pub(super) fn span(&mut self, row: usize, columns: Range<usize>, label: Label) {
        if let Some(region) = self.touch(row, columns) {
            self.mask.row_mut(row, region).fill(label);
        }
    }

    /// Writes one label to those pixels of a span that have the label `over`.
    pub(super) fn span_over(&mut self, row: usize, columns: Range<usize>, over: Label, label: Label) {
        if let Some(region) = self.touch(row, columns) {
            for pixel in self.mask.row_mut(row, region) {
                *pixel = if *pixel == over { label } else { *pixel };
            }
        }
    }

    /// Writes a whole row, of which only what differs is touched.
    pub(super) fn replace_row(&mut self, row: usize, labels: &[Label]) {
        for (index, new) in labels.chunks(TILE).enumerate() {
            let columns = index * TILE..index * TILE + new.len();
            let old = &self.mask.as_bytes()[row * self.size().width..][columns.clone()];
            let differs = *old != *bytemuck::cast_slice::<Label, u8>(new);
            if differs && let Some(region) = self.touch(row, columns) {
                self.mask.row_mut(row, region).copy_from_slice(new);
            }
        }
    }

    /// The part of a span that lies on the photo, recorded.
    fn touch(&mut self, row: usize, columns: Range<usize>) -> Option<Region> {
        let span = Region::between(row, columns.start, row + 1, columns.end);
        let span = span.intersection(Region::whole(self.size()));
        if span.is_empty() {
            return None;
        }
        self.recording.touch(self.mask, row, span.left..span.right());
        self.dirty = self.dirty.union(span);
        Some(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::sketch::random_mask;

    /// Two tiles wide and high, the second of each a few pixels.
    const SIZE: Size = Size::new(TILE + 3, TILE + 5);

    fn edit(mask: &mut Mask, change: impl FnOnce(&mut Painter)) -> Option<Edit> {
        let mut recording = Recording::new(mask.size());
        change(&mut Painter::new(mask, &mut recording));
        recording.finish(mask)
    }

    #[test]
    fn a_swap_takes_an_edit_back_and_a_second_one_brings_it_again() {
        for seed in 0..10 {
            let original = random_mask(SIZE, seed);
            let mut mask = original.clone();
            let edit = edit(&mut mask, |painter| (60..67).for_each(|row| painter.span(row, 10..999, Label::Ignore)));
            let (edit, painted) = (edit.unwrap(), mask.clone());
            let again = edit.swap(&mut mask);
            assert_eq!(mask, original);
            again.swap(&mut mask);
            assert_eq!(mask, painted);
        }
    }

    #[test]
    fn only_changed_tiles_are_kept() {
        let mut mask = Mask::empty(SIZE);
        let touch_all = |painter: &mut Painter| (0..67).for_each(|row| painter.span(row, 0..69, Label::Background));
        assert!(edit(&mut mask, touch_all).is_none());
        let corner = edit(&mut mask, |painter| {
            touch_all(painter);
            painter.span(66, 68..69, Label::Foreground);
        });
        assert_eq!(corner.unwrap().region(), Region::between(TILE, TILE, TILE + 3, TILE + 5));
    }

    #[test]
    fn a_fill_of_a_large_photo_is_remembered_in_little() {
        let size = Size::new(4000, 6000);
        let mut mask = Mask::empty(size);
        let fill = |painter: &mut Painter| (0..4000).for_each(|row| painter.span(row, 0..6000, Label::Foreground));
        // 63 · 94 tiles, of each a number of 4 bytes and one run of 2 bytes.
        assert_eq!(edit(&mut mask, fill).unwrap().bytes(), 63 * 94 * 6 + size_of::<Edit>());
    }

    #[test]
    fn the_dirty_rectangle_surrounds_what_was_written() {
        let mut mask = Mask::empty(SIZE);
        let mut recording = Recording::new(SIZE);
        let mut painter = Painter::new(&mut mask, &mut recording);
        painter.span(5, 3..8, Label::Foreground);
        painter.span(99, 0..5, Label::Foreground);
        painter.span_over(7, 6..99, Label::Ignore, Label::Foreground);
        assert_eq!(painter.dirty(), Region::between(5, 3, 8, 69));
        assert_eq!(mask.count(Label::Foreground), 5);
    }
}
