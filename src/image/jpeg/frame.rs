//! What a frame header declares, and the coefficients that the scans fill in.

use crate::size::Size;

/// One picture: its size in pixels and its colour components.
pub(super) struct Frame {
    pub width: usize,
    pub height: usize,
    pub progressive: bool,
    pub components: Vec<Component>,
}

/// One colour component, possibly at lower resolution.
pub(super) struct Component {
    pub id: u8,
    /// Blocks per minimum coded unit: sampling factors across and down.
    pub across: usize,
    pub down: usize,
    /// Size in samples, without padding.
    pub width: usize,
    pub height: usize,
    /// Blocks per row and column in memory, padded to whole coded units.
    pub blocks_per_row: usize,
    pub blocks_per_column: usize,
    pub quantisation_slot: usize,
    /// The table as it was when the component's first scan began, in natural order.
    pub quantisation: Option<[u16; 64]>,
    /// Coefficients per block in natural order, not yet multiplied.
    pub blocks: Vec<[i16; 64]>,
}

impl Frame {
    pub fn max_across(&self) -> usize {
        self.components.iter().map(|component| component.across).max().unwrap_or(1)
    }

    pub fn max_down(&self) -> usize {
        self.components.iter().map(|component| component.down).max().unwrap_or(1)
    }

    /// Whether the components call themselves red, green and blue, which counts where no marker says otherwise.
    pub fn is_named_rgb(&self) -> bool {
        self.components.iter().map(|component| component.id).eq(*b"RGB")
    }

    /// Reads a frame header (T.81, B.2.2); `None` if it is not an 8-bit grey or three-component picture of this size.
    pub fn read(segment: &[u8], progressive: bool, size: Size) -> Option<Self> {
        let (&[precision, h1, h0, w1, w0, count], rest) = segment.split_first_chunk::<6>()?;
        let height = usize::from(u16::from_be_bytes([h1, h0]));
        let width = usize::from(u16::from_be_bytes([w1, w0]));
        if precision != 8 || height == 0 || width == 0 || size != Size::new(height, width) || !matches!(count, 1 | 3) {
            return None;
        }
        let specifications = rest.get(..3 * usize::from(count))?.chunks_exact(3);
        let factors: Vec<_> = specifications
            .map(|spec| (spec[0], usize::from(spec[1] >> 4), usize::from(spec[1] & 15), usize::from(spec[2])))
            .collect();
        if factors
            .iter()
            .any(|&(_, across, down, slot)| !(1..=4).contains(&across) || !(1..=4).contains(&down) || slot > 3)
        {
            return None;
        }
        let max_across = factors.iter().map(|factor| factor.1).max()?;
        let max_down = factors.iter().map(|factor| factor.2).max()?;
        let units = (width.div_ceil(8 * max_across), height.div_ceil(8 * max_down));
        let components = factors
            .into_iter()
            .map(|(id, across, down, quantisation_slot)| Component {
                id,
                across,
                down,
                width: (width * across).div_ceil(max_across),
                height: (height * down).div_ceil(max_down),
                blocks_per_row: units.0 * across,
                blocks_per_column: units.1 * down,
                quantisation_slot,
                quantisation: None,
                blocks: vec![[0; 64]; units.0 * across * units.1 * down],
            })
            .collect();
        Some(Self { width, height, progressive, components })
    }
}
