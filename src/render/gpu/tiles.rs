//! How a photo is cut into textures no larger than the device allows, so that no seam shows at any size.
//!
//! Each texture begins and ends at a multiple of the edge of a texel of its coarsest level, so that the texels of all
//! levels are the same whether the photo is cut or not, and it reaches one such texel beyond what is drawn from it,
//! so that filtering finds its neighbours.

use std::ops::Range;

use crate::size::Size;

/// Views down to 1 % take one texel or less per pixel: 2⁷ > 100.
const COARSEST_LEVEL: u32 = 7;

/// All textures of one photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Tiling {
    /// Levels of detail of each texture, at least 1.
    pub levels: u32,
    pub tiles: Vec<Tile>,
}

/// One texture.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    pub columns: Span,
    pub rows: Span,
    /// Pixels of the photo along a side of one texel: 1, or more for a coarse preview.
    pub step: u32,
}

impl Tile {
    /// Number of texels of the finest level.
    pub fn texels(&self) -> usize {
        self.columns.held.len() * self.rows.held.len() / (self.step as usize).pow(2)
    }
}

/// One side of a texture, in pixels of the photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// What is drawn from this texture.
    pub drawn: Range<u32>,
    /// What it holds; beyond the end of the photo its last pixel is repeated.
    pub held: Range<u32>,
}

impl Tiling {
    /// For a photo of this size in pixels and textures of at most `longest_side`.
    pub fn new(photo: Size, longest_side: u32) -> Self {
        let longest = photo.height.max(photo.width).max(1).ilog2();
        // Three texels of the coarsest level must fit: what is drawn and a neighbour on both sides.
        let possible = (longest_side / 3).max(1).ilog2();
        let coarsest = longest.min(possible).min(COARSEST_LEVEL);
        let columns = spans(photo.width as u32, longest_side, 1 << coarsest);
        let rows = spans(photo.height as u32, longest_side, 1 << coarsest);
        let tile = |rows: &Span| {
            let rows = rows.clone();
            columns.iter().map(move |columns| Tile { columns: columns.clone(), rows: rows.clone(), step: 1 })
        };
        Self { levels: coarsest + 1, tiles: rows.iter().flat_map(tile).collect() }
    }
}

/// Tiles of one level of detail that hold nothing beyond the photo, and of it up to `margin` pixels around what is
/// drawn.
pub fn with_margin(photo: Size, longest_side: u32, margin: u32) -> Vec<Tile> {
    // Half of a texture at least is drawn.
    let margin = margin.min(longest_side / 4);
    let spans = |length: usize| {
        let length = length as u32;
        let stride = if length <= longest_side { longest_side } else { longest_side - 2 * margin };
        let span = move |start: u32| {
            let drawn = start..(start + stride).min(length);
            Span { held: start.saturating_sub(margin)..(drawn.end + margin).min(length), drawn }
        };
        (0..length).step_by(stride.max(1) as usize).map(span)
    };
    let tile = |rows: Span| spans(photo.width).map(move |columns| Tile { columns, rows: rows.clone(), step: 1 });
    spans(photo.height).flat_map(tile).collect()
}

fn spans(length: u32, longest_side: u32, block: u32) -> Vec<Span> {
    if length == 0 {
        return Vec::new();
    }
    let padded = length.next_multiple_of(block);
    if padded <= longest_side {
        return vec![Span { drawn: 0..length, held: 0..padded }];
    }
    let stride = (longest_side / block).saturating_sub(2).max(1) * block;
    let span = |start: u32| Span {
        drawn: start..(start + stride).min(length),
        held: start.saturating_sub(block)..(start + stride + block).min(padded),
    };
    (0..length).step_by(stride as usize).map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_photos_are_one_texture() {
        let tiling = Tiling::new(Size::new(200, 300), 8192);
        // 300 and 200 up to multiples of 2⁷
        let (columns, rows) = (Span { drawn: 0..300, held: 0..384 }, Span { drawn: 0..200, held: 0..256 });
        assert_eq!(tiling, Tiling { levels: 8, tiles: vec![Tile { columns, rows, step: 1 }] });
        let single = Tiling::new(Size::square(1), 8192);
        assert_eq!((single.levels, &single.tiles[0].rows.held), (1, &(0..1)));
        assert!(Tiling::new(Size::new(0, 5), 8192).tiles.is_empty());
    }

    #[test]
    fn every_pixel_is_drawn_once_and_has_its_neighbours() {
        for (length, longest_side) in [(1000, 64), (1024, 64), (1025, 64), (10_000, 8192), (65_000, 2048), (97, 3)] {
            let tiling = Tiling::new(Size::new(1, length as usize), longest_side);
            let block = 1 << (tiling.levels - 1);
            let mut end = 0;
            for Tile { columns: Span { drawn, held }, .. } in &tiling.tiles {
                assert_eq!(drawn.start, end, "{length}/{longest_side}");
                end = drawn.end;
                assert!(held.len() as u32 <= longest_side && held.start % block == 0 && held.end % block == 0);
                assert!(drawn.start == 0 || held.start + block <= drawn.start);
                assert!(drawn.end == length || drawn.end + block <= held.end || held.end >= length);
            }
            assert_eq!(end, length);
        }
    }

    #[test]
    fn margins_reach_around_what_is_drawn_and_end_with_the_photo() {
        for (length, longest_side, margin) in [(1000, 64, 9), (64, 64, 9), (65, 64, 100), (10_000, 8192, 128)] {
            let tiles = with_margin(Size::new(1, length as usize), longest_side, margin);
            let margin = margin.min(longest_side / 4);
            let mut end = 0;
            for Tile { columns: Span { drawn, held }, .. } in &tiles {
                assert_eq!(drawn.start, end, "{length}/{longest_side}");
                end = drawn.end;
                assert!(held.len() as u32 <= longest_side);
                assert_eq!(*held, drawn.start.saturating_sub(margin)..(drawn.end + margin).min(length));
            }
            assert_eq!(end, length);
        }
    }
}
