//! How good automatic masks are, and how long they take: TokenCut on DeiT-Tiny against masks of people (horses) and
//! of a saliency network (imagenette), before and after the bilateral solver; and the eigenvectors alone.
//!
//! `cargo bench --bench masks` reads `../shared`. Behind `--`, `--size 448`, `--tau 0.4`, `--block 9`, `--features k`,
//! `--enlarge false`, `--profile paper` and `--only horses` change what is run.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark talks and stops at the first surprise")]

use std::path::Path;
use std::time::Instant;

use vitrine::engine::Device;
use vitrine::image::{self, list_images};
use vitrine::jobs::mask::{TokenCutOptions, Workbench};
use vitrine::jobs::model::{LoadedModel, ModelSource};
use vitrine::mask::{MaskFile, MaskProfile, Spectrum};
use vitrine::size::Size;
use vitrine::vit::FeatureKind;
use vitrine::vit::weights::LoadOptions;

/// Sums over the photos of one set.
#[derive(Default)]
struct Sums {
    photos: usize,
    coarse: f64,
    refined: f64,
    /// Photos whose final mask has an IoU of at least one half.
    found: usize,
    seconds: [f64; 3],
}

fn main() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    if !shared.exists() {
        println!("skipped: {} not found", shared.display());
        return;
    }
    vitrine::engine::init_process();
    let arguments: Vec<String> = std::env::args().collect();
    let mut options = TokenCutOptions { size: Some(448), tau: Some(0.4), ..TokenCutOptions::default() };
    for pair in arguments.windows(2) {
        match (pair[0].as_str(), pair[1].as_str()) {
            ("--size", value) => options.size = Some(value.parse().unwrap()),
            ("--tau", value) => options.tau = Some(value.parse().unwrap()),
            ("--block", value) => options.block = Some(value.parse().unwrap()),
            ("--features", value) => {
                options.features = <FeatureKind as clap::ValueEnum>::from_str(value, true).unwrap();
            }
            ("--enlarge", "false") => options.enlarge = Some(false),
            ("--profile", "paper") => options.profile = MaskProfile::Paper,
            _ => {}
        }
    }
    let source = ModelSource::from(Some(&shared.join("models/deit_tiny_patch16_224.safetensors")));
    let model = LoadedModel::open(&source, Device::Cpu, &LoadOptions::default()).unwrap();
    println!("DeiT-Tiny, {options:?}\n");
    println!(
        "{:<12}{:>8}{:>10}{:>10}{:>12}{:>12}{:>14}{:>12}",
        "photos", "number", "coarse", "refined", "IoU ≥ 0.5", "features", "eigenvectors", "solver"
    );
    for (name, folder) in [("horses", "photos/horses"), ("imagenette", "photos/imagenette/val")] {
        if arguments.windows(2).any(|pair| pair[0] == "--only" && pair[1] != name) {
            continue;
        }
        let sums = over(&model, &shared.join(folder), &options);
        let each = |of: f64| of / sums.photos as f64;
        println!(
            "{name:<12}{:>8}{:>10.3}{:>10.3}{:>10.1} %{:>9.0} ms{:>11.0} ms{:>9.0} ms",
            sums.photos,
            each(sums.coarse),
            each(sums.refined),
            100.0 * each(sums.found as f64),
            1000.0 * each(sums.seconds[0]),
            1000.0 * each(sums.seconds[1]),
            1000.0 * each(sums.seconds[2]),
        );
    }
    eigenvectors();
}

fn over(model: &LoadedModel, folder: &Path, options: &TokenCutOptions) -> Sums {
    let mut sums = Sums::default();
    let images = folder.join("images");
    for path in list_images(&images).unwrap() {
        let mask = folder.join("masks").join(path.strip_prefix(&images).unwrap()).with_extension("png");
        let Some(truth) = reference(&mask) else { continue };
        let picture = image::load(&path).unwrap();
        let start = Instant::now();
        let mut bench = Workbench::new(model, &picture, options).unwrap();
        let features = start.elapsed().as_secs_f64();
        let coarse_only = TokenCutOptions { refine: None, ..*options };
        let start = Instant::now();
        let coarse = bench.mask(&path, &coarse_only).unwrap();
        let cut = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let refined = bench.mask(&path, options).unwrap();
        let solver = start.elapsed().as_secs_f64();
        sums.photos += 1;
        sums.coarse += coarse.file.mask.iou(&truth.mask).unwrap();
        let iou = refined.file.mask.iou(&truth.mask).unwrap();
        sums.refined += iou;
        sums.found += usize::from(iou >= 0.5);
        for (sum, seconds) in sums.seconds.iter_mut().zip([features, cut, solver]) {
            *sum += seconds;
        }
    }
    sums
}

/// Some photos have no reference mask.
fn reference(path: &Path) -> Option<MaskFile> {
    path.exists().then(|| MaskFile::load(path).unwrap())
}

/// 784 patches of two objects on a noisy ground, as 448 pixels give with patches of 16.
fn eigenvectors() {
    let grid = Size::square(28);
    let feature = |patch: usize, at: usize| {
        let (row, column) = (patch / 28, patch % 28);
        let object = usize::from((4..14).contains(&row) && (4..14).contains(&column)) + 2 * usize::from(row > 20);
        let noise = ((patch * 7919 + at * 104_729) % 1000) as f32 / 1000.0 - 0.5;
        if at == object { 1.0 } else { 0.35 * noise }
    };
    let features: Vec<f32> = (0..784).flat_map(|patch| (0..192).map(move |at| feature(patch, at))).collect();
    let mut fastest = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        let spectrum = Spectrum::of(&features, grid, 0.4, 6).unwrap();
        fastest = fastest.min(start.elapsed().as_secs_f64());
        assert!(spectrum.eigenvalues()[0].is_finite());
    }
    println!("\naffinity and 6 eigenvectors of 784 patches: {:.0} ms", 1000.0 * fastest);
}
