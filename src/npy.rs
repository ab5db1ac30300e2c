//! Arrays as NumPy `.npy` files, so that maps can be read with one line of Python, and masks of scripts come in.
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
    let mut bytes = header("<f4", shape);
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// The bytes of an array of truth values, row-major; there must be as many as the shape says.
pub fn encode_truths(shape: &[usize], truths: &[bool]) -> Vec<u8> {
    let mut bytes = header("|b1", shape);
    bytes.extend(truths.iter().map(|truth| u8::from(*truth)));
    bytes
}

/// Everything before the numbers.
fn header(element: &str, shape: &[usize]) -> Vec<u8> {
    const MAGIC_AND_VERSION: &[u8; 8] = b"\x93NUMPY\x01\x00";
    const ALIGNMENT: usize = 64; // of the data, so that it can be mapped into memory

    // A tuple in Python's notation: the comma after every number also makes (3,) right.
    let tuple: String = shape.iter().map(|length| format!("{length}, ")).collect();
    let mut header = format!("{{'descr': '{element}', 'fortran_order': False, 'shape': ({}), }}", tuple.trim_end());
    let unpadded = MAGIC_AND_VERSION.len() + LENGTH_FIELD + header.len() + 1;
    header.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(ALIGNMENT) - unpadded));
    header.push('\n');

    let mut bytes = MAGIC_AND_VERSION.to_vec();
    // Below 65 536: a shape has a handful of numbers.
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes
}

/// Bytes that hold the length of a header of version 1.
const LENGTH_FIELD: usize = 2;

/// An array that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    pub shape: Vec<usize>,
    /// Row-major; truth values are 0 and 1.
    pub values: Vec<f64>,
}

/// Why bytes are no array of numbers.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NpyFault {
    #[error("this is no NumPy array; save it with numpy.save")]
    NoArray,
    #[error("the array holds «{0}», which are no numbers; save it as bool, int or float")]
    Element(String),
    #[error("the array breaks off before its end; save it again")]
    Truncated,
}

/// Reads an array of truth values, integers or floats of any width, in either order of its axes.
///
/// # Errors
/// If the bytes are no array, it holds something else, or bytes are missing.
pub fn decode(bytes: &[u8]) -> Result<Array, NpyFault> {
    let (header, data) = split(bytes).ok_or(NpyFault::NoArray)?;
    let element = field(header, "descr").and_then(|text| text.split('\'').nth(1)).ok_or(NpyFault::NoArray)?;
    let shape = field(header, "shape").and_then(shape_of).ok_or(NpyFault::NoArray)?;
    let is_transposed = field(header, "fortran_order").is_some_and(|text| text.trim_start().starts_with("True"));
    let count = shape.iter().try_fold(1_usize, |count, length| count.checked_mul(*length)).ok_or(NpyFault::NoArray)?;
    let mut values = numbers(element, data, count)?;
    if is_transposed {
        values = row_major(&shape, &values);
    }
    Ok(Array { shape, values })
}

/// The header's text and what follows it.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (&[version, _], rest) = rest.split_first_chunk()?;
    let (length, rest) = if version == 1 {
        let (length, rest) = rest.split_first_chunk::<LENGTH_FIELD>()?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk()?;
        (u32::from_le_bytes(*length) as usize, rest)
    };
    let (header, data) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

/// What stands behind a name of the header's dictionary.
fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split_once(&format!("'{name}':")).map(|(_, after)| after)
}

/// `(2, 3), …` → 2 and 3.
fn shape_of(text: &str) -> Option<Vec<usize>> {
    let (inside, _) = text.trim_start().strip_prefix('(')?.split_once(')')?;
    inside.split(',').map(str::trim).filter(|length| !length.is_empty()).map(|length| length.parse().ok()).collect()
}

fn numbers(element: &str, data: &[u8], count: usize) -> Result<Vec<f64>, NpyFault> {
    fn read<const WIDTH: usize>(data: &[u8], count: usize, of: impl Fn([u8; WIDTH]) -> f64) -> Option<Vec<f64>> {
        let numbers = data.as_chunks::<WIDTH>().0;
        Some(numbers.get(..count)?.iter().map(|bytes| of(*bytes)).collect())
    }
    let values = match element {
        "|b1" | "|u1" => read(data, count, |[byte]| f64::from(byte)),
        "|i1" => read(data, count, |byte| f64::from(i8::from_le_bytes(byte))),
        "<u2" => read(data, count, |bytes| f64::from(u16::from_le_bytes(bytes))),
        "<i2" => read(data, count, |bytes| f64::from(i16::from_le_bytes(bytes))),
        "<u4" => read(data, count, |bytes| f64::from(u32::from_le_bytes(bytes))),
        "<i4" => read(data, count, |bytes| f64::from(i32::from_le_bytes(bytes))),
        "<u8" => read(data, count, |bytes| u64::from_le_bytes(bytes) as f64),
        "<i8" => read(data, count, |bytes| i64::from_le_bytes(bytes) as f64),
        "<f2" => read(data, count, |bytes| half::f16::from_le_bytes(bytes).to_f64()),
        "<f4" => read(data, count, |bytes| f64::from(f32::from_le_bytes(bytes))),
        "<f8" => read(data, count, f64::from_le_bytes),
        other => return Err(NpyFault::Element(other.to_owned())),
    };
    values.ok_or(NpyFault::Truncated)
}

/// From the order in which the first axis runs fastest.
fn row_major(shape: &[usize], values: &[f64]) -> Vec<f64> {
    let source = |at: usize| {
        let (mut rest, mut offset) = (at, 0);
        for (axis, length) in shape.iter().enumerate().rev() {
            offset += rest % length * shape[..axis].iter().product::<usize>();
            rest /= length;
        }
        values[offset]
    };
    (0..values.len()).map(source).collect()
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
    fn arrays_are_read_in_both_orders_and_refused_with_reason() {
        let array = decode(&encode(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.5])).unwrap();
        assert_eq!(array, Array { shape: vec![2, 3], values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.5] });
        assert_eq!(decode(&encode_truths(&[3], &[true, false, true])).unwrap().values, [1.0, 0.0, 1.0]);

        // numpy.asfortranarray(numpy.array([[1, 2, 3], [4, 5, 6]], dtype='<i2')): the columns stand one after another.
        let mut columns = header("<i2", &[2, 3]);
        columns.extend([1_i16, 4, 2, 5, 3, 6].iter().flat_map(|number| number.to_le_bytes()));
        let at = columns.windows(5).position(|text| text == b"False").unwrap();
        columns.splice(at..at + 5, *b"True ");
        assert_eq!(decode(&columns).unwrap().values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);

        assert_eq!(decode(b"PK"), Err(NpyFault::NoArray));
        assert_eq!(decode(&header("|O", &[1])), Err(NpyFault::Element("|O".into())));
        assert_eq!(decode(&header("<f8", &[1])), Err(NpyFault::Truncated));
        assert_eq!(decode(&header("<f8", &[usize::MAX, 2])), Err(NpyFault::NoArray));
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
