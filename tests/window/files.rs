//! Opening what users bring, and saving what they see.

use std::path::{Path, PathBuf};

use eframe::egui::{Key, Modifiers};
use image::RgbImage;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use vitrine::app::gallery::ItemState;
use vitrine::app::{Command, Session, Slot, views};

use crate::gui::{Gui, Opening};

/// The embedded demo as files.
pub fn demo_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    vitrine::demo::export(folder.path()).unwrap();
    folder
}

/// The demo's model with the weights of its first attention a fifth smaller: it looks elsewhere.
pub fn rougher_model(demo: &Path) -> PathBuf {
    let folder = demo.join("rougher");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(demo.join("config.json"), folder.join("config.json")).unwrap();
    let bytes = std::fs::read(demo.join("model.safetensors")).unwrap();
    let weights = SafeTensors::deserialize(&bytes).unwrap();
    let changed: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = weights
        .iter()
        .map(|(name, view)| {
            let data = if name == "blocks.0.attn.qkv.weight" { smaller(&view) } else { view.data().to_vec() };
            (name.to_owned(), view.dtype(), view.shape().to_vec(), data)
        })
        .collect();
    let views =
        changed.iter().map(|(name, dtype, shape, data)| (name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
    std::fs::write(folder.join("rougher.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
    folder.join("rougher.safetensors")
}

fn smaller(view: &TensorView<'_>) -> Vec<u8> {
    assert_eq!(view.dtype(), Dtype::F16);
    let (pairs, _) = view.data().as_chunks();
    let scaled = |pair: &[u8; 2]| half::f16::from_f32(half::f16::from_le_bytes(*pair).to_f32() * 0.8).to_le_bytes();
    pairs.iter().flat_map(scaled).collect()
}

fn titles(gui: &Gui) -> Vec<String> {
    let gallery = &gui.session().gallery;
    gallery.order().iter().map(|&index| gallery.items()[index as usize].title().into_owned()).collect()
}

#[test]
fn a_folder_takes_the_place_of_the_demo() {
    let mut gui = Gui::demo();
    let demo = demo_folder();
    gui.answers.push(demo.path().join("photos/correlated/camel"));
    gui.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::O);
    gui.until("listed", |session| session.jobs.is_empty() && session.gallery.items()[0].source.is_file());
    gui.explained();
    assert_eq!(titles(&gui), ["camel-1.jpg", "camel-2.jpg", "camel-3.jpg"]);
    assert!(gui.has("Canvas: camel-1.jpg, camel") && gui.has("3 images"));
    assert!(gui.session().gallery.items().iter().all(|item| item.truth.is_some()), "the folder is named after a class");

    gui.answers.push(demo.path().join("photos/correlated/bird/bird-1.jpg"));
    gui.menu("File", "Open images…");
    gui.until("added", |session| session.gallery.items().len() == 4);
    assert_eq!(titles(&gui)[0], "bird-1.jpg");
}

#[test]
fn labels_come_from_a_table() {
    let mut gui = Gui::demo();
    let folder = tempfile::tempdir().unwrap();
    let labels = folder.path().join("labels.csv");
    std::fs::write(&labels, "bird-1.jpg,camel\nbird-2.jpg,spaceship\n").unwrap();
    gui.answers.push(&labels);
    gui.menu("File", "Open labels…");
    assert!(gui.has_notice("have a label") && gui.has_notice("no classes of this model"));
    let truth = gui.session().gallery.selected_item().unwrap().truth.unwrap();
    assert_eq!(gui.session().gallery.names().short_name(truth), "camel");
    gui.answers.push(folder.path().join("missing.csv"));
    gui.menu("File", "Open labels…");
    assert!(gui.has_notice("missing.csv"));
}

#[test]
fn a_broken_image_says_why_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a-torn.png"), b"\x89PNG\r\n\x1a\nand no more").unwrap();
    RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 * 4, y as u8 * 5, 90]))
        .save(folder.path().join("b.png"))
        .unwrap();
    let mut gui = Gui::open(Opening { paths: vec![folder.path().into()], ..Opening::default() });
    gui.until("broken", |session| session.main_view().is_some_and(|view| view.error.is_some()));
    assert!(gui.has("a-torn.png cannot be shown") && gui.has("a-torn.png, broken"));
    assert!(matches!(gui.session().gallery.selected_item().unwrap().state, ItemState::Broken(_)));
    gui.press(Modifiers::NONE, Key::ArrowRight);
    gui.explained();
    assert!(gui.has("Canvas: b.png, ") && !gui.has("cannot be shown"));
}

#[test]
fn an_unknown_file_is_refused_by_name() {
    let mut gui = Gui::demo();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.docx");
    std::fs::write(&path, b"text").unwrap();
    gui.apply(Command::Open(vec![path]));
    assert!(gui.has_notice("no picture, model or table of labels") && gui.has_notice("notes.docx"));
    assert_eq!(gui.session().gallery.items().len(), 72, "what was there stays");
}

#[test]
fn figure_and_map_are_saved() {
    let mut gui = Gui::demo();
    let folder = tempfile::tempdir().unwrap();
    let figure = folder.path().join("figure.png");
    gui.answers.push(&figure);
    gui.press(Modifiers::COMMAND, Key::S);
    gui.until("saved", |session| session.notices.lines().any(|line| line.text.contains("figure.png")));
    assert!(gui.has_notice("Saved: "));
    let photo = gui.session().main_view().unwrap().photo.as_ref().unwrap().size();
    let drawn = image::open(&figure).unwrap();
    assert!(drawn.width() as usize >= photo.width && drawn.height() as usize > photo.height, "with caption and bar");

    let map = folder.path().join("map.npy");
    gui.answers.push(&map);
    gui.menu("File", "Save relevance as .npy…");
    let file = npyz::NpyFile::new(std::fs::File::open(&map).map(std::io::BufReader::new).unwrap()).unwrap();
    assert_eq!(file.shape(), [12, 12], "96 pixels in patches of 8");
    assert_eq!(file.into_vec::<f32>().unwrap(), gui.result().maps[0].values);
}

#[test]
fn a_figure_shows_what_the_view_shows() {
    let mut gui = Gui::demo();
    let folder = tempfile::tempdir().unwrap();
    let save = |gui: &mut Gui, name: &str| {
        let path = folder.path().join(name);
        gui.answers.push(&path);
        gui.press(Modifiers::COMMAND, Key::S);
        gui.until("saved", |_| path.exists());
        image::open(&path).unwrap().to_rgb8()
    };
    let single = save(&mut gui, "single.png");
    gui.click("Side by side");
    let both = save(&mut gui, "both.png");
    assert_eq!((both.width(), both.height()), (2 * single.width(), single.height()), "photo and heat");
    gui.click("Grid");
    for method in gui.session().settings.grid_methods.clone() {
        gui.view_explained(views::in_grid(Slot::Main, method));
    }
    let grid = save(&mut gui, "grid.png");
    assert_eq!(grid.height(), 2 * single.height(), "four methods, two by two");
    // The numbers beside the colour bars differ in length by a few digits.
    let columns = f64::from(grid.width()) / f64::from(single.width());
    assert!((columns - 2.0).abs() < 0.1, "{columns}");

    let demo = demo_folder();
    gui.answers.push(rougher_model(demo.path()));
    gui.apply(Command::OpenModel(Slot::Second));
    gui.view_explained(views::SECOND);
    gui.click("Difference");
    let difference = save(&mut gui, "difference.png");
    let columns = f64::from(difference.width()) / f64::from(single.width());
    assert!((columns - 3.0).abs() < 0.1, "before, after, and the one minus the other: {columns}");
}

#[test]
fn a_folder_is_exported_with_a_table() {
    let demo = demo_folder();
    let camels = demo.path().join("photos/correlated/camel");
    let mut gui = Gui::open(Opening { paths: vec![camels], ..Opening::default() });
    gui.explained();
    let out = tempfile::tempdir().unwrap();
    gui.answers.push(out.path());
    gui.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::S);
    gui.until("exported", |session| session.notices.lines().any(|line| line.text.contains("3 images exported")));
    let table = out.path().join("relevance.csv");
    gui.until("written", |_| table.exists());
    let table = std::fs::read_to_string(table).unwrap();
    assert_eq!(table.lines().count(), 1 + 3, "{table}");
    assert!((1..=3).all(|i| table.contains(&format!("camel-{i}.jpg"))), "{table}");
    let maps = std::fs::read_dir(out.path()).unwrap().count();
    assert!(maps > 3, "pictures or arrays lie beside the table");
}

#[test]
fn classifying_all_fills_the_gallery_and_its_filters() {
    let mut gui = Gui::demo();
    gui.menu("File", "Classify all shown images");
    gui.until("classified", |session| session.notices.lines().any(|line| line.text.contains("72 images classified")));
    let items = gui.session().gallery.items();
    assert!(items.iter().all(|item| item.prediction.is_some()) && gui.session().jobs.is_empty());
    gui.choose("Filter", "Predicted wrong");
    let wrong = gui.session().gallery.order().len();
    gui.choose("Filter", "Predicted right");
    assert_eq!(gui.session().gallery.order().len() + wrong, 72);
    gui.choose("Filter", "All images");
    gui.choose("Sort by", "Confidence");
    let confidence = |gui: &Gui, place: usize| {
        let gallery = &gui.session().gallery;
        gallery.items()[gallery.order()[place] as usize].prediction.unwrap().confidence
    };
    let (first, last) = (confidence(&gui, 0), confidence(&gui, 71));
    assert_ne!(first, last);
    gui.click("Sorted upwards, turn around");
    assert_eq!((confidence(&gui, 0), confidence(&gui, 71)), (last, first));
}

#[test]
fn a_running_job_can_be_stopped() {
    let mut gui = Gui::demo();
    gui.apply(Command::ClassifyAll);
    gui.click("Cancel: Classifying 72 images");
    gui.until("stopped", |session| session.jobs.is_empty());
    let stopped = gui.session().notices.lines().any(|line| line.text.starts_with("Stopped after"));
    let done = gui.session().notices.lines().any(|line| line.text.contains("72 images classified"));
    assert!(stopped || done, "a fast machine may have been done before");
}

#[test]
fn the_command_line_is_copied() {
    let mut gui = Gui::demo();
    gui.choose("Method", "attention rollout");
    gui.press(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::C);
    let line = gui.session().command_line().unwrap();
    assert!(line.starts_with("vitrine explain demo/photos/") && line.contains("--method rollout"), "{line}");
    assert!(gui.has_notice(&line), "and said");
}

#[test]
fn a_pasted_picture_is_selected() {
    let mut gui = Gui::demo();
    let pixels: Vec<u8> = [200, 40, 40, 255].repeat(32 * 20);
    gui.apply(Command::AddPicture(32, 20, pixels.into()));
    let is_pasted = |session: &Session| session.image().is_some_and(|image| image.title() == "pasted-1.png");
    gui.until("packed", is_pasted);
    gui.explained();
    assert!(gui.has("Canvas: pasted-1.png"));
    gui.apply(Command::AddPicture(32, 20, vec![1, 2, 3].into()));
    gui.until("refused", |session| !session.notices.shown().is_empty());
    assert!(gui.has_notice("damaged"));
}
