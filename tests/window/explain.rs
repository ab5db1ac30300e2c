//! What is asked of the model: target, contrast, method, first block, patches, heads.

use std::sync::Arc;

use eframe::egui::accesskit::Role;
use eframe::egui::{Key, Modifiers};
use vitrine::app::settings::View;
use vitrine::app::{Norms, Session, Slot, views};
use vitrine::relevance::{Method, far_out};
use vitrine::vit::Score;

use crate::gui::Gui;

fn class(session: &Session, name: &str) -> usize {
    session.models.get(Slot::Main).unwrap().info.classes.find(name).unwrap()
}

fn map(gui: &mut Gui) -> Vec<f32> {
    gui.result().maps[0].values.clone()
}

#[test]
fn a_bar_makes_its_class_the_target() {
    let mut gui = Gui::demo();
    let predicted = map(&mut gui);
    gui.click("tiger 0.8 %");
    let tiger = class(gui.session(), "tiger");
    assert_eq!(gui.session().explain.target, Some(tiger));
    assert_eq!(gui.result().target, Some(tiger));
    assert_ne!(map(&mut gui), predicted);
    gui.click("predicted");
    assert_eq!(gui.session().explain.target, None);
    assert_eq!(map(&mut gui), predicted);
    // The true class stands beside the bars.
    gui.click_role(Role::Button, "bird");
    assert_eq!(gui.session().explain.target, Some(class(gui.session(), "bird")));
    gui.press(Modifiers::NONE, Key::T);
    assert_eq!(gui.session().explain.target, None);
}

#[test]
fn classes_are_searched_by_name() {
    let mut gui = Gui::demo();
    gui.click("Target class");
    gui.type_text("cam");
    gui.press(Modifiers::NONE, Key::Enter);
    let camel = class(gui.session(), "camel");
    assert_eq!(gui.session().explain.target, Some(camel));
    gui.explained();
    gui.click("Contrast class");
    gui.type_text("no such animal");
    assert!(gui.has("No class matches"));
    gui.press(Modifiers::NONE, Key::Escape);
    assert_eq!(gui.session().explain.contrast, None);
}

#[test]
fn a_contrast_asks_why_not_another_and_is_removed() {
    let mut gui = Gui::demo();
    let plain = map(&mut gui);
    gui.click("Contrast class");
    gui.type_text("dog");
    gui.press(Modifiers::NONE, Key::Enter);
    let dog = class(gui.session(), "dog");
    assert_eq!((gui.session().explain.contrast, gui.result().contrast), (Some(dog), Some(dog)));
    assert_ne!(map(&mut gui), plain);
    gui.click("Remove contrast");
    assert_eq!(gui.session().explain.contrast, None);
    assert_eq!(map(&mut gui), plain);
}

#[test]
fn the_first_block_needs_no_inference_and_methods_do() {
    let mut gui = Gui::demo();
    let before = gui.result();
    gui.set("First block", 3.0);
    assert_eq!(gui.session().explain.first_block, 3);
    assert!(Arc::ptr_eq(&before, &gui.result()), "the same result shows another of its maps");
    assert_ne!(before.maps[0].values, before.maps[3].values);
    for method in Method::ALL.into_iter().filter(|method| !matches!(method, Method::Rise | Method::Gae)) {
        gui.choose("Method", method.title());
        assert_eq!(gui.session().explain.method, method);
        assert_eq!(gui.result().request.method, method);
    }
    assert!(!gui.has("First block"), "the other methods have none");
}

#[test]
fn each_method_has_its_numbers() {
    let mut gui = Gui::demo();
    gui.choose("Method", "integrated gradients");
    gui.set("Steps", 4.0);
    assert_eq!(gui.result().request.options.steps, 4);
    gui.choose("Method", "SmoothGrad");
    gui.set("Samples", 3.0);
    gui.set("Noise", 0.3);
    let options = gui.result().request.options.clone();
    assert_eq!((options.samples, options.noise), (3, 0.3));
    gui.choose("Method", "occlusion");
    gui.set("Window", 4.0);
    gui.set("Stride", 9.0);
    let options = gui.result().request.options.clone();
    assert_eq!((options.window, options.stride), (4, 4), "every patch is covered");
    gui.set("Window", 2.0);
    assert_eq!(gui.session().explain.options.stride, 2);
    // 1000 masks would take their time: set before the method is chosen.
    let few = vitrine::relevance::MethodOptions { masks: 8, ..options };
    gui.apply(vitrine::app::Command::Options(Box::new(few)));
    gui.choose("Method", "RISE");
    gui.set("Masks", 6.0);
    gui.set("Cells", 5.0);
    gui.set("Visible", 0.75);
    let options = gui.result().request.options.clone();
    assert_eq!((options.masks, options.cells, options.visible), (6, 5, 0.75));
}

#[test]
fn high_norm_tokens_are_marked_or_take_the_place_of_relevance() {
    let mut gui = Gui::demo();
    gui.click("Token norms: mark");
    assert_eq!(gui.session().explain.norms, Norms::Marked);
    let count = far_out(&gui.result().token_norms.clone().unwrap().values).len();
    assert!(gui.has(if count == 0 { "no outliers on this image" } else { "outlier" }), "{count}");
    let marked = gui.session().heat(views::MAIN).unwrap().values().to_vec();
    gui.click("Token norms: map");
    assert_ne!(gui.session().heat(views::MAIN).unwrap().values(), marked, "relevance stays below the marks");
    let norms = gui.result().token_norms.clone().unwrap();
    assert_eq!(norms.values.len(), 144, "one for each of 12 × 12 patches");
    let low = norms.values.iter().copied().fold(f32::INFINITY, f32::min);
    assert!(low > 0.1, "lengths of tokens, no relevance: {low}");
    gui.press(Modifiers::NONE, Key::N);
    assert_eq!(gui.session().explain.norms, Norms::Hidden);
}

#[test]
fn the_grid_shows_the_chosen_methods() {
    let mut gui = Gui::demo();
    gui.click("Grid");
    assert_eq!(gui.session().settings.view, View::Grid);
    let of = |method| views::in_grid(Slot::Main, method);
    gui.view_explained(of(Method::AttentionGradcam));
    gui.click("Grid: GAE");
    assert!(!gui.session().settings.grid_methods.contains(&Method::Gae));
    assert!(gui.session().view(of(Method::Gae)).is_none(), "what is not shown is not computed");
    let rollout = gui.session().view(of(Method::Rollout)).unwrap().result.clone().unwrap();
    assert_eq!(rollout.request.method, Method::Rollout, "the others keep their own results");
    gui.click("Grid: input gradient");
    gui.view_explained(of(Method::InputGradient));
    assert_eq!(gui.session().settings.grid_methods.last(), Some(&Method::InputGradient));
    gui.click("Single");
    assert!(gui.session().view(of(Method::Rollout)).is_none());
}

#[test]
fn heads_and_blocks_are_muted_and_heard_again() {
    let mut gui = Gui::demo();
    let all = map(&mut gui);
    gui.click("Heads and blocks");
    gui.click("Block 5, head 1");
    assert_eq!(gui.session().explain.muted.heads, [(5, 1)]);
    let without_head = map(&mut gui);
    assert_ne!(without_head, all);
    gui.click_role(Role::Button, "Block 2");
    assert_eq!(gui.session().explain.muted.blocks, [2]);
    assert_ne!(map(&mut gui), without_head);
    gui.click("Block 5, head 1");
    assert!(gui.session().explain.muted.heads.is_empty());
    gui.click("Unmute all");
    assert_eq!(map(&mut gui), all);
    gui.choose("Method", "attention rollout");
    assert!(gui.has("Muting works on the paper's rule"));
}

#[test]
fn the_probability_is_explained_instead_of_the_logit() {
    let mut gui = Gui::demo();
    let logit = map(&mut gui);
    gui.click("probability");
    assert_eq!(gui.result().request.score, Score::Probability);
    assert_ne!(map(&mut gui), logit);
    assert!(gui.session().command_line().unwrap().contains("--objective probability"));
    // A contrast is one of logits.
    gui.click("Contrast class");
    gui.type_text("dog");
    gui.press(Modifiers::NONE, Key::Enter);
    gui.click("probability");
    assert!(gui.session().command_line().unwrap().contains("--contrast"));
    assert!(!gui.session().command_line().unwrap().contains("--objective"));
    gui.click("Remove contrast");
    gui.click("logit");
    assert_eq!(map(&mut gui), logit);
}

#[test]
fn the_command_line_says_everything_that_is_asked() {
    let mut gui = Gui::demo();
    gui.click("Heads and blocks");
    gui.click("Block 5, head 1");
    gui.click_role(Role::Button, "Block 2");
    assert!(gui.session().command_line().unwrap().contains("--mute 2,5:1 "));
    gui.choose("Method", "integrated gradients");
    gui.set("Steps", 4.0);
    let line = gui.session().command_line().unwrap();
    assert!(line.contains("--steps 4") && !line.contains("--mute"), "{line}");
    gui.choose("Method", "SmoothGrad");
    gui.set("Samples", 3.0);
    gui.set("Seed", 7.0);
    let line = gui.session().command_line().unwrap();
    assert!(line.contains("--samples 3 --seed 7") && !line.contains("--steps"), "{line}");
}
