//! Entropy-coded scans: sequential and the four kinds of progressive ones.

use super::bits::{BitReader, HuffmanTable};
use super::frame::Frame;
use super::headers::ZIGZAG;

/// A component's part in a scan.
pub(super) struct ScanComponent<'a> {
    pub index: usize,
    pub dc: Option<&'a HuffmanTable>,
    pub ac: Option<&'a HuffmanTable>,
}

/// A scan: which coefficients (`first…last`) and which bits of them (successive approximation, `high` → `low`).
pub(super) struct Scan<'a> {
    pub components: Vec<ScanComponent<'a>>,
    pub first: usize,
    pub last: usize,
    pub high: u8,
    pub low: u8,
    pub restart_interval: usize,
}

/// What is carried from block to block, forgotten at a restart marker.
#[derive(Default)]
struct Carried {
    /// The last DC value per component of the scan.
    dc: [i32; 4],
    /// Blocks left in a run of blocks that end here (progressive).
    end_of_band_run: i32,
}

impl Scan<'_> {
    /// Decodes the scan into the frame; returns the number of bytes it took.
    pub fn decode(&self, data: &[u8], frame: &mut Frame) -> Option<usize> {
        if self.last > 63 || self.first > self.last || self.low > 13 || self.components.len() > 4 {
            return None;
        }
        // Runs of blocks and corrections belong to one component (T.81, G.1.1.1.1).
        if frame.progressive && self.first > 0 && self.components.len() != 1 {
            return None;
        }
        let mut bits = BitReader::new(data);
        let mut carried = Carried::default();
        let (units_per_row, units) = self.units(frame)?;
        for unit in 0..units {
            if self.restart_interval > 0 && unit > 0 && unit % self.restart_interval == 0 {
                bits.restart()?;
                carried = Carried::default();
            }
            let (row, column) = (unit / units_per_row, unit % units_per_row);
            for (slot, part) in self.components.iter().enumerate() {
                let component = frame.components.get_mut(part.index)?;
                // A scan of a single component goes block by block, whatever its sampling factors.
                let (down, across) =
                    if self.components.len() == 1 { (1, 1) } else { (component.down, component.across) };
                for (y, x) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
                    let position = (row * down + y) * component.blocks_per_row + column * across + x;
                    let block = component.blocks.get_mut(position)?;
                    if frame.progressive {
                        self.progressive_block(block, part, slot, &mut bits, &mut carried)?;
                    } else {
                        sequential_block(block, part, &mut carried.dc[slot], &mut bits)?;
                    }
                }
            }
        }
        Some(bits.position_of_marker())
    }

    /// Coded units per row and in all.
    fn units(&self, frame: &Frame) -> Option<(usize, usize)> {
        let (per_row, rows) = match self.components.as_slice() {
            [] => return None,
            [only] => {
                let component = &frame.components[only.index];
                (component.width.div_ceil(8), component.height.div_ceil(8))
            }
            _ => (frame.width.div_ceil(8 * frame.max_across()), frame.height.div_ceil(8 * frame.max_down())),
        };
        Some((per_row, per_row * rows))
    }

    fn progressive_block(
        &self,
        block: &mut [i16; 64],
        part: &ScanComponent<'_>,
        slot: usize,
        bits: &mut BitReader<'_>,
        carried: &mut Carried,
    ) -> Option<()> {
        match (self.first, self.high) {
            (0, 0) => {
                let size = bits.symbol(part.dc?)?;
                carried.dc[slot] = carried.dc[slot].wrapping_add(bits.signed(size)?);
                block[0] = (carried.dc[slot] << self.low) as i16;
            }
            (0, _) => block[0] |= i16::from(bits.bit()?) << self.low,
            (_, 0) => self.first_bits(block, part.ac?, bits, &mut carried.end_of_band_run)?,
            _ => self.further_bits(block, part.ac?, bits, &mut carried.end_of_band_run)?,
        }
        Some(())
    }

    /// The upper bits of AC coefficients (T.81, G.1.2.2).
    fn first_bits(
        &self,
        block: &mut [i16; 64],
        table: &HuffmanTable,
        bits: &mut BitReader<'_>,
        end_of_band_run: &mut i32,
    ) -> Option<()> {
        if *end_of_band_run > 0 {
            *end_of_band_run -= 1;
            return Some(());
        }
        let mut k = self.first;
        while k <= self.last {
            let symbol = bits.symbol(table)?;
            let (run, size) = (symbol >> 4, symbol & 15);
            if size == 0 && run < 15 {
                *end_of_band_run = (1 << run) - 1 + bits.take(u32::from(run))?;
                break;
            }
            k += usize::from(run);
            if size > 0 {
                *block.get_mut(*ZIGZAG.get(k)?)? = (bits.signed(size)? << self.low) as i16;
            }
            k += 1;
        }
        Some(())
    }

    /// One more bit of AC coefficients: new ones of ±1, and corrections of those that are there (T.81, G.1.2.3).
    fn further_bits(
        &self,
        block: &mut [i16; 64],
        table: &HuffmanTable,
        bits: &mut BitReader<'_>,
        end_of_band_run: &mut i32,
    ) -> Option<()> {
        let mut k = self.first;
        if *end_of_band_run == 0 {
            while k <= self.last {
                let symbol = bits.symbol(table)?;
                let (run, size) = (symbol >> 4, symbol & 15);
                let mut fresh = 0;
                if size > 0 {
                    fresh = if bits.bit()? { 1 << self.low } else { -1 << self.low };
                } else if run < 15 {
                    *end_of_band_run = (1 << run) + bits.take(u32::from(run))?;
                    break;
                }
                k = self.correct(block, k, Some(run), bits)?;
                if fresh != 0 && k <= self.last {
                    block[ZIGZAG[k]] = fresh;
                }
                k += 1;
            }
        }
        if *end_of_band_run > 0 {
            self.correct(block, k, None, bits)?;
            *end_of_band_run -= 1;
        }
        Some(())
    }

    /// Corrects coefficients from `k` on, until `zeros` empty ones were passed and the next empty one is met;
    /// returns where that is.
    fn correct(
        &self,
        block: &mut [i16; 64],
        mut k: usize,
        zeros: Option<u8>,
        bits: &mut BitReader<'_>,
    ) -> Option<usize> {
        let mut left = zeros;
        while k <= self.last {
            let coefficient = &mut block[ZIGZAG[k]];
            if *coefficient != 0 {
                let step = 1 << self.low;
                if bits.bit()? && *coefficient & step == 0 {
                    *coefficient = coefficient.wrapping_add(if *coefficient > 0 { step } else { -step });
                }
            } else if let Some(count) = &mut left {
                if *count == 0 {
                    break;
                }
                *count -= 1;
            }
            k += 1;
        }
        Some(k)
    }
}

/// A whole block (T.81, F.2.2).
fn sequential_block(
    block: &mut [i16; 64],
    part: &ScanComponent<'_>,
    last_dc: &mut i32,
    bits: &mut BitReader<'_>,
) -> Option<()> {
    let (dc, ac) = (part.dc?, part.ac?);
    let size = bits.symbol(dc)?;
    *last_dc = last_dc.wrapping_add(bits.signed(size)?);
    block[0] = *last_dc as i16;
    let mut k = 1;
    while k < 64 {
        let symbol = bits.symbol(ac)?;
        let (run, size) = (usize::from(symbol >> 4), symbol & 15);
        if size == 0 && run < 15 {
            break;
        }
        k += run;
        if size > 0 {
            block[*ZIGZAG.get(k)?] = bits.signed(size)? as i16;
        }
        k += 1;
    }
    Some(())
}
