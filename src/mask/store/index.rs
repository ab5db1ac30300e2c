//! What lies in a folder of masks, known without opening a single PNG.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rayon::prelude::*;

use crate::mask::record::{MaskRecord, Origin, Quality, Review};

use super::name::{folded, identity, stems};

/// Where removed and replaced masks go; never searched.
pub(super) const REMOVED: &str = "removed";

/// Temporary files older than this belong to no running program.
const LEFTOVER_AGE: Duration = Duration::from_secs(60 * 60);

/// What the gallery shows of a mask.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MaskState {
    pub origin: Origin,
    pub review: Review,
    /// See [`Quality::doubt`]; 0 for a mask whose quality nobody measured.
    pub doubt: f32,
}

impl MaskState {
    /// Whether a person has still to accept or reject the mask.
    pub fn waits(self) -> bool {
        matches!(self.review, Review::None | Review::NeedsReview)
    }
}

impl From<&MaskRecord> for MaskState {
    fn from(record: &MaskRecord) -> Self {
        let doubt = record.quality.as_ref().map_or(0.0, Quality::doubt);
        Self { origin: record.origin, review: record.review, doubt }
    }
}

/// Whose mask it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Owner {
    Image(PathBuf),
    /// There is no JSON, or it is damaged.
    Unknown,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Below the store's folder.
    pub png: PathBuf,
    pub owner: Owner,
    pub state: MaskState,
}

/// The masks of a folder by the photo they belong to, and by name for those that do not say.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: HashMap<PathBuf, Entry>,
    by_image: HashMap<PathBuf, PathBuf>,
    by_stem: HashMap<String, Vec<PathBuf>>,
    /// Folders and records that could not be read, as sentences.
    pub problems: Vec<String>,
}

impl Index {
    /// Reads names, then the small JSON files in parallel; sweeps temporary files that a crash left behind.
    pub fn read(folder: &Path) -> Self {
        let mut index = Self::default();
        let pngs = index.names(folder);
        let entries: Vec<(Entry, Option<String>)> = pngs.into_par_iter().map(|png| read_entry(folder, png)).collect();
        for (entry, problem) in entries {
            index.problems.extend(problem);
            index.insert(entry);
        }
        index
    }

    /// The PNG files of the folder and below.
    fn names(&mut self, folder: &Path) -> Vec<PathBuf> {
        let (mut pngs, mut waiting) = (Vec::new(), vec![PathBuf::new()]);
        while let Some(below) = waiting.pop() {
            // Without the slash that joining an empty path would append.
            let path: PathBuf = folder.join(&below).components().collect();
            let entries = match std::fs::read_dir(&path) {
                Ok(entries) => entries,
                // A folder that is not there yet holds nothing.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    self.problems.push(format!("the masks here cannot be listed ({error}): {}", path.display()));
                    continue;
                }
            };
            for entry in entries.flatten() {
                let name = entry.file_name();
                let path = below.join(&name);
                let is_hidden = name.as_encoded_bytes().starts_with(b".");
                // Links to folders are not followed: they may lead back here.
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    if !is_hidden && name != REMOVED {
                        waiting.push(path);
                    }
                } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png")) && !is_hidden
                {
                    pngs.push(path);
                } else if is_leftover(&entry) {
                    // Best effort: it is in nobody's way.
                    drop(std::fs::remove_file(entry.path()));
                }
            }
        }
        pngs.sort();
        pngs
    }

    pub fn insert(&mut self, entry: Entry) {
        self.remove(&entry.png);
        if let Owner::Image(image) = &entry.owner {
            self.by_image.insert(image.clone(), entry.png.clone());
        }
        if let Some(stem) = entry.png.file_stem() {
            self.by_stem.entry(folded(&stem.to_string_lossy())).or_default().push(entry.png.clone());
        }
        self.entries.insert(entry.png.clone(), entry);
    }

    pub fn remove(&mut self, png: &Path) {
        let Some(entry) = self.entries.remove(png) else { return };
        if let Owner::Image(image) = &entry.owner
            && self.by_image.get(image).is_some_and(|of| of == png)
        {
            self.by_image.remove(image);
        }
        let stem = folded(&png.file_stem().unwrap_or_default().to_string_lossy());
        if let Some(named) = self.by_stem.get_mut(&stem) {
            named.retain(|of| of != png);
        }
    }

    /// Whether a mask of the store's own folder has this stem, in whatever case.
    pub fn is_taken(&self, stem: &str) -> bool {
        let named = self.by_stem.get(&folded(stem));
        named.is_some_and(|pngs| pngs.iter().any(|png| png.components().count() == 1))
    }

    /// The mask whose record names the photo; else one of its name that could be nobody else's.
    pub fn find(&self, image: &Path) -> Option<&Entry> {
        // A new folder is asked about every photo of the gallery.
        if self.entries.is_empty() {
            return None;
        }
        let image = identity(image);
        let recorded = self.by_image.get(&image).and_then(|png| self.entries.get(png));
        recorded.or_else(|| self.find_by_name(&image))
    }

    fn find_by_name(&self, image: &Path) -> Option<&Entry> {
        let plain = image.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let names = std::iter::once(plain).chain(stems(image));
        let mut best: Option<(usize, &Entry)> = None;
        let mut is_tie = false;
        let mut seen: Vec<&Path> = Vec::new();
        for png in names.filter_map(|name| self.by_stem.get(&folded(&name))).flatten() {
            if seen.contains(&png.as_path()) {
                continue;
            }
            seen.push(png);
            let Some(entry) = self.entries.get(png) else { continue };
            let Some(score) = likeness(entry, image) else { continue };
            is_tie = best.is_some_and(|(other, _)| other == score) || (is_tie && best.is_some_and(|(b, _)| b > score));
            if best.is_none_or(|(other, _)| score > other) {
                best = Some((score, entry));
            }
        }
        best.filter(|_| !is_tie).map(|(_, entry)| entry)
    }
}

/// How well a mask that does not name the photo fits it: the number of folders that agree; `None`: not at all.
///
/// * Without a record, the folders of the mask mirror the last folders of the photo: `masks/n01/a.png` fits
///   `images/n01/a.jpg` and not `images/n02/a.jpg`. Masks directly in the store's folder fit photos anywhere.
/// * With a record, the photo has moved: file and folder have the recorded names, and nothing is at the recorded place.
fn likeness(entry: &Entry, image: &Path) -> Option<usize> {
    let parent = image.parent().unwrap_or(Path::new(""));
    match &entry.owner {
        Owner::Unknown => {
            let below = entry.png.parent().unwrap_or(Path::new(""));
            let depth = below.components().count();
            parent.ends_with(below).then_some(depth)
        }
        Owner::Image(recorded) => {
            let alike = image.components().rev().zip(recorded.components().rev()).take_while(|(a, b)| a == b).count();
            let shortest = image.components().count().min(recorded.components().count());
            (alike >= shortest.min(2) && !recorded.exists()).then_some(alike)
        }
    }
}

fn read_entry(folder: &Path, png: PathBuf) -> (Entry, Option<String>) {
    let json = folder.join(&png).with_extension("json");
    let imported = MaskState { origin: Origin::Imported, ..MaskState::default() };
    let unknown = |png| Entry { png, owner: Owner::Unknown, state: imported };
    let Ok(text) = std::fs::read(&json) else {
        return (unknown(png), None);
    };
    match serde_json::from_slice::<MaskRecord>(&text) {
        Ok(record) => {
            let state = (&record).into();
            (Entry { png, owner: Owner::Image(identity(&record.image)), state }, None)
        }
        Err(error) => {
            let problem = format!("the file beside the mask is damaged ({error}); delete it: {}", json.display());
            (unknown(png), Some(problem))
        }
    }
}

/// `NAME.png.PROCESS-NUMBER.part` or `.json.…`, as [`crate::files::write_atomically`] names them, and old.
fn is_leftover(entry: &std::fs::DirEntry) -> bool {
    let name = entry.file_name();
    let parts = name.to_str().map(|name| name.rsplitn(4, '.').collect::<Vec<_>>());
    let Some([part, number, extension, _]) = parts.as_deref() else { return false };
    let is_ours = *part == "part"
        && ["png", "json"].contains(extension)
        && number.split_once('-').is_some_and(|(a, b)| a.parse::<u32>().is_ok() && b.parse::<u64>().is_ok());
    let changed = entry.metadata().and_then(|metadata| metadata.modified());
    let age = changed.ok().and_then(|changed| SystemTime::now().duration_since(changed).ok());
    is_ours && age.is_some_and(|age| age > LEFTOVER_AGE)
}
