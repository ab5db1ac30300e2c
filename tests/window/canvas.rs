//! The pointer on the canvas: pan, zoom, patches, and what lies under it.

use eframe::egui::{Key, Modifiers, vec2};
use vitrine::app::canvas::{Look, Tool};

use crate::gui::Gui;

fn look(gui: &Gui) -> Look {
    gui.session().canvas.seen.unwrap()
}

/// Screen pixels and points are the same in these tests.
fn photo_position(gui: &Gui, pos: eframe::egui::Pos2) -> (f64, f64) {
    let (look, middle) = (look(gui), gui.canvas().center());
    (look.centre.x + f64::from(pos.x - middle.x) / look.zoom, look.centre.y + f64::from(pos.y - middle.y) / look.zoom)
}

#[test]
fn a_click_asks_for_a_patch_and_a_second_one_returns() {
    let mut gui = Gui::demo();
    let row_of_classifier = gui.result().maps[0].values.clone();
    let place = gui.canvas().center() + vec2(10.0, 10.0);
    gui.click_at(place);
    let patch = gui.session().explain.patch.unwrap();
    // Just right of and below the middle of a 12 × 12 grid.
    assert_eq!((patch.row, patch.column), (6, 6));
    assert_ne!(gui.result().maps[0].values, row_of_classifier);
    assert!(gui.has("patch 6,6"));
    gui.click_at(place);
    assert_eq!(gui.session().explain.patch, None);
    gui.click_at(place);
    gui.click("Back to the classifier");
    assert_eq!(gui.session().explain.patch, None);
    assert_eq!(gui.result().maps[0].values, row_of_classifier);
    gui.click_at(place);
    gui.menu("Explain", "Back to the classifier's row");
    assert_eq!(gui.session().explain.patch, None);
}

#[test]
fn what_lies_under_the_pointer_is_told() {
    let mut gui = Gui::demo();
    assert!(gui.has("Drag to pan"));
    gui.harness.hover_at(gui.canvas().center() + vec2(10.0, 10.0));
    gui.settle();
    assert!(gui.has("patch 6,6  r ") && gui.has("/144"));
    gui.harness.hover_at(gui.canvas().left_top() + vec2(3.0, 3.0));
    gui.settle();
    assert!(gui.has("Drag to pan"), "beside the photo");
}

#[test]
fn a_drag_pans_and_picks_nothing() {
    let mut gui = Gui::demo();
    let before = look(&gui);
    gui.drag(gui.canvas().center(), vec2(-60.0, 30.0));
    let after = look(&gui);
    assert_eq!(after.zoom, before.zoom);
    // egui takes the first few points for a click that trembles; the rest is the drag.
    let (right, down) =
        ((before.centre.x - after.centre.x) * after.zoom, (before.centre.y - after.centre.y) * after.zoom);
    assert!((right + 60.0).abs() < 1.0 && (down - 30.0).abs() < 1.0, "{right} {down}");
    assert_eq!(gui.session().explain.patch, None);
    gui.click("Fit");
    assert_eq!(look(&gui), before);
}

#[test]
fn the_wheel_zooms_around_the_pointer_and_a_double_click_fits() {
    let mut gui = Gui::demo();
    let fitted = look(&gui);
    let pos = gui.canvas().center() + vec2(-80.0, 50.0);
    let under = photo_position(&gui, pos);
    gui.wheel(pos, 100.0);
    // e^(100/250), by the rule of the canvas
    assert!((look(&gui).zoom / fitted.zoom - 0.4_f64.exp()).abs() < 0.01, "{}", look(&gui).zoom / fitted.zoom);
    let (x, y) = photo_position(&gui, pos);
    // What stays under the pointer stays within a thousandth of a pixel: screen positions are f32.
    assert!((x - under.0).abs() < 1e-3 && (y - under.1).abs() < 1e-3, "{under:?} is now at {x} {y}");
    gui.wheel(pos, -400.0);
    assert!(look(&gui).zoom < fitted.zoom);
    for _ in 0..2 {
        gui.harness.drag_at(pos);
        gui.harness.event(crate::pointer::released(pos));
    }
    gui.settle();
    assert_eq!((gui.session().canvas.look, look(&gui)), (None, fitted));
    assert_eq!(gui.session().explain.patch, None, "two clicks on one patch are none");
}

#[test]
fn zoom_has_buttons_keys_and_a_number() {
    let mut gui = Gui::demo();
    gui.click("1:1");
    assert_eq!(look(&gui).zoom, 1.0);
    gui.press(Modifiers::NONE, Key::Plus);
    assert!((look(&gui).zoom - 2.0_f64.sqrt()).abs() < 1e-9);
    gui.press(Modifiers::NONE, Key::Minus);
    gui.set("Zoom", 300.0);
    assert!((look(&gui).zoom - 3.0).abs() < 1e-6);
    gui.set("Zoom", 1e6);
    assert_eq!(look(&gui).zoom, 64.0, "no further");
    gui.press(Modifiers::NONE, Key::Num0);
    assert_eq!(gui.session().canvas.look, None);
    gui.press(Modifiers::NONE, Key::Num9);
    assert_eq!(look(&gui).zoom, 1.0);
    gui.press(Modifiers::NONE, Key::ArrowRight);
    assert_eq!(gui.session().canvas.look, None, "another image is shown whole");
    assert_eq!(gui.session().canvas.tool, Tool::Look);
}
