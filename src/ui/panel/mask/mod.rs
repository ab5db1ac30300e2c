//! The step «Mask»: paint the object, tidy it up, judge it, and see what a loss would see of it.

mod auto;
mod judge;
mod paint;
mod seen;
mod whole;

use eframe::egui::{RichText, Ui};

use crate::app::masks::{Current, MaskView};
use crate::app::{Command, MaskCommand, Session};
use crate::render::MaskStyle;

use super::{row, section};
use auto::AutoUi;
use seen::SeenUi;

/// What only this step remembers.
#[derive(Default)]
pub struct MaskPanel {
    seen: SeenUi,
    auto: AutoUi,
}

impl MaskPanel {
    pub fn show(&mut self, ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
        let current = match session.masks.view() {
            MaskView::Ready(current) => Some(current),
            MaskView::Refused(error) => {
                refused_ui(ui, error, commands);
                None
            }
            MaskView::Loading => {
                waiting_ui(ui, "Reading the mask…");
                None
            }
            MaskView::None if session.image().is_none() => {
                ui.weak("Open images to paint masks.");
                None
            }
            MaskView::None => {
                waiting_ui(ui, "Waiting for the photo…");
                None
            }
        };
        if let Some(current) = current {
            self.show_current(ui, session, current, commands);
        }
        section(ui, "Look and files", true, |ui| look_ui(ui, session, commands));
    }

    fn show_current(&mut self, ui: &mut Ui, session: &Session, current: &Current, commands: &mut Vec<Command>) {
        section(ui, "Auto mask", true, |ui| self.auto.show(ui, session, commands));
        section(ui, "Paint", true, |ui| paint::show(ui, session, current, commands));
        section(ui, "Whole mask", true, |ui| whole::show(ui, session, commands));
        section(ui, "Judgement", true, |ui| judge::show(ui, session, current, commands));
        section(ui, "What the loss sees", true, |ui| self.seen.show(ui, session, current));
    }
}

fn waiting_ui(ui: &mut Ui, text: &str) {
    ui.horizontal(|ui| {
        ui.spinner();
        ui.label(text);
    });
}

/// Nothing is lost: the files stay until the user moves them aside.
fn refused_ui(ui: &mut Ui, error: &str, commands: &mut Vec<Command>) {
    ui.label(RichText::new("This image's mask cannot be used").strong().color(ui.visuals().error_fg_color));
    ui.label(crate::app::notice::capitalised(error));
    let help = "Moves its files into the folder «removed» beside them";
    if ui.button("Set aside and begin anew").on_hover_text(help).clicked() {
        commands.push(Command::Mask(MaskCommand::SetAside));
    }
    ui.add_space(6.0);
}

fn look_ui(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    let mut send = |command| commands.push(Command::Mask(command));
    let mut style = session.settings.mask_style;
    ui.horizontal(|ui| {
        let mut shown = session.settings.show_mask;
        if ui.checkbox(&mut shown, "Show mask").on_hover_text("Show or hide masks (M)").changed() {
            send(MaskCommand::Toggle);
        }
        ui.checkbox(&mut style.outline, "Outline").on_hover_text("A line around the object");
    });
    row(ui, "Colour", |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (name, colour) in MaskStyle::COLOURS {
            if swatch_ui(ui, name, colour, style.colour == colour) {
                style.colour = colour;
            }
        }
    });
    row(ui, "Fill", |ui| {
        ui.add(eframe::egui::Slider::new(&mut style.opacity, 0.0..=1.0)).accessible_name("Mask opacity")
    });
    if style != session.settings.mask_style {
        send(MaskCommand::Style(style));
    }
    ui.add_space(4.0);
    let place = match (&session.settings.mask_folder, session.image()) {
        (_, Some(image)) if !image.is_file() => "With the program's data: this photo is no file".to_owned(),
        (Some(folder), _) => folder.display().to_string(),
        (None, _) => format!("In «{}» beside the images", crate::image::list::MASK_FOLDER),
    };
    ui.label(RichText::new(format!("Masks are saved after every stroke. {place}.")).small().weak());
    ui.horizontal(|ui| {
        if ui.button("Mask folder…").on_hover_text("Keep masks of image files in another folder").clicked() {
            send(MaskCommand::AskFolder);
        }
        if session.settings.mask_folder.is_some() && ui.button("Beside the images").clicked() {
            send(MaskCommand::Folder(None));
        }
    });
}

/// A filled square to choose a colour by; whether it was clicked.
fn swatch_ui(ui: &mut Ui, name: &str, [r, g, b]: [u8; 3], chosen: bool) -> bool {
    use eframe::egui::{Color32, Role, Sense, Stroke, StrokeKind, WidgetInfo, vec2};
    let (rect, response) = ui.allocate_exact_size(vec2(22.0, 18.0), Sense::click());
    let label = format!("Mask colour: {name}");
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, &label));
    ui.painter().rect_filled(rect, 3.0, Color32::from_rgb(r, g, b));
    let visuals = ui.style().interact(&response);
    let stroke = if chosen { Stroke::new(2.0, ui.visuals().strong_text_color()) } else { visuals.bg_stroke };
    ui.painter().rect_stroke(rect, 3.0, stroke, StrokeKind::Outside);
    response.on_hover_text(name).clicked()
}
