//! What can be wrong with a weight file, told with its cure.

/// A problem with one weight file; the path stands last.
#[derive(Debug, thiserror::Error)]
#[error("{problem}: {file}")]
pub struct WeightsError {
    pub problem: Problem,
    /// The file or folder as the caller named it.
    pub file: String,
}

/// What was wrong, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("there is no such file or folder; check the path")]
    NotFound,
    #[error("the weights cannot be read ({0})")]
    Io(std::io::Error),
    #[error("the file ends too early; it was probably not downloaded completely, get it again")]
    Truncated,
    #[error("this is a Git LFS pointer, not the weights themselves; run `git lfs pull` beside it")]
    GitLfsPointer,
    #[error(
        "not a weight file of a known kind (known are safetensors, PyTorch .pth/.pt/.bin/.tar, NumPy .npz and *.safetensors.index.json)"
    )]
    UnknownContainer,
    #[error("damaged safetensors file ({0}); get it again")]
    Safetensors(String),
    #[error("damaged or unusual zip archive ({0}); get it again or save it anew with `torch.save(torch.load(f), g)`")]
    Zip(String),
    #[error("damaged or unusual PyTorch file ({0}); save it anew with `torch.save(torch.load(f), g)`")]
    Pickle(String),
    #[error(
        "refused: the pickle asks for `{0}`, and only tensors are ever read from a pickle, nothing is executed; \
         where you trust the file, save its tensors alone with `torch.save(model.state_dict(), g)`"
    )]
    ForbiddenGlobal(String),
    #[error("damaged or unusual NumPy archive ({0}); save it anew with `numpy.savez`")]
    Npz(String),
    #[error("the index of shards is unusable ({0}); get the model again")]
    ShardIndex(String),
    #[error(
        "the folder holds no weights (looked for model.safetensors, its index, pytorch_model.bin or one weight file)"
    )]
    NoWeightsInFolder,
    #[error("the folder holds several weight files ({0}); name one of them")]
    SeveralWeightsInFolder(String),
    #[error("the configuration beside the weights is unusable ({reason}); correct or remove {name}")]
    Config { name: String, reason: String },
    #[error("these are not the weights of a Vision Transformer; the file holds {0}")]
    NotAVisionTransformer(String),
    #[error("the model uses {feature}, which is not supported (tensor `{evidence}`)")]
    Unsupported { feature: &'static str, evidence: String },
    #[error("{0}")]
    Incomplete(Mismatch),
    #[error(
        "the number of attention heads cannot be read from these weights (width {dim} is not a multiple of 64); give it with --heads"
    )]
    NeedsHeads { dim: usize },
    #[error("{heads} attention heads do not divide the width {dim}; give another number with --heads")]
    HeadsDoNotDivide { heads: usize, dim: usize },
    #[error(
        "the input size cannot be read from these weights ({positions} position entries are not a square grid); \
         give it with --input WIDTHxHEIGHT or in a config.json beside the file"
    )]
    NeedsInput { positions: usize },
    #[error(
        "an input of {input} pixels needs {expected} position entries, but the weights have {positions}; give another --input"
    )]
    InputMismatch { input: crate::size::Size, expected: usize, positions: usize },
    #[error("a position embedding of shape {shape:?} does not hold a grid of {grid} after {prefix} prefix entries")]
    PositionGrid { shape: Vec<usize>, grid: crate::size::Size, prefix: usize },
}

impl Problem {
    /// Attaches the file the problem was found in.
    pub fn within(self, file: impl std::fmt::Display) -> WeightsError {
        WeightsError { problem: self, file: file.to_string() }
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Self::Truncated,
            std::io::ErrorKind::NotFound => Self::NotFound,
            _ => Self::Io(error),
        }
    }
}

impl From<zip::result::ZipError> for Problem {
    fn from(error: zip::result::ZipError) -> Self {
        match error {
            zip::result::ZipError::Io(error) => error.into(),
            other => Self::Zip(other.to_string()),
        }
    }
}

/// Tensors a Vision Transformer of this architecture needs and the file lacks or shapes differently.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Mismatch {
    pub missing: Vec<String>,
    pub wrong_shape: Vec<WrongShape>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct WrongShape {
    pub name: String,
    pub expected: Vec<usize>,
    pub found: Vec<usize>,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// More names than this hide the first one, which usually tells the cause.
        const SHOWN: usize = 8;
        write!(f, "the weights do not fit together")?;
        let wrong = self.wrong_shape.iter().map(|w| format!("{} is {:?} instead of {:?}", w.name, w.found, w.expected));
        for (title, items) in [("missing", self.missing.clone()), ("wrong shape", wrong.collect())] {
            if items.is_empty() {
                continue;
            }
            write!(f, "; {title}: {}", items[..items.len().min(SHOWN)].join(", "))?;
            if items.len() > SHOWN {
                write!(f, " and {} more", items.len() - SHOWN)?;
            }
        }
        Ok(())
    }
}
