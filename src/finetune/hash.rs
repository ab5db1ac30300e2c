//! Fingerprints, so that a run can tell whether it continues with what it began with.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::vit::weights::Tensor;

use super::error::DataError;

/// SHA-256 of a file, in hex.
///
/// # Errors
/// If the file cannot be read.
pub fn of_file(path: &Path) -> Result<String, DataError> {
    let hash = || -> std::io::Result<String> {
        let mut file = std::fs::File::open(path)?;
        let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(hex(&hasher.finalize()));
            }
            hasher.update(&buffer[..read]);
        }
    };
    hash().map_err(|source| DataError::Read { source, path: path.to_owned() })
}

/// SHA-256 of a model's numbers with their names and shapes, whatever file they came from.
pub fn of_weights(weights: &BTreeMap<String, Tensor>) -> String {
    let mut hasher = Sha256::new();
    for (name, Tensor { shape, data }) in weights {
        hasher.update(name.as_bytes());
        hasher.update([0]);
        shape.iter().for_each(|length| hasher.update((*length as u64).to_le_bytes()));
        data.iter().for_each(|value| hasher.update(value.to_le_bytes()));
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_hash_that_sha256sum_prints() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, b"abc").unwrap();
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_file(&path).unwrap(), expected);
        assert!(of_file(&folder.path().join("none")).unwrap_err().to_string().ends_with("none"));
    }

    #[test]
    fn weights_differ_by_name_shape_and_number() {
        let of = |name: &str, shape: &[usize], data: &[f32]| {
            of_weights(&BTreeMap::from([(name.to_owned(), Tensor { shape: shape.into(), data: data.into() })]))
        };
        let hash = of("a", &[2], &[1.0, 2.0]);
        assert_eq!(hash, of("a", &[2], &[1.0, 2.0]));
        for other in [of("b", &[2], &[1.0, 2.0]), of("a", &[1, 2], &[1.0, 2.0]), of("a", &[2], &[1.0, 3.0])] {
            assert_ne!(hash, other);
        }
    }
}
