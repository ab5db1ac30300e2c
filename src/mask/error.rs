//! What can be wrong with a mask, said so that the reader knows what to do about it.

use std::path::PathBuf;

use crate::size::Size;

/// Why a mask could not be read or written. Each message names what is wrong, the cure, and last the file.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    #[error("the mask cannot be read ({reason}); save it anew as 8-bit grey PNG, 0 background and 255 object: {}", path.display())]
    Unreadable { reason: String, path: PathBuf },

    #[error(
        "this PNG stores colours by palette, which says nothing about object or background; \
         save it as 8-bit grey, 0 background and 255 object: {}",
        path.display()
    )]
    Palette { path: PathBuf },

    #[error("the mask has the grey value {value}, which means nothing (0: background, 128: ignore, 255: object); save it without smoothed edges: {}", path.display())]
    Grey { value: u8, path: PathBuf },

    #[error("the mask has {mask} pixels, its photo {photo}; export it at the photo's size: {}", path.display())]
    WrongSize { mask: Size, photo: Size, path: PathBuf },

    #[error("the file beside the mask is damaged ({source}); delete it to go on with the mask alone: {}", path.display())]
    Record { source: serde_json::Error, path: PathBuf },

    #[error("the mask cannot be saved ({source}); it is kept in memory: free space or choose another folder: {}", path.display())]
    Write { source: std::io::Error, path: PathBuf },
}

/// Why an edit was not done; the mask is then as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("that is outside of the photo; click on it")]
    OutsidePhoto,

    #[error("the photo is not there yet, and this tool follows its colours; wait until it is shown")]
    NoPhoto,

    #[error(
        "the mask has {mask} pixels, its photo {photo}; this tool follows the photo's colours and needs a mask of its size"
    )]
    OtherSize { mask: Size, photo: Size },

    #[error("this is the object already; click into the background that it encloses")]
    OnForeground,

    #[error("the contour is open: the background here reaches the photo's border; close the gap first")]
    OpenContour,
}
