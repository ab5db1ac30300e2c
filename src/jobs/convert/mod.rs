//! Masks from and to the files of other programs.

mod photos;
mod read;
mod write;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::image::{ImageError, list};
use crate::mask::{ExchangeError, Label, MaskError, MaskFile};
use crate::size::Size;

use photos::Photos;
use write::Writer;

/// How masks are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum MaskFormat {
    /// Grey PNG, 0 background, 255 object, 128 ignored, with a JSON beside it: this program's own.
    Png,
    /// RGB PNG, class = red + 256·green, 1000 ignored.
    ImagenetS,
    /// COCO instances, run lengths as text.
    Coco,
    /// COCO instances, run lengths as numbers.
    CocoCounts,
    /// COCO instances, outlines: no holes.
    CocoPolygons,
    /// labelme, masks as pictures.
    Labelme,
    /// X-AnyLabeling and older labelme, outlines: no holes.
    Xanylabeling,
    /// NumPy array of truth values: nothing ignored.
    Npy,
}

impl MaskFormat {
    /// Whether one file holds the masks of many images.
    const fn is_one_file(self) -> bool {
        matches!(self, Self::Coco | Self::CocoCounts | Self::CocoPolygons)
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Png | Self::ImagenetS => "png",
            Self::Npy => "npy",
            _ => "json",
        }
    }
}

/// What to convert to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertJob {
    /// `None`: each file tells by its name and content.
    pub from: Option<MaskFormat>,
    pub to: MaskFormat,
    /// A folder; for COCO also the file.
    pub out: PathBuf,
    /// Where the photos are: masks must have their size.
    pub photos: Option<PathBuf>,
    /// The class of ImageNet-S to read or to write.
    pub class: Option<u16>,
    /// The label or category to read or to write.
    pub label: Option<String>,
    /// Ignored pixels become background.
    pub drop_ignored: bool,
    pub overwrite: bool,
}

/// A mask on its way.
struct Item {
    /// The file it was read from.
    input: PathBuf,
    /// Its photo, as far as it is known: a path, or a name that the file gave.
    image: PathBuf,
    /// Where it goes, relative to the output folder, without extension.
    stem: PathBuf,
    file: MaskFile,
}

/// A mask that was converted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Converted {
    pub input: PathBuf,
    pub image: PathBuf,
    pub output: PathBuf,
    pub size: Size,
    /// Share of the foreground, 0…1.
    pub area: f64,
}

/// What a conversion tells.
pub enum ConvertEvent {
    Converted(Converted),
    /// There was a file already.
    Kept {
        input: PathBuf,
        output: PathBuf,
    },
    Failed {
        input: PathBuf,
        error: ConvertError,
    },
}

/// Why a mask was not converted. Each message ends with the file.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    #[error("{source}: {}", path.display())]
    Exchange { source: ExchangeError, path: PathBuf },
    #[error(transparent)]
    Mask(#[from] MaskError),
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error("it cannot be read ({source}); check its name and whether reading is permitted: {}", path.display())]
    Read { source: std::io::Error, path: PathBuf },
    #[error("it cannot be written ({source}); free space or choose another folder, the rest is untouched: {}", path.display())]
    Write { source: std::io::Error, path: PathBuf },
    #[error("nothing tells what this file is; name its format with --from: {}", path.display())]
    Unknown { path: PathBuf },
    #[error("no photo there is named as this mask, or several are: {}", path.display())]
    NoPhoto { path: PathBuf },
    #[error("ImageNet-S needs the number of the object's class; give it with --class: {}", path.display())]
    NoClass { path: PathBuf },
    #[error("there are no masks there; name files, or a folder that holds some: {}", path.display())]
    Empty { path: PathBuf },
}

impl ConvertError {
    /// Whether the next file would fail for the same reason.
    fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::Write { .. } | Self::Mask(MaskError::Write { .. }))
    }
}

/// Converts the masks of files and folders; what fails is reported and the rest goes on, unless the output folder
/// itself cannot be written.
pub fn convert(inputs: &[PathBuf], job: &ConvertJob, on_event: &mut dyn FnMut(ConvertEvent)) {
    let photos = match job.photos.as_deref().map(Photos::of).transpose() {
        Ok(photos) => photos,
        Err(error) => {
            let input = job.photos.clone().unwrap_or_default();
            return on_event(ConvertEvent::Failed { input, error: error.into() });
        }
    };
    let mut writer = Writer::new(job);
    for (input, relative) in files(inputs, on_event) {
        let items = match read::read(&input, &relative, job, photos.as_ref()) {
            Ok(items) => items,
            Err(error) => {
                on_event(ConvertEvent::Failed { input, error });
                continue;
            }
        };
        for item in items {
            let input = item.input.clone();
            let outcome = item.fit(photos.as_ref()).and_then(|item| writer.put(prepared(item, job)));
            match outcome {
                Ok(Some(event)) => on_event(event),
                Ok(None) => {}
                Err(error) => {
                    let is_last = error.is_of_the_disk();
                    on_event(ConvertEvent::Failed { input, error });
                    if is_last {
                        return;
                    }
                }
            }
        }
    }
    writer.finish(on_event);
}

fn prepared(mut item: Item, job: &ConvertJob) -> Item {
    if job.drop_ignored {
        let labels = item.file.mask.labels_mut().iter_mut();
        labels.filter(|label| **label == Label::Ignore).for_each(|label| *label = Label::Background);
    }
    item
}

/// The files of the inputs that may hold masks, and their paths relative to the folders that were named.
fn files(inputs: &[PathBuf], on_event: &mut dyn FnMut(ConvertEvent)) -> Vec<(PathBuf, PathBuf)> {
    let mut found = Vec::new();
    for input in inputs {
        if !input.is_dir() {
            let name = PathBuf::from(input.file_name().unwrap_or_default());
            found.push((input.clone(), name));
            continue;
        }
        let before = found.len();
        let mut inside = Vec::new();
        if let Err(source) = walk(input, &mut inside) {
            let error = ConvertError::Read { source, path: input.clone() };
            on_event(ConvertEvent::Failed { input: input.clone(), error });
            continue;
        }
        inside.sort();
        for path in inside.into_iter().filter(|path| may_hold_masks(path)) {
            let relative = path.strip_prefix(input).unwrap_or(&path).to_owned();
            found.push((path, relative));
        }
        if found.len() == before {
            let error = ConvertError::Empty { path: input.clone() };
            on_event(ConvertEvent::Failed { input: input.clone(), error });
        }
    }
    found
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        // Links to folders are not followed: they may lead back.
        if entry.file_type()?.is_dir() {
            if !list::is_hidden(&path) {
                walk(&path, found)?;
            }
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// By extension; the JSON beside a mask's PNG belongs to it.
fn may_hold_masks(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("png" | "npy") => !list::is_hidden(path),
        Some("json") => !list::is_hidden(path) && !path.with_extension("png").exists(),
        _ => false,
    }
}
