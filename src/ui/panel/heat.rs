//! How heat is drawn. Everything here only rewrites a uniform: no inference, no upscaling.

use eframe::egui::{Button, ComboBox, DragValue, Slider, Ui};

use crate::app::{Command, Session};
use crate::render::{Blend, ColourMap, Interpolation, MAX_CONTOURS, RangeMode, Style};

use super::row;

pub fn show(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    let mut style = session.settings.style.clone();
    ui.horizontal(|ui| {
        let mut heat = session.settings.show_heat;
        if ui.checkbox(&mut heat, "Heat").on_hover_text("Show or hide the heat (H)").changed() {
            commands.push(Command::ToggleHeat);
        }
        let mut crop = session.settings.show_crop;
        let help = "Frame of what the model sees (C)";
        if ui.checkbox(&mut crop, "Frame").on_hover_text(help).changed() {
            commands.push(Command::ToggleCrop);
        }
        ui.checkbox(&mut style.dim_unseen, "Dim the rest").on_hover_text("Dim what the model does not see");
    });
    row(ui, "Colours", |ui| choice(ui, "Colours", &mut style.colours, &ColourMap::ALL, |map| map.name()));
    row(ui, "Between", |ui| {
        choice(ui, "Interpolation", &mut style.interpolation, &Interpolation::ALL, |kind| kind.title());
    });
    row(ui, "Blend", |ui| choice(ui, "Blend", &mut style.blend, &Blend::ALL, |blend| blend.title()));
    range_ui(ui, session, commands);
    row(ui, "Opacity", |ui| ui.add(Slider::new(&mut style.opacity, 0.0..=1.0)).accessible_name("Opacity"));
    row(ui, "Gamma", |ui| {
        ui.add(Slider::new(&mut style.gamma, 0.2..=5.0).logarithmic(true)).accessible_name("Gamma");
    });
    row(ui, "Threshold", |ui| ui.add(Slider::new(&mut style.threshold, 0.0..=0.99)).accessible_name("Threshold"));
    contours_ui(ui, &mut style);
    if style != session.settings.style {
        commands.push(Command::Style(Box::new(style)));
    }
    let is_changed = session.settings.style != Style::default() || session.settings.range != RangeMode::default();
    if is_changed && ui.button("Reset heat").clicked() {
        commands.push(Command::Style(Box::default()));
        commands.push(Command::Range(RangeMode::default()));
    }
}

fn choice<T: Copy + PartialEq>(ui: &mut Ui, label: &str, value: &mut T, all: &[T], title: impl Fn(T) -> &'static str) {
    let picker = ComboBox::from_id_salt(label).selected_text(title(*value)).width(130.0).height(260.0);
    let response = picker.show_ui(ui, |ui| {
        for &one in all {
            ui.selectable_value(value, one, title(one));
        }
    });
    response.response.accessible_name(label);
}

fn range_ui(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    let range = session.settings.range;
    row(ui, "Range", |ui| {
        let picker = ComboBox::from_id_salt("range").selected_text(range.title()).width(130.0);
        let response = picker.show_ui(ui, |ui| {
            for mode in RangeMode::ALL {
                let chosen = mode.title() == range.title();
                if ui.selectable_label(chosen, mode.title()).on_hover_text(help(mode)).clicked() && !chosen {
                    commands.push(if mode == RangeMode::Locked { Command::LockRange } else { Command::Range(mode) });
                }
            }
        });
        response.response.accessible_name("Range").on_hover_text(help(range));
    });
    if let RangeMode::Percentile { mut low, mut high } = range {
        let mut changed = row(ui, "Lower %", |ui| {
            ui.add(Slider::new(&mut low, 0.0..=49.0)).accessible_name("Lower percentile").changed()
        });
        changed |= row(ui, "Upper %", |ui| {
            ui.add(Slider::new(&mut high, 51.0..=100.0)).accessible_name("Upper percentile").changed()
        });
        if changed {
            commands.push(Command::Range(RangeMode::Percentile { low, high }));
        }
    }
}

const fn help(mode: RangeMode) -> &'static str {
    match mode {
        RangeMode::PerImage => "Each map's own minimum and maximum",
        RangeMode::Percentile { .. } => "Leave out the lowest and highest values",
        RangeMode::Shared => "One range for all maps on screen: equal colours are equal values",
        RangeMode::Locked => "The range now shown, kept for all images to come",
    }
}

/// Levels of new contours, in the order in which they are offered.
const LEVELS: [f32; MAX_CONTOURS] = [0.5, 0.75, 0.25, 0.9, 0.1, 0.6, 0.4, 0.8];

fn contours_ui(ui: &mut Ui, style: &mut Style) {
    row(ui, "Contours", |ui| {
        ui.spacing_mut().item_spacing.x = 3.0;
        ui.horizontal_wrapped(|ui| {
            for (number, level) in style.contours.iter_mut().enumerate() {
                let mut percent = *level * 100.0;
                let value = DragValue::new(&mut percent).range(1.0..=99.0).max_decimals(0).suffix(" %");
                let name = format!("Contour {}", number + 1);
                if ui.add(value).on_hover_text("Drag, or click and type").accessible_name(name).changed() {
                    *level = percent / 100.0;
                }
            }
            let unused = LEVELS.into_iter().find(|level| !style.contours.contains(level));
            let add = ui.add_enabled(style.contours.len() < MAX_CONTOURS, Button::new("+").small());
            if add.on_hover_text("One more line").accessible_name("Add contour").clicked() {
                style.contours.extend(unused);
            }
            let remove = ui.add_enabled(!style.contours.is_empty(), Button::new("−").small());
            if remove.on_hover_text("One line fewer").accessible_name("Remove contour").clicked() {
                style.contours.pop();
            }
        });
    });
}
