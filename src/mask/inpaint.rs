//! Fills a hole in a picture smoothly from what surrounds it.
//!
//! The colours of the fill solve Laplace's equation with the surroundings as border, level by level of a pyramid: the
//! hole closes where the picture is small, and each finer level starts from the coarser one (push–pull, then
//! relaxation). Nothing is invented: a fill has no texture and no edge that could stand for an object.

use ::image::{Rgb, RgbImage};

use crate::size::Size;

/// Sweeps per level; the coarser level has solved all but the finest waves.
const SWEEPS: usize = 12;

/// The picture with the pixels of `hole` (row-major) filled; the others stay as they are.
///
/// If nothing surrounds the hole, or `hole` is of another length, the picture comes back unchanged.
pub(super) fn fill_hole(picture: &RgbImage, hole: &[bool]) -> RgbImage {
    let size = Size::new(picture.height() as usize, picture.width() as usize);
    if hole.len() != size.area() || hole.iter().all(|&inside| inside) {
        return picture.clone();
    }
    let colours = picture.pixels().map(|pixel| pixel.0.map(f32::from)).collect();
    let filled = Level { size, colours, hole: hole.to_vec() }.filled();
    let mut result = picture.clone();
    for ((pixel, colour), _) in result.pixels_mut().zip(filled).zip(hole).filter(|(_, inside)| **inside) {
        *pixel = Rgb(colour.map(|channel| channel.round() as u8));
    }
    result
}

/// The picture at one resolution.
struct Level {
    size: Size,
    colours: Vec<[f32; 3]>,
    /// Where the colour is not known.
    hole: Vec<bool>,
}

impl Level {
    /// All colours, with the hole filled.
    fn filled(mut self) -> Vec<[f32; 3]> {
        if !self.hole.contains(&true) {
            return self.colours;
        }
        let coarser = self.halved();
        let coarse_size = coarser.size;
        let coarse = coarser.filled();
        let holes: Vec<usize> = (0..self.hole.len()).filter(|&at| self.hole[at]).collect();
        for &at in &holes {
            self.colours[at] = enlarged(&coarse, coarse_size, at / self.size.width, at % self.size.width);
        }
        for sweep in 0..SWEEPS {
            // There and back, so that colours spread alike in both directions.
            match sweep % 2 {
                0 => holes.iter().for_each(|&at| self.relax(at)),
                _ => holes.iter().rev().for_each(|&at| self.relax(at)),
            }
        }
        self.colours
    }

    /// Half as large, rounded up; a pixel is known if one of the four it stands for is.
    fn halved(&self) -> Self {
        let size = Size::new(self.size.height.div_ceil(2), self.size.width.div_ceil(2));
        let (mut colours, mut hole) = (Vec::with_capacity(size.area()), Vec::with_capacity(size.area()));
        for at in 0..size.area() {
            let (top, left) = (at / size.width * 2, at % size.width * 2);
            let (mut sum, mut known) = ([0.0; 3], 0.0_f32);
            for row in top..(top + 2).min(self.size.height) {
                for pixel in row * self.size.width + left..row * self.size.width + (left + 2).min(self.size.width) {
                    if !self.hole[pixel] {
                        sum = std::array::from_fn(|channel| sum[channel] + self.colours[pixel][channel]);
                        known += 1.0;
                    }
                }
            }
            colours.push(sum.map(|channel| channel / known.max(1.0)));
            hole.push(known == 0.0);
        }
        Self { size, colours, hole }
    }

    /// Sets a pixel to the mean of its neighbours.
    fn relax(&mut self, at: usize) {
        let Size { height, width } = self.size;
        let (row, column) = (at / width, at % width);
        let neighbours = [
            (row > 0).then(|| at - width),
            (row + 1 < height).then(|| at + width),
            (column > 0).then(|| at - 1),
            (column + 1 < width).then(|| at + 1),
        ];
        let (mut sum, mut count) = ([0.0; 3], 0.0_f32);
        for neighbour in neighbours.into_iter().flatten() {
            sum = std::array::from_fn(|channel| sum[channel] + self.colours[neighbour][channel]);
            count += 1.0;
        }
        self.colours[at] = sum.map(|channel| channel / count.max(1.0));
    }
}

/// The colour at a pixel of the level above, bilinear.
fn enlarged(coarse: &[[f32; 3]], size: Size, row: usize, column: usize) -> [f32; 3] {
    // A fine pixel lies a quarter of a coarse one before or behind the centre of its own.
    let taps = |fine: usize, length: usize| {
        let own = fine / 2;
        let other = if fine.is_multiple_of(2) { own.saturating_sub(1) } else { (own + 1).min(length - 1) };
        [(own, 0.75), (other, 0.25)]
    };
    let mut colour = [0.0; 3];
    for (y, share_y) in taps(row, size.height) {
        for (x, share_x) in taps(column, size.width) {
            let share: f32 = share_y * share_x;
            let tap = coarse[y * size.width + x];
            colour = std::array::from_fn(|channel| colour[channel] + share * tap[channel]);
        }
    }
    colour
}

/// The hole and all pixels less than `margin` away from it along rows and columns: masks are rarely exact, and a
/// line of the object around the fill would tell what was there.
pub(super) fn widened(hole: &[bool], size: Size, margin: usize) -> Vec<bool> {
    let along_rows = spread(hole, margin, size.width, 1, |at| at % size.width);
    spread(&along_rows, margin, size.height, size.width, |at| at / size.width)
}

/// Whether a pixel within `margin` steps along one axis is set.
fn spread(from: &[bool], margin: usize, length: usize, step: usize, place: impl Fn(usize) -> usize) -> Vec<bool> {
    let near = |at: usize| {
        let (behind, ahead) = (margin.min(place(at)), margin.min(length - 1 - place(at)));
        (0..=behind + ahead).any(|offset| from[at + offset * step - behind * step])
    };
    (0..from.len()).map(near).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_goes_on_through_the_hole() {
        // A linear ramp solves Laplace's equation, so the fill must be the ramp itself, up to what twelve sweeps leave.
        let size = Size::new(40, 64);
        let picture = RgbImage::from_fn(64, 40, |x, y| Rgb([(2 * x + 3 * y) as u8, (4 * y) as u8, 9]));
        let hole: Vec<bool> =
            (0..size.area()).map(|at| (10..30).contains(&(at / 64)) && (20..45).contains(&(at % 64))).collect();
        let mut damaged = picture.clone();
        damaged.pixels_mut().zip(&hole).filter(|(_, inside)| **inside).for_each(|(pixel, _)| *pixel = Rgb([255; 3]));
        let filled = fill_hole(&damaged, &hole);
        let worst = filled.as_raw().iter().zip(picture.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(4), "{worst:?} of 255");
        for ((pixel, original), _) in filled.pixels().zip(picture.pixels()).zip(&hole).filter(|(_, inside)| !**inside) {
            assert_eq!(pixel, original);
        }
    }

    #[test]
    fn no_colour_of_the_object_remains() {
        // All around is blue, so the fill can only be blue, at the border of the picture too.
        let size = Size::new(31, 17);
        let hole: Vec<bool> = (0..size.area()).map(|at| at % 17 < 12 && at / 17 > 3).collect();
        let picture = RgbImage::from_fn(17, 31, |x, y| match hole[(y * 17 + x) as usize] {
            true => Rgb([250, 0, 0]),
            false => Rgb([0, 0, 200]),
        });
        assert!(fill_hole(&picture, &hole).pixels().all(|pixel| *pixel == Rgb([0, 0, 200])));
    }

    #[test]
    fn without_surroundings_nothing_changes() {
        let picture = RgbImage::from_pixel(3, 2, Rgb([7, 8, 9]));
        assert_eq!(fill_hole(&picture, &[true; 6]), picture);
        assert_eq!(fill_hole(&picture, &[true; 5]), picture);
    }

    #[test]
    fn the_margin_reaches_as_far_as_asked_and_not_around_the_border() {
        let size = Size::new(5, 7);
        let one = |row: usize, column: usize| -> Vec<bool> { (0..35).map(|at| at == row * 7 + column).collect() };
        let reached = |hole: &[bool], margin| -> Vec<usize> {
            widened(hole, size, margin).iter().enumerate().filter(|(_, inside)| **inside).map(|(at, _)| at).collect()
        };
        assert_eq!(reached(&one(2, 3), 0), [17]);
        assert_eq!(reached(&one(2, 3), 1), [9, 10, 11, 16, 17, 18, 23, 24, 25]);
        assert_eq!(reached(&one(0, 6), 1), [5, 6, 12, 13]);
    }
}
