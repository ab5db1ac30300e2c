//! What is done to the mask as a whole.

use eframe::egui::{DragValue, Ui};

use crate::app::{Command, MaskCommand, Session};
use crate::mask::Operation;

use super::row;

pub fn show(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    let mut options = session.settings.paint;
    row(ui, "Reach", |ui| {
        let value = DragValue::new(&mut options.reach).range(1..=200).suffix(" px");
        ui.add(value).accessible_name("Reach").on_hover_text("How far growing, shrinking and smoothing go");
    });
    if options != session.settings.paint {
        commands.push(Command::Mask(MaskCommand::Options(options)));
    }
    let reach = options.reach;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (title, help, operation) in [
            ("Grow", "The object gains this much all around", Operation::Grow(reach)),
            ("Shrink", "The object loses this much all around", Operation::Shrink(reach)),
            ("Smooth", "Each pixel joins the majority around it", Operation::Smooth(reach)),
            ("Fill holes", "What the object encloses joins it", Operation::FillHoles { largest: None }),
            ("Keep largest", "Only the largest part of the object stays", Operation::KeepLargest),
            ("Invert", "Object and background change places", Operation::Invert),
            ("Clear", "All background", Operation::CLEAR),
        ] {
            if ui.button(title).on_hover_text(help).clicked() {
                commands.push(Command::Mask(MaskCommand::Apply(operation)));
            }
        }
        let help = "The mask of the image before this one in the list, stretched if that has another size";
        if ui.button("Copy from previous").on_hover_text(help).clicked() {
            commands.push(Command::Mask(MaskCommand::CopyPrevious));
        }
    });
}
