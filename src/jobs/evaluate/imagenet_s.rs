//! The masks of ImageNet-S (Gao et al., arXiv 2106.03149): `<wnid>/<stem>.png`, the class id in red and green.

use std::path::{Path, PathBuf};

use crate::image::{self, ImageError};
use crate::mask::{Label, Mask, MaskError};
use crate::size::Size;

/// Pixels that the annotators left open.
const IGNORE: u32 = 1000;

/// Reads the mask of `…/<wnid>/<stem>.JPEG`: any class is object, 0 is background.
///
/// # Errors
/// If the file is there, but is no picture of the photo's size.
pub fn load(folder: &Path, picture: &Path, photo: Size) -> Result<Option<Mask>, MaskError> {
    let Some(path) = path_of(folder, picture) else { return Ok(None) };
    let ids = match image::load(&path) {
        Ok(ids) => ids,
        Err(ImageError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(MaskError::Unreadable { reason: error.to_string(), path }),
    };
    let size = ids.size();
    if size != photo {
        return Err(MaskError::WrongSize { mask: size, photo, path });
    }
    let label = |pixel: &::image::Rgb<u8>| match u32::from(pixel[0]) + 256 * u32::from(pixel[1]) {
        0 => Label::Background,
        IGNORE => Label::Ignore,
        _ => Label::Foreground,
    };
    Ok(Mask::new(size, ids.rgb.pixels().map(label).collect()))
}

/// Where the mask of a picture would lie.
pub fn path_of(folder: &Path, picture: &Path) -> Option<PathBuf> {
    let wnid = picture.parent()?.file_name()?;
    Some(folder.join(wnid).join(picture.with_extension("png").file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::image::{Rgb, RgbImage};

    #[test]
    fn ids_become_labels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n01440764/a.png");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // 919 = 151 + 3·256 is the last class, 1000 = 232 + 3·256 is open.
        let row = [[0, 0, 0], [1, 0, 0], [151, 3, 0], [232, 3, 0]];
        RgbImage::from_fn(4, 1, |x, _| Rgb(row[x as usize])).save(&path).unwrap();
        let picture = Path::new("photos/n01440764/a.JPEG");
        let mask = load(folder.path(), picture, Size::new(1, 4)).unwrap().unwrap();
        assert_eq!(mask.labels(), [Label::Background, Label::Foreground, Label::Foreground, Label::Ignore]);

        let error = load(folder.path(), picture, Size::new(2, 4)).unwrap_err();
        assert!(matches!(error, MaskError::WrongSize { .. }));
        assert!(load(folder.path(), Path::new("n01440764/b.JPEG"), Size::new(1, 4)).unwrap().is_none());
        std::fs::write(&path, b"no picture").unwrap();
        assert!(load(folder.path(), picture, Size::new(1, 4)).unwrap_err().to_string().contains("a.png"));
    }
}
