//! Opening what users bring: pictures, folders, weights, label files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::demo;
use crate::image::{ImageSource, is_image_path};
use crate::jobs::labels::LabelFile;
use crate::jobs::listing::{Listing, ListingEvent};
use crate::jobs::model::ModelSource;
use crate::project::is_project_path;

use super::command::{Command, Slot};
use super::promise::promised;
use super::session::Session;

/// Endings of files that hold weights; the loader has the last word.
const WEIGHTS: [&str; 6] = ["safetensors", "pth", "pt", "bin", "tar", "npz"];
/// The end of the name of a sharded model's index.
const INDEX: &str = ".index.json";
/// Files that make a folder a model.
const OF_A_MODEL: [&str; 4] =
    ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];

/// Whether a path is a model rather than pictures: a weights file, or a folder that holds one under its usual name.
pub(super) fn is_model(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let is_weights = ending.is_some_and(|ending| WEIGHTS.contains(&ending.as_str()));
    let is_index = path.to_string_lossy().ends_with(INDEX);
    (is_weights || is_index) && !path.is_dir() || OF_A_MODEL.iter().any(|name| path.join(name).is_file())
}

impl Session {
    /// Sorts paths into models, label files and pictures, and opens each.
    pub(super) fn open(&mut self, paths: Vec<PathBuf>) {
        let mut pictures = Vec::new();
        // Further models are there to be compared with the first.
        let mut slots = Slot::ALL.into_iter();
        for path in paths {
            if is_project_path(&path) && path.is_file() {
                self.open_project(&path);
            } else if is_model(&path) {
                match slots.next() {
                    Some(slot) => self.apply(Command::LoadModel(slot, named(&path))),
                    None => self.notices.warning(format!("Four models can be compared, not more: {}", path.display())),
                }
            } else if !path.exists() {
                self.notices.error(format!("There is no such file; check its name and folder: {}", path.display()));
            } else if LabelFile::is_label_path(&path) {
                self.read_labels(&path);
            } else if path.is_dir() || is_image_path(&path) {
                pictures.push(path);
            } else {
                let problem =
                    "This is no picture, model or table of labels; open JPEG, PNG …, .safetensors, .pth, .npz or .csv";
                self.notices.error(format!("{problem}: {}", path.display()));
            }
        }
        if !pictures.is_empty() {
            self.settings.last_folder = pictures[0].parent().map(Path::to_owned);
            if self.shows_demo() && self.listings.is_empty() {
                self.belongings.images.clear();
            }
            for path in &pictures {
                if !self.belongings.images.contains(path) {
                    self.belongings.images.push(path.clone());
                }
            }
            self.list(pictures);
        }
    }

    /// New pictures take the place of the demo's, and are added to others.
    pub(super) fn list(&mut self, paths: Vec<PathBuf>) {
        if self.shows_demo() {
            self.gallery.clear();
            self.has_chosen = false;
        }
        let title = match paths.as_slice() {
            [one] => format!("Listing {}", one.file_name().unwrap_or(one.as_os_str()).to_string_lossy()),
            _ => format!("Listing {} paths", paths.len()),
        };
        match Listing::start(paths, self.wake.clone()) {
            Ok(listing) => {
                let (id, _) = self.begin_job(title);
                self.listings.push((id, listing));
                self.gallery.set_listing(true);
            }
            Err(error) => self.notices.error(format!("The folder cannot be listed: {error}")),
        }
    }

    /// No photos but those of the demo.
    pub(super) fn shows_demo(&self) -> bool {
        self.pasted == 0 && self.gallery.items().iter().all(|item| !item.source.is_file())
    }

    /// Ends all listings; what they have found but not told is dropped.
    pub(super) fn stop_listings(&mut self) {
        for (id, listing) in std::mem::take(&mut self.listings) {
            listing.cancel();
            self.end_job(id);
        }
    }

    /// What running listings found.
    pub(super) fn receive_listings(&mut self) {
        let mut done = Vec::new();
        for (id, listing) in std::mem::take(&mut self.listings) {
            if self.jobs.iter().any(|job| job.id == id && job.cancel.is_cancelled()) {
                listing.cancel();
            }
            let mut is_done = false;
            // One chunk a frame: sorting it in takes a good part of the frame's time.
            let mut has_found = false;
            for event in listing.poll() {
                match event {
                    ListingEvent::Found { root, images } => {
                        self.gallery.append(&root, images.into_iter().map(ImageSource::file));
                        let found = self.gallery.items().len() as u64;
                        self.advance_job(id, found, 0);
                        has_found = true;
                    }
                    ListingEvent::Skipped(folder) => self.notices.warning(folder.to_string()),
                    ListingEvent::Done(summary) => {
                        is_done = true;
                        self.project_may_have_changed = true;
                        self.select_wanted();
                        // Until now the first was the first of what had been found.
                        self.selects_first |= !self.has_chosen;
                        if summary.images == 0 && !summary.cancelled {
                            self.notices.warning("No pictures were found there.");
                        }
                    }
                }
                if has_found {
                    (self.wake)();
                    break;
                }
            }
            if is_done {
                done.push(id);
            } else {
                self.listings.push((id, listing));
            }
        }
        done.into_iter().for_each(|id| self.end_job(id));
        self.gallery.set_listing(!self.listings.is_empty());
    }

    /// The photos of the embedded demo.
    pub(super) fn add_demo_photos(&mut self) {
        match demo::photos() {
            Ok(photos) => {
                let sources =
                    photos.into_iter().map(|photo| ImageSource::memory(format!("{}.jpg", photo.stem()), photo.jpeg));
                self.gallery.append(Path::new(""), sources);
            }
            Err(error) => self.notices.error(error.to_string()),
        }
    }

    pub(super) fn read_labels(&mut self, path: &Path) {
        match LabelFile::read(path) {
            Ok(labels) => {
                self.belongings.labels = Some(path.to_owned());
                let found = self.gallery.set_labels(Some(labels));
                let mut text = format!("{} pictures have a label.", found.known);
                if found.unknown > 0 {
                    text += &format!(" The labels of {} are no classes of this model.", found.unknown);
                }
                self.notices.info(text);
            }
            Err(error) => self.notices.error(error.to_string()),
        }
    }

    /// Packs a picture of the clipboard on another thread; [`Self::receive_pasted`] adds it.
    pub(super) fn add_picture(&mut self, width: usize, height: usize, rgba: Arc<[u8]>) {
        self.pasted += 1;
        let name = format!("pasted-{}.png", self.pasted);
        let pack = move || Some(ImageSource::memory(name, png(width, height, &rgba)?));
        self.pasting.push(promised("paste", &self.wake, || None, pack));
    }

    /// Adds pasted pictures and selects the last.
    pub(super) fn receive_pasted(&mut self) {
        for promise in std::mem::take(&mut self.pasting) {
            match promise.try_take() {
                Ok(Some(source)) => {
                    self.gallery.append(Path::new(""), [source.clone()]);
                    if let Some(index) = self.gallery.find(&source) {
                        self.gallery.select(index);
                    }
                }
                Ok(None) => self.notices.error("The picture on the clipboard is damaged; copy it again."),
                Err(promise) => self.pasting.push(promise),
            }
        }
    }
}

/// `None` if the bytes are no picture of this size.
fn png(width: usize, height: usize, rgba: &[u8]) -> Option<Vec<u8>> {
    let picture = ::image::RgbaImage::from_raw(width.try_into().ok()?, height.try_into().ok()?, rgba.to_vec())?;
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ::image::ImageFormat::Png).ok()?;
    Some(bytes.into_inner())
}

/// A file or folder as the source of a model.
pub(super) fn named(path: &Path) -> ModelSource {
    ModelSource::Named(path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_told_from_pictures() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["w.safetensors", "w.PTH", "photo.jpg", "hf/model.safetensors", "photos/a.png"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        let is = |name: &str| is_model(&folder.path().join(name));
        assert!(is("w.safetensors") && is("w.PTH") && is("hf"));
        assert!(!is("photo.jpg") && !is("photos") && !is("missing.jpg"));
    }
}
