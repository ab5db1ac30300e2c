//! Finds the pictures in a folder.

use std::collections::HashSet;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::error::ImageError;

/// Extensions of the formats that decode, in lower case.
const EXTENSIONS: [&str; 17] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "tif", "tiff", "gif", "bmp", "tga", "qoi", "pnm", "ppm", "pgm", "pbm",
    "pam",
];

/// Where a window keeps the masks of the photos in a folder; no folder of photos.
pub const MASK_FOLDER: &str = "vitrine-masks";

/// Whether nothing in a folder is taken for a photo: it is hidden, or holds masks.
pub fn is_passed_over(folder: &Path) -> bool {
    is_hidden(folder) || folder.file_name().is_some_and(|name| name == MASK_FOLDER)
}

/// Whether the name looks like a picture; hidden files (`._photo.jpg` of macOS) do not.
pub fn is_image_path(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    !is_hidden(path) && extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

/// All pictures in `folder` and below, sorted by path, so that every run and every system sees the same order.
///
/// Links to folders are followed, each folder once.
///
/// # Errors
/// When a folder cannot be read; [`list_readable_images`] goes on without it.
pub fn list_images(folder: &Path) -> Result<Vec<PathBuf>, ImageError> {
    let (found, unreadable) = list_readable_images(folder);
    unreadable.into_iter().next().map_or(Ok(found), |(_, error)| Err(error))
}

/// What [`list_images`] finds where some folders cannot be read, and those folders.
pub fn list_readable_images(folder: &Path) -> (Vec<PathBuf>, Vec<(PathBuf, ImageError)>) {
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    let mut visit = |what| {
        match what {
            Found::Image(path) => found.push(path),
            Found::Unreadable { source, path } => unreadable.push((path.clone(), ImageError::from_io(source, path))),
            Found::Folder | Found::Other => {}
        }
        ControlFlow::Continue(())
    };
    // It never breaks off.
    let _ = walk(folder, &mut HashSet::new(), &mut visit);
    found.sort();
    unreadable.sort_by(|(a, _), (b, _)| a.cmp(b));
    (found, unreadable)
}

/// What [`walk`] comes across, in the order of the file system.
#[derive(Debug)]
pub enum Found {
    /// A folder that can be read; what is in it follows.
    Folder,
    Image(PathBuf),
    /// Anything else, so that the visitor can call the walk off in a folder without pictures.
    Other,
    /// The rest of this folder stays unknown; the walk goes on.
    Unreadable {
        source: io::Error,
        path: PathBuf,
    },
}

/// Visits what is in `folder` and below. Hidden folders are left out; links to folders are followed.
///
/// `visited` holds the real paths of folders, which are entered once: pass the same set for several roots.
pub fn walk(
    folder: &Path,
    visited: &mut HashSet<PathBuf>,
    visit: &mut dyn FnMut(Found) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        match read_folder(&folder, visited, &mut waiting, visit) {
            Ok(flow) => flow?,
            Err(source) => visit(Found::Unreadable { source, path: folder })?,
        }
    }
    ControlFlow::Continue(())
}

/// Visits one folder and adds its sub-folders to `waiting`.
fn read_folder(
    folder: &Path,
    visited: &mut HashSet<PathBuf>,
    waiting: &mut Vec<PathBuf>,
    visit: &mut dyn FnMut(Found) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    if !visited.insert(folder.canonicalize()?) {
        return Ok(visit(Found::Other));
    }
    let entries = std::fs::read_dir(folder)?;
    let mut flow = visit(Found::Folder);
    for entry in entries {
        if flow.is_break() {
            break;
        }
        let entry = entry?;
        let path = entry.path();
        // The kind comes with the folder's content; only links cost a question of their own.
        let kind = entry.file_type()?;
        let is_folder = if kind.is_symlink() { path.is_dir() } else { kind.is_dir() };
        flow = if is_folder && !is_passed_over(&path) {
            waiting.push(path);
            visit(Found::Other)
        } else if is_image_path(&path) && (kind.is_file() || path.is_file()) {
            visit(Found::Image(path))
        } else {
            visit(Found::Other)
        };
    }
    Ok(flow)
}

/// Whether the name starts with a dot.
pub fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_decide_in_any_case_and_hidden_files_are_left_out() {
        assert!(is_image_path(Path::new("a/N01440764_1.JPEG")));
        assert!(is_image_path(Path::new("b.webp")));
        assert!(!is_image_path(Path::new("a/._photo.jpg")));
        assert!(!is_image_path(Path::new("notes.txt")));
        assert!(!is_image_path(Path::new("jpg")));
    }

    #[test]
    fn folders_are_searched_recursively_in_sorted_order() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("b/.cache")).unwrap();
        for name in ["c.png", "a.jpg", "b/z.gif", "b/.cache/thumbnail.png", "notes.txt"] {
            std::fs::write(root.path().join(name), b"content does not matter").unwrap();
        }
        let names: Vec<_> = list_images(root.path())
            .unwrap()
            .iter()
            .map(|path| path.strip_prefix(root.path()).unwrap().to_string_lossy().replace('\\', "/"))
            .collect();
        assert_eq!(names, ["a.jpg", "b/z.gif", "c.png"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_back_to_the_folder_does_not_go_round_in_circles() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("a.jpg"), b"content does not matter").unwrap();
        std::os::unix::fs::symlink(root.path(), root.path().join("loop")).unwrap();
        assert_eq!(list_images(root.path()).unwrap().len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_sub_folder_that_may_not_be_read_does_not_hide_the_others() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let secret = root.path().join("secret");
        std::fs::create_dir_all(&secret).unwrap();
        std::fs::write(root.path().join("a.jpg"), b"content does not matter").unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o000)).unwrap();
        if std::fs::read_dir(&secret).is_ok() {
            println!("skipped: the administrator may read every folder");
            return;
        }
        let (found, unreadable) = list_readable_images(root.path());
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(found, [root.path().join("a.jpg")]);
        assert!(matches!(&unreadable[..], [(path, ImageError::NotPermitted { .. })] if *path == secret));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = list_images(Path::new("no/such/folder")).unwrap_err();
        assert!(matches!(error, ImageError::NotFound { .. }) && error.to_string().ends_with("no/such/folder"));
    }
}
