//! Thumbnails on disk, as small JPEG files, so that a folder seen before shows at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use ::image::RgbImage;
use ::image::codecs::jpeg::JpegEncoder;
use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};

use super::SIDE;
use crate::files::write_atomically;
use crate::image::{ImageSource, load};

/// Of the JPEG files; about 6 kB each.
const QUALITY: u8 = 85;

/// The folder of all thumbnails.
pub(super) struct DiskCache {
    folder: PathBuf,
}

/// Where one picture's thumbnail lies or will lie.
pub(super) struct Entry {
    path: PathBuf,
}

/// `vitrine/thumbnails` in the user's cache folder, if the system has one.
pub(super) fn default_folder() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("vitrine").join("thumbnails"))
}

impl DiskCache {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Named by path, time of change and length: a changed file has another entry. Pictures in memory have none.
    pub(super) fn entry(&self, source: &ImageSource) -> Option<Entry> {
        if !source.is_file() {
            return None;
        }
        let path = std::path::absolute(source.path()).ok()?;
        let metadata = std::fs::metadata(&path).ok()?;
        let changed_at = metadata.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut hash = Sha256::new();
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update(changed_at.as_nanos().to_le_bytes());
        hash.update(metadata.len().to_le_bytes());
        let name = format!("{:x}.jpg", hash.finalize());
        // Two letters of folder keep the number of files per folder small.
        Some(Entry { path: self.folder.join(&name[..2]).join(&name) })
    }
}

impl Entry {
    /// The thumbnail, unless it is missing or damaged.
    pub(super) fn read(&self) -> Option<RgbImage> {
        let thumbnail = Arc::unwrap_or_clone(load(&self.path).ok()?.rgb);
        (thumbnail.width() <= SIDE && thumbnail.height() <= SIDE).then_some(thumbnail)
    }

    /// Best effort: a cache that cannot be written makes thumbnails slower the next time, nothing else.
    pub(super) fn write(&self, thumbnail: &RgbImage) {
        let path: &Path = &self.path;
        let mut jpeg = Vec::new();
        if JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(thumbnail).is_ok() {
            drop(write_atomically(path, &jpeg));
        }
    }
}
