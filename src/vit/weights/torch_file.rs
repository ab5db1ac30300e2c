//! Files of `torch.save`: the zip archive of today and the legacy stream of pickles before PyTorch 1.6.
//!
//! Both hold a pickle that describes tensors as views of storages, and the storages as raw bytes.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufReader, Read, Seek, SeekFrom};

use zip::CompressionMethod;

use super::error::Problem;
use super::pickle::{self, Pickle, PickledTensor, Ref, Value, damaged};
use super::pickle_globals::StorageType;
use super::report::Container;
use super::source::{Entry, Members, Order, ReadSeek, TensorFile, amplifies, byte_length};

/// Where the weights lie in a training checkpoint: RobustViT and timm, DeiT and MAE, DINO.
const WRAPPERS: [&str; 3] = ["state_dict", "model", "teacher"];
/// First pickle of a legacy file, `torch.serialization.MAGIC_NUMBER` 0x1950a86a20f9469cfc6c.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// `torch.serialization.PROTOCOL_VERSION`.
const LEGACY_PROTOCOL: i64 = 1001;
/// Tied weights exist, but a file that is mostly ties does not.
const MOST_SHARING: u64 = 2;

/// First byte and length of each storage.
type Storages = HashMap<String, (u64, u64)>;

/// Opens a zip archive that `torch.save` wrote.
pub(super) fn open_zip<'a>(mut archive: zip::ZipArchive<Box<dyn ReadSeek + 'a>>) -> Result<TensorFile<'a>, Problem> {
    let mut members = Storages::new();
    for index in 0..archive.len() {
        let file = archive.by_index(index)?;
        let start = file.data_start().ok_or(Problem::Truncated)?;
        if file.compression() != CompressionMethod::Stored || file.size() != file.compressed_size() {
            return Err(Problem::Zip("PyTorch stores its members uncompressed, this one is packed".into()));
        }
        members.insert(file.name()?.into_owned(), (start, file.size()));
    }
    let mut file = archive.into_inner();
    let file_length = byte_length(&mut *file)?;
    let (folder, pickle_at) = members
        .iter()
        .find_map(|(name, at)| name.strip_suffix("data.pkl").map(|folder| (folder.to_owned(), *at)))
        .ok_or_else(|| Problem::Zip("it holds neither data.pkl nor .npy members".into()))?;
    if let Some(at) = members.get(&format!("{folder}byteorder")) {
        let order = bytes_at(&mut *file, *at)?;
        if order != b"little" {
            return Err(damaged("numbers in big-endian order"));
        }
    }
    file.seek(SeekFrom::Start(pickle_at.0))?;
    let pickle = pickle::read(&mut BufReader::new((&mut file).take(pickle_at.1)))?;
    let storages: Storages = members
        .into_iter()
        .filter_map(|(name, at)| Some((name.strip_prefix(&format!("{folder}data/"))?.to_owned(), at)))
        .collect();
    assemble(Container::PytorchZip, file, file_length, &pickle, &storages)
}

fn bytes_at(file: &mut dyn ReadSeek, (start, length): (u64, u64)) -> Result<Vec<u8>, Problem> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a legacy file: magic number, protocol version, system, weights, storage keys (one pickle each),
/// then every storage as an 8-byte count and its elements.
pub(super) fn open_legacy<'a>(mut file: Box<dyn ReadSeek + 'a>) -> Result<TensorFile<'a>, Problem> {
    let file_length = byte_length(&mut *file)?;
    file.seek(SeekFrom::Start(0))?;
    let mut input = BufReader::new(&mut file);
    if *pickle::read(&mut input)?.root() != Value::Long(LEGACY_MAGIC.to_vec()) {
        return Err(damaged("a plain pickle that torch.save did not write"));
    }
    if *pickle::read(&mut input)?.root() != Value::Int(LEGACY_PROTOCOL) {
        return Err(damaged("an unknown version of the legacy format"));
    }
    pickle::read(&mut input)?;
    let weights = pickle::read(&mut input)?;
    let keys = pickle::read(&mut input)?;
    let Value::List(key_list) = keys.root() else {
        return Err(damaged("no list of storages"));
    };
    let element_types = element_types(&weights);
    let mut storages = Storages::new();
    for key in key_list {
        let key = keys.text(*key).ok_or_else(|| damaged("a storage without a name"))?;
        let element = element_types.get(key).ok_or_else(|| damaged("a storage that no tensor uses"))?;
        let mut count = [0u8; 8];
        input.read_exact(&mut count)?;
        let start = input.stream_position()?;
        let length = u64::from_le_bytes(count).checked_mul(element.bytes() as u64).ok_or(Problem::Truncated)?;
        if length > file_length.saturating_sub(start) {
            return Err(Problem::Truncated);
        }
        input.seek_relative(i64::try_from(length).map_err(|_| Problem::Truncated)?)?;
        storages.insert(key.to_owned(), (start, length));
    }
    drop(input);
    assemble(Container::PytorchLegacy, file, file_length, &weights, &storages)
}

fn element_types(pickle: &Pickle) -> HashMap<&str, StorageType> {
    let storages = pickle.values.iter().filter_map(|value| match value {
        Value::Storage(storage) => Some((&*storage.key, storage.element)),
        _ => None,
    });
    storages.collect()
}

fn assemble<'a>(
    container: Container,
    file: Box<dyn ReadSeek + 'a>,
    file_length: u64,
    pickle: &Pickle,
    storages: &Storages,
) -> Result<TensorFile<'a>, Problem> {
    let weights = Weights::find(pickle)?;
    let mut entries = BTreeMap::new();
    let mut ignored = weights.ignored;
    for (name, value) in weights.items {
        let Value::Tensor(tensor) = pickle.get(value) else {
            ignored.push(name);
            continue;
        };
        let StorageType::Float(element) = tensor.storage.element else {
            ignored.push(format!("{name} (integers)"));
            continue;
        };
        let (start, length) = storages.get(&*tensor.storage.key).ok_or(Problem::Truncated)?;
        let needed = tensor.storage.elements.checked_mul(element.bytes()).ok_or(Problem::Truncated)? as u64;
        if needed > *length || start.checked_add(*length).is_none_or(|end| end > file_length) {
            return Err(Problem::Truncated);
        }
        let offset = start + (tensor.offset * element.bytes()) as u64;
        entries
            .insert(name, Entry { shape: tensor.shape.clone(), element, order: order_of(tensor), member: 0, offset });
    }
    if amplifies(&entries, MOST_SHARING, file_length) {
        return Err(damaged("tensors that share their numbers many times over"));
    }
    Ok(TensorFile { container, entries, ignored, wrapper: weights.wrapper, members: Members::Files(vec![file]) })
}

fn order_of(tensor: &PickledTensor) -> Order {
    let mut step = 1usize;
    let contiguous = tensor.shape.iter().zip(&tensor.strides).rev().all(|(n, stride)| {
        let here = step;
        step = step.saturating_mul(*n);
        *n == 1 || *stride == here
    });
    if contiguous { Order::RowMajor } else { Order::Strides(tensor.strides.clone()) }
}

/// The dictionary that holds the weights, with what stands beside it.
struct Weights {
    wrapper: Option<String>,
    items: BTreeMap<String, Ref>,
    ignored: Vec<String>,
}

impl Weights {
    fn find(pickle: &Pickle) -> Result<Self, Problem> {
        let items = dictionary(pickle, pickle.root).ok_or_else(|| damaged("no dictionary of tensors"))?;
        for wrapper in WRAPPERS {
            if let Some(inner) = items.get(wrapper).and_then(|value| dictionary(pickle, *value)) {
                let ignored = items.into_keys().filter(|key| *key != wrapper).map(str::to_owned).collect();
                return Ok(Self { wrapper: Some(wrapper.to_owned()), items: owned(inner), ignored });
            }
        }
        Ok(Self { wrapper: None, items: owned(items), ignored: Vec::new() })
    }
}

/// Borrowed keys: a file may name one long key any number of times.
fn dictionary(pickle: &Pickle, at: Ref) -> Option<BTreeMap<&str, Ref>> {
    let Value::Dict(items) = pickle.get(at) else {
        return None;
    };
    Some(items.iter().filter_map(|(key, value)| Some((pickle.text(*key)?, *value))).collect())
}

fn owned(items: BTreeMap<&str, Ref>) -> BTreeMap<String, Ref> {
    items.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
