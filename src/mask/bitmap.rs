//! The mask itself: one label per pixel of the photo.

use bytemuck::NoUninit;

use crate::size::Size;

use super::region::Region;

/// What a pixel belongs to.
#[repr(u8)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, NoUninit)]
pub enum Label {
    #[default]
    Background = 0,
    /// The object.
    Foreground = 1,
    /// Neither: no loss and no metric counts it.
    Ignore = 2,
}

impl Label {
    pub const ALL: [Self; 3] = [Self::Background, Self::Foreground, Self::Ignore];
}

/// One [`Label`] per pixel of the photo, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    size: Size,
    labels: Vec<Label>,
}

impl Mask {
    /// All background.
    pub fn empty(size: Size) -> Self {
        Self { size, labels: vec![Label::Background; size.area()] }
    }

    /// `None` if there is not one label per pixel.
    pub fn new(size: Size, labels: Vec<Label>) -> Option<Self> {
        (labels.len() == size.area()).then_some(Self { size, labels })
    }

    /// Foreground where `is_foreground(row, column)`, background elsewhere.
    pub fn from_fn(size: Size, is_foreground: impl Fn(usize, usize) -> bool) -> Self {
        let label = |at: usize| match is_foreground(at / size.width, at % size.width) {
            true => Label::Foreground,
            false => Label::Background,
        };
        Self { size, labels: (0..size.area()).map(label).collect() }
    }

    /// Of the photo, in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Row-major.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// Row-major, to be written in place.
    pub fn labels_mut(&mut self) -> &mut [Label] {
        &mut self.labels
    }

    /// One byte per pixel, the labels' numbers.
    pub fn as_bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.labels)
    }

    /// `None` outside of the photo.
    pub fn get(&self, row: usize, column: usize) -> Option<Label> {
        (row < self.size.height && column < self.size.width).then(|| self.labels[row * self.size.width + column])
    }

    /// The labels of one row, of the columns of `region` only.
    pub fn row(&self, row: usize, region: Region) -> &[Label] {
        &self.labels[row * self.size.width..][region.left..region.right()]
    }

    /// As [`Self::row`], to be written in place.
    pub fn row_mut(&mut self, row: usize, region: Region) -> &mut [Label] {
        &mut self.labels[row * self.size.width..][region.left..region.right()]
    }

    /// Number of pixels with a label.
    pub fn count(&self, label: Label) -> usize {
        self.labels.iter().filter(|&&of| of == label).count()
    }

    /// Whether no pixel is foreground.
    pub fn is_empty(&self) -> bool {
        !self.labels.contains(&Label::Foreground)
    }

    /// Share of the foreground among the pixels that are not ignored; 0 if all are.
    pub fn area(&self) -> f64 {
        let counted = self.size.area() - self.count(Label::Ignore);
        if counted == 0 { 0.0 } else { self.count(Label::Foreground) as f64 / counted as f64 }
    }

    /// Intersection over union of two foregrounds, over the pixels that neither ignores. Two empty ones agree: 1.
    ///
    /// `None` if the sizes differ.
    pub fn iou(&self, other: &Self) -> Option<f64> {
        if self.size != other.size {
            return None;
        }
        let (mut both, mut either) = (0_usize, 0_usize);
        for (&a, &b) in self.labels.iter().zip(&other.labels) {
            if a != Label::Ignore && b != Label::Ignore {
                let (a, b) = (a == Label::Foreground, b == Label::Foreground);
                both += usize::from(a && b);
                either += usize::from(a || b);
            }
        }
        Some(if either == 0 { 1.0 } else { both as f64 / either as f64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_pixels_count_neither_for_area_nor_agreement() {
        use Label::{Background as B, Foreground as F, Ignore as I};
        let size = Size::new(1, 5);
        let a = Mask::new(size, vec![F, F, B, I, F]).unwrap();
        let b = Mask::new(size, vec![F, B, F, F, I]).unwrap();
        assert_eq!(a.area(), 0.75);
        // By hand: of the first three pixels one is in both, all three in either.
        assert_eq!(a.iou(&b), Some(1.0 / 3.0));
        assert_eq!(a.iou(&Mask::empty(Size::new(5, 1))), None);
        assert_eq!(Mask::empty(size).iou(&Mask::empty(size)), Some(1.0));
    }

    #[test]
    fn rows_are_cut_to_the_region() {
        let mut mask = Mask::empty(Size::new(3, 4));
        mask.row_mut(1, Region::between(0, 1, 3, 3)).fill(Label::Foreground);
        assert_eq!(mask, Mask::from_fn(Size::new(3, 4), |row, column| row == 1 && (1..3).contains(&column)));
        assert_eq!(mask.get(1, 2), Some(Label::Foreground));
        assert_eq!(mask.get(1, 4), None);
    }
}
