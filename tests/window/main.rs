//! The window as a user meets it: controls by their names, keys, and what they change.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

mod gui;

use eframe::egui::{Key, Modifiers};
use vitrine::app::settings::View;
use vitrine::relevance::Method;

use gui::{Gui, Opening};

#[test]
fn the_first_minute_shows_the_demo_explained() {
    let mut gui = Gui::demo();
    assert_eq!(gui.session().gallery.items().len(), 72, "all photos of the demo");
    assert!(gui.has("Model: embedded demo") && gui.has("Canvas: bird-1.jpg, bird 0.98") && gui.has("bird 97.7 %"));
    gui.snapshot("demo_dark");
}

#[test]
fn an_empty_window_says_what_to_do() {
    let mut gui = Gui::open(Opening { empty: true, ..Opening::default() });
    gui.harness.run_steps(3);
    assert!(gui.has("Where does your model look?"));
    gui.snapshot("empty_dark");
    gui.click("Show the demo");
    gui.explained();
}

#[test]
fn keys_move_and_switch() {
    let mut gui = Gui::demo();
    gui.press(Modifiers::NONE, Key::ArrowRight);
    assert_eq!(gui.session().image().unwrap().title(), "bird-2.jpg");
    gui.press(Modifiers::NONE, Key::H);
    assert!(!gui.session().settings.show_heat);
    gui.press(Modifiers::NONE, Key::Num3);
    assert_eq!(gui.session().settings.view, View::Wipe);
    gui.press(Modifiers::NONE, Key::Questionmark);
    assert!(gui.has("Command palette"), "the overlay lists the palette");
    gui.press(Modifiers::NONE, Key::Escape);
    assert!(!gui.session().shortcuts_open);
}

#[test]
fn the_palette_finds_commands_and_letters_typed_there_are_no_shortcuts() {
    let mut gui = Gui::demo();
    gui.press(Modifiers::COMMAND, Key::P);
    assert!(gui.session().palette_open);
    gui.harness.event(eframe::egui::Event::Text("theme light".into()));
    gui.harness.key_press(Key::H);
    gui.harness.run_steps(3);
    gui.press(Modifiers::NONE, Key::Enter);
    assert_eq!(gui.session().settings.theme, vitrine::app::Theme::Light);
    assert!(gui.session().settings.show_heat && !gui.session().palette_open);
}

#[test]
fn the_first_block_needs_no_inference_and_methods_do() {
    let mut gui = Gui::demo();
    let before = gui.session().main_view().unwrap().result.clone().unwrap();
    gui.harness.state_mut().session_mut().apply(vitrine::app::Command::FirstBlock(3));
    gui.harness.run_steps(3);
    let after = gui.session().main_view().unwrap().result.clone().unwrap();
    assert!(std::sync::Arc::ptr_eq(&before, &after), "the same result shows another of its maps");
    gui.choose("Method", "attention rollout");
    gui.explained();
    assert_eq!(gui.session().explain.method, Method::Rollout);
}
