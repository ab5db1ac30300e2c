//! How the answer is explained: method, first block, contrast, the patch asked for.

use eframe::egui::{ComboBox, DragValue, RichText, Slider, Ui};

use crate::app::settings::View;
use crate::app::views::{self};
use crate::app::{Command, Norms, Session, Slot};
use crate::relevance::{Method, MethodOptions, far_out};
use crate::vit::Score;

use super::{ClassSearch, row};

pub fn show(ui: &mut Ui, session: &Session, search: &mut ClassSearch, commands: &mut Vec<Command>) {
    let Some(model) = session.models.get(Slot::Main) else { return };
    let explain = &session.explain;
    row(ui, "Method", |ui| {
        let picker = ComboBox::from_id_salt("method")
            .selected_text(explain.method.title())
            .width(ui.available_width().min(170.0))
            .height(320.0);
        let response = picker.show_ui(ui, |ui| {
            for method in Method::ALL {
                let possible = !method.needs_head() || model.info.config.classes > 0;
                let chosen = explain.method == method;
                let entry = eframe::egui::Button::selectable(chosen, method.title());
                if ui.add_enabled(possible, entry).clicked() && !chosen {
                    commands.push(Command::Method(method));
                }
            }
        });
        response.response.accessible_name("Method");
    });
    if explain.method == Method::Gae {
        first_block_ui(ui, session, model.info.config.depth, commands);
    }
    options_ui(ui, &explain.options, explain.method, commands);
    if explain.method.needs_head() && model.info.config.classes > 1 {
        score_ui(ui, explain.score, explain.contrast.is_some(), commands);
        row(ui, "Rather than", |ui| {
            let name = explain.contrast.map(|class| model.info.classes.short_name(class).to_owned());
            let title = name.unwrap_or_else(|| "no other class".to_owned());
            if let Some(class) = search.show(ui, "Contrast class", &title, &model.info.classes) {
                commands.push(Command::Contrast(Some(class)));
            }
            if explain.contrast.is_some() && ui.small_button("×").accessible_name("Remove contrast").clicked() {
                commands.push(Command::Contrast(None));
            }
        });
    }
    if let Some(patch) = explain.patch {
        row(ui, "Row of", |ui| {
            ui.label(format!("patch {},{}", patch.row, patch.column));
            let back = ui.button("Back to the classifier").on_hover_text("Click the patch again, or here");
            if back.clicked() {
                commands.push(Command::Patch(None));
            }
        });
    }
    norms_ui(ui, session, commands);
    if session.settings.view == View::Grid {
        grid_ui(ui, session, commands);
    }
    seconds_ui(ui, session);
}

/// Which number of the class is explained; under a contrast there is no choice.
fn score_ui(ui: &mut Ui, score: Score, has_contrast: bool, commands: &mut Vec<Command>) {
    row(ui, "Explains", |ui| {
        for (one, help) in [
            (Score::Logit, "The raw logit: what speaks for the class, whatever the others get"),
            (Score::Probability, "The probability: what speaks for the class against all others"),
        ] {
            let shown = if has_contrast { Score::Logit } else { score };
            let button = eframe::egui::Button::selectable(shown == one, one.name());
            let response = ui.add_enabled(!has_contrast, button).on_hover_text(help);
            if response.on_disabled_hover_text("A contrast compares logits").clicked() && shown != one {
                commands.push(Command::Score(one));
            }
        }
    });
}

fn first_block_ui(ui: &mut Ui, session: &Session, depth: usize, commands: &mut Vec<Command>) {
    row(ui, "First block", |ui| {
        let mut block = session.explain.first_block;
        let slider = Slider::new(&mut block, 0..=depth.saturating_sub(1));
        let help = "Where the rule starts: later blocks alone are sharper, block 0 is the whole rule. No inference.";
        if ui.add(slider).accessible_name("First block").on_hover_text(help).changed() {
            commands.push(Command::FirstBlock(block));
        }
    });
}

/// The numbers that the chosen method reads.
fn options_ui(ui: &mut Ui, options: &MethodOptions, method: Method, commands: &mut Vec<Command>) {
    let mut changed = options.clone();
    let number = |ui: &mut Ui, label: &str, value: &mut usize, most: usize| {
        row(ui, label, |ui| ui.add(DragValue::new(value).range(1..=most)).accessible_name(label));
    };
    match method {
        Method::IntegratedGradients => number(ui, "Steps", &mut changed.steps, 512),
        Method::SmoothGrad => {
            number(ui, "Samples", &mut changed.samples, 512);
            row(ui, "Noise", |ui| ui.add(Slider::new(&mut changed.noise, 0.0..=0.5)).accessible_name("Noise"));
            seed_ui(ui, &mut changed.seed);
        }
        Method::Occlusion => {
            number(ui, "Window", &mut changed.window, 16);
            number(ui, "Stride", &mut changed.stride, changed.window);
            changed.stride = changed.stride.min(changed.window);
        }
        Method::Rise => {
            number(ui, "Masks", &mut changed.masks, 20_000);
            number(ui, "Cells", &mut changed.cells, 32);
            row(ui, "Visible", |ui| ui.add(Slider::new(&mut changed.visible, 0.05..=0.95)).accessible_name("Visible"));
            seed_ui(ui, &mut changed.seed);
        }
        Method::Gae
        | Method::Rollout
        | Method::RawAttention
        | Method::AttentionGradcam
        | Method::InputGradient
        | Method::GradientXInput => {}
    }
    if changed != *options {
        commands.push(Command::Options(Box::new(changed)));
    }
}

fn seed_ui(ui: &mut Ui, seed: &mut u64) {
    row(ui, "Seed", |ui| {
        let value = DragValue::new(seed).range(0..=u64::from(u32::MAX));
        ui.add(value).on_hover_text("The same seed gives the same map").accessible_name("Seed");
    });
}

fn norms_ui(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    let help = "Length of each output token: outliers hold no information of their place (N)";
    row(ui, "Token norms", |ui| {
        for norms in Norms::ALL {
            let chosen = session.explain.norms == norms;
            let button = eframe::egui::Button::selectable(chosen, norms.title());
            let name = format!("Token norms: {}", norms.title());
            if ui.add(button).on_hover_text(help).accessible_name(name).clicked() {
                commands.push(Command::Norms(norms));
            }
        }
    });
    let marked = session.main_view().and_then(|view| view.result.as_ref()?.token_norms.as_ref());
    if let Some(norms) = marked.filter(|_| session.explain.norms == Norms::Marked) {
        let text = match far_out(&norms.values).len() {
            0 => "no outliers on this image".to_owned(),
            1 => "1 outlier, marked by a ring".to_owned(),
            count => format!("{count} outliers, marked by rings"),
        };
        ui.label(RichText::new(text).small().weak());
    }
}

fn grid_ui(ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
    ui.label("Methods in the grid");
    ui.horizontal_wrapped(|ui| {
        for method in Method::ALL {
            let mut chosen = session.settings.grid_methods.contains(&method);
            let accessible = format!("Grid: {}", method.title());
            if ui.toggle_value(&mut chosen, method.title()).accessible_name(accessible).changed() {
                commands.push(Command::GridMethod(method, chosen));
            }
        }
    });
}

fn seconds_ui(ui: &mut Ui, session: &Session) {
    let Some(result) = session.view(views::MAIN).and_then(|view| view.result.as_ref()) else { return };
    let how = if result.from_cache { "from the recorded pass" } else { "computed" };
    ui.label(RichText::new(format!("{how} in {:.0} ms", result.seconds * 1000.0)).small().weak());
}
