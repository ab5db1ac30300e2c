use std::io::{Cursor, Write};
use std::path::Path;

use ::image::{ImageFormat, RgbImage};
use tempfile::NamedTempFile;

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

fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // A temporary file is private by default; the result should have the permissions of any other new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file: NamedTempFile = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
