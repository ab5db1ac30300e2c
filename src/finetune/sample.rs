//! A photo with its mask and its class, and where masks come from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::image::{self, ImageSource, Picture};
use crate::mask::{ExchangeError, Mask, MaskError, MaskFile, read_imagenet_s};

use super::error::DataError;

/// Where a mask comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum MaskSource {
    /// A PNG of 0, 128 and 255, a PNG of ImageNet-S ids, or a grey JPEG.
    File(PathBuf),
    /// Of the embedded demo, or painted and not saved yet.
    Memory(Arc<Mask>),
}

/// One photo to learn from or to be judged on.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Relative to the folder of photos, with `/`; unique within a run, and what decides about order.
    pub name: String,
    pub image: ImageSource,
    pub mask: Option<MaskSource>,
    /// Index of the model's class.
    pub class: usize,
}

impl Sample {
    /// # Errors
    /// If the file is no mask, or its size is not the photo's.
    pub fn load_mask(&self, photo: &Picture) -> Result<Option<Arc<Mask>>, DataError> {
        let (mask, path) = match &self.mask {
            None => return Ok(None),
            Some(MaskSource::Memory(mask)) => (mask.clone(), self.image.path()),
            Some(MaskSource::File(path)) => (Arc::new(load_mask(path)?), path.as_path()),
        };
        if mask.size() != photo.size() {
            let (mask, photo, path) = (mask.size(), photo.size(), path.to_owned());
            return Err(MaskError::WrongSize { mask, photo, path }.into());
        }
        Ok(Some(mask))
    }
}

/// Reads a mask in any of the layouts' spellings: grey PNG, the ids of ImageNet-S, or a lossy grey picture.
///
/// # Errors
/// If the file cannot be read or is no mask.
pub fn load_mask(path: &Path) -> Result<Mask, DataError> {
    let is_png = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    if !is_png {
        let picture = image::load(path)?;
        // Lossy files smear the edge: the nearer of the two labels.
        return Ok(Mask::from_fn(picture.size(), |row, column| {
            picture.rgb.get_pixel(column as u32, row as u32)[0] > 127
        }));
    }
    match MaskFile::load(path) {
        Ok(file) => Ok(file.mask),
        Err(refused @ MaskError::Grey { .. }) => {
            let bytes = std::fs::read(path).map_err(|source| DataError::Read { source, path: path.to_owned() })?;
            match read_imagenet_s(&bytes, None) {
                Ok(mask) => Ok(mask),
                // Not in colours, so it holds no ids.
                Err(ExchangeError::Invalid(_)) => Err(refused.into()),
                Err(error) => Err(DataError::Ids { error, path: path.to_owned() }),
            }
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use ::image::{GrayImage, Luma, Rgb, RgbImage};

    use super::*;
    use crate::mask::Label;
    use crate::size::Size;

    #[test]
    fn ids_of_imagenet_s_become_object_background_and_ignore() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        // 1000 = 232 + 256·3; 258 = 2 + 256·1
        RgbImage::from_fn(3, 1, |x, _| [Rgb([0, 0, 0]), Rgb([2, 1, 0]), Rgb([232, 3, 0])][x as usize])
            .save(&path)
            .unwrap();
        assert_eq!(load_mask(&path).unwrap().labels(), [Label::Background, Label::Foreground, Label::Ignore]);
    }

    #[test]
    fn a_smooth_grey_picture_is_refused_and_a_grey_jpeg_is_split_in_the_middle() {
        let folder = tempfile::tempdir().unwrap();
        let grey = GrayImage::from_fn(16, 8, |x, _| Luma([if x < 8 { 20 } else { 230 }]));
        let (png, jpeg) = (folder.path().join("a.png"), folder.path().join("a.jpg"));
        grey.save(&png).unwrap();
        assert!(load_mask(&png).unwrap_err().to_string().contains("grey value 20"));
        grey.save(&jpeg).unwrap();
        assert_eq!(load_mask(&jpeg).unwrap(), Mask::from_fn(Size::new(8, 16), |_, column| column >= 8));
    }

    #[test]
    fn a_mask_of_another_size_than_its_photo_is_refused() {
        let mask = MaskSource::Memory(Arc::new(Mask::empty(Size::square(3))));
        let sample = Sample { name: "a".into(), image: ImageSource::file("a.png"), mask: Some(mask), class: 0 };
        let photo = Picture { rgb: Arc::new(RgbImage::new(4, 3)) };
        let error = sample.load_mask(&photo).unwrap_err().to_string();
        assert!(error.contains("export it at the photo's size") && error.ends_with("a.png"), "{error}");
    }
}
