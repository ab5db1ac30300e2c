//! What the canvas shows beside each other, for the window and for figures.

use crate::jobs::engine_thread::ViewId;
use crate::relevance::Method;

use super::command::Slot;
use super::models::Ready;
use super::session::{Norms, Session};
use super::settings::View;
use super::views;

/// One look at the photo, before it has a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    pub title: String,
    pub view: ViewId,
    pub shows: Shows,
}

/// What lies over the photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// Nothing: the photo itself.
    Photo,
    /// The view's map.
    Heat,
    /// The first model's map minus the second's.
    Difference,
}

impl Session {
    /// What the chosen view shows, in the order of its panes; of the two that take turns, both.
    pub fn contents(&self) -> Vec<Content> {
        let model = |slot| self.models.get(slot).map_or_else(String::new, |model| model.info.name.clone());
        let main = |title: String| Content { title, view: views::MAIN, shows: Shows::Heat };
        match self.settings.view {
            View::Single => vec![main(String::new())],
            View::SideBySide | View::Wipe | View::Blink => self.two().into(),
            View::Difference if self.compares() => {
                let title = format!("{} minus {}, both from 0 to 1", model(Slot::Main), model(Slot::Second));
                let difference = Content { title, view: views::MAIN, shows: Shows::Difference };
                self.two().into_iter().chain([difference]).collect()
            }
            View::Difference => vec![main(self.shown_method().to_owned())],
            View::Grid => {
                let title = |slot, method: Method| match self.compares() {
                    true => format!("{}: {}", model(slot), method.title()),
                    false => method.title().to_owned(),
                };
                let pane = |(slot, method)| Content {
                    title: title(slot, method),
                    view: views::in_grid(slot, method),
                    shows: Shows::Heat,
                };
                self.grid().into_iter().map(pane).collect()
            }
        }
    }

    /// The two models, or photo and heat.
    fn two(&self) -> [Content; 2] {
        if self.compares() {
            [Slot::Main, Slot::Second].map(|slot| {
                let view = views::of_slot(slot);
                Content { title: self.explained_class(slot), view, shows: Shows::Heat }
            })
        } else {
            let photo = Content { title: "photo".to_owned(), view: views::MAIN, shows: Shows::Photo };
            let heat = Content { title: self.shown_method().to_owned(), view: views::MAIN, shows: Shows::Heat };
            [photo, heat]
        }
    }

    /// A model and the class that it explains.
    fn explained_class(&self, slot: Slot) -> String {
        let Some(model) = self.models.get(slot) else { return String::new() };
        let result = self.view(views::of_slot(slot)).and_then(|view| view.result.as_ref());
        let name = self.part_in_run(slot, model).unwrap_or_else(|| model.info.name.clone());
        match result.and_then(|result| result.target) {
            Some(class) => format!("{name}: {}", model.info.classes.short_name(class)),
            None => name,
        }
    }

    /// Both copies of a model that learns have its name: what tells them apart is which weights they have.
    fn part_in_run(&self, slot: Slot, model: &Ready) -> Option<String> {
        let run = self.finetune.run.as_ref()?;
        let is_tuned = self.is_of_run(model.id);
        match (slot, is_tuned) {
            (Slot::Main, false) => Some("before".to_owned()),
            (_, true) => Some(run.weights()),
            _ => None,
        }
    }

    /// What the main picture shows, which may still be the method chosen before.
    fn shown_method(&self) -> &'static str {
        match self.main_view().and_then(|view| view.result.as_ref()) {
            _ if self.explain.norms == Norms::Mapped => "length of the output tokens",
            Some(result) => result.request.method.title(),
            None => self.explain.method.title(),
        }
    }
}
