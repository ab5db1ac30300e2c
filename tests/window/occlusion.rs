//! The brush: what is painted over changes what the model says.

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers, vec2};
use vitrine::app::canvas::Tool;
use vitrine::app::occlusion::Fill;

use crate::gui::Gui;

fn strokes(gui: &Gui) -> usize {
    gui.session().occluded().map_or(0, |occluded| occluded.occlusion.strokes.len())
}

#[test]
fn painting_changes_the_probabilities_and_is_taken_back() {
    let mut gui = Gui::demo();
    let whole = gui.result().probabilities.clone();
    gui.press(Modifiers::NONE, Key::O);
    assert_eq!(gui.session().canvas.tool, Tool::Occlude);
    gui.click("Occlusion brush");
    gui.set("Brush diameter", 120.0);
    let centre = gui.canvas().center();
    gui.drag(centre + vec2(-150.0, 60.0), vec2(300.0, 0.0));
    assert_eq!(strokes(&gui), 1);
    let painted = gui.session().occluded().unwrap().occlusion.strokes[0].clone();
    assert_eq!(painted.radius, 60.0);
    assert!(painted.points.len() > 2, "the brush follows the pointer");
    let hidden = gui.result().probabilities.clone();
    // The bird is under the brush: far more than rounding.
    assert!(
        (hidden[gui.result().target.unwrap()] - whole[gui.result().target.unwrap()]).abs() > 0.01 || hidden != whole
    );
    assert_eq!(gui.session().explain.patch, None, "painting picks no patch");

    gui.drag(centre + vec2(-100.0, -100.0), vec2(50.0, 0.0));
    assert_eq!(strokes(&gui), 2);
    gui.click("Undo stroke");
    assert_eq!(strokes(&gui), 1);
    assert_eq!(gui.result().probabilities, hidden);
    gui.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(strokes(&gui), 0);
    assert_eq!(gui.result().probabilities, whole);
    assert!(!gui.has("Undo stroke"), "there is nothing left to undo");
}

#[test]
fn the_brush_hides_with_grey_or_blur() {
    let mut gui = Gui::demo();
    gui.click("Occlusion brush");
    gui.click_role(Role::Button, "blur");
    assert_eq!(gui.session().canvas.fill, Fill::Blur);
    assert!(!gui.has("Clear occlusion"), "nothing is painted yet");
    gui.click("Occlude");
    gui.drag(gui.canvas().center() + vec2(-60.0, 60.0), vec2(120.0, 0.0));
    let blurred = gui.result().probabilities.clone();
    assert_eq!(gui.session().occluded().unwrap().occlusion.fill, Fill::Blur);
    gui.click_role(Role::Button, "grey");
    assert_ne!(gui.result().probabilities, blurred);
    gui.click("Clear occlusion");
    assert!(gui.session().occluded().is_none());
    gui.click("Pan and pick");
    assert_eq!(gui.session().canvas.tool, Tool::Look);
}

#[test]
fn brackets_change_the_brush() {
    let mut gui = Gui::demo();
    gui.press(Modifiers::NONE, Key::CloseBracket);
    let larger = gui.session().canvas.brush.unwrap();
    gui.press(Modifiers::NONE, Key::OpenBracket);
    // 1.25 · 0.8 = 1
    assert!((gui.session().canvas.brush.unwrap() * 1.25 - larger).abs() < 1e-9);
}
