//! Everything that decides about a finetuning run: one struct for the command line, the run's manifest and the panel.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::method::{ClassTarget, LossMethod, MaskProfile};

/// A part of the loss that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Term {
    /// L_bg: relevance off the object.
    Background,
    /// L_fg: what the object lacks.
    Foreground,
    /// L_cls.
    Classification,
}

/// Where validation pictures come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ValidationClasses {
    /// Other pictures of the classes trained on.
    #[default]
    Same,
    /// Classes that no training picture shows, as in the paper.
    Other,
}

/// Numbers from here also name the flags of `vitrine finetune`; its defaults come from a [`super::Preset`].
///
/// `clap` reads it without defaults, over a preset: see [`Args::augment_args_for_update`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Args)]
#[serde(default, deny_unknown_fields)]
pub struct FinetuneConfig {
    /// What pulls the model onto the object.
    #[arg(long, value_enum)]
    pub method: LossMethod,
    /// GradMask and RRR as in the released research code, where the mask term trains nothing: true or false.
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set)]
    pub as_released: bool,
    /// Class of the classification term of the relevance method.
    #[arg(long, value_enum)]
    pub class_target: ClassTarget,
    /// How soft edges of masks count as background.
    #[arg(long, value_enum)]
    pub mask_profile: MaskProfile,
    /// Leave these terms of the loss out.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "TERM,…")]
    pub without: Vec<Term>,
    /// Weight of the mask terms.
    #[arg(long, value_name = "X")]
    pub lambda_seg: f32,
    /// Weight of the classification term.
    #[arg(long, value_name = "X")]
    pub lambda_cls: f32,
    /// Weight of the background term, within the mask terms.
    #[arg(long, value_name = "X")]
    pub lambda_bg: f32,
    /// Weight of the foreground term, within the mask terms.
    #[arg(long, value_name = "X")]
    pub lambda_fg: f32,
    /// Temperature T of the classification term: cross entropy of the logits over T.
    #[arg(long, value_name = "T")]
    pub temperature: f32,

    /// Learning rate of the first epoch.
    #[arg(long)]
    pub lr: f32,
    /// Factor on the learning rate every `--lr-decay-epochs`.
    #[arg(long, value_name = "X")]
    pub lr_decay: f32,
    /// Epochs between two decays of the learning rate.
    #[arg(long, value_name = "N")]
    pub lr_decay_epochs: usize,
    /// AdamW's weight decay, on every parameter.
    #[arg(long, value_name = "X")]
    pub weight_decay: f32,
    /// Scale gradients whose norm over all parameters is larger down to this norm; 0: never.
    #[arg(long, value_name = "NORM")]
    pub clip: f32,
    /// Train the last N blocks, the final norm and the head only; 0: everything.
    #[arg(long, value_name = "N")]
    pub last_blocks: usize,

    /// Passes over the training pictures.
    #[arg(long)]
    pub epochs: usize,
    /// Stop after this many steps of the optimiser, whatever the epoch; 0: no limit.
    #[arg(long)]
    pub steps: usize,
    /// Pictures per pass through the model.
    #[arg(long)]
    pub batch_size: usize,
    /// Batches whose gradients make one step.
    #[arg(long, value_name = "N")]
    pub accumulation: usize,
    /// Decides which pictures are taken, their order, crops and flips.
    #[arg(long)]
    pub seed: u64,
    /// Random crop and flip of the training pictures: true or false.
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set)]
    pub augment: bool,
    /// Share of the training pictures whose object, cut out along the mask, is put on the background of another class's
    /// training picture: 0 to 1; not in the paper.
    #[arg(long, value_name = "SHARE")]
    pub swap_backgrounds: f32,

    /// Only these classes: indices, WordNet ids or names.
    #[arg(long, value_delimiter = ',', value_name = "CLASS,…")]
    pub classes: Vec<String>,
    /// Draw this many of the classes to train on; 0: all.
    #[arg(long, value_name = "N")]
    pub class_count: usize,
    /// Training pictures per class; 0: all that are left.
    #[arg(long, value_name = "N")]
    pub per_class: usize,
    /// Validation pictures with masks per class; a class keeps at least one for training.
    #[arg(long, value_name = "N")]
    pub validation_per_class: usize,
    /// Where validation pictures come from.
    #[arg(long, value_enum)]
    pub validation_classes: ValidationClasses,
    /// Pictures per class to watch the accuracy on; those without masks first.
    #[arg(long, value_name = "N")]
    pub hold_out_per_class: usize,

    /// Epochs between two validations, each of which leaves a checkpoint.
    #[arg(long, value_name = "N")]
    pub checkpoint_epochs: usize,
    /// Keep the best, the last and this many other checkpoints; 0: all.
    #[arg(long, value_name = "N")]
    pub keep_checkpoints: usize,
    /// Pause when something goes wrong (flat maps, collapsing confidence, falling accuracy): true or false.
    #[arg(long, value_name = "BOOL", action = clap::ArgAction::Set)]
    pub guards: bool,
    /// Fall of the hold-out accuracy, in percentage points, that pauses the run.
    #[arg(long, value_name = "POINTS")]
    pub accuracy_drop: f32,
}

impl Default for FinetuneConfig {
    /// The paper's values, with the learning rate and temperature of ViT-B.
    fn default() -> Self {
        Self {
            method: LossMethod::Relevance,
            as_released: false,
            class_target: ClassTarget::Predicted,
            mask_profile: MaskProfile::Complement,
            without: Vec::new(),
            lambda_seg: 0.8,
            lambda_cls: 0.2,
            lambda_bg: 2.0,
            lambda_fg: 0.3,
            temperature: 1.0,
            lr: 3e-6,
            lr_decay: 0.85,
            lr_decay_epochs: 2,
            weight_decay: 1e-4,
            clip: 0.0,
            last_blocks: 0,
            epochs: 50,
            steps: 0,
            batch_size: 8,
            accumulation: 1,
            seed: 0,
            augment: true,
            swap_backgrounds: 0.0,
            classes: Vec::new(),
            class_count: 0,
            per_class: 3,
            validation_per_class: 1,
            validation_classes: ValidationClasses::Same,
            hold_out_per_class: 0,
            checkpoint_epochs: 1,
            keep_checkpoints: 0,
            guards: true,
            accuracy_drop: 5.0,
        }
    }
}

/// A value that no run can work with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{field} {problem}; {cure}")]
pub struct ConfigError {
    /// The field, as the flag of the command line is spelled.
    pub field: &'static str,
    /// What is wrong with its value.
    pub problem: String,
    /// What to do about it.
    pub cure: &'static str,
}

impl FinetuneConfig {
    /// Whether a term takes part in the loss.
    pub fn has(&self, term: Term) -> bool {
        let is_mask_term = term != Term::Classification;
        let belongs = match self.method {
            LossMethod::Relevance => true,
            LossMethod::Gradmask | LossMethod::Rrr => term != Term::Foreground,
            LossMethod::CrossEntropy => !is_mask_term,
        };
        belongs && !self.without.contains(&term)
    }

    /// Whether the loss looks at masks.
    pub fn has_mask_term(&self) -> bool {
        self.has(Term::Background) || self.has(Term::Foreground)
    }

    /// Whether a training picture is of no use without a mask.
    pub fn needs_masks(&self) -> bool {
        self.has_mask_term() || self.swap_backgrounds > 0.0
    }

    /// lr0 · decay^⌊epoch / period⌋; epochs count from 0.
    pub fn lr_at(&self, epoch: usize) -> f32 {
        let decays = (epoch / self.lr_decay_epochs.max(1)).min(i32::MAX as usize);
        (f64::from(self.lr) * f64::from(self.lr_decay).powi(decays as i32)) as f32
    }

    /// Steps in an epoch over so many pictures; the last one may be smaller.
    pub fn steps_per_epoch(&self, pictures: usize) -> usize {
        pictures.div_ceil((self.batch_size * self.accumulation).max(1))
    }

    /// Steps of the whole run.
    pub fn total_steps(&self, pictures: usize) -> usize {
        let by_epochs = self.epochs.saturating_mul(self.steps_per_epoch(pictures));
        if self.steps > 0 { self.steps.min(by_epochs) } else { by_epochs }
    }

    /// # Errors
    /// The first value that no run can work with.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.validate_weights()?;
        let counts = [
            ("--epochs", self.epochs, "train for at least one epoch"),
            ("--batch-size", self.batch_size, "take at least one picture per batch"),
            ("--accumulation", self.accumulation, "1 steps after every batch"),
            ("--lr-decay-epochs", self.lr_decay_epochs, "2 is the paper's; --lr-decay 1 keeps the rate as it is"),
            ("--checkpoint-epochs", self.checkpoint_epochs, "1 validates after every epoch"),
        ];
        for (field, value, cure) in counts {
            if value == 0 {
                return Err(ConfigError { field, problem: "is 0".to_owned(), cure });
            }
        }
        if self.as_released && !matches!(self.method, LossMethod::Gradmask | LossMethod::Rrr) {
            let problem = "belongs to gradmask and rrr".to_owned();
            return Err(ConfigError { field: "--as-released", problem, cure: "leave it out, or choose --method" });
        }
        Ok(())
    }

    fn validate_weights(&self) -> Result<(), ConfigError> {
        let not_negative = "use a number that is 0 or more";
        let positive = "use a number above 0";
        let values = [
            ("--lambda-seg", self.lambda_seg, 0.0..=f32::MAX, not_negative),
            ("--lambda-cls", self.lambda_cls, 0.0..=f32::MAX, not_negative),
            ("--lambda-bg", self.lambda_bg, 0.0..=f32::MAX, not_negative),
            ("--lambda-fg", self.lambda_fg, 0.0..=f32::MAX, not_negative),
            ("--temperature", self.temperature, f32::MIN_POSITIVE..=f32::MAX, positive),
            ("--lr", self.lr, f32::MIN_POSITIVE..=1.0, "finetuning takes small steps: 1e-6 to 1e-4, at most 1"),
            ("--lr-decay", self.lr_decay, f32::MIN_POSITIVE..=1.0, "use a factor above 0 and at most 1"),
            ("--weight-decay", self.weight_decay, 0.0..=1.0, "use a number from 0 to 1"),
            ("--clip", self.clip, 0.0..=f32::MAX, not_negative),
            ("--swap-backgrounds", self.swap_backgrounds, 0.0..=1.0, "use a share from 0 to 1"),
            ("--accuracy-drop", self.accuracy_drop, 0.0..=100.0, "use percentage points from 0 to 100"),
        ];
        for (field, value, range, cure) in values {
            if !range.contains(&value) {
                return Err(ConfigError { field, problem: format!("is {value}"), cure });
            }
        }
        let seg = self.lambda_seg > 0.0
            && (self.has(Term::Background) && self.lambda_bg > 0.0
                || self.has(Term::Foreground) && self.lambda_fg > 0.0);
        let cls = self.has(Term::Classification) && self.lambda_cls > 0.0;
        if !seg && !cls {
            let problem = "leaves no term of the loss".to_owned();
            return Err(ConfigError { field: "--without", problem, cure: "keep one with a weight above 0" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    #[test]
    fn the_learning_rate_falls_by_a_factor_every_second_epoch() {
        let config = FinetuneConfig { lr: 1.0, ..FinetuneConfig::default() };
        let rates: Vec<f32> = (0..6).map(|epoch| config.lr_at(epoch)).collect();
        // 0.85⁰, 0.85¹, 0.85²
        assert_eq!(rates, [1.0, 1.0, 0.85, 0.85, 0.7225, 0.7225]);
    }

    #[test]
    fn flags_change_what_they_name_and_nothing_else() {
        let command = FinetuneConfig::augment_args_for_update(Command::new("x"));
        let words = ["x", "--lr", "1e-4", "--without", "foreground,classification", "--augment", "false"];
        let matches = command.try_get_matches_from(words).unwrap();
        let mut config = FinetuneConfig { seed: 7, ..FinetuneConfig::default() };
        config.update_from_arg_matches(&matches).unwrap();
        let without = vec![Term::Foreground, Term::Classification];
        assert_eq!(config, FinetuneConfig { lr: 1e-4, without, augment: false, seed: 7, ..FinetuneConfig::default() });
        let command = FinetuneConfig::augment_args_for_update(Command::new("x"));
        assert!(command.try_get_matches_from(["x", "--lr", "fast"]).is_err());
    }

    #[test]
    fn a_manifest_may_leave_fields_out_but_not_misspell_them() {
        let read = |text| serde_json::from_str::<FinetuneConfig>(text);
        assert_eq!(read(r#"{"lr": 1e-4}"#).unwrap(), FinetuneConfig { lr: 1e-4, ..FinetuneConfig::default() });
        let error = read(r#"{"learning_rate": 1e-4}"#).unwrap_err().to_string();
        assert!(error.contains("learning_rate"), "{error}");
        let whole = FinetuneConfig { without: vec![Term::Background], ..FinetuneConfig::default() };
        assert_eq!(read(&serde_json::to_string(&whole).unwrap()).unwrap(), whole);
    }

    #[test]
    fn values_that_cannot_work_are_refused_by_name() {
        let refused = |config: FinetuneConfig| config.validate().unwrap_err().field;
        let good = FinetuneConfig::default;
        good().validate().unwrap();
        assert_eq!(refused(FinetuneConfig { lr: f32::NAN, ..good() }), "--lr");
        assert_eq!(refused(FinetuneConfig { lr: -1e-5, ..good() }), "--lr");
        assert_eq!(refused(FinetuneConfig { temperature: 0.0, ..good() }), "--temperature");
        assert_eq!(refused(FinetuneConfig { swap_backgrounds: 1.5, ..good() }), "--swap-backgrounds");
        assert_eq!(refused(FinetuneConfig { batch_size: 0, ..good() }), "--batch-size");
        assert_eq!(refused(FinetuneConfig { as_released: true, ..good() }), "--as-released");
        let all = vec![Term::Background, Term::Foreground, Term::Classification];
        assert_eq!(refused(FinetuneConfig { without: all, ..good() }), "--without");
        let unweighted = FinetuneConfig { lambda_cls: 0.0, method: LossMethod::CrossEntropy, ..good() };
        assert_eq!(refused(unweighted), "--without");
    }

    #[test]
    fn the_control_looks_at_no_mask() {
        let with = |method| FinetuneConfig { method, ..FinetuneConfig::default() };
        assert!(!with(LossMethod::CrossEntropy).needs_masks());
        assert!(with(LossMethod::Gradmask).needs_masks() && !with(LossMethod::Gradmask).has(Term::Foreground));
        let swapping = FinetuneConfig { swap_backgrounds: 0.1, ..with(LossMethod::CrossEntropy) };
        assert!(swapping.needs_masks() && !swapping.has_mask_term(), "objects are cut out along masks");
    }

    #[test]
    fn steps_follow_from_epochs_unless_they_are_limited() {
        let config = FinetuneConfig { epochs: 3, batch_size: 4, accumulation: 2, ..FinetuneConfig::default() };
        assert_eq!((config.steps_per_epoch(17), config.total_steps(17)), (3, 9));
        assert_eq!(FinetuneConfig { steps: 5, ..config }.total_steps(17), 5);
    }
}
