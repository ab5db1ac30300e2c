//! Decodes a picture file to 8-bit RGB as a viewer would show it.

use std::io::{BufRead, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use ::image::metadata::Orientation;
use ::image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Rgb, RgbImage};

use super::error::ImageError;
use super::jpeg;
use crate::size::Size;

/// Pictures that declare more pixels are refused before a pixel is decoded; the largest cameras stay below.
const MAX_PIXELS: usize = 100_000_000;

/// Larger files are not read; uncompressed, [`MAX_PIXELS`] of 16-bit RGBA take 0.8 GB.
const MAX_FILE_BYTES: u64 = 2_000_000_000;

/// What a decoder may allocate: [`MAX_PIXELS`] of the widest pixel, four channels of 32 bits.
const MAX_DECODER_BYTES: u64 = 16 * MAX_PIXELS as u64;

/// A decoded picture: upright, opaque, 8 bits per channel; clones share the pixels.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The pixels after the EXIF orientation was applied.
    pub rgb: Arc<RgbImage>,
}

impl Picture {
    pub fn size(&self) -> Size {
        Size::new(self.rgb.height() as usize, self.rgb.width() as usize)
    }
}

/// Reads the picture at `path`, see [`decode`].
///
/// # Errors
/// Those of [`decode`], and when the path is no file, does not exist, may not be read or has more than 2 GB.
pub fn load(path: &Path) -> Result<Picture, ImageError> {
    let metadata = std::fs::metadata(path).map_err(|source| ImageError::from_io(source, path.to_owned()))?;
    // Opening a folder is no error on every system, and reading one fails with a message of the system's own.
    if metadata.is_dir() {
        return Err(ImageError::IsFolder { path: path.to_owned() });
    }
    // A pipe may never say anything, and a device never end.
    if !metadata.is_file() {
        return Err(ImageError::NotAFile { path: path.to_owned() });
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(ImageError::FileTooLarge { bytes: metadata.len(), limit: MAX_FILE_BYTES, path: path.to_owned() });
    }
    let bytes = std::fs::read(path).map_err(|source| ImageError::from_io(source, path.to_owned()))?;
    decode(&bytes, path)
}

/// Decodes a picture; `name` is what errors call it, and its extension tells formats without a signature (TGA).
///
/// * The EXIF orientation is applied.
/// * 16-bit channels keep their high byte, as Pillow does; floating-point channels are clamped to 0…1.
/// * Transparent pixels are laid over white, as on paper or a plain web page (Pillow's `convert("RGB")` would reveal
///   whatever colour is stored beneath).
/// * Of animations and multi-page files the first picture is read. Colour profiles are ignored, as in the training of
///   the models.
///
/// # Errors
/// When the bytes are empty, no image, truncated, damaged, or declare no pixels or more than 100 megapixels.
pub fn decode(bytes: &[u8], name: &Path) -> Result<Picture, ImageError> {
    if bytes.is_empty() {
        return Err(ImageError::Empty { path: name.to_owned() });
    }
    let format = format_of(bytes, name)?;
    if format == ImageFormat::Jpeg && !jpeg::reaches_end(bytes) {
        return Err(ImageError::Truncated { path: name.to_owned() });
    }
    let mut met_end = false;
    match decode_upright(bytes, &mut met_end, format, name) {
        Ok(picture) => Ok(Picture { rgb: Arc::new(to_rgb(picture)) }),
        Err(Failure::Refused(error)) => Err(error),
        Err(Failure::Decoder(error)) => Err(explain(error, met_end, name)),
    }
}

/// The format by its signature, else by the extension of `name`.
fn format_of(bytes: &[u8], name: &Path) -> Result<ImageFormat, ImageError> {
    let by_signature = ::image::guess_format(bytes).ok();
    // TGA is the one readable format without a signature; any other extension would only mislabel a foreign file.
    let by_name = ImageFormat::from_path(name).ok().filter(|format| *format == ImageFormat::Tga);
    let format = by_signature.or(by_name).ok_or_else(|| ImageError::NotAnImage { path: name.to_owned() })?;
    if format.reading_enabled() {
        Ok(format)
    } else {
        Err(ImageError::FormatNotRead { format: format!("{format:?}").to_uppercase(), path: name.to_owned() })
    }
}

/// Our own refusal, or an error of the decoder that has yet to be explained.
enum Failure {
    Refused(ImageError),
    Decoder(::image::ImageError),
}

impl From<::image::ImageError> for Failure {
    fn from(error: ::image::ImageError) -> Self {
        Self::Decoder(error)
    }
}

fn decode_upright(bytes: &[u8], met_end: &mut bool, format: ImageFormat, name: &Path) -> Result<DynamicImage, Failure> {
    let mut reader = ImageReader::with_format(EndWatcher { bytes: Cursor::new(bytes), met_end }, format);
    let mut limits = ::image::Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;

    let (width, height) = decoder.dimensions();
    let size = Size::new(height as usize, width as usize);
    if size.height == 0 || size.width == 0 {
        return Err(Failure::Refused(ImageError::NoPixels { size, path: name.to_owned() }));
    }
    if size.height.saturating_mul(size.width) > MAX_PIXELS {
        return Err(Failure::Refused(ImageError::TooLarge { size, limit: MAX_PIXELS, path: name.to_owned() }));
    }
    // Unreadable metadata must not keep anyone from the pixels.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let exact = if format == ImageFormat::Jpeg { jpeg::decode(bytes, size) } else { None };
    let mut picture = match exact {
        Some(rgb) => DynamicImage::ImageRgb8(rgb),
        None => DynamicImage::from_decoder(decoder)?,
    };
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Turns a decoder's error into a sentence for the user.
fn explain(error: ::image::ImageError, met_end: bool, name: &Path) -> ImageError {
    let path = name.to_owned();
    match error {
        ::image::ImageError::Unsupported(error) => ImageError::FeatureNotRead { reason: error.to_string(), path },
        // A decoder that fails after it asked for more bytes than there are has been given half a file.
        _ if met_end => ImageError::Truncated { path },
        error => ImageError::Damaged { reason: error.to_string(), path },
    }
}

fn to_rgb(picture: DynamicImage) -> RgbImage {
    match picture {
        DynamicImage::ImageRgb8(rgb) => rgb,
        DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_) => over_white(&picture.to_rgba8()),
        DynamicImage::ImageLuma16(grey) => map_pixels(&grey, |[l]| [high_byte(l); 3]),
        DynamicImage::ImageRgb16(rgb) => map_pixels(&rgb, |rgb| rgb.map(high_byte)),
        DynamicImage::ImageLumaA16(grey) => map_pixels(&grey, |[l, a]| lay_over_white([high_byte(l); 3], high_byte(a))),
        DynamicImage::ImageRgba16(rgba) => {
            map_pixels(&rgba, |[r, g, b, a]| lay_over_white([r, g, b].map(high_byte), high_byte(a)))
        }
        other if other.color().has_alpha() => over_white(&other.to_rgba8()),
        other => other.to_rgb8(),
    }
}

/// 16 to 8 bits as Pillow does it; rounding would differ by one in half of the values.
fn high_byte(channel: u16) -> u8 {
    channel.to_be_bytes()[0]
}

fn over_white(rgba: &::image::RgbaImage) -> RgbImage {
    map_pixels(rgba, |[r, g, b, a]| lay_over_white([r, g, b], a))
}

fn lay_over_white(colour: [u8; 3], alpha: u8) -> [u8; 3] {
    colour.map(|channel| {
        let (channel, alpha) = (u32::from(channel), u32::from(alpha));
        let sum = channel * alpha + 255 * (255 - alpha);
        ((sum + 127) / 255) as u8 // at most (255·255 + 127) / 255 = 255
    })
}

/// Builds an RGB picture from the channels of every pixel.
fn map_pixels<P, const CHANNELS: usize>(
    picture: &::image::ImageBuffer<P, Vec<P::Subpixel>>,
    rgb_of: impl Fn([P::Subpixel; CHANNELS]) -> [u8; 3],
) -> RgbImage
where
    P: ::image::Pixel,
    P::Subpixel: Default,
{
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let mut channels = [P::Subpixel::default(); CHANNELS];
        channels.copy_from_slice(picture.get_pixel(x, y).channels());
        Rgb(rgb_of(channels))
    })
}

/// Reads from memory and remembers whether a reader asked for bytes beyond the end.
struct EndWatcher<'a> {
    bytes: Cursor<&'a [u8]>,
    met_end: &'a mut bool,
}

impl Read for EndWatcher<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        *self.met_end |= count < buffer.len();
        Ok(count)
    }
}

impl BufRead for EndWatcher<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        let rest = self.bytes.fill_buf()?;
        *self.met_end |= rest.is_empty();
        Ok(rest)
    }

    fn consume(&mut self, count: usize) {
        self.bytes.consume(count);
    }
}

impl Seek for EndWatcher<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.bytes.seek(to)
    }
}
