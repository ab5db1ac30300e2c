//! A mask on the disk: `STEM.png` and `STEM.json`.

use std::io::{Cursor, ErrorKind};
use std::path::{Path, PathBuf};

use ::image::{ColorType, DynamicImage, GrayImage, ImageDecoder, ImageFormat, codecs::png::PngDecoder};

use crate::files::write_atomically;
use crate::size::Size;

use super::bitmap::{Label, Mask};
use super::error::MaskError;
use super::record::{MaskRecord, Origin};

/// The grey values of background, foreground and ignored pixels.
const GREYS: [u8; 3] = [0, 255, 128];

/// A mask and what is known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskFile {
    pub mask: Mask,
    pub record: MaskRecord,
}

impl MaskFile {
    /// Writes both files, each whole or not at all. The JSON comes last: without it, a mask still reads.
    ///
    /// # Errors
    /// When the folder cannot be written; the older file, if any, is then as it was.
    pub fn save(&self, png: &Path) -> Result<(), MaskError> {
        let json = record_path(png);
        let failed = |path: &Path| {
            let path = path.to_owned();
            |source| MaskError::Write { source, path }
        };
        let encoded = encode(&self.mask).map_err(failed(png))?;
        write_atomically(png, &encoded).map_err(failed(png))?;
        let text = serde_json::to_vec_pretty(&self.record).map_err(|error| failed(&json)(error.into()))?;
        write_atomically(&json, &text).map_err(failed(&json))
    }

    /// Reads a mask and, if there is one, what is known about it.
    ///
    /// # Errors
    /// When the PNG is no grey picture of 0, 128 and 255, or the JSON is none.
    pub fn load(png: &Path) -> Result<Self, MaskError> {
        let bytes = std::fs::read(png).map_err(|error| unreadable(&error, png))?;
        let mask = decode(&bytes, png)?;
        let json = record_path(png);
        let record = match std::fs::read(&json) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|source| MaskError::Record { source, path: json.clone() })?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                MaskRecord { origin: Origin::Imported, ..MaskRecord::default() }
            }
            Err(error) => return Err(unreadable(&error, &json)),
        };
        Ok(Self { mask, record })
    }
}

/// The JSON beside a mask's PNG.
pub fn record_path(png: &Path) -> PathBuf {
    png.with_extension("json")
}

fn unreadable(reason: &impl ToString, path: &Path) -> MaskError {
    MaskError::Unreadable { reason: reason.to_string(), path: path.to_owned() }
}

fn encode(mask: &Mask) -> std::io::Result<Vec<u8>> {
    let greys: Vec<u8> = mask.labels().iter().map(|&label| GREYS[label as usize]).collect();
    let picture = GrayImage::from_raw(mask.size().width as u32, mask.size().height as u32, greys);
    let picture = picture.ok_or_else(|| std::io::Error::other("the mask is larger than a picture can be"))?;
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(std::io::Error::other)?;
    Ok(bytes.into_inner())
}

fn decode(bytes: &[u8], path: &Path) -> Result<Mask, MaskError> {
    let decoder = PngDecoder::new(Cursor::new(bytes)).map_err(|error| unreadable(&error, path))?;
    if is_palette(bytes) {
        return Err(MaskError::Palette { path: path.to_owned() });
    }
    if !matches!(decoder.color_type(), ColorType::L8 | ColorType::L16 | ColorType::Rgb8) {
        return Err(unreadable(&format!("its pixels are {:?}", decoder.color_type()), path));
    }
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| unreadable(&error, path))?.into_luma8();
    let size = Size::new(picture.height() as usize, picture.width() as usize);
    let label = |grey: &u8| {
        let at = GREYS.iter().position(|of| of == grey);
        at.map(|at| Label::ALL[at]).ok_or_else(|| MaskError::Grey { value: *grey, path: path.to_owned() })
    };
    let labels: Vec<Label> = picture.as_raw().iter().map(label).collect::<Result<_, _>>()?;
    Mask::new(size, labels).ok_or_else(|| unreadable(&"it is shorter than it says", path))
}

/// Whether a PNG stores indices into a palette: its colour type is byte 25 of the file.
pub(super) fn is_palette(png: &[u8]) -> bool {
    png.get(25) == Some(&3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Review;

    fn sample() -> MaskFile {
        let mut mask = Mask::from_fn(Size::new(3, 5), |row, column| row == 1 && column > 1);
        mask.labels_mut()[0] = Label::Ignore;
        let record = MaskRecord { image: "a/b.jpg".into(), review: Review::Accepted, ..MaskRecord::default() };
        MaskFile { mask, record }
    }

    #[test]
    fn a_mask_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/b.png");
        sample().save(&path).unwrap();
        assert_eq!(MaskFile::load(&path).unwrap(), sample());
        std::fs::remove_file(record_path(&path)).unwrap();
        let alone = MaskFile::load(&path).unwrap();
        assert_eq!((alone.mask, alone.record.origin), (sample().mask, Origin::Imported));
    }

    #[test]
    fn what_is_no_mask_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            MaskFile::load(&path).unwrap_err().to_string()
        };
        assert!(refused(b"GIF89a").contains("cannot be read"));
        let mut smooth = Cursor::new(Vec::new());
        GrayImage::from_pixel(2, 2, ::image::Luma([77])).write_to(&mut smooth, ImageFormat::Png).unwrap();
        assert!(refused(smooth.get_ref()).contains("grey value 77"));
        let mut png = encode(&sample().mask).unwrap();
        png.truncate(png.len() / 2);
        assert!(refused(&png).ends_with("x.png"));
    }

    #[test]
    fn a_damaged_json_is_an_error_and_not_an_empty_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.png");
        sample().save(&path).unwrap();
        std::fs::write(record_path(&path), b"{").unwrap();
        assert!(MaskFile::load(&path).unwrap_err().to_string().ends_with("x.json"));
    }
}
