//! labelme and X-AnyLabeling: one JSON per image, shapes by name.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use ::image::{GrayImage, ImageFormat};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{ExchangeError, IGNORE, Named, enumerate, outline};
use crate::image::Position;
use crate::mask::bitmap::{Label, Mask};
use crate::mask::shapes;
use crate::size::Size;

/// How masks are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelmeShape {
    /// A picture within the JSON: exact; labelme 5.3 and later.
    Mask,
    /// Outlines: exact, but without holes; any labelme, and X-AnyLabeling.
    Polygons,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    version: String,
    #[serde(default)]
    flags: serde_json::Map<String, serde_json::Value>,
    shapes: Vec<Shape>,
    #[serde(default)]
    image_path: PathBuf,
    #[serde(default)]
    image_data: Option<String>,
    #[serde(default)]
    image_height: Option<usize>,
    #[serde(default)]
    image_width: Option<usize>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Shape {
    #[serde(default)]
    label: String,
    points: Vec<[f64; 2]>,
    #[serde(default)]
    group_id: Option<serde_json::Value>,
    #[serde(default = "polygon")]
    shape_type: String,
    #[serde(default)]
    flags: serde_json::Map<String, serde_json::Value>,
    /// A PNG in base 64, not 0 on the object, to be laid at the first point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mask: Option<String>,
}

fn polygon() -> String {
    "polygon".to_owned()
}

/// All shapes together, or those called `label`; those called `IGNORE` are ignored pixels. Points and lines cover
/// nothing. `photo` is the size to take where the file gives none.
///
/// # Errors
/// If the JSON is damaged, holds a shape of a kind that is not known, has no such label, or nobody knows the size.
pub fn read_labelme(bytes: &[u8], label: Option<&str>, photo: Option<Size>) -> Result<Named, ExchangeError> {
    let file: File = serde_json::from_slice(bytes)?;
    let own = file.image_height.zip(file.image_width).map(|(height, width)| Size::new(height, width));
    let size = own.filter(|size| size.area() > 0).or(photo).ok_or(ExchangeError::NoSize)?;
    if size.height.checked_mul(size.width).is_none_or(|area| area > 100_000_000) {
        return Err(ExchangeError::Invalid(format!("the photo is said to have {size} pixels, more than photos have")));
    }
    let names: BTreeSet<String> = file.shapes.iter().map(|shape| shape.label.clone()).collect();
    if let Some(wanted) = label.filter(|wanted| !names.contains(*wanted)) {
        return Err(ExchangeError::NoSuchLabel { wanted: wanted.to_owned(), found: enumerate(&names) });
    }
    let mut mask = Mask::empty(size);
    let is_ignored = |shape: &&Shape| shape.label == IGNORE;
    let (ignored, objects): (Vec<_>, Vec<_>) = file.shapes.iter().partition(is_ignored);
    for shape in objects.into_iter().filter(|shape| label.is_none_or(|wanted| shape.label == wanted)) {
        paint(shape, &mut mask, Label::Foreground)?;
    }
    for shape in ignored {
        paint(shape, &mut mask, Label::Ignore)?;
    }
    Ok(Named { image: file.image_path, mask })
}

fn paint(shape: &Shape, mask: &mut Mask, label: Label) -> Result<(), ExchangeError> {
    let points: Vec<Position> = shape.points.iter().map(|[x, y]| Position::new(*x, *y)).collect();
    match (shape.shape_type.as_str(), &points[..]) {
        ("mask", [at, ..]) => return paint_picture(shape, *at, mask, label),
        // labelme gives two opposite corners, X-AnyLabeling all four.
        ("rectangle", [from, to]) => outline::paint(mask, |painter| shapes::rectangle(painter, *from, *to, label)),
        ("circle", [centre, edge]) => {
            let radius = (edge.x - centre.x).hypot(edge.y - centre.y);
            let corner = |sign: f64| Position::new(centre.x + sign * radius, centre.y + sign * radius);
            outline::paint(mask, |painter| shapes::ellipse(painter, corner(-1.0), corner(1.0), label));
        }
        ("polygon" | "rectangle" | "rotation", points) if points.len() > 2 => outline::fill(mask, points, label),
        ("point" | "points" | "line" | "linestrip", _) => {}
        (kind, points) => {
            let count = points.len();
            let message = format!("a shape «{}» is a {kind} of {count} points, which is no area", shape.label);
            return Err(ExchangeError::Invalid(message));
        }
    }
    Ok(())
}

fn paint_picture(shape: &Shape, at: Position, mask: &mut Mask, label: Label) -> Result<(), ExchangeError> {
    let text = shape.mask.as_deref().unwrap_or_default();
    let png = STANDARD.decode(text).map_err(|error| ExchangeError::Picture(error.to_string()))?;
    let picture = ::image::load_from_memory_with_format(&png, ImageFormat::Png);
    let picture = picture.map_err(|error| ExchangeError::Picture(error.to_string()))?.into_luma8();
    // `as` makes what lies above or to the left start at 0, and NaN too.
    let (top, left) = (at.y.round() as usize, at.x.round() as usize);
    let size = mask.size();
    for (x, y, pixel) in picture.enumerate_pixels() {
        let (row, column) = (top.saturating_add(y as usize), left.saturating_add(x as usize));
        if pixel[0] != 0 && row < size.height && column < size.width {
            mask.labels_mut()[row * size.width + column] = label;
        }
    }
    Ok(())
}

/// The JSON beside `image`, whose object is called `label`.
///
/// # Errors
/// If polygons are wanted and the mask has holes.
pub fn write_labelme(mask: &Mask, image: &Path, label: &str, kind: LabelmeShape) -> Result<Vec<u8>, ExchangeError> {
    let mut shapes = Vec::new();
    for (of, name) in [(Label::Foreground, label), (Label::Ignore, IGNORE)] {
        match kind {
            LabelmeShape::Mask if mask.labels().contains(&of) => shapes.push(picture(mask, of, name)?),
            LabelmeShape::Mask => {}
            LabelmeShape::Polygons => {
                for outline in outline::trace(mask, of, "labelme, whose mask shapes can,")? {
                    let points = outline.iter().map(|point| [point.x, point.y]).collect();
                    shapes.push(named(name, polygon(), points, None));
                }
            }
        }
    }
    let file = File {
        version: "5.3.1".to_owned(),
        flags: serde_json::Map::new(),
        shapes,
        image_path: image.file_name().map(PathBuf::from).unwrap_or_default(),
        image_data: None,
        image_height: Some(mask.size().height),
        image_width: Some(mask.size().width),
    };
    Ok(serde_json::to_vec_pretty(&file)?)
}

fn named(label: &str, shape_type: String, points: Vec<[f64; 2]>, mask: Option<String>) -> Shape {
    Shape { label: label.to_owned(), points, group_id: None, shape_type, flags: serde_json::Map::new(), mask }
}

fn picture(mask: &Mask, label: Label, name: &str) -> Result<Shape, ExchangeError> {
    let Size { height, width } = mask.size();
    let greys = mask.labels().iter().map(|of| if *of == label { 255 } else { 0 }).collect();
    let picture = GrayImage::from_raw(width as u32, height as u32, greys);
    let picture =
        picture.ok_or_else(|| ExchangeError::Picture("the mask is larger than a picture can be".to_owned()))?;
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).map_err(|error| ExchangeError::Picture(error.to_string()))?;
    // labelme's corners are both inside.
    let corners = vec![[0.0, 0.0], [width.saturating_sub(1) as f64, height.saturating_sub(1) as f64]];
    Ok(named(name, "mask".to_owned(), corners, Some(STANDARD.encode(png.into_inner()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::sketch::{mask, random_mask};

    #[test]
    fn masks_come_back_exactly() {
        let drawn = random_mask(Size::new(8, 13), 2);
        let json = write_labelme(&drawn, Path::new("photos/a.jpg"), "fox", LabelmeShape::Mask).unwrap();
        let back = read_labelme(&json, None, None).unwrap();
        assert_eq!((back.mask, back.image), (drawn.clone(), "a.jpg".into()));
        assert!(write_labelme(&drawn, Path::new("a"), "fox", LabelmeShape::Polygons).is_err(), "it has holes");
        let whole = mask(&["##.i", "##..", "..##"]);
        let json = write_labelme(&whole, Path::new("a"), "fox", LabelmeShape::Polygons).unwrap();
        assert_eq!(read_labelme(&json, Some("fox"), None).unwrap().mask, whole);
    }

    #[test]
    fn shapes_of_both_programs_are_read() {
        let json = r#"{"shapes": [
            {"label": "a", "shape_type": "rectangle", "points": [[1, 0], [3, 2]]},
            {"label": "a", "shape_type": "rectangle", "points": [[5, 0], [7, 0], [7, 2], [5, 2]]},
            {"label": "b", "shape_type": "circle", "points": [[2, 6], [2, 8]]},
            {"label": "a", "shape_type": "linestrip", "points": [[0, 0], [9, 9]]},
            {"label": "ignore", "points": [[6, 1], [8, 1], [8, 2], [6, 2]]}],
            "imagePath": "a.jpg", "imageHeight": 8, "imageWidth": 8}"#;
        let all = read_labelme(json.as_bytes(), None, None).unwrap().mask;
        // The circle of radius 2 around (2, 6), by hand: 4×4 pixels without the corners, which lie √4.5 away.
        let expected = [".##..##.", ".##..#ii", "........", "........", ".##.....", "####....", "####....", ".##....."];
        assert_eq!(crate::mask::sketch::rows(&all), expected);
        let only = read_labelme(json.as_bytes(), Some("b"), None).unwrap().mask;
        assert_eq!(only.count(Label::Foreground), 12);
    }

    #[test]
    fn what_is_missing_is_named() {
        let refused = |json: &str, label| read_labelme(json.as_bytes(), label, None).unwrap_err().to_string();
        assert!(refused(r#"{"shapes": []}"#, None).contains("--photos"));
        let json = r#"{"shapes": [{"label": "a", "points": [[0, 0], [1, 1]]}], "imageHeight": 4, "imageWidth": 4}"#;
        assert!(refused(json, None).contains("polygon of 2 points"));
        assert!(refused(json, Some("b")).contains("it has a"));
        assert!(read_labelme(br#"{"shapes": []}"#, None, Some(Size::new(3, 2))).unwrap().mask.is_empty());
    }
}
