//! How a data set lies in its folder, and which classes that makes right.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;

use crate::jobs::labels::LabelFile;
use crate::jobs::truth::ClassIndex;
use crate::vit::classes::ClassNames;

use super::objectnet::{Mapping, MappingError};

/// The 200 classes of ImageNet-A (Hendrycks et al., arXiv 1907.07174), one index per line.
const IMAGENET_A: &str = include_str!("../../../assets/imagenet_a_indices.txt");
/// The 200 classes of ImageNet-R (Hendrycks et al., arXiv 2006.16241).
const IMAGENET_R: &str = include_str!("../../../assets/imagenet_r_indices.txt");

/// A data set's way to say what a picture shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// The nearest folder that names a class, by WordNet id or name.
    #[default]
    Folders,
    /// ImageNet: folders named by WordNet id.
    #[value(name = "imagenet")]
    ImageNet,
    /// ImageNet-A: WordNet ids, also scored among its 200 classes.
    #[value(name = "imagenet-a")]
    ImageNetA,
    /// ImageNet-R: WordNet ids, also scored among its 200 classes.
    #[value(name = "imagenet-r")]
    ImageNetR,
    /// ImageNet-Sketch: folders named by WordNet id.
    #[value(name = "imagenet-sketch")]
    ImageNetSketch,
    /// ImageNet-v2: folders named by class index.
    #[value(name = "imagenet-v2")]
    ImageNetV2,
    /// ObjectNet: object folders, with the data set's own mappings/; any mapped class is right, under the paper
    /// profile only the first.
    #[value(name = "objectnet")]
    ObjectNet,
    /// SI-Score: folders named by class.
    #[value(name = "si-score")]
    SiScore,
    /// ImageNet-S: WordNet ids; masks hold a class id as red + 256 · green, 1000 is ignored.
    #[value(name = "imagenet-s")]
    ImageNetS,
}

/// Why a layout cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    #[error(transparent)]
    Mapping(#[from] MappingError),
    #[error(
        "{layout} is scored among ImageNet's classes, and this model has {classes} classes; \
         use --layout folders"
    )]
    NotImageNet { layout: &'static str, classes: usize },
}

/// Tells the classes of pictures below one folder.
pub struct Reader<'a> {
    layout: Layout,
    root: PathBuf,
    index: ClassIndex,
    labels: Option<&'a LabelFile>,
    mapping: Option<Mapping>,
    first_only: bool,
    classes: usize,
}

impl<'a> Reader<'a> {
    /// `labels` go before folders. `first_only`: of several classes that an object maps to, only the first is right.
    ///
    /// # Errors
    /// If the layout needs a file that is not there, or a model with ImageNet's classes.
    pub fn new(
        layout: Layout,
        root: &Path,
        names: &ClassNames,
        labels: Option<&'a LabelFile>,
        first_only: bool,
    ) -> Result<Self, LayoutError> {
        let index = ClassIndex::new(names);
        let classes = names.len();
        if let Some(layout) = layout.of_imagenet().filter(|_| classes != 1000) {
            return Err(LayoutError::NotImageNet { layout, classes });
        }
        let mapping = match layout {
            Layout::ObjectNet => Some(Mapping::read(root, &index)?),
            _ => None,
        };
        Ok(Self { layout, root: root.to_owned(), index, labels, mapping, first_only, classes })
    }

    /// The classes that count as right for a picture, the main one first; empty if nothing tells.
    pub fn truth(&self, picture: &Path) -> Vec<usize> {
        if let Some(labels) = self.labels {
            let relative = picture.strip_prefix(&self.root).unwrap_or(picture).to_string_lossy();
            let class = labels.label(&relative).and_then(|label| self.index.get(label));
            return class.into_iter().collect();
        }
        let mut folders = self.folders(picture);
        match (&self.mapping, self.layout) {
            (Some(mapping), _) => {
                let classes = folders.find_map(|folder| mapping.classes(folder)).unwrap_or_default();
                classes.iter().copied().take(if self.first_only { 1 } else { usize::MAX }).collect()
            }
            (None, Layout::ImageNetV2) => {
                let number = |folder: &str| folder.parse().ok().filter(|class: &usize| *class < self.classes);
                folders.find_map(number).into_iter().collect()
            }
            _ => folders.find_map(|folder| self.named(folder)).into_iter().collect(),
        }
    }

    /// The names of the folders that hold a picture, from the nearest to the data set's own.
    fn folders<'p>(&self, picture: &'p Path) -> impl Iterator<Item = &'p str> {
        let depth = picture.strip_prefix(&self.root).map_or(1, |below| below.components().count());
        picture.ancestors().skip(1).take(depth).filter_map(|folder| folder.file_name()?.to_str())
    }

    /// Folders are often numbered for other reasons than the class.
    fn named(&self, folder: &str) -> Option<usize> {
        if folder.parse::<usize>().is_ok() {
            return None;
        }
        self.index.get(folder).or_else(|| self.index.get(&folder.replace(['_', '-'], " ")))
    }

    /// The classes that the data set is scored among; `None`: those that occur in it.
    pub fn scored_among(&self) -> Option<Vec<usize>> {
        let list = match self.layout {
            Layout::ImageNetA => IMAGENET_A,
            Layout::ImageNetR => IMAGENET_R,
            _ => return None,
        };
        Some(list.lines().filter_map(|line| line.trim().parse().ok()).collect())
    }

    /// How many pictures to cut off each side, in pixels.
    pub fn frame(&self) -> usize {
        // The red frame, with a pixel to spare.
        if self.layout == Layout::ObjectNet { 2 } else { 0 }
    }
}

impl Layout {
    /// The name of a layout that only makes sense with ImageNet's classes.
    fn of_imagenet(self) -> Option<&'static str> {
        match self {
            Self::ImageNetA => Some("ImageNet-A"),
            Self::ImageNetR => Some("ImageNet-R"),
            Self::ImageNetV2 => Some("ImageNet-v2"),
            Self::ObjectNet => Some("ObjectNet"),
            _ => None,
        }
    }
}

/// How many pictures each folder without a class holds, for a message.
pub fn folders_without_class<'a>(pictures: impl Iterator<Item = &'a Path>) -> BTreeMap<String, usize> {
    let mut folders = BTreeMap::new();
    for picture in pictures {
        let folder = picture.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        *folders.entry(folder).or_default() += 1;
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(layout: Layout, picture: &str) -> Vec<usize> {
        let root = Path::new("data/set");
        Reader::new(layout, root, &ClassNames::imagenet1k(), None, false).unwrap().truth(Path::new(picture))
    }

    #[test]
    fn the_nearest_folder_that_names_a_class_decides() {
        // Classes 0 and 1 of the public list are tench and goldfish; 779 is the school bus.
        for (picture, class) in [
            ("data/set/n01440764/a.jpg", Some(0)),
            ("data/set/goldfish/more/7/a.jpg", Some(1)),
            ("data/set/goldfish/tench/a.jpg", Some(0)),
            ("data/set/area_0.5/School_bus/a.jpg", Some(779)),
            ("data/set/7/a.jpg", None),
            ("data/set/a.jpg", None),
        ] {
            for layout in [Layout::Folders, Layout::SiScore, Layout::ImageNetSketch] {
                assert_eq!(truth(layout, picture), Vec::from_iter(class), "{picture}");
            }
        }
        let root = Path::new("photos/goldfish");
        let reader = Reader::new(Layout::Folders, root, &ClassNames::imagenet1k(), None, false).unwrap();
        assert_eq!(reader.truth(Path::new("photos/goldfish/a.jpg")), [1], "the folder itself may name it");
        let outside = Reader::new(Layout::Folders, Path::new("goldfish/set"), &ClassNames::imagenet1k(), None, false);
        assert!(outside.unwrap().truth(Path::new("goldfish/set/x/a.jpg")).is_empty(), "but none above it");
    }

    #[test]
    fn imagenet_v2_numbers_its_folders() {
        assert_eq!(truth(Layout::ImageNetV2, "data/set/7/a.jpg"), [7]);
        assert!(truth(Layout::ImageNetV2, "data/set/1000/a.jpg").is_empty());
    }

    #[test]
    fn subsets_have_200_classes_in_order() {
        for layout in [Layout::ImageNetA, Layout::ImageNetR] {
            let reader = Reader::new(layout, Path::new("x"), &ClassNames::imagenet1k(), None, false).unwrap();
            let classes = reader.scored_among().unwrap();
            assert_eq!(classes.len(), 200);
            assert!(classes.is_sorted() && classes[199] < 1000);
        }
        let few = ClassNames::of_model(12, None);
        let error = Reader::new(Layout::ImageNetA, Path::new("x"), &few, None, false).err().unwrap();
        assert!(error.to_string().contains("12 classes"), "{error}");
    }

    #[test]
    fn a_table_of_labels_goes_before_folders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        std::fs::write(&path, "a.jpg,goldfish\nb.jpg,no such class\n").unwrap();
        let labels = LabelFile::read(&path).unwrap();
        let names = ClassNames::imagenet1k();
        let reader = Reader::new(Layout::Folders, Path::new("set"), &names, Some(&labels), false).unwrap();
        assert_eq!(reader.truth(Path::new("set/tench/a.jpg")), [1]);
        assert!(reader.truth(Path::new("set/tench/b.jpg")).is_empty());
    }
}
