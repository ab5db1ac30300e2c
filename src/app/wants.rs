//! From what is shown follows what is asked: one request per view, sent when it changes.

use std::collections::HashSet;

use crate::image::ImageSource;
use crate::jobs::engine_thread::{ExplainRequest, Request, ViewId};
use crate::relevance::Method;

use super::command::Slot;
use super::models::Ready;
use super::session::{Norms, Session};
use super::settings::View;
use super::views;

impl Session {
    /// Sends what is wanted and was not sent before, and closes views that nothing shows any more.
    pub fn send_requests(&mut self) {
        self.gallery.refresh();
        self.follow_image();
        let wanted = self.wanted();
        let open: HashSet<ViewId> = wanted.iter().map(|request| request.view).collect();
        let closed: Vec<ViewId> = self.sent.keys().filter(|view| !open.contains(view)).copied().collect();
        for view in closed {
            self.sent.remove(&view);
            self.views.remove(&view);
            self.engine.send(Request::Forget(view));
        }
        for request in wanted {
            let last = self.sent.get(&request.view);
            if last == Some(&request) {
                continue;
            }
            if last.is_some_and(|last| last.image != request.image || last.model != request.model) {
                self.begin_image(&request);
            }
            self.view_mut(request.view).error = None;
            self.sent.insert(request.view, request.clone());
            self.engine.send(Request::Explain(Box::new(request)));
        }
    }

    /// A patch and a look at one image mean nothing on the next.
    fn follow_image(&mut self) {
        if self.last_image.as_ref() != self.image() {
            self.last_image = self.image().cloned();
            self.explain.patch = None;
            self.canvas.look = None;
        }
    }

    /// Another image or model: nothing of the old one may pass for the new one's.
    fn begin_image(&mut self, request: &ExplainRequest) {
        let same_image = self.sent.get(&request.view).is_some_and(|last| last.image == request.image);
        let view = self.view_mut(request.view);
        if same_image {
            view.forget_result();
        } else {
            view.start_over();
        }
    }

    fn wanted(&self) -> Vec<ExplainRequest> {
        if self.models.get(Slot::Main).is_none() {
            return Vec::new();
        }
        let of_slot = |(slot, model)| self.request(views::of_slot(slot), model, slot, self.explain.method);
        let in_grid = |(slot, method)| {
            let model = self.models.get(slot)?;
            self.request(views::in_grid(slot, method), model, slot, method)
        };
        let grid = if self.settings.view == View::Grid { self.grid() } else { Vec::new() };
        let views = self.models.all().filter_map(of_slot).chain(grid.into_iter().filter_map(in_grid));
        views.chain(self.pinned()).collect()
    }

    /// Pinned images under the weights that are shown; the map of the true class, as in the loss.
    fn pinned(&self) -> Vec<ExplainRequest> {
        let Some(tuned) = self.tuned().filter(|_| self.settings.show_timeline) else { return Vec::new() };
        let request = |(index, image): (usize, &ImageSource)| {
            let item = self.gallery.find(image).map(|at| &self.gallery.items()[at]);
            let truth = item.and_then(|item| item.truth).filter(|class| *class < tuned.info.config.classes);
            let new = ExplainRequest::new(views::pinned(index), tuned.id, image.clone());
            ExplainRequest { profile: self.settings.profile, target: truth, ..new }
        };
        self.finetune.pinned.iter().enumerate().map(request).collect()
    }

    /// What the grid shows: of each model every chosen method.
    pub fn grid(&self) -> Vec<(Slot, Method)> {
        let methods = &self.settings.grid_methods;
        self.models.all().flat_map(|(slot, _)| methods.iter().map(move |&method| (slot, method))).collect()
    }

    fn request(&self, view: ViewId, model: &Ready, slot: Slot, method: Method) -> Option<ExplainRequest> {
        let explain = &self.explain;
        if method.needs_head() && model.info.config.classes == 0 {
            return None;
        }
        // A patch is one of the main model's; on another grid the same numbers mean another place.
        let main = &self.models.get(Slot::Main)?.info.config;
        let patch = explain.patch.filter(|_| method.starts_at_token() && main.grid() == model.info.config.grid());
        Some(ExplainRequest {
            occlusion: self
                .occluded()
                .filter(|occluded| !occluded.is_empty())
                .map(|occluded| occluded.occlusion.clone()),
            profile: self.settings.profile,
            target: explain.target.and_then(|class| self.class_in(slot, class)),
            contrast: explain.contrast.and_then(|class| self.class_in(slot, class)),
            score: explain.score,
            method,
            options: explain.options.clone(),
            patch,
            muted: if method == Method::Gae && slot == Slot::Main { explain.muted.clone() } else { Default::default() },
            want_norms: explain.norms != Norms::Hidden,
            ..ExplainRequest::new(view, model.id, self.image()?.clone())
        })
    }

    /// The class of the main model as the model of `slot` numbers it: by name, as heads differ.
    fn class_in(&self, slot: Slot, class: usize) -> Option<usize> {
        let main = self.models.get(Slot::Main)?;
        let other = self.models.get(slot)?;
        if slot == Slot::Main || main.info.classes == other.info.classes {
            return (class < other.info.config.classes).then_some(class);
        }
        other.info.classes.find(main.info.classes.name(class)).ok()
    }
}
