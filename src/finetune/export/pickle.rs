//! Just enough of Python's pickle, protocol 2, to say what `torch.save` says.

/// Writes opcodes; every method leaves one value on the stack, unless it says otherwise.
#[derive(Default)]
pub struct Pickler {
    bytes: Vec<u8>,
    storages: usize,
}

impl Pickler {
    pub fn new() -> Self {
        Self { bytes: vec![0x80, 2], storages: 0 }
    }

    /// The whole pickle, which returns the value on the stack.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.push(b'.');
        self.bytes
    }

    pub fn text(&mut self, text: &str) {
        self.bytes.push(b'X');
        self.bytes.extend((text.len() as u32).to_le_bytes());
        self.bytes.extend(text.bytes());
    }

    pub fn int(&mut self, value: u64) {
        match u32::try_from(value).ok().filter(|value| *value <= i32::MAX as u32) {
            Some(small) => {
                self.bytes.push(b'J');
                self.bytes.extend(small.to_le_bytes());
            }
            None => {
                // LONG1: eight bytes of two's complement and a ninth, so that the sign stays positive.
                self.bytes.extend([0x8a, 9]);
                self.bytes.extend(value.to_le_bytes());
                self.bytes.push(0);
            }
        }
    }

    pub fn float(&mut self, value: f64) {
        self.bytes.push(b'G');
        self.bytes.extend(value.to_be_bytes());
    }

    pub fn bool(&mut self, value: bool) {
        self.bytes.push(if value { 0x88 } else { 0x89 });
    }

    pub fn none(&mut self) {
        self.bytes.push(b'N');
    }

    fn global(&mut self, module: &str, name: &str) {
        self.bytes.extend(format!("c{module}\n{name}\n").bytes());
    }

    /// A tuple of what `items` pushes.
    pub fn tuple(&mut self, items: impl FnOnce(&mut Self)) {
        self.bytes.push(b'(');
        items(self);
        self.bytes.push(b't');
    }

    /// A list of what `items` pushes.
    pub fn list(&mut self, items: impl FnOnce(&mut Self)) {
        self.bytes.extend(b"](");
        items(self);
        self.bytes.push(b'e');
    }

    /// A dictionary; `items` pushes keys and values in turn.
    pub fn dict(&mut self, items: impl FnOnce(&mut Self)) {
        self.bytes.extend(b"}(");
        items(self);
        self.bytes.push(b'u');
    }

    /// A `collections.OrderedDict`; `items` pushes keys and values in turn.
    pub fn ordered_dict(&mut self, items: impl FnOnce(&mut Self)) {
        self.global("collections", "OrderedDict");
        self.bytes.extend(b")R(");
        items(self);
        self.bytes.push(b'u');
    }

    /// A float tensor, row-major, on a storage of its own; returns the storage's number, the name of the archive's
    /// member below `data/`.
    pub fn tensor(&mut self, shape: &[usize]) -> usize {
        let number = self.storages;
        self.storages += 1;
        let elements: usize = shape.iter().product();
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.tuple(|p| {
            p.tuple(|p| {
                p.text("storage");
                p.global("torch", "FloatStorage");
                p.text(&number.to_string());
                p.text("cpu");
                p.int(elements as u64);
            });
            p.bytes.push(b'Q');
            p.int(0);
            p.tuple(|p| shape.iter().for_each(|length| p.int(*length as u64)));
            p.tuple(|p| (0..shape.len()).for_each(|axis| p.int(shape[axis + 1..].iter().product::<usize>() as u64)));
            p.bool(false);
            p.ordered_dict(|_| {});
        });
        self.bytes.push(b'R');
        number
    }
}
