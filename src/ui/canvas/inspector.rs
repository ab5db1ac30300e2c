//! What lies under the pointer: pixel, patch, value, rank.

use crate::image::{PatchIndex, Position, Prepared};
use crate::relevance::normalise;
use crate::render::HeatMap;
use crate::size::Size;

use super::number;

/// One place of the photo, as the model sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inspected {
    pub column: usize,
    pub row: usize,
    pub colour: [u8; 3],
    pub patch: Option<PatchValue>,
}

/// The relevance of a patch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PatchValue {
    pub index: PatchIndex,
    pub grid: Size,
    /// As computed.
    pub raw: f32,
    /// Between the map's minimum (0) and maximum (1); `None` in a flat map.
    pub normalised: Option<f32>,
    /// 1 is the most relevant of `count`.
    pub rank: usize,
    pub count: usize,
}

/// `None` outside of the photo.
pub fn inspect(
    photo: &::image::RgbImage,
    pos: Position,
    map: Option<(&HeatMap, &Prepared, Size)>,
) -> Option<Inspected> {
    let inside = (0.0..f64::from(photo.width())).contains(&pos.x) && (0.0..f64::from(photo.height())).contains(&pos.y);
    if !inside {
        return None;
    }
    let (column, row) = (pos.x as usize, pos.y as usize);
    let patch = map.and_then(|(map, prepared, patch)| {
        prepared.framing.patch_from_image(pos, patch).and_then(|index| value_at(map, index))
    });
    Some(Inspected { column, row, colour: photo.get_pixel(column as u32, row as u32).0, patch })
}

fn value_at(map: &HeatMap, index: PatchIndex) -> Option<PatchValue> {
    let at = index.row * map.grid().width + index.column;
    let raw = *map.values().get(at)?;
    let mut normalised = map.values().to_vec();
    let normalised = normalise(&mut normalised).ok().map(|()| normalised[at]);
    let rank = 1 + map.values().iter().filter(|value| **value > raw).count();
    Some(PatchValue { index, grid: map.grid(), raw, normalised, rank, count: map.values().len() })
}

impl Inspected {
    /// Two lines for the bar below the canvas.
    pub fn text(&self) -> String {
        let [r, g, b] = self.colour;
        let pixel = format!("x {}  y {}  #{r:02x}{g:02x}{b:02x}", self.column, self.row);
        let patch = match &self.patch {
            Some(PatchValue { index, raw, normalised, rank, count, .. }) => {
                let scaled = normalised.map_or_else(String::new, |value| format!(" ({value:.2})"));
                let (row, column) = (index.row, index.column);
                format!("patch {row},{column}  r {}{scaled}  rank {rank}/{count}", number(*raw))
            }
            None => "not seen by the model".to_owned(),
        };
        format!("{pixel}\n{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fast_image_resize::CropBox;

    #[test]
    fn the_rank_counts_what_is_larger() {
        let crop = CropBox { left: 0.0, top: 0.0, width: 2.0, height: 2.0 };
        let map = HeatMap::new(vec![4.0, 1.0, 2.0, 2.0], Size::square(2), crop).unwrap();
        let at = |row, column| value_at(&map, PatchIndex { row, column }).unwrap();
        assert_eq!([at(0, 0).rank, at(0, 1).rank, at(1, 0).rank, at(1, 1).rank], [1, 4, 2, 2]);
        assert_eq!((at(1, 1).raw, at(1, 1).normalised), (2.0, Some(1.0 / 3.0)));
        assert_eq!(value_at(&map, PatchIndex { row: 5, column: 0 }), None);
    }
}
