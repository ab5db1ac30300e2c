//! What can be wrong with a picture, said so that the reader knows what to do about it.

use std::path::PathBuf;

use crate::size::Size;

/// The formats that decode, as an error message lists them.
pub(super) const READABLE_FORMATS: &str = "JPEG, PNG, WebP, TIFF, GIF, BMP, TGA, QOI or PNM";

/// Why a picture could not be read or prepared. Each message names what is wrong, the cure, and last the file.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("the file is empty; copy or download it again: {}", path.display())]
    Empty { path: PathBuf },

    #[error("this is not an image; open a file in the format {READABLE_FORMATS}: {}", path.display())]
    NotAnImage { path: PathBuf },

    #[error("{format} images cannot be read; convert it to {READABLE_FORMATS}: {}", path.display())]
    FormatNotRead { format: String, path: PathBuf },

    #[error("the image breaks off before its end; copy or download it again: {}", path.display())]
    Truncated { path: PathBuf },

    #[error("the image is damaged ({reason}); copy it again or save it anew as PNG: {}", path.display())]
    Damaged { reason: String, path: PathBuf },

    #[error("the image uses a feature that is not read ({reason}); save it as 8-bit RGB PNG: {}", path.display())]
    FeatureNotRead { reason: String, path: PathBuf },

    #[error(
        "the image declares {size} pixels, more than the {} megapixels that are read; scale it down: {}",
        limit / 1_000_000,
        path.display()
    )]
    TooLarge { size: Size, limit: usize, path: PathBuf },

    #[error("the image declares {size} pixels, so there is nothing to see; save it anew: {}", path.display())]
    NoPixels { size: Size, path: PathBuf },

    #[error("this is a folder; name one of the images in it: {}", path.display())]
    IsFolder { path: PathBuf },

    #[error("this is a pipe or a device, not a file; save the picture as a file and open that: {}", path.display())]
    NotAFile { path: PathBuf },

    #[error(
        "the file has {bytes} bytes, more than the {} gigabytes that are read; save the picture smaller: {}",
        limit / 1_000_000_000,
        path.display()
    )]
    FileTooLarge { bytes: u64, limit: u64, path: PathBuf },

    #[error("there is no such file; check its name and folder: {}", path.display())]
    NotFound { path: PathBuf },

    #[error("reading it is not permitted; ask for read permission or copy it elsewhere: {}", path.display())]
    NotPermitted { path: PathBuf },

    #[error("reading failed ({source}); check the disk or the network drive: {}", path.display())]
    Unreadable { source: std::io::Error, path: PathBuf },

    #[error("resizing the picture failed: {0}")]
    Resize(#[from] fast_image_resize::ResizeError),
}

impl ImageError {
    /// Says what an operating-system error on `path` means to the user.
    pub(super) fn from_io(source: std::io::Error, path: PathBuf) -> Self {
        match source.kind() {
            std::io::ErrorKind::NotFound => Self::NotFound { path },
            std::io::ErrorKind::PermissionDenied => Self::NotPermitted { path },
            std::io::ErrorKind::IsADirectory => Self::IsFolder { path },
            _ => Self::Unreadable { source, path },
        }
    }
}
