//! The configuration beside the weights: Hugging Face's and timm's `config.json`, `preprocessor_config.json`.

use std::path::Path;

use serde_json::Value;

use super::error::Problem;
use super::family::{Family, Interpolation, Normalisation};
use super::plan::Plan;
use crate::size::Size;

/// What a configuration says; everything is optional.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ConfigFile {
    pub name: String,
    pub heads: Option<usize>,
    pub input: Option<Size>,
    pub norm_eps: Option<f32>,
    pub class_names: Option<Vec<String>>,
    pub normalisation: Option<Normalisation>,
    pub family: Option<Family>,
    dim: Option<usize>,
    depth: Option<usize>,
    activation: Option<String>,
}

impl ConfigFile {
    /// `STEM.config.json` or `config.json` in the folder of `weights`, with `preprocessor_config.json`.
    pub fn beside(weights: &Path) -> Result<Option<Self>, Problem> {
        let folder = weights.parent().unwrap_or(Path::new(""));
        let stem = weights.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for name in [format!("{stem}.config.json"), "config.json".to_owned()] {
            let Some(text) = read_if_there(&folder.join(&name))? else {
                continue;
            };
            let preprocessor = read_if_there(&folder.join("preprocessor_config.json"))?;
            return Self::parse(&name, &text, preprocessor.as_deref()).map(Some);
        }
        Ok(None)
    }

    pub fn parse(name: &str, text: &str, preprocessor: Option<&str>) -> Result<Self, Problem> {
        let json = parse_object(name, text)?;
        let arguments = &json["model_args"];
        let first = |keys: &[&str]| keys.iter().find_map(|key| json[*key].as_u64().or(arguments[*key].as_u64()));
        let size = |keys: &[&str]| first(keys).and_then(|n| usize::try_from(n).ok());
        let pretrained = &json["pretrained_cfg"];
        let mut config = Self {
            name: name.to_owned(),
            heads: size(&["num_attention_heads", "num_heads"]),
            dim: size(&["hidden_size", "embed_dim", "num_features"]),
            depth: size(&["num_hidden_layers", "depth"]),
            input: size_of(&json["image_size"])
                .or_else(|| size_of(&arguments["img_size"]))
                .or_else(|| size_of(&pretrained["input_size"]))
                .or_else(|| size_of(&json["input_size"])),
            norm_eps: json["layer_norm_eps"].as_f64().map(|eps| eps as f32),
            class_names: class_names(&json),
            normalisation: normalisation(pretrained).or_else(|| normalisation(&json)),
            family: Family::from_words(&words(&json)),
            activation: json["hidden_act"].as_str().map(str::to_owned),
        };
        if let (None, Some(text)) = (config.normalisation, preprocessor) {
            config.normalisation = preprocessing(&parse_object("preprocessor_config.json", text)?);
        }
        if config.normalisation.is_some_and(|normalisation| !is_usable(&normalisation)) {
            return Err(config_problem(name, "the mean must be finite and the std finite and above 0".into()));
        }
        Ok(config)
    }

    /// Whether it can describe these weights: a `config.json` may lie beside another model's file.
    pub fn describes(&self, plan: &Plan) -> bool {
        let dim = plan.shape("norm.weight").or(plan.shape("fc_norm.weight")).and_then(|shape| shape.first().copied());
        let last_block = self.depth.map(|depth| format!("blocks.{}.norm1.weight", depth.saturating_sub(1)));
        let next_block = self.depth.map(|depth| format!("blocks.{depth}.norm1.weight"));
        (self.dim.is_none() || self.dim == dim)
            && last_block.is_none_or(|name| plan.shape(&name).is_some())
            && next_block.is_none_or(|name| plan.shape(&name).is_none())
    }

    /// Refuses activations other than the exact GELU.
    pub fn check(&self) -> Result<(), Problem> {
        match self.activation.as_deref() {
            None | Some("gelu" | "gelu_python") => Ok(()),
            Some(other) => Err(Problem::Unsupported {
                feature: "an activation other than the erf GELU",
                evidence: format!("hidden_act, {other}"),
            }),
        }
    }
}

fn read_if_there(path: &Path) -> Result<Option<String>, Problem> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(config_problem(&path.display().to_string(), error.to_string())),
    }
}

fn parse_object(name: &str, text: &str) -> Result<Value, Problem> {
    let json: Value = serde_json::from_str(text).map_err(|error| config_problem(name, error.to_string()))?;
    if json.is_object() { Ok(json) } else { Err(config_problem(name, "not a JSON object".into())) }
}

fn config_problem(name: &str, reason: String) -> Problem {
    Problem::Config { name: name.to_owned(), reason }
}

fn words(json: &Value) -> String {
    let pretrained = &json["pretrained_cfg"];
    let places = [&json["architecture"], &json["model_type"], &json["_name_or_path"], &pretrained["tag"]];
    places.iter().filter_map(|place| place.as_str()).collect::<Vec<_>>().join(" ")
}

/// `224`, `[224, 224]` and timm's `[3, 224, 224]`.
fn size_of(value: &Value) -> Option<Size> {
    let side = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
    match value.as_array().map(Vec::as_slice) {
        Some([height, width]) | Some([_, height, width]) => Some(Size::new(side(height)?, side(width)?)),
        _ => side(value).map(Size::square),
    }
}

/// Hugging Face's `id2label` or timm's `label_names`.
fn class_names(json: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(labels) = json["id2label"].as_object() {
        return (0..labels.len()).map(|index| labels.get(&index.to_string()).and_then(text)).collect();
    }
    let labels = json["label_names"].as_array().or(json["pretrained_cfg"]["label_names"].as_array())?;
    labels.iter().map(text).collect()
}

/// timm's `mean`, `std`, `crop_pct` and `interpolation`.
fn normalisation(json: &Value) -> Option<Normalisation> {
    Some(Normalisation {
        mean: triple(&json["mean"])?,
        std: triple(&json["std"])?,
        crop_pct: json["crop_pct"].as_f64().map(|pct| pct as f32),
        interpolation: json["interpolation"].as_str().and_then(|name| match name {
            "nearest" => Some(Interpolation::Nearest),
            "bilinear" => Some(Interpolation::Bilinear),
            "bicubic" => Some(Interpolation::Bicubic),
            "lanczos" => Some(Interpolation::Lanczos),
            _ => None,
        }),
    })
}

/// Hugging Face's `image_mean`, `image_std`, `size`, `crop_size` and `resample` (Pillow's numbers).
fn preprocessing(json: &Value) -> Option<Normalisation> {
    let crop = json["crop_size"]["height"].as_f64().or(json["crop_size"].as_f64());
    let short_side = json["size"]["shortest_edge"].as_f64();
    let crops = json["do_center_crop"].as_bool() == Some(true);
    Some(Normalisation {
        mean: triple(&json["image_mean"])?,
        std: triple(&json["image_std"])?,
        crop_pct: crop.zip(short_side).filter(|(_, side)| crops && *side > 0.0).map(|(c, side)| (c / side) as f32),
        interpolation: json["resample"].as_u64().and_then(|number| match number {
            0 => Some(Interpolation::Nearest),
            1 => Some(Interpolation::Lanczos),
            2 => Some(Interpolation::Bilinear),
            3 => Some(Interpolation::Bicubic),
            _ => None,
        }),
    })
}

/// Pixels are divided by `std`.
fn is_usable(normalisation: &Normalisation) -> bool {
    let positive = normalisation.std.iter().all(|std| std.is_finite() && *std > 0.0);
    positive && normalisation.mean.iter().all(|mean| mean.is_finite())
}

fn triple(value: &Value) -> Option<[f32; 3]> {
    let numbers: Vec<f32> = value.as_array()?.iter().filter_map(|n| n.as_f64().map(|n| n as f32)).collect();
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_std_that_cannot_be_divided_by_is_refused() {
        let parse = |std: &str| {
            ConfigFile::parse("config.json", &format!(r#"{{"mean": [0.5, 0.5, 0.5], "std": {std}}}"#), None)
        };
        assert!(parse("[0.5, 0.5, 0.2]").unwrap().normalisation.is_some());
        // 1e39 is a number of JSON and infinite as f32.
        for std in ["[0.5, 0, 0.5]", "[0.5, -0.1, 0.5]", "[1e39, 0.5, 0.5]"] {
            assert!(parse(std).unwrap_err().to_string().contains("above 0"), "{std}");
        }
    }
}
