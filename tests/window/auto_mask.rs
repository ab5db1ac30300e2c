//! Masks found by a method: under sliders for one image, in the background for many.

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use vitrine::app::canvas::Tool;
use vitrine::app::masks::{AutoMethod, AutoOptions, MaskTool};
use vitrine::app::{Command, MaskCommand, Panel, Settings};
use vitrine::jobs::mask::TokenCutOptions;
use vitrine::mask::{Label, MaskFile, Operation, Origin, Review};

use crate::files::demo_folder;
use crate::gui::{Gui, Opening};
use crate::mask::{count, current, drag, is_ready, painting, place, saved};

/// Ready to find masks on a grid of 12 × 12 patches, which takes a moment in a test.
fn finding() -> Gui {
    let mut gui = painting();
    gui.set("Longer side", SIZE as f64);
    gui
}

const SIZE: usize = 96;

fn small() -> AutoOptions {
    let tokencut = TokenCutOptions { size: Some(SIZE), ..TokenCutOptions::default() };
    AutoOptions { tokencut, ..AutoOptions::default() }
}

fn found(gui: &mut Gui) {
    gui.until("found", |session| {
        !session.masks.auto.is_waiting()
            && (session.masks.auto.found().is_some() || session.masks.auto.error().is_some())
    });
    assert_eq!(gui.session().masks.auto.error(), None);
}

#[test]
fn the_object_is_found_and_follows_the_sliders_as_one_step() {
    let mut gui = finding();
    gui.click("Find the object");
    found(&mut gui);
    let first = current(&gui).mask().clone();
    assert!(!first.is_empty() && current(&gui).record().origin == Origin::Auto);
    assert!(gui.has("tokencut") && gui.has("Eigengap") && gui.has("Found automatically") && gui.has("found in"));
    gui.set("Threshold τ", 0.8);
    found(&mut gui);
    gui.set("Feature block", 2.0);
    found(&mut gui);
    let other = current(&gui).mask().clone();
    assert_ne!(other, first, "another graph, another cut");
    gui.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(count(&gui, Label::Foreground), 0, "all of it is one item of the history");
    gui.press(Modifiers::COMMAND, Key::Y);
    assert_eq!(current(&gui).mask(), &other);
    gui.click("As fits the model");
    gui.set("Longer side", SIZE as f64);
    gui.press(Modifiers::NONE, Key::U);
    found(&mut gui);
    assert_eq!(current(&gui).mask(), &first, "the same photo gives the same mask");
}

#[test]
fn who_paints_is_not_painted_over() {
    let mut gui = finding();
    gui.click("Find the object");
    found(&mut gui);
    gui.click("Rectangle");
    drag(&mut gui, (0.1, 0.1), (0.3, 0.3));
    saved(&mut gui);
    assert_eq!((current(&gui).record().origin, current(&gui).record().quality), (Origin::Edited, None));
    let painted = current(&gui).mask().clone();
    gui.set("Threshold τ", 0.7);
    gui.harness.run_steps(30);
    assert!(!gui.session().masks.auto.is_waiting());
    assert_eq!(current(&gui).mask(), &painted);
}

#[test]
fn another_eigenvector_and_another_part_are_a_click_away() {
    let mut gui = finding();
    gui.click("Refine");
    gui.click("Find the object");
    found(&mut gui);
    let first = current(&gui).mask().clone();
    gui.click("Eigenvector 3");
    found(&mut gui);
    assert_eq!(gui.session().settings.auto_mask.tokencut.eigenvector, 1);
    assert_ne!(current(&gui).mask(), &first);
    gui.click("Eigenvector 2");
    found(&mut gui);
    assert_eq!(current(&gui).mask(), &first);
    gui.press(Modifiers::NONE, Key::G);
    assert_eq!(gui.session().canvas.tool, Tool::Mask(MaskTool::Point));
    let at = place(&gui, 0.05, 0.05);
    gui.click_at(at);
    found(&mut gui);
    assert_eq!(current(&gui).mask().get(5, 5), Some(Label::Foreground), "the part that was clicked");
    gui.click("Forget the points");
    gui.click("Find the object");
    found(&mut gui);
    assert_eq!(current(&gui).mask(), &first);
}

#[test]
fn features_size_and_refinement_have_controls() {
    let mut gui = finding();
    gui.click_role(Role::Button, "kqv");
    gui.set("Longer side", 192.0);
    gui.set("σ spatial", 8.0);
    gui.set("σ luma", 20.0);
    gui.set("σ chroma", 12.0);
    gui.click("As the paper");
    gui.click("Enlarge smaller photos");
    let options = gui.session().settings.auto_mask.tokencut;
    let bilateral = options.refine.unwrap();
    assert_eq!((options.features.name(), options.size, options.enlarge), ("kqv", Some(192), Some(true)));
    assert_eq!((bilateral.sigma_spatial, bilateral.sigma_luma, bilateral.sigma_chroma), (8.0, 20.0, 12.0));
    gui.menu("File", "Copy as command line");
    assert!(gui.has_notice(
        "vitrine mask demo/photos/correlated/bird/bird-1.jpg --features kqv --size 192 --enlarge true --sigma-spatial 8 \
         --sigma-luma 20 --sigma-chroma 12 --profile paper --out"
    ));
    gui.click("Find the object");
    found(&mut gui);
}

#[test]
fn a_threshold_on_the_relevance_says_that_it_is_circular() {
    let mut gui = finding();
    gui.click_role(Role::Button, "Relevance");
    assert_eq!(gui.session().settings.auto_mask.method, AutoMethod::Relevance);
    assert!(gui.has("Circular: not independent evidence"));
    gui.click("Find the object");
    found(&mut gui);
    let otsu = count(&gui, Label::Foreground);
    assert!(otsu > 0 && current(&gui).record().review == Review::NeedsReview);
    gui.click_role(Role::Button, "percentile");
    gui.set("Percentile", 98.0);
    found(&mut gui);
    let size = current(&gui).mask().size().area() as f64;
    let share = count(&gui, Label::Foreground) as f64 / size;
    // Two per cent of the model's pixels; interpolated at the photo's pixels, the border moves by part of a patch.
    assert!((0.01..0.03).contains(&share), "{share}");
    gui.click_role(Role::Button, "mean");
    found(&mut gui);
    assert_ne!(count(&gui, Label::Foreground), otsu);
}

#[test]
fn clicks_without_weights_say_how_to_get_them() {
    let mut gui = finding();
    gui.click_role(Role::Button, "Clicks");
    gui.click("Point at the object");
    let at = place(&gui, 0.6, 0.6);
    gui.click_at(at);
    gui.until("answered", |session| !session.masks.auto.is_waiting());
    let prompt = gui.session().masks.auto.prompt().clone();
    assert_eq!(prompt.points.len(), 1);
    if gui.session().masks.auto.found().is_none() {
        assert!(gui.has("vitrine models get mobile-sam"), "{:?}", gui.session().masks.auto.error());
    }
}

#[test]
fn many_masks_are_found_in_the_background_and_judged_one_by_one() {
    let demo = demo_folder();
    let photos = demo.path().join("photos/correlated/camel");
    let mut gui = Gui::open(Opening {
        paths: vec![photos.clone()],
        settings: Settings { panel: Panel::Mask, auto_mask: small(), ..Settings::default() },
        ..Opening::default()
    });
    gui.until("mask ready", is_ready);
    // One of them has a mask of a person, which stays.
    gui.apply(Command::Mask(MaskCommand::Apply(Operation::Invert)));
    saved(&mut gui);
    gui.click("Find masks of 3 images");
    gui.until("found", |session| session.gallery.items().iter().all(|item| item.mask.is_some()));
    gui.until("ended", |session| session.jobs.is_empty());
    assert!(gui.has_notice("2 masks found, 1 had one already"));
    let origin = |name: &str| MaskFile::load(&photos.join(format!("vitrine-masks/{name}.png"))).unwrap().record.origin;
    assert_eq!(["camel-1", "camel-2", "camel-3"].map(origin), [Origin::Human, Origin::Auto, Origin::Auto]);
    gui.press(Modifiers::NONE, Key::Enter);
    gui.until("mask ready", is_ready);
    assert!(current(&gui).record().quality.is_some());
    gui.press(Modifiers::NONE, Key::A);
    saved(&mut gui);
    gui.press(Modifiers::NONE, Key::Enter);
    gui.until("mask ready", is_ready);
    gui.press(Modifiers::NONE, Key::X);
    saved(&mut gui);
    gui.click("Find masks of 3 images");
    gui.until("ended", |session| session.jobs.is_empty());
    assert!(gui.has_notice("0 masks found, 3 had one already"), "it goes on where it stopped");
}

#[test]
fn finding_many_masks_can_be_stopped() {
    let mut gui = finding();
    gui.click("Find masks of 72 images");
    gui.click("Cancel: Masks of 72 images");
    gui.until("ended", |session| session.jobs.is_empty());
    assert!(gui.has_notice("start again to go on"));
}
