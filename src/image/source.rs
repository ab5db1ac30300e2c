//! Where a picture comes from: a file, or bytes in memory (the embedded demo, a pasted picture).

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::error::ImageError;
use super::load::{Picture, decode, load};

/// A picture that can be decoded again at any time; cheap to clone.
///
/// Two are equal when their paths are, and both are files or both in memory.
#[derive(Clone, Debug)]
pub struct ImageSource {
    path: Arc<Path>,
    /// `None`: the bytes are in the file.
    bytes: Option<Arc<Cow<'static, [u8]>>>,
}

/// The state of a file: another time or length, another picture. Times alone may be coarse, or kept by who edits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stamp {
    pub modified: Option<SystemTime>,
    /// In bytes.
    pub length: Option<u64>,
}

impl ImageSource {
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into().into(), bytes: None }
    }

    /// Bytes of a picture file. `name` takes the place of the path and must be unique, such as `counter/fox/fox-1.jpg`.
    pub fn memory(name: impl Into<PathBuf>, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { path: name.into().into(), bytes: Some(Arc::new(bytes.into())) }
    }

    /// The file's path, or the name of what is in memory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path is that of a file.
    pub fn is_file(&self) -> bool {
        self.bytes.is_none()
    }

    /// Whether it came from the clipboard: in memory, and in no folder, so that nothing finds it again.
    pub fn is_pasted(&self) -> bool {
        !self.is_file() && self.path.parent().is_none_or(|folder| folder.as_os_str().is_empty())
    }

    /// What is in memory; `None` for a file.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_ref().map(|bytes| &***bytes)
    }

    /// File name without folders.
    pub fn title(&self) -> Cow<'_, str> {
        self.path.file_name().unwrap_or_default().to_string_lossy()
    }

    /// What the file system says of the file now; nothing of a missing one, nor of a picture in memory.
    pub fn stamp(&self) -> Stamp {
        let metadata = self.is_file().then(|| std::fs::metadata(self.path()).ok()).flatten();
        let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
        Stamp { modified, length: metadata.map(|metadata| metadata.len()) }
    }

    /// # Errors
    /// Those of [`load`].
    pub fn decode(&self) -> Result<Picture, ImageError> {
        match &self.bytes {
            Some(bytes) => decode(bytes, &self.path),
            None => load(&self.path),
        }
    }
}

impl PartialEq for ImageSource {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path && self.is_file() == other.is_file()
    }
}

impl Eq for ImageSource {}

impl Hash for ImageSource {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.path.hash(state);
        self.is_file().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_file_that_keeps_its_time_but_not_its_length_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let source = ImageSource::file(folder.path().join("a.png"));
        let stamp_of = |content: &[u8]| {
            std::fs::write(source.path(), content).unwrap();
            let file = std::fs::File::options().write(true).open(source.path()).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
            source.stamp()
        };
        assert_eq!(stamp_of(b"one"), stamp_of(b"two"));
        assert_ne!(stamp_of(b"one"), stamp_of(b"three"));
    }

    #[test]
    fn a_file_is_not_what_is_in_memory_under_its_name() {
        let sources = [
            ImageSource::file("fox.jpg"),
            ImageSource::memory("fox.jpg", b"".as_slice()),
            ImageSource::file("fox.jpg"),
            ImageSource::file("cat.jpg"),
        ];
        assert_eq!(sources.each_ref().map(ImageSource::is_pasted), [false, true, false, false]);
        assert!(!ImageSource::memory("counter/fox/fox-1.jpg", b"".as_slice()).is_pasted());
        assert_eq!(HashSet::from(sources).len(), 3);
    }
}
