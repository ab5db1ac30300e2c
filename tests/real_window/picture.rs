//! Pictures of the screen and what can be said about them.

use std::path::PathBuf;

use image::{Rgb, RgbImage};

/// A rectangle of the screen in pixels.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

/// The screen at one moment.
#[derive(Clone, PartialEq)]
pub struct Picture(RgbImage);

impl Picture {
    /// Reads the screen as Xvfb keeps it: an X Window Dump of true-colour pixels in four bytes each.
    /// The header (`X11/XWDFile.h`) has 25 big-endian numbers; after `header_size` bytes come `ncolors` entries of
    /// 12 bytes, then the rows.
    pub fn from_xwd(bytes: &[u8]) -> Self {
        const LEAST_SIGNIFICANT_FIRST: usize = 0;
        let header = |index: usize| u32::from_be_bytes(bytes[4 * index..][..4].try_into().unwrap()) as usize;
        let (header_size, width, height) = (header(0), header(4), header(5));
        let (byte_order, bits_per_pixel, bytes_per_line, colours) = (header(7), header(11), header(12), header(19));
        assert_eq!((byte_order, bits_per_pixel), (LEAST_SIGNIFICANT_FIRST, 32), "unknown kind of screen");
        let pixels = &bytes[header_size + 12 * colours..];
        Self(RgbImage::from_fn(width as u32, height as u32, |x, y| {
            let at = y as usize * bytes_per_line + 4 * x as usize;
            Rgb([pixels[at + 2], pixels[at + 1], pixels[at]])
        }))
    }

    /// Writes `NAME.png` for people to look at.
    pub fn keep(&self, name: &str) {
        let folder = std::env::var_os("VITRINE_ARTEFACTS").map_or_else(
            // The program lies in `target/PROFILE`.
            || PathBuf::from(env!("CARGO_BIN_EXE_vitrine")).ancestors().nth(2).unwrap().join("artefacts"),
            PathBuf::from,
        );
        std::fs::create_dir_all(&folder).unwrap();
        self.0.save(folder.join(format!("{name}.png"))).unwrap();
    }

    fn pixels(&self, area: Area) -> impl Iterator<Item = Rgb<u8>> {
        let Area { left, top, width, height } = area;
        (top..top + height).flat_map(move |y| (left..left + width).map(move |x| *self.0.get_pixel(x, y)))
    }

    /// Mean absolute difference of the channels, 0 to 255.
    pub fn difference(&self, other: &Self, area: Area) -> f64 {
        let both = self.pixels(area).zip(other.pixels(area));
        let sum: u64 = both.map(|(a, b)| (0..3).map(|c| u64::from(a.0[c].abs_diff(b.0[c]))).sum::<u64>()).sum();
        sum as f64 / f64::from(3 * area.width * area.height)
    }

    /// How many of the pixels are green: by 20 of 255 more than red and than blue.
    pub fn green_share(&self, area: Area) -> f64 {
        let is_green = |Rgb([r, g, b]): &Rgb<u8>| *g > r.saturating_add(20) && *g > b.saturating_add(20);
        self.pixels(area).filter(is_green).count() as f64 / f64::from(area.width * area.height)
    }

    /// Mean of all channels, 0 to 255.
    pub fn brightness(&self, area: Area) -> f64 {
        let sum: u64 = self.pixels(area).map(|Rgb(pixel)| pixel.map(u64::from).iter().sum::<u64>()).sum();
        sum as f64 / f64::from(3 * area.width * area.height)
    }
}
