//! What is shown, as the command line that does it.

use crate::jobs::model::{ModelSource, Profile};
use crate::relevance::Method;

use super::command::Slot;
use super::session::Session;
use super::settings::Panel;

impl Session {
    /// `None` without a model, an image, or a place where the image lies. Muting, painted occlusion and the numbers of a method have no option on the
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
        if explain.first_block > 0 && explain.method == Method::Gae {
            option("--first-block", explain.first_block.to_string());
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
    use super::quoted;

    #[test]
    fn a_shell_reads_the_words_back() {
        assert_eq!(quoted("photos/a-1.jpg"), "photos/a-1.jpg");
        assert_eq!(quoted("my photo.jpg"), "'my photo.jpg'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
