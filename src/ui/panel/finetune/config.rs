//! Every hyperparameter of a run, in groups.

use eframe::egui::{Checkbox, ComboBox, DragValue, RichText, TextEdit, Ui};

use crate::finetune::{ClassTarget, FinetuneConfig, LossMethod, MaskProfile, Term, ValidationClasses};

use super::super::{row, section};

/// Draws the groups; what is changed is changed in `config`.
pub fn show(ui: &mut Ui, config: &mut FinetuneConfig) {
    section(ui, "Loss", true, |ui| loss_ui(ui, config));
    section(ui, "Optimiser", false, |ui| optimiser_ui(ui, config));
    section(ui, "Length", true, |ui| length_ui(ui, config));
    section(ui, "Photos", false, |ui| photos_ui(ui, config));
    section(ui, "Checkpoints and guards", false, |ui| checkpoints_ui(ui, config));
}

fn loss_ui(ui: &mut Ui, config: &mut FinetuneConfig) {
    let methods = [
        (LossMethod::Relevance, "relevance", "The paper's: relevance on the object, nowhere else"),
        (LossMethod::Gradmask, "GradMask", "The baseline that masks the input gradient"),
        (LossMethod::Rrr, "RRR", "The baseline «right for the right reasons»"),
        (LossMethod::CrossEntropy, "labels only", "The control: the label's cross entropy, no masks"),
    ];
    row(ui, "Method", |ui| choice(ui, "Loss method", &mut config.method, &methods));
    let is_baseline = matches!(config.method, LossMethod::Gradmask | LossMethod::Rrr);
    if is_baseline {
        let help = "As in the released research code, where the mask term trains nothing";
        ui.checkbox(&mut config.as_released, "As released").on_hover_text(help);
    } else {
        config.as_released = false;
    }
    if config.method == LossMethod::Relevance {
        let targets = [
            (ClassTarget::Predicted, "own answer", "The model's own current answer: confidence, without a label"),
            (ClassTarget::GroundTruth, "label", "The true class"),
        ];
        row(ui, "Class", |ui| choice(ui, "Class of the classification term", &mut config.class_target, &targets));
        let profiles = [
            (MaskProfile::Complement, "complement", "Soft edges count as background in part"),
            (MaskProfile::Paper, "paper", "As in the released research code"),
        ];
        row(ui, "Mask edges", |ui| choice(ui, "Soft edges of masks", &mut config.mask_profile, &profiles));
    }
    if config.method != LossMethod::CrossEntropy {
        number(ui, "λ masks", "Weight of the mask terms", &mut config.lambda_seg);
        term(ui, config, Term::Background, "λ background", "Relevance off the object");
        if config.method == LossMethod::Relevance {
            term(ui, config, Term::Foreground, "λ foreground", "What of the object has no relevance");
        }
    }
    term(ui, config, Term::Classification, "λ class", "Keeps the answer");
    number(
        ui,
        "Temperature",
        "Of the classification term: cross entropy of the logits over T",
        &mut config.temperature,
    );
}

/// A term that can be left out, and its weight.
fn term(ui: &mut Ui, config: &mut FinetuneConfig, term: Term, label: &str, help: &str) {
    row(ui, label, |ui| {
        let mut is_in = !config.without.contains(&term);
        if ui
            .add(Checkbox::without_text(&mut is_in))
            .on_hover_text(help)
            .accessible_name(format!("Use {label}"))
            .changed()
        {
            config.without.retain(|left_out| *left_out != term);
            if !is_in {
                config.without.push(term);
            }
        }
        let value = match term {
            Term::Background => &mut config.lambda_bg,
            Term::Foreground => &mut config.lambda_fg,
            Term::Classification => &mut config.lambda_cls,
        };
        ui.add_enabled(is_in, DragValue::new(value).range(0.0..=1e6).speed(0.01))
            .on_hover_text(help)
            .accessible_name(label);
    });
}

fn optimiser_ui(ui: &mut Ui, config: &mut FinetuneConfig) {
    scientific(ui, "Learning rate", "Of the first epoch; finetuning takes small steps: 1e-6 to 1e-4", &mut config.lr);
    number(ui, "Decay", "Factor on the learning rate", &mut config.lr_decay);
    count(ui, "… every", "Epochs between two decays", &mut config.lr_decay_epochs, 1, 1000);
    scientific(ui, "Weight decay", "AdamW's, on every parameter", &mut config.weight_decay);
    number(ui, "Clip norm", "Gradients of a larger norm are scaled down to it; 0: never", &mut config.clip);
    let help = "Train the last blocks, the final norm and the head only; 0: everything";
    count(ui, "Last blocks", help, &mut config.last_blocks, 0, 100);
}

fn length_ui(ui: &mut Ui, config: &mut FinetuneConfig) {
    count(ui, "Epochs", "Passes over the training photos", &mut config.epochs, 1, 100_000);
    count(ui, "Steps", "Stop after so many steps, whatever the epoch; 0: no limit", &mut config.steps, 0, 10_000_000);
    count(ui, "Batch", "Photos per pass through the model", &mut config.batch_size, 1, 1024);
    count(ui, "Accumulate", "Batches whose gradients make one step", &mut config.accumulation, 1, 1024);
    row(ui, "Seed", |ui| {
        let value = DragValue::new(&mut config.seed).range(0..=u64::from(u32::MAX));
        ui.add(value).on_hover_text("Photos, their order, crops and flips").accessible_name("Run seed");
    });
    ui.checkbox(&mut config.augment, "Random crop and flip").on_hover_text("Of the training photos, with their masks");
    row(ui, "Swap", |ui| {
        let help =
            "Share of the training photos whose object is put on the background of another class's, along the masks";
        let value = DragValue::new(&mut config.swap_backgrounds)
            .range(0.0..=1.0)
            .speed(0.01)
            .custom_formatter(|share, _| format!("{:.0} %", 100.0 * share))
            .custom_parser(|text| Some(text.trim().trim_end_matches('%').trim_end().parse::<f64>().ok()? / 100.0));
        ui.add(value).on_hover_text(help).accessible_name("Swap backgrounds");
        ui.label("of the backgrounds").on_hover_text(help);
    });
}

fn photos_ui(ui: &mut Ui, config: &mut FinetuneConfig) {
    row(ui, "Classes", |ui| {
        let mut text = config.classes.join(", ");
        let edit = TextEdit::singleline(&mut text).hint_text("all").desired_width(ui.available_width());
        let help = "Only these classes: names, WordNet ids or numbers, with commas between them";
        if ui.add(edit).on_hover_text(help).accessible_name("Classes").changed() {
            // A comma at the end is one that the next name follows.
            config.classes = text.split(',').map(|name| name.trim_start().to_owned()).collect();
            if config.classes.iter().all(|name| name.trim().is_empty()) {
                config.classes.clear();
            }
        }
    });
    count(ui, "Class count", "Draw so many of the classes; 0: all", &mut config.class_count, 0, 100_000);
    count(ui, "Per class", "Training photos of each class; 0: all that are left", &mut config.per_class, 0, 100_000);
    let help = "Photos of each class to choose the best checkpoint by";
    count(ui, "Validation", help, &mut config.validation_per_class, 0, 100_000);
    let classes = [
        (ValidationClasses::Same, "same classes", "Other photos of the classes trained on"),
        (ValidationClasses::Other, "other classes", "Of classes that no training photo shows, as in the paper"),
    ];
    row(ui, "… from", |ui| choice(ui, "Validation classes", &mut config.validation_classes, &classes));
    let help = "Photos of each class to watch the accuracy on; they need no masks";
    count(ui, "Hold-out", help, &mut config.hold_out_per_class, 0, 100_000);
}

fn checkpoints_ui(ui: &mut Ui, config: &mut FinetuneConfig) {
    count(
        ui,
        "Every",
        "Epochs between two validations, each of which leaves a checkpoint",
        &mut config.checkpoint_epochs,
        1,
        10_000,
    );
    let help = "Keep the best, the last and so many others; 0: all";
    count(ui, "Keep", help, &mut config.keep_checkpoints, 0, 10_000);
    let help = "When the loss is no number, maps become flat, confidence collapses or accuracy falls";
    ui.checkbox(&mut config.guards, "Pause when something goes wrong").on_hover_text(help);
    if config.guards {
        number(
            ui,
            "Drop",
            "Percentage points of hold-out accuracy whose loss pauses the run",
            &mut config.accuracy_drop,
        );
    }
}

fn choice<T: Copy + PartialEq>(ui: &mut Ui, name: &str, value: &mut T, all: &[(T, &str, &str)]) {
    let current = all.iter().find(|(one, ..)| one == value).map_or("", |(_, title, _)| title);
    let picker = ComboBox::from_id_salt(name).selected_text(current).width(130.0);
    let response = picker.show_ui(ui, |ui| {
        for &(one, title, help) in all {
            ui.selectable_value(value, one, title).on_hover_text(help);
        }
    });
    response.response.accessible_name(name);
}

fn count(ui: &mut Ui, label: &str, help: &str, value: &mut usize, least: usize, most: usize) {
    row(ui, label, |ui| {
        ui.add(DragValue::new(value).range(least..=most)).on_hover_text(help).accessible_name(label);
    });
}

fn number(ui: &mut Ui, label: &str, help: &str, value: &mut f32) {
    row(ui, label, |ui| {
        ui.add(DragValue::new(value).range(0.0..=1e6).speed(0.01)).on_hover_text(help).accessible_name(label);
    });
}

/// A number of any size, changed by shares of itself and written with a power of ten.
fn scientific(ui: &mut Ui, label: &str, help: &str, value: &mut f32) {
    row(ui, label, |ui| {
        let speed = f64::from(*value).max(1e-9) * 0.02;
        let field = DragValue::new(value)
            .range(0.0..=1.0)
            .speed(speed)
            .custom_formatter(|value, _| written(value))
            .custom_parser(|text| text.trim().parse().ok());
        ui.add(field).on_hover_text(help).accessible_name(label);
    });
}

/// Three digits at most, such as `3e-6` or `1.25e-5`.
fn written(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = format!("{value:.2e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// Why no run can work with these values.
pub fn problem_ui(ui: &mut Ui, config: &FinetuneConfig) {
    if let Err(error) = config.validate() {
        ui.label(RichText::new(crate::app::notice::capitalised(&error.to_string())).color(ui.visuals().error_fg_color));
    }
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn small_numbers_are_written_as_people_write_them() {
        let values = [3e-6_f32, 1.25e-5, 1e-4, 0.55, 0.0].map(|value| written(f64::from(value)));
        assert_eq!(values, ["3e-6", "1.25e-5", "1e-4", "5.5e-1", "0"]);
    }
}
