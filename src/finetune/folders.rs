//! Finds photos, their masks and their classes in folders.
//!
//! | layout | photos | masks |
//! |---|---|---|
//! | plain, ImageNet-S | `images/CLASS/NAME.jpg` | `masks/CLASS/NAME.png` |
//! | a project's masks | anywhere | as [`MaskStore::find`] finds them |
//! | TokenCut | `images/NAME.JPEG` or `images/CLASS/NAME.JPEG` | `masks/CLASS/NAME_tokencut_bfs.png` or `.jpg` |
//!
//! A class folder bears a WordNet id or a class name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::image::{ImageSource, list_images};
use crate::mask::MaskStore;

use super::error::DataError;
use super::sample::{MaskSource, Sample};

/// The ending that the released TokenCut script gives its masks.
const TOKENCUT: &str = "_tokencut_bfs";

/// The class of a photo or a mask by the folder it lies in; `None` where the folder is no class of the model.
pub type ClassOf<'a> = dyn Fn(&Path) -> Option<usize> + 'a;

/// What lies in the folders.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Sorted by name. Those without a mask can still be watched.
    pub samples: Vec<Sample>,
    /// Photos whose folder names no class of the model.
    pub without_class: Vec<PathBuf>,
}

/// Lists the photos below `images`, with the masks that `masks` has for them.
///
/// # Errors
/// If a folder cannot be read, or holds no photo at all, or no photo is in the folder of a class of the model.
pub fn find(images: &Path, masks: Option<&Path>, class_of: &ClassOf<'_>) -> Result<Found, DataError> {
    let paths = list_images(images)?;
    if paths.is_empty() {
        return Err(DataError::NoImages { folder: images.to_owned() });
    }
    let masks = masks.map(Masks::open).transpose()?;
    let mut found = Found::default();
    for path in paths {
        let mask = masks.as_ref().and_then(|masks| masks.find(&path));
        let Some(class) = class_of(&path).or_else(|| class_of(mask.as_deref()?)) else {
            found.without_class.push(path);
            continue;
        };
        let name = path.strip_prefix(images).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        found.samples.push(Sample { name, mask: mask.map(MaskSource::File), image: ImageSource::file(path), class });
    }
    found.samples.sort_by(|a, b| a.name.cmp(&b.name));
    match (found.samples.is_empty(), found.without_class.first()) {
        (true, Some(example)) => {
            Err(DataError::NoKnownClass { photos: found.without_class.len(), example: example.clone() })
        }
        _ => Ok(found),
    }
}

/// A folder of masks.
struct Masks {
    store: MaskStore,
    /// By the stem without its ending, those of the TokenCut script.
    tokencut: BTreeMap<String, PathBuf>,
}

impl Masks {
    fn open(folder: &Path) -> Result<Self, DataError> {
        let mut tokencut = BTreeMap::new();
        for path in list_images(folder)? {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(stem) = stem.strip_suffix(TOKENCUT) {
                tokencut.insert(stem.to_owned(), path);
            }
        }
        Ok(Self { store: MaskStore::open(folder, || {}), tokencut })
    }

    fn find(&self, image: &Path) -> Option<PathBuf> {
        let stem = image.file_stem()?.to_string_lossy();
        self.store.find(image).or_else(|| self.tokencut.get(stem.as_ref()).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class_of(path: &Path) -> Option<usize> {
        ["cat", "dog"].iter().position(|name| path.parent().is_some_and(|folder| folder.ends_with(name)))
    }

    fn touch(root: &Path, names: &[&str]) {
        for name in names {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
    }

    fn names(found: &Found) -> Vec<(&str, usize, Option<String>)> {
        let mask = |sample: &Sample| match &sample.mask {
            Some(MaskSource::File(path)) => Some(path.file_name().unwrap().to_string_lossy().into_owned()),
            _ => None,
        };
        found.samples.iter().map(|sample| (sample.name.as_str(), sample.class, mask(sample))).collect()
    }

    #[test]
    fn class_folders_of_photos_and_masks_mirror_each_other() {
        let root = tempfile::tempdir().unwrap();
        touch(
            root.path(),
            &["i/dog/a.jpg", "i/cat/a.jpg", "i/cat/b.jpg", "i/other/c.jpg", "m/cat/a.png", "m/dog/a.png"],
        );
        let found = find(&root.path().join("i"), Some(&root.path().join("m")), &class_of).unwrap();
        let mask = || Some("a.png".to_owned());
        assert_eq!(names(&found), [("cat/a.jpg", 0, mask()), ("cat/b.jpg", 0, None), ("dog/a.jpg", 1, mask())]);
        assert_eq!(found.samples[2].mask, Some(MaskSource::File(root.path().join("m/dog/a.png"))));
        assert_eq!(found.without_class, [root.path().join("i/other/c.jpg")]);
    }

    #[test]
    fn tokencut_keeps_classes_beside_the_masks_and_photos_flat() {
        let root = tempfile::tempdir().unwrap();
        touch(root.path(), &["i/n_1.JPEG", "i/n_2.JPEG", "m/dog/n_1_tokencut_bfs.png"]);
        let found = find(&root.path().join("i"), Some(&root.path().join("m")), &class_of).unwrap();
        assert_eq!(names(&found), [("n_1.JPEG", 1, Some("n_1_tokencut_bfs.png".to_owned()))]);
        assert_eq!(found.without_class.len(), 1);
    }

    #[test]
    fn folders_without_photos_or_known_classes_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let refused = || find(root.path(), None, &class_of).unwrap_err().to_string();
        assert!(refused().contains("no photo"), "{}", refused());
        touch(root.path(), &["bird/a.jpg"]);
        assert!(refused().contains("no class of the model"), "{}", refused());
        assert!(find(&root.path().join("none"), None, &class_of).is_err());
    }
}
