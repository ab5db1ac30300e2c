//! Walks the marker segments and hands each scan its tables.

use super::bits::HuffmanTable;
use super::frame::Frame;
use super::scan::{Scan, ScanComponent};
use crate::size::Size;

/// Natural position of each coefficient in the order in which they are coded (T.81, figure A.6).
pub(super) const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// Progressive files have about ten scans; each costs a walk over the whole picture, however short it is.
const MOST_SCANS: usize = 500;

/// The tables in force, replaced as the file goes on.
#[derive(Default)]
struct Tables {
    quantisation: [Option<[u16; 64]>; 4],
    dc: [Option<HuffmanTable>; 4],
    ac: [Option<HuffmanTable>; 4],
    restart_interval: usize,
}

/// Reads all scans into the coefficients of the frame, which must be of this size.
pub(super) fn read(bytes: &[u8], size: Size) -> Option<Frame> {
    let mut tables = Tables::default();
    let mut frame: Option<Frame> = None;
    let mut scans = 0;
    // By JFIF or Adobe's marker; without either, the names of the components tell.
    let mut is_ycc = false;
    let mut at = 2;
    loop {
        let marker = loop {
            match bytes.get(at..at + 2)? {
                [0xff, marker @ 1..=0xfe] => break *marker,
                _ => at += 1,
            }
        };
        at += 2;
        if marker == 0xd9 {
            return frame.filter(|frame| is_ycc || !frame.is_named_rgb());
        }
        if matches!(marker, 0x01 | 0xd0..=0xd7) {
            continue;
        }
        let length = usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        let segment = bytes.get(at + 2..at + length)?;
        at += length;
        match marker {
            0xdb => read_quantisation(segment, &mut tables)?,
            0xc4 => read_huffman(segment, &mut tables)?,
            0xdd => tables.restart_interval = usize::from(u16::from_be_bytes(*segment.first_chunk()?)),
            // Sequential (baseline and extended) and progressive; one frame per file.
            0xc0..=0xc2 if frame.is_none() => frame = Some(Frame::read(segment, marker == 0xc2, size)?),
            // Lossless, hierarchical and arithmetic coding.
            0xc0..=0xcf => return None,
            // Adobe's marker with any transform but YCbCr.
            0xee if segment.starts_with(b"Adobe") && segment.get(11) != Some(&1) => return None,
            0xe0 if segment.starts_with(b"JFIF\0") => is_ycc = true,
            0xee if segment.starts_with(b"Adobe") => is_ycc = true,
            0xda if scans == MOST_SCANS => return None,
            0xda => {
                scans += 1;
                at += read_scan(segment, bytes.get(at..)?, frame.as_mut()?, &tables)?;
            }
            _ => {}
        }
    }
}

fn read_quantisation(mut segment: &[u8], tables: &mut Tables) -> Option<()> {
    while let Some((&head, rest)) = segment.split_first() {
        let wide = head >> 4 != 0;
        let (coded, rest) = rest.split_at_checked(if wide { 128 } else { 64 })?;
        let mut table = [0; 64];
        for (i, &natural) in ZIGZAG.iter().enumerate() {
            table[natural] =
                if wide { u16::from_be_bytes([coded[2 * i], coded[2 * i + 1]]) } else { u16::from(coded[i]) };
        }
        *tables.quantisation.get_mut(usize::from(head & 15))? = Some(table);
        segment = rest;
    }
    Some(())
}

fn read_huffman(mut segment: &[u8], tables: &mut Tables) -> Option<()> {
    while let Some((&head, rest)) = segment.split_first() {
        let (counts, rest) = rest.split_first_chunk::<16>()?;
        let (symbols, rest) = rest.split_at_checked(counts.iter().map(|&count| usize::from(count)).sum())?;
        let class = if head >> 4 == 0 { &mut tables.dc } else { &mut tables.ac };
        *class.get_mut(usize::from(head & 15))? = Some(HuffmanTable::new(counts, symbols)?);
        segment = rest;
    }
    Some(())
}

/// Decodes one scan; returns how many bytes of entropy-coded data it took.
fn read_scan(header: &[u8], data: &[u8], frame: &mut Frame, tables: &Tables) -> Option<usize> {
    let (&count, rest) = header.split_first()?;
    let (selectors, rest) = rest.split_at_checked(2 * usize::from(count))?;
    let &[first, last, approximation] = rest.first_chunk()?;
    let mut components = Vec::new();
    for selector in selectors.chunks_exact(2) {
        let index = frame.components.iter().position(|component| component.id == selector[0])?;
        let component = &mut frame.components[index];
        if component.quantisation.is_none() {
            component.quantisation = tables.quantisation[component.quantisation_slot];
        }
        let dc = tables.dc.get(usize::from(selector[1] >> 4))?.as_ref();
        let ac = tables.ac.get(usize::from(selector[1] & 15))?.as_ref();
        components.push(ScanComponent { index, dc, ac });
    }
    let scan = Scan {
        components,
        first: usize::from(first),
        last: usize::from(last),
        high: approximation >> 4,
        low: approximation & 15,
        restart_interval: tables.restart_interval,
    };
    scan.decode(data, frame)
}
