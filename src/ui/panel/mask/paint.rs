//! The tools and their numbers, undo and redo.

use eframe::egui::{Button, Grid, Slider, Ui, vec2};

use crate::app::canvas::Tool;
use crate::app::masks::{BrushEdge, Current, MaskTool};
use crate::app::{Command, MaskCommand, Session};
use crate::mask::Label;
use crate::ui::actions::shortcut_text;

use super::row;

pub fn show(ui: &mut Ui, session: &Session, current: &Current, commands: &mut Vec<Command>) {
    tools_ui(ui, session, commands);
    ui.add_space(2.0);
    labels_ui(ui, session, commands);
    numbers_ui(ui, session, current, commands);
    let history = current.history();
    let steps = [
        ("Undo", "Ctrl+Z", MaskCommand::Undo, history.can_undo()),
        ("Redo", "Ctrl+Y", MaskCommand::Redo, history.can_redo()),
    ];
    ui.horizontal(|ui| {
        for (title, help, command, possible) in steps {
            let button = ui.add_enabled(possible, Button::new(title));
            if button.on_hover_text(help).accessible_name(format!("{title} mask edit")).clicked() {
                commands.push(Command::Mask(command));
            }
        }
    });
}

/// Two columns, so that each name has room.
fn tools_ui(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    let width = (ui.available_width() - 4.0) / 2.0;
    let is_of = |command: &Command, of: Tool| matches!(command, Command::Tool(tool) if *tool == of);
    Grid::new("mask tools").num_columns(2).spacing([4.0, 3.0]).show(ui, |ui| {
        for (index, tool) in MaskTool::ALL.into_iter().enumerate() {
            let of = Tool::Mask(tool);
            let shortcut = shortcut_text(ui.ctx(), |command| is_of(command, of)).unwrap_or_default();
            let button = Button::selectable(session.canvas.tool == of, tool.title())
                .min_size(vec2(width, 24.0))
                .shortcut_text(shortcut);
            if ui.add(button).on_hover_text(tool.help()).accessible_name(tool.title()).clicked() {
                commands.push(Command::Tool(of));
            }
            if index % 2 == 1 {
                ui.end_row();
            }
        }
    });
}

pub const fn label_title(label: Label) -> &'static str {
    match label {
        Label::Background => "Background",
        Label::Foreground => "Object",
        Label::Ignore => "Ignore",
    }
}

fn labels_ui(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    row(ui, "Paints", |ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for (label, help) in [
            (Label::Foreground, "What the model should look at (Q changes)"),
            (Label::Background, "What it should not look at"),
            (Label::Ignore, "Neither: no loss and no metric counts it"),
        ] {
            let chosen = session.masks.label == label;
            if ui.selectable_label(chosen, label_title(label)).on_hover_text(help).clicked() {
                commands.push(Command::Mask(MaskCommand::Label(label)));
            }
        }
    });
}

fn numbers_ui(ui: &mut Ui, session: &Session, current: &Current, commands: &mut Vec<Command>) {
    let mut options = session.settings.paint;
    match session.canvas.tool {
        Tool::Mask(tool) if tool.is_round() => {
            let size = current.mask().size();
            let most = (size.width.min(size.height) as f64).max(1.0);
            let mut diameter = session.canvas.brush_diameter(size);
            row(ui, "Size", |ui| {
                let slider = Slider::new(&mut diameter, 1.0..=most).logarithmic(true).max_decimals(0).suffix(" px");
                if ui.add(slider).accessible_name("Brush size").on_hover_text("[ and ], or Ctrl+wheel").changed() {
                    commands.push(Command::Brush(diameter));
                }
            });
            row(ui, "Edge", |ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                for edge in BrushEdge::ALL {
                    ui.selectable_value(&mut options.edge, edge, edge.title()).on_hover_text(edge.help());
                }
            });
            if options.edge == BrushEdge::Aware {
                tolerance_ui(ui, "Edge tolerance", &mut options.edge_tolerance);
            }
        }
        Tool::Mask(MaskTool::Bucket) => tolerance_ui(ui, "Bucket tolerance", &mut options.bucket_tolerance),
        Tool::Mask(_) | Tool::Look | Tool::Occlude => {}
    }
    if options != session.settings.paint {
        commands.push(Command::Mask(MaskCommand::Options(options)));
    }
}

fn tolerance_ui(ui: &mut Ui, name: &str, tolerance: &mut u8) {
    let help = "By how much red, green and blue may differ, of 255";
    row(ui, "Tolerance", |ui| ui.add(Slider::new(tolerance, 0..=128)).accessible_name(name).on_hover_text(help));
}
