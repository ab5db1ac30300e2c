//! Which heads and blocks take part in the rule: a matrix of switches.

use eframe::egui::{Role, Sense, StrokeKind, Ui, WidgetInfo, vec2};

use crate::app::{Command, Session, Slot};
use crate::relevance::Method;
use crate::ui::theme;

pub fn show(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    let Some(model) = session.models.get(Slot::Main) else { return };
    if session.explain.method != Method::Gae {
        ui.weak("Muting works on the paper's rule (GAE).");
        return;
    }
    let (depth, heads) = (model.info.config.depth, model.info.config.heads);
    let muted = &session.explain.muted;
    ui.label("A muted head still computes the prediction; only its relevance is left out.");
    let cell = ((ui.available_width() - 44.0) / heads as f32 - 2.0).clamp(8.0, 18.0);
    for block in 0..depth {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            let block_muted = muted.blocks.contains(&block);
            let label = eframe::egui::Button::selectable(!block_muted, format!("{block:>2}")).small();
            let button = ui.add_sized([30.0, cell], label).accessible_name(format!("Block {block}"));
            if button.on_hover_text(format!("Mute block {block}")).clicked() {
                commands.push(Command::ToggleBlock(block));
            }
            for head in 0..heads {
                let on = !block_muted && !muted.heads.contains(&(block, head));
                if head_ui(ui, cell, block, head, on) {
                    commands.push(Command::ToggleHead { block, head });
                }
            }
        });
    }
    if *muted != crate::vit::Muted::default() && ui.button("Unmute all").clicked() {
        commands.push(Command::UnmuteAll);
    }
}

/// Whether it was clicked.
fn head_ui(ui: &mut Ui, side: f32, block: usize, head: usize, on: bool) -> bool {
    let (area, response) = ui.allocate_exact_size(vec2(side, side), Sense::click());
    let name = format!("Block {block}, head {head}");
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, &name));
    let painter = ui.painter();
    let accent = theme::accent(ui.visuals());
    if on {
        painter.rect_filled(area, 2.0, accent.gamma_multiply(0.7));
    } else {
        // An outline and a stroke: never colour alone.
        painter.line_segment([area.left_bottom(), area.right_top()], ui.visuals().widgets.inactive.fg_stroke);
    }
    let stroke = if response.hovered() || response.has_focus() {
        ui.visuals().widgets.hovered.fg_stroke
    } else {
        ui.visuals().widgets.noninteractive.bg_stroke
    };
    painter.rect_stroke(area, 2.0, stroke, StrokeKind::Inside);
    response.on_hover_text(name).clicked()
}
