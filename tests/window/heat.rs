//! How heat is drawn: each control changes the settings, nothing is computed again.

use std::sync::Arc;

use eframe::egui::accesskit::Role;
use image::RgbaImage;
use vitrine::app::Command;
use vitrine::render::{Blend, ColourMap, Interpolation, RangeMode, Style};

use crate::gui::{Gui, Opening};

#[test]
fn every_control_changes_the_style_and_none_the_result() {
    let mut gui = Gui::demo();
    let result = gui.result();
    for colours in ColourMap::ALL.into_iter().rev() {
        gui.choose("Colours", colours.name());
        assert_eq!(gui.session().settings.style.colours, colours);
    }
    for kind in Interpolation::ALL {
        gui.choose("Interpolation", kind.title());
        assert_eq!(gui.session().settings.style.interpolation, kind);
    }
    gui.choose("Blend", "Multiply");
    assert_eq!(gui.session().settings.style.blend, Blend::Multiply);
    gui.set("Opacity", 0.25);
    gui.set("Gamma", 2.0);
    gui.set("Threshold", 0.5);
    gui.click("Dim the rest");
    gui.click("Add contour");
    gui.click("Add contour");
    gui.set("Contour 1", 30.0);
    let style = &gui.session().settings.style;
    assert_eq!((style.opacity, style.gamma, style.threshold), (0.25, 2.0, 0.5));
    assert!(!style.dim_unseen && style.contours == [0.3, 0.75]);
    gui.click("Remove contour");
    assert_eq!(gui.session().settings.style.contours, [0.3]);
    gui.click("Reset heat");
    assert_eq!(gui.session().settings.style, Style::default());
    assert!(!gui.has("Reset heat"));
    assert!(Arc::ptr_eq(&result, &gui.result()), "nothing was computed");
}

#[test]
fn heat_and_frame_are_switched() {
    let mut gui = Gui::demo();
    gui.click_role(Role::CheckBox, "Heat");
    gui.click_role(Role::CheckBox, "Frame");
    assert!(!gui.session().settings.show_heat && !gui.session().settings.show_crop);
    gui.click_role(Role::CheckBox, "Heat");
    assert!(gui.session().settings.show_heat);
}

#[test]
fn ranges_can_be_cut_shared_locked_and_reset() {
    let mut gui = Gui::demo();
    gui.choose("Range", "Percentile");
    gui.set("Lower percentile", 10.0);
    gui.set("Upper percentile", 90.0);
    assert_eq!(gui.session().settings.range, RangeMode::Percentile { low: 10.0, high: 90.0 });
    gui.choose("Range", "Shared");
    assert_eq!(gui.session().settings.range, RangeMode::Shared);
    assert!(!gui.has("Lower percentile"));
    gui.choose("Range", "Locked");
    let locked = gui.session().settings.locked_range.unwrap();
    let values = gui.result().maps[0].values.clone();
    assert_eq!(locked.high, values.iter().copied().fold(f32::MIN, f32::max));
    gui.menu("Images", "Next image");
    gui.explained();
    assert_eq!(gui.session().settings.locked_range, Some(locked), "kept for the next image");
    let text = format!("Colours from {:.2e}", locked.low);
    assert!(gui.has(&text), "the colour bar says so: {text}");
    gui.click("Reset heat");
    assert_eq!(gui.session().settings.range, RangeMode::PerImage, "the range is part of the heat");
}

/// The part of the picture where the canvas is.
fn canvas(gui: &mut Gui) -> RgbaImage {
    let area = gui.canvas();
    let picture = gui.picture();
    let [x, y, width, height] = [area.left(), area.top(), area.width(), area.height()].map(|side| side as u32);
    image::imageops::crop_imm(&picture, x, y, width, height).to_image()
}

#[test]
fn what_is_set_is_seen() {
    let Some(mut gui) = Gui::drawn(Opening { size: [1000.0, 1400.0], ..Opening::default() }) else { return };
    gui.explained();
    // They fade by the clock, and lie over the canvas.
    let notices: Vec<u64> = gui.session().notices.shown().iter().map(|notice| notice.id).collect();
    notices.into_iter().for_each(|id| gui.apply(Command::DismissNotice(id)));
    let start = canvas(&mut gui);
    let mut seen = vec![start.clone()];
    let mut differs = |gui: &mut Gui, what: &str| {
        let now = canvas(gui);
        assert!(!seen.contains(&now), "{what} changed nothing on screen");
        seen.push(now);
    };
    gui.choose("Colours", "magma");
    differs(&mut gui, "magma");
    gui.choose("Interpolation", "Patches");
    differs(&mut gui, "patches");
    gui.set("Opacity", 1.0);
    differs(&mut gui, "opacity");
    gui.set("Gamma", 0.5);
    differs(&mut gui, "gamma");
    gui.set("Threshold", 0.3);
    differs(&mut gui, "threshold");
    gui.click("Add contour");
    differs(&mut gui, "contours");
    gui.choose("Blend", "Multiply");
    differs(&mut gui, "blend");
    gui.set("First block", 4.0);
    differs(&mut gui, "first block");
    gui.click_role(Role::CheckBox, "Heat");
    differs(&mut gui, "no heat");
    gui.click_role(Role::CheckBox, "Frame");
    differs(&mut gui, "no frame");
    gui.click_role(Role::CheckBox, "Frame");
    gui.click_role(Role::CheckBox, "Heat");
    gui.set("First block", 0.0);
    gui.click("Reset heat");
    assert!(canvas(&mut gui) == start, "and all the way back");
}
