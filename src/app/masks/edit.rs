//! What each command does to masks.

use std::sync::Arc;

use ::image::RgbImage;

use crate::app::canvas::Tool;
use crate::app::picker::Ask;
use crate::app::session::Session;
use crate::mask::{Brush, Edge, EditError, Label};

use super::current::Current;
use super::{BrushEdge, HISTORY_BUDGET, MaskCommand, MaskTool, State};

impl Session {
    pub(in crate::app) fn apply_to_mask(&mut self, command: MaskCommand) {
        match command {
            MaskCommand::Begin { at, straight } => {
                let Some(brush) = self.mask_brush() else { return };
                self.edit_mask(|current, photo| {
                    let start = current.last_end().filter(|_| straight).unwrap_or(at);
                    current.begin(brush, start, photo)?;
                    current.move_to(at, photo)
                });
            }
            MaskCommand::To(at) => self.edit_mask(|current, photo| current.move_to(at, photo)),
            MaskCommand::End => self.edit_mask(|current, _| {
                current.end();
                Ok(())
            }),
            MaskCommand::Abort => self.edit_mask(|current, _| {
                current.abort();
                Ok(())
            }),
            MaskCommand::Apply(operation) => self.edit_mask(|current, photo| current.apply(&operation, photo)),
            MaskCommand::CopyPrevious => self.copy_previous_mask(),
            MaskCommand::Undo => self.edit_mask(|current, _| {
                current.undo();
                Ok(())
            }),
            MaskCommand::Redo => self.edit_mask(|current, _| {
                current.redo();
                Ok(())
            }),
            MaskCommand::Review(review) => self.edit_mask(|current, _| {
                current.set_review(review);
                Ok(())
            }),
            MaskCommand::Auto => self.find_mask(),
            MaskCommand::AutoOptions(options) => self.set_auto_options(*options),
            MaskCommand::Point { at, is_object } => self.point_at(at, is_object),
            MaskCommand::Around(from, to) => self.box_around(from, to),
            MaskCommand::ForgetPoints => self.forget_points(),
            MaskCommand::AutoAll { overwrite } => self.find_all_masks(overwrite),
            MaskCommand::NextInQueue => self.next_in_queue(),
            MaskCommand::SetAside => self.set_mask_aside(),
            command => self.adjust_masks(command),
        }
        self.masks.trim(HISTORY_BUDGET);
    }

    /// The commands that change no mask.
    fn adjust_masks(&mut self, command: MaskCommand) {
        let settings = &mut self.settings;
        match command {
            MaskCommand::Label(label) => self.masks.label = label,
            MaskCommand::NextLabel => {
                let next = (self.masks.label as usize + 1) % Label::ALL.len();
                self.masks.label = Label::ALL[next];
            }
            MaskCommand::Options(options) => settings.paint = options,
            MaskCommand::Style(style) => settings.mask_style = style,
            MaskCommand::Toggle => settings.show_mask = !settings.show_mask,
            MaskCommand::AskFolder => self.ask(Ask::MaskFolder, ""),
            MaskCommand::Folder(folder) => {
                settings.mask_folder.clone_from(&folder);
                self.masks.leave();
                self.masks.auto.forget();
                self.masks.places.choose(folder);
                self.masks.move_unsaved(&self.gallery);
            }
            // All others belong to `apply_to_mask`.
            _ => {}
        }
    }

    /// Edits the mask that is looked at, and says why that was not possible.
    pub(super) fn edit_mask(&mut self, edit: impl FnOnce(&mut Current, Option<&RgbImage>) -> Result<(), EditError>) {
        let photo: Option<Arc<RgbImage>> = self.main_view().and_then(|view| {
            let photo = view.photo.as_ref()?;
            (Some(&photo.decoded.source) == self.image()).then(|| photo.picture().rgb.clone())
        });
        let Some(current) = self.masks.current_mut() else { return };
        if let Err(error) = edit(current, photo.as_deref()) {
            self.notices.warning(error.to_string());
        }
    }

    /// What the chosen tool paints with; `None` if it is no brush, or there is no photo.
    fn mask_brush(&self) -> Option<Brush> {
        let size = self.masks.current()?.mask().size();
        let options = self.settings.paint;
        let label = match self.canvas.tool {
            Tool::Mask(MaskTool::Brush) => self.masks.label,
            Tool::Mask(MaskTool::Eraser) => Label::Background,
            _ => return None,
        };
        let edge = match options.edge {
            BrushEdge::Hard => Edge::Hard,
            BrushEdge::Soft => Edge::Soft,
            BrushEdge::Aware => Edge::Aware { tolerance: options.edge_tolerance },
        };
        Some(Brush { diameter: self.canvas.brush_diameter(size), label, edge })
    }

    /// Moves the mask's files into a sub-folder and begins with an empty mask.
    fn set_mask_aside(&mut self) {
        let (image, place) = match &self.masks.state {
            State::Refused { image, place, .. } => (image.clone(), place.clone()),
            State::Ready(current) => (current.image.clone(), current.place.clone()),
            State::None | State::Loading { .. } => return,
        };
        match place.store.remove(&place.key) {
            Ok(moved) => {
                self.masks.kept.remove(&image);
                self.masks.auto.forget();
                self.masks.state = State::None;
                self.gallery.set_mask(&image, None);
                if let Some(path) = moved {
                    self.notices.info(format!("The old mask now lies here: {}", path.display()));
                }
            }
            Err(error) => self.notices.error(error.to_string()),
        }
    }
}
