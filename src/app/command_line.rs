//! What is shown, as the command line that does it.

use crate::jobs::model::{ModelSource, Profile};
use crate::relevance::{Method, MethodOptions};
use crate::vit::{Muted, Score};

use super::command::Slot;
use super::session::Session;
use super::settings::Panel;

impl Session {
    /// `None` without a model, an image, or a place where the image lies. Painted occlusion has no option on the
    /// command line.
    pub fn command_line(&self) -> Option<String> {
        let model = self.models.get(Slot::Main)?;
        let image = self.image()?;
        let explain = &self.explain;
        let path = if image.is_file() {
            image.path().to_string_lossy().into_owned()
        } else {
            // A photo of the demo lies where `vitrine demo --export demo` writes it; a pasted one lies nowhere.
            image.path().parent().filter(|folder| !folder.as_os_str().is_empty())?;
            format!("demo/photos/{}", image.path().display())
        };
        if self.settings.panel == Panel::Mask {
            return Some(self.mask_command_line(&path, &model.source));
        }
        let mut words = vec!["vitrine".to_owned(), "explain".to_owned(), quoted(&path)];
        let mut option = |name: &str, value: String| words.extend([name.to_owned(), quoted(&value)]);
        if let ModelSource::Named(name) = &model.source {
            option("--model", name.clone());
        }
        if explain.method != Method::default() {
            option("--method", explain.method.name().to_owned());
        }
        if let Some(class) = explain.target {
            option("--target", class.to_string());
        }
        if let Some(class) = explain.contrast {
            option("--contrast", class.to_string());
        }
        if explain.score == Score::Probability && explain.contrast.is_none() {
            option("--objective", explain.score.name().to_owned());
        }
        if explain.first_block > 0 && explain.method == Method::Gae {
            option("--first-block", explain.first_block.to_string());
        }
        if explain.muted != Muted::default() && explain.method == Method::Gae {
            option("--mute", explain.muted.to_string());
        }
        for (name, value) in numbers(explain.method, &explain.options) {
            option(name, value);
        }
        if let Some(patch) = explain.patch.filter(|_| explain.method.starts_at_token()) {
            option("--token", format!("{},{}", patch.row, patch.column));
        }
        if self.settings.profile == Profile::Paper {
            option("--profile", "paper".to_owned());
        }
        option("--out", "maps".to_owned());
        Some(words.join(" "))
    }
}

/// The numbers a method reads, where they are not the usual ones.
fn numbers(method: Method, options: &MethodOptions) -> Vec<(&'static str, String)> {
    let usual = MethodOptions::default();
    let mut found = Vec::new();
    let mut number = |name, value: f64, usual: f64| {
        if value != usual {
            found.push((name, value.to_string()));
        }
    };
    match method {
        Method::IntegratedGradients => number("--steps", options.steps as f64, usual.steps as f64),
        Method::SmoothGrad => {
            number("--samples", options.samples as f64, usual.samples as f64);
            number("--noise", rounded(options.noise), rounded(usual.noise));
            number("--seed", options.seed as f64, usual.seed as f64);
        }
        Method::Occlusion => {
            number("--window", options.window as f64, usual.window as f64);
            number("--stride", options.stride as f64, usual.stride as f64);
        }
        Method::Rise => {
            number("--masks", options.masks as f64, usual.masks as f64);
            number("--cells", options.cells as f64, usual.cells as f64);
            number("--visible", options.visible, usual.visible);
            number("--seed", options.seed as f64, usual.seed as f64);
        }
        Method::Gae
        | Method::Rollout
        | Method::RawAttention
        | Method::AttentionGradcam
        | Method::InputGradient
        | Method::GradientXInput => {}
    }
    found
}

/// As it is written: 0.15 and not 0.15000000596.
fn rounded(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// As a POSIX shell reads it back.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./,:=+@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_words_back() {
        assert_eq!(quoted("photos/a-1.jpg"), "photos/a-1.jpg");
        assert_eq!(quoted("my photo.jpg"), "'my photo.jpg'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn only_what_the_method_reads_and_is_not_usual_is_said() {
        let options = MethodOptions { steps: 8, noise: 0.2, window: 3, visible: 0.25, ..MethodOptions::default() };
        let said = |method| {
            numbers(method, &options).into_iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>()
        };
        assert_eq!(said(Method::IntegratedGradients), ["--steps 8"]);
        assert_eq!(said(Method::SmoothGrad), ["--noise 0.2"]);
        assert_eq!(said(Method::Occlusion), ["--window 3"]);
        assert_eq!(said(Method::Rise), ["--visible 0.25"]);
        assert!(said(Method::Gae).is_empty());
    }
}
