//! From a path to an opened weight file: folders, and containers told by their first bytes, never by extension.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::error::Problem;
use super::source::{ReadSeek, TensorFile, byte_length};
use super::{npz, safetensors, torch_file};

const INDEX_SUFFIX: &str = ".safetensors.index.json";

/// The weight file that `path` means.
pub(super) fn weight_file(path: &Path) -> Result<PathBuf, Problem> {
    if !path.exists() {
        return Err(Problem::NotFound);
    }
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    for name in ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"] {
        if path.join(name).is_file() {
            return Ok(path.join(name));
        }
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let file = entry?.path();
        let is_weights = file.extension().is_some_and(|e| {
            ["safetensors", "pth", "pt", "bin", "tar", "npz"].iter().any(|known| e.eq_ignore_ascii_case(known))
        });
        if is_weights && file.is_file() {
            found.push(file);
        }
    }
    found.sort_unstable();
    match &found[..] {
        [] => Err(Problem::NoWeightsInFolder),
        [one] => Ok(one.clone()),
        several => {
            let names: Vec<_> = several
                .iter()
                .take(4)
                .filter_map(|p| p.file_name())
                .map(|n| n.to_string_lossy().into_owned())
                .collect();
            Err(Problem::SeveralWeightsInFolder(names.join(", ")))
        }
    }
}

/// Opens a weight file of any kind.
pub(super) fn open(file: &Path) -> Result<TensorFile<'static>, Problem> {
    if file.to_string_lossy().ends_with(INDEX_SUFFIX) {
        return safetensors::open_sharded(file);
    }
    open_reader(Box::new(File::open(file)?))
}

/// Opens weights that lie in memory.
pub(super) fn open_bytes(bytes: &[u8]) -> Result<TensorFile<'_>, Problem> {
    open_reader(Box::new(Cursor::new(bytes)))
}

fn open_reader<'a>(mut file: Box<dyn ReadSeek + 'a>) -> Result<TensorFile<'a>, Problem> {
    let mut start = Vec::new();
    (&mut file).take(9).read_to_end(&mut start)?;
    file.seek(SeekFrom::Start(0))?;
    match &start[..] {
        [b'P', b'K', 3, 4, ..] => {
            let length = byte_length(&mut *file)?;
            let archive = zip::ZipArchive::new(file)?;
            let is_npz = archive.file_names_raw().any(|name| name.ends_with(b".npy"));
            if is_npz { npz::open(archive, length) } else { torch_file::open_zip(archive) }
        }
        [0x80, 2..=5, ..] => torch_file::open_legacy(file),
        b"version h" => Err(Problem::GitLfsPointer),
        [_, _, _, _, _, _, _, _, b'{'] => safetensors::open(file),
        _ if start.len() < 9 => Err(Problem::Truncated),
        _ => Err(Problem::UnknownContainer),
    }
}
