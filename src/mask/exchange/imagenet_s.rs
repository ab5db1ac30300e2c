//! ImageNet-S: the class of each pixel in red and green, 1000 where annotators left it open.

use std::collections::BTreeSet;
use std::io::Cursor;

use ::image::{ImageFormat, RgbImage};

use super::{ExchangeError, enumerate};
use crate::mask::bitmap::{Label, Mask};
use crate::mask::file::is_palette;
use crate::size::Size;

/// The id of ignored pixels.
const IGNORED: u16 = 1000;

/// Foreground is what has the id `class`, or without one the only class there is; other classes are background.
///
/// # Errors
/// If the bytes are no RGB PNG, or hold several classes and none is chosen.
pub fn read_imagenet_s(png: &[u8], class: Option<u16>) -> Result<Mask, ExchangeError> {
    if is_palette(png) {
        return Err(ExchangeError::Palette);
    }
    let picture = ::image::load_from_memory_with_format(png, ImageFormat::Png);
    let picture = picture.map_err(|error| ExchangeError::Picture(error.to_string()))?;
    let Some(rgb) = picture.as_rgb8() else {
        let message = "this is no 8-bit RGB PNG, as ImageNet-S has; its ids are red + 256·green";
        return Err(ExchangeError::Invalid(message.to_owned()));
    };
    let ids: Vec<u16> = rgb.pixels().map(|pixel| u16::from(pixel[0]) + 256 * u16::from(pixel[1])).collect();
    let classes: BTreeSet<u16> = ids.iter().copied().filter(|id| *id != 0 && *id != IGNORED).collect();
    if let Some(wanted) = class.filter(|wanted| !classes.contains(wanted) && !classes.is_empty()) {
        return Err(ExchangeError::NoSuchLabel { wanted: wanted.to_string(), found: list(&classes) });
    }
    if class.is_none() && classes.len() > 1 {
        return Err(ExchangeError::SeveralClasses(list(&classes)));
    }
    let wanted = class.or(classes.first().copied());
    let label = |id: u16| match id {
        IGNORED => Label::Ignore,
        id if Some(id) == wanted && id != 0 => Label::Foreground,
        _ => Label::Background,
    };
    let size = Size::new(rgb.height() as usize, rgb.width() as usize);
    let labels = ids.into_iter().map(label).collect();
    Mask::new(size, labels).ok_or_else(|| ExchangeError::Picture("it is shorter than it says".to_owned()))
}

/// # Errors
/// If `class` is 0, 1000 or does not fit red and green, or the picture cannot be encoded.
pub fn write_imagenet_s(mask: &Mask, class: u16) -> Result<Vec<u8>, ExchangeError> {
    if class == 0 || class == IGNORED {
        return Err(ExchangeError::Invalid(format!(
            "{class} is no class of ImageNet-S: 0 is background, 1000 ignored"
        )));
    }
    let colour = |label: &Label| {
        let id = [0, class, IGNORED][*label as usize];
        let [red, green] = id.to_le_bytes();
        [red, green, 0]
    };
    let pixels = mask.labels().iter().flat_map(colour).collect();
    let picture = RgbImage::from_raw(mask.size().width as u32, mask.size().height as u32, pixels);
    let picture =
        picture.ok_or_else(|| ExchangeError::Picture("the mask is larger than a picture can be".to_owned()))?;
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(|error| ExchangeError::Picture(error.to_string()))?;
    Ok(bytes.into_inner())
}

fn list(classes: &BTreeSet<u16>) -> String {
    enumerate(&classes.iter().map(u16::to_string).collect())
}

#[cfg(test)]
mod tests {
    use ::image::Rgb;

    use super::*;
    use crate::mask::sketch::random_mask;

    #[test]
    fn masks_with_ignored_pixels_come_back() {
        let drawn = random_mask(Size::new(6, 11), 3);
        for class in [1, 255, 256, 919] {
            let png = write_imagenet_s(&drawn, class).unwrap();
            assert_eq!(read_imagenet_s(&png, None).unwrap(), drawn);
            assert_eq!(read_imagenet_s(&png, Some(class)).unwrap(), drawn);
        }
        assert!(write_imagenet_s(&drawn, 1000).is_err() && write_imagenet_s(&drawn, 0).is_err());
    }

    #[test]
    fn of_several_classes_one_has_to_be_chosen() {
        // Red 44, green 1 is 300; red 7 is 7; red 232, green 3 is 1000.
        let picture = RgbImage::from_fn(3, 1, |x, _| [Rgb([44, 1, 0]), Rgb([7, 0, 0]), Rgb([232, 3, 0])][x as usize]);
        let mut png = Cursor::new(Vec::new());
        picture.write_to(&mut png, ImageFormat::Png).unwrap();
        let read = |class| read_imagenet_s(png.get_ref(), class);
        assert!(read(None).unwrap_err().to_string().contains("7") && read(Some(8)).is_err());
        use Label::{Background as B, Foreground as F, Ignore as I};
        assert_eq!(read(Some(300)).unwrap().labels(), [F, B, I]);
        assert_eq!(read(Some(7)).unwrap().labels(), [B, F, I]);
    }
}
