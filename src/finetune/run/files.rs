//! Photos and masks that are in memory only go into the run folder, so that the run can be repeated.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use ::image::ImageFormat;

use crate::files::write_atomically;
use crate::image::ImageSource;
use crate::mask::{MaskFile, MaskRecord};

use super::super::error::DataError;
use super::super::sample::{MaskSource, Sample};
use super::super::split::Split;
use super::error::RunError;

/// Reads every photo and mask once, and keeps below `run/files` what is no file.
///
/// # Errors
/// If a photo or mask cannot be read, a mask has no object or another size, or the folder cannot be written.
pub fn keep(split: Split, run: &Path) -> Result<Split, RunError> {
    use rayon::prelude::*;
    let keep_all = |samples: Vec<Sample>| -> Result<Vec<Sample>, RunError> {
        samples.into_par_iter().map(|sample| keep_one(sample, run)).collect()
    };
    let Split { train, validation, hold_out } = split;
    Ok(Split { train: keep_all(train)?, validation: keep_all(validation)?, hold_out: keep_all(hold_out)? })
}

fn keep_one(mut sample: Sample, run: &Path) -> Result<Sample, RunError> {
    let photo = sample.image.decode().map_err(DataError::from)?;
    let mask = sample.load_mask(&photo)?;
    if mask.as_ref().is_some_and(|mask| mask.is_empty()) {
        let path = match &sample.mask {
            Some(MaskSource::File(path)) => path.clone(),
            _ => PathBuf::from(&sample.name),
        };
        return Err(DataError::EmptyMask { path }.into());
    }
    let place = |kind: &str| run.join("files").join(kind).join(&sample.name).with_extension("png");
    if !sample.image.is_file() {
        let path = place("photos");
        let failed = |source| RunError::Write { source, path: path.clone() };
        let mut png = Cursor::new(Vec::new());
        photo.rgb.write_to(&mut png, ImageFormat::Png).map_err(|error| failed(std::io::Error::other(error)))?;
        write_atomically(&path, png.get_ref()).map_err(failed)?;
        sample.image = ImageSource::file(path.clone());
    }
    if let (Some(MaskSource::Memory(_)), Some(mask)) = (&sample.mask, mask) {
        let path = run.join("files/masks").join(&sample.name).with_extension("png");
        let record = MaskRecord { image: sample.image.path().to_owned(), ..MaskRecord::default() };
        MaskFile { mask: (*mask).clone(), record }.save(&path).map_err(DataError::from)?;
        sample.mask = Some(MaskSource::File(path));
    }
    Ok(sample)
}
