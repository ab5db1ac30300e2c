//! Which photo a mask belongs to, among those of a folder.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::image::{self, ImageError, list_images};
use crate::mask::ExchangeError;
use crate::size::Size;

use super::{ConvertError, Item};

/// Photos by stem.
pub(super) struct Photos {
    by_stem: HashMap<OsString, Vec<PathBuf>>,
}

impl Photos {
    /// # Errors
    /// If the folder cannot be read.
    pub(super) fn of(folder: &Path) -> Result<Self, ImageError> {
        let mut by_stem: HashMap<OsString, Vec<PathBuf>> = HashMap::new();
        for path in list_images(folder)? {
            by_stem.entry(path.file_stem().unwrap_or_default().to_owned()).or_default().push(path);
        }
        Ok(Self { by_stem })
    }

    /// The photo of that stem; of several the one whose folder has the same name.
    pub(super) fn find(&self, image: &Path) -> Option<&Path> {
        let candidates = self.by_stem.get(image.file_stem()?)?;
        let folder = |path: &Path| path.parent().and_then(Path::file_name).map(OsStr::to_owned);
        match &candidates[..] {
            [one] => Some(one),
            several => {
                let mut alike = several.iter().filter(|path| folder(path) == folder(image));
                alike.next().filter(|_| alike.next().is_none()).map(PathBuf::as_path)
            }
        }
    }

    /// The size of a mask's photo.
    pub(super) fn size_of(&self, image: &Path) -> Result<Option<Size>, ImageError> {
        self.find(image).map(|photo| image::load(photo).map(|picture| picture.size())).transpose()
    }
}

impl Item {
    /// Puts the photo's path in the place of its name, and holds its size against the mask's.
    pub(super) fn fit(mut self, photos: Option<&Photos>) -> Result<Self, ConvertError> {
        let Some(photos) = photos else { return Ok(self) };
        let Some(photo) = photos.find(&self.image) else {
            return Err(ConvertError::NoPhoto { path: self.input });
        };
        let (mask, size) = (self.file.mask.size(), image::load(photo)?.size());
        if mask != size {
            let source = ExchangeError::WrongSize { mask, photo: size };
            return Err(ConvertError::Exchange { source, path: self.input });
        }
        self.image = photo.to_owned();
        Ok(self)
    }
}
