//! Something to look at: a folder of very many photos, and a very large one.

use std::path::{Path, PathBuf};

use anyhow::Context;
use image::RgbImage;
use tempfile::TempDir;
use vitrine::demo;

/// A folder with `many` in it: so many names of the demo's photos.
pub fn folder(count: usize) -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let many = folder.path().join("many");
    std::fs::create_dir(&many)?;
    let photos = demo::photos()?;
    for (index, photo) in photos.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{index}.jpg")), photo.jpeg)?;
    }
    for index in 0..count {
        // Further names of the same file need no space.
        let original = folder.path().join(format!("{}.jpg", index % photos.len()));
        std::fs::hard_link(original, many.join(format!("photo {index:06}.jpg")))?;
    }
    Ok(folder)
}

/// 24 million pixels, `large.png` in a folder of its own.
pub fn large(folder: &Path) -> anyhow::Result<PathBuf> {
    let (path, [width, height]) = (folder.join("large.png"), [6000, 4000]);
    let photo = RgbImage::from_fn(width, height, |x, y| image::Rgb([(x / 24) as u8, (y / 16) as u8, 128]));
    photo.save(&path).with_context(|| format!("the large photo cannot be written: {}", path.display()))?;
    Ok(path)
}
