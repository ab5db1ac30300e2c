//! The pictures of an evaluation, their classes and their masks.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::image::{ImageSource, list_readable_images};
use crate::jobs::labels::{LabelError, LabelFile};
use crate::mask::{Mask, MaskError, MaskStore};
use crate::size::Size;
use crate::vit::classes::ClassNames;

use super::Failure;
use super::layout::{Layout, LayoutError, Reader, folders_without_class};

/// One picture.
#[derive(Clone, Debug)]
pub struct Labelled {
    pub source: ImageSource,
    /// Its path below the folder of the data set, with `/`.
    pub name: String,
    /// The classes that count as right, the one to explain first; empty if nothing tells.
    pub truth: Vec<usize>,
    /// Pixels to cut off each side before anything else: ObjectNet's photos have a red frame.
    pub frame: usize,
}

/// What a model is judged on.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    pub pictures: Vec<Labelled>,
    /// The classes that occur in it, or that it is scored among: sorted.
    pub classes: Vec<usize>,
    pub masks: Masks,
    /// Folders that could not be listed.
    pub unreadable: Vec<Failure>,
    /// What a user should know about it, such as folders that name no class.
    pub notes: Vec<String>,
}

/// Where a data set lies, and how it is to be read.
#[derive(Clone, Debug, Default)]
pub struct Place {
    pub images: PathBuf,
    pub masks: Option<PathBuf>,
    /// A table of labels, which goes before folder names.
    pub labels: Option<PathBuf>,
    pub layout: Layout,
    /// Of several classes that an object of ObjectNet maps to, only the first is right: the paper's way.
    pub first_only: bool,
    /// Only the first so many pictures of each class, in the order of their paths.
    pub per_class: Option<usize>,
}

/// Why there is nothing to judge.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error("there is no such folder; check its name: {}", folder.display())]
    NoFolder { folder: PathBuf },
    #[error(
        "MATLAB 7.3 files are not read; write their images and masks as files, images/NAME.png and masks/NAME.png \
         (grey, 0 and 255), and name those folders: {}",
        path.display()
    )]
    Matlab { path: PathBuf },
    #[error("this is a file; name the folder that holds the pictures: {}", path.display())]
    IsFile { path: PathBuf },
    #[error("there is no picture in this folder; name one that holds images: {}", folder.display())]
    NoPicture { folder: PathBuf },
    #[error(
        "no folder below names a class of the model («{example}» is none); name folders by WordNet id or class, \
         choose another --layout, or give a table with --labels: {}",
        folder.display()
    )]
    NoClass { example: String, folder: PathBuf },
    #[error(
        "none of the {pictures} pictures has a mask here; a mask has its photo's name and lies in a folder of the \
         same name (masks/fox/a.png for images/fox/a.jpg): {}",
        folder.display()
    )]
    NoMask { pictures: usize, folder: PathBuf },
    #[error(transparent)]
    Labels(#[from] LabelError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

fn keep_per_class(pictures: &mut Vec<Labelled>, most: usize) {
    let mut seen: HashMap<Option<usize>, usize> = HashMap::new();
    pictures.retain(|picture| {
        let count = seen.entry(picture.truth.first().copied()).or_default();
        *count += 1;
        *count <= most
    });
}

fn check_folder(path: &Path) -> Result<(), DatasetError> {
    let path = path.to_owned();
    if path.is_dir() {
        return Ok(());
    }
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("mat")) {
        return Err(DatasetError::Matlab { path });
    }
    if path.is_file() { Err(DatasetError::IsFile { path }) } else { Err(DatasetError::NoFolder { folder: path }) }
}

/// Where the masks are.
#[derive(Clone, Debug, Default)]
pub enum Masks {
    #[default]
    None,
    /// A folder of masks as the program keeps them.
    Store(MaskStore),
    /// The folder of each picture's mask, by the picture's path: photos of several folders have masks in several.
    Stores(Arc<HashMap<PathBuf, MaskStore>>),
    /// By the path of their pictures: those of the embedded demo, and what is painted but not saved.
    Memory(Arc<HashMap<PathBuf, Arc<Mask>>>),
    /// ImageNet-S: `<wnid>/<stem>.png` of ids below this folder.
    ImageNetS(PathBuf),
    /// For each picture the first of these that has its mask.
    FirstOf(Vec<Self>),
}

impl Masks {
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// # Errors
    /// If there is no such folder.
    pub fn open(folder: &Path, layout: Layout) -> Result<Self, DatasetError> {
        check_folder(folder)?;
        Ok(match layout {
            Layout::ImageNetS => Self::ImageNetS(folder.to_owned()),
            _ => Self::Store(MaskStore::open(folder, || ())),
        })
    }

    fn has(&self, picture: &Path) -> bool {
        match self {
            Self::None => false,
            Self::Store(store) => store.find(picture).is_some(),
            Self::Stores(stores) => stores.get(picture).is_some_and(|store| store.find(picture).is_some()),
            Self::Memory(masks) => masks.contains_key(picture),
            Self::ImageNetS(folder) => super::imagenet_s::path_of(folder, picture).is_some_and(|path| path.is_file()),
            Self::FirstOf(masks) => masks.iter().any(|masks| masks.has(picture)),
        }
    }

    fn problems(&self) -> Vec<String> {
        match self {
            Self::Store(store) => store.problems(),
            Self::None | Self::Stores(_) | Self::Memory(_) | Self::ImageNetS(_) | Self::FirstOf(_) => Vec::new(),
        }
    }

    /// The mask of a picture of size `photo`, if there is one.
    ///
    /// # Errors
    /// If a file is there and is no mask of this size.
    pub fn load(&self, picture: &Path, photo: Size) -> Result<Option<Mask>, MaskError> {
        match self {
            Self::None => Ok(None),
            Self::Store(store) => Ok(store.load(picture, photo)?.map(|file| file.mask)),
            Self::Stores(stores) => match stores.get(picture) {
                Some(store) => Ok(store.load(picture, photo)?.map(|file| file.mask)),
                None => Ok(None),
            },
            Self::Memory(masks) => match masks.get(picture) {
                Some(mask) if mask.size() != photo => {
                    Err(MaskError::WrongSize { mask: mask.size(), photo, path: picture.to_owned() })
                }
                mask => Ok(mask.map(|mask| Mask::clone(mask))),
            },
            Self::ImageNetS(folder) => super::imagenet_s::load(folder, picture, photo),
            Self::FirstOf(masks) => {
                let of = masks.iter().find(|masks| masks.has(picture));
                of.map_or(Ok(None), |masks| masks.load(picture, photo))
            }
        }
    }
}

impl Dataset {
    /// Pictures with truths; the classes are those that occur.
    pub fn new(pictures: Vec<Labelled>, masks: Masks) -> Self {
        let classes: BTreeSet<usize> = pictures.iter().flat_map(|picture| picture.truth.iter().copied()).collect();
        Self { pictures, classes: classes.into_iter().collect(), masks, ..Self::default() }
    }

    /// Finds the pictures of a folder, their classes and masks.
    ///
    /// # Errors
    /// If there is nothing to judge: no picture, no class of the model and no mask.
    pub fn open(place: &Place, names: &ClassNames) -> Result<Self, DatasetError> {
        let Place { images, masks, labels, layout, first_only, per_class } = place;
        check_folder(images)?;
        let labels = labels.as_deref().map(LabelFile::read).transpose()?;
        let reader = Reader::new(*layout, images, names, labels.as_ref(), *first_only)?;
        let (paths, unreadable) = list_readable_images(images);
        let unreadable: Vec<Failure> = unreadable
            .into_iter()
            .map(|(path, error)| Failure { image: path.display().to_string(), error: error.to_string() })
            .collect();
        if paths.is_empty() && unreadable.is_empty() {
            return Err(DatasetError::NoPicture { folder: images.clone() });
        }
        let frame = reader.frame();
        let labelled = |path: PathBuf| {
            let name = path.strip_prefix(images).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            Labelled { name, truth: reader.truth(&path), frame, source: ImageSource::file(path) }
        };
        let masks = masks.as_ref().map_or(Ok(Masks::None), |folder| Masks::open(folder, *layout))?;
        let mut pictures: Vec<Labelled> = paths.into_iter().map(labelled).collect();
        if let Some(most) = per_class {
            keep_per_class(&mut pictures, *most);
        }
        let mut dataset = Self::new(pictures, masks);
        dataset.unreadable = unreadable;
        if let Some(classes) = reader.scored_among() {
            dataset.classes = classes;
        }
        if let Some(folder) = &place.masks {
            dataset.check_masks(folder)?;
        }
        dataset.note_missing_classes(images)?;
        Ok(dataset)
    }

    /// Masks that fit no picture are a mistake to hear of before an hour of work.
    fn check_masks(&mut self, folder: &Path) -> Result<(), DatasetError> {
        if !self.pictures.iter().any(|picture| self.masks.has(picture.source.path())) {
            return Err(DatasetError::NoMask { pictures: self.pictures.len(), folder: folder.to_owned() });
        }
        self.notes.extend(self.masks.problems());
        Ok(())
    }

    fn note_missing_classes(&mut self, folder: &Path) -> Result<(), DatasetError> {
        let unknown: Vec<&Path> = self
            .pictures
            .iter()
            .filter(|picture| picture.truth.is_empty())
            .map(|picture| picture.source.path())
            .collect();
        let folders = folders_without_class(unknown.iter().copied());
        let Some(example) = folders.keys().next() else { return Ok(()) };
        if unknown.len() == self.pictures.len() && self.masks.is_none() {
            return Err(DatasetError::NoClass { example: example.clone(), folder: folder.to_owned() });
        }
        self.notes.push(format!(
            "{} of {} pictures name no class of the model, such as those in the folder «{example}»; \
             they are not counted as right or wrong",
            unknown.len(),
            self.pictures.len(),
        ));
        Ok(())
    }

    /// The first class of every picture.
    pub fn first_truths(&self) -> Vec<Option<usize>> {
        self.pictures.iter().map(|picture| picture.truth.first().copied()).collect()
    }
}
