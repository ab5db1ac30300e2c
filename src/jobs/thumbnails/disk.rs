//! Thumbnails on disk, as small JPEG files, so that a folder seen before shows at once.

use std::fs::{DirEntry, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::image::RgbImage;
use ::image::codecs::jpeg::JpegEncoder;
use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};

use super::SIDE;
use crate::files::write_atomically;
use crate::image::{ImageSource, Stamp, load};

/// Of the JPEG files; about 6 kB each.
const QUALITY: u8 = 85;

/// About 170 000 thumbnails.
const LIMIT_BYTES: u64 = 1 << 30;

/// The size is looked at with the first write and after so many: about 25 MB.
const WRITES_PER_SWEEP: u64 = 4096;

/// A thumbnail that was read counts as used, which is noted at most this often.
const USE_NOTED_EVERY: Duration = Duration::from_secs(24 * 3600);

/// The folder of all thumbnails. Those that were not used for longest go when it grows too large.
pub(super) struct DiskCache {
    folder: PathBuf,
    limit_bytes: u64,
    writes: AtomicU64,
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
        Self { folder, limit_bytes: LIMIT_BYTES, writes: AtomicU64::new(0) }
    }

    /// Named by path, time of change and length: a changed file has another entry. Pictures in memory have none.
    pub(super) fn entry(&self, source: &ImageSource, stamp: Stamp) -> Option<Entry> {
        let path = std::path::absolute(source.path()).ok()?;
        let changed_at = stamp.modified?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut hash = Sha256::new();
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update(changed_at.as_nanos().to_le_bytes());
        hash.update(stamp.length?.to_le_bytes());
        let name = format!("{:x}.jpg", hash.finalize());
        // Two letters of folder keep the number of files per folder small.
        Some(Entry { path: self.folder.join(&name[..2]).join(&name) })
    }

    /// Best effort: a cache that cannot be written makes thumbnails slower the next time, nothing else.
    pub(super) fn write(&self, entry: &Entry, thumbnail: &RgbImage) {
        let path: &Path = &entry.path;
        let mut jpeg = Vec::new();
        if JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(thumbnail).is_ok() {
            drop(write_atomically(path, &jpeg));
        }
        if self.writes.fetch_add(1, Ordering::Relaxed).is_multiple_of(WRITES_PER_SWEEP) {
            self.sweep();
        }
    }

    /// Removes what was not used for longest until three quarters of the limit are left, if it is exceeded.
    fn sweep(&self) {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = children(&self.folder)
            .flat_map(|folder| children(&folder.path()))
            .filter_map(|file| state(&file))
            .collect();
        let mut bytes: u64 = files.iter().map(|(_, length, _)| length).sum();
        if bytes <= self.limit_bytes {
            return;
        }
        files.sort_unstable();
        for (_, length, path) in files {
            if bytes <= self.limit_bytes / 4 * 3 {
                break;
            }
            if std::fs::remove_file(path).is_ok() {
                bytes -= length;
            }
        }
    }
}

/// What lies in a folder; nothing if it cannot be read.
fn children(folder: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    std::fs::read_dir(folder).into_iter().flatten().flatten()
}

/// When a file was last used, its length in bytes, its path.
fn state(file: &DirEntry) -> Option<(SystemTime, u64, PathBuf)> {
    let metadata = file.metadata().ok().filter(|metadata| metadata.is_file())?;
    Some((metadata.modified().ok()?, metadata.len(), file.path()))
}

impl Entry {
    /// The thumbnail, unless it is missing or damaged.
    pub(super) fn read(&self) -> Option<RgbImage> {
        let thumbnail = Arc::unwrap_or_clone(load(&self.path).ok()?.rgb);
        let fits = thumbnail.width() <= SIDE && thumbnail.height() <= SIDE;
        if fits {
            self.note_use();
        }
        fits.then_some(thumbnail)
    }

    /// The time of change is that of the last use; a file that cannot be touched merely looks older than it is.
    fn note_use(&self) {
        let noted = std::fs::metadata(&self.path).and_then(|metadata| metadata.modified());
        if noted.is_ok_and(|noted| noted.elapsed().is_ok_and(|age| age > USE_NOTED_EVERY)) {
            let touch = |file: File| file.set_modified(SystemTime::now());
            drop(File::options().write(true).open(&self.path).and_then(touch));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ages in days.
    fn age(path: &Path, days: u64) {
        let at = SystemTime::now() - Duration::from_secs(days * 24 * 3600);
        File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
    }

    fn entry(cache: &DiskCache, name: &str) -> Entry {
        let stamp = Stamp { modified: Some(UNIX_EPOCH), length: Some(1) };
        cache.entry(&ImageSource::file(name), stamp).unwrap()
    }

    #[test]
    fn what_was_not_used_for_longest_goes_when_the_cache_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let unbounded = DiskCache::new(folder.path().into());
        let thumbnail = RgbImage::new(SIDE, SIDE);
        let entries: Vec<Entry> = (0..8).map(|index| entry(&unbounded, &format!("{index}.jpg"))).collect();
        for (index, entry) in entries.iter().enumerate() {
            unbounded.write(entry, &thumbnail);
            age(&entry.path, 10 + index as u64);
        }
        let each = std::fs::metadata(&entries[0].path).unwrap().len();
        // The oldest is read, and so becomes the youngest.
        assert!(entries[7].read().is_some());
        // Room for four, so that three are left.
        DiskCache { limit_bytes: 4 * each, ..DiskCache::new(folder.path().into()) }.sweep();
        let left: Vec<usize> = (0..8).filter(|index| entries[*index].path.exists()).collect();
        assert_eq!(left, [0, 1, 7]);
        unbounded.sweep();
        assert!(entries[0].path.exists(), "within the limit nothing goes");
    }
}
