//! A folder of masks: `STEM.png` and `STEM.json` for every photo that has one.
//!
//! Whose mask a file is says the `image` of its JSON. Masks from elsewhere, without JSON or with the photos of another
//! place, are found by name, see [`MaskStore::find`].

mod index;
mod name;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::size::Size;

use super::error::MaskError;
use super::file::{MaskFile, record_path};
use super::record::MaskRecord;
use index::{Entry, Index, Owner, REMOVED};

pub use index::MaskState;

/// A folder of masks. Cheap to clone; clones share the index.
#[derive(Clone, Debug)]
pub struct MaskStore {
    folder: Arc<Path>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    contents: Mutex<Contents>,
    is_read: Condvar,
}

#[derive(Debug, Default)]
struct Contents {
    /// `None` until the folder has been read.
    index: Option<Index>,
    changes: u64,
}

impl MaskStore {
    /// Returns at once; a thread reads the folder and calls `when_read` at its end. A folder that is not there is
    /// empty, and made by the first [`Self::save`]. Temporary files older than an hour, which a crash left, go away.
    pub fn open(folder: impl Into<PathBuf>, when_read: impl FnOnce() + Send + 'static) -> Self {
        let folder: Arc<Path> = folder.into().into();
        let store = Self { folder, shared: Arc::default() };
        let reader = store.clone();
        let read = move || {
            let index = Index::read(&reader.folder);
            let mut contents = reader.lock();
            contents.index = Some(index);
            contents.changes += 1;
            drop(contents);
            reader.shared.is_read.notify_all();
            when_read();
        };
        let name = "mask-index".to_owned();
        if std::thread::Builder::new().name(name).spawn(read).is_err() {
            // Without threads: an empty index. Masks are still found at their usual names, and none is overwritten.
            store.lock().index = Some(Index::default());
        }
        store
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the folder has been read. Until then [`Self::states`] knows no mask, and the others wait.
    pub fn is_ready(&self) -> bool {
        self.lock().index.is_some()
    }

    /// Grows whenever a state may have changed.
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// What could not be read when the folder was opened, in sentences. Waits.
    pub fn problems(&self) -> Vec<String> {
        self.with_index(|index| index.problems.clone())
    }

    /// For each photo the state of its mask, if it has one. Never waits, opens no PNG.
    pub fn states<'a>(&self, images: impl IntoIterator<Item = &'a Path>) -> Vec<Option<MaskState>> {
        let contents = self.lock();
        let state = |image| contents.index.as_ref().and_then(|index| index.find(image)).map(|entry| entry.state);
        images.into_iter().map(state).collect()
    }

    /// The PNG of a photo's mask. In this order:
    ///
    /// 1. The mask whose record names the photo.
    /// 2. A mask without record that has the photo's stem and lies in folders named as the photo's:
    ///    `masks/n01440764/a.png` for `images/n01440764/a.jpg`. Directly in the store's folder, the stem is enough.
    /// 3. A mask whose record names a photo that is gone, of the same file and folder name: the photos have moved.
    ///
    /// Of several that fit, the one that shares most folders; none if that does not decide. Waits for the index.
    pub fn find(&self, image: &Path) -> Option<PathBuf> {
        self.with_index(|index| index.find(image).map(|entry| self.folder.join(&entry.png)))
    }

    /// Reads the mask of a photo of size `photo`, if it has one. Waits for the index.
    ///
    /// # Errors
    /// Those of [`MaskFile::load`], and when the mask has another size than the photo.
    pub fn load(&self, image: &Path, photo: Size) -> Result<Option<MaskFile>, MaskError> {
        let Some(path) = self.find(image) else { return Ok(None) };
        let file = MaskFile::load(&path)?;
        if file.mask.size() != photo {
            return Err(MaskError::WrongSize { mask: file.mask.size(), photo, path });
        }
        Ok(Some(file))
    }

    /// Writes the mask of a photo, and the photo's path into its record; returns where. Waits for the index.
    ///
    /// The mask of another photo is never overwritten: where a name is taken or some file system would refuse it, a
    /// short hash of the photo's path is appended. A mask from elsewhere (see [`Self::find`]) is replaced, and its
    /// older state kept in the sub-folder `removed`.
    ///
    /// # Errors
    /// When the folder cannot be written; what was there before is then as it was.
    pub fn save(&self, image: &Path, file: &MaskFile) -> Result<PathBuf, MaskError> {
        let image = name::identity(image);
        let (png, is_foreign) = self.claim(&image)?;
        let path = self.folder.join(&png);
        if is_foreign {
            self.set_aside(&png, |from, to| std::fs::copy(from, to).map(drop))?;
        }
        let record = MaskRecord { image, ..file.record.clone() };
        MaskFile { mask: file.mask.clone(), record: record.clone() }.save(&path).inspect_err(|_| self.release(&png))?;
        let state = (&record).into();
        self.change(|index| index.insert(Entry { png, owner: Owner::Image(record.image), state }));
        Ok(path)
    }

    /// Moves the mask of a photo into the sub-folder `removed`; returns its new place, or `None` if there is no mask.
    /// Waits for the index.
    ///
    /// # Errors
    /// When the files cannot be moved.
    pub fn remove(&self, image: &Path) -> Result<Option<PathBuf>, MaskError> {
        let Some(png) = self.with_index(|index| index.find(image).map(|entry| entry.png.clone())) else {
            return Ok(None);
        };
        let place = self.set_aside(&png, |from, to| std::fs::rename(from, to))?;
        self.change(|index| index.remove(&png));
        Ok(Some(place))
    }

    /// The name to write a photo's mask to, below the folder, and whether a mask from elsewhere lies there.
    fn claim(&self, image: &Path) -> Result<(PathBuf, bool), MaskError> {
        let mut contents = self.wait();
        let Some(index) = contents.index.as_mut() else { return Err(self.no_name_left()) };
        if let Some(entry) = index.find(image) {
            return Ok((entry.png.clone(), entry.owner != Owner::Image(image.to_owned())));
        }
        for stem in name::stems(image) {
            let png = PathBuf::from(format!("{stem}.png"));
            // The look at the disk sees what the index cannot: masks written since by another program, and names
            // that only this file system takes for one.
            if !index.is_taken(&stem) && !self.folder.join(&png).exists() {
                // Holds the name until the files are there.
                let state = MaskState::default();
                index.insert(Entry { png: png.clone(), owner: Owner::Image(image.to_owned()), state });
                return Ok((png, false));
            }
        }
        Err(self.no_name_left())
    }

    fn no_name_left(&self) -> MaskError {
        let source = std::io::Error::other("all names for this photo are taken");
        MaskError::Write { source, path: self.folder.to_path_buf() }
    }

    /// Gives a claimed name back if nothing was written to it.
    fn release(&self, png: &Path) {
        if !self.folder.join(png).exists() {
            self.change(|index| index.remove(png));
        }
    }

    /// Moves or copies a mask and its record to names in `removed` that are free.
    fn set_aside(&self, png: &Path, place: impl Fn(&Path, &Path) -> std::io::Result<()>) -> Result<PathBuf, MaskError> {
        let (from, folder) = (self.folder.join(png), self.folder.join(REMOVED));
        let stem = png.file_stem().unwrap_or_default().to_string_lossy();
        let names = std::iter::once(format!("{stem}.png")).chain((2..).map(|number| format!("{stem} {number}.png")));
        let to = names.map(|name| folder.join(name)).find(|to| !to.exists()).unwrap_or_else(|| folder.join(png));
        let put = || {
            std::fs::create_dir_all(&folder)?;
            // The record first: alone it is nobody's mask.
            if record_path(&from).exists() {
                place(&record_path(&from), &record_path(&to))?;
            }
            place(&from, &to)
        };
        put().map_err(|source| MaskError::Write { source, path: from.clone() })?;
        Ok(to)
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        // Each change is one call on a whole index: a thread that panicked left nothing half done.
        self.shared.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) -> MutexGuard<'_, Contents> {
        let is_missing = |contents: &mut Contents| contents.index.is_none();
        self.shared.is_read.wait_while(self.lock(), is_missing).unwrap_or_else(PoisonError::into_inner)
    }

    fn with_index<T: Default>(&self, read: impl FnOnce(&Index) -> T) -> T {
        self.wait().index.as_ref().map(read).unwrap_or_default()
    }

    fn change(&self, change: impl FnOnce(&mut Index)) {
        let mut contents = self.wait();
        contents.changes += 1;
        if let Some(index) = &mut contents.index {
            change(index);
        }
    }
}

#[cfg(test)]
mod tests;
