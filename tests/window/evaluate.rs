//! Two models compared on the images that are open: what they are called, which masks count, what is left out.

use std::path::Path;

use vitrine::app::evaluate::EvaluateCommand;
use vitrine::app::{Command, Session, Slot};
use vitrine::jobs::compare::Report;
use vitrine::jobs::evaluate::Measure;

use crate::files::{demo_folder, rougher_model};
use crate::gui::{Gui, Opening};

fn compared(gui: &mut Gui) -> Report {
    gui.apply(Command::Evaluate(EvaluateCommand::Start));
    gui.until("compared", |session| session.evaluate.result.is_some());
    (*gui.session().evaluate.result.as_ref().unwrap().report).clone()
}

fn has_both_models(session: &Session) -> bool {
    session.jobs.is_empty() && [Slot::Main, Slot::Second].iter().all(|slot| session.models.get(*slot).is_some())
}

/// Masks where the window looks for them: beside the photos.
fn put_masks_beside(photos: &Path, masks: &Path) {
    let folder = photos.join("vitrine-masks");
    std::fs::create_dir(&folder).unwrap();
    for mask in std::fs::read_dir(masks).unwrap().flatten() {
        std::fs::copy(mask.path(), folder.join(mask.file_name())).unwrap();
    }
}

#[test]
fn models_of_one_name_are_told_apart_and_masks_come_from_every_folder() {
    let demo = demo_folder();
    let root = demo.path();
    let other = root.join("other");
    rougher_model(root);
    std::fs::rename(root.join("rougher"), &other).unwrap();
    std::fs::rename(other.join("rougher.safetensors"), other.join("model.safetensors")).unwrap();
    let folders = ["camel", "bird"].map(|class| root.join("photos/correlated").join(class));
    for (photos, class) in folders.iter().zip(["camel", "bird"]) {
        put_masks_beside(photos, &root.join("masks/correlated").join(class));
    }
    let models = [root.join("model.safetensors"), other.join("model.safetensors")];
    let mut gui = Gui::open(Opening { paths: [models, folders].concat(), ..Opening::default() });
    gui.until("all there", |session| has_both_models(session) && session.gallery.items().len() == 6);
    gui.click("Step: Evaluate");
    assert!(gui.has("After: other/model"));
    let report = compared(&mut gui);
    assert_eq!(report.after, Path::new("other/model").display().to_string());
    assert!(report.before != report.after && report.before.ends_with("model"), "{}", report.before);
    assert_eq!(report.row(Measure::Mass).unwrap().figure.n, 6, "three photos of each folder have a mask");
}

#[test]
fn pasted_pictures_are_left_out_and_that_is_said() {
    let mut gui = Gui::demo();
    let demo = demo_folder();
    gui.answers.push(rougher_model(demo.path()));
    gui.menu("Compare with: nothing", "From a file…");
    gui.until("a second model", has_both_models);
    gui.apply(Command::AddPicture(32, 20, [200, 40, 40, 255].repeat(32 * 20).into()));
    gui.until("pasted", |session| session.gallery.items().len() == 73);
    gui.apply(Command::Evaluate(EvaluateCommand::Start));
    assert!(gui.has_notice("Left out: 1 pasted"));
    gui.until("compared", |session| session.evaluate.result.is_some());
    let report = &gui.session().evaluate.result.as_ref().unwrap().report;
    assert_eq!((report.flips.len(), report.failures.len()), (72, 0));
    assert_eq!(report.row(Measure::Mass).unwrap().figure.n, 72, "by the demo's exact masks");
}
