//! `vitrine evaluate` and `vitrine compare` as typed, on the embedded demo: figures, files, exit codes, bad input.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::Value;

fn vitrine(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitrine")).args(args).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn demo_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    vitrine::demo::export(folder.path()).unwrap();
    folder
}

fn json(output: &Output, code: i32) -> Value {
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn row<'a>(report: &'a Value, key: &str) -> &'a Value {
    report["rows"].as_array().unwrap().iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("no {key}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

const COUNTER: [&str; 4] = ["--images", "photos/counter", "--masks", "masks/counter"];

#[test]
fn the_demo_leans_on_its_backgrounds_and_the_figures_say_so() {
    let folder = demo_folder();
    let evaluate = |set: &str| {
        let (images, masks) = (format!("photos/{set}"), format!("masks/{set}"));
        let args =
            ["evaluate", "--images", &images, "--masks", &masks, "--explain", "predicted", "--out", "r.json", "--json"];
        json(&vitrine(folder.path(), &args), 0)
    };
    let (correlated, counter) = (evaluate("correlated"), evaluate("counter"));
    // The demo's own promise (tests/explain_command.rs): 33 of 36 at least, and 24 at most.
    assert!(number(&row(&correlated, "top_1")["value"]) >= 33.0 / 36.0);
    assert!(number(&row(&counter, "top_1")["value"]) <= 24.0 / 36.0);
    // It names the animal by the background: moved to another class's, most answers are lost; moved within, few.
    let of = |scene: &str| number(&row(&correlated, &format!("background.{scene}.top_1"))["value"]);
    assert!(of("original") - of("other_class") > 0.3, "{} {}", of("original"), of("other_class"));
    assert!(of("same_class") > of("other_class") && of("background_only") > of("other_class"));
    let reliance = number(&row(&correlated, "background_reliance.top_1")["value"]);
    assert!((reliance - (of("original") - of("other_class"))).abs() < 1e-9);

    for report in [&correlated, &counter] {
        assert_eq!(report["counts"]["pictures"], 36);
        assert_eq!(report["per_class"].as_array().unwrap().len(), 12);
        for row in report["rows"].as_array().unwrap() {
            let (value, interval) = (number(&row["value"]), &row["interval"]);
            let (low, high) = (number(&interval["low"]), number(&interval["high"]));
            assert!(low <= value + 1e-9 && value <= high + 1e-9 || row["key"] == "calibration_error", "{row}");
        }
    }
    let written: Value = serde_json::from_slice(&std::fs::read(folder.path().join("r.json")).unwrap()).unwrap();
    assert_eq!(written["pictures"].as_array().unwrap().len(), 36);
    assert_eq!(written["rows"], counter["rows"]);
}

#[test]
fn relevance_on_the_object_is_what_the_demo_reports() {
    let folder = demo_folder();
    let args = [&["evaluate"], &COUNTER[..], &["--explain", "predicted", "--out", "-", "--json"]].concat();
    let report = json(&vitrine(folder.path(), &args), 0);
    let said = text(&vitrine(folder.path(), &["demo", "--explain", "out"]).stdout);
    let line = said.lines().rfind(|line| line.starts_with("counter")).unwrap();
    let percent: f64 = line.split("; ").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    // The demo samples its masks at pixel centres and rounds to whole per cent.
    assert!((100.0 * number(&row(&report, "relevance_mass")["value"]) - percent).abs() < 1.0, "{line}");
}

#[test]
fn the_same_seed_gives_the_same_figures_and_another_other_backgrounds() {
    let folder = demo_folder();
    let evaluate = |seed: &str| {
        let more = ["--per-class", "2", "--seed", seed, "--out", "-", "--json"];
        json(&vitrine(folder.path(), &[&["evaluate"], &COUNTER[..], &more].concat()), 0)["rows"].clone()
    };
    assert_eq!(evaluate("1"), evaluate("1"));
    assert_ne!(evaluate("1"), evaluate("2"));
}

#[test]
fn pixels_are_taken_away_in_the_order_of_the_map() {
    let folder = demo_folder();
    let photos = ["--images", "photos/correlated/fox", "--masks", "masks/correlated/fox"];
    let more = ["--perturbation", "--no-backgrounds", "--resamples", "0", "--out", "-", "--json"];
    let args = [&["evaluate"], &photos[..], &more].concat();
    let report = json(&vitrine(folder.path(), &args), 0);
    let (positive, negative) = (row(&report, "perturbation.positive"), row(&report, "perturbation.negative"));
    // Without its most relevant pixels the model is wrong sooner than without its least relevant ones.
    assert!(number(&positive["value"]) < number(&negative["value"]), "{positive} {negative}");
    assert!(number(&row(&report, "deletion")["value"]) < number(&row(&report, "insertion")["value"]));
    assert!(positive["interval"].is_null() && positive["random_map"].is_number());
    assert!(!report["rows"].as_array().unwrap().iter().any(|row| row["group"] == "background"));
}

/// The demo's model with the head's rows of two classes swapped: it answers the one where it answered the other.
fn swapped(folder: &Path, a: usize, b: usize) {
    let bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors: Vec<(String, Vec<u8>, TensorView<'_>)> = file
        .iter()
        .map(|(name, view)| {
            let mut data = view.data().to_vec();
            if name.starts_with("head.") {
                let row = data.len() / view.shape()[0];
                for at in 0..row {
                    data.swap(a * row + at, b * row + at);
                }
            }
            (name.to_owned(), data, view)
        })
        .collect();
    let views = tensors
        .iter()
        .map(|(name, data, view)| (name.as_str(), TensorView::new(view.dtype(), view.shape().to_vec(), data).unwrap()));
    let after = folder.join("after");
    std::fs::create_dir(&after).unwrap();
    std::fs::write(after.join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
    std::fs::copy(folder.join("config.json"), after.join("config.json")).unwrap();
}

fn compare(folder: &Path, after: &str, more: &[&str]) -> Output {
    let models = ["compare", "--before", "model.safetensors", "--after", after, "--out", "cmp", "--json"];
    vitrine(folder, &[&models, more].concat())
}

#[test]
fn swapped_answers_are_found_one_by_one() {
    let folder = demo_folder();
    swapped(folder.path(), 0, 1);
    let images = ["--images", "photos/correlated", "--masks", "masks/correlated"];
    let report = json(&compare(folder.path(), "after", &images), 0);
    let flips = report["flips"].as_array().unwrap();
    assert_eq!(flips.len(), 36);
    for flip in flips {
        let turned = |class: &Value| match class.as_u64().unwrap() {
            0 => 1,
            1 => 0,
            other => other,
        };
        assert_eq!(turned(&flip["before"]["class"]), flip["after"]["class"].as_u64().unwrap(), "{flip}");
    }
    let broken = flips.iter().filter(|flip| flip["kind"] == "broken").count();
    let test = &row(&report, "top_1")["mcnemar"];
    // At least two of three pictures of each of both classes were right before, see the demo's promise.
    assert!(broken >= 3 && test["broken"] == broken, "{test}");
    let change = number(&row(&report, "top_1")["difference"]["value"]);
    assert!((change - (number(&test["fixed"]) - number(&test["broken"])) / 36.0).abs() < 1e-9);
    let order: Vec<&str> = flips.iter().map(|flip| flip["kind"].as_str().unwrap()).collect();
    let rank = |kind: &&str| ["fixed", "broken", "both_wrong", "both_right"].iter().position(|of| of == kind);
    assert!(order.is_sorted_by_key(rank), "{order:?}");

    let page = std::fs::read_to_string(folder.path().join("cmp/compare.html")).unwrap();
    assert!(page.contains("Broken: right before, wrong after"));
    // The page needs nothing else: every picture is inside, and nothing is fetched or run.
    let pictures = page.matches("<img ").count();
    assert!(pictures >= 3 * broken && page.matches("src=\"data:image/jpeg;base64,").count() == pictures);
    for outside in ["http://", "https://", "<script", "<link", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let table = std::fs::read_to_string(folder.path().join("cmp/flips.csv")).unwrap();
    assert_eq!(table.lines().count(), 37);
    let written = std::fs::read(folder.path().join("cmp/compare.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), report);
}

#[test]
fn a_model_beside_itself_shows_no_change() {
    let folder = demo_folder();
    let report = json(&compare(folder.path(), "model.safetensors", &COUNTER), 0);
    for row in report["rows"].as_array().unwrap() {
        assert_eq!(row["difference"]["value"], 0.0, "{row}");
        assert!(row["mcnemar"].is_null() || row["mcnemar"]["p"] == 1.0);
    }
    let kinds = |kind| report["flips"].as_array().unwrap().iter().filter(|flip| flip["kind"] == kind).count();
    assert_eq!((kinds("fixed"), kinds("broken")), (0, 0));
}

#[test]
fn names_in_a_page_cannot_be_markup() {
    let folder = demo_folder();
    let photo = vitrine::image::list_images(&folder.path().join("photos/counter/fox")).unwrap().remove(0);
    let set = folder.path().join("set/fox");
    std::fs::create_dir_all(&set).unwrap();
    std::fs::copy(photo, set.join("a<b>&'.jpg")).unwrap();
    json(&compare(folder.path(), "model.safetensors", &["--images", "set"]), 0);
    let page = std::fs::read_to_string(folder.path().join("cmp/compare.html")).unwrap();
    assert!(page.contains("a&lt;b&gt;&amp;&#39;.jpg") && !page.contains("a<b>"));
}

#[test]
fn a_broken_picture_and_a_wrong_mask_are_reported_and_the_rest_go_on() {
    let folder = demo_folder();
    let fox = |kind: &str, end: &str| folder.path().join(format!("{kind}/counter/fox/fox-1.{end}"));
    let names = vitrine::image::list_images(&folder.path().join("photos/counter/fox")).unwrap();
    assert_eq!(names[0], fox("photos", "jpg"));
    std::fs::write(fox("masks", "png"), b"no mask").unwrap();
    std::fs::write(folder.path().join("photos/counter/fox/broken.jpg"), b"\xff\xd8 no more").unwrap();
    let args = [&["evaluate"], &COUNTER[..], &["--per-class", "2", "--out", "-", "--json"]].concat();
    let output = vitrine(folder.path(), &args);
    let report = json(&output, 1);
    let failures = report["failures"].to_string();
    assert!(failures.contains("broken.jpg") && failures.contains("fox-1.png"), "{failures}");
    assert_eq!(report["counts"]["failed"], 2);
    assert_eq!(report["counts"]["pictures"], 24);
    assert!(text(&output.stderr).contains("broken.jpg"));
}

#[test]
fn what_cannot_be_judged_is_refused_with_the_cure() {
    let folder = demo_folder();
    let root = folder.path();
    for name in ["empty", "numbers/7", "other-masks/fox"] {
        std::fs::create_dir_all(root.join(name)).unwrap();
    }
    let photo = vitrine::image::list_images(&root.join("photos/counter/fox")).unwrap().remove(0);
    std::fs::copy(photo, root.join("numbers/7/a.jpg")).unwrap();
    std::fs::write(root.join("gtsegs_ijcv.mat"), b"MATLAB 7.3").unwrap();
    std::fs::write(root.join("labels.csv"), b"a.jpg\n").unwrap();
    for (args, code, says) in [
        (&["--images", "nowhere"][..], 1, "no such folder"),
        (&["--images", "model.safetensors"], 1, "this is a file"),
        (&["--images", "gtsegs_ijcv.mat"], 1, "MATLAB 7.3"),
        (&["--images", "empty"], 1, "no picture"),
        (&["--images", "numbers"], 1, "names a class"),
        (&["--images", "numbers", "--labels", "labels.csv"], 1, "no label"),
        (&["--images", "photos/counter", "--masks", "nowhere"], 1, "no such folder"),
        (&["--images", "photos/counter", "--masks", "other-masks"], 1, "none of the 36 pictures has a mask"),
        (&["--images", "photos/counter", "--layout", "imagenet-a"], 1, "12 classes"),
        (&["--images", "photos/counter", "--layout", "imagenet-z"], 2, "imagenet-a"),
        (&["--images", "photos/counter", "--model", "nothing.pth"], 1, "nothing.pth"),
        (&[], 2, "--images"),
    ] {
        let output = vitrine(root, &[&["evaluate", "--out", "-"], args].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(says), "{args:?}: {}", text(&output.stderr));
    }
    // Models that answer different questions.
    let tiny = support::data("plain.model.safetensors");
    let output = compare(root, tiny.to_str().unwrap(), &["--images", "photos/counter", "--heads", "3"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("12 classes"), "{}", text(&output.stderr));
}
