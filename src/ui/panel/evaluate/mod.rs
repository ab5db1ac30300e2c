//! The step «Evaluate»: what became better and worse from the main model to the one beside it.

mod flips;
mod table;

use eframe::egui::{Button, RichText, Ui, vec2};

use crate::app::evaluate::EvaluateCommand;
use crate::app::finetune::Shows;
use crate::app::{Command, Session};
use crate::ui::gallery::ThumbnailTextures;

use super::section;

pub fn show(ui: &mut Ui, session: &Session, thumbnails: &mut ThumbnailTextures, commands: &mut Vec<Command>) {
    let mut asked = Vec::new();
    models_ui(ui, session);
    start_ui(ui, session, &mut asked);
    if let Some(compared) = &session.evaluate.result {
        let title = format!("{} to {}", compared.report.before, compared.report.after);
        ui.label(RichText::new(title).strong());
        ui.label(RichText::new(format!("{} images", compared.report.flips.len())).small().weak());
        if ui.button("Save report…").on_hover_text("One HTML page with tables and pictures").clicked() {
            asked.push(EvaluateCommand::SaveReport);
        }
        section(ui, "Figures", true, |ui| table::show(ui, &compared.report));
        section(ui, "Image by image", true, |ui| flips::show(ui, session, compared, thumbnails, &mut asked));
    }
    commands.extend(asked.into_iter().map(Command::Evaluate));
}

fn models_ui(ui: &mut Ui, session: &Session) {
    match session.compared_names() {
        Some([before, after]) => {
            ui.label(format!("Before: {before}"));
            ui.label(format!("After: {after}"));
        }
        None => {
            ui.label("A comparison needs two models: finetune the one that is loaded, or choose a second one under «Explain».");
        }
    }
}

fn start_ui(ui: &mut Ui, session: &Session, asked: &mut Vec<EvaluateCommand>) {
    let evaluate = &session.evaluate;
    let mut all = evaluate.all_images;
    if ui.checkbox(&mut all, "All images").on_hover_text("Else those that the gallery shows").changed() {
        asked.push(EvaluateCommand::AllImages(all));
    }
    let mut backgrounds = evaluate.backgrounds;
    let help = "Cut objects out along their masks and put them on other backgrounds: five more passes per image";
    if ui.checkbox(&mut backgrounds, "Other backgrounds").on_hover_text(help).changed() {
        asked.push(EvaluateCommand::Backgrounds(backgrounds));
    }
    let learns = session.finetune.run.as_ref().is_some_and(|run| run.phase.is_at_work() && run.shows == Shows::Live);
    let can_start = session.compares() && !evaluate.is_at_work() && !learns;
    let start = Button::new(RichText::new("Compare").strong()).min_size(vec2(110.0, 28.0));
    let response = ui.add_enabled(can_start, start).on_hover_text("Judge both models on the same images");
    let why = match (learns, evaluate.is_at_work()) {
        (true, _) => {
            "The second model is learning: its weights change under the comparison. Pause it, or look at a checkpoint."
        }
        (_, true) => "A comparison is at work",
        _ => "There is no second model",
    };
    if response.on_disabled_hover_text(why).clicked() {
        asked.push(EvaluateCommand::Start);
    }
}
