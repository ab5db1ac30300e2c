//! What loading did with every name in the file.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::family::Family;

/// The kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    Safetensors,
    ShardedSafetensors,
    PytorchZip,
    PytorchLegacy,
    Npz,
}

/// Whose names the tensors have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spelling {
    /// timm, and with it DeiT, DINO, MAE and RobustViT.
    Timm,
    HuggingFace,
    /// Google's JAX checkpoints.
    AugReg,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mapped {
    pub from: String,
    pub to: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reshaped {
    pub name: String,
    pub from: Vec<usize>,
    pub to: Vec<usize>,
}

/// Where the number of heads comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadsSource {
    Option,
    ConfigFile,
    TensorShapes,
    /// Every published model of this width has heads of width 64.
    Width64,
    /// Published models of width 1152, 1280, 1408 and 1664 have 16 heads.
    PublishedWidth,
}

/// Where the input size comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InputSource {
    Option,
    ConfigFile,
    SquareGrid,
}

/// Where mean and standard deviation come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NormalisationSource {
    ConfigFile,
    Family(Family),
    /// Nothing tells; 0.5 is assumed and may be wrong.
    Assumed,
}

/// The load report. Every name of the file appears in exactly one of `mapped`, `ignored` and `unexpected`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadReport {
    pub container: Container,
    pub spelling: Spelling,
    /// Key of the dictionary that held the weights, if they were wrapped.
    pub wrapper: Option<String>,
    /// The configuration file used, by name.
    pub config_file: Option<String>,
    /// Names in the file and the canonical tensor each became (part of).
    pub mapped: Vec<Mapped>,
    /// Canonical tensors whose axes had to be merged or reordered.
    pub reshaped: Vec<Reshaped>,
    /// Names nothing is known about; the computation does without them.
    pub unexpected: Vec<String>,
    /// Tensors the file lacks and that were filled with zeros. Only qkv biases may be; others are an error.
    pub missing: Vec<String>,
    /// Entries known to play no part in explaining a classification.
    pub ignored: Vec<String>,
    /// Anything else a user should know.
    pub notes: Vec<String>,
    /// Tensors per stored element type.
    pub stored_as: BTreeMap<&'static str, usize>,
    pub parameters: usize,
    pub heads_source: HeadsSource,
    pub input_source: InputSource,
    pub normalisation_source: NormalisationSource,
}

impl fmt::Display for LoadReport {
    /// Counts first, then only what deserves attention; names that were merely taken over stay out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stored: Vec<String> = self.stored_as.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        write!(f, "{:<14}{}, {} names", "file", self.container, self.spelling)?;
        if let Some(wrapper) = &self.wrapper {
            write!(f, ", under `{wrapper}`")?;
        }
        writeln!(f, "\n{:<14}{} parameters, stored as {}", "weights", grouped(self.parameters), stored.join(", "))?;
        if let Some(config) = &self.config_file {
            writeln!(f, "{:<14}{config}", "configuration")?;
        }
        let renamed = self.mapped.iter().filter(|m| m.from != m.to).count();
        writeln!(f, "{:<14}{} ({renamed} renamed)", "mapped", self.mapped.len())?;
        list(f, "reshaped", &self.reshaped.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        list(f, "ignored", &self.ignored)?;
        list(f, "unexpected", &self.unexpected)?;
        list(f, "zero-filled", &self.missing)?;
        self.notes.iter().try_for_each(|note| writeln!(f, "{:<14}{note}", "note"))
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, items: &[String]) -> fmt::Result {
    const SHOWN: usize = 6;
    if items.is_empty() {
        return writeln!(f, "{title:<14}none");
    }
    write!(f, "{title:<14}{}: {}", items.len(), items[..items.len().min(SHOWN)].join(", "))?;
    if items.len() > SHOWN {
        write!(f, ", …")?;
    }
    writeln!(f)
}

/// 5717416 → `5 717 416`.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    groups.join(" ")
}

impl fmt::Display for Reshaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} → {:?}", self.name, self.from, self.to)
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Safetensors => "safetensors",
            Self::ShardedSafetensors => "sharded safetensors",
            Self::PytorchZip => "PyTorch archive",
            Self::PytorchLegacy => "PyTorch legacy pickle",
            Self::Npz => "NumPy archive",
        })
    }
}

impl fmt::Display for Spelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timm => "timm",
            Self::HuggingFace => "Hugging Face",
            Self::AugReg => "JAX (AugReg)",
        })
    }
}

impl fmt::Display for HeadsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Option => "as given",
            Self::ConfigFile => "from the configuration file",
            Self::TensorShapes => "from the tensor shapes",
            Self::Width64 => "assumed: heads of width 64",
            Self::PublishedWidth => "assumed: as in published models of this width",
        })
    }
}

impl fmt::Display for InputSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Option => "as given",
            Self::ConfigFile => "from the configuration file",
            Self::SquareGrid => "from a square grid of positions",
        })
    }
}

impl fmt::Display for NormalisationSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConfigFile => write!(f, "from the configuration file"),
            Self::Family(family) => write!(f, "as {family} models have it"),
            Self::Assumed => write!(f, "assumed, nothing tells; check it"),
        }
    }
}
