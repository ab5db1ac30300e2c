//! safetensors files, single and sharded. The header is checked by the `safetensors` crate; the tensors are
//! read one by one, because the crate's own view wants the whole file in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, SeekFrom};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::Deserialize;

use super::error::Problem;
use super::report::Container;
use super::source::{Element, Entry, Members, Order, ReadSeek, TensorFile, byte_length};

/// The limit of the format's own implementation.
const LONGEST_HEADER: u64 = 100_000_000;

/// Opens one safetensors file.
pub(super) fn open<'a>(mut file: Box<dyn ReadSeek + 'a>) -> Result<TensorFile<'a>, Problem> {
    let contents = table_of_contents(&mut *file, 0)?;
    Ok(TensorFile {
        container: Container::Safetensors,
        entries: contents.entries,
        ignored: contents.ignored,
        wrapper: None,
        members: Members::Files(vec![file]),
    })
}

#[derive(Default)]
struct Contents {
    entries: BTreeMap<String, Entry>,
    ignored: Vec<String>,
}

fn table_of_contents(file: &mut dyn ReadSeek, member: usize) -> Result<Contents, Problem> {
    let file_length = byte_length(file)?;
    file.seek(SeekFrom::Start(0))?;
    let mut length = [0u8; 8];
    file.read_exact(&mut length)?;
    let header_length = u64::from_le_bytes(length);
    if header_length > LONGEST_HEADER || header_length > file_length.saturating_sub(8) {
        return Err(Problem::Truncated);
    }
    let mut header = Vec::new();
    file.take(header_length).read_to_end(&mut header)?;
    let metadata: Metadata = serde_json::from_slice(&header).map_err(|e| Problem::Safetensors(e.to_string()))?;
    if (metadata.data_len() as u64) != file_length - 8 - header_length {
        return Err(Problem::Truncated);
    }
    let mut contents = Contents::default();
    for (name, info) in metadata.tensors() {
        let element = match info.dtype {
            Dtype::F16 => Element::F16,
            Dtype::BF16 => Element::Bf16,
            Dtype::F32 => Element::F32,
            Dtype::F64 => Element::F64,
            other => {
                contents.ignored.push(format!("{name} ({other})"));
                continue;
            }
        };
        let offset = 8 + header_length + info.data_offsets.0 as u64;
        let entry = Entry { shape: info.shape.clone(), element, order: Order::RowMajor, member, offset };
        contents.entries.insert(name, entry);
    }
    Ok(contents)
}

#[derive(Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

/// Opens the shards that a `*.safetensors.index.json` names; they must lie beside it.
pub(super) fn open_sharded(index: &Path) -> Result<TensorFile<'static>, Problem> {
    let text = std::fs::read_to_string(index)?;
    let map: ShardIndex = serde_json::from_str(&text).map_err(|e| Problem::ShardIndex(e.to_string()))?;
    let folder = index.parent().unwrap_or(Path::new("."));
    let mut shards: Vec<&String> = map.weight_map.values().collect();
    shards.sort_unstable();
    shards.dedup();
    let mut files: Vec<Box<dyn ReadSeek>> = Vec::new();
    let mut all = Contents::default();
    for shard in shards {
        // A name, never a path: an index must not reach outside its folder.
        if shard.contains(['/', '\\', ':']) || shard == ".." {
            return Err(Problem::ShardIndex(format!("`{shard}` is not a plain file name")));
        }
        let file = File::open(folder.join(shard))
            .map_err(|e| Problem::ShardIndex(format!("shard {shard} cannot be opened, {e}")))?;
        let mut file = BufReader::new(file);
        let contents = table_of_contents(&mut file, files.len())?;
        all.ignored.extend(contents.ignored);
        all.entries.extend(contents.entries.into_iter().filter(|(name, _)| map.weight_map.get(name) == Some(shard)));
        files.push(Box::new(file));
    }
    if let Some(lost) = map.weight_map.keys().find(|name| !all.entries.contains_key(*name) && !is_listed(&all, name)) {
        return Err(Problem::ShardIndex(format!("no shard holds {lost}")));
    }
    Ok(TensorFile {
        container: Container::ShardedSafetensors,
        entries: all.entries,
        ignored: all.ignored,
        wrapper: None,
        members: Members::Files(files),
    })
}

fn is_listed(contents: &Contents, name: &str) -> bool {
    contents.ignored.iter().any(|ignored| ignored.split(' ').next() == Some(name))
}
