//! A file of named tensors, whatever its container: a table of contents, and a reader for one tensor at a time.
//!
//! Nothing is mapped or read as a whole, so that loading needs the memory of the f32 weights and one more tensor.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

use super::error::Problem;
use super::report::Container;

/// Anything with bytes at positions: a file, or a slice in memory.
pub(super) trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// Floating point types that weights are stored in, little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F16,
    Bf16,
    F32,
    F64,
}

/// How the elements of a tensor follow each other in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Order {
    RowMajor,
    /// NumPy's `fortran_order`: the first axis runs fastest.
    ColumnMajor,
    /// Steps between neighbours along each axis, in elements (PyTorch views).
    Strides(Vec<usize>),
}

/// Where one tensor lies.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub shape: Vec<usize>,
    pub element: Element,
    pub order: Order,
    /// Number of the file (shards) or archive member (npz) that holds it.
    pub member: usize,
    /// First byte of the tensor within that member.
    pub offset: u64,
}

/// An opened weight file.
pub(super) struct TensorFile<'a> {
    pub container: Container,
    pub entries: BTreeMap<String, Entry>,
    /// What the file holds besides floating point tensors.
    pub ignored: Vec<String>,
    /// The key of the dictionary that held the weights (`model`, `state_dict`, `teacher`).
    pub wrapper: Option<String>,
    pub members: Members<'a>,
}

/// The bytes behind the entries.
pub(super) enum Members<'a> {
    Files(Vec<Box<dyn ReadSeek + 'a>>),
    Archive(Box<zip::ZipArchive<Box<dyn ReadSeek + 'a>>>),
}

impl Element {
    pub fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    fn decode(self, bytes: &[u8], out: &mut Vec<f32>) {
        match self {
            Self::F16 => out.extend(bytes.as_chunks().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f32())),
            Self::Bf16 => out.extend(bytes.as_chunks().0.iter().map(|b| half::bf16::from_le_bytes(*b).to_f32())),
            Self::F32 => out.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b))),
            Self::F64 => out.extend(bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32)),
        }
    }
}

impl Entry {
    /// Number of elements; the openers have checked that it does not overflow.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Elements from the first to the last one used, gaps of a view included.
    fn span(&self) -> usize {
        match &self.order {
            Order::Strides(_) if self.elements() == 0 => 0,
            Order::Strides(strides) => 1 + self.shape.iter().zip(strides).map(|(n, s)| (n - 1) * s).sum::<usize>(),
            _ => self.elements(),
        }
    }

    fn strides(&self) -> Option<Vec<usize>> {
        match &self.order {
            Order::RowMajor => None,
            Order::Strides(strides) => Some(strides.clone()),
            Order::ColumnMajor => {
                let next = |step: &mut usize, n: &usize| {
                    let here = *step;
                    *step *= n;
                    Some(here)
                };
                Some(self.shape.iter().scan(1, next).collect())
            }
        }
    }
}

impl TensorFile<'_> {
    /// Appends the elements of `entry` to `out`, row-major and as f32.
    pub fn append(&mut self, entry: &Entry, out: &mut Vec<f32>) -> Result<(), Problem> {
        let Some(strides) = entry.strides() else {
            return self.append_span(entry, out);
        };
        let mut stored = Vec::new();
        self.append_span(entry, &mut stored)?;
        gather(&stored, &entry.shape, &strides, out);
        Ok(())
    }

    fn append_span(&mut self, entry: &Entry, out: &mut Vec<f32>) -> Result<(), Problem> {
        match &mut self.members {
            Members::Files(files) => {
                let file = files.get_mut(entry.member).ok_or(Problem::Truncated)?;
                file.seek(SeekFrom::Start(entry.offset))?;
                read_elements(file, entry.element, entry.span(), out)
            }
            Members::Archive(archive) => {
                let mut member = archive.by_index(entry.member)?;
                std::io::copy(&mut (&mut member).take(entry.offset), &mut std::io::sink())?;
                read_elements(&mut member, entry.element, entry.span(), out)
            }
        }
    }
}

/// Reads `count` elements through a small buffer.
fn read_elements(reader: &mut dyn Read, element: Element, count: usize, out: &mut Vec<f32>) -> Result<(), Problem> {
    const BUFFER: usize = 1 << 16;
    let mut buffer = vec![0u8; BUFFER];
    out.reserve(count);
    let mut bytes_left = count * element.bytes();
    while bytes_left > 0 {
        let chunk = &mut buffer[..bytes_left.min(BUFFER)];
        reader.read_exact(chunk)?;
        element.decode(chunk, out);
        bytes_left -= chunk.len();
    }
    Ok(())
}

/// Appends the elements that `strides` pick from `stored` in row-major order.
fn gather(stored: &[f32], shape: &[usize], strides: &[usize], out: &mut Vec<f32>) {
    match (shape, strides) {
        ([n, inner @ ..], [step, inner_strides @ ..]) => {
            for i in 0..*n {
                gather(stored.get(i * step..).unwrap_or_default(), inner, inner_strides, out);
            }
        }
        _ => out.extend(stored.first()),
    }
}

/// Product of a declared shape, `None` on overflow.
pub(super) fn checked_elements(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, n| product.checked_mul(*n))
}

/// Whether the tensors take more than `factor` times the bytes of their file.
///
/// Views may share a storage and archive members may overlap or be packed: without a bound, a small file
/// could ask for any amount of memory.
pub(super) fn amplifies(entries: &BTreeMap<String, Entry>, factor: u64, file_length: u64) -> bool {
    let bytes = entries.values().map(|entry| (entry.elements() * entry.element.bytes()) as u64);
    bytes.fold(0, u64::saturating_add) > file_length.saturating_mul(factor)
}

/// Length of a file in bytes.
pub(super) fn byte_length(file: &mut dyn ReadSeek) -> Result<u64, Problem> {
    Ok(file.seek(SeekFrom::End(0))?)
}
