//! Files dragged onto the window.

use eframe::egui::{Align2, Color32, Context, FontId, Id, LayerId, Order};

use crate::app::Command;

/// What was let go this frame.
pub fn dropped(ctx: &Context) -> Option<Command> {
    let paths: Vec<_> = ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
    (!paths.is_empty()).then_some(Command::Open(paths))
}

/// Says what would happen while files hover.
pub fn hint(ctx: &Context) {
    let count = ctx.input(|input| input.raw.hovered_files.len());
    if count == 0 {
        return;
    }
    let painter = ctx.layer_painter(LayerId::new(Order::Foreground, Id::unique("drop hint")));
    let area = ctx.content_rect();
    painter.rect_filled(area, 0.0, Color32::from_black_alpha(170));
    let text = if count == 1 { "Drop to open" } else { "Drop to open all of them" };
    painter.text(area.center(), Align2::CENTER_CENTER, text, FontId::proportional(26.0), Color32::WHITE);
}
