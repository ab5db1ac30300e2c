//! NumPy arrays `[height, width]`, as scripts around TokenCut save their masks.

use super::ExchangeError;
use crate::mask::bitmap::{Label, Mask};
use crate::npy;
use crate::size::Size;

/// Numbers: above one half is foreground. An axis of length 1 in front or behind is passed over.
///
/// # Errors
/// If the bytes are no array of numbers or truth values, of two axes and finite.
pub fn read_array(bytes: &[u8]) -> Result<Mask, ExchangeError> {
    let array = npy::decode(bytes).map_err(|error| ExchangeError::Invalid(error.to_string()))?;
    let size = match array.shape[..] {
        [height, width] | [1, height, width] | [height, width, 1] => Size::new(height, width),
        _ => {
            let message = format!("the array has the shape {:?}; a mask has height and width", array.shape);
            return Err(ExchangeError::Invalid(message));
        }
    };
    if array.values.iter().any(|value| !value.is_finite()) {
        return Err(ExchangeError::Invalid("the array holds values that are no finite numbers".to_owned()));
    }
    let label = |value: &f64| if *value > 0.5 { Label::Foreground } else { Label::Background };
    let labels = array.values.iter().map(label).collect();
    Mask::new(size, labels).ok_or_else(|| ExchangeError::Invalid("the array is shorter than it says".to_owned()))
}

/// Truth values.
///
/// # Errors
/// If pixels are ignored, which two values cannot say.
pub fn write_array(mask: &Mask) -> Result<Vec<u8>, ExchangeError> {
    if mask.labels().contains(&Label::Ignore) {
        return Err(ExchangeError::Ignored);
    }
    let truths: Vec<bool> = mask.labels().iter().map(|label| *label == Label::Foreground).collect();
    Ok(npy::encode_truths(&[mask.size().height, mask.size().width], &truths))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::sketch::{mask, random_mask};

    #[test]
    fn arrays_come_back_and_numpy_reads_them() {
        let drawn = mask(&["#..#", ".##."]);
        let bytes = write_array(&drawn).unwrap();
        assert_eq!(read_array(&bytes).unwrap(), drawn);
        let array = npyz::NpyFile::new(&bytes[..]).unwrap();
        assert_eq!(array.shape(), [2, 4]);
        assert_eq!(array.into_vec::<bool>().unwrap(), [true, false, false, true, false, true, true, false]);
        assert!(matches!(write_array(&random_mask(Size::new(9, 9), 1)), Err(ExchangeError::Ignored)));
    }
}
