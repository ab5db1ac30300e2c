//! How the open run goes, and what it found before its first step.

use eframe::egui::{Grid, RichText, Ui};

use crate::app::Command;
use crate::app::finetune::{FinetuneCommand, Phase, Run, Shows};
use crate::app::notice::capitalised;
use crate::finetune::run::GuardReport;
use crate::finetune::{PreflightReport, Term};
use crate::jobs::finetune::RunCommand;
use crate::ui::timeline::controls_ui;

pub fn show(ui: &mut Ui, run: &Run, commands: &mut Vec<Command>) {
    let [train, validation, hold_out] = run.photos;
    ui.label(format!("{}: step {} of {}", run.phase.title(), run.progress.step(), run.progress.total_steps));
    if train > 0 {
        ui.label(
            RichText::new(format!("{train} photos to learn from, {validation} to validate, {hold_out} to watch"))
                .small()
                .weak(),
        );
    }
    match &run.phase {
        Phase::Failed(error) => {
            ui.label(RichText::new(capitalised(error)).color(ui.visuals().error_fg_color));
        }
        Phase::Alarmed(report) => alarm_ui(ui, report, commands),
        _ => {}
    }
    ui.horizontal(|ui| controls_ui(ui, run, commands));
    if let Some(report) = &run.preflight {
        preflight_ui(ui, report);
    }
}

/// What a guard saw, and the offer to go back.
fn alarm_ui(ui: &mut Ui, report: &GuardReport, commands: &mut Vec<Command>) {
    ui.label(RichText::new(capitalised(&report.message)).color(ui.visuals().warn_fg_color));
    ui.horizontal(|ui| {
        let step = report.roll_back_to;
        let title = if step == 0 { "Back to before the run".to_owned() } else { format!("Back to step {step}") };
        if ui.button(title).accessible_name("Roll back to the best").clicked() {
            commands.push(Command::Finetune(FinetuneCommand::Run(RunCommand::RollBack(step))));
            commands.push(Command::Finetune(FinetuneCommand::Look(Shows::Live)));
        }
        if ui.button("Go on anyway").clicked() {
            commands.push(Command::Finetune(FinetuneCommand::Run(RunCommand::GoOn)));
        }
    });
}

fn preflight_ui(ui: &mut Ui, report: &PreflightReport) {
    ui.add_space(4.0);
    ui.label(
        RichText::new(format!("Before the first step, on {} photos ({} right)", report.pictures, report.right)).small(),
    );
    Grid::new("preflight").num_columns(3).spacing([14.0, 2.0]).show(ui, |ui| {
        for title in ["term", "loss", "gradient"] {
            ui.weak(title);
        }
        ui.end_row();
        for term in &report.terms {
            ui.label(match term.term {
                Term::Background => "background",
                Term::Foreground => "foreground",
                Term::Classification => "class",
            });
            ui.monospace(format!("{:.4}", term.loss));
            ui.monospace(format!("{:.2e}", term.gradient_norm));
            ui.end_row();
        }
    });
    for warning in &report.warnings {
        ui.label(RichText::new(capitalised(warning)).small().color(ui.visuals().warn_fg_color));
    }
}
