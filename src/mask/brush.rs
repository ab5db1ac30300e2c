//! The brush, and the pixels under its movement.

use std::ops::Range;

use super::bitmap::Label;
use super::region::Region;
use crate::image::Position;
use crate::size::Size;

/// A round brush.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brush {
    /// In photo pixels. Below 1 the pixel under the brush is still painted.
    pub diameter: f64,
    /// What it paints; the eraser paints [`Label::Background`].
    pub label: Label,
    pub edge: Edge,
}

/// Where the brush ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edge {
    /// At its circle: a pixel is painted if its centre lies within.
    #[default]
    Hard,
    /// At its circle, with a rim of ignored pixels inside of it, an eighth of its diameter wide, where the other side
    /// was: for borders that are nobody's for sure, such as fur.
    Soft,
    /// At its circle and at the edges of the photo: painted is what is connected to the brush's centre and differs
    /// from the surface there by at most `tolerance` (0…255) in each of red, green and blue.
    Aware { tolerance: u8 },
}

impl Brush {
    /// With a hard edge.
    pub const fn new(diameter: f64, label: Label) -> Self {
        Self { diameter, label, edge: Edge::Hard }
    }

    /// In photo pixels; nonsense counts as 0.
    pub(super) fn radius(&self) -> f64 {
        if self.diameter.is_finite() { self.diameter.max(0.0) / 2.0 } else { 0.0 }
    }
}

/// What a disc covers while its centre moves along a straight line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capsule {
    from: Position,
    to: Position,
    radius: f64,
}

impl Capsule {
    pub(super) fn new(from: Position, to: Position, radius: f64) -> Self {
        Self { from, to, radius }
    }

    /// A smallest rectangle of pixels around it, as far as it lies on a photo of this size.
    pub(super) fn region(&self, size: Size) -> Region {
        let Self { from, to, radius } = self;
        let (top, bottom) = (from.y.min(to.y) - radius, from.y.max(to.y) + radius);
        let (left, right) = (from.x.min(to.x) - radius, from.x.max(to.x) + radius);
        // What has no height touches no pixel, but the one under it is to be painted.
        let end = |start: f64, end: f64| end.max(start.floor() + 1.0);
        Region::touching(top, left, end(top, bottom), end(left, right), size)
    }

    /// The columns, within `region`, of the pixels of a row whose centres it covers or that lie under its axis.
    pub(super) fn columns(&self, row: usize, region: Region) -> Range<usize> {
        let y = row as f64 + 0.5;
        let mut covered = Interval::EMPTY;
        covered.add_disc(self.from, self.radius, y);
        covered.add_disc(self.to, self.radius, y);
        self.add_sides(&mut covered, y);
        // Centres at or right of the left end: column + ½ ≥ left.
        let (mut left, mut right) = ((covered.left - 0.5).ceil(), (covered.right - 0.5).floor() + 1.0);
        let under_axis = self.axis_within(row);
        if under_axis.left <= under_axis.right {
            let first = under_axis.left.floor();
            left = if left < right { left.min(first) } else { first };
            right = right.max(under_axis.right.floor() + 1.0);
        }
        let clamp = |column: f64| (column.max(0.0) as usize).clamp(region.left, region.right());
        if left < right { clamp(left)..clamp(right) } else { region.left..region.left }
    }

    /// The rectangle between both discs: where the line at `y` crosses its four sides.
    fn add_sides(&self, covered: &mut Interval, y: f64) {
        let (dx, dy) = (self.to.x - self.from.x, self.to.y - self.from.y);
        let length = dx.hypot(dy);
        if length == 0.0 {
            return;
        }
        let (across_x, across_y) = (-dy / length * self.radius, dx / length * self.radius);
        let corner = |at: Position, side: f64| Position::new(at.x + side * across_x, at.y + side * across_y);
        let corners = [corner(self.from, 1.0), corner(self.to, 1.0), corner(self.to, -1.0), corner(self.from, -1.0)];
        for side in 0..4 {
            covered.add_crossing(corners[side], corners[(side + 1) % 4], y);
        }
    }

    /// From where to where the axis runs within the height of a row.
    fn axis_within(&self, row: usize) -> Interval {
        let (top, bottom) = (row as f64, row as f64 + 1.0);
        let (upper, lower) = if self.from.y <= self.to.y { (self.from, self.to) } else { (self.to, self.from) };
        let mut interval = Interval::EMPTY;
        for end in [upper, lower] {
            if (top..bottom).contains(&end.y) {
                interval.add(end.x);
            }
        }
        interval.add_crossing(upper, lower, top);
        // The lower rim belongs to the row below; only an axis that goes on there crosses it.
        if lower.y > bottom {
            interval.add_crossing(upper, lower, bottom);
        }
        interval
    }
}

/// The smallest interval around what was added.
struct Interval {
    left: f64,
    right: f64,
}

impl Interval {
    const EMPTY: Self = Self { left: f64::INFINITY, right: f64::NEG_INFINITY };

    fn add(&mut self, x: f64) {
        self.left = self.left.min(x);
        self.right = self.right.max(x);
    }

    fn add_disc(&mut self, centre: Position, radius: f64, y: f64) {
        let square = radius * radius - (y - centre.y) * (y - centre.y);
        if square >= 0.0 {
            self.add(centre.x - square.sqrt());
            self.add(centre.x + square.sqrt());
        }
    }

    /// Where a line segment crosses a height.
    fn add_crossing(&mut self, a: Position, b: Position, y: f64) {
        if (a.y <= y) != (b.y <= y) {
            self.add(a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x));
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    const SIZE: Size = Size::new(40, 50);

    fn covered(capsule: &Capsule) -> Vec<(usize, usize)> {
        let region = capsule.region(SIZE);
        let pixels = |row| capsule.columns(row, region).map(move |column| (row, column));
        (region.top..region.bottom()).flat_map(pixels).collect()
    }

    fn dot(x: f64, y: f64, diameter: f64) -> Vec<(usize, usize)> {
        let at = Position::new(x, y);
        covered(&Capsule::new(at, at, diameter / 2.0))
    }

    #[test]
    fn a_disc_covers_the_pixels_whose_centres_lie_within() {
        // On a corner of four pixels: their centres are √½ = 0.71 away, the next √2.5 = 1.58.
        assert_eq!(dot(10.0, 10.0, 1.5), [(9, 9), (9, 10), (10, 9), (10, 10)]);
        // On a centre: the four neighbours are 1 away, the diagonal ones √2.
        assert_eq!(dot(10.5, 10.5, 2.1), [(9, 10), (10, 9), (10, 10), (10, 11), (11, 10)]);
    }

    #[test]
    fn the_smallest_disc_paints_the_pixel_under_it() {
        for diameter in [0.0, 0.3, 1.0] {
            assert_eq!(dot(7.0, 3.0, diameter), [(3, 7)], "on a corner");
            assert_eq!(dot(7.9, 3.2, diameter), [(3, 7)], "within a pixel");
        }
        assert_eq!(dot(-0.1, 3.0, 0.5), []);
        assert_eq!(dot(50.0, 3.0, 0.5), []);
    }

    fn distance_to_segment(capsule: &Capsule, x: f64, y: f64) -> f64 {
        let (dx, dy) = (capsule.to.x - capsule.from.x, capsule.to.y - capsule.from.y);
        let along = ((x - capsule.from.x) * dx + (y - capsule.from.y) * dy) / (dx * dx + dy * dy);
        let along = along.clamp(0.0, 1.0);
        (x - capsule.from.x - along * dx).hypot(y - capsule.from.y - along * dy)
    }

    #[test]
    fn a_movement_covers_what_is_near_its_line() {
        let mut random = Pcg64Mcg::seed_from_u64(1);
        let mut place = || Position::new(random.random_range(-10.0..60.0), random.random_range(-10.0..50.0));
        for round in 0..300 {
            let capsule = Capsule::new(place(), place(), 0.75 + f64::from(round % 12));
            let mut expected = Vec::new();
            for row in 0..SIZE.height {
                for column in 0..SIZE.width {
                    // From a radius of √½ on, every pixel under the line has its centre within reach as well.
                    if distance_to_segment(&capsule, column as f64 + 0.5, row as f64 + 0.5) <= capsule.radius {
                        expected.push((row, column));
                    }
                }
            }
            assert_eq!(covered(&capsule), expected, "{capsule:?}");
        }
    }

    #[test]
    fn a_thin_line_has_no_gaps() {
        let mut random = Pcg64Mcg::seed_from_u64(2);
        let mut place = || Position::new(random.random_range(0.0..50.0), random.random_range(0.0..40.0));
        for _ in 0..200 {
            let (from, to) = (place(), place());
            let pixels = covered(&Capsule::new(from, to, 0.2));
            // A thousand places on a line of at most 64 pixels come into every pixel, corners cut by 0.06 excepted.
            for step in 0..=1000 {
                let along = f64::from(step) / 1000.0;
                let (x, y) = (from.x + along * (to.x - from.x), from.y + along * (to.y - from.y));
                assert!(pixels.contains(&(y as usize, x as usize)), "{from:?} {to:?} {x} {y}");
            }
        }
    }
}
