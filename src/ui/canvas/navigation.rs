//! Pan and zoom, around the pointer.

use eframe::egui::{Key, PointerButton, Response, Ui};

use crate::app::Command;
use crate::app::canvas::Zoom;
use crate::size::Size;

use super::frame::ScreenFrame;

/// How far one notch of a wheel (about 50 points) zooms: e^(50/250) ≈ 1.22.
const POINTS_PER_E: f64 = 250.0;

/// Turns wheel, pinch, drags and double clicks into commands. `pans` says whether the primary button drags the photo;
/// the middle button and the space bar always do.
pub fn navigate(
    ui: &Ui,
    response: &Response,
    frame: &ScreenFrame,
    photo: Size,
    pans: bool,
    commands: &mut Vec<Command>,
) {
    let (width, height) = (photo.width as f64, photo.height as f64);
    let mut look = frame.look;
    if response.double_clicked() && pans {
        commands.push(Command::Zoom(Zoom::Fit));
        return;
    }
    let space = ui.input(|input| input.key_down(Key::Space));
    let drags =
        response.dragged_by(PointerButton::Middle) || response.dragged_by(PointerButton::Primary) && (pans || space);
    if drags {
        let delta = response.drag_delta() * ui.pixels_per_point();
        look = look.panned(f64::from(delta.x), f64::from(delta.y)).kept_on(width, height);
    }
    if let Some(pointer) = response.hover_pos() {
        let (wheel, pinch) =
            ui.input(|input| (f64::from(input.smooth_scroll_delta().y), f64::from(input.zoom_delta())));
        let factor = pinch * (wheel / POINTS_PER_E).exp();
        if factor != 1.0 {
            look = look.zoomed(factor, frame.image_from_ui(pointer)).kept_on(width, height);
        }
    }
    if look != frame.look {
        commands.push(Command::Zoom(Zoom::Look(look)));
    }
}

/// Whether the space bar turns any tool into a hand.
pub fn is_hand(ui: &Ui) -> bool {
    ui.input(|input| input.key_down(Key::Space) || input.pointer.middle_down())
}
