//! Bits and Huffman codes of entropy-coded data.

/// Decodes a symbol by looking up the next 16 bits.
pub(super) struct HuffmanTable {
    /// Length of the code and symbol; length 0 where no code begins so.
    lookup: Vec<(u8, u8)>,
}

impl HuffmanTable {
    /// From the number of codes of each length 1…16 and the symbols in order (T.81, annex C).
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut lookup = Vec::with_capacity(1 << 16);
        let mut symbols = symbols.iter();
        for (length, &count) in (1u8..).zip(counts) {
            for symbol in symbols.by_ref().take(usize::from(count)) {
                let end = lookup.len() + (1 << (16 - length));
                if end > 1 << 16 {
                    return None;
                }
                lookup.resize(end, (length, *symbol));
            }
        }
        lookup.resize(1 << 16, (0, 0));
        Some(Self { lookup })
    }
}

/// Reads bits from entropy-coded data, without its stuffed bytes, up to the next marker.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
    buffer: u64,
    available: u32,
    /// Zero bits that were appended because the data had ended; consuming one of them is an error.
    appended: u32,
}

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, buffer: 0, available: 0, appended: 0 }
    }

    fn refill(&mut self) {
        while self.available <= 48 {
            let byte = match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
                (Some(0xff), Some(0)) => {
                    self.at += 2;
                    0xff
                }
                (Some(0xff), _) | (None, _) => {
                    self.appended += 8;
                    0
                }
                (Some(&byte), _) => {
                    self.at += 1;
                    byte
                }
            };
            self.buffer = self.buffer << 8 | u64::from(byte);
            self.available += 8;
        }
    }

    /// The next bits as a number, most significant first; at most 16.
    pub fn take(&mut self, count: u32) -> Option<i32> {
        if self.available < 16 {
            self.refill();
        }
        self.available -= count;
        let bits = (self.buffer >> self.available) & ((1 << count) - 1);
        (self.available >= self.appended).then_some(bits as i32)
    }

    pub fn bit(&mut self) -> Option<bool> {
        Some(self.take(1)? != 0)
    }

    pub fn symbol(&mut self, table: &HuffmanTable) -> Option<u8> {
        if self.available < 16 {
            self.refill();
        }
        let next = (self.buffer >> (self.available - 16)) & 0xffff;
        let (length, symbol) = table.lookup[next as usize];
        self.take(u32::from(length))?;
        (length > 0).then_some(symbol)
    }

    /// A signed number of the given size category (T.81, F.2.2.1: RECEIVE and EXTEND).
    pub fn signed(&mut self, size: u8) -> Option<i32> {
        if size == 0 {
            return Some(0);
        }
        if size > 15 {
            return None;
        }
        let bits = self.take(u32::from(size))?;
        Some(if bits < 1 << (size - 1) { bits - (1 << size) + 1 } else { bits })
    }

    /// Drops the rest of the interval and steps over the restart marker.
    pub fn restart(&mut self) -> Option<()> {
        let marker = self.position_of_marker();
        if !matches!(self.bytes.get(marker..marker + 2)?, [0xff, 0xd0..=0xd7]) {
            return None;
        }
        *self = Self { at: marker + 2, ..Self::new(self.bytes) };
        Some(())
    }

    /// Where the marker stands that ends the data.
    pub fn position_of_marker(&self) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let marker = rest.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff));
        marker.map_or(self.bytes.len(), |distance| self.at + distance)
    }
}
