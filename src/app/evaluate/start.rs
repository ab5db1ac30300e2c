//! Starting a comparison, hearing of it, saving its report.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::demo;
use crate::image;
use crate::jobs::compare::{FlipKind, told_apart};
use crate::jobs::engine_thread::{BatchId, CompareEnd, CompareRequest, Request};
use crate::jobs::evaluate::{Dataset, EvaluateJob, Labelled, Masks};
use crate::mask::Mask;
use crate::size::Size;

use super::super::command::{Command, Slot};
use super::super::gallery::{GalleryCommand, Item};
use super::super::picker::Ask;
use super::super::session::Session;
use super::{Compared, EvaluateCommand, Shown};

impl Session {
    pub(in super::super) fn apply_to_evaluate(&mut self, command: &EvaluateCommand) {
        let evaluate = &mut self.evaluate;
        match *command {
            EvaluateCommand::Start => self.compare(),
            EvaluateCommand::AllImages(all) => evaluate.all_images = all,
            EvaluateCommand::Backgrounds(backgrounds) => evaluate.backgrounds = backgrounds,
            EvaluateCommand::Show(kind) => evaluate.kind = Shown(kind),
            EvaluateCommand::Look(at) => self.look_at_flip(at),
            EvaluateCommand::SaveReport => {
                evaluate.to_save = evaluate.result.clone();
                if evaluate.to_save.is_some() {
                    self.ask(Ask::SaveReport, "before-and-after.html");
                }
            }
        }
    }

    fn compare(&mut self) {
        let models = [Slot::Main, Slot::Second].map(|slot| self.models.get(slot).map(|model| model.id));
        let ([Some(before), Some(after)], Some(names)) = (models, self.compared_names()) else {
            return self
                .notices
                .warning("A comparison needs a second model: finetune one, or choose it under «Explain».");
        };
        if self.evaluate.is_at_work() {
            return self.notices.warning("A comparison is at work; stop it first.");
        }
        self.warn_of_pasted(self.evaluate.all_images);
        let dataset = Arc::new(self.dataset());
        if dataset.pictures.is_empty() {
            return self.notices.warning("Nothing tells the class of these images, so no answer is right or wrong.");
        }
        let job = EvaluateJob {
            profile: self.settings.profile,
            backgrounds: self.evaluate.backgrounds,
            ..EvaluateJob::default()
        };
        let (id, cancel) = self.begin_job(format!("Comparing on {} images", dataset.pictures.len()));
        let compare = CompareRequest { before, after, names, dataset, job, page: None };
        self.evaluate.job = Some((id, compare.clone()));
        self.engine.send(Request::Compare { id: BatchId(id), compare: Box::new(compare), cancel });
    }

    /// What is compared: the main model and the one beside it, with the step of the run they show, told apart.
    pub fn compared_names(&self) -> Option<[String; 2]> {
        let [before, after] = [Slot::Main, Slot::Second].map(|slot| self.models.get(slot));
        let models = [before?, after?];
        let names = models.map(|model| self.finetune.name_of(model));
        Some(told_apart([(&*names[0], &models[0].source), (&*names[1], &models[1].source)]))
    }

    /// The chosen images whose class is known, with their masks.
    fn dataset(&mut self) -> Dataset {
        let known = |item: &Item| Some((item.clone(), item.truth?));
        let chosen = self.gallery.chosen(self.evaluate.all_images);
        let known: Vec<(Item, usize)> = chosen.filter(|item| !item.source.is_pasted()).filter_map(known).collect();
        let masks = self.masks_of(&known);
        let labelled = |(item, truth): &(Item, usize)| Labelled {
            source: item.source.clone(),
            name: item.relative().to_owned(),
            truth: vec![*truth],
            frame: 0,
        };
        Dataset::new(known.iter().map(labelled).collect(), masks)
    }

    /// For each picture the mask that the window shows, wherever it lies; for photos of the demo without one the exact.
    fn masks_of(&mut self, known: &[(Item, usize)]) -> Masks {
        let store = |(item, _): &(Item, usize)| (item.source.path().to_owned(), self.masks.store_of(item));
        let mut masks = vec![Masks::Stores(Arc::new(known.iter().map(store).collect()))];
        if known.iter().any(|(item, _)| !item.source.is_file()) {
            masks.push(demo_masks());
        }
        Masks::FirstOf(masks)
    }

    pub(in super::super) fn compare_advanced(&mut self, BatchId(id): BatchId, done: usize, total: usize) {
        self.advance_job(id, done as u64, total as u64);
    }

    pub(in super::super) fn comparison_ended(&mut self, BatchId(id): BatchId, end: CompareEnd) {
        self.end_job(id);
        let Some((_, job)) = self.evaluate.job.take_if(|(known, _)| *known == id) else { return };
        let report = match end {
            CompareEnd::Finished { report, was_cancelled: true } if report.flips.is_empty() => return,
            CompareEnd::Finished { report, was_cancelled } => {
                if was_cancelled {
                    self.notices.info(format!("Stopped; the report is about {} images.", report.flips.len()));
                }
                report
            }
            CompareEnd::Refused(error) => return self.notices.error(error),
        };
        let count = |kind| report.of_kind(kind).count();
        let (fixed, broken) = (count(FlipKind::Fixed), count(FlipKind::Broken));
        self.notices.info(format!("Compared on {} images: {fixed} fixed, {broken} broken.", report.flips.len()));
        // What there is to see first.
        let kinds = [FlipKind::Fixed, FlipKind::Broken, FlipKind::BothWrong, FlipKind::BothRight];
        let first = kinds.into_iter().find(|kind| count(*kind) > 0).unwrap_or(FlipKind::Fixed);
        self.evaluate.kind = Shown(first);
        self.evaluate.result = Some(Compared { report, job });
    }

    /// Selects the image of a flip; the views beside each other show both maps.
    fn look_at_flip(&mut self, at: usize) {
        let Some(compared) = &self.evaluate.result else { return };
        let Some(flip) = compared.report.flips.get(at) else { return };
        let Some(labelled) = compared.job.dataset.pictures.get(flip.index) else { return };
        let (truth, source) = (flip.truth, labelled.source.clone());
        match self.gallery.find(&source) {
            Some(index) => {
                self.apply(Command::Gallery(GalleryCommand::Select(index)));
                self.apply(Command::Target(Some(truth)));
            }
            None => self.notices.warning(format!("This image is not open any more: {}", source.path().display())),
        }
    }

    pub(in super::super) fn save_page(&mut self, path: PathBuf) {
        let Some(Compared { report, job }) = self.evaluate.to_save.take() else { return };
        let path = if path.extension().is_none() { path.with_extension("html") } else { path };
        self.engine.send(Request::SavePage { compare: Box::new(job), report, path });
    }

    pub(in super::super) fn page_saved(&mut self, outcome: Result<PathBuf, String>) {
        match outcome {
            Ok(path) => self.notices.info(format!("Saved: {}", path.display())),
            Err(error) => self.notices.error(error),
        }
    }
}

/// The demo's exact masks, by the names of its photos.
fn demo_masks() -> Masks {
    let mask = |photo: demo::DemoPhoto| {
        let name = PathBuf::from(format!("{}.jpg", photo.stem()));
        let drawn = image::decode(photo.mask_png, &name).ok()?.rgb;
        let size = Size::new(drawn.height() as usize, drawn.width() as usize);
        let mask = Mask::from_fn(size, |row, column| drawn.get_pixel(column as u32, row as u32)[0] > 127);
        Some((name, Arc::new(mask)))
    };
    let masks: HashMap<PathBuf, Arc<Mask>> = demo::photos().unwrap_or_default().into_iter().filter_map(mask).collect();
    Masks::Memory(Arc::new(masks))
}
