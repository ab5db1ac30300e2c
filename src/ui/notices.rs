//! Messages at the lower right that fade, and errors that wait to be read.

use eframe::egui::{Align, Align2, Area, Context, Frame, Id, Label, Layout, Order, RichText, vec2};

use crate::app::notice::Level;
use crate::app::{Command, Session};

use super::theme;

const WIDTH: f32 = 380.0;

pub fn show(ctx: &Context, session: &Session, commands: &mut Vec<Command>) {
    if session.notices.shown().is_empty() {
        return;
    }
    let area =
        Area::new(Id::unique("notices")).order(Order::Foreground).anchor(Align2::RIGHT_BOTTOM, vec2(-14.0, -56.0));
    area.show(ctx, |ui| {
        for notice in session.notices.shown() {
            Frame::popup(ui.style()).show(ui, |ui| {
                ui.set_width(WIDTH.min(ctx.content_rect().width() - 40.0));
                ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                    if ui.small_button("✖").accessible_name("Dismiss").clicked() {
                        commands.push(Command::DismissNotice(notice.id));
                    }
                    ui.with_layout(Layout::left_to_right(Align::Min).with_main_wrap(true), |ui| {
                        let mark = match notice.level {
                            Level::Info => "ℹ",
                            Level::Warning | Level::Error => "⚠",
                        };
                        let colour = theme::level(ui.visuals(), notice.level);
                        ui.label(RichText::new(mark).color(colour));
                        ui.add(Label::new(&notice.text).wrap());
                    });
                });
            });
        }
    });
}
