//! ObjectNet's own mapping of its objects to ImageNet's classes (Barbu et al., NeurIPS 2019).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::jobs::truth::ClassIndex;

const FOLDERS: &str = "folder_to_objectnet_label.json";
const CLASSES: &str = "objectnet_to_imagenet_1k.json";

/// From a folder to the classes that are right for its pictures.
#[derive(Debug)]
pub struct Mapping {
    by_folder: HashMap<String, Vec<usize>>,
}

/// Why the mapping cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    #[error(
        "ObjectNet comes with mappings/{CLASSES} and mappings/{FOLDERS}, which are not here or beside the folder; \
         name the data set's top folder: {}",
        folder.display()
    )]
    Missing { folder: PathBuf },
    #[error("the mapping cannot be read ({reason}); unpack the data set anew: {}", path.display())]
    Unreadable { reason: String, path: PathBuf },
    #[error("the mapping names no class of this model; use a model with ImageNet's classes: {}", path.display())]
    NoClass { path: PathBuf },
}

impl Mapping {
    /// Reads `mappings/` of the data set's top folder, or beside its folder of images.
    ///
    /// # Errors
    /// If the files are missing, no JSON objects of strings, or name none of the model's classes.
    pub fn read(root: &Path, index: &ClassIndex) -> Result<Self, MappingError> {
        let places = root.ancestors().take(2).map(|folder| folder.join("mappings"));
        let folder = places
            .into_iter()
            .find(|place| place.join(CLASSES).is_file() && place.join(FOLDERS).is_file())
            .ok_or_else(|| MappingError::Missing { folder: root.to_owned() })?;
        let objects = read_json(&folder.join(FOLDERS))?;
        let labels = read_json(&folder.join(CLASSES))?;
        let mut by_folder = HashMap::new();
        for (name, object) in objects {
            // Objects that ImageNet does not know are not mapped.
            let Some(label) = labels.get(&object) else { continue };
            let classes: Vec<usize> = label.split(';').filter_map(|label| index.get(label)).collect();
            if !classes.is_empty() {
                by_folder.insert(name, classes);
            }
        }
        if by_folder.is_empty() {
            Err(MappingError::NoClass { path: folder.join(CLASSES) })
        } else {
            Ok(Self { by_folder })
        }
    }

    /// The classes of a folder, in the mapping's order.
    pub fn classes(&self, folder: &str) -> Option<&[usize]> {
        self.by_folder.get(folder).map(Vec::as_slice)
    }
}

fn read_json(path: &Path) -> Result<HashMap<String, String>, MappingError> {
    let unreadable = |reason: String| MappingError::Unreadable { reason, path: path.to_owned() };
    let text = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vit::classes::ClassNames;

    /// The form of the published files, with two of its objects.
    fn data_set() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mappings = folder.path().join("mappings");
        std::fs::create_dir_all(&mappings).unwrap();
        std::fs::write(mappings.join(FOLDERS), r#"{"alarm_clock": "Alarm clock", "air_freshener": "Air freshener"}"#)
            .unwrap();
        std::fs::write(mappings.join(CLASSES), r#"{"Alarm clock": "analog clock; digital clock"}"#).unwrap();
        folder
    }

    #[test]
    fn folders_map_to_the_classes_that_imagenet_knows() {
        let set = data_set();
        let index = ClassIndex::new(&ClassNames::imagenet1k());
        for root in [set.path().to_owned(), set.path().join("images")] {
            let mapping = Mapping::read(&root, &index).unwrap();
            // 409 and 530 of the public list.
            assert_eq!(mapping.classes("alarm_clock"), Some(&[409, 530][..]));
            assert_eq!(mapping.classes("air_freshener"), None);
        }
    }

    #[test]
    fn what_is_wrong_with_a_mapping_is_said() {
        let set = data_set();
        let index = ClassIndex::new(&ClassNames::imagenet1k());
        let says = |root: &Path, index| Mapping::read(root, index).unwrap_err().to_string();
        assert!(says(&set.path().join("a/b"), &index).contains("top folder"));
        let other = ClassIndex::new(&ClassNames::of_model(3, None));
        assert!(says(set.path(), &other).contains("no class of this model"));
        std::fs::write(set.path().join("mappings").join(FOLDERS), "[]").unwrap();
        assert!(says(set.path(), &index).ends_with(FOLDERS));
    }
}
