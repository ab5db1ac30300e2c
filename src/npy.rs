//! Writes arrays as NumPy `.npy` files, so that maps can be read with one line of Python.
//!
//! Format: version 1.0 of <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::path::{Path, PathBuf};

use crate::files::write_atomically;

/// Why an array could not be written; the message ends with the file.
#[derive(Debug, thiserror::Error)]
pub enum NpyError {
    #[error("{count} values do not fill the shape {shape:?}: {}", path.display())]
    WrongLength { count: usize, shape: Vec<usize>, path: PathBuf },

    #[error("the array cannot be written ({source}); check the folder and the space on the disk: {}", path.display())]
    Write { source: std::io::Error, path: PathBuf },
}

/// Writes `values`, row-major, as little-endian `f32` of the given shape; the file appears whole or not at all.
///
/// # Errors
/// When the number of values is not the product of the shape, or the folder cannot be written.
pub fn write_npy(path: &Path, shape: &[usize], values: &[f32]) -> Result<(), NpyError> {
    if shape.iter().product::<usize>() != values.len() {
        return Err(NpyError::WrongLength { count: values.len(), shape: shape.to_vec(), path: path.to_owned() });
    }
    write_atomically(path, &encode(shape, values)).map_err(|source| NpyError::Write { source, path: path.to_owned() })
}

fn encode(shape: &[usize], values: &[f32]) -> Vec<u8> {
    const MAGIC_AND_VERSION: &[u8; 8] = b"\x93NUMPY\x01\x00";
    const LENGTH_FIELD: usize = 2;
    const ALIGNMENT: usize = 64; // of the data, so that it can be mapped into memory

    // A tuple in Python's notation: the comma after every number also makes (3,) right.
    let tuple: String = shape.iter().map(|length| format!("{length}, ")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", tuple.trim_end());
    let unpadded = MAGIC_AND_VERSION.len() + LENGTH_FIELD + header.len() + 1;
    header.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(ALIGNMENT) - unpadded));
    header.push('\n');

    let mut bytes = MAGIC_AND_VERSION.to_vec();
    // Below 65 536: a shape has a handful of numbers.
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_of_every_rank_come_back_through_npyz() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.npy");
        let values = [1.0, -2.5, f32::MIN_POSITIVE, 0.1, f32::INFINITY, 6.0];
        for shape in [vec![6], vec![2, 3], vec![1, 3, 2]] {
            write_npy(&path, &shape, &values).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!((bytes.len() - 4 * values.len()) % 64, 0, "the data starts at a multiple of 64 bytes");
            let array = npyz::NpyFile::new(&bytes[..]).unwrap();
            assert_eq!(array.shape(), shape.iter().map(|&length| length as u64).collect::<Vec<_>>());
            assert_eq!(array.order(), npyz::Order::C);
            assert_eq!(array.into_vec::<f32>().unwrap(), values);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays behind");
    }

    #[test]
    fn a_shape_that_does_not_fit_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.npy");
        assert!(matches!(write_npy(&path, &[2, 2], &[1.0; 3]), Err(NpyError::WrongLength { count: 3, .. })));
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_with_the_path_last() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"").unwrap();
        let message = write_npy(&file.join("map.npy"), &[1], &[1.0]).unwrap_err().to_string();
        assert!(message.ends_with("file/map.npy"), "{message}");
    }
}
