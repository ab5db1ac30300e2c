//! What a person thinks of the mask, where it came from, and how sure its method could be.

use eframe::egui::{Button, Grid, RichText, Ui};

use crate::app::masks::Current;
use crate::app::{Command, MaskCommand, Session};
use crate::mask::{Origin, Quality, Review};

pub fn show(ui: &mut Ui, session: &Session, current: &Current, commands: &mut Vec<Command>) {
    let record = current.record();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (review, title, key) in [
            (Review::Accepted, "Accept", "A"),
            (Review::NeedsReview, "Needs review", "R"),
            (Review::Rejected, "Reject", "X"),
        ] {
            let chosen = current.exists() && record.review == review;
            let button = Button::selectable(chosen, title);
            if ui.add(button).on_hover_text(format!("{key}; again takes it back")).clicked() {
                let review = if chosen { Review::None } else { review };
                commands.push(Command::Mask(MaskCommand::Review(review)));
            }
        }
        if ui.button("Next").on_hover_text("The next mask that waits for a judgement (Enter)").clicked() {
            commands.push(Command::Mask(MaskCommand::NextInQueue));
        }
    });
    let made = match (current.exists(), record.origin) {
        (false, _) => "No mask yet",
        (true, Origin::Human) => "Painted by hand",
        (true, Origin::Auto) => "Found automatically",
        (true, Origin::Edited) => "Found automatically or imported, then edited",
        (true, Origin::Imported) => "Imported",
    };
    let method = record.method.as_ref().map_or_else(String::new, |method| format!(": {method}"));
    ui.label(RichText::new(format!("{made}{method}")).small());
    if let Some(quality) = &record.quality {
        quality_ui(ui, quality);
    }
    let (text, colour) = if current.has_failed() {
        ("Not saved: it is kept in memory", ui.visuals().error_fg_color)
    } else if current.is_unsaved() {
        ("Saving…", ui.visuals().weak_text_color())
    } else if current.exists() {
        ("Saved", ui.visuals().weak_text_color())
    } else {
        return waiting_ui(ui, session);
    };
    ui.label(RichText::new(text).small().color(colour));
    waiting_ui(ui, session);
}

/// How many of the shown images wait for a judgement.
fn waiting_ui(ui: &mut Ui, session: &Session) {
    let waiting = session.gallery.masks_to_judge();
    if waiting > 0 {
        let text = format!("Masks that wait for a judgement: {waiting}");
        ui.label(RichText::new(text).small().weak());
    }
}

fn quality_ui(ui: &mut Ui, quality: &Quality) {
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let missing = || "–".to_owned();
    Grid::new("quality").num_columns(2).spacing([12.0, 1.0]).show(ui, |ui| {
        for (name, value) in [
            ("Eigengap", quality.eigengap.map_or_else(missing, |gap| format!("{gap:.4}"))),
            ("Area", percent(quality.area)),
            ("Border contact", percent(quality.border_contact)),
            ("Coarse and refined agree", quality.iou_refined.map_or_else(missing, percent)),
            ("Doubt", percent(f64::from(quality.doubt()))),
        ] {
            ui.label(RichText::new(name).small().weak());
            ui.label(RichText::new(value).small());
            ui.end_row();
        }
    });
}
