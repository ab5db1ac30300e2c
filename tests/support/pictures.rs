//! Folders of small photos with masks, drawn for tests, and runs on them.

use std::path::{Path, PathBuf};

use image::{GrayImage, Luma, Rgb, RgbImage};
use vitrine::engine::Device;
use vitrine::finetune::{FinetuneConfig, Split};
use vitrine::jobs::finetune::{FinetuneJob, News, Photos, Start, Training, gather};
use vitrine::jobs::model::{LoadedModel, ModelSource, Profile};

use super::{data, model};

/// `images/CLASS/N.png` and `masks/CLASS/N.png`, 56×56: a disc on a background that differs from photo to photo.
/// The classes are named as the fixture model names its own.
pub fn draw(folder: &Path, classes: usize, per_class: usize) {
    for class in 0..classes {
        for index in 0..per_class {
            let (x, y) = (14 + (index * 13 + class * 7) as u32 % 28, 14 + (index * 5 + class * 17) as u32 % 28);
            let is_disc = |px: u32, py: u32| px.abs_diff(x).pow(2) + py.abs_diff(y).pow(2) < 100;
            let back = [(index * 40) as u8, (class * 60) as u8, 90];
            let front = [230, (class * 80) as u8, 40];
            let photo = RgbImage::from_fn(56, 56, |px, py| {
                let texture = ((px * 7 + py * 13) % 32) as u8;
                Rgb(if is_disc(px, py) { front } else { back }.map(|c: u8| c.saturating_add(texture)))
            });
            let mask = GrayImage::from_fn(56, 56, |px, py| Luma([if is_disc(px, py) { 255 } else { 0 }]));
            save(&folder.join(format!("images/class {class}/{index}.png")), |path| photo.save(path).unwrap());
            save(&folder.join(format!("masks/class {class}/{index}.png")), |path| mask.save(path).unwrap());
        }
    }
}

fn save(path: &Path, write: impl Fn(&Path)) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    write(path);
}

/// A run of seven photos to train on in steps of three: three steps an epoch, the last of one photo.
pub fn config() -> FinetuneConfig {
    FinetuneConfig {
        lr: 2e-3,
        epochs: 3,
        batch_size: 3,
        per_class: 0,
        validation_per_class: 2,
        hold_out_per_class: 1,
        guards: false,
        ..FinetuneConfig::default()
    }
}

/// The fixture model, ten classes at 48 pixels.
pub fn fixture_model() -> LoadedModel {
    let source = ModelSource::Named(data("plain.model.safetensors").display().to_string());
    LoadedModel::open(&source, Device::Cpu, &model::options("plain")).unwrap()
}

pub fn job(folder: &Path, config: FinetuneConfig, out: &str) -> FinetuneJob {
    let photos = Photos::Folders { images: folder.join("images"), masks: Some(folder.join("masks")) };
    FinetuneJob { photos, config, profile: Profile::Model, out: folder.join(out) }
}

/// Starts a run on the drawn photos.
pub fn begin(folder: &Path, config: FinetuneConfig, out: &str, model: &mut LoadedModel) -> Training {
    let job = job(folder, config, out);
    let split = gather(&job, &model.classes).unwrap();
    Training::start(&Start::New(Box::new(job)), split, Vec::new(), model).unwrap().0
}

pub fn resume(run: &Path, model: &mut LoadedModel) -> Training {
    Training::start(&Start::Resume(run.to_owned()), Split::default(), Vec::new(), model).unwrap().0
}

/// Advances until the run rests, or `enough` says so; everything it told.
pub fn advance(training: &mut Training, model: &mut LoadedModel, enough: impl Fn(&News) -> bool) -> Vec<News> {
    let mut told = Vec::new();
    while training.is_running() && !told.last().is_some_and(&enough) {
        told.extend(training.advance(model).unwrap());
    }
    told
}

/// To the end.
pub fn finish(training: &mut Training, model: &mut LoadedModel) -> Vec<News> {
    advance(training, model, |_| false)
}

pub fn checkpoint(run: &Path, step: usize) -> PathBuf {
    run.join(format!("checkpoints/step-{step:06}"))
}
