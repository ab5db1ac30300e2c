//! What computes and what draws.

use eframe::egui::{CursorIcon, Label, Popup, RichText, Sense, Ui};
use eframe::egui_wgpu::RenderState;
use eframe::wgpu::DeviceType;

use crate::app::{Command, Session, Slot};
use crate::jobs::devices;

/// What draws, found out once.
pub struct Status {
    /// For example «llvmpipe (Vulkan)».
    draws_with: Option<String>,
    is_software: bool,
}

impl Status {
    pub fn new(render_state: Option<&RenderState>) -> Self {
        let info = render_state.map(|state| state.adapter.get_info());
        Self {
            is_software: info.as_ref().is_some_and(|info| info.device_type == DeviceType::Cpu),
            draws_with: info.map(|info| format!("{} ({})", short(&info.name), info.backend)),
        }
    }

    /// Said once at the start; a missing graphics card is not hidden.
    pub fn warning(&self) -> Option<String> {
        self.is_software.then(|| {
            let device = self.draws_with.as_deref().unwrap_or_default();
            format!(
                "No graphics card was found: {device} draws in software. Everything works, large windows more slowly."
            )
        })
    }

    /// A click offers the devices.
    pub fn show(&self, ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
        let computes =
            session.models.get(Slot::Main).map_or("no model".to_owned(), |model| model.info.device.to_string());
        let draws = self.draws_with.as_deref().unwrap_or("nothing");
        let text = format!("{computes} · {draws}");
        let label = Label::new(RichText::new(text).small().weak()).truncate().sense(Sense::click());
        let response = ui.add(label).on_hover_cursor(CursorIcon::PointingHand);
        let response =
            response.on_hover_text(format!("Computes: {computes}\nDraws: {draws}\nClick to compute elsewhere"));
        Popup::menu(&response).show(|ui| devices_ui(ui, session, commands));
    }
}

fn devices_ui(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    ui.set_min_width(240.0);
    ui.label(RichText::new("Compute on").small().weak());
    for choice in devices::choices() {
        let is_chosen = session.settings.device == choice.device;
        if ui.selectable_label(is_chosen, choice.title).on_hover_text(choice.help).clicked() && !is_chosen {
            commands.push(Command::Device(choice.device));
            ui.close();
        }
    }
}

/// Without what drivers add in brackets.
fn short(name: &str) -> &str {
    name.split(" (").next().unwrap_or(name)
}
