//! Writes the files of the demo, each atomically.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use rayon::prelude::*;
use serde_json::json;

use crate::cli::Options;
use crate::dataset::{Split, scene};
use crate::model::{DEPTH, DIM, HEADS, HIDDEN, IMAGE_SIZE, NORM_EPS, PATCH_SIZE, Vit};
use crate::report::PhotoRecord;
use crate::species::SPECIES;
use crate::sprites::Cast;

/// Side of a photo in pixels.
const PHOTO_SIDE: usize = 512;
const JPEG_QUALITY: u8 = 90;

/// Half-precision safetensors with timm's names; seed and command go into the file's metadata.
pub fn write_model(vit: &Vit, path: &Path, seed: u64, command: &str) -> Result<()> {
    let facts = [("format", "pt"), ("seed", &seed.to_string()), ("command", command)];
    let metadata = facts.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let bytes = safetensors::serialize(vit.half_weights()?, Some(HashMap::from(metadata)))?;
    write_atomically(path, &bytes)
}

/// `config.json` in the keys of Hugging Face and, under `pretrained_cfg`, of timm.
pub fn write_config(folder: &Path) -> Result<()> {
    let numbered = SPECIES.iter().enumerate();
    let label_of: serde_json::Map<_, _> = numbered.map(|(id, species)| (id.to_string(), json!(species.name))).collect();
    let half = [0.5, 0.5, 0.5];
    // Through a string, or 1e-6 would show f32's rounding.
    let epsilon: f64 = NORM_EPS.to_string().parse()?;
    let config = json!({
        "model_type": "vit",
        "architecture": format!("vit_demo_patch{PATCH_SIZE}_{IMAGE_SIZE}"),
        "hidden_size": DIM,
        "num_hidden_layers": DEPTH,
        "num_attention_heads": HEADS,
        "intermediate_size": HIDDEN,
        "image_size": IMAGE_SIZE,
        "patch_size": PATCH_SIZE,
        "num_channels": 3,
        "qkv_bias": true,
        "hidden_act": "gelu",
        "layer_norm_eps": epsilon,
        "num_classes": SPECIES.len(),
        "id2label": label_of,
        "mean": half,
        "std": half,
        "crop_pct": 1.0,
        "interpolation": "bicubic",
        "pretrained_cfg": {
            "input_size": [3, IMAGE_SIZE, IMAGE_SIZE],
            "mean": half,
            "std": half,
            "crop_pct": 1.0,
            "interpolation": "bicubic",
            "num_classes": SPECIES.len(),
        },
    });
    write_atomically(&folder.join("config.json"), serde_json::to_string_pretty(&config)?.as_bytes())
}

/// Draws and writes the photos of both sets with their masks; returns what they show.
pub fn write_photos(cast: &Cast, options: &Options) -> Result<Vec<PhotoRecord>> {
    let count = options.photos_per_class() * SPECIES.len();
    let sets = [("correlated", Split::PhotosCorrelated), ("counter", Split::PhotosCounter)];
    let all: Vec<_> = sets.iter().flat_map(|set| (0..count).map(move |index| (set, index))).collect();
    let write = |((set, split), index): &(&(&'static str, Split), usize)| {
        let scene = scene(options.seed, *split, *index);
        let class = SPECIES[scene.class].name;
        let name = format!("{class}-{}", index / SPECIES.len() + 1);
        let picture = scene.render(cast, PHOTO_SIDE, 2);
        let side = PHOTO_SIDE as u32;
        let mut jpeg = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY);
        encoder.write_image(picture.rgb.as_flattened(), side, side, ExtendedColorType::Rgb8)?;
        write_atomically(&options.out.join(format!("photos/{set}/{class}/{name}.jpg")), &jpeg)?;
        let mut png = Vec::new();
        let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::Adaptive);
        encoder.write_image(&picture.mask, side, side, ExtendedColorType::L8)?;
        write_atomically(&options.out.join(format!("masks/{set}/{class}/{name}.png")), &png)?;
        Ok(PhotoRecord { name, set, class, scene })
    };
    all.par_iter().map(write).collect()
}

/// Writes the pictures on which the model is judged, `SET/images/CLASS/NUMBER.png`, with their masks,
/// `SET/masks/CLASS/NUMBER.png`: twice as fine as the model's input, from which the program reduces them as
/// [`crate::dataset::Dataset`] does.
pub fn write_sets(cast: &Cast, options: &Options, folder: &Path) -> Result<()> {
    let (validation, test) = (options.validation_pictures(), options.test_pictures());
    let sets = [
        ("validation-correlated", Split::ValidationCorrelated, validation),
        ("validation-counter", Split::ValidationCounter, validation),
        ("test-correlated", Split::TestCorrelated, test),
        ("test-counter", Split::TestCounter, test),
    ];
    let all: Vec<_> = sets.iter().flat_map(|set| (0..set.2).map(move |index| (set, index))).collect();
    let write = |((name, split, _), index): &(&(&str, Split, usize), usize)| {
        let scene = scene(options.seed, *split, *index);
        let picture = scene.render(cast, 2 * IMAGE_SIZE, 1);
        let side = picture.side as u32;
        let class = SPECIES[scene.class].name;
        let place = |kind: &str| folder.join(format!("{name}/{kind}/{class}/{index:03}.png"));
        for (kind, bytes, colour) in [
            ("images", picture.rgb.as_flattened(), ExtendedColorType::Rgb8),
            ("masks", picture.mask.as_slice(), ExtendedColorType::L8),
        ] {
            let mut png = Vec::new();
            PngEncoder::new(&mut png).write_image(bytes, side, side, colour)?;
            write_atomically(&place(kind), &png)?;
        }
        Ok(())
    };
    all.par_iter().map(write).collect()
}

/// Writes beside the target first, so that no reader ever sees half a file.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file needs a folder")?;
    let partial = path.with_extension("part");
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(&partial, bytes)?;
        std::fs::rename(&partial, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
