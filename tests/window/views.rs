//! Wipe, blink and difference, as far as they have controls of their own.

use eframe::egui::vec2;
use egui_kittest::kittest::Queryable;
use image::RgbaImage;

use crate::gui::{Gui, Opening};

fn drawn() -> Option<Gui> {
    let mut gui = Gui::drawn(Opening { size: [1000.0, 700.0], ..Opening::default() })?;
    gui.explained();
    Some(gui)
}

/// How many pixels of two pictures differ left and right of the middle of the canvas.
fn changed(gui: &Gui, a: &RgbaImage, b: &RgbaImage) -> (usize, usize) {
    let area = gui.canvas().shrink(8.0);
    let middle = area.center().x;
    let differs = |x: u32, y: u32| a.get_pixel(x, y) != b.get_pixel(x, y);
    let count = |from: f32, to: f32| {
        let rows = area.top() as u32..area.bottom() as u32;
        rows.flat_map(|y| (from as u32..to as u32).map(move |x| (x, y))).filter(|&(x, y)| differs(x, y)).count()
    };
    (count(area.left(), middle - 20.0), count(middle + 20.0, area.right()))
}

#[test]
fn the_divider_is_dragged() {
    let Some(mut gui) = drawn() else { return };
    gui.click("Wipe");
    let before = gui.picture();
    let handle = gui.harness.get_by_label("Wipe divider").rect();
    gui.drag(handle.center(), vec2(-120.0, 0.0));
    let moved = gui.harness.get_by_label("Wipe divider").rect();
    assert!((handle.center().x - moved.center().x - 120.0).abs() < 2.0, "{handle} {moved}");
    assert_eq!(gui.session().canvas.look, None, "the photo stays");
    let after = gui.picture();
    let (left, right) = changed(&gui, &before, &after);
    assert!(left > 1000 && right == 0, "heat grows to the left only: {left} {right}");
}

#[test]
fn blink_takes_turns() {
    let Some(mut gui) = drawn() else { return };
    gui.click("Blink");
    let first = gui.picture();
    // 0.7 s a turn, 60 frames a second.
    let alternates = (0..4).any(|_| {
        gui.harness.run_steps(20);
        let now = gui.picture();
        changed(&gui, &first, &now).0 > 1000
    });
    assert!(alternates);
}

#[test]
fn a_difference_without_a_second_model_says_what_is_missing() {
    let mut gui = Gui::demo();
    gui.click("Difference");
    assert!(gui.session().lacks_second());
    assert!(gui.has("The difference needs a second model"));
}
