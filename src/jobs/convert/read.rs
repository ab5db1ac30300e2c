//! Reads the masks of one file.

use std::path::{Path, PathBuf};

use crate::mask::{
    ExchangeError, Mask, MaskFile, MaskRecord, Named, Origin, read_array, read_coco, read_imagenet_s, read_labelme,
};

use super::photos::Photos;
use super::{ConvertError, ConvertJob, Item, MaskFormat};

/// `relative` is the file's path within the folder that was named.
pub(super) fn read(
    input: &Path,
    relative: &Path,
    job: &ConvertJob,
    photos: Option<&Photos>,
) -> Result<Vec<Item>, ConvertError> {
    let failed = |source: ExchangeError| ConvertError::Exchange { source, path: input.to_owned() };
    let bytes = std::fs::read(input).map_err(|source| ConvertError::Read { source, path: input.to_owned() })?;
    let format = match job.from {
        Some(format) => format,
        None => recognise(&bytes, input)?,
    };
    let label = job.label.as_deref();
    let single = |image: PathBuf, mask: Mask| vec![item(input, relative, image, imported(mask))];
    Ok(match format {
        MaskFormat::Png => {
            let file = MaskFile::load(input)?;
            let named = Some(file.record.image.clone()).filter(|image| !image.as_os_str().is_empty());
            vec![item(input, relative, named.unwrap_or_else(|| relative.to_owned()), file)]
        }
        MaskFormat::ImagenetS => single(relative.to_owned(), read_imagenet_s(&bytes, job.class).map_err(failed)?),
        MaskFormat::Npy => single(relative.to_owned(), read_array(&bytes).map_err(failed)?),
        MaskFormat::Labelme | MaskFormat::Xanylabeling => {
            let photo = photos.map(|photos| photos.size_of(relative)).transpose()?.flatten();
            let Named { image, mask } = read_labelme(&bytes, label, photo).map_err(failed)?;
            // Only the name counts: the path is that of another computer.
            let name = image.file_name().map_or_else(|| relative.to_owned(), |name| relative.with_file_name(name));
            single(name, mask)
        }
        MaskFormat::Coco | MaskFormat::CocoCounts | MaskFormat::CocoPolygons => {
            let masks = read_coco(&bytes, label).map_err(failed)?;
            masks.into_iter().map(|Named { image, mask }| item(input, &image.clone(), image, imported(mask))).collect()
        }
    })
}

fn item(input: &Path, relative: &Path, image: PathBuf, file: MaskFile) -> Item {
    // `..` and roots would lead out of the output folder.
    let inside: PathBuf =
        relative.components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect();
    Item { input: input.to_owned(), image, stem: inside.with_extension(""), file }
}

fn imported(mask: Mask) -> MaskFile {
    MaskFile { mask, record: MaskRecord { origin: Origin::Imported, ..MaskRecord::default() } }
}

/// By what the file holds.
fn recognise(bytes: &[u8], path: &Path) -> Result<MaskFormat, ConvertError> {
    let unknown = || ConvertError::Unknown { path: path.to_owned() };
    if bytes.starts_with(b"\x93NUMPY") {
        return Ok(MaskFormat::Npy);
    }
    if bytes.starts_with(b"\x89PNG") {
        let is_coloured = ::image::load_from_memory(bytes).ok().is_some_and(|picture| {
            picture.as_rgb8().is_some_and(|rgb| rgb.pixels().any(|pixel| pixel[0] != pixel[1] || pixel[1] != pixel[2]))
        });
        return Ok(if is_coloured { MaskFormat::ImagenetS } else { MaskFormat::Png });
    }
    if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        return Err(unknown());
    }
    let damaged = |error: serde_json::Error| ConvertError::Exchange { source: error.into(), path: path.to_owned() };
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(damaged)?;
    if value.get("shapes").is_some() {
        Ok(MaskFormat::Labelme)
    } else {
        value.get("images").map(|_| MaskFormat::Coco).ok_or_else(unknown)
    }
}
