//! COCO instances: one JSON for many images, shapes as polygons or run lengths.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ExchangeError, IGNORE, Named, enumerate, outline, rle};
use crate::image::Position;
use crate::mask::bitmap::{Label, Mask};
use crate::size::Size;

/// How masks are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CocoShape {
    /// Run lengths as text: exact and small.
    Compressed,
    /// Run lengths as numbers: exact.
    Counts,
    /// Outlines: exact, but without holes.
    Polygons,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    #[serde(default)]
    info: serde_json::Value,
    #[serde(default)]
    images: Vec<Image>,
    #[serde(default)]
    annotations: Vec<Annotation>,
    #[serde(default)]
    categories: Vec<Category>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Image {
    id: u64,
    file_name: PathBuf,
    height: usize,
    width: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct Annotation {
    #[serde(default)]
    id: u64,
    image_id: u64,
    #[serde(default)]
    category_id: u64,
    segmentation: Segmentation,
    #[serde(default)]
    area: f64,
    /// Left, top, width, height.
    #[serde(default)]
    bbox: [f64; 4],
    #[serde(default)]
    iscrowd: u8,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Segmentation {
    /// x and y in turn.
    Polygons(Vec<Vec<f64>>),
    Runs {
        size: [usize; 2],
        counts: Counts,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Counts {
    Text(String),
    Numbers(Vec<u32>),
}

#[derive(Debug, Serialize, Deserialize)]
struct Category {
    id: u64,
    name: String,
}

/// The categories of masks that are written here.
const OBJECT_ID: u64 = 1;
const IGNORE_ID: u64 = 2;

/// A mask per image: all its shapes together, or those of the category `label`. The category `IGNORE` is ignored
/// pixels.
///
/// # Errors
/// If the JSON is damaged, does not fit itself, or has no such category.
pub fn read_coco(bytes: &[u8], label: Option<&str>) -> Result<Vec<Named>, ExchangeError> {
    let file: File = serde_json::from_slice(bytes)?;
    let names: BTreeMap<u64, &str> = file.categories.iter().map(|of| (of.id, of.name.as_str())).collect();
    if let Some(wanted) = label
        && !names.values().any(|name| *name == wanted)
    {
        let found: BTreeSet<String> = names.values().map(|name| (*name).to_owned()).collect();
        return Err(ExchangeError::NoSuchLabel { wanted: wanted.to_owned(), found: enumerate(&found) });
    }
    let mut masks: BTreeMap<u64, Mask> = BTreeMap::new();
    for image in &file.images {
        check_size(image)?;
        masks.insert(image.id, Mask::empty(Size::new(image.height, image.width)));
    }
    // Ignored pixels last, so that they are not painted over.
    let is_ignored = |shape: &&Annotation| names.get(&shape.category_id).is_some_and(|name| *name == IGNORE);
    let (ignored, objects): (Vec<_>, Vec<_>) = file.annotations.iter().partition(is_ignored);
    let is_wanted = |shape: &&Annotation| label.is_none_or(|wanted| names.get(&shape.category_id) == Some(&wanted));
    let labelled = objects.into_iter().filter(is_wanted).map(|shape| (shape, Label::Foreground));
    for (shape, label) in labelled.chain(ignored.into_iter().map(|shape| (shape, Label::Ignore))) {
        let mask = masks.get_mut(&shape.image_id).ok_or_else(|| {
            ExchangeError::Invalid(format!("a shape belongs to image {}, which the file does not list", shape.image_id))
        })?;
        paint(&shape.segmentation, mask, label)?;
    }
    let named = |image: Image| masks.remove(&image.id).map(|mask| Named { image: image.file_name, mask });
    Ok(file.images.into_iter().filter_map(named).collect())
}

/// What a file claims must fit into memory before room is made for it.
fn check_size(image: &Image) -> Result<(), ExchangeError> {
    const MOST: usize = 100_000_000;
    match image.height.checked_mul(image.width) {
        Some(1..=MOST) => Ok(()),
        _ => {
            let size = Size::new(image.height, image.width);
            Err(ExchangeError::Invalid(format!(
                "{} has {size} pixels; photos have 1 to {MOST}",
                image.file_name.display()
            )))
        }
    }
}

fn paint(segmentation: &Segmentation, mask: &mut Mask, label: Label) -> Result<(), ExchangeError> {
    match segmentation {
        Segmentation::Polygons(polygons) => {
            for polygon in polygons {
                let points: Vec<Position> = polygon.as_chunks().0.iter().map(|[x, y]| Position::new(*x, *y)).collect();
                outline::fill(mask, &points, label);
            }
            Ok(())
        }
        Segmentation::Runs { size: [height, width], counts } => {
            let size = Size::new(*height, *width);
            if size != mask.size() {
                return Err(ExchangeError::WrongSize { mask: size, photo: mask.size() });
            }
            match counts {
                Counts::Text(text) => rle::paint(&rle::decompress(text)?, mask, label),
                Counts::Numbers(numbers) => rle::paint(numbers, mask, label),
            }
        }
    }
}

/// One file for all masks; `label` names the object's category.
///
/// # Errors
/// If polygons are wanted and a mask has holes.
pub fn write_coco(masks: &[Named], label: &str, shape: CocoShape) -> Result<Vec<u8>, ExchangeError> {
    let mut file = File {
        info: serde_json::json!({ "description": "masks of vitrine" }),
        categories: vec![
            Category { id: OBJECT_ID, name: label.to_owned() },
            Category { id: IGNORE_ID, name: IGNORE.to_owned() },
        ],
        ..File::default()
    };
    for (index, named) in masks.iter().enumerate() {
        let id = index as u64 + 1;
        let Size { height, width } = named.mask.size();
        file.images.push(Image { id, file_name: named.image.clone(), height, width });
        for (of, category) in [(Label::Foreground, OBJECT_ID), (Label::Ignore, IGNORE_ID)] {
            if named.mask.labels().contains(&of) {
                let mut annotation = annotation(&named.mask, of, shape)?;
                annotation.id = file.annotations.len() as u64 + 1;
                (annotation.image_id, annotation.category_id) = (id, category);
                file.annotations.push(annotation);
            }
        }
    }
    Ok(serde_json::to_vec(&file)?)
}

fn annotation(mask: &Mask, label: Label, shape: CocoShape) -> Result<Annotation, ExchangeError> {
    let Size { height, width } = mask.size();
    let runs = |counts| Segmentation::Runs { size: [height, width], counts };
    let segmentation = match shape {
        CocoShape::Compressed => runs(Counts::Text(rle::compress(&rle::counts(mask, label)))),
        CocoShape::Counts => runs(Counts::Numbers(rle::counts(mask, label))),
        CocoShape::Polygons => {
            let outlines = outline::trace(mask, label, "coco or coco-counts, whose run lengths can,")?;
            let flat = |outline: Vec<Position>| outline.into_iter().flat_map(|point| [point.x, point.y]).collect();
            Segmentation::Polygons(outlines.into_iter().map(flat).collect())
        }
    };
    Ok(Annotation {
        id: 0,
        image_id: 0,
        category_id: 0,
        segmentation,
        area: mask.count(label) as f64,
        bbox: bounds(mask, label),
        iscrowd: 0,
    })
}

/// Left, top, width and height of a label's pixels.
fn bounds(mask: &Mask, label: Label) -> [f64; 4] {
    let width = mask.size().width;
    let cells =
        mask.labels().iter().enumerate().filter(|(_, of)| **of == label).map(|(at, _)| (at / width, at % width));
    let start = (usize::MAX, usize::MAX, 0, 0);
    let (top, left, bottom, right) = cells.fold(start, |(top, left, bottom, right), (row, column)| {
        (top.min(row), left.min(column), bottom.max(row + 1), right.max(column + 1))
    });
    [left as f64, top as f64, right.saturating_sub(left) as f64, bottom.saturating_sub(top) as f64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::sketch::{mask, random_mask};

    fn named(name: &str, mask: Mask) -> Named {
        Named { image: name.into(), mask }
    }

    #[test]
    fn run_lengths_and_outlines_come_back() {
        let holes =
            vec![named("a.jpg", random_mask(Size::new(9, 12), 5)), named("b/c.jpg", Mask::empty(Size::new(2, 3)))];
        for shape in [CocoShape::Compressed, CocoShape::Counts] {
            assert_eq!(read_coco(&write_coco(&holes, "cat", shape).unwrap(), None).unwrap(), holes);
        }
        assert!(matches!(write_coco(&holes, "cat", CocoShape::Polygons), Err(ExchangeError::Holes(_))));
        let whole = vec![named("a.jpg", mask(&["##..i", "##...", ".###."]))];
        assert_eq!(read_coco(&write_coco(&whole, "cat", CocoShape::Polygons).unwrap(), Some("cat")).unwrap(), whole);
    }

    #[test]
    fn polygons_fill_the_pixels_of_pycocotools_but_for_the_edge() {
        // pycocotools 2.0.11: decode(frPyObjects([[12.3, 4.7, 40.1, 9.9, 33.3, 30.2, 5.5, 25.1]], 40, 50)).sum() = 603
        let json = r#"{"images": [{"id": 7, "file_name": "x.jpg", "height": 40, "width": 50}],
            "annotations": [{"image_id": 7, "category_id": 3,
                "segmentation": [[12.3, 4.7, 40.1, 9.9, 33.3, 30.2, 5.5, 25.1]]}],
            "categories": [{"id": 3, "name": "cat"}, {"id": 4, "name": "dog"}]}"#;
        let found = read_coco(json.as_bytes(), None).unwrap();
        let area = found[0].mask.count(Label::Foreground) as i64;
        // It rounds corners to fifths of a pixel: at most a few of the 90 pixels of the outline differ.
        assert!((area - 603).abs() <= 5, "{area}");
        assert!(read_coco(json.as_bytes(), Some("dog")).unwrap()[0].mask.is_empty());
        assert!(read_coco(json.as_bytes(), Some("fox")).unwrap_err().to_string().contains("cat, dog"));
    }

    #[test]
    fn files_that_contradict_themselves_are_refused() {
        let refused = |json: &str| read_coco(json.as_bytes(), None).unwrap_err().to_string();
        assert!(refused("{").contains("damaged"));
        let image = r#""images": [{"id": 1, "file_name": "x.jpg", "height": 2, "width": 2}]"#;
        let shape = |text: &str| format!(r#"{{{image}, "annotations": [{{{text}}}]}}"#);
        assert!(refused(&shape(r#""image_id": 2, "segmentation": []"#)).contains("image 2"));
        let other = r#""image_id": 1, "segmentation": {"size": [3, 2], "counts": [6]}"#;
        assert!(refused(&shape(other)).contains("2×3"));
        assert!(
            refused(r#"{"images": [{"id": 1, "file_name": "x", "height": 4294967296, "width": 4294967296}]}"#)
                .contains("100000000")
        );
    }
}
