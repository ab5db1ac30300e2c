//! Menus, palette, appearance, notices, log: what frames the work.

use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use vitrine::app::canvas::Tool;
use vitrine::app::settings::View;
use vitrine::app::{Norms, Theme};

use crate::gui::{Gui, Opening};

#[test]
fn the_first_minute_shows_the_demo_explained() {
    let gui = Gui::demo();
    assert_eq!(gui.session().gallery.items().len(), 72, "all photos of the demo");
    assert!(gui.has("Model: embedded demo") && gui.has("Canvas: bird-1.jpg, bird 0.98") && gui.has("bird 97.7 %"));
}

#[test]
fn an_empty_window_says_what_to_do() {
    let mut gui = Gui::open(Opening { empty: true, ..Opening::default() });
    assert!(gui.has("Where does your model look?") && gui.has("No images yet"));
    gui.click("Show the demo");
    gui.explained();
    assert!(gui.has("bird 97.7 %"));
}

#[test]
fn keys_move_and_switch() {
    let mut gui = Gui::demo();
    let title = |gui: &Gui| gui.session().image().unwrap().title().into_owned();
    gui.press(Modifiers::NONE, Key::ArrowRight);
    assert_eq!(title(&gui), "bird-2.jpg");
    gui.press(Modifiers::NONE, Key::ArrowLeft);
    assert_eq!(title(&gui), "bird-1.jpg");
    gui.press(Modifiers::NONE, Key::End);
    let last = title(&gui);
    gui.press(Modifiers::NONE, Key::Home);
    assert!(last != "bird-1.jpg" && title(&gui) == "bird-1.jpg");
    gui.press(Modifiers::NONE, Key::H);
    assert!(!gui.session().settings.show_heat);
    gui.press(Modifiers::NONE, Key::C);
    assert!(!gui.session().settings.show_crop);
    let keys = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6];
    for (key, view) in keys.into_iter().zip(View::ALL) {
        gui.press(Modifiers::NONE, key);
        assert_eq!(gui.session().settings.view, view);
    }
}

#[test]
fn every_view_has_a_button() {
    let mut gui = Gui::demo();
    for view in View::ALL.into_iter().rev() {
        gui.click(view.title());
        assert_eq!(gui.session().settings.view, view);
    }
}

#[test]
fn menus_do_what_they_say() {
    let mut gui = Gui::demo();
    gui.menu("Images", "Next image");
    gui.menu("Images", "Next image");
    gui.menu("Images", "Previous image");
    assert_eq!(gui.session().image().unwrap().title(), "bird-2.jpg");
    gui.menu("Images", "Last image");
    gui.menu("Images", "First image");
    assert_eq!(gui.session().image().unwrap().title(), "bird-1.jpg");
    gui.explained();
    gui.menu("View", "Smooth or crisp pixels");
    gui.menu("View", "Heat on or off");
    gui.menu("View", "Frame of what the model sees");
    let settings = &gui.session().settings;
    assert!(settings.smooth_pixels && !settings.show_heat && !settings.show_crop);
    gui.menu("View", "Lock the colour range");
    assert!(gui.session().settings.locked_range.is_some());
    gui.menu("View", "Zoom in");
    let zoomed = gui.session().canvas.look.unwrap().zoom;
    gui.menu("View", "Zoom out");
    assert!(gui.session().canvas.look.unwrap().zoom < zoomed);
    gui.menu("View", "Fit to window");
    assert_eq!(gui.session().canvas.look, None);
    gui.menu("View", "Wipe");
    assert_eq!(gui.session().settings.view, View::Wipe);
    gui.menu("Explain", "Occlusion brush");
    assert_eq!(gui.session().canvas.tool, Tool::Occlude);
    gui.menu("Explain", "Pan and pick patches");
    assert_eq!(gui.session().canvas.tool, Tool::Look);
    gui.menu("Explain", "High-norm tokens");
    assert_eq!(gui.session().explain.norms, Norms::Marked);
    gui.menu("File", "Quit");
    assert!(gui.session().quit);
}

#[test]
fn what_cannot_be_done_now_is_greyed_out() {
    let mut gui = Gui::demo();
    let is_possible = |gui: &mut Gui, menu: &str, title: &str| {
        gui.click(menu);
        let is_enabled = !gui.entry(title).accesskit_node().is_disabled();
        gui.press(Modifiers::NONE, Key::Escape);
        is_enabled
    };
    for title in ["Swap the two models", "Stop comparing", "Clear occlusion", "Unmute all heads"] {
        assert!(!is_possible(&mut gui, "Explain", title), "{title}");
    }
    for title in ["Save figure…", "Export all shown images…", "Copy as command line"] {
        assert!(is_possible(&mut gui, "File", title), "{title}");
    }
    let mut empty = Gui::open(Opening { empty: true, ..Opening::default() });
    for title in ["Save figure…", "Export all shown images…", "Copy as command line"] {
        assert!(!is_possible(&mut empty, "File", title), "{title} without an image");
    }
}

#[test]
fn the_palette_finds_commands_and_letters_typed_there_are_no_shortcuts() {
    let mut gui = Gui::demo();
    gui.press(Modifiers::COMMAND, Key::P);
    assert!(gui.session().palette_open);
    gui.harness.key_press(Key::H);
    gui.type_text("theme");
    gui.press(Modifiers::NONE, Key::ArrowDown);
    gui.press(Modifiers::NONE, Key::Enter);
    assert_eq!(gui.session().settings.theme, Theme::Light, "the second of the three themes");
    assert!(gui.session().settings.show_heat && !gui.session().palette_open);
    gui.press(Modifiers::COMMAND, Key::P);
    gui.press(Modifiers::NONE, Key::Escape);
    assert!(!gui.session().palette_open);
    // What was typed before is gone, and entries can be clicked.
    gui.menu("Window", "Command palette");
    gui.type_text("side by");
    gui.harness.get_by_label_contains("Side by side 2").click();
    gui.settle();
    assert_eq!(gui.session().settings.view, View::SideBySide);
}

#[test]
fn the_overlay_lists_shortcuts_and_closes() {
    let mut gui = Gui::demo();
    gui.press(Modifiers::NONE, Key::Questionmark);
    assert!(gui.has("Command palette") && gui.has("Ctrl+Shift+O"));
    gui.press(Modifiers::NONE, Key::Escape);
    assert!(!gui.session().shortcuts_open);
    gui.menu("Window", "Keyboard shortcuts");
    gui.click("Close");
    assert!(!gui.session().shortcuts_open);
}

#[test]
fn panels_appearance_and_size_can_be_chosen() {
    let mut gui = Gui::demo();
    gui.menu("Window", "Image list");
    assert!(!gui.session().settings.show_images && !gui.has("Thumbnail size"));
    gui.menu("Window", "Side panel");
    assert!(!gui.session().settings.show_panel && !gui.has("Opacity"));
    gui.menu("Window", "Light");
    assert!(!gui.harness.ctx.global_style().visuals.dark_mode);
    gui.menu("Window", "125 %");
    assert_eq!(gui.session().settings.scale, 1.25);
    assert_eq!(gui.harness.ctx.zoom_factor(), 1.25);
}

#[test]
fn notices_are_dismissed_and_stay_in_the_log() {
    let mut gui = Gui::demo();
    gui.apply(vitrine::app::Command::Open(vec!["nowhere/at-all.png".into()]));
    assert!(gui.has_notice("There is no such file; check its name and folder: nowhere/at-all.png"));
    gui.click("Dismiss");
    assert!(gui.session().notices.shown().is_empty() && !gui.has("at-all.png"));
    gui.press(Modifiers::COMMAND, Key::L);
    assert!(gui.has("at-all.png"), "the log keeps it");
    gui.click("Hide");
    assert!(!gui.session().settings.show_log);
}
