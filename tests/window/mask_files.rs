//! Masks of many images: what is kept, judged, saved and found again.

use std::path::Path;

use eframe::egui::{Key, Modifiers, vec2};
use vitrine::app::canvas::Tool;
use vitrine::app::gallery::{Filter, GalleryCommand};
use vitrine::app::masks::{Current, MaskTool, MaskView};
use vitrine::app::{Command, Panel, Settings};
use vitrine::mask::{Label, MaskFile, Origin, Review};

use crate::files::demo_folder;
use crate::gui::{Gui, Opening};
use crate::mask::{count, current, drag, is_ready, painting, saved};

#[test]
fn histories_stay_and_masks_are_copied_from_image_to_image() {
    let mut gui = painting();
    gui.click("Rectangle");
    drag(&mut gui, (0.2, 0.2), (0.6, 0.6));
    let first = current(&gui).mask().clone();
    gui.press(Modifiers::NONE, Key::ArrowRight);
    gui.until("mask ready", is_ready);
    assert_eq!(count(&gui, Label::Foreground), 0, "each image has its own");
    gui.click("Copy from previous");
    gui.until("copied", |session| session.masks.current().is_some_and(|current| !current.mask().is_empty()));
    assert_eq!(current(&gui).mask(), &first, "all photos of the demo have one size");
    gui.press(Modifiers::NONE, Key::ArrowLeft);
    gui.until("mask ready", is_ready);
    assert_eq!(current(&gui).mask(), &first);
    gui.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(count(&gui, Label::Foreground), 0, "what was done before is still known");
    gui.press(Modifiers::COMMAND, Key::Y);
    assert_eq!(current(&gui).mask(), &first);
    gui.press(Modifiers::NONE, Key::Home);
    gui.click("Copy from previous");
    assert!(gui.has_notice("There is no image before this one"));
}

#[test]
fn masks_are_judged_by_keys_and_buttons_and_found_by_it() {
    let mut gui = painting();
    let review = |gui: &Gui| current(gui).record().review;
    gui.click("Rectangle");
    for key in [Key::A, Key::R, Key::X] {
        drag(&mut gui, (0.2, 0.2), (0.6, 0.6));
        gui.press(Modifiers::NONE, key);
        saved(&mut gui);
        gui.press(Modifiers::NONE, Key::ArrowRight);
        gui.until("mask ready", is_ready);
    }
    let of = |gui: &Gui, review| {
        gui.session().gallery.items().iter().filter(|item| item.mask.is_some_and(|mask| mask.review == review)).count()
    };
    assert_eq!([Review::Accepted, Review::NeedsReview, Review::Rejected].map(|review| of(&gui, review)), [1, 1, 1]);
    assert!(gui.has("Masks that wait for a judgement: 1"));
    gui.press(Modifiers::NONE, Key::Enter);
    gui.until("mask ready", is_ready);
    assert_eq!((gui.session().gallery.selected_position(), review(&gui)), (Some(1), Review::NeedsReview));
    gui.click("Accept");
    assert_eq!(review(&gui), Review::Accepted);
    gui.click("Accept");
    assert_eq!(review(&gui), Review::None, "taken back");
    gui.click("Reject");
    saved(&mut gui);
    gui.click("Next");
    assert!(gui.has_notice("No other mask among the shown images waits"));
    gui.choose("Filter", "Mask rejected");
    assert!(gui.has("2 of 72"));
    gui.choose("Filter", "Without mask");
    assert!(gui.has("69 of 72"));
    gui.choose("Sort by", "Doubtful masks");
    gui.apply(Command::Gallery(GalleryCommand::Filter(Filter::Mask(Review::Accepted))));
    assert_eq!(gui.session().gallery.order().len(), 1);
}

#[test]
fn the_keys_of_judging_belong_to_the_step() {
    let mut gui = Gui::demo();
    gui.until("mask ready", is_ready);
    gui.press(Modifiers::NONE, Key::A);
    gui.press(Modifiers::NONE, Key::Enter);
    assert!(!current(&gui).exists());
    assert_eq!(gui.session().gallery.selected_position(), Some(0));
    gui.press(Modifiers::NONE, Key::B);
    assert_eq!(gui.session().settings.panel, Panel::Mask, "a tool brings its step along");
    gui.press(Modifiers::NONE, Key::O);
    assert_eq!((gui.session().settings.panel, gui.session().canvas.tool), (Panel::Explain, Tool::Occlude));
    gui.click("Step: Mask");
    gui.click("Step: Explain");
    assert_eq!(gui.session().canvas.tool, Tool::Look);
}

#[test]
fn masks_outlive_the_window() {
    let mut gui = painting();
    gui.click("Rectangle");
    drag(&mut gui, (0.2, 0.2), (0.6, 0.6));
    let mask = current(&gui).mask().clone();
    // Closed at once: the last stroke is saved on the way out.
    let Gui { harness, data, .. } = gui;
    drop(harness);
    let mut gui = Gui::open(Opening { data: Some(data), ..Opening::default() });
    gui.until("mask ready", is_ready);
    assert_eq!(current(&gui).mask(), &mask);
    gui.until("looked up", |session| session.gallery.items().iter().any(|item| item.mask.is_some()));
}

/// A folder with a photo of 80 × 60 pixels, and one of masks that is not written yet.
fn folder_of_photos() -> (tempfile::TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("photos")).unwrap();
    let photo = image::RgbImage::from_fn(80, 60, |x, y| image::Rgb([(x * 3) as u8, (y * 4) as u8, 90]));
    photo.save(folder.path().join("photos/a.png")).unwrap();
    let settings =
        Settings { mask_folder: Some(folder.path().join("masks")), panel: Panel::Mask, ..Settings::default() };
    (folder, settings)
}

fn open(folder: &Path, settings: Settings) -> Gui {
    Gui::open(Opening { paths: vec![folder.join("photos")], settings, ..Opening::default() })
}

#[test]
fn a_mask_that_cannot_be_used_is_left_alone_until_it_is_set_aside() {
    let bad = [
        ("has 10×10 pixels", grey_png(10)),
        ("stores colours by palette", palette_png()),
        ("cannot be read", b"\x89PNG\r\n\x1a\ntorn".to_vec()),
    ];
    for (text, bytes) in bad {
        let (folder, settings) = folder_of_photos();
        let path = folder.path().join("masks/a.png");
        std::fs::create_dir(folder.path().join("masks")).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let mut gui = open(folder.path(), settings);
        gui.until("refused", |session| matches!(session.masks.view(), MaskView::Refused(_)));
        assert!(gui.has_notice(text), "{text}");
        gui.dismiss_notices();
        gui.apply(Command::Tool(Tool::Mask(MaskTool::Brush)));
        let centre = gui.canvas().center();
        gui.drag(centre, vec2(30.0, 0.0));
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{text}: painted on nothing");
        gui.click("Set aside and begin anew");
        gui.until("mask ready", is_ready);
        gui.drag(centre, vec2(30.0, 0.0));
        saved(&mut gui);
        assert_ne!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(std::fs::read(folder.path().join("masks/removed/a.png")).unwrap(), bytes, "{text}: nothing is lost");
    }
}

fn grey_png(side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&vec![0; (side * side) as usize]).unwrap();
    bytes
}

fn palette_png() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 80, 60);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(vec![0, 0, 0, 255, 255, 255]);
    encoder.write_header().unwrap().write_image_data(&[0; 80 * 60]).unwrap();
    bytes
}

#[test]
fn what_cannot_be_saved_stays_in_memory_until_there_is_a_place() {
    let (folder, settings) = folder_of_photos();
    // A file where the folder should be.
    std::fs::write(folder.path().join("masks"), b"").unwrap();
    let mut gui = open(folder.path(), settings);
    gui.until("mask ready", is_ready);
    gui.apply(Command::Tool(Tool::Mask(MaskTool::Brush)));
    gui.drag(gui.canvas().center(), vec2(60.0, 0.0));
    gui.until("told", |session| session.masks.current().is_some_and(Current::has_failed));
    assert!(gui.has_notice("cannot be saved") && gui.has("Not saved: it is kept in memory"));
    let mask = current(&gui).mask().clone();
    let other = folder.path().join("other");
    gui.answers.push(&other);
    gui.click("Mask folder…");
    gui.until("saved", |session| is_ready(session) && session.masks.current().is_some_and(|it| !it.is_unsaved()));
    assert_eq!(current(&gui).mask(), &mask);
    assert_eq!(MaskFile::load(&other.join("a.png")).unwrap().mask, mask);
    assert!(current(&gui).history().can_undo());
    gui.click("Beside the images");
    gui.until("mask ready", is_ready);
    assert!(!current(&gui).exists(), "there is none beside the images");
}

#[test]
fn masks_of_files_lie_beside_them_and_are_no_photos() {
    let demo = demo_folder();
    let photos = demo.path().join("photos/correlated");
    let mut gui = Gui::open(Opening { paths: vec![photos.clone()], ..Opening::default() });
    gui.until("mask ready", is_ready);
    gui.press(Modifiers::NONE, Key::B);
    drag(&mut gui, (0.3, 0.5), (0.6, 0.5));
    saved(&mut gui);
    let file = MaskFile::load(&photos.join("vitrine-masks/bird-1.png")).unwrap();
    assert_eq!((file.record.origin, &file.mask), (Origin::Human, current(&gui).mask()));
    drop(gui);
    let gui = {
        let mut gui = Gui::open(Opening { paths: vec![photos], ..Opening::default() });
        gui.until("mask ready", |session| is_ready(session) && session.jobs.is_empty());
        gui
    };
    assert_eq!(gui.session().gallery.items().len(), 36, "masks are not listed");
    assert!(current(&gui).exists());
}

#[test]
fn masks_from_elsewhere_are_found_and_edited() {
    let demo = demo_folder();
    let settings = Settings { mask_folder: Some(demo.path().join("masks")), ..Settings::default() };
    let paths = vec![demo.path().join("photos/counter/fox")];
    let mut gui = Gui::open(Opening { paths, settings, ..Opening::default() });
    gui.until("mask ready", is_ready);
    assert_eq!(current(&gui).record().origin, Origin::Imported);
    assert!(!current(&gui).mask().is_empty());
    gui.press(Modifiers::NONE, Key::B);
    drag(&mut gui, (0.1, 0.1), (0.2, 0.1));
    saved(&mut gui);
    assert_eq!(current(&gui).record().origin, Origin::Edited);
    assert!(gui.has("then edited"));
}
