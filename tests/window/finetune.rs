//! Finetuning from the window: every control of a run, and what is refused.

use eframe::egui::{Key, Modifiers, Theme};
use vitrine::app::finetune::{FinetuneCommand, Phase};
use vitrine::app::{Command, Panel, Session, Settings};
use vitrine::finetune::{FinetuneConfig, LossMethod, Preset, Term};

use crate::gui::{Gui, Opening};

/// A run that is over soon.
fn short() -> FinetuneConfig {
    let demo = Preset::Demo.config();
    FinetuneConfig {
        epochs: 2,
        steps: 0,
        per_class: 1,
        validation_per_class: 1,
        hold_out_per_class: 1,
        batch_size: 3,
        ..demo
    }
}

fn settings(folder: &tempfile::TempDir) -> Settings {
    Settings { runs_folder: Some(folder.path().to_owned()), panel: Panel::Finetune, ..Settings::default() }
}

fn gui(folder: &tempfile::TempDir) -> Gui {
    let mut gui = Gui::open(Opening { settings: settings(folder), ..Opening::default() });
    gui.explained();
    gui.apply(Command::Finetune(FinetuneCommand::Config(Box::new(short()))));
    gui
}

fn phase(session: &Session) -> Option<&Phase> {
    session.finetune.run.as_ref().map(|run| &run.phase)
}

#[test]
fn every_hyperparameter_has_a_control() {
    let folder = tempfile::tempdir().unwrap();
    let mut gui = gui(&folder);
    assert!(gui.has("72 images, 72 of a known class, 36 of them with a mask"));
    gui.choose("Preset", "DeiT-S");
    let config = |gui: &Gui| gui.session().finetune.config.clone();
    assert_eq!(config(&gui), Preset::DeitS.config());
    gui.choose("Loss method", "GradMask");
    gui.click("As released");
    assert_eq!((config(&gui).method, config(&gui).as_released), (LossMethod::Gradmask, true));
    gui.choose("Loss method", "relevance");
    assert!(!config(&gui).as_released);
    gui.choose("Class of the classification term", "label");
    gui.choose("Soft edges of masks", "paper");
    gui.click("Use λ foreground");
    assert_eq!(config(&gui).without, [Term::Foreground]);
    for (name, value) in [("λ masks", 0.5), ("λ background", 3.0), ("λ class", 0.4), ("Temperature", 0.7)] {
        gui.set(name, value);
    }
    for title in ["Optimiser", "Photos", "Checkpoints and guards"] {
        gui.click(title);
    }
    for (name, value) in [
        ("Learning rate", 2e-5),
        ("Decay", 0.9),
        ("… every", 3.0),
        ("Weight decay", 1e-3),
        ("Clip norm", 1.0),
        ("Last blocks", 2.0),
        ("Epochs", 7.0),
        ("Steps", 11.0),
        ("Batch", 5.0),
        ("Accumulate", 2.0),
        ("Run seed", 9.0),
        ("Class count", 4.0),
        ("Per class", 6.0),
        ("Validation", 2.0),
        ("Hold-out", 3.0),
        ("Every", 2.0),
        ("Keep", 5.0),
        ("Drop", 4.0),
    ] {
        gui.set(name, value);
    }
    gui.choose("Validation classes", "other classes");
    gui.click("Random crop and flip");
    let found = config(&gui);
    assert_eq!((found.lambda_seg, found.lambda_bg, found.lambda_cls, found.temperature), (0.5, 3.0, 0.4, 0.7));
    assert_eq!((found.lr, found.lr_decay, found.lr_decay_epochs, found.weight_decay), (2e-5, 0.9, 3, 1e-3));
    assert_eq!((found.clip, found.last_blocks, found.epochs, found.steps), (1.0, 2, 7, 11));
    assert_eq!((found.batch_size, found.accumulation, found.seed, found.augment), (5, 2, 9, false));
    assert_eq!((found.class_count, found.per_class, found.validation_per_class), (4, 6, 2));
    assert_eq!((found.hold_out_per_class, found.checkpoint_epochs, found.keep_checkpoints), (3, 2, 5));
    assert_eq!(found.accuracy_drop, 4.0);
    gui.click("Pause when something goes wrong");
    assert!(!config(&gui).guards);
    gui.set("Learning rate", 0.0);
    assert!(gui.has("finetuning takes small steps"), "what cannot work is said before it is tried");
}

#[test]
fn what_cannot_work_is_refused_with_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    let mut gui = gui(&folder);
    let unknown = FinetuneConfig { classes: vec!["unicorn".to_owned()], ..short() };
    gui.apply(Command::Finetune(FinetuneCommand::Config(Box::new(unknown))));
    gui.press(Modifiers::COMMAND, Key::Enter);
    gui.until("failed", |session| matches!(phase(session), Some(Phase::Failed(_))));
    gui.settle();
    assert!(gui.has_notice("unicorn"));
}

#[test]
fn the_steps_before_a_run_in_pictures() {
    for (theme, name) in [(Theme::Dark, "finetune_dark"), (Theme::Light, "finetune_light")] {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { show_timeline: true, ..settings(&folder) };
        let Some(mut gui) = Gui::drawn(Opening { size: [1440.0, 900.0], theme, settings, ..Opening::default() }) else {
            return;
        };
        gui.explained();
        gui.snapshot(name);
    }
}
