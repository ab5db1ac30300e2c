//! The gallery as a user meets it: by the names of its widgets, with mouse and keyboard.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::path::Path;
use std::sync::Arc;

use eframe::egui::accesskit::{Role, Toggled};
use eframe::egui::{Key, Ui};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use image::RgbImage;
use vitrine::app::gallery::{Direction, Filter, Gallery, GalleryCommand, ItemState, Move, Prediction, Sort};
use vitrine::image::ImageSource;
use vitrine::ui::gallery::{ThumbnailTextures, gallery_ui};
use vitrine::vit::classes::ClassNames;

/// The gallery without the rest of the program.
#[derive(Default)]
struct Panel {
    gallery: Gallery,
    textures: ThumbnailTextures,
    commands: Vec<GalleryCommand>,
    wanted: Vec<ImageSource>,
}

fn panel_ui(ui: &mut Ui, panel: &mut Panel) {
    panel.gallery.refresh();
    let commands = gallery_ui(ui, &panel.gallery, &mut panel.textures);
    for command in &commands {
        panel.gallery.apply(command);
    }
    panel.commands.extend(commands);
    panel.wanted = panel.textures.take_wanted();
}

/// A window with room for three columns and a few rows.
fn open(panel: Panel) -> Harness<'static, Panel> {
    Harness::builder().with_size([420.0, 600.0]).build_ui_state(panel_ui, panel)
}

fn source(name: &str) -> ImageSource {
    ImageSource::file(format!("root/{name}"))
}

/// Six pictures: a fox seen as one, one seen as a cat, two not looked at, one torn, one at the end of the list.
fn panel() -> Panel {
    let mut panel = Panel::default();
    let names: Vec<String> = ["fox", "cat"].map(str::to_owned).to_vec();
    panel.gallery.set_names(&Arc::new(ClassNames::of_model(2, Some(&names))));
    let names = ["fox/f1.jpg", "fox/f2.jpg", "cat/c1.jpg", "img2.jpg", "img10.jpg", "torn.jpg"];
    panel.gallery.append(Path::new("root"), names.map(source));
    for (name, class, confidence) in [("fox/f1.jpg", 0, 0.93), ("fox/f2.jpg", 1, 0.6)] {
        panel.gallery.set_prediction(&source(name), Some(Prediction { class, confidence }));
    }
    panel.gallery.set_state(&source("torn.jpg"), ItemState::Broken("the image breaks off before its end".into()));
    panel
}

/// The names of all cells, in the order of reading.
fn cells(harness: &Harness<'_, Panel>) -> Vec<String> {
    let labels = harness.root().children_recursive().filter_map(|node| node.accesskit_node().label());
    labels.filter(|label| label.contains(".jpg")).collect()
}

fn titles(harness: &Harness<'_, Panel>) -> Vec<String> {
    cells(harness).iter().map(|label| label.split(',').next().unwrap().to_owned()).collect()
}

#[test]
fn cells_say_what_is_known() {
    let mut harness = open(panel());
    harness.run();
    assert_eq!(
        cells(&harness),
        [
            "c1.jpg, loading",
            "f1.jpg, loading, predicted fox 93 %, right",
            "f2.jpg, loading, predicted cat 60 %, wrong",
            "img2.jpg, loading",
            "img10.jpg, loading",
            "torn.jpg, broken",
        ]
    );
    assert_eq!(harness.state().wanted.len(), 6, "each is asked for");
    harness.get_by_label("6 images");
}

#[test]
fn thumbnails_replace_the_placeholders() {
    let mut harness = open(panel());
    harness.run();
    let state = harness.state_mut();
    state.textures.receive(source("cat/c1.jpg"), Arc::new(Ok(RgbImage::new(192, 96))));
    state.textures.receive(source("img2.jpg"), Arc::new(Err("the file is empty".into())));
    harness.run();
    harness.get_by_label("c1.jpg");
    harness.get_by_label("img2.jpg, broken").hover();
    harness.run();
    harness.get_by_label("The file is empty");
    assert_eq!(harness.state().wanted.len(), 4);
}

#[test]
fn a_broken_picture_tells_why() {
    let mut harness = open(panel());
    harness.run();
    harness.get_by_label("torn.jpg, broken").hover();
    harness.run();
    harness.get_by_label("The image breaks off before its end");
}

#[test]
fn typing_searches_and_the_cross_clears() {
    let mut harness = open(panel());
    harness.run();
    harness.get_by_label("Search").focus();
    harness.run();
    harness.get_by_label("Search").type_text("IMG");
    harness.run();
    assert_eq!(titles(&harness), ["img2.jpg", "img10.jpg"]);
    harness.get_by_label("2 of 6");
    harness.get_by_label("Clear the search field").click();
    harness.run();
    assert_eq!(titles(&harness).len(), 6);
    assert!(harness.query_by_label("Clear the search field").is_none());
}

#[test]
fn an_unsuccessful_search_offers_the_way_back() {
    let mut harness = open(panel());
    harness.state_mut().gallery.apply(&GalleryCommand::Search("unicorn".into()));
    harness.run();
    harness.get_by_label("Nothing matches “unicorn”.");
    harness.get_by_label("0 of 6");
    harness.get_by_label("Clear search").click();
    harness.run();
    assert_eq!(titles(&harness).len(), 6);
}

#[test]
fn an_empty_filter_offers_the_way_back() {
    let mut harness = open(panel());
    harness.state_mut().gallery.clear_predictions();
    harness.state_mut().gallery.apply(&GalleryCommand::Filter(Filter::Right));
    harness.run();
    harness.get_by_label("No image passes the filter.");
    harness.get_by_label("Show all images").click();
    harness.run();
    assert_eq!(titles(&harness).len(), 6);
}

#[test]
fn the_filter_is_picked_by_name() {
    for (choice, expected) in
        [("Predicted wrong", &["f2.jpg"][..]), ("Broken", &["torn.jpg"]), ("cat", &["c1.jpg", "f2.jpg"])]
    {
        let mut harness = open(panel());
        harness.run();
        harness.get_by_role_and_label(Role::ComboBox, "Filter").click();
        harness.run();
        harness.get_by_label(choice).click();
        harness.run();
        assert_eq!(titles(&harness), expected, "{choice}");
        assert_eq!(harness.get_by_label("Filter").value().as_deref(), Some(choice));
    }
}

#[test]
fn the_order_is_picked_by_name_and_turned_around() {
    let mut harness = open(panel());
    harness.run();
    harness.get_by_role_and_label(Role::ComboBox, "Sort by").click();
    harness.run();
    harness.get_by_label("Confidence").click();
    harness.run();
    assert_eq!(titles(&harness)[..2], ["f2.jpg", "f1.jpg"]);
    harness.get_by_label("Sorted upwards, turn around").click();
    harness.run();
    assert_eq!(titles(&harness)[..2], ["f1.jpg", "f2.jpg"]);
    let view = harness.state().gallery.view();
    assert_eq!((view.sort, view.direction), (Sort::Confidence, Direction::Descending));
}

#[test]
fn a_click_selects() {
    let mut harness = open(panel());
    harness.run();
    harness.get_by_label_contains("f2.jpg").click();
    harness.run();
    assert_eq!(harness.state().gallery.selected_item().unwrap().relative(), "fox/f2.jpg");
    let toggled = |label| harness.get_by_label_contains(label).accesskit_node().toggled();
    assert_eq!((toggled("f2.jpg"), toggled("f1.jpg")), (Some(Toggled::True), Some(Toggled::False)));
}

#[test]
fn keys_walk_through_the_grid_and_take_the_focus_along() {
    let mut harness = open(panel());
    harness.run();
    harness.get_by_label_contains("c1.jpg").click();
    harness.run();
    // Three columns: down leads from the first to the fourth.
    for (key, expected) in [
        (Key::ArrowRight, "f1.jpg"),
        (Key::ArrowLeft, "c1.jpg"),
        (Key::ArrowDown, "img2.jpg"),
        (Key::End, "torn.jpg"),
        (Key::ArrowUp, "f2.jpg"),
        (Key::Home, "c1.jpg"),
    ] {
        harness.key_press(key);
        harness.run();
        assert_eq!(harness.state().gallery.selected_item().unwrap().title(), expected, "{key:?}");
        assert!(harness.get_by_label_contains(expected).is_focused(), "{key:?}");
    }
}

#[test]
fn the_size_of_the_cells_changes_the_number_of_columns() {
    let mut harness = open(panel());
    harness.run();
    let (first, second) =
        (harness.get_by_label_contains("c1.jpg").rect(), harness.get_by_label_contains("f1.jpg").rect());
    assert_eq!(first.top(), second.top());
    harness.get_by_label("Thumbnail size").set_value_accesskit(192.0);
    harness.run();
    harness.set_size([240.0, 900.0].into());
    harness.run();
    let (first, second) =
        (harness.get_by_label_contains("c1.jpg").rect(), harness.get_by_label_contains("f1.jpg").rect());
    assert!(second.top() > first.bottom() && first.width() > 192.0);
}

#[test]
fn without_pictures_it_says_what_to_do() {
    let mut harness = open(Panel::default());
    harness.run();
    harness.get_by_label("No images yet");
    harness.get_by_label("Open folder…").click();
    harness.run();
    harness.get_by_label("Open images…").click();
    harness.run();
    assert_eq!(harness.state().commands, [GalleryCommand::OpenFolder, GalleryCommand::OpenImages]);
}

#[test]
fn a_running_listing_is_seen_and_can_be_stopped() {
    let mut harness = open(Panel::default());
    harness.state_mut().gallery.set_listing(true);
    harness.run();
    harness.get_by_label("Looking for images…");
    harness.get_by_label("Stop").click();
    harness.run();
    harness.state_mut().gallery.append(Path::new("root"), [source("a.jpg")]);
    harness.run();
    harness.get_by_label("1 image, looking for more…");
    harness.get_by_label("Stop").click();
    harness.run();
    assert_eq!(harness.state().commands, [GalleryCommand::StopListing, GalleryCommand::StopListing]);
}

#[test]
fn of_a_hundred_thousand_only_the_visible_are_drawn() {
    let mut panel = Panel::default();
    panel.gallery.append(Path::new("root"), (0..100_000).map(|i| source(&format!("{i}.jpg"))));
    let mut harness = open(panel);
    harness.run();
    // Three columns of cells of at least 120 by 130 points on 420 by 600 points, and a row at each end.
    let visible = 1..=3 * 7;
    assert_eq!(titles(&harness)[0], "0.jpg");
    assert!(visible.contains(&cells(&harness).len()), "{}", cells(&harness).len());
    assert!(visible.contains(&harness.state().wanted.len()));
    harness.get_by_label("100\u{a0}000 images");

    harness.state_mut().gallery.step(Move::Last);
    harness.run();
    assert!(titles(&harness).contains(&"99999.jpg".to_owned()), "the selected one is scrolled into view");
    assert!(visible.contains(&cells(&harness).len()));

    harness.get_by_label_contains("99999.jpg").click();
    harness.run();
    harness.key_press(Key::PageUp);
    harness.run();
    let selected = harness.state().gallery.selected_item().unwrap().title().into_owned();
    assert!(selected.as_str() < "99999.jpg" && selected.as_str() > "99900.jpg", "{selected}");
    assert!(harness.get_by_label_contains(&selected).is_focused(), "the focus follows out of what was visible");
}
