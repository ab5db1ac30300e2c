//! `vitrine models`, as typed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use clap::Parser;
use support::data;
use vitrine::cli::models::{ModelsArgs, run};

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    models: ModelsArgs,
}

fn vitrine_models(arguments: &[&str]) -> anyhow::Result<String> {
    let line = CommandLine::try_parse_from([&["models"], arguments].concat())?;
    let mut out = Vec::new();
    run(&line.models, &mut out)?;
    Ok(String::from_utf8(out)?)
}

#[test]
fn inspect_tells_architecture_and_report() {
    let file = data("plain.robustvit.pth.tar");
    let text = vitrine_models(&["inspect", file.to_str().unwrap(), "--heads", "3"]).unwrap();
    for part in ["48×48", "3 (as given)", "PyTorch archive, timm names, under `state_dict`", "best_loss, epoch"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn inspect_as_json_is_complete() {
    let file = data("wide.model.safetensors");
    let arguments = ["inspect", file.to_str().unwrap(), "--heads", "4", "--input", "64x32", "--json"];
    let json: serde_json::Value = serde_json::from_str(&vitrine_models(&arguments).unwrap()).unwrap();
    // Width first on the command line, as in the file names of photos; grid 4 × 8 of 8-pixel patches.
    assert_eq!(json["config"]["input"], serde_json::json!({ "height": 32, "width": 64 }));
    assert_eq!(json["config"]["heads"], 4);
    assert_eq!(json["normalisation_assumed"], true);
    assert_eq!(json["report"]["container"], "safetensors");
    assert_eq!(
        json["report"]["mapped"].as_array().unwrap().len(),
        json["config"]["depth"].as_u64().unwrap() as usize * 12 + 8
    );
}

#[test]
fn inspect_says_which_flag_is_missing() {
    let file = data("plain.model.safetensors");
    let message = vitrine_models(&["inspect", file.to_str().unwrap()]).unwrap_err().to_string();
    assert!(message.contains("--heads") && message.ends_with("plain.model.safetensors"), "{message}");
}

#[test]
fn list_has_the_papers_seven_models() {
    let cache = tempfile::tempdir().unwrap();
    let cache = cache.path().to_str().unwrap();
    let text = vitrine_models(&["list", "--cache", cache]).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("of the paper")).count(), 7);
    let json: serde_json::Value =
        serde_json::from_str(&vitrine_models(&["list", "--cache", cache, "--json"]).unwrap()).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 12);
    assert!(json[0]["path"].is_null());
    let error = vitrine_models(&["get", "vit-xxl", "--cache", cache]).unwrap_err();
    assert!(error.to_string().contains("vitrine models list"), "{error}");
}
