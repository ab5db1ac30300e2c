//! `vitrine explain` and its neighbours as typed: files, JSON, exit codes, and what they say about bad input.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use support::model::{Expected, relative_error};
use support::{data, safetensors};

fn vitrine(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitrine")).args(args).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder with the demo's photos.
fn demo_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    vitrine::demo::export(folder.path()).unwrap();
    folder
}

fn photos(folder: &Path) -> Vec<PathBuf> {
    vitrine::image::list_images(&folder.join("photos/counter")).unwrap()
}

#[test]
fn a_photo_becomes_a_figure_an_array_and_a_report() {
    let folder = demo_folder();
    let photo = photos(folder.path())[0].clone();
    let output = vitrine(folder.path(), &["explain", photo.to_str().unwrap(), "--out", "out"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let stem = folder.path().join("out").join(photo.file_stem().unwrap());
    let with = |ending: &str| PathBuf::from(format!("{}{ending}", stem.display()));

    let report: Value = serde_json::from_slice(&std::fs::read(with(".json")).unwrap()).unwrap();
    assert_eq!(report["grid"], serde_json::json!({"height": 12, "width": 12}));
    assert_eq!(report["top"].as_array().unwrap().len(), 5);
    assert_eq!(report["target"], report["top"][0]);
    assert_eq!(report["flat"], false);
    let bytes = std::fs::read(with(".relevance.npy")).unwrap();
    let array = npyz::NpyFile::new(&bytes[..]).unwrap();
    assert_eq!(array.shape(), [12, 12]);
    let values = array.into_vec::<f32>().unwrap();
    let max = values.iter().copied().fold(f32::MIN, f32::max);
    assert!((f64::from(max) - report["max"].as_f64().unwrap()).abs() < 1e-9);
    let figure = vitrine::image::load(&with(".overlay.png")).unwrap();
    assert!(figure.size().width > figure.size().height, "the colour bar stands beside the photo");
}

#[test]
fn one_bad_image_is_reported_and_the_rest_go_on() {
    let folder = demo_folder();
    let mixed = folder.path().join("mixed");
    std::fs::create_dir(&mixed).unwrap();
    std::fs::copy(&photos(folder.path())[0], mixed.join("good.jpg")).unwrap();
    std::fs::write(mixed.join("broken.jpg"), b"\xff\xd8 no more").unwrap();
    let output = vitrine(folder.path(), &["explain", "mixed", "--out", "-"]);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0]["error"].as_str().unwrap().contains("broken.jpg"));
    assert!(lines[1]["image"].as_str().unwrap().contains("good.jpg"));
    assert!(text(&output.stderr).contains("broken.jpg"));
}

#[test]
fn every_method_explains_and_targets_change_the_map() {
    let folder = demo_folder();
    let photo = photos(folder.path())[0].to_str().unwrap().to_owned();
    let explain = |more: &[&str]| -> Value {
        let args = [&["explain", &photo, "--out", "-"], more].concat();
        let output = vitrine(folder.path(), &args);
        assert_eq!(output.status.code(), Some(0), "{more:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    for method in vitrine::relevance::Method::ALL {
        // RISE sends thousands of masked pictures through the model; the library tests cover it.
        if method != vitrine::relevance::Method::Rise {
            assert_eq!(explain(&["--method", method.name()])["method"], method.name());
        }
    }
    let own = explain(&[]);
    for more in [
        &["--target", "fox"][..],
        &["--contrast", "fox"],
        &["--first-block", "3"],
        &["--token", "0,11"],
        &["--mute", "2,5:1"],
        &["--objective", "probability"],
    ] {
        assert_ne!(explain(more)["max"], own["max"], "{more:?}");
    }
    assert_eq!(explain(&["--objective", "probability"])["objective"], "probability");
    assert_eq!(explain(&["--target", "fox"])["target"]["name"], "fox");
}

#[test]
fn the_numbers_of_a_method_are_options() {
    let folder = demo_folder();
    let photo = photos(folder.path())[0].to_str().unwrap().to_owned();
    let max = |method: &str, more: &[&str]| -> Value {
        let args = [&["explain", &photo, "--out", "-", "--method", method], more].concat();
        let output = vitrine(folder.path(), &args);
        assert_eq!(output.status.code(), Some(0), "{more:?}: {}", text(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["max"].clone()
    };
    assert_ne!(max("integrated-gradients", &["--steps", "2"]), max("integrated-gradients", &["--steps", "3"]));
    let noisy = |more: &[&str]| max("smoothgrad", &[&["--samples", "2"], more].concat());
    assert_ne!(noisy(&["--seed", "1"]), noisy(&["--seed", "2"]));
    assert_eq!(noisy(&["--seed", "1"]), noisy(&["--seed", "1"]));
    assert_ne!(noisy(&[]), noisy(&["--noise", "0.4"]));
    assert_ne!(
        max("occlusion", &["--window", "4", "--stride", "4"]),
        max("occlusion", &["--window", "6", "--stride", "6"])
    );
    let few = ["--masks", "8"];
    assert_ne!(max("rise", &few), max("rise", &[&few[..], &["--cells", "4", "--visible", "0.8"]].concat()));
}

#[test]
fn a_model_is_looked_up_in_the_named_cache() {
    let folder = demo_folder();
    let photo = photos(folder.path())[0].to_str().unwrap().to_owned();
    let output = vitrine(folder.path(), &["explain", &photo, "--model", "deit-ti", "--cache", "empty", "--out", "-"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("vitrine models get deit-ti"), "{}", text(&output.stderr));
    // The layout of the cache as Hugging Face's tools have it.
    let repository = folder.path().join("cache/models--timm--deit_tiny_patch16_224.fb_in1k");
    let snapshot = repository.join("snapshots/c0ffee");
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::create_dir_all(repository.join("refs")).unwrap();
    std::fs::write(repository.join("refs/main"), "c0ffee").unwrap();
    for name in ["model.safetensors", "config.json"] {
        std::fs::copy(folder.path().join(name), snapshot.join(name)).unwrap();
    }
    let output = vitrine(folder.path(), &["explain", &photo, "--model", "deit-ti", "--cache", "cache", "--out", "-"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["model"], "deit-ti");
}

#[test]
fn wrong_arguments_exit_with_2_and_name_the_cure() {
    let folder = demo_folder();
    let photo = photos(folder.path())[0].to_str().unwrap().to_owned();
    for (more, says) in [
        (&["--target", "unicorn"][..], "unicorn"),
        (&["--first-block", "99"], "blocks 0 to 5"),
        (&["--mute", "99"], "blocks 0 to 5"),
        (&["--mute", "0:99"], "heads 0 to 2"),
        (&["--mute", "first"], "«first» is neither a block"),
        (&["--mute", "1", "--method", "rollout"], "only gae"),
        (&["--objective", "probability", "--contrast", "fox"], "compares logits"),
        (&["--token", "12,0"], "12×12"),
        (&["--token", "corner"], "row and column"),
        (&["--method", "magic"], "gae"),
        (&["--device", "abacus"], "cpu"),
    ] {
        let output = vitrine(folder.path(), &[&["explain", &photo, "--out", "-"], more].concat());
        assert_eq!(output.status.code(), Some(2), "{more:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(says), "{more:?}: {}", text(&output.stderr));
    }
    assert_eq!(vitrine(folder.path(), &["explain", "--out", "-"]).status.code(), Some(2));
}

#[test]
fn missing_files_exit_with_1_and_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = vitrine(folder.path(), &["explain", "nowhere.jpg", "--out", "-"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("nowhere.jpg"));
    let output = vitrine(folder.path(), &["explain", "nowhere.jpg", "--model", "nothing.pth", "--out", "-"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("nothing.pth"));
}

#[test]
fn tensors_in_tensors_out() {
    let folder = tempfile::tempdir().unwrap();
    let expected = Expected::of("plain");
    let input = [("image".to_owned(), expected.tensors["image"].clone())].into();
    std::fs::write(folder.path().join("in.safetensors"), safetensors(&input)).unwrap();
    let model = data("plain.model.safetensors");
    let model = model.to_str().unwrap();
    let args = |input| ["explain", "--tensor", input, "--model", model, "--heads", "3", "--out", "out.safetensors"];
    let output = vitrine(folder.path(), &args("in.safetensors"));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let bytes = std::fs::read(folder.path().join("out.safetensors")).unwrap();
    let file = ::safetensors::SafeTensors::deserialize(&bytes).unwrap();
    for (name, theirs) in [("logits", "logits"), ("attention.2", "attention.2")] {
        let view = file.tensor(name).unwrap();
        assert_eq!(view.shape(), expected.tensors[theirs].0);
        let ours: Vec<f32> = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        // Parity as in passes.rs.
        assert!(relative_error(&ours, &expected.tensors[theirs].1) < 1e-4, "{name}");
    }
    assert_eq!(file.tensor("relevance").unwrap().shape(), [2, 6, 6]);
    assert_eq!(file.tensor("relevance.first_block_3").unwrap().shape(), [2, 6, 6]);
    assert_eq!(file.tensor("gradient.0").unwrap().shape(), [2, 3, 37, 37]);

    std::fs::write(folder.path().join("other.safetensors"), safetensors(&Default::default())).unwrap();
    let output = vitrine(folder.path(), &args("other.safetensors"));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no tensor «image»"));
}

#[test]
fn the_demo_shows_its_shortcut() {
    let folder = tempfile::tempdir().unwrap();
    let output = vitrine(folder.path(), &["demo", "--explain", "vitrine-demo"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    // The demo's own figures promise at least 20 points between the sets; the shipped photos must show it.
    let right = |set: &str| -> usize {
        let line = said.lines().rfind(|line| line.starts_with(set)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    assert!(right("correlated") >= 33 && right("counter") <= 24, "{said}");
    let figures = vitrine::image::list_images(&folder.path().join("vitrine-demo/explained")).unwrap();
    assert_eq!(figures.len(), 72);
    let output = vitrine(folder.path(), &["demo", "--json"]);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["photos"].as_array().unwrap().len(), 72);
}
