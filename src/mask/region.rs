//! Rectangles of whole pixels.

use serde::{Deserialize, Serialize};

use crate::size::Size;

/// The pixels `left … left + width`, `top … top + height`, ends not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Region {
    pub top: usize,
    pub left: usize,
    pub height: usize,
    pub width: usize,
}

impl Region {
    /// All pixels of a picture.
    pub const fn whole(size: Size) -> Self {
        Self { top: 0, left: 0, height: size.height, width: size.width }
    }

    /// From the first row and column to the row and column behind the last; empty if they do not follow each other.
    pub const fn between(top: usize, left: usize, bottom: usize, right: usize) -> Self {
        Self { top, left, height: bottom.saturating_sub(top), width: right.saturating_sub(left) }
    }

    /// The pixels that a continuous box touches, as far as they lie on a picture of this size.
    pub fn touching(top: f64, left: f64, bottom: f64, right: f64, size: Size) -> Self {
        // `as` clamps below at 0, and makes NaN 0.
        let last = |end: f64, length: usize| (end.ceil() as usize).min(length);
        Self::between(top.floor() as usize, left.floor() as usize, last(bottom, size.height), last(right, size.width))
    }

    /// The row behind the last.
    pub const fn bottom(self) -> usize {
        self.top + self.height
    }

    /// The column behind the last.
    pub const fn right(self) -> usize {
        self.left + self.width
    }

    pub const fn size(self) -> Size {
        Size::new(self.height, self.width)
    }

    pub const fn is_empty(self) -> bool {
        self.height == 0 || self.width == 0
    }

    /// What both cover.
    pub fn intersection(self, other: Self) -> Self {
        Self::between(
            self.top.max(other.top),
            self.left.max(other.left),
            self.bottom().min(other.bottom()),
            self.right().min(other.right()),
        )
    }

    /// The smallest that covers both; an empty one adds nothing.
    pub fn union(self, other: Self) -> Self {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        Self::between(
            self.top.min(other.top),
            self.left.min(other.left),
            self.bottom().max(other.bottom()),
            self.right().max(other.right()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_apart_has_nothing_in_common() {
        let (a, b) = (Region::between(0, 0, 4, 4), Region::between(2, 6, 8, 9));
        assert!(a.intersection(b).is_empty());
        assert_eq!(a.union(b), Region::between(0, 0, 8, 9));
        assert_eq!(a.union(a.intersection(b)), a);
    }

    #[test]
    fn a_box_touches_the_pixels_it_cuts_and_none_beyond_the_picture() {
        let size = Size::new(10, 20);
        assert_eq!(Region::touching(0.5, 1.0, 2.1, 3.0, size), Region::between(0, 1, 3, 3));
        assert_eq!(Region::touching(-5.0, 18.0, 5.0, 99.0, size), Region::between(0, 18, 5, 20));
        assert!(Region::touching(-5.0, 3.0, -1.0, 9.0, size).is_empty());
        assert!(Region::touching(12.0, 3.0, 15.0, 9.0, size).is_empty());
    }
}
