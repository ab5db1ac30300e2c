//! Which pictures a job works on, and what its output files are called.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::image::{ImageError, ImageSource, list_readable_images};

/// A picture and the stem of its output files, relative to the output folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    pub source: ImageSource,
    /// Unique within a job: sub-folders of a given folder are kept, a second `cat` becomes `cat-2`.
    pub stem: PathBuf,
}

/// Files as given, and all pictures of given folders.
///
/// A folder that cannot be read, at any depth, stands in the list as its error; files are only opened when their turn comes.
pub fn collect(paths: &[PathBuf]) -> Vec<Result<Input, (PathBuf, ImageError)>> {
    let mut taken = HashSet::new();
    let mut inputs = Vec::new();
    for path in paths {
        if !path.is_dir() {
            let stem = Path::new(path.file_name().unwrap_or_default());
            let stem = unique(&stem.with_extension(""), &mut taken);
            inputs.push(Ok(Input { source: ImageSource::file(path.clone()), stem }));
            continue;
        }
        let (images, unreadable) = list_readable_images(path);
        inputs.extend(unreadable.into_iter().map(Err));
        inputs.extend(images.into_iter().map(|image| {
            let relative = image.strip_prefix(path).unwrap_or(&image).with_extension("");
            Ok(Input { stem: unique(&relative, &mut taken), source: ImageSource::file(image) })
        }));
    }
    inputs
}

/// Gives pictures the names of their files, each once, for a flat folder.
#[derive(Debug, Default)]
pub struct Names {
    taken: HashSet<OsString>,
}

impl Names {
    pub fn name(&mut self, source: ImageSource) -> Input {
        let stem = unique(Path::new(source.path().file_stem().unwrap_or_default()), &mut self.taken);
        Input { stem, source }
    }
}

/// `taken` holds plain strings: a path is hashed part by part, which a hundred thousand of them feel.
fn unique(stem: &Path, taken: &mut HashSet<OsString>) -> PathBuf {
    let mut candidate = stem.to_owned();
    let mut number = 2;
    while !taken.insert(candidate.clone().into_os_string()) {
        let mut name = stem.file_name().unwrap_or_default().to_owned();
        name.push(format!("-{number}"));
        candidate = stem.with_file_name(name);
        number += 1;
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_collide_are_numbered() {
        let paths = ["a/cat.jpg", "b/cat.jpg", "b/cat.png", "dog.v2.png"].map(PathBuf::from);
        let stems: Vec<_> = collect(&paths).into_iter().map(|input| input.unwrap().stem).collect();
        assert_eq!(stems, ["cat", "cat-2", "cat-3", "dog.v2"].map(PathBuf::from));
    }

    #[test]
    fn sub_folders_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["x/one.png", "y/one.png"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        let inputs = collect(&[folder.path().to_owned()]);
        let stems: Vec<_> = inputs.into_iter().map(|input| input.unwrap().stem).collect();
        assert_eq!(stems, ["x/one", "y/one"].map(PathBuf::from));
    }
}
