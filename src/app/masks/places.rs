//! Where masks lie: beside the opened photos, in a chosen folder, or, for photos that are no files, with the program's
//! own data.

use std::collections::HashMap;
use std::path::PathBuf;

use etcetera::BaseStrategy;
use sha2::{Digest, Sha256};

use crate::app::Wake;
use crate::app::gallery::Item;
use crate::image::ImageSource;
use crate::image::list::MASK_FOLDER;
use crate::mask::MaskStore;

use super::saver::Place;

/// The stores that are open, and what images are called in them.
pub struct Places {
    /// For pictures in memory.
    data: PathBuf,
    /// For files, if the user chose one.
    chosen: Option<PathBuf>,
    stores: HashMap<PathBuf, MaskStore>,
    pasted: HashMap<ImageSource, PathBuf>,
    wake: Wake,
}

impl Places {
    pub fn new(chosen: Option<PathBuf>, wake: Wake) -> Self {
        Self { data: data_folder(), chosen, stores: HashMap::new(), pasted: HashMap::new(), wake }
    }

    /// Where masks of pictures in memory lie from now on.
    pub fn set_data_folder(&mut self, folder: PathBuf) {
        self.data = folder;
    }

    /// Where masks of image files lie from now on; `None`: beside the images.
    pub fn choose(&mut self, folder: Option<PathBuf>) {
        self.chosen = folder;
    }

    /// Where the mask of an image lies, or will.
    pub fn of(&mut self, item: &Item) -> Place {
        let folder = self.folder(item);
        Place { store: self.store(folder), key: self.key(&item.source) }
    }

    /// The masks of a folder, opened once.
    pub fn store(&mut self, folder: PathBuf) -> MaskStore {
        let wake = self.wake.clone();
        self.stores.entry(folder).or_insert_with_key(|folder| MaskStore::open(folder, move || wake())).clone()
    }

    /// The file of an image's mask, if there is one.
    pub fn file(&mut self, item: &Item) -> Option<PathBuf> {
        let place = self.of(item);
        place.store.find(&place.key)
    }

    /// The folder of an image's mask.
    pub fn folder(&self, item: &Item) -> PathBuf {
        match &self.chosen {
            _ if !item.source.is_file() => self.data.clone(),
            Some(folder) => folder.clone(),
            None => item.root().join(MASK_FOLDER),
        }
    }

    /// Stores whose folders have been read; another number means that states are to be looked up again.
    pub fn ready(&self) -> usize {
        self.stores.values().filter(|store| store.is_ready()).count()
    }

    /// Demo photos have names of their own. Pasted ones are all called the same, in every session anew, and are told
    /// apart by their content.
    fn key(&mut self, source: &ImageSource) -> PathBuf {
        let path = source.path();
        let Some(bytes) = source.bytes().filter(|_| source.is_pasted()) else { return path.to_owned() };
        let key = || {
            let hash = format!("{:x}", Sha256::digest(bytes));
            PathBuf::from(format!("pasted/{}.png", &hash[..16]))
        };
        self.pasted.entry(source.clone()).or_insert_with(key).clone()
    }
}

/// The user's own data; the current folder on a system without such a place.
fn data_folder() -> PathBuf {
    let data = etcetera::choose_base_strategy().map(|strategy| strategy.data_dir().join("vitrine"));
    data.unwrap_or_default().join("masks")
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::app::gallery::Gallery;

    #[test]
    fn masks_lie_beside_photos_in_the_chosen_folder_or_with_the_data() {
        let mut gallery = Gallery::default();
        gallery.append(Path::new("/photos/birds"), [ImageSource::file("/photos/birds/a/1.jpg")]);
        let of_demo = ImageSource::memory("counter/fox/fox-1.jpg", b"".as_slice());
        let pasted = [b"one".as_slice(), b"two"].map(|bytes| ImageSource::memory("pasted-1.png", bytes));
        gallery.append(Path::new(""), [of_demo.clone()]);
        let mut places = Places::new(None, Arc::new(|| ()));
        places.set_data_folder("/data".into());
        let items = gallery.items();
        assert_eq!(places.folder(&items[0]), Path::new("/photos/birds/vitrine-masks"));
        assert_eq!(places.folder(&items[1]), Path::new("/data"));
        places.choose(Some("/chosen".into()));
        assert_eq!(places.folder(&items[0]), Path::new("/chosen"));
        assert_eq!(places.folder(&items[1]), Path::new("/data"));
        assert_eq!(places.key(&of_demo), Path::new("counter/fox/fox-1.jpg"));
        let [one, two] = pasted.map(|source| Places::new(None, Arc::new(|| ())).key(&source));
        assert_ne!(one, two, "the same name in two sessions is not the same picture");
        assert!(one.starts_with("pasted"));
    }
}
