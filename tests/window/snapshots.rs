//! Pictures of the main states, compared with `tests/snapshots`.

use std::path::Path;

use eframe::egui::{Key, Modifiers, Theme, vec2};
use vitrine::app::settings::View;
use vitrine::app::{Command, Slot, views};
use vitrine::image::ImageSource;
use vitrine::jobs::model::ModelSource;

use crate::files::{demo_folder, rougher_model};
use crate::gui::{Gui, Opening};

/// The size a window opens with.
fn window() -> Opening {
    Opening { size: [1280.0, 800.0], ..Opening::default() }
}

fn explained(opening: Opening) -> Option<Gui> {
    let mut gui = Gui::drawn(opening)?;
    gui.explained();
    Some(gui)
}

#[test]
fn the_demo_in_the_dark() {
    let Some(mut gui) = explained(window()) else { return };
    gui.snapshot("demo_dark");
    gui.press(Modifiers::COMMAND, Key::P);
    gui.type_text("model");
    gui.snapshot("palette");
    gui.press(Modifiers::NONE, Key::Escape);
    gui.press(Modifiers::NONE, Key::Questionmark);
    gui.snapshot("shortcuts");
}

#[test]
fn the_demo_in_the_light() {
    let Some(mut gui) = explained(Opening { theme: Theme::Light, ..window() }) else { return };
    gui.click("tiger 0.8 %");
    gui.explained();
    gui.snapshot("demo_light");
    gui.press(Modifiers::NONE, Key::Questionmark);
    gui.snapshot("shortcuts_light");
}

#[test]
fn nothing_yet() {
    let Some(mut gui) = Gui::drawn(Opening { empty: true, ..window() }) else { return };
    gui.snapshot("empty_dark");
    // A model that never comes.
    gui.apply(Command::AddPicture(32, 20, [90, 120, 60, 255].repeat(32 * 20).into()));
    gui.until("packed", |session| session.image().is_some());
    gui.harness.state_mut().session_mut().models.begin(Slot::Main, ModelSource::Embedded);
    gui.snapshot("loading");
}

#[test]
fn what_cannot_be_read() {
    let Some(mut gui) = explained(window()) else { return };
    let torn = ImageSource::memory("torn.png", b"\x89PNG\r\n\x1a\nand no more".to_vec());
    let gallery = &mut gui.harness.state_mut().session_mut().gallery;
    gallery.clear();
    gallery.append(Path::new(""), [torn]);
    gui.until("broken", |session| session.main_view().is_some_and(|view| view.error.is_some()));
    gui.snapshot("broken_image");
}

#[test]
fn a_model_that_is_none() {
    let Some(mut gui) = Gui::drawn(Opening { empty: true, theme: Theme::Light, ..window() }) else { return };
    gui.dismiss_notices();
    gui.apply(Command::AddPicture(32, 20, [90, 120, 60, 255].repeat(32 * 20).into()));
    gui.apply(Command::LoadModel(Slot::Main, ModelSource::Named("nowhere/weights.safetensors".into())));
    gui.until("refused", |session| session.models.pending.is_empty());
    gui.snapshot_with_notices("model_error");
}

#[test]
fn views_of_one_model() {
    let Some(mut gui) = explained(window()) else { return };
    for (view, name) in [(View::SideBySide, "side_by_side"), (View::Wipe, "wipe"), (View::Difference, "lacks_second")] {
        gui.click(view.title());
        gui.snapshot(name);
    }
    gui.click("Grid");
    let methods = gui.session().settings.grid_methods.clone();
    methods.into_iter().for_each(|method| gui.view_explained(views::in_grid(Slot::Main, method)));
    gui.snapshot("grid");
}

#[test]
fn two_models() {
    let Some(mut gui) = explained(window()) else { return };
    let demo = demo_folder();
    gui.answers.push(rougher_model(demo.path()));
    gui.apply(Command::OpenModel(Slot::Second));
    gui.view_explained(views::SECOND);
    gui.click("Side by side");
    gui.snapshot("two_models");
    gui.click("Difference");
    gui.snapshot("difference");
}

#[test]
fn painted_over() {
    let Some(mut gui) = explained(Opening { size: [1280.0, 1320.0], ..window() }) else { return };
    gui.press(Modifiers::NONE, Key::O);
    let centre = gui.canvas().center();
    gui.drag(centre + vec2(-100.0, 60.0), vec2(200.0, -20.0));
    gui.explained();
    gui.click("Heads and blocks");
    gui.click("Occlusion brush");
    gui.click("Block 5, head 1");
    gui.explained();
    gui.snapshot("occlusion");
}

#[test]
fn narrow() {
    let Some(mut gui) = explained(Opening { size: [800.0, 600.0], ..window() }) else { return };
    gui.snapshot("narrow");
}

#[test]
fn large() {
    let Some(mut gui) = explained(Opening { size: [2560.0, 1440.0], ..window() }) else { return };
    gui.snapshot("large");
}
