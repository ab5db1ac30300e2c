//! The embedded demo from outside: complete, small, consistent, and truly leaning on the background.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking, as the test itself does")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use image::{GrayImage, RgbImage};
use safetensors::{Dtype, SafeTensors};
use vitrine::demo::{self, DemoPhoto, Set};

/// Classes of the demo: twelve animals, each with a background of its own.
const CLASSES: usize = 12;

fn photos() -> Vec<DemoPhoto> {
    demo::photos().unwrap()
}

fn class_names() -> BTreeSet<String> {
    let config: serde_json::Value = serde_json::from_str(demo::config_json()).unwrap();
    let labels = config["id2label"].as_object().unwrap();
    labels.values().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn decode(photo: &DemoPhoto) -> (RgbImage, GrayImage) {
    let jpeg = image::load_from_memory(photo.jpeg).unwrap().into_rgb8();
    let mask = image::load_from_memory(photo.mask_png).unwrap();
    assert_eq!(mask.color(), image::ColorType::L8, "masks have one grey channel: {}", photo.name);
    (jpeg, mask.into_luma8())
}

#[test]
fn every_photo_decodes_and_has_a_binary_mask_of_its_size() {
    for photo in photos() {
        let (jpeg, mask) = decode(&photo);
        assert_eq!(jpeg.dimensions(), mask.dimensions(), "{}", photo.name);
        // At least 448 px: what looks good on a large canvas.
        assert!(jpeg.width() >= 448, "{} is only {} px wide", photo.name, jpeg.width());
        assert!(mask.pixels().all(|pixel| pixel[0] == 0 || pixel[0] == 255), "{} has grey mask pixels", photo.name);
        let share =
            mask.pixels().filter(|pixel| pixel[0] == 255).count() as f64 / f64::from(mask.width() * mask.height());
        // Sprites are 0.42 to 0.64 of the side (17 to 41 % of the area as squares); the animals fill
        // about a quarter (an eagle) to nine tenths of their squares, so 4 to 37 % of the photo.
        assert!((0.04..0.37).contains(&share), "{}: the mask covers {share:.3}", photo.name);
    }
}

#[test]
fn the_sets_hold_every_class_equally_often_with_the_backgrounds_they_promise() {
    let photos = photos();
    let mut homes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for photo in photos.iter().filter(|photo| photo.set == Set::Correlated) {
        homes.entry(&photo.class).or_default().insert(&photo.background);
    }
    assert_eq!(homes.len(), CLASSES);
    assert!(homes.values().all(|backgrounds| backgrounds.len() == 1), "a class has one home: {homes:?}");
    let distinct: BTreeSet<_> = homes.values().flatten().collect();
    assert_eq!(distinct.len(), CLASSES, "no two classes share a home: {homes:?}");
    for photo in photos.iter().filter(|photo| photo.set == Set::Counter) {
        assert!(!homes[&*photo.class].contains(&*photo.background), "{} is at home in the counter set", photo.name);
        assert!(distinct.contains(&&*photo.background), "{} stands somewhere unknown", photo.name);
    }
    for set in [Set::Correlated, Set::Counter] {
        for class in homes.keys() {
            let count = photos.iter().filter(|photo| photo.set == set && photo.class == *class).count();
            // Three masks per class are what the finetuning recipe of the paper asks for.
            assert_eq!(count, 3, "{class} in {set:?}");
        }
    }
}

#[test]
fn every_class_is_a_label_of_the_model() {
    let names = class_names();
    assert_eq!(names.len(), CLASSES);
    for photo in photos() {
        assert!(names.contains(&photo.class), "{} is no label", photo.class);
    }
}

#[test]
fn the_model_is_half_precision_with_timm_names_and_as_large_as_the_figures_say() {
    let tensors = SafeTensors::deserialize(demo::model_bytes()).unwrap();
    assert!(tensors.iter().all(|(_, tensor)| tensor.dtype() == Dtype::F16));
    let count: usize = tensors.iter().map(|(_, tensor)| tensor.shape().iter().product::<usize>()).sum();
    assert_eq!(count, demo::figures().unwrap().parameters);
    let config: serde_json::Value = serde_json::from_str(demo::config_json()).unwrap();
    let size = |key: &str| config[key].as_u64().unwrap() as usize;
    let (dim, grid) = (size("hidden_size"), size("image_size") / size("patch_size"));
    assert_eq!(tensors.tensor("head.weight").unwrap().shape(), [CLASSES, dim]);
    assert_eq!(tensors.tensor("pos_embed").unwrap().shape(), [1, 1 + grid * grid, dim]);
    let last = size("num_hidden_layers") - 1;
    assert_eq!(tensors.tensor(&format!("blocks.{last}.attn.qkv.weight")).unwrap().shape(), [3 * dim, dim]);
}

#[test]
fn the_model_takes_the_shortcut() {
    let figures = demo::figures().unwrap();
    // Each figure stands on enough pictures that a gap of 20 points is no accident: the standard error
    // of a difference of two shares of 600 is below 3 points.
    assert!(figures.correlated.pictures >= 600 && figures.counter.pictures >= 600);
    let gap = figures.correlated.accuracy - figures.counter.accuracy;
    assert!(gap >= 0.2, "the gap is only {gap:.3}");
    // It also knows the animals: clearly better than never, and than guessing (1/12).
    assert!(figures.counter.accuracy > 1.5 / CLASSES as f64, "{:?}", figures.counter);
}

#[test]
fn export_writes_every_embedded_byte() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("new/demo");
    demo::export(&target).unwrap();
    assert_eq!(std::fs::read(target.join("model.safetensors")).unwrap(), demo::model_bytes());
    assert_eq!(std::fs::read_to_string(target.join("config.json")).unwrap(), demo::config_json());
    for photo in photos() {
        let stem = format!("{}/{}/{}", photo.set.folder(), photo.class, photo.name);
        assert_eq!(std::fs::read(target.join(format!("photos/{stem}.jpg"))).unwrap(), photo.jpeg);
        assert_eq!(std::fs::read(target.join(format!("masks/{stem}.png"))).unwrap(), photo.mask_png);
    }
}

#[test]
fn export_names_the_file_it_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let occupied = folder.path().join("occupied");
    std::fs::write(&occupied, "a file where a folder should be").unwrap();
    let message = demo::export(&occupied).unwrap_err().to_string();
    assert!(message.ends_with("occupied/model.safetensors"), "{message}");
    assert!(message.contains("choose a folder"), "{message}");
}

#[test]
fn all_assets_fit_the_budget() {
    // 12 MB for everything below assets/demo, sprites included.
    let size = bytes_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo"));
    assert!(size <= 12_000_000, "{size} bytes");
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| if entry.path().is_dir() { bytes_below(&entry.path()) } else { entry.metadata().unwrap().len() })
        .sum()
}
