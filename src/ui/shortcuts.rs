//! Keys: what they do, and the overlay that lists them.

use eframe::egui::{Context, Grid, Id, Key, Modal, Modifiers, RichText, ScrollArea};

use crate::app::{Command, Session};

use super::actions::{self, GROUPS};

/// Turns the keys of this frame into commands, unless a text field has them.
pub fn pressed(ctx: &Context, session: &Session, commands: &mut Vec<Command>) {
    if ctx.text_edit_focused() || session.palette_open {
        return;
    }
    let mut actions = actions::all();
    // Those with more modifiers first: Ctrl+Shift+O is not Ctrl+O.
    actions.sort_by_key(|action| action.shortcut.is_none_or(|shortcut| !shortcut.modifiers.shift));
    for action in actions {
        let Some(shortcut) = action.shortcut else { continue };
        // A bare letter with a modifier is somebody else's shortcut.
        let bare = shortcut.modifiers == Modifiers::NONE;
        if bare && ctx.input(|input| input.modifiers.command || input.modifiers.alt) {
            continue;
        }
        // A focused slider or list moves with the arrows itself, and a focused button is pressed with Enter.
        let is_of_focus = matches!(shortcut.logical_key, Key::ArrowLeft | Key::ArrowRight | Key::Enter);
        if is_of_focus && ctx.memory(|memory| memory.focused().is_some()) {
            continue;
        }
        // Of several actions with one key, the one that is possible now.
        if actions::is_possible(&action, session) && ctx.input_mut(|input| input.consume_shortcut(&shortcut)) {
            commands.push(action.command);
        }
    }
    brush(ctx, session, commands);
}

fn brush(ctx: &Context, session: &Session, commands: &mut Vec<Command>) {
    let Some(photo) = session.main_view().and_then(|view| view.photo.as_ref()) else { return };
    let side = photo.size().width.min(photo.size().height) as f64;
    let now = session.canvas.brush_diameter(photo.size());
    for (key, factor) in [(Key::OpenBracket, 0.8), (Key::CloseBracket, 1.25)] {
        if ctx.input(|input| input.key_pressed(key)) {
            commands.push(Command::Brush((now * factor).clamp(1.0, side)));
        }
    }
}

/// The list of all shortcuts.
pub fn overlay(ctx: &Context, session: &Session, commands: &mut Vec<Command>) {
    if !session.shortcuts_open {
        return;
    }
    let modal = Modal::new(Id::unique("shortcuts")).show(ctx, |ui| {
        ui.set_width(560.0);
        ui.heading("Keyboard");
        ui.add_space(6.0);
        let height = (ctx.content_rect().height() - 160.0).max(200.0);
        ScrollArea::vertical().max_height(height).show(ui, |ui| {
            let actions = actions::all();
            ui.columns(2, |columns| {
                for (index, group) in GROUPS.into_iter().enumerate() {
                    // View and Mask are the longest: they share the right column.
                    let ui = &mut columns[usize::from(matches!(index, 2 | 4))];
                    ui.label(RichText::new(group).strong());
                    Grid::new(group).num_columns(2).min_col_width(96.0).spacing([16.0, 3.0]).show(ui, |ui| {
                        for action in actions.iter().filter(|action| action.group == group) {
                            let Some(shortcut) = &action.shortcut else { continue };
                            ui.monospace(actions::key_text(ctx, shortcut));
                            ui.label(action.title);
                            ui.end_row();
                        }
                    });
                    ui.add_space(8.0);
                }
            });
        });
        ui.weak("Wheel: zoom · drag or space: pan · double click: fit · [ and ] or Ctrl+wheel: brush size");
        ui.button("Close").clicked()
    });
    if modal.inner || modal.should_close() {
        commands.push(Command::ToggleShortcuts);
    }
}
