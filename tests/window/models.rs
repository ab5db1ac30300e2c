//! Loading, comparing and swapping models, and how each prepares its input.

use eframe::egui::accesskit::Role;
use vitrine::app::settings::View;
use vitrine::app::{Session, Slot, views};
use vitrine::engine::wgsl::adapters;
use vitrine::jobs::model::Profile;
use vitrine::relevance::Method;

use crate::files::{demo_folder, rougher_model};
use crate::gui::Gui;

fn name(session: &Session, slot: Slot) -> Option<&str> {
    session.models.get(slot).map(|model| model.info.name.as_str())
}

/// The demo with a second model beside it.
fn comparing() -> (Gui, tempfile::TempDir) {
    let mut gui = Gui::demo();
    let folder = demo_folder();
    gui.answers.push(rougher_model(folder.path()));
    gui.menu("Compare with: nothing", "From a file…");
    gui.view_explained(views::SECOND);
    (gui, folder)
}

#[test]
fn a_second_model_is_compared_swapped_and_let_go() {
    let (mut gui, _folder) = comparing();
    assert_eq!(name(gui.session(), Slot::Second), Some("rougher"));
    assert!(gui.has("Compare with: rougher"));
    let top = |gui: &Gui, view| gui.session().view(view).unwrap().result.as_ref().unwrap().top(1)[0];
    let (main, second) = (top(&gui, views::MAIN), top(&gui, views::SECOND));
    assert_ne!(main.1, second.1, "another model is as sure of something else");

    gui.menu("Compare with: rougher", "Swap the two models");
    gui.view_explained(views::SECOND);
    gui.explained();
    assert_eq!(
        (name(gui.session(), Slot::Main), name(gui.session(), Slot::Second)),
        (Some("rougher"), Some("embedded demo"))
    );
    assert_eq!((top(&gui, views::MAIN), top(&gui, views::SECOND)), (second, main));

    gui.menu("Explain", "Swap the two models");
    gui.menu("Compare with: rougher", "Stop comparing");
    assert!(!gui.session().compares() && gui.session().view(views::SECOND).is_none());
    assert!(gui.has("Compare with: nothing"));
}

#[test]
fn views_show_both_models_and_their_difference() {
    let (mut gui, _folder) = comparing();
    for view in [View::SideBySide, View::Wipe, View::Difference, View::Blink] {
        gui.click(view.title());
        assert!(!gui.has("needs a second model"));
    }
}

#[test]
fn the_grid_holds_every_method_of_every_model() {
    let (mut gui, folder) = comparing();
    gui.answers.push(folder.path().join("model.safetensors"));
    gui.menu("and with: nothing", "From a file…");
    gui.until("a third model", |session| session.models.get(Slot::Third).is_some());
    assert_eq!(gui.session().settings.view, View::Grid, "where it can be seen");
    for slot in [Slot::Main, Slot::Second, Slot::Third] {
        gui.view_explained(views::of_slot(slot));
        for method in gui.session().settings.grid_methods.clone() {
            gui.view_explained(views::in_grid(slot, method));
        }
    }
    let map = |gui: &Gui, slot| gui.session().heat(views::in_grid(slot, Method::Gae)).unwrap().values().to_vec();
    assert_ne!(map(&gui, Slot::Main), map(&gui, Slot::Second));
    assert_eq!(map(&gui, Slot::Main), map(&gui, Slot::Third), "the same weights from a file");

    gui.menu("Compare with: rougher", "Stop comparing");
    assert_eq!(name(gui.session(), Slot::Second), Some("model"), "the third moves up");
    assert!(gui.session().models.get(Slot::Third).is_none());
    assert!(gui.has("and with: nothing"));
}

#[test]
fn a_file_that_is_no_model_is_named_and_the_old_one_stays() {
    let mut gui = Gui::demo();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holiday.safetensors");
    std::fs::write(&path, b"not weights").unwrap();
    gui.answers.push(&path);
    gui.menu("Model: embedded demo", "From a file…");
    gui.until("refused", |session| !session.notices.shown().is_empty());
    assert!(gui.has_notice("holiday.safetensors"));
    assert_eq!(name(gui.session(), Slot::Main), Some("embedded demo"));
    assert!(gui.has("bird 97.7 %"), "what was computed is still shown");
    assert!(gui.session().settings.recent_models.is_empty(), "nothing to come back to");
}

#[test]
fn a_model_from_a_file_is_remembered() {
    let mut gui = Gui::demo();
    let folder = demo_folder();
    let path = folder.path().join("model.safetensors");
    gui.answers.push(&path);
    gui.menu("File", "Open model…");
    gui.until("loaded", |session| !session.settings.recent_models.is_empty());
    gui.explained();
    assert_eq!(gui.session().settings.recent_models, [path]);
    assert!(gui.has("bird 97.7 %"), "the same weights say the same");
    let title = format!("Model: {}", name(gui.session(), Slot::Main).unwrap());
    gui.menu(&title, "Embedded demo");
    gui.until("back", |session| name(session, Slot::Main) == Some("embedded demo"));
    gui.menu("Model: embedded demo", "model.safetensors");
    gui.until("loaded again", |session| name(session, Slot::Main) != Some("embedded demo"));
}

#[test]
fn the_preparation_can_be_the_papers() {
    let mut gui = Gui::demo();
    let before = gui.result();
    gui.click_role(Role::Button, "paper");
    assert_eq!(gui.session().settings.profile, Profile::Paper);
    let after = gui.result();
    assert_ne!(before.logits, after.logits, "another crop and another mean");
    gui.click_role(Role::Button, "model");
    assert_eq!(gui.result().logits, before.logits);
}

#[test]
fn the_load_report_and_the_prepared_input_can_be_read() {
    let mut gui = Gui::demo();
    gui.click("Load report");
    assert!(gui.has("blocks"));
    gui.click("What the model sees");
    assert!(gui.has("Prepared input") && gui.has("96 × 96 px"));
}

#[test]
fn models_move_to_the_device_that_is_chosen() {
    let mut gui = Gui::demo();
    gui.explained();
    let device = |gui: &Gui| gui.session().models.get(Slot::Main).unwrap().info.device.device.clone();
    assert_eq!(device(&gui), "cpu");
    let Some(adapter) = adapters().into_iter().next() else { return };
    gui.open_devices();
    gui.entry("CPU");
    gui.entry(&adapter.name).click();
    gui.settle();
    gui.until("on the GPU", |session| session.models.get(Slot::Main).unwrap().info.device.device.starts_with("gpu:0"));
    assert!(gui.has(&format!("gpu:0 {}", adapter.name)), "told in the top bar");
    gui.open_devices();
    gui.entry("CPU").click();
    gui.settle();
    gui.until("back", |session| session.models.get(Slot::Main).unwrap().info.device.device == "cpu");
    gui.explained();
}
