//! A picture of a data set with its mask.

use std::sync::Arc;

use crate::image::{ImageError, Picture};
use crate::mask::{Mask, MaskError};
use crate::size::Size;

use super::dataset::{Labelled, Masks};

/// Why a picture could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Mask(#[from] MaskError),
}

/// Decodes a picture, cuts its frame off, and reads its mask.
///
/// # Errors
/// If picture or mask cannot be read, or do not fit each other.
pub fn load(labelled: &Labelled, masks: &Masks) -> Result<(Picture, Option<Mask>), PhotoError> {
    let picture = without_frame(labelled.source.decode()?, labelled.frame);
    let mask = masks.load(labelled.source.path(), picture.size())?;
    Ok((picture, mask))
}

/// A picture that is all frame stays as it is.
fn without_frame(picture: Picture, frame: usize) -> Picture {
    let Size { height, width } = picture.size();
    if frame == 0 || height <= 2 * frame || width <= 2 * frame {
        return picture;
    }
    let (inner_width, inner_height) = ((width - 2 * frame) as u32, (height - 2 * frame) as u32);
    let inner = ::image::imageops::crop_imm(&*picture.rgb, frame as u32, frame as u32, inner_width, inner_height);
    Picture { rgb: Arc::new(inner.to_image()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::image::{Rgb, RgbImage};

    #[test]
    fn the_frame_goes_and_the_picture_stays() {
        let rgb = RgbImage::from_fn(7, 5, |x, y| Rgb([x as u8, y as u8, 0]));
        let picture = Picture { rgb: Arc::new(rgb) };
        let inner = without_frame(picture.clone(), 2);
        assert_eq!((inner.size(), *inner.rgb.get_pixel(0, 0)), (Size::new(1, 3), Rgb([2, 2, 0])));
        assert_eq!(without_frame(picture.clone(), 3).size(), picture.size());
    }
}
