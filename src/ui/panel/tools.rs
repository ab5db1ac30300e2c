//! The occlusion brush: hide parts of the photo and watch the probabilities.

use eframe::egui::{Slider, Ui};

use crate::app::canvas::Tool;
use crate::app::occlusion::Fill;
use crate::app::{Command, Session};

use super::row;

pub fn show(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        for (tool, title, help) in [
            (Tool::Look, "Pan and pick", "Drag to pan, click a patch for its row (V)"),
            (Tool::Occlude, "Occlude", "Paint over parts of the photo; the probabilities follow (O)"),
        ] {
            if ui.selectable_label(session.canvas.tool == tool, title).on_hover_text(help).clicked() {
                commands.push(Command::Tool(tool));
            }
        }
    });
    row(ui, "Hide with", |ui| {
        for (fill, title) in [(Fill::Grey, "grey"), (Fill::Blur, "blur")] {
            if ui.selectable_label(session.canvas.fill == fill, title).clicked() {
                commands.push(Command::OcclusionFill(fill));
            }
        }
    });
    if let Some(photo) = session.main_view().and_then(|view| view.photo.as_ref()) {
        let side = photo.size().width.min(photo.size().height) as f64;
        let mut brush = session.canvas.brush_diameter(photo.size());
        row(ui, "Brush", |ui| {
            let slider = Slider::new(&mut brush, 1.0..=side).logarithmic(true).max_decimals(0).suffix(" px");
            if ui.add(slider).accessible_name("Brush diameter").on_hover_text("[ and ]").changed() {
                commands.push(Command::Brush(brush));
            }
        });
    }
    if session.occluded().is_some() {
        ui.horizontal(|ui| {
            if ui.button("Undo stroke").on_hover_text("Ctrl+Z").clicked() {
                commands.push(Command::UndoOcclusion);
            }
            if ui.button("Clear occlusion").clicked() {
                commands.push(Command::ClearOcclusion);
            }
        });
    }
}
