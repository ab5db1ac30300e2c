//! The pictures of a session: what is known of each, which are shown in which order, and which one is selected.
//!
//! Pictures come in chunks of any order ([`Gallery::append`]); they are sorted in by name as they come. Search, filter
//! and sort are applied lazily: [`Gallery::refresh`], once per frame, does nothing unless something changed.

mod command;
mod haystack;
mod item;
mod natural;
mod view;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::Arc;

use crate::image::ImageSource;
use crate::jobs::labels::LabelFile;
use crate::jobs::truth::{ClassIndex, class_of_folder};
use crate::mask::MaskState;
use crate::vit::classes::ClassNames;
pub use command::{GalleryCommand, Move};
use haystack::Haystack;
pub use item::{Item, ItemState, Prediction, Verdict};
use view::Classes;
pub use view::{Direction, Filter, Sort, View};

/// Sides of a cell in points.
pub const CELL_SIDES: std::ops::RangeInclusive<f32> = 64.0..=192.0;

/// All pictures of the session.
pub struct Gallery {
    items: Vec<Item>,
    index_of: HashMap<ImageSource, u32>,
    /// All items in the order of names.
    by_name: Vec<u32>,
    /// Their names, prepared for searching; none while they change.
    haystack: Option<Haystack>,
    view: View,
    /// The shown items in the shown order.
    order: Vec<u32>,
    is_stale: bool,
    /// Counts the changes of the view, so that a reader sees that there was one.
    view_revision: u64,
    selected: Option<usize>,
    /// Of the selected item in `order`.
    selected_position: Option<usize>,
    names: Arc<ClassNames>,
    classes: Classes,
    index: ClassIndex,
    labels: Option<LabelFile>,
    listing: bool,
    cell_side: f32,
}

impl Default for Gallery {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            index_of: HashMap::new(),
            by_name: Vec::new(),
            haystack: None,
            view: View::default(),
            order: Vec::new(),
            is_stale: false,
            view_revision: 0,
            selected: None,
            selected_position: None,
            names: Arc::new(ClassNames::of_model(0, None)),
            classes: Classes::default(),
            index: ClassIndex::default(),
            labels: None,
            listing: false,
            cell_side: 112.0,
        }
    }
}

/// What a label file told about the pictures that are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelsFound {
    /// Pictures that have a label which is a class of the model.
    pub known: usize,
    /// Pictures whose label is none.
    pub unknown: usize,
}

impl Gallery {
    /// All items, in the order they came; their indices stay valid until [`Self::clear`].
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The indices of the shown items in the shown order, as of the last [`Self::refresh`].
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// All items, or those that are shown, in the shown order.
    pub fn chosen(&self, all: bool) -> impl Iterator<Item = &Item> {
        let count = if all { self.items.len() } else { self.order.len() };
        (0..count).map(move |at| &self.items[if all { at } else { self.order[at] as usize }])
    }

    pub fn view(&self) -> &View {
        &self.view
    }

    /// Another number after each change of search, filter or sort.
    pub fn view_revision(&self) -> u64 {
        self.view_revision
    }

    /// The class names of the model.
    pub fn names(&self) -> &ClassNames {
        &self.names
    }

    /// Whether more pictures are coming.
    pub fn is_listing(&self) -> bool {
        self.listing
    }

    /// The end of a listing is the moment to prepare the search, so that the first keystroke does not have to.
    pub fn set_listing(&mut self, listing: bool) {
        self.listing = listing;
        if !listing && self.haystack.is_none() {
            self.haystack = Some(Haystack::new(&self.items, &self.by_name));
        }
    }

    /// Side of a cell in points.
    pub fn cell_side(&self) -> f32 {
        self.cell_side
    }

    /// Fulfils a wish that concerns the gallery alone; the shell's are left alone.
    pub fn apply(&mut self, command: &GalleryCommand) {
        match command {
            GalleryCommand::Select(index) => self.select(*index),
            GalleryCommand::Move(step) => self.step(*step),
            GalleryCommand::Search(text) => self.set_view(View { search: text.clone(), ..self.view.clone() }),
            GalleryCommand::Filter(filter) => self.set_view(View { filter: *filter, ..self.view.clone() }),
            GalleryCommand::Sort(sort, direction) => {
                self.set_view(View { sort: *sort, direction: *direction, ..self.view.clone() });
            }
            GalleryCommand::CellSide(side) => {
                self.cell_side = side.clamp(*CELL_SIDES.start(), *CELL_SIDES.end());
            }
            GalleryCommand::OpenImages | GalleryCommand::OpenFolder | GalleryCommand::StopListing => {}
        }
    }

    pub fn set_view(&mut self, view: View) {
        if self.view != view {
            self.view = view;
            self.view_revision += 1;
            self.is_stale = true;
        }
    }

    /// Adds pictures that are not there yet; names are shown relative to `root`.
    pub fn append(&mut self, root: &Path, sources: impl IntoIterator<Item = ImageSource>) {
        let first_new = self.items.len();
        // Neighbours mostly share a folder, and its name is looked up once.
        let mut folders = HashMap::new();
        for source in sources {
            let index = self.items.len() as u32;
            let Entry::Vacant(place) = self.index_of.entry(source.clone()) else { continue };
            place.insert(index);
            let mut item = Item::new(source, root);
            item.truth = self.truth_of(&item, &mut folders);
            self.items.push(item);
        }
        self.sort_in(first_new);
        self.is_stale = true;
    }

    /// Merges the items from `first_new` on into the order of names: a chunk is sorted, the rest only shifted.
    fn sort_in(&mut self, first_new: usize) {
        let items = &self.items;
        let compare = |a: &u32, b: &u32| {
            let (a, b) = (&items[*a as usize], &items[*b as usize]);
            natural::compare(&a.key, &b.key).then_with(|| a.relative().cmp(b.relative()))
        };
        let mut new: Vec<u32> = (first_new as u32..items.len() as u32).collect();
        new.sort_by(compare);
        let old = std::mem::take(&mut self.by_name);
        let mut merged = Vec::with_capacity(items.len());
        let mut done = 0;
        for index in new {
            let until = done + old[done..].partition_point(|known| compare(known, &index).is_le());
            merged.extend_from_slice(&old[done..until]);
            merged.push(index);
            done = until;
        }
        merged.extend_from_slice(&old[done..]);
        self.by_name = merged;
        self.haystack = None;
    }

    /// Forgets all pictures; the view, the class names and the labels stay.
    pub fn clear(&mut self) {
        self.items.clear();
        self.index_of.clear();
        self.by_name.clear();
        self.haystack = None;
        self.selected = None;
        self.is_stale = true;
        self.order.clear();
        self.selected_position = None;
    }

    /// The index of a picture.
    pub fn find(&self, source: &ImageSource) -> Option<usize> {
        self.index_of.get(source).map(|index| *index as usize)
    }

    /// Brings the shown order up to date, if anything changed.
    pub fn refresh(&mut self) {
        if self.is_stale {
            self.is_stale = false;
            let (items, by_name) = (&self.items, &self.by_name);
            let kept = &mut self.haystack;
            self.order = self.view.order(
                items,
                by_name,
                || kept.get_or_insert_with(|| Haystack::new(items, by_name)),
                &self.classes,
            );
            self.locate_selected();
        }
    }

    fn locate_selected(&mut self) {
        let selected = self.selected;
        self.selected_position =
            selected.and_then(|selected| self.order.iter().position(|index| *index as usize == selected));
    }

    /// Says whether the picture could be decoded.
    pub fn set_state(&mut self, source: &ImageSource, state: ItemState) {
        let Some(index) = self.find(source) else { return };
        let was_broken = self.items[index].is_broken();
        self.items[index].state = state;
        self.is_stale |= self.view.filter == Filter::Broken && was_broken != self.items[index].is_broken();
    }

    /// Says what is known of the picture's mask.
    pub fn set_mask(&mut self, source: &ImageSource, mask: Option<MaskState>) {
        if let Some(index) = self.find(source) {
            self.set_mask_at(index, mask);
        }
    }

    /// As [`Self::set_mask`], for the item of an index; nothing if there is no such item.
    pub fn set_mask_at(&mut self, index: usize, mask: Option<MaskState>) {
        let Some(item) = self.items.get_mut(index).filter(|item| item.mask != mask) else { return };
        item.mask = mask;
        self.is_stale |= self.view.sort == Sort::Doubt || matches!(self.view.filter, Filter::NoMask | Filter::Mask(_));
    }

    /// How many pictures have a mask that nobody has accepted or rejected.
    pub fn masks_to_judge(&self) -> usize {
        self.items.iter().filter(|item| item.mask.is_some_and(MaskState::waits)).count()
    }

    /// Says what the model sees in the picture.
    pub fn set_prediction(&mut self, source: &ImageSource, prediction: Option<Prediction>) {
        let Some(index) = self.find(source) else { return };
        self.items[index].prediction = prediction;
        let matters = self.view.filter != Filter::All
            || matches!(self.view.sort, Sort::Prediction | Sort::Confidence)
            || !self.view.search.is_empty();
        self.is_stale |= matters;
    }

    /// Forgets all predictions: another model answers now.
    pub fn clear_predictions(&mut self) {
        for item in &mut self.items {
            item.prediction = None;
        }
        self.is_stale = true;
    }

    /// Takes the class names of another model. If they differ, predictions are forgotten and the truth is looked up
    /// anew, as indices now mean other classes.
    pub fn set_names(&mut self, names: &Arc<ClassNames>) {
        if *self.names == **names {
            return;
        }
        self.names = names.clone();
        self.classes = Classes::new(names);
        self.index = ClassIndex::new(names);
        if matches!(self.view.filter, Filter::Class(_)) {
            self.set_view(View { filter: Filter::All, ..self.view.clone() });
        }
        self.clear_predictions();
        self.look_up_truth();
    }

    /// Takes the labels of a file, which come before folder names; `None` forgets them.
    pub fn set_labels(&mut self, labels: Option<LabelFile>) -> LabelsFound {
        self.labels = labels;
        self.look_up_truth();
        let mut found = LabelsFound::default();
        for item in &self.items {
            match self.label(item).map(|label| self.index.get(label)) {
                Some(Some(_)) => found.known += 1,
                Some(None) => found.unknown += 1,
                None => {}
            }
        }
        found
    }

    fn look_up_truth(&mut self) {
        let mut folders = HashMap::new();
        for index in 0..self.items.len() {
            self.items[index].truth = self.truth_of(&self.items[index], &mut folders);
        }
        self.is_stale = true;
    }

    fn label(&self, item: &Item) -> Option<&str> {
        self.labels.as_ref()?.label(item.relative())
    }

    fn truth_of(&self, item: &Item, folders: &mut HashMap<std::path::PathBuf, Option<usize>>) -> Option<usize> {
        if let Some(label) = self.label(item) {
            return self.index.get(label);
        }
        let path = item.source.path();
        let folder = path.parent()?;
        if let Some(known) = folders.get(folder) {
            return *known;
        }
        let class = class_of_folder(path, |name| self.index.get(name));
        folders.insert(folder.to_owned(), class);
        class
    }
}

/// Selection.
impl Gallery {
    /// Index of the selected item; it stays selected while search and filter hide it.
    pub fn selected(&self) -> Option<usize> {
        self.selected
    }

    pub fn selected_item(&self) -> Option<&Item> {
        self.items.get(self.selected?)
    }

    /// Position of the selected item in [`Self::order`], unless it is hidden.
    pub fn selected_position(&self) -> Option<usize> {
        self.selected_position
    }

    /// Selects the item of an index; none if there is no such item.
    pub fn select(&mut self, index: usize) {
        self.selected = (index < self.items.len()).then_some(index);
        self.locate_selected();
    }

    /// Moves the selection through the shown order, which does not wrap around. If nothing shown is selected, it
    /// starts at the first (or, for [`Move::Last`], last) picture.
    pub fn step(&mut self, step: Move) {
        self.refresh();
        let Some(last) = self.order.len().checked_sub(1) else { return };
        let position = match (step, self.selected_position) {
            (Move::Last, _) => last,
            (Move::By(distance), Some(position)) => position.saturating_add_signed(distance).min(last),
            (Move::First | Move::By(_), _) => 0,
        };
        self.selected = Some(self.order[position] as usize);
        self.selected_position = Some(position);
    }
}

#[cfg(test)]
mod tests;
