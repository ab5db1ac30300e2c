//! Files that are never half written.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the writes of this process, for names that no two of its threads share.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Writes to a temporary file beside the target and renames it, so that no reader sees half a file.
///
/// Missing folders are made.
///
/// # Errors
/// What the file system says; the target is then as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_atomically_with(path, |file| file.write_all(bytes))
}

/// As [`write_atomically`], for what is too large to hold in memory twice: `write` gets the open file.
///
/// # Errors
/// What the file system or `write` says; the target is then as it was.
pub fn write_atomically_with(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
    // Not the `tempfile` crate: its files are private to the user, these are meant to be shared.
    let mut partial_name = name.to_owned();
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    partial_name.push(format!(".{}-{number}.part", std::process::id()));
    let partial = path.with_file_name(partial_name);
    let write = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = File::create(&partial)?;
        write(&mut file)?;
        // Else a power cut after the rename may leave the new name on an empty file.
        file.sync_all()?;
        drop(file);
        std::fs::rename(&partial, path)
    };
    write().inspect_err(|_| {
        // Best effort: the error of the write is the one to report.
        drop(std::fs::remove_file(&partial));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/deep/file.txt");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn threads_that_write_one_file_leave_one_of_their_contents() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::thread::scope(|scope| {
            for content in [[1; 4096], [2; 4096], [3; 4096], [4; 4096]] {
                let path = &path;
                scope.spawn(move || (0..20).for_each(|_| write_atomically(path, &content).unwrap()));
            }
        });
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() == 4096 && bytes.iter().all(|byte| *byte == bytes[0]));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_target_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::create_dir(&path).unwrap(); // A folder cannot be renamed over by a file.
        assert!(write_atomically(&path, b"x").is_err());
        assert!(path.is_dir());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
