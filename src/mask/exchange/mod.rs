//! Masks in the files of other programs. Nothing here opens a file: bytes in, masks out, and back.
//!
//! Each format keeps what it can hold; where it cannot hold a mask, writing says so instead of changing it.

mod array;
mod coco;
mod imagenet_s;
mod labelme;
mod outline;
mod rle;

use std::path::PathBuf;

use super::bitmap::Mask;
use crate::size::Size;

pub use array::{read_array, write_array};
pub use coco::{CocoShape, read_coco, write_coco};
pub use imagenet_s::{read_imagenet_s, write_imagenet_s};
pub use labelme::{LabelmeShape, read_labelme, write_labelme};

/// A mask and the name of its image, as the file gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    pub image: PathBuf,
    pub mask: Mask,
}

/// The category or label under which ignored pixels stand in formats that name their shapes.
pub const IGNORE: &str = "ignore";

/// Why a mask is not read or not written. The caller adds which file.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    #[error("the JSON is damaged ({0}); export it again")]
    Json(#[from] serde_json::Error),

    #[error("{0}")]
    Invalid(String),

    #[error("the picture cannot be read ({0}); export it again as PNG")]
    Picture(String),

    #[error(
        "this PNG stores colours by palette, which says nothing about object or background; save it as RGB or grey"
    )]
    Palette,

    #[error("the mask has {mask} pixels, its photo {photo}; export it at the photo's size")]
    WrongSize { mask: Size, photo: Size },

    #[error("the file does not tell how large the photo is; name the folder of the photos with --photos")]
    NoSize,

    #[error("the mask has holes, which these polygons cannot hold; write {0} instead")]
    Holes(&'static str),

    #[error(
        "the mask has ignored pixels, which this format cannot hold; write another format, or --drop-ignored to make them background"
    )]
    Ignored,

    #[error("the file holds the classes {0}; choose one with --class")]
    SeveralClasses(String),

    #[error("nothing in the file is called «{wanted}»; it has {found}")]
    NoSuchLabel { wanted: String, found: String },
}

/// A list for a message: `cat, dog and 3 more`.
fn enumerate(names: &std::collections::BTreeSet<String>) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    match names.len() {
        0 => "no shapes".to_owned(),
        count if count > SHOWN => format!("{} and {} more", shown.join(", "), count - SHOWN),
        _ => shown.join(", "),
    }
}
