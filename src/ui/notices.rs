//! Messages above the lower edge that fade, and errors that wait to be read.

use eframe::egui::{Align, Align2, Area, Context, Frame, Id, Label, Layout, Margin, Order, Rect, Ui, pos2, vec2};

use crate::app::notice::Notice;
use crate::app::{Command, Session};

use super::theme;

const WIDTH: f32 = 380.0;
/// The coloured edge that tells a warning from a note.
const EDGE: f32 = 4.0;

pub fn show(ctx: &Context, session: &Session, commands: &mut Vec<Command>) {
    if session.notices.shown().is_empty() {
        return;
    }
    let area =
        Area::new(Id::unique("notices")).order(Order::Foreground).anchor(Align2::CENTER_BOTTOM, vec2(0.0, -58.0));
    area.show(ctx, |ui| {
        ui.set_width(WIDTH.min(ctx.content_rect().width() - 40.0));
        for notice in session.notices.shown() {
            notice_ui(ui, notice, commands);
        }
    });
}

fn notice_ui(ui: &mut Ui, notice: &Notice, commands: &mut Vec<Command>) {
    let margin = Margin { left: 14, right: 6, top: 6, bottom: 8 };
    let frame = Frame::popup(ui.style()).inner_margin(margin).show(ui, |ui| {
        ui.with_layout(Layout::right_to_left(Align::TOP), |ui| {
            if ui.small_button("×").accessible_name("Dismiss").clicked() {
                commands.push(Command::DismissNotice(notice.id));
            }
            let width = ui.available_width();
            ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::LEFT), |ui| {
                ui.set_width(width);
                ui.add(Label::new(&notice.text).wrap());
            });
        });
    });
    let rect = frame.response.rect;
    let edge = Rect::from_min_max(rect.min, pos2(rect.left() + EDGE, rect.bottom()));
    ui.painter().rect_filled(edge, 2.0, theme::level(ui.visuals(), notice.level));
}
