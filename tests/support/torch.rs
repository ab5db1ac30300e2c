//! Writes what `torch.save(..., _use_new_zipfile_serialization=False)` writes, byte by byte, so that tests
//! can make files PyTorch would not.

/// `torch.serialization.MAGIC_NUMBER` as pickle protocol 2 writes it.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// Protocol version 1001, then an empty dictionary for the description of the system.
const VERSION_AND_SYSTEM: &[u8] = b"\x80\x02M\xe9\x03.\x80\x02}.";

/// One tensor and the storage it views.
pub struct Saved<'a> {
    pub name: &'a str,
    /// Such as `FloatStorage`.
    pub storage: &'a str,
    pub elements: u32,
    pub bytes: Vec<u8>,
    pub shape: &'a [u32],
    pub strides: &'a [u32],
}

/// A legacy file with `tensors` in one flat dictionary; `extra` is spliced in as further opcodes that leave a
/// key and a value on the stack.
pub fn legacy_file(tensors: &[Saved<'_>], extra: &[u8]) -> Vec<u8> {
    let mut file = [MAGIC, VERSION_AND_SYSTEM, b"\x80\x02}("].concat();
    for (number, tensor) in tensors.iter().enumerate() {
        file.extend(named_tensor(tensor, number));
    }
    file.extend(extra);
    file.extend(b"u.\x80\x02](");
    (0..tensors.len()).for_each(|number| text(&mut file, &number.to_string()));
    file.extend(b"e.");
    for tensor in tensors {
        file.extend(u64::from(tensor.elements).to_le_bytes());
        file.extend(&tensor.bytes);
    }
    file
}

/// The opcodes that leave a tensor's name and the tensor, a view of storage `number`, on the stack.
pub fn named_tensor(tensor: &Saved<'_>, number: usize) -> Vec<u8> {
    let mut file = Vec::new();
    text(&mut file, tensor.name);
    file.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    text(&mut file, "storage");
    file.extend(format!("ctorch\n{}\n", tensor.storage).bytes());
    text(&mut file, &number.to_string());
    text(&mut file, "cpu");
    int(&mut file, tensor.elements);
    file.extend(b"NtQK\x00"); // no view, end of the persistent id, offset 0
    ints(&mut file, tensor.shape);
    ints(&mut file, tensor.strides);
    file.extend(b"\x89ccollections\nOrderedDict\n)RtR");
    file
}

pub fn text(file: &mut Vec<u8>, text: &str) {
    file.push(b'X');
    file.extend((text.len() as u32).to_le_bytes());
    file.extend(text.bytes());
}

fn int(file: &mut Vec<u8>, value: u32) {
    file.push(b'J');
    file.extend(value.to_le_bytes());
}

fn ints(file: &mut Vec<u8>, values: &[u32]) {
    file.push(b'(');
    values.iter().for_each(|value| int(file, *value));
    file.push(b't');
}

/// Row-major strides of a shape.
pub fn contiguous(shape: &[u32]) -> Vec<u32> {
    (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect()
}
