//! Painting masks: tools on the canvas, what the panel does and tells.

use eframe::egui::accesskit::Role;
use eframe::egui::{self, Event, Key, Modifiers, Pos2, vec2};
use vitrine::app::canvas::Tool;
use vitrine::app::masks::{Current, MaskTool};
use vitrine::app::{Command, MaskCommand, Panel, Session};
use vitrine::finetune::MaskProfile;
use vitrine::finetune::loss::{MapWeights, MaskPlanes, map_terms};
use vitrine::image::Position;
use vitrine::mask::{Label, Operation, Region};
use vitrine::size::Size;

use crate::gui::{Gui, Opening};
use crate::pointer::released;

pub fn is_ready(session: &Session) -> bool {
    session.masks.current().is_some_and(|current| Some(&current.image) == session.image())
}

/// The demo, its first image explained and ready to be painted on.
pub fn painting() -> Gui {
    let mut gui = Gui::demo();
    gui.until("mask ready", is_ready);
    gui.click("Step: Mask");
    assert_eq!((gui.session().settings.panel, gui.session().canvas.tool), (Panel::Mask, Tool::Mask(MaskTool::Brush)));
    gui
}

pub fn current(gui: &Gui) -> &Current {
    gui.session().masks.current().unwrap()
}

pub fn count(gui: &Gui, label: Label) -> usize {
    current(gui).mask().count(label)
}

pub fn saved(gui: &mut Gui) {
    gui.until("saved", |session| session.masks.current().is_some_and(|current| !current.is_unsaved()));
}

/// The place on the screen of a place on the photo, in shares of its width and height.
pub fn place(gui: &Gui, x: f64, y: f64) -> Pos2 {
    let (look, size) = (gui.session().canvas.seen.unwrap(), current(gui).mask().size());
    let (dx, dy) = (x * size.width as f64 - look.centre.x, y * size.height as f64 - look.centre.y);
    gui.canvas().center() + vec2((dx * look.zoom) as f32, (dy * look.zoom) as f32)
}

/// From one place of the photo to another, in shares of its sides.
pub fn drag(gui: &mut Gui, from: (f64, f64), to: (f64, f64)) {
    let (from, to) = (place(gui, from.0, from.1), place(gui, to.0, to.1));
    gui.drag(from, to - from);
}

fn label_at(gui: &Gui, x: f64, y: f64) -> Label {
    let mask = current(gui).mask();
    let (row, column) = (y * mask.size().height as f64, x * mask.size().width as f64);
    mask.get(row as usize, column as usize).unwrap()
}

/// The smallest rectangle around the object, as shares of the photo: left, top, right, bottom.
fn bounds(gui: &Gui) -> [f64; 4] {
    let mask = current(gui).mask();
    let Size { height, width } = mask.size();
    let mut found = Region::between(0, 0, 0, 0);
    for (at, _) in mask.labels().iter().enumerate().filter(|(_, label)| **label == Label::Foreground) {
        let (row, column) = (at / width, at % width);
        found = found.union(Region::between(row, column, row + 1, column + 1));
    }
    let (height, width) = (height as f64, width as f64);
    [found.left as f64 / width, found.top as f64 / height, found.right() as f64 / width, found.bottom() as f64 / height]
}

/// A hundredth of the photo is more than a pixel of the screen at any size tested here.
#[track_caller]
fn assert_near(found: [f64; 4], expected: [f64; 4]) {
    let is_near = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 0.01);
    assert!(is_near, "{found:?} for {expected:?}");
}

#[test]
fn a_stroke_is_painted_saved_taken_back_and_brought_again() {
    let mut gui = painting();
    assert!(gui.has("No mask yet") && !gui.has("mask not judged"));
    gui.set("Brush size", 20.0);
    drag(&mut gui, (0.3, 0.5), (0.7, 0.5));
    let painted = count(&gui, Label::Foreground);
    let size = current(&gui).mask().size();
    // A capsule: 20 pixels times the length, and the disc of its ends.
    let expected = 20.0 * 0.4 * size.width as f64 + 100.0 * std::f64::consts::PI;
    assert!((painted as f64 / expected - 1.0).abs() < 0.03, "{painted} pixels for {expected}");
    saved(&mut gui);
    assert!(gui.has("Saved") && gui.has("Painted by hand") && gui.has("mask not judged"));
    gui.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(count(&gui, Label::Foreground), 0);
    gui.press(Modifiers::COMMAND, Key::Y);
    assert_eq!(count(&gui, Label::Foreground), painted);
    gui.click("Undo mask edit");
    assert_eq!(count(&gui, Label::Foreground), 0);
    gui.click("Redo mask edit");
    assert_eq!(count(&gui, Label::Foreground), painted);
    assert_eq!(gui.session().explain.patch, None, "painting picks no patch");
}

#[test]
fn a_stroke_given_up_never_was() {
    let mut gui = painting();
    let (from, to) = (place(&gui, 0.3, 0.5), place(&gui, 0.6, 0.5));
    gui.harness.hover_at(from);
    gui.harness.drag_at(from);
    gui.harness.hover_at(to);
    gui.settle();
    assert!(count(&gui, Label::Foreground) > 0 && current(&gui).is_painting());
    gui.press(Modifiers::NONE, Key::Escape);
    assert_eq!(count(&gui, Label::Foreground), 0);
    // The button is still down: nothing is painted until it is pressed anew.
    gui.harness.hover_at(from);
    gui.settle();
    gui.harness.event(released(from));
    gui.settle();
    assert_eq!(count(&gui, Label::Foreground), 0);
    assert!(!current(&gui).history().can_undo() && !current(&gui).exists());
    drag(&mut gui, (0.3, 0.5), (0.6, 0.5));
    assert!(count(&gui, Label::Foreground) > 0);
}

#[test]
fn shift_draws_a_straight_line_from_the_last_end() {
    let mut gui = painting();
    gui.set("Brush size", 8.0);
    let start = place(&gui, 0.2, 0.2);
    gui.click_at(start);
    let end = place(&gui, 0.8, 0.8);
    let button = |pressed| Event::PointerButton {
        pos: end,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: Modifiers::SHIFT,
    };
    gui.harness.hover_at(end);
    gui.harness.event_modifiers(button(true), Modifiers::SHIFT);
    gui.settle();
    gui.harness.event(button(false));
    gui.settle();
    assert_eq!(label_at(&gui, 0.5, 0.5), Label::Foreground);
    assert_eq!(label_at(&gui, 0.6, 0.4), Label::Background);
}

#[test]
fn the_eraser_and_the_labels_paint_what_they_say() {
    let mut gui = painting();
    gui.set("Brush size", 30.0);
    drag(&mut gui, (0.2, 0.5), (0.8, 0.5));
    gui.press(Modifiers::NONE, Key::E);
    assert_eq!(gui.session().canvas.tool, Tool::Mask(MaskTool::Eraser));
    drag(&mut gui, (0.5, 0.3), (0.5, 0.7));
    assert_eq!((label_at(&gui, 0.5, 0.5), label_at(&gui, 0.3, 0.5)), (Label::Background, Label::Foreground));
    gui.press(Modifiers::NONE, Key::B);
    for (title, label) in [("Ignore", Label::Ignore), ("Background", Label::Background), ("Object", Label::Foreground)]
    {
        gui.click_role(Role::Button, title);
        drag(&mut gui, (0.3, 0.3), (0.4, 0.3));
        assert_eq!(label_at(&gui, 0.35, 0.3), label, "{title}");
    }
    gui.press(Modifiers::NONE, Key::Q);
    assert_eq!(gui.session().masks.label, Label::Ignore);
}

#[test]
fn outlines_enclose_an_area() {
    let mut gui = painting();
    gui.click("Rectangle");
    drag(&mut gui, (0.2, 0.3), (0.6, 0.8));
    assert_near(bounds(&gui), [0.2, 0.3, 0.6, 0.8]);
    assert_eq!((label_at(&gui, 0.21, 0.31), label_at(&gui, 0.59, 0.79)), (Label::Foreground, Label::Foreground));
    gui.click("Clear");
    gui.click("Ellipse");
    drag(&mut gui, (0.2, 0.3), (0.6, 0.8));
    assert_near(bounds(&gui), [0.2, 0.3, 0.6, 0.8]);
    assert_eq!((label_at(&gui, 0.4, 0.55), label_at(&gui, 0.22, 0.32)), (Label::Foreground, Label::Background));
    gui.click("Clear");
    gui.press(Modifiers::NONE, Key::L);
    let corners = [(0.2, 0.2), (0.6, 0.2), (0.6, 0.6), (0.2, 0.6)].map(|(x, y)| place(&gui, x, y));
    gui.harness.hover_at(corners[0]);
    gui.harness.drag_at(corners[0]);
    corners[1..].iter().for_each(|corner| gui.harness.hover_at(*corner));
    gui.harness.event(released(corners[3]));
    gui.settle();
    assert_near(bounds(&gui), [0.2, 0.2, 0.6, 0.6]);
    assert_eq!(label_at(&gui, 0.4, 0.4), Label::Foreground);
}

#[test]
fn a_polygon_grows_by_clicks() {
    let mut gui = painting();
    gui.press(Modifiers::NONE, Key::P);
    let corner = |gui: &mut Gui, x, y| gui.click_at(place(gui, x, y));
    for (x, y) in [(0.2, 0.2), (0.7, 0.2), (0.9, 0.9)] {
        corner(&mut gui, x, y);
    }
    assert_eq!(count(&gui, Label::Foreground), 0, "still open");
    gui.press(Modifiers::NONE, Key::Backspace);
    corner(&mut gui, 0.7, 0.5);
    gui.press(Modifiers::NONE, Key::Enter);
    assert_near(bounds(&gui), [0.2, 0.2, 0.7, 0.5]);
    gui.click("Clear");
    for (x, y) in [(0.2, 0.2), (0.7, 0.2), (0.7, 0.5), (0.2, 0.2)] {
        corner(&mut gui, x, y);
    }
    assert_near(bounds(&gui), [0.2, 0.2, 0.7, 0.5]);
    gui.click("Clear");
    corner(&mut gui, 0.2, 0.2);
    corner(&mut gui, 0.7, 0.2);
    gui.press(Modifiers::NONE, Key::Escape);
    corner(&mut gui, 0.7, 0.5);
    gui.press(Modifiers::NONE, Key::Enter);
    assert_eq!(count(&gui, Label::Foreground), 0, "given up, and one corner is no area");
}

#[test]
fn clicks_fill() {
    let mut gui = painting();
    gui.press(Modifiers::NONE, Key::F);
    gui.set("Bucket tolerance", 128.0);
    gui.click_at(place(&gui, 0.05, 0.05));
    let filled = count(&gui, Label::Foreground);
    assert!(filled > 0);
    gui.press(Modifiers::COMMAND, Key::Z);
    gui.set("Bucket tolerance", 4.0);
    gui.click_at(place(&gui, 0.05, 0.05));
    assert!((1..filled).contains(&count(&gui, Label::Foreground)), "a smaller tolerance fills less");
    gui.click("Clear");
    // A frame of strokes, closed.
    gui.click("Brush");
    gui.set("Brush size", 6.0);
    for (from, to) in
        [((0.3, 0.3), (0.7, 0.3)), ((0.7, 0.3), (0.7, 0.7)), ((0.7, 0.7), (0.3, 0.7)), ((0.3, 0.7), (0.3, 0.3))]
    {
        drag(&mut gui, from, to);
    }
    gui.press(Modifiers::SHIFT, Key::F);
    assert_eq!(gui.session().canvas.tool, Tool::Mask(MaskTool::FillContour));
    gui.click_at(place(&gui, 0.1, 0.1));
    assert!(gui.has_notice("The contour is open"));
    gui.click_at(place(&gui, 0.5, 0.5));
    assert_eq!(label_at(&gui, 0.5, 0.5), Label::Foreground);
}

#[test]
fn the_brush_follows_edges_of_the_photo() {
    let folder = tempfile::tempdir().unwrap();
    let photo = image::RgbImage::from_fn(200, 160, |x, _| image::Rgb(if x < 100 { [40; 3] } else { [220; 3] }));
    photo.save(folder.path().join("half.png")).unwrap();
    let mut gui = Gui::open(Opening { paths: vec![folder.path().to_owned()], ..Opening::default() });
    gui.until("mask ready", is_ready);
    gui.click("Step: Mask");
    gui.set("Brush size", 60.0);
    gui.click_role(Role::Button, "follow edges");
    gui.set("Edge tolerance", 40.0);
    gui.click_at(place(&gui, 0.45, 0.5));
    assert_near(bounds(&gui), [0.3, 0.3125, 0.5, 0.6875]);
    gui.click_role(Role::Button, "hard");
    gui.click_at(place(&gui, 0.45, 0.5));
    assert_eq!(label_at(&gui, 0.55, 0.5), Label::Foreground);
    gui.click("Clear");
    gui.click_role(Role::Button, "soft");
    gui.click_at(place(&gui, 0.45, 0.5));
    assert!(count(&gui, Label::Ignore) > 0 && count(&gui, Label::Foreground) > count(&gui, Label::Ignore));
}

#[test]
fn the_whole_mask_can_be_changed() {
    let mut gui = painting();
    gui.click("Rectangle");
    drag(&mut gui, (0.2, 0.2), (0.6, 0.6));
    gui.set("Reach", 10.0);
    let size = current(&gui).mask().size();
    let reach = [10.0 / size.width as f64, 10.0 / size.height as f64];
    gui.click("Grow");
    assert_near(bounds(&gui), [0.2 - reach[0], 0.2 - reach[1], 0.6 + reach[0], 0.6 + reach[1]]);
    gui.click("Shrink");
    assert_near(bounds(&gui), [0.2, 0.2, 0.6, 0.6]);
    // A hole and a speck.
    gui.press(Modifiers::NONE, Key::E);
    gui.set("Brush size", 6.0);
    gui.click_at(place(&gui, 0.4, 0.4));
    gui.press(Modifiers::NONE, Key::B);
    gui.click_at(place(&gui, 0.9, 0.9));
    assert_eq!((label_at(&gui, 0.4, 0.4), label_at(&gui, 0.9, 0.9)), (Label::Background, Label::Foreground));
    gui.click("Fill holes");
    assert_eq!(label_at(&gui, 0.4, 0.4), Label::Foreground);
    gui.click("Keep largest");
    assert_eq!(label_at(&gui, 0.9, 0.9), Label::Background);
    let object = count(&gui, Label::Foreground);
    gui.click("Smooth");
    assert!(count(&gui, Label::Foreground) < object, "corners are rounded off");
    gui.press(Modifiers::COMMAND, Key::Z);
    gui.click("Invert");
    assert_eq!(count(&gui, Label::Background), object);
    gui.menu("Mask", "Clear the mask");
    assert_eq!(count(&gui, Label::Foreground), 0);
}

#[test]
fn the_panel_tells_what_the_loss_sees() {
    let mut gui = painting();
    let numbers = |gui: &Gui| current(gui).feedback().numbers().unwrap();
    let empty = numbers(&gui);
    assert_eq!((empty.area, empty.mass, empty.foreground_loss), (0.0, None, Some(0.0)));
    gui.click("Invert");
    let full = numbers(&gui);
    // All of the relevance lies on an object that is everywhere, and none beside it.
    assert_eq!((full.area, full.background_loss), (1.0, Some(0.0)));
    assert!((full.mass.unwrap().lift - 1.0).abs() < 1e-6);
    assert!(empty.background_loss.unwrap() > 0.0 && full.foreground_loss.unwrap() > 0.0);
    gui.click("Clear");
    let size = current(&gui).mask().size();
    let half = Position::new(size.width as f64 / 2.0, size.height as f64);
    let left = Operation::Rectangle { from: Position::new(0.0, 0.0), to: half, label: Label::Foreground };
    gui.apply(Command::Mask(MaskCommand::Apply(left)));
    // Half of what the model sees, to a pixel of its input.
    assert!((numbers(&gui).area - 0.5).abs() < 0.01);
    let mass = numbers(&gui).mass.unwrap();
    assert!(gui.has(&format!("{:.1} %, {:.2} × chance", mass.share * 100.0, mass.lift)));
    // Without ignored pixels, what training minimises.
    let result = gui.result();
    let seen = current(&gui).feedback().mask_in_input().unwrap();
    let weights = MapWeights { background: 1.0, foreground: 1.0 };
    let planes = MaskPlanes::new(&seen.foreground, &[], MaskProfile::default());
    let terms = map_terms(&result.maps[0], result.patch, &planes, weights);
    let count = seen.size.area() as f64;
    let told = numbers(&gui);
    // The same sums of single-precision terms, added in the same order.
    assert!((told.background_loss.unwrap() - terms.background / count).abs() < 1e-9);
    assert!((told.foreground_loss.unwrap() - terms.foreground / count).abs() < 1e-9);
    let before = current(&gui).feedback().version();
    gui.apply(Command::FirstBlock(2));
    assert!(current(&gui).feedback().version() > before, "another map, other numbers");
    gui.click("Patches");
    assert!(gui.has("What the loss sees: mask") && gui.has("What the loss sees: loss"));
    gui.click("Pixels");
}

#[test]
fn the_mask_is_shown_as_one_likes() {
    let mut gui = painting();
    gui.press(Modifiers::NONE, Key::M);
    assert!(!gui.session().settings.show_mask);
    gui.click("Show mask");
    assert!(gui.session().settings.show_mask);
    gui.click("Outline");
    gui.click("Mask colour: green");
    gui.set("Mask opacity", 0.75);
    let style = gui.session().settings.mask_style;
    assert_eq!((style.outline, style.colour, style.opacity), (false, [40, 200, 90], 0.75));
}

#[test]
fn the_brush_has_a_size() {
    let mut gui = painting();
    gui.set("Brush size", 40.0);
    gui.press(Modifiers::NONE, Key::CloseBracket);
    assert_eq!(gui.session().canvas.brush, Some(50.0));
    gui.press(Modifiers::NONE, Key::OpenBracket);
    assert_eq!(gui.session().canvas.brush, Some(40.0));
    let zoom = gui.session().canvas.seen.unwrap().zoom;
    gui.harness.hover_at(gui.canvas().center());
    let wheel = Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: vec2(0.0, 50.0),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: Modifiers::COMMAND,
    };
    gui.harness.event_modifiers(wheel, Modifiers::COMMAND);
    for _ in 0..20 {
        gui.harness.event_modifiers(Event::PointerMoved(gui.canvas().center()), Modifiers::COMMAND);
        gui.harness.step();
    }
    gui.settle();
    assert!(gui.session().canvas.brush.unwrap() > 41.0, "{:?}", gui.session().canvas.brush);
    assert_eq!(gui.session().canvas.seen.unwrap().zoom, zoom);
}

#[test]
fn the_mask_looks_as_it_should() {
    let opening = Opening { size: [1280.0, 800.0], ..Opening::default() };
    let Some(mut gui) = Gui::drawn(opening) else { return };
    gui.explained();
    gui.until("mask ready", is_ready);
    gui.click("Step: Mask");
    gui.apply(Command::Brush(24.0));
    gui.apply(Command::ToggleHeat);
    drag(&mut gui, (0.3, 0.45), (0.7, 0.55));
    gui.click("Ellipse");
    drag(&mut gui, (0.35, 0.5), (0.65, 0.8));
    gui.press(Modifiers::NONE, Key::Q);
    gui.click("Rectangle");
    drag(&mut gui, (0.1, 0.1), (0.25, 0.3));
    gui.press(Modifiers::NONE, Key::A);
    saved(&mut gui);
    gui.snapshot("mask_dark");
    gui.apply(Command::Theme(vitrine::app::Theme::Light));
    gui.apply(Command::ToggleHeat);
    gui.snapshot("mask_light");
}
