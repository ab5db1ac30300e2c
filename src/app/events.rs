//! What other threads report, taken into the session before each frame.

use std::sync::Arc;

use crate::jobs::download::DownloadState;
use crate::jobs::engine_thread::{DecodedPhoto, Event, ModelId, ModelInfo, Request, ViewId, ViewResult};
use crate::jobs::model::ModelSource;
use crate::relevance::Method;
use crate::render::Photo;

use super::command::{Command, Slot};
use super::gallery::{ItemState, Prediction};
use super::models::Ready;
use super::notice::Level;
use super::session::Session;
use super::settings::View;
use super::views::{self, PhotoOnScreen};

impl Session {
    /// Takes in everything that happened since the last frame.
    pub fn receive(&mut self) {
        self.receive_listings();
        self.receive_downloads();
        self.receive_answers();
        self.receive_saved();
        self.receive_pasted();
        for event in self.engine.drain() {
            self.receive_event(event);
        }
        self.gallery.refresh();
        self.ask_as_the_project_did();
        let wants_first = std::mem::take(&mut self.selects_first) || self.gallery.selected().is_none();
        if let Some(&first) = self.gallery.order().first().filter(|_| wants_first) {
            self.gallery.select(first as usize);
        }
    }

    fn receive_event(&mut self, event: Event) {
        match event {
            Event::ModelLoaded { id, info, seconds } => self.model_loaded(id, info, seconds),
            Event::ModelMoved { id, info, from } => {
                let (name, device) = (info.name.clone(), info.device.to_string());
                if self.models.renew(id, info) {
                    self.notices.warning(format!(
                        "The connection to {from} was lost. {name} goes on with {device}, from the weights it was loaded with."
                    ));
                }
            }
            Event::ModelFailed { id, error } => {
                self.failed_for_run(id, &error);
                if let Some(pending) = self.models.take_pending(id) {
                    if pending.slot == Slot::Main {
                        self.belongings.explain = None;
                    }
                    self.notices.error(error);
                }
            }
            Event::Photo { view, photo, prepared } => {
                if self.sent.get(&view).is_none_or(|sent| sent.image != photo.source) {
                    return;
                }
                self.gallery.set_state(&photo.source, ItemState::Ready);
                let drawn = self.drawn_twin(&photo).unwrap_or_else(|| Arc::new(Photo::new(photo.picture.rgb.clone())));
                let state = self.view_mut(view);
                state.photo = Some(PhotoOnScreen { decoded: photo, drawn });
                state.prepared = prepared;
            }
            Event::Progress { view, done, total } => {
                if let Some(state) = self.views.get_mut(&view) {
                    state.progress = Some((done, total));
                }
            }
            Event::Explained { view, result } => self.explained(view, result),
            Event::Failed { view, image, error } => {
                self.answered_view(view);
                if self.sent.get(&view).is_some_and(|sent| sent.image == image) {
                    let state = self.view_mut(view);
                    state.progress = None;
                    let is_broken = state.photo.is_none();
                    state.error = Some(error.clone());
                    self.notices.log(Level::Error, &error);
                    if is_broken {
                        self.gallery.set_state(&image, ItemState::Broken(error));
                    }
                }
            }
            Event::BatchAdvanced { id, done, total, source, outcome } => {
                self.advance_job(id.0, done as u64, total as u64);
                self.export_advanced(id, &source, outcome);
            }
            Event::Mask(answer) => self.receive_mask_answer(answer),
            Event::BatchDone { id, end } => self.export_done(id, &end),
            Event::CompareAdvanced { id, done, total } => self.compare_advanced(id, done, total),
            Event::Compared { id, end } => self.comparison_ended(id, end),
            Event::PageSaved { outcome } => self.page_saved(outcome),
            Event::Run { id, news } => self.run_told(id, &news),
            Event::Blended { model, .. } => self.blended(model),
            Event::BlendFailed { error, .. } => self.notices.error(error),
        }
    }

    /// The photo is uploaded once, however many views show it.
    fn drawn_twin(&self, decoded: &Arc<DecodedPhoto>) -> Option<Arc<Photo>> {
        let mut photos = self.views.values().filter_map(|view| view.photo.as_ref());
        photos.find(|photo| Arc::ptr_eq(&photo.decoded, decoded)).map(|photo| photo.drawn.clone())
    }

    fn explained(&mut self, view: ViewId, result: Arc<ViewResult>) {
        if self
            .sent
            .get(&view)
            .is_none_or(|sent| sent.image != result.request.image || sent.model != result.request.model)
        {
            return;
        }
        self.answered_view(view);
        if view == views::MAIN && result.request.occlusion.is_none() {
            let best = result.top(1).first().copied();
            let prediction = best.map(|(class, confidence)| Prediction { class, confidence });
            self.gallery.set_prediction(&result.request.image, prediction);
        }
        let state = self.view_mut(view);
        state.progress = None;
        state.error = None;
        state.prepared = Some(result.prepared.clone());
        state.result = Some(result);
    }

    fn model_loaded(&mut self, id: ModelId, info: Arc<ModelInfo>, seconds: f64) {
        let Some(pending) = self.models.take_pending(id) else {
            self.engine.send(Request::Unload(id));
            return;
        };
        self.notices.log(Level::Info, format!("{} loaded in {:.0} ms", info.name, seconds * 1000.0));
        if let ModelSource::Named(name) = &pending.source
            && std::path::Path::new(name).exists()
            && let Ok(path) = std::path::absolute(name)
        {
            self.settings.remember_model(path);
        }
        let ready = Ready { id, source: pending.source, info };
        if let Some(old) = self.models.put(pending.slot, ready.clone())
            && !self.is_of_run(old.id)
        {
            self.engine.send(Request::Unload(old.id));
        }
        self.loaded_for_run(&ready);
        self.project_may_have_changed = true;
        match pending.slot {
            Slot::Main => self.follow_main_model(),
            // Else the model that was just brought in to be compared could not be seen.
            Slot::Second if self.settings.view == View::Single => self.settings.view = View::SideBySide,
            Slot::Second => {}
            Slot::Third | Slot::Fourth => self.settings.view = View::Grid,
        }
    }

    /// What was asked of another model may not exist in this one.
    pub(super) fn follow_main_model(&mut self) {
        let Some(main) = self.models.get(Slot::Main) else { return };
        let info = main.info.clone();
        self.suit_preset();
        if info.classes != *self.gallery.names() {
            (self.explain.target, self.explain.contrast) = (None, None);
        }
        self.gallery.clear_predictions();
        self.gallery.set_names(&Arc::new(info.classes.clone()));
        if info.config.classes == 0 && self.explain.method.needs_head() {
            // A model without a head explains no class, but it has attention to show.
            self.explain.method = Method::RawAttention;
        }
        self.explain.patch = None;
        self.explain.muted = Default::default();
        self.explain.first_block = self.explain.first_block.min(info.config.depth.saturating_sub(1));
    }

    fn receive_downloads(&mut self) {
        for (id, slot, download) in std::mem::take(&mut self.downloads) {
            let state = download.state();
            let is_called_off = self.jobs.iter().any(|job| job.id == id && job.cancel.is_cancelled());
            if is_called_off && !state.is_over() {
                // The transfer itself stops with its next bytes. A dead connection brings none, and is not waited for.
                self.end_job(id);
                let name = download.model().name;
                self.notices.info(format!("Stopped getting {name}; what has arrived is kept for the next try."));
                continue;
            }
            if !state.is_over() {
                if let DownloadState::Running { done_bytes, total_bytes, .. } = state {
                    self.advance_job(id, done_bytes as u64, total_bytes as u64);
                }
                self.downloads.push((id, slot, download));
                continue;
            }
            self.end_job(id);
            match state {
                // By its name, not by the folder of the cache, which is called after a commit.
                DownloadState::Ready(_) => {
                    self.apply(Command::LoadModel(slot, ModelSource::Named(download.model().name.to_owned())));
                }
                DownloadState::Failed(error) => self.notices.error(error),
                DownloadState::Asking | DownloadState::Running { .. } | DownloadState::Cancelled => {}
            }
        }
    }
}
