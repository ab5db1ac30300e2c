//! Which weights the views of the tuned model show: a slider through the checkpoints, and one between before and after.

use eframe::egui::{Button, Slider, Ui};

use crate::app::Command;
use crate::app::finetune::{FinetuneCommand, Run, Shows};
use crate::jobs::finetune::RunCommand;

use super::look;

pub fn show(ui: &mut Ui, run: &Run, commands: &mut Vec<Command>) {
    ui.horizontal(|ui| {
        let live = run.shows == Shows::Live;
        let help = "Views show the weights at work, as they change";
        if ui.add(Button::selectable(live, "Live")).on_hover_text(help).accessible_name("Live weights").clicked() {
            commands.push(look(Shows::Live));
        }
        if run.checkpoints.is_empty() {
            ui.weak("Checkpoints come with the validations.");
            return;
        }
        let (step, alpha) = match run.shows {
            Shows::Blend { step, alpha } => (step, alpha),
            Shows::Live => (run.checkpoints.last().map_or(0, |saved| saved.step), 1.0),
        };
        checkpoint_ui(ui, run, step, alpha, commands);
        ui.separator();
        alpha_ui(ui, step, alpha, commands);
        ui.separator();
        let shown = !live;
        let branch = ui.add_enabled(shown && run.folder.is_some() && run.phase.is_over(), Button::new("Branch"));
        if branch.on_hover_text("A new run from this checkpoint, with the settings of the panel").clicked() {
            commands.push(Command::Finetune(FinetuneCommand::Branch { step }));
        }
        let can_roll_back = shown && step < run.progress.step() && (run.phase.waits() || run.phase.is_at_work());
        let back = ui.add_enabled(can_roll_back, Button::new("Roll back"));
        if back.on_hover_text("The run goes on from this checkpoint; what came later is set aside").clicked() {
            commands.push(Command::Finetune(FinetuneCommand::Run(RunCommand::RollBack(step))));
            commands.push(look(Shows::Live));
        }
    });
}

fn checkpoint_ui(ui: &mut Ui, run: &Run, step: usize, alpha: f32, commands: &mut Vec<Command>) {
    let steps: Vec<usize> = run.checkpoints.iter().map(|saved| saved.step).collect();
    let last = steps.len() - 1;
    let mut index = steps.iter().position(|known| *known == step).unwrap_or(last);
    let best = run.best;
    let name = |index: usize| {
        let step = steps.get(index).copied().unwrap_or_default();
        match (step, Some(step) == best) {
            (0, _) => "before the run".to_owned(),
            (_, true) => format!("step {step}, best"),
            (_, false) => format!("step {step}"),
        }
    };
    ui.label("Checkpoint");
    ui.spacing_mut().slider_width = (ui.available_width() * 0.3).clamp(80.0, 260.0);
    let slider = Slider::new(&mut index, 0..=last).custom_formatter(|value, _| name(value as usize));
    let response = ui.add(slider).on_hover_text("Scrub through the checkpoints").accessible_name("Checkpoint");
    if response.changed() {
        commands.push(look(Shows::Blend { step: steps[index], alpha }));
    }
}

fn alpha_ui(ui: &mut Ui, step: usize, mut alpha: f32, commands: &mut Vec<Command>) {
    ui.label("before");
    ui.spacing_mut().slider_width = (ui.available_width() * 0.3).clamp(60.0, 160.0);
    let slider = Slider::new(&mut alpha, 0.0..=1.0).fixed_decimals(2);
    let help = "Weights between before (0) and the checkpoint (1): θ = (1 − α)·θ₀ + α·θ₁";
    if ui.add(slider).on_hover_text(help).accessible_name("Weight").changed() {
        commands.push(look(Shows::Blend { step, alpha }));
    }
    ui.label("after");
}
