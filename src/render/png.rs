use std::io::Cursor;
use std::path::Path;

use ::image::{ImageFormat, RgbImage};

use crate::files::write_atomically;

use super::error::RenderError;

/// Writes a picture as PNG; the file appears whole or not at all.
///
/// # Errors
/// When the folder cannot be written.
pub fn write_png(path: &Path, picture: &RgbImage) -> Result<(), RenderError> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    write_atomically(path, bytes.get_ref()).map_err(|source| RenderError::Write { source, path: path.to_owned() })
}
