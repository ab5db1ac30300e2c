//! `vitrine finetune` as typed: events, exit codes, crashes, and what it says about bad input.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::pictures::{checkpoint, draw};
use support::{data, shared};
use vitrine::finetune::run::RunView;

/// Two classes of five drawn photos.
fn photos() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    draw(folder.path(), 2, 5);
    folder
}

fn command(folder: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
    // Without a desktop session, a layer of Mesa's Vulkan drivers complains on stderr unless it is switched off.
    command.current_dir(folder).env("NODEVICE_SELECT", "1").arg("finetune").args(more);
    command
}

/// The fixture model and the drawn photos.
fn on_photos(folder: &Path, more: &[&str]) -> Command {
    let mut command = command(folder, &["--images", "images", "--masks", "masks", "--heads", "3", "--model"]);
    command.arg(data("plain.model.safetensors")).args(more);
    command
}

/// A run on them.
fn training(folder: &Path, more: &[&str]) -> Command {
    let usual = ["--lr", "1e-3", "--batch-size", "2", "--per-class", "0", "--seed", "5"];
    on_photos(folder, &[&usual[..], more].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn events(output: &Output) -> Vec<Value> {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_run_tells_what_happens_as_json_or_in_words() {
    let folder = photos();
    let told = events(&training(folder.path(), &["--out", "a", "--steps", "5", "--json"]).output().unwrap());
    let kinds: Vec<&str> = told.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], kinds[1], kinds[kinds.len() - 1]), ("began", "preflight", "done"));
    let steps: Vec<&Value> = told.iter().filter(|event| event["event"] == "step").collect();
    assert_eq!(steps.len(), 5);
    assert!(steps.iter().all(|step| step["total"].as_f64().unwrap() > 0.0 && step["pictures"] == 2));
    let seed = RunView::read(&folder.path().join("a")).unwrap().manifest.config.seed;
    assert_eq!(seed, 5);

    let words = training(folder.path(), &["--out", "b", "--steps", "5", "--export", "b.pth.tar"]).output().unwrap();
    assert_eq!(words.status.code(), Some(0), "{}", text(&words.stderr));
    let said = text(&words.stdout);
    assert!(said.contains("8 to train on, 2 to validate") && said.contains("best checkpoint"), "{said}");
    let warned = text(&words.stderr);
    assert!(warned.lines().all(|line| line.starts_with("warning:")), "no bar where there is no terminal: {warned}");
    assert!(folder.path().join("b.pth.tar").is_file());
    // The same seed, the same numbers.
    let model = |run: &str| std::fs::read(checkpoint(&folder.path().join(run), 5).join("model.safetensors")).unwrap();
    assert_eq!(model("a"), model("b"));
}

#[test]
fn a_killed_run_resumes_with_the_same_numbers() {
    let folder = photos();
    let length = ["--epochs", "4", "--json"];
    events(&training(folder.path(), &[&length[..], &["--out", "whole"]].concat()).output().unwrap());

    let mut child =
        training(folder.path(), &[&length[..], &["--out", "killed"]].concat()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // In the second epoch of four steps, two steps after a checkpoint.
    for line in lines {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if event["event"] == "step" && event["step"] == 6 {
            break;
        }
    }
    // SIGKILL: it cannot tidy up.
    child.kill().unwrap();
    child.wait().unwrap();

    let resumed = events(&command(folder.path(), &["--out", "killed", "--resume", "--json"]).output().unwrap());
    assert_eq!(resumed[0]["step"].as_u64().unwrap() % 4, 0, "from a checkpoint");
    let file = |run: &str, name: &str| std::fs::read(checkpoint(&folder.path().join(run), 16).join(name)).unwrap();
    for name in ["model.safetensors", "optimizer.safetensors"] {
        assert_eq!(file("whole", name), file("killed", name), "{name}");
    }
    let losses = |run: &str| {
        let table = std::fs::read_to_string(folder.path().join(run).join("steps.csv")).unwrap();
        let without_time = |line: &str| line.rsplit_once(',').unwrap().0.to_owned();
        table.lines().map(without_time).collect::<Vec<_>>()
    };
    assert_eq!(losses("whole"), losses("killed"));
}

#[test]
fn a_run_goes_back_and_branches() {
    let folder = photos();
    events(&training(folder.path(), &["--out", "run", "--epochs", "2", "--json"]).output().unwrap());
    let told =
        events(&command(folder.path(), &["--out", "run", "--resume", "--roll-back", "4", "--json"]).output().unwrap());
    assert!(told.iter().any(|event| event["event"] == "rolled_back" && event["step"] == 4));
    assert_eq!(told.last().unwrap()["step"], 8);
    let branch = ["--branch", "run@4", "--out", "branch", "--lr", "1e-4", "--epochs", "1", "--json"];
    events(&command(folder.path(), &branch).output().unwrap());
    let manifest = RunView::read(&folder.path().join("branch")).unwrap().manifest;
    assert_eq!((manifest.config.lr, manifest.config.seed, manifest.parent.unwrap().step), (1e-4, 5, 4));
}

#[test]
fn a_pre_flight_trains_nothing() {
    let folder = photos();
    let told = events(&training(folder.path(), &["--out", "run", "--preflight", "--json"]).output().unwrap());
    assert_eq!((told.len(), &told[0]["event"]), (1, &Value::from("preflight")));
    assert_eq!(told[0]["terms"].as_array().unwrap().len(), 3);
    assert!(!folder.path().join("run").exists());
}

#[test]
fn wrong_arguments_exit_with_2_and_name_the_cure() {
    let folder = photos();
    for (more, says) in [
        (&["--lr", "0"][..], "--lr is 0"),
        (&["--lr", "fast"], "--lr"),
        (&["--batch-size", "0"], "--batch-size is 0"),
        (&["--classes", "unicorn"], "unicorn"),
        (&["--method", "magic"], "gradmask"),
        (&["--without", "background,foreground,classification"], "no term of the loss"),
        (&["--branch", "somewhere"], "RUN@STEP"),
        (&["--roll-back", "3"], "--resume"),
    ] {
        let output = on_photos(folder.path(), &[&["--out", "run"], more].concat()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {said}");
        assert!(said.contains(says), "{more:?}: {said}");
    }
    let output = command(folder.path(), &["--out", "run", "--model", "m.safetensors"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--images"));
}

#[test]
fn photos_that_cannot_work_exit_with_1_and_name_the_cure() {
    let folder = photos();
    let refused = |more: &[&str], says: &str| {
        let output = training(folder.path(), &[&["--out", "run"], more].concat()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(says), "{says}: {said}");
    };
    refused(&["--classes", "class 1"], "one class");
    std::fs::rename(folder.path().join("masks/class 0"), folder.path().join("masks/elsewhere")).unwrap();
    refused(&[], "one class");
    std::fs::rename(folder.path().join("masks/class 1"), folder.path().join("masks/nowhere")).unwrap();
    refused(&[], "vitrine mask");
    for class in 0..2 {
        let images = folder.path().join("images");
        std::fs::rename(images.join(format!("class {class}")), images.join(format!("bird {class}"))).unwrap();
    }
    refused(&[], "WordNet id or class name");
    let output = command(folder.path(), &["--out", "nothing", "--resume"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no run in this folder"), "{}", text(&output.stderr));
}

#[test]
fn a_real_model_is_finetuned_on_real_photos() {
    let (Some(model), Some(photos)) =
        (shared("models/deit_tiny_patch16_224.safetensors"), shared("photos/imagenette/train"))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut command =
        command(folder.path(), &["--preset", "deit-s", "--lr", "1e-5", "--steps", "2", "--batch-size", "2"]);
    command.arg("--images").arg(photos.join("images")).arg("--masks").arg(photos.join("masks"));
    command.args(["--class-count", "2", "--per-class", "2", "--validation-per-class", "1", "--out", "run", "--json"]);
    let told = events(&command.arg("--model").arg(model).output().unwrap());
    let losses: Vec<f64> = told
        .iter()
        .filter(|event| event["event"] == "validated")
        .map(|event| event["total"].as_f64().unwrap())
        .collect();
    assert!(losses.len() == 2 && losses[1] < losses[0], "two small steps on the same two classes: {losses:?}");
}
