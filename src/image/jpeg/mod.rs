//! JPEG as libjpeg decodes it, to the last bit.
//!
//! The models and the reference tensors saw their photos through libjpeg. The general decoder differs from it by up to
//! 5/255 per channel (mean 0.1…0.4), nearly all of it in the upsampling of chroma, which it rounds twice; that is more
//! than resizing and cropping add together. So the usual kinds of JPEG are decoded here with libjpeg's arithmetic:
//! Huffman-coded, 8 bits, baseline or progressive, grey or YCbCr. Everything else is left to the general decoder.
//!
//! Sources: ITU-T T.81 for the format; the transform (accurate integer method), "fancy" upsampling and colour
//! conversion follow the formulas documented with libjpeg.

mod bits;
mod colour;
mod completeness;
mod frame;
mod headers;
mod scan;
mod transform;
mod upsample;

use ::image::RgbImage;

pub(super) use completeness::reaches_end;

use crate::size::Size;

/// Decodes the pixels as they are stored, without orientation, if they are of the `size` that the caller has checked.
///
/// `None` for kinds that are left to the general decoder,
/// and for damaged files, whose message is the general decoder's.
pub(super) fn decode(bytes: &[u8], size: Size) -> Option<RgbImage> {
    let frame = headers::read(bytes, size)?;
    let planes: Vec<_> = frame.components.iter().map(transform::plane).collect::<Option<_>>()?;
    let full: Vec<_> = planes
        .iter()
        .zip(&frame.components)
        .map(|(plane, component)| upsample::to_full_size(plane, &frame, component))
        .collect::<Option<_>>()?;
    let rgb = match full.as_slice() {
        [grey] => grey.iter().flat_map(|&level| [level; 3]).collect(),
        [luma, blue, red] => colour::rgb_from_ycc(luma, blue, red),
        _ => return None,
    };
    RgbImage::from_raw(frame.width as u32, frame.height as u32, rgb)
}
