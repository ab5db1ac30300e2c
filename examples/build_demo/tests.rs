//! Tests of the builder itself: gradients, determinism, exact masks, and a tiny whole run.

use std::path::Path;

use candle_core::{D, Device, Tensor, Var};
use clap::Parser;

use crate::cli::Options;
use crate::dataset::{CORRELATION, Dataset, Split, scene, shrink};
use crate::dice::Dice;
use crate::kernels;
use crate::model::{GRID, IMAGE_SIZE, PATCH_LENGTH, Vit};
use crate::species::SPECIES;
use crate::sprites::Cast;
use crate::train;

fn sprites() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/sprites")
}

fn random(shape: &[usize], seed: u64) -> Var {
    let mut dice = Dice::new(seed);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| dice.around(0.0, 3.0)).collect();
    Var::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Asserts that two ways to compute agree in value and in the gradient of every input.
fn agree(ours: &Tensor, theirs: &Tensor, inputs: &[&Var]) {
    // An arbitrary smooth scalar, so that the incoming gradients differ from element to element.
    let gradients = |y: &Tensor| (y * y.sin().unwrap()).unwrap().sum_all().unwrap().backward().unwrap();
    let (a, b) = (gradients(ours), gradients(theirs));
    let mut pairs = vec![(ours.clone(), theirs.clone())];
    pairs.extend(inputs.iter().map(|input| (a.get(input).unwrap().clone(), b.get(input).unwrap().clone())));
    for (ours, theirs) in pairs {
        let error = (ours - &theirs).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        let size = theirs.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        // f32 sums over at most 40 terms and an erf good to 1.5e-7.
        assert!(error <= 5e-6 * (1.0 + size), "error {error} at size {size}");
    }
}

#[test]
fn gelu_agrees_with_candle() {
    let x = random(&[7, 33], 1);
    agree(&kernels::gelu(&x).unwrap(), &x.gelu_erf().unwrap(), &[&x]);
}

#[test]
fn softmax_agrees_with_candle() {
    let x = random(&[5, 2, 37], 2);
    let theirs = candle_nn::ops::softmax(&(x.as_tensor() * 0.125).unwrap(), D::Minus1).unwrap();
    agree(&kernels::softmax(&x, 0.125).unwrap(), &theirs, &[&x]);
}

#[test]
fn layer_norm_agrees_with_its_definition() {
    let (x, weight, bias) = (random(&[6, 40], 3), random(&[40], 4), random(&[40], 5));
    let centred = x.broadcast_sub(&x.mean_keepdim(1).unwrap()).unwrap();
    let deviation = (centred.sqr().unwrap().mean_keepdim(1).unwrap() + 1e-6).unwrap().sqrt().unwrap();
    let scaled = centred.broadcast_div(&deviation).unwrap().broadcast_mul(&weight).unwrap();
    let theirs = scaled.broadcast_add(&bias).unwrap();
    agree(&kernels::layer_norm(&x, &weight, &bias, 1e-6).unwrap(), &theirs, &[&x, &weight, &bias]);
}

#[test]
fn bias_agrees_with_broadcasting() {
    let (x, bias) = (random(&[6, 9], 6), random(&[9], 7));
    agree(&kernels::add_bias(&x, &bias).unwrap(), &x.broadcast_add(&bias).unwrap(), &[&x, &bias]);
}

#[test]
fn every_weight_gets_a_gradient() {
    let vit = Vit::new(SPECIES.len(), &mut Dice::new(1)).unwrap();
    let patches = random(&[2, GRID * GRID, PATCH_LENGTH], 8);
    let positions: Vec<u32> = (0..(GRID * GRID) as u32).collect();
    let logits = vit.logits(&patches, &Tensor::new(positions, &Device::Cpu).unwrap()).unwrap();
    assert_eq!(logits.dims(), [2, SPECIES.len()]);
    let gradients = logits.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    for (name, weight) in vit.weights() {
        let gradient = gradients.get(weight).unwrap_or_else(|| panic!("{name} gets no gradient"));
        let size = gradient.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(size > 0.0, "the gradient of {name} is zero");
    }
}

#[test]
fn a_scene_looks_the_same_at_every_resolution() {
    let cast = Cast::load(&sprites()).unwrap();
    for index in 0..SPECIES.len() {
        let scene = scene(1, Split::PhotosCounter, index);
        let (small, large) = (scene.render(&cast, 64, 4), scene.render(&cast, 128, 2));
        let share = |mask: &[u8]| mask.iter().filter(|&&m| m == 255).count() as f64 / mask.len() as f64;
        // Both masks come from 256 fine pixels a side; only the rim, a pixel wide, may differ.
        assert!((share(&small.mask) - share(&large.mask)).abs() < 0.01, "scene {index}");
        let mean = |rgb: &[[u8; 3]]| rgb.as_flattened().iter().map(|&c| f64::from(c)).sum::<f64>() / rgb.len() as f64;
        // The same fine pixels averaged: rounding to whole levels is all that differs.
        assert!((mean(&small.rgb) - mean(&large.rgb)).abs() < 0.5, "scene {index}");
    }
}

#[test]
fn splits_keep_their_promises_about_backgrounds() {
    let at_home = |split, count: usize| {
        (0..count).map(|index| scene(1, split, index)).filter(|s| SPECIES[s.class].home == s.background).count()
    };
    assert_eq!(at_home(Split::TestCounter, 600), 0);
    assert_eq!(at_home(Split::PhotosCorrelated, 60), 60);
    let share = at_home(Split::Training, 4000) as f32 / 4000.0;
    // Binomial deviation: √(0.92·0.08/4000) = 0.0043; four of them.
    assert!((share - CORRELATION).abs() < 0.0172, "{share}");
}

#[test]
fn pictures_are_reproducible() {
    let cast = Cast::load(&sprites()).unwrap();
    let render = || Dataset::render(&cast, 5, Split::Training, 12, IMAGE_SIZE).unwrap().pictures;
    assert_eq!(render(), render());
}

#[test]
fn a_tiny_run_writes_a_complete_demo() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let sprites = sprites();
    let arguments = ["build_demo", "--quick", "--batch", "16", "--out", out, "--sprites", sprites.to_str().unwrap()];
    crate::build(&Options::parse_from(arguments)).unwrap();
    for file in ["model.safetensors", "config.json", "demo.json"] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
    for species in &SPECIES {
        let photo = folder.path().join(format!("photos/counter/{0}/{0}-1.jpg", species.name));
        assert!(photo.is_file(), "{}", photo.display());
        let mask = folder.path().join(format!("masks/counter/{0}/{0}-1.png", species.name));
        assert!(mask.is_file(), "{}", mask.display());
    }
}

#[test]
fn the_drawn_sets_are_the_pictures_that_were_judged() {
    let folder = tempfile::tempdir().unwrap();
    let sprites = sprites();
    let options = Options::parse_from(["build_demo", "--quick", "--sprites", sprites.to_str().unwrap()]);
    let cast = Cast::load(&sprites).unwrap();
    crate::export::write_sets(&cast, &options, folder.path()).unwrap();
    let judged = Dataset::render(&cast, options.seed, Split::TestCounter, 12, IMAGE_SIZE).unwrap();
    for (index, (picture, class)) in judged.pictures.iter().zip(&judged.classes).enumerate() {
        let place =
            |kind: &str| folder.path().join(format!("test-counter/{kind}/{}/{index:03}.png", SPECIES[*class].name));
        let drawn = image::open(place("images")).unwrap().into_rgb8();
        let side = drawn.width() as usize;
        assert_eq!(shrink(drawn.into_raw(), side, IMAGE_SIZE).unwrap(), *picture);
        let mask = image::open(place("masks")).unwrap().into_luma8();
        assert!(mask.pixels().any(|pixel| pixel[0] == 255) && mask.width() as usize == side);
    }
}

/// Share of right answers of the shipped model on the shipped photos of a set, read as a user's files are.
fn shipped_accuracy(set: &str) -> f64 {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo");
    let vit = Vit::new(SPECIES.len(), &mut Dice::new(0)).unwrap();
    vit.load(&assets.join("model.safetensors")).unwrap();
    let (mut pictures, mut classes) = (Vec::new(), Vec::new());
    for (class, species) in SPECIES.iter().enumerate() {
        for file in std::fs::read_dir(assets.join("photos").join(set).join(species.name)).unwrap() {
            let photo = image::open(file.unwrap().path()).unwrap().into_rgb8();
            let side = photo.width() as usize;
            pictures.push(shrink(photo.into_raw(), side, IMAGE_SIZE).unwrap());
            classes.push(class);
        }
    }
    train::accuracy(&vit, &Dataset { side: IMAGE_SIZE, pictures, classes }).unwrap()
}

#[test]
fn the_shipped_photos_show_what_the_test_sets_measure() {
    let (correlated, counter) = (shipped_accuracy("correlated"), shipped_accuracy("counter"));
    // Test sets: 0.960 (with 8 % strangers in them) and 0.343. On 36 photos the deviation of a share
    // is √(0.343·0.657/36) = 0.08; three of them on the one side, four misses on the other.
    assert!(correlated >= 0.88, "{correlated}");
    assert!(counter <= 0.343 + 0.24, "{counter}");
    println!("photos: correlated {correlated:.3}, counter-correlated {counter:.3}");
}
