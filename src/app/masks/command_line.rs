//! The automatic mask, as the command line that finds it.

use crate::app::command_line::quoted;
use crate::app::session::Session;
use crate::jobs::mask::TokenCutOptions;
use crate::jobs::model::ModelSource;
use crate::mask::{BilateralOptions, MaskProfile};

use super::AutoMethod;

impl Session {
    /// For an image at `path`. Painting and clicks have no command line: their result is the mask's own file.
    pub(in crate::app) fn mask_command_line(&self, path: &str, model: &ModelSource) -> String {
        let mut words = vec!["vitrine".to_owned(), "mask".to_owned(), quoted(path)];
        let mut option = |name: &str, value: String| words.extend([name.to_owned(), quoted(&value)]);
        if let ModelSource::Named(name) = model {
            option("--model", name.clone());
        }
        let options = self.settings.auto_mask;
        match options.method {
            AutoMethod::TokenCut | AutoMethod::Click => tokencut(&options.tokencut, &mut option),
            AutoMethod::Relevance => {
                option("--method", "relevance".to_owned());
                option("--threshold", options.rule.to_string().replace("percentile ", ""));
                if let Some(class) = self.explain.target {
                    option("--target", class.to_string());
                }
            }
        }
        let folder = self.gallery.selected_item().map(|item| self.masks.places.folder(item));
        option("--out", folder.unwrap_or_default().display().to_string());
        if options.tokencut.refine.is_none() && options.method != AutoMethod::Relevance {
            words.push("--no-refine".to_owned());
        }
        words.join(" ")
    }
}

/// What differs from the usual.
fn tokencut(options: &TokenCutOptions, option: &mut impl FnMut(&str, String)) {
    let usual = TokenCutOptions::default();
    if let Some(tau) = options.tau {
        option("--tau", format!("{tau:.2}"));
    }
    if let Some(block) = options.block {
        option("--block", block.to_string());
    }
    if options.features != usual.features {
        option("--features", options.features.name().to_owned());
    }
    if let Some(size) = options.size {
        option("--size", size.to_string());
    }
    if let Some(enlarge) = options.enlarge {
        option("--enlarge", enlarge.to_string());
    }
    if options.eigenvector != usual.eigenvector {
        option("--eigenvector", (options.eigenvector + 2).to_string());
    }
    if let Some(bilateral) = options.refine {
        let usual = BilateralOptions::default();
        for (name, value, usual) in [
            ("--sigma-spatial", bilateral.sigma_spatial, usual.sigma_spatial),
            ("--sigma-luma", bilateral.sigma_luma, usual.sigma_luma),
            ("--sigma-chroma", bilateral.sigma_chroma, usual.sigma_chroma),
        ] {
            if value != usual {
                option(name, value.to_string());
            }
        }
    }
    if options.profile == MaskProfile::Paper {
        option("--profile", "paper".to_owned());
    }
}
