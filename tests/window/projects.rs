//! The project file: saved once, kept up to date, and opened again as it was left.

use std::path::Path;
use std::time::Duration;

use eframe::egui::{Key, Modifiers};
use vitrine::app::settings::View;
use vitrine::app::{Command, Slot, views};
use vitrine::project::{Project, Weights};
use vitrine::relevance::Method;
use vitrine::render::ColourMap;

use crate::files::{demo_folder, rougher_model};
use crate::gui::{Gui, Opening};

fn open(path: &Path) -> Gui {
    Gui::open(Opening { paths: vec![path.to_owned()], ..Opening::default() })
}

/// Steps until the file says something.
fn written(gui: &mut Gui, file: &Path, is: impl Fn(&Project) -> bool) {
    for _ in 0..2000 {
        if Project::read(file).is_ok_and(|project| is(&project)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
        gui.harness.step();
    }
    panic!("never written: {:?}", Project::read(file));
}

#[test]
fn a_session_comes_back_as_it_was_left() {
    let demo = demo_folder();
    let weights = rougher_model(demo.path());
    let camels = demo.path().join("photos/correlated/camel");
    let file = demo.path().join("camels.vitrine");
    let mut gui = Gui::open(Opening { paths: vec![weights.clone(), camels.clone()], ..Opening::default() });
    gui.explained();
    gui.answers.push(demo.path().join("camels"));
    gui.menu("File", "Save project as…");
    assert!(gui.has_notice("camels.vitrine"));
    assert_eq!(gui.session().settings.recent_projects, std::slice::from_ref(&file));

    gui.choose("Method", "attention rollout");
    gui.choose("Colours", "viridis");
    gui.click("Side by side");
    gui.press(Modifiers::NONE, Key::ArrowRight);
    written(&mut gui, &file, |project| project.selected == Some(camels.join("camel-2.jpg")));
    written(&mut gui, &file, |project| project.window["explain"]["method"] == "rollout");
    let project = Project::read(&file).unwrap();
    assert_eq!(project.images, [camels]);
    assert_eq!(project.models, [Weights::File(weights)]);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("\"photos/correlated/camel\""), "relative to the project: {text}");
    drop(gui);

    let mut gui = open(&file);
    gui.until("listed", |session| session.image().is_some_and(|image| image.title() == "camel-2.jpg"));
    gui.explained();
    let session = gui.session();
    assert_eq!((session.explain.method, session.settings.view), (Method::Rollout, View::SideBySide));
    assert_eq!(session.settings.style.colours, ColourMap::Viridis);
    assert_eq!(session.models.get(Slot::Main).unwrap().info.name, "rougher");
    assert_eq!(session.gallery.items().len(), 3);
    assert_eq!(session.project_path(), Some(&*file));
}

#[test]
fn the_demo_is_a_project_too_and_patches_survive() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("demo.vitrine");
    let mut gui = Gui::demo();
    let patch = vitrine::image::PatchIndex { row: 3, column: 4 };
    gui.apply(Command::Gallery(vitrine::app::gallery::GalleryCommand::Select(5)));
    gui.explained();
    gui.apply(Command::Patch(Some(patch)));
    let title = gui.session().image().unwrap().title().into_owned();
    gui.answers.push(&file);
    gui.apply(Command::SaveProjectAs);
    assert!(Project::read(&file).unwrap().images.is_empty());
    drop(gui);
    let mut gui = open(&file);
    gui.explained();
    assert_eq!(gui.session().image().unwrap().title(), title);
    gui.until("asked", |session| session.explain.patch == Some(patch));
    assert_eq!(gui.result().request.patch, Some(patch));
    // The demo without the project leaves the file as it is.
    let before = std::fs::read(&file).unwrap();
    gui.menu("File", "Show the embedded demo");
    assert_eq!(gui.session().project_path(), None);
    gui.explained();
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn what_closes_is_written_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("demo.vitrine");
    let mut gui = Gui::demo();
    gui.answers.push(&file);
    gui.apply(Command::SaveProjectAs);
    gui.apply(Command::View(View::Grid));
    gui.harness.state_mut().session_mut().finish();
    assert_eq!(Project::read(&file).unwrap().window["view"], "Grid");
}

#[test]
fn a_project_that_is_none_is_refused_and_a_dropped_one_opens() {
    let mut gui = Gui::demo();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("torn.vitrine");
    std::fs::write(&file, "{\"vitrine_project\": 1, ").unwrap();
    gui.apply(Command::Open(vec![file.clone()]));
    assert!(gui.has_notice("no project of Vitrine") && gui.has_notice("torn.vitrine"));
    assert_eq!((gui.session().project_path(), gui.session().gallery.items().len()), (None, 72), "what was there stays");

    Project { models: vec![Weights::Embedded, Weights::Embedded], ..Project::default() }.write(&file).unwrap();
    gui.apply(Command::Open(vec![file.clone()]));
    gui.view_explained(views::SECOND);
    assert_eq!(gui.session().project_path(), Some(&*file));

    // Recent projects open from the menu; one without a second model closes it.
    Project::default().write(&file).unwrap();
    gui.click("File");
    gui.click("Recent projects");
    gui.click("torn");
    gui.until("closed", |session| !session.compares());
}

#[test]
fn a_model_that_is_gone_is_named_and_the_photos_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.vitrine");
    let gone = folder.path().join("gone.safetensors");
    Project { models: vec![Weights::File(gone)], ..Project::default() }.write(&file).unwrap();
    let mut gui = open(&file);
    gui.until("refused", |session| !session.notices.shown().is_empty());
    gui.settle();
    assert!(gui.has_notice("gone.safetensors"));
    assert_eq!(gui.session().gallery.items().len(), 72);
}
