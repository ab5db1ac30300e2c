//! Writes masks, each file whole or not at all, and none over another unless told so.

use std::path::{Path, PathBuf};

use crate::files::write_atomically;
use crate::mask::{
    CocoShape, ExchangeError, LabelmeShape, MaskStore, Named, write_array, write_coco, write_imagenet_s, write_labelme,
};

use super::{ConvertError, ConvertEvent, ConvertJob, Converted, Item, MaskFormat};

/// What the object is called where a format wants a name and none was given.
const OBJECT: &str = "object";

pub(super) struct Writer<'a> {
    job: &'a ConvertJob,
    /// Of this program's own format.
    store: Option<MaskStore>,
    /// For formats that keep all masks in one file.
    gathered: Vec<Item>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(job: &'a ConvertJob) -> Self {
        let store = (job.to == MaskFormat::Png).then(|| MaskStore::open(job.out.clone(), || {}));
        Self { job, store, gathered: Vec::new() }
    }

    /// Writes a mask, or keeps it for [`Self::finish`].
    pub(super) fn put(&mut self, item: Item) -> Result<Option<ConvertEvent>, ConvertError> {
        if self.job.to.is_one_file() {
            // Found out now, so that the others of the file are still written.
            self.encode_one_file(std::slice::from_ref(&item))?;
            self.gathered.push(item);
            return Ok(None);
        }
        if let Some(store) = &self.store {
            return self.save(store, item).map(Some);
        }
        let output = self.job.out.join(&item.stem).with_added_extension(self.job.to.extension());
        if output.exists() && !self.job.overwrite {
            return Ok(Some(ConvertEvent::Kept { input: item.input, output }));
        }
        let bytes = self.encode(&item)?;
        write_atomically(&output, &bytes).map_err(|source| ConvertError::Write { source, path: output.clone() })?;
        Ok(Some(ConvertEvent::Converted(converted(item, output))))
    }

    fn save(&self, store: &MaskStore, item: Item) -> Result<ConvertEvent, ConvertError> {
        if let Some(output) = store.find(&item.image) {
            if !self.job.overwrite {
                return Ok(ConvertEvent::Kept { input: item.input, output });
            }
            store.remove(&item.image)?;
        }
        let output = store.save(&item.image, &item.file)?;
        Ok(ConvertEvent::Converted(converted(item, output)))
    }

    /// Writes what waits until all is there.
    pub(super) fn finish(self, on_event: &mut dyn FnMut(ConvertEvent)) {
        if !self.job.to.is_one_file() || self.gathered.is_empty() {
            return;
        }
        let is_file = self.job.out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let output = if is_file { self.job.out.clone() } else { self.job.out.join("annotations.json") };
        if output.exists() && !self.job.overwrite {
            for item in self.gathered {
                on_event(ConvertEvent::Kept { input: item.input, output: output.clone() });
            }
            return;
        }
        let write = || {
            let bytes = self.encode_one_file(&self.gathered)?;
            write_atomically(&output, &bytes).map_err(|source| ConvertError::Write { source, path: output.clone() })
        };
        if let Err(error) = write() {
            return on_event(ConvertEvent::Failed { input: output, error });
        }
        for item in self.gathered {
            on_event(ConvertEvent::Converted(converted(item, output.clone())));
        }
    }

    fn encode(&self, item: &Item) -> Result<Vec<u8>, ConvertError> {
        let failed = failed_at(&item.input);
        let label = self.job.label.as_deref().unwrap_or(OBJECT);
        let labelme = |shape| write_labelme(&item.file.mask, &item.image, label, shape);
        match self.job.to {
            MaskFormat::Npy => write_array(&item.file.mask).map_err(failed),
            MaskFormat::Labelme => labelme(LabelmeShape::Mask).map_err(failed),
            MaskFormat::Xanylabeling => labelme(LabelmeShape::Polygons).map_err(failed),
            MaskFormat::ImagenetS => {
                let no_class = || ConvertError::NoClass { path: item.input.clone() };
                write_imagenet_s(&item.file.mask, self.job.class.ok_or_else(no_class)?).map_err(failed)
            }
            MaskFormat::Png | MaskFormat::Coco | MaskFormat::CocoCounts | MaskFormat::CocoPolygons => {
                self.encode_one_file(std::slice::from_ref(item))
            }
        }
    }

    fn encode_one_file(&self, items: &[Item]) -> Result<Vec<u8>, ConvertError> {
        let shape = match self.job.to {
            MaskFormat::CocoCounts => CocoShape::Counts,
            MaskFormat::CocoPolygons => CocoShape::Polygons,
            _ => CocoShape::Compressed,
        };
        let named = |item: &Item| Named { image: name_of(&item.image), mask: item.file.mask.clone() };
        let masks: Vec<Named> = items.iter().map(named).collect();
        let path = items.first().map(|item| item.input.clone()).unwrap_or_default();
        write_coco(&masks, self.job.label.as_deref().unwrap_or(OBJECT), shape).map_err(failed_at(&path))
    }
}

/// COCO names photos relative to a folder that it does not name: an absolute path is cut to its file.
fn name_of(image: &Path) -> PathBuf {
    if image.is_absolute() { image.file_name().map(PathBuf::from).unwrap_or_default() } else { image.to_owned() }
}

fn failed_at(input: &Path) -> impl Fn(ExchangeError) -> ConvertError {
    let path = input.to_owned();
    move |source| ConvertError::Exchange { source, path: path.clone() }
}

fn converted(item: Item, output: PathBuf) -> Converted {
    let Item { input, image, file, .. } = item;
    Converted { input, image, output, size: file.mask.size(), area: file.mask.area() }
}
