//! The timeline below the canvas: how a run goes, its curves, pinned images under the weights of the moment, and a
//! slider through its checkpoints.

mod curves;
mod pinned;
mod weights;

use eframe::egui::{Align, Button, Layout, ProgressBar, RichText, Ui, vec2};

use crate::app::finetune::{FinetuneCommand, Phase, Run, Shows, spoken};
use crate::app::{Command, Session};
use crate::jobs::finetune::RunCommand;

/// Of the whole timeline, in points.
pub const HEIGHT: f32 = 250.0;
/// Of the sliders at the lower edge, with the space above.
const FOOTER: f32 = 36.0;
/// Of the pinned images beside the curves, at most.
const PINNED: f32 = 0.42;

pub fn show(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    // Else the panel would follow its contents, and creep up or down from frame to frame.
    ui.set_min_height(ui.available_height());
    let Some(run) = &session.finetune.run else { return nothing_ui(ui, commands) };
    header_ui(ui, run, commands);
    let height = (ui.available_height() - FOOTER).max(60.0);
    let width = ui.available_width();
    ui.allocate_ui_with_layout(vec2(width, height), Layout::left_to_right(Align::TOP), |ui| {
        let beside = pinned::width(session, height - 20.0).min(width * PINNED);
        let curves = width - beside - ui.spacing().item_spacing.x;
        ui.allocate_ui_with_layout(vec2(curves, height), Layout::top_down(Align::LEFT), |ui| {
            let marked = match run.shows {
                Shows::Blend { step, .. } => Some(step),
                Shows::Live => None,
            };
            if let Some(step) = curves::show(ui, &run.progress, marked) {
                commands.push(look(Shows::Blend { step, alpha: 1.0 }));
            }
        });
        ui.allocate_ui_with_layout(vec2(beside, height), Layout::top_down(Align::LEFT), |ui| {
            pinned::show(ui, session, commands);
        });
    });
    weights::show(ui, run, commands);
}

fn look(shows: Shows) -> Command {
    Command::Finetune(FinetuneCommand::Look(shows))
}

fn nothing_ui(ui: &mut Ui, commands: &mut Vec<Command>) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() / 3.0);
        ui.weak("No run is open. Start one in the panel «Finetune» (Ctrl+Enter), or go on with one of another day.");
        ui.add_space(4.0);
        if ui.button("Open run…").clicked() {
            commands.push(Command::Finetune(FinetuneCommand::Resume));
        }
    });
}

fn header_ui(ui: &mut Ui, run: &Run, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        let name = run.folder.as_ref().map_or_else(String::new, |folder| folder.display().to_string());
        ui.strong(run.name()).on_hover_text(name);
        ui.label(run.phase.title());
        let progress = &run.progress;
        let (done, total) = match run.phase {
            Phase::Validating { done, total } => (done, total),
            _ => (progress.step(), progress.total_steps),
        };
        let text = RichText::new(format!("{done} of {total}")).small();
        let share = done as f32 / total.max(1) as f32;
        ui.add(ProgressBar::new(share).desired_width(140.0).desired_height(16.0).text(text));
        ui.label(RichText::new(figures(run)).weak());
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.small_button("Hide").on_hover_text("Ctrl+T brings it back").clicked() {
                commands.push(Command::ToggleTimeline);
            }
            controls_ui(ui, run, commands);
        });
    });
}

/// Such as «epoch 2 · 3.1 photos/s · about 2 min left · 512 MB».
fn figures(run: &Run) -> String {
    let progress = &run.progress;
    let mut parts = Vec::new();
    if progress.step() > 0 {
        parts.push(format!("epoch {}", progress.epoch() + 1));
    }
    if let Some(speed) = progress.pictures_per_second() {
        parts.push(format!("{speed:.1} photos/s"));
    }
    if let Some(left) = progress.time_left().filter(|_| !run.phase.is_over()) {
        parts.push(format!("about {} left", spoken(left)));
    }
    if let Some(bytes) = run.memory_bytes {
        parts.push(format!("{} MB", bytes >> 20));
    }
    parts.join(" · ")
}

/// What can be told to the run now; from right to left.
pub fn controls_ui(ui: &mut Ui, run: &Run, commands: &mut Vec<Command>) {
    let mut tell = |command| commands.push(Command::Finetune(FinetuneCommand::Run(command)));
    if run.phase.is_over() {
        if ui.small_button("Close run").on_hover_text("Its folder stays").clicked() {
            commands.push(Command::Finetune(FinetuneCommand::Close));
        }
        return;
    }
    let can_stop = run.phase.is_at_work() || run.phase.waits();
    if ui.add_enabled(can_stop, Button::new("Stop").small()).on_hover_text("The run can be resumed later").clicked() {
        tell(RunCommand::Stop);
    }
    let can_undo =
        run.checkpoints.len() > 1 || run.checkpoints.first().is_some_and(|saved| saved.step < run.progress.step());
    let undo = ui.add_enabled(can_stop && can_undo, Button::new("Undo").small());
    if undo.on_hover_text("Back to the checkpoint before").clicked() {
        tell(RunCommand::Undo);
    }
    if run.phase.waits() {
        if ui.small_button("Go on").on_hover_text("Ctrl+Enter").clicked() {
            tell(RunCommand::GoOn);
        }
    } else if ui.add_enabled(run.phase.is_at_work(), Button::new("Pause").small()).clicked() {
        tell(RunCommand::Pause);
    }
}
