//! The panel on the right: one step of the work at a time, chosen by tabs.

mod classes;
mod evaluate;
mod explain;
mod finetune;
mod heads;
mod heat;
mod input;
mod mask;
mod method;
mod model;
mod prediction;
mod tools;

use eframe::egui::{Button, CollapsingHeader, RichText, ScrollArea, Ui, vec2};

use crate::app::{Command, Panel, Session};

use super::gallery::ThumbnailTextures;
use classes::ClassSearch;
use explain::ExplainPanel;
use mask::MaskPanel;

/// What only the panel itself remembers.
#[derive(Default)]
pub struct PanelUi {
    explain: ExplainPanel,
    mask: MaskPanel,
}

impl PanelUi {
    pub fn show(
        &mut self,
        ui: &mut Ui,
        session: &Session,
        thumbnails: &mut ThumbnailTextures,
        commands: &mut Vec<Command>,
    ) {
        tabs_ui(ui, session.settings.panel, commands);
        ScrollArea::vertical().id_salt(session.settings.panel.title()).auto_shrink([false, false]).show(ui, |ui| {
            // Room for the scroll bar, which otherwise lies over the ends of the controls.
            ui.set_max_width(ui.available_width() - 10.0);
            // Sliders take what label and number leave.
            ui.spacing_mut().slider_width = (ui.available_width() - LABEL - 72.0).clamp(60.0, 180.0);
            match session.settings.panel {
                Panel::Explain => self.explain.show(ui, session, commands),
                Panel::Mask => self.mask.show(ui, session, commands),
                Panel::Finetune => finetune::show(ui, session, commands),
                Panel::Evaluate => evaluate::show(ui, session, thumbnails, commands),
            }
        });
    }
}

/// The steps beside each other, all of one width.
fn tabs_ui(ui: &mut Ui, chosen: Panel, commands: &mut Vec<Command>) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let count = Panel::ALL.len() as f32;
        let width = (ui.available_width() - 4.0 * (count - 1.0)) / count;
        for panel in Panel::ALL {
            let tab = Button::selectable(panel == chosen, panel.title()).min_size(vec2(width, 24.0));
            if ui.add(tab).on_hover_text(panel.help()).accessible_name(panel.step()).clicked() {
                commands.push(Command::Panel(panel));
            }
        }
    });
    ui.separator();
}

/// A titled part that folds away.
fn section(ui: &mut Ui, title: &str, open: bool, contents: impl FnOnce(&mut Ui)) {
    CollapsingHeader::new(RichText::new(title).strong()).default_open(open).show_unindented(ui, |ui| {
        contents(ui);
        ui.add_space(6.0);
    });
}

/// Width of the labels before controls, in points.
const LABEL: f32 = 86.0;

/// A label of fixed width before a control, so that the controls stand below each other.
fn row<R>(ui: &mut Ui, label: &str, control: impl FnOnce(&mut Ui) -> R) -> R {
    ui.horizontal(|ui| {
        let height = ui.spacing().interact_size.y;
        ui.allocate_ui_with_layout(
            vec2(LABEL, height),
            eframe::egui::Layout::left_to_right(eframe::egui::Align::Center),
            |ui| {
                ui.set_min_width(LABEL);
                ui.label(label);
            },
        );
        control(ui)
    })
    .inner
}
