//! Finetuning from the window: set up, started, watched, looked back on, and compared.

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers, Theme};
use vitrine::app::finetune::{FinetuneCommand, Phase, Shows};
use vitrine::app::gallery::{GalleryCommand, Move};
use vitrine::app::settings::View;
use vitrine::app::{Command, Panel, Session, Settings, Slot, views};
use vitrine::finetune::{FinetuneConfig, LossMethod, Preset, Term};
use vitrine::jobs::compare::FlipKind;
use vitrine::jobs::finetune::RunCommand;

use crate::gui::{Gui, Opening};

/// Long enough for two checkpoints after the one before the run, and quick.
fn short() -> FinetuneConfig {
    let demo = Preset::Demo.config();
    FinetuneConfig {
        epochs: 2,
        steps: 0,
        per_class: 1,
        validation_per_class: 1,
        hold_out_per_class: 1,
        batch_size: 3,
        checkpoint_epochs: 1,
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

fn is_done(session: &Session) -> bool {
    match phase(session) {
        Some(Phase::Failed(error)) => panic!("{error}"),
        Some(Phase::Done { .. }) => true,
        _ => false,
    }
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
        ("Swap backgrounds", 0.25),
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
    assert_eq!(found.swap_backgrounds, 0.25);
    assert_eq!((found.class_count, found.per_class, found.validation_per_class), (4, 6, 2));
    assert_eq!((found.hold_out_per_class, found.checkpoint_epochs, found.keep_checkpoints), (3, 2, 5));
    assert_eq!(found.accuracy_drop, 4.0);
    gui.click("Pause when something goes wrong");
    assert!(!config(&gui).guards);
    gui.set("Learning rate", 0.0);
    assert!(gui.has("finetuning takes small steps"), "what cannot work is said before it is tried");
}

#[test]
fn a_run_trains_beside_the_model_before_and_is_looked_back_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut gui = gui(&folder);
    gui.press(Modifiers::COMMAND, Key::Enter);
    gui.until("done", is_done);
    let run = gui.session().finetune.run.as_ref().unwrap();
    let steps: Vec<usize> = run.checkpoints.iter().map(|saved| saved.step).collect();
    assert_eq!((steps.len(), steps[0]), (3, 0), "before the run and after each epoch: {steps:?}");
    assert!(run.preflight.as_ref().is_some_and(|report| report.terms.len() == 3));
    assert!(run.folder.as_ref().unwrap().starts_with(folder.path()));
    assert_eq!(run.progress.step(), *steps.last().unwrap());
    // Before and after stand beside each other, at the best checkpoint, or the last if the model before stays the best.
    gui.until("shown", |session| session.compares() && session.settings.view == View::SideBySide);
    gui.view_explained(views::SECOND);
    let run = gui.session().finetune.run.as_ref().unwrap();
    let step = run.best.filter(|best| *best > 0).unwrap_or(*steps.last().unwrap());
    assert_eq!(run.shows, Shows::Blend { step, alpha: 1.0 });

    // The weight slider: 0 is the model before, to the last bit.
    let maps = |gui: &Gui, view| gui.session().view(view).unwrap().result.as_ref().unwrap().maps[0].values.clone();
    let last = *steps.last().unwrap();
    gui.apply(Command::Finetune(FinetuneCommand::Look(Shows::Blend { step: last, alpha: 1.0 })));
    let before = maps(&gui, views::MAIN);
    gui.until("blended", |session| {
        let view = session.view(views::SECOND).and_then(|view| view.result.as_ref());
        view.is_some_and(|result| result.maps[0].values != before)
    });
    gui.set("Weight", 0.0);
    gui.until("back", |session| {
        let view = session.view(views::SECOND).and_then(|view| view.result.as_ref());
        view.is_some_and(|result| result.maps[0].values == before)
    });
    gui.set("Checkpoint", 1.0);
    let shows = gui.session().finetune.run.as_ref().unwrap().shows;
    assert_eq!(shows, Shows::Blend { step: steps[1], alpha: 0.0 });
    gui.click("Live weights");
    assert_eq!(gui.session().finetune.run.as_ref().unwrap().shows, Shows::Live);

    // Pinned images follow, and are let go of.
    assert_eq!(gui.session().finetune.pinned.len(), 1, "the image that was looked at");
    gui.view_explained(views::pinned(0));
    gui.apply(Command::Gallery(GalleryCommand::Move(Move::By(1))));
    gui.click("Pin the selected image");
    assert_eq!(gui.session().finetune.pinned.len(), 2);
    gui.view_explained(views::pinned(1));
    assert!(gui.has("confidence 0.") || gui.has("confidence 1."));

    // The panel has the same button as the timeline.
    gui.apply(Command::ToggleTimeline);
    gui.click_role(Role::Button, "Close run");
    gui.apply(Command::ToggleTimeline);
    assert!(gui.session().finetune.run.is_none() && gui.has("No run is open"));
}

#[test]
fn a_run_pauses_after_the_check_goes_on_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut gui = gui(&folder);
    let endless = FinetuneConfig { epochs: 500, ..short() };
    gui.apply(Command::Finetune(FinetuneCommand::Config(Box::new(endless))));
    gui.click("Pause after the check");
    gui.click("Start");
    gui.until("paused", |session| phase(session) == Some(&Phase::Paused));
    assert!(gui.has("Before the first step") && gui.has("gradient"));
    assert_eq!(gui.session().finetune.run.as_ref().unwrap().progress.step(), 0);
    gui.press(Modifiers::COMMAND, Key::Enter);
    gui.until("learning", |session| session.finetune.run.as_ref().is_some_and(|run| run.progress.step() >= 3));
    // Everything else stays usable meanwhile.
    gui.apply(Command::Gallery(GalleryCommand::Move(Move::By(1))));
    gui.explained();
    gui.apply(Command::Finetune(FinetuneCommand::Run(RunCommand::Pause)));
    gui.until("paused again", |session| phase(session) == Some(&Phase::Paused));
    gui.apply(Command::Finetune(FinetuneCommand::Run(RunCommand::Stop)));
    gui.until("stopped", |session| phase(session) == Some(&Phase::Stopped));

    // The folder goes on another day.
    let path = gui.session().finetune.run.as_ref().unwrap().folder.clone().unwrap();
    let step = gui.session().finetune.run.as_ref().unwrap().progress.step();
    // The panel has the same button as the timeline.
    gui.apply(Command::ToggleTimeline);
    gui.click_role(Role::Button, "Close run");
    gui.answers.push(&path);
    gui.apply(Command::Finetune(FinetuneCommand::Resume));
    gui.until("resumed", |session| session.finetune.run.as_ref().is_some_and(|run| run.progress.step() > step));
    gui.apply(Command::Finetune(FinetuneCommand::Run(RunCommand::Stop)));
    gui.until("stopped", |session| phase(session) == Some(&Phase::Stopped));
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
fn before_and_after_are_compared_image_by_image() {
    let folder = tempfile::tempdir().unwrap();
    let mut gui = gui(&folder);
    gui.press(Modifiers::COMMAND, Key::Enter);
    gui.until("compared", |session| session.evaluate.result.is_some());
    gui.click("Step: Evaluate");
    let result = gui.session().evaluate.result.clone().unwrap();
    assert_eq!(result.report.flips.len(), 72);
    let count = |kind| result.report.of_kind(kind).count();
    let kinds = [FlipKind::Fixed, FlipKind::Broken, FlipKind::BothWrong, FlipKind::BothRight].map(count);
    assert_eq!(kinds.iter().sum::<usize>(), 72);
    gui.click(&format!("{} both wrong", kinds[2]));
    assert_eq!(gui.session().evaluate.kind.0, FlipKind::BothWrong);
    assert!(gui.has("relevance on the object") && gui.has("top-1"));
    let page = folder.path().join("report.html");
    gui.answers.push(&page);
    gui.click("Save report…");
    gui.until("saved", |_| page.exists());
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains("data:image/jpeg;base64,") && text.contains("McNemar"));
    // Once more by hand, with other backgrounds.
    gui.click("Other backgrounds");
    gui.click("Compare");
    gui.until("compared again", |session| {
        session.evaluate.result.as_ref().is_some_and(|again| again.job.job.backgrounds)
    });
    assert!(gui.has("Background reliance"));
}

#[test]
fn where_validation_never_improves_the_last_step_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    let mut gui = gui(&folder);
    // Steps so long that they undo what the model had learned.
    let harmful = FinetuneConfig { lr: 0.05, guards: false, ..short() };
    gui.apply(Command::Finetune(FinetuneCommand::Config(Box::new(harmful))));
    gui.apply(Command::AddPicture(32, 20, [200, 40, 40, 255].repeat(32 * 20).into()));
    gui.until("pasted", |session| session.gallery.items().len() == 73);
    gui.press(Modifiers::COMMAND, Key::Enter);
    assert!(gui.has_notice("Left out: 1 pasted"));
    gui.until("done", is_done);
    assert!(gui.has_notice("validation never improved"));
    gui.until("compared", |session| session.evaluate.result.is_some());
    let run = gui.session().finetune.run.as_ref().unwrap();
    let last = run.checkpoints.last().unwrap().step;
    assert!(run.best == Some(0) && last > 0);
    assert_eq!(run.shows, Shows::Blend { step: last, alpha: 1.0 });
    let report = &gui.session().evaluate.result.as_ref().unwrap().report;
    assert_eq!((&*report.before, &*report.after), ("embedded demo", &*format!("embedded demo of step {last}")));
    assert_eq!(report.flips.len(), 72);
    assert!(report.rows.iter().any(|row| row.difference.value != 0.0), "no model beside itself");
}

#[test]
fn the_steps_before_a_run_in_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { show_timeline: true, ..settings(&folder) };
    let Some(mut gui) = Gui::drawn(Opening { size: [1440.0, 900.0], settings, ..Opening::default() }) else { return };
    gui.explained();
    gui.snapshot("finetune_dark");
    gui.apply(Command::Theme(vitrine::app::Theme::Light));
    gui.snapshot("finetune_light");
}

/// Kept to be looked at: what learned on another processor is not the same to the last digit.
#[test]
fn a_run_and_its_comparison_in_pictures() {
    for (theme, name) in [(Theme::Dark, "run_dark"), (Theme::Light, "run_light")] {
        let folder = tempfile::tempdir().unwrap();
        let opening = Opening { size: [1440.0, 900.0], theme, settings: settings(&folder), ..Opening::default() };
        let Some(mut gui) = Gui::drawn(opening) else { return };
        gui.explained();
        gui.apply(Command::Finetune(FinetuneCommand::Config(Box::new(FinetuneConfig { epochs: 6, ..short() }))));
        gui.press(Modifiers::COMMAND, Key::Enter);
        gui.until("compared", |session| session.evaluate.result.is_some());
        gui.view_explained(views::SECOND);
        gui.dismiss_notices();
        let run = gui.artefact(name);
        gui.click("Step: Evaluate");
        let comparison = gui.artefact(&name.replace("run", "comparison"));
        assert_ne!(run, comparison);
        assert!(gui.session().models.get(Slot::Second).is_some());
    }
}
