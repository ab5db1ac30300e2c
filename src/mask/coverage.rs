//! What the model sees of a mask: how much of each input pixel and of each patch is foreground.

use super::bitmap::{Label, Mask};
use super::region::Region;
use crate::image::{Framing, Position};
use crate::size::Size;

/// Share of the foreground per cell: a pixel of the model input, or a patch.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    /// Of the grid.
    pub size: Size,
    /// Row-major: of the part of the cell that is not ignored, the share that is foreground, 0…1; 0 if all is ignored.
    pub foreground: Vec<f32>,
    /// Row-major: the share of the cell that is not ignored, 0…1. A loss or metric weighs the cell by it.
    pub weight: Vec<f32>,
}

impl Mask {
    /// The mask at the resolution of the model input: area averages over what each input pixel covers of the photo.
    ///
    /// `None` if `framing` belongs to a photo of another size.
    pub fn resampled(&self, framing: &Framing) -> Option<Coverage> {
        if framing.original() != self.size() {
            return None;
        }
        let rows = footprints(framing, framing.input().height, self.size().height, Axis::Y);
        let columns = footprints(framing, framing.input().width, self.size().width, Axis::X);
        Some(self.averaged(&rows, &columns))
    }

    /// Brings what [`Self::resampled`] gave up to date after the labels within `region` changed, at the cost of that
    /// region. Nothing happens if `coverage` is not of this mask's size and `framing`.
    pub fn resample_region(&self, framing: &Framing, region: Region, coverage: &mut Coverage) {
        if framing.original() != self.size() || framing.input() != coverage.size || region.is_empty() {
            return;
        }
        let rows = footprints(framing, coverage.size.height, self.size().height, Axis::Y);
        let columns = footprints(framing, coverage.size.width, self.size().width, Axis::X);
        let rows_touched = touched(&rows, region.top..region.bottom());
        let columns_touched = touched(&columns, region.left..region.right());
        let width = columns_touched.len();
        if width == 0 {
            return;
        }
        let part = self.averaged(&rows[rows_touched.clone()], &columns[columns_touched.clone()]);
        for (index, row) in rows_touched.enumerate() {
            let (from, to) = (index * width, row * coverage.size.width + columns_touched.start);
            coverage.foreground[to..to + width].copy_from_slice(&part.foreground[from..from + width]);
            coverage.weight[to..to + width].copy_from_slice(&part.weight[from..from + width]);
        }
    }

    fn averaged(&self, rows: &[Footprint], columns: &[Footprint]) -> Coverage {
        let mut coverage = Coverage::with_capacity(Size::new(rows.len(), columns.len()));
        let start = columns.first().map_or(0, |footprint| footprint.start);
        let end = columns.last().map_or(0, |footprint| footprint.end).min(self.size().width);
        // Footprints of neighbouring cells share at most one row of the photo, which is measured twice.
        for footprint in rows {
            let mut sums = vec![Sums::default(); columns.len()];
            for (row, height) in footprint.pixels() {
                let labels = &self.as_bytes()[row * self.size().width..][..self.size().width];
                // Most rows of most masks; a new one of a large photo has no others.
                let is_background =
                    labels[start.min(end)..end].iter().fold(0, |any, label| any | label) == Label::Background as u8;
                for (sums, footprint) in sums.iter_mut().zip(columns) {
                    sums.add(if is_background { footprint.background() } else { footprint.sum(labels) }, height);
                }
            }
            sums.iter().for_each(|sums| coverage.push(sums));
        }
        coverage
    }
}

impl Coverage {
    fn with_capacity(size: Size) -> Self {
        Self { size, foreground: Vec::with_capacity(size.area()), weight: Vec::with_capacity(size.area()) }
    }

    fn push(&mut self, sums: &Sums) {
        let counted = sums.area - sums.ignored;
        let share = |part: f32, whole: f32| if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 };
        // What rounding leaves of an ignored cell is no part of it that counts.
        let is_ignored = counted < sums.area * 1e-6;
        self.foreground.push(if is_ignored { 0.0 } else { share(sums.foreground, counted) });
        self.weight.push(if is_ignored { 0.0 } else { share(counted, sums.area) });
    }

    /// The same on the patch grid; a rest smaller than a patch is seen by none.
    ///
    /// `patch` is in cells of this grid, and neither side may be 0.
    pub fn on_patches(&self, patch: Size) -> Self {
        let grid = Size::new(self.size.height / patch.height, self.size.width / patch.width);
        let mut coarse = Self::with_capacity(grid);
        for index in 0..grid.area() {
            let (top, left) = (index / grid.width * patch.height, index % grid.width * patch.width);
            let mut sums = Sums::default();
            for row in top..top + patch.height {
                for cell in row * self.size.width + left..row * self.size.width + left + patch.width {
                    let weight = self.weight[cell];
                    sums.add(
                        Sums { area: 1.0, foreground: weight * self.foreground[cell], ignored: 1.0 - weight },
                        1.0,
                    );
                }
            }
            coarse.push(&sums);
        }
        coarse
    }
}

#[derive(Clone, Copy)]
enum Axis {
    X,
    Y,
}

/// The stretch of the photo that a row or column of the input covers; of each axis one, in order.
fn footprints(framing: &Framing, count: usize, length: usize, axis: Axis) -> Vec<Footprint> {
    let edge = |index: usize| {
        let at = framing.image_from_input(Position::new(index as f64, index as f64));
        let at = match axis {
            Axis::X => at.x,
            Axis::Y => at.y,
        };
        // Rounding may lead past the photo by an ulp.
        at.clamp(0.0, length as f64)
    };
    (0..count).map(|index| Footprint::between(edge(index), edge(index + 1))).collect()
}

/// The footprints, in order, that reach into a stretch of the photo.
fn touched(footprints: &[Footprint], pixels: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let first = footprints.partition_point(|footprint| footprint.end <= pixels.start);
    let end = footprints.partition_point(|footprint| footprint.start < pixels.end);
    first..end.max(first)
}

/// A stretch of pixels, the first and the last of which may be covered in part.
struct Footprint {
    start: usize,
    end: usize,
    /// Covered part of the first and of the last pixel; of a single pixel, its covered part and 0.
    first: f32,
    last: f32,
}

impl Footprint {
    fn between(start: f64, end: f64) -> Self {
        let (first_pixel, behind_last) =
            (start.floor() as usize, (end.ceil() as usize).max(start.floor() as usize + 1));
        match behind_last - first_pixel {
            1 => Self { start: first_pixel, end: behind_last, first: (end - start) as f32, last: 0.0 },
            _ => Self {
                start: first_pixel,
                end: behind_last,
                first: (first_pixel as f64 + 1.0 - start) as f32,
                last: (end - (behind_last as f64 - 1.0)) as f32,
            },
        }
    }

    /// Each pixel and its covered part.
    fn pixels(&self) -> impl Iterator<Item = (usize, f32)> {
        (self.start..self.end).map(|pixel| (pixel, self.part(pixel)))
    }

    fn part(&self, pixel: usize) -> f32 {
        match pixel {
            _ if pixel == self.start => self.first,
            _ if pixel + 1 == self.end => self.last,
            _ => 1.0,
        }
    }

    /// Over a row of nothing but background; adds up in the order of [`Self::sum`].
    fn background(&self) -> Sums {
        let inner = (self.end - self.start).saturating_sub(2);
        Sums { area: inner as f32 + self.first + self.last, ..Sums::default() }
    }

    /// Over the labels of a row.
    fn sum(&self, labels: &[u8]) -> Sums {
        let ends = if self.end - self.start > 1 { [self.start, self.end - 1] } else { [self.start, self.end] };
        let inner = labels.get(self.start + 1..ends[1]).unwrap_or_default();
        let mut sums = Sums { area: inner.len() as f32, ..Sums::default() };
        // Labels are 0, 1 and 2: one pass of plain sums, of bits, counts both.
        let (mut foreground, mut ignored) = (0_u32, 0_u32);
        for &label in inner {
            foreground += u32::from(label & 1);
            ignored += u32::from(label >> 1);
        }
        (sums.foreground, sums.ignored) = (foreground as f32, ignored as f32);
        for (pixel, part) in [(ends[0], self.first), (ends[1], self.last)] {
            if part > 0.0
                && let Some(&label) = labels.get(pixel)
            {
                sums.area += part;
                sums.foreground += if label == Label::Foreground as u8 { part } else { 0.0 };
                sums.ignored += if label == Label::Ignore as u8 { part } else { 0.0 };
            }
        }
        sums
    }
}

/// Areas in pixels of the photo.
#[derive(Clone, Copy, Default)]
struct Sums {
    area: f32,
    foreground: f32,
    ignored: f32,
}

impl Sums {
    fn add(&mut self, other: Self, times: f32) {
        self.area += times * other.area;
        self.foreground += times * other.foreground;
        self.ignored += times * other.ignored;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::sketch::{mask, random_mask};

    /// A photo that is the input.
    fn plain(size: Size) -> Framing {
        Framing::centred(size, size, size)
    }

    #[test]
    fn rows_of_background_are_summed_like_any_others() {
        let labels = [Label::Background as u8; 9];
        for (start, end) in [(0.0, 1.0), (0.25, 0.75), (1.5, 2.5), (2.0, 7.3), (0.4, 9.0), (3.0, 5.0)] {
            let footprint = Footprint::between(start, end);
            let (slow, fast) = (footprint.sum(&labels), footprint.background());
            assert_eq!([fast.area, fast.foreground, fast.ignored], [slow.area, slow.foreground, slow.ignored]);
            assert!((f64::from(fast.area) - (end - start)).abs() < 1e-6, "{start}…{end}");
        }
    }

    #[test]
    fn at_the_photos_own_size_the_labels_come_back() {
        let mask = mask(&["#.i", "..#"]);
        let coverage = mask.resampled(&plain(mask.size())).unwrap();
        assert_eq!(coverage.foreground, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(coverage.weight, [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(mask.resampled(&plain(Size::new(3, 2))), None);
    }

    #[test]
    fn a_pixel_that_spans_several_is_their_average() {
        // 3 × 6 to 1 × 4 of which the inner 1 × 2 are kept (offset 1): each covers 1.5 columns, from 1.5 to 3 to 4.5.
        let photo = mask(&["..##..", "..##i.", "...#i."]);
        let framing = Framing::centred(photo.size(), Size::new(1, 4), Size::new(1, 2));
        let coverage = photo.resampled(&framing).unwrap();
        // Left: half of column 1 (background) and column 2 (2 of 3): 2 / 4.5.
        // Right: column 3 (3 of 3) and half of column 4 (½ background, 1 ignored): 3 / 3.5, of 4.5.
        let expected = ([2.0 / 4.5, 3.0 / 3.5], [1.0, 3.5 / 4.5]);
        for index in 0..2 {
            // A few roundings of f32.
            assert!((coverage.foreground[index] - expected.0[index]).abs() < 1e-6);
            assert!((coverage.weight[index] - expected.1[index]).abs() < 1e-6);
        }
    }

    #[test]
    fn a_small_photo_is_spread_over_more_pixels() {
        let photo = mask(&["#.", ".."]);
        let framing = Framing::centred(photo.size(), Size::square(5), Size::square(5));
        let coverage = photo.resampled(&framing).unwrap();
        // Each pixel covers 0.4 of the photo's; the third column lies half in the first.
        let expected = [1.0, 1.0, 0.5, 0.0, 0.0];
        for (index, value) in coverage.foreground.iter().enumerate() {
            let expected: f32 = expected[index / 5] * expected[index % 5];
            assert!((value - expected).abs() < 1e-6, "{index}: {value} {expected}");
        }
    }

    #[test]
    fn the_average_of_all_is_the_area_of_the_mask() {
        for seed in 0..20 {
            let photo = random_mask(Size::new(37, 53), seed);
            let framing = Framing::centred(photo.size(), Size::square(12), Size::square(12));
            let whole = photo.resampled(&framing).unwrap().on_patches(Size::square(12));
            // 144 sums of some 14 terms in f32.
            assert!((f64::from(whole.foreground[0]) - photo.area()).abs() < 1e-5, "seed {seed}");
            let counted = 1.0 - photo.count(Label::Ignore) as f64 / photo.size().area() as f64;
            assert!((f64::from(whole.weight[0]) - counted).abs() < 1e-5, "seed {seed}");
        }
    }

    #[test]
    fn a_patch_counts_its_pixels_by_what_is_not_ignored() {
        // 2 × 5 pixels, patches of 2 × 2: the last column belongs to none.
        let photo = mask(&["#.ii#", "#iii#"]);
        let patches = photo.resampled(&plain(photo.size())).unwrap().on_patches(Size::square(2));
        assert_eq!(patches.size, Size::new(1, 2));
        assert_eq!(patches.foreground, [2.0 / 3.0, 0.0]);
        assert_eq!(patches.weight, [0.75, 0.0]);
    }

    #[test]
    fn a_change_costs_no_more_than_its_region_and_gives_the_same() {
        for seed in 0..20 {
            let size = Size::new(37, 53);
            // Smaller and larger than the photo, and with parts that the model does not see.
            let framings = [
                Framing::centred(size, Size::new(12, 15), Size::square(12)),
                Framing::centred(size, Size::new(80, 80), Size::square(60)),
            ];
            let (before, after) = (random_mask(size, seed), random_mask(size, seed + 100));
            let top = seed as usize;
            let region = Region::between(top, 3 + top, top + 5, 9 + 2 * top);
            let mut changed = before.clone();
            for row in region.top..region.bottom() {
                changed.row_mut(row, region).copy_from_slice(after.row(row, region));
            }
            for framing in framings {
                let mut coverage = before.resampled(&framing).unwrap();
                changed.resample_region(&framing, region, &mut coverage);
                assert_eq!(coverage, changed.resampled(&framing).unwrap(), "seed {seed}");
            }
        }
    }
}
