//! NumPy archives: a zip of `.npy` members, stored or deflated.
//!
//! The `.npy` header is read here and not by a crate, because it comes from strangers: the readers at hand
//! multiply the declared shape unchecked and parse arbitrarily nested Python literals recursively.

use std::collections::BTreeMap;
use std::io::Read;

use super::error::Problem;
use super::report::Container;
use super::source::{Element, Entry, Members, Order, ReadSeek, TensorFile, amplifies, checked_elements};

/// Trained weights hardly shrink under deflate; what claims to have shrunk more than this is a bomb.
const BEST_COMPRESSION: u64 = 64;
/// NumPy writes 118 bytes for anything but structured types.
const LONGEST_HEADER: usize = 4096;

pub(super) fn open<'a>(
    mut archive: zip::ZipArchive<Box<dyn ReadSeek + 'a>>,
    archive_length: u64,
) -> Result<TensorFile<'a>, Problem> {
    let mut entries = BTreeMap::new();
    let mut ignored = Vec::new();
    for member in 0..archive.len() {
        let mut file = archive.by_index(member)?;
        let file_name = file.name()?.into_owned();
        let Some(name) = file_name.strip_suffix(".npy") else {
            ignored.push(file_name);
            continue;
        };
        let size = file.size();
        let header = Header::read(&mut file).map_err(|problem| match problem {
            Problem::Npz(reason) => Problem::Npz(format!("{name}: {reason}")),
            other => other,
        })?;
        let Some(element) = header.element else {
            ignored.push(name.to_owned());
            continue;
        };
        let bytes = checked_elements(&header.shape).and_then(|n| n.checked_mul(element.bytes()));
        if bytes.and_then(|b| (b as u64).checked_add(header.length)) != Some(size) {
            return Err(Problem::Npz(format!(
                "{name} holds {size} bytes, not what its shape {:?} needs",
                header.shape
            )));
        }
        let order = if header.column_major { Order::ColumnMajor } else { Order::RowMajor };
        entries.insert(name.to_owned(), Entry { shape: header.shape, element, order, member, offset: header.length });
    }
    if amplifies(&entries, BEST_COMPRESSION, archive_length) {
        return Err(Problem::Npz("it declares far more data than it holds".into()));
    }
    Ok(TensorFile {
        container: Container::Npz,
        entries,
        ignored,
        wrapper: None,
        members: Members::Archive(Box::new(archive)),
    })
}

struct Header {
    /// `None` for integers, strings and objects.
    element: Option<Element>,
    shape: Vec<usize>,
    column_major: bool,
    /// Bytes before the data.
    length: u64,
}

impl Header {
    /// Magic, version, length, then a Python dictionary:
    /// `{'descr': '<f4', 'fortran_order': False, 'shape': (8, 8, 3, 48), }`.
    fn read(file: &mut dyn Read) -> Result<Self, Problem> {
        let mut start = [0u8; 8];
        file.read_exact(&mut start)?;
        let (length_bytes, version) = match start {
            [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _] => (2, 1),
            [0x93, b'N', b'U', b'M', b'P', b'Y', version @ 2..=3, _] => (4, version),
            _ => return Err(Problem::Npz("not an .npy member".into())),
        };
        let mut length = [0u8; 4];
        file.read_exact(&mut length[..length_bytes])?;
        let length = u32::from_le_bytes(length) as usize;
        if length > LONGEST_HEADER {
            return Err(Problem::Npz(format!("a header of {length} bytes (version {version})")));
        }
        let mut text = vec![0u8; length];
        file.read_exact(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        let descr = value_of(&text, "descr").and_then(|v| v.strip_prefix('\'')).and_then(|v| v.split('\'').next());
        let column_major = value_of(&text, "fortran_order").map(|v| v.starts_with("True"));
        let shape = value_of(&text, "shape").and_then(parse_shape);
        let (Some(column_major), Some(shape)) = (column_major, shape) else {
            return Err(Problem::Npz("an unreadable header".into()));
        };
        let element = match descr {
            Some("<f2") => Some(Element::F16),
            Some("<f4") => Some(Element::F32),
            Some("<f8") => Some(Element::F64),
            // NumPy has no bfloat16; JAX saves it as two raw bytes.
            Some("|V2") => Some(Element::Bf16),
            _ => None,
        };
        Ok(Self { element, shape, column_major, length: (8 + length_bytes + length) as u64 })
    }
}

fn value_of<'t>(dictionary: &'t str, key: &str) -> Option<&'t str> {
    let (_, after) = dictionary.split_once(&format!("'{key}':"))?;
    Some(after.trim_start())
}

fn parse_shape(text: &str) -> Option<Vec<usize>> {
    let (inside, _) = text.strip_prefix('(')?.split_once(')')?;
    inside.split(',').map(str::trim).filter(|n| !n.is_empty()).map(|n| n.parse().ok()).collect()
}
