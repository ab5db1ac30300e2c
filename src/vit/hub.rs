//! Published models, fetched from the Hugging Face hub once and kept in its usual cache.

use std::fs::File;
use std::path::{Path, PathBuf};

use hf_hub::Cache;
use hf_hub::api::Progress;
use hf_hub::api::sync::{ApiBuilder, ApiError, ApiRepo, Metadata};
use serde::Serialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::weights::Family;

const DEFAULT_ENDPOINT: &str = "https://huggingface.co";
const WEIGHTS: &str = "model.safetensors";
const CONFIG: &str = "config.json";
const PREPROCESSOR: &str = "preprocessor_config.json";
/// A broken transfer is taken up again this often before giving up; what has arrived stays for the next try.
const RETRIES: usize = 3;

/// A model that Vitrine knows by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CuratedModel {
    pub name: &'static str,
    pub repository: &'static str,
    /// `None`: no classifier of this program's kind, and without the files that describe one.
    pub family: Option<Family>,
    /// The weight file in the repository.
    pub weights: &'static str,
    pub description: &'static str,
    /// In millions.
    pub parameters_millions: u32,
}

const fn model(
    name: &'static str,
    repository: &'static str,
    family: Family,
    parameters_millions: u32,
    description: &'static str,
) -> CuratedModel {
    CuratedModel { name, repository, family: Some(family), weights: WEIGHTS, description, parameters_millions }
}

/// The seven models of the paper first, then smaller and self-supervised ones.
pub const CURATED: [CuratedModel; 11] = [
    model("vit-b", "google/vit-base-patch16-224", Family::Vit, 87, "ViT-B/16 of the paper"),
    model("vit-l", "google/vit-large-patch16-224", Family::Vit, 304, "ViT-L/16 of the paper"),
    model("augreg-s", "timm/vit_small_patch16_224.augreg_in21k_ft_in1k", Family::AugReg, 22, "AugReg-S of the paper"),
    model("augreg-b", "timm/vit_base_patch16_224.augreg_in21k_ft_in1k", Family::AugReg, 87, "AugReg-B of the paper"),
    model("augreg-l", "timm/vit_large_patch16_224.augreg_in21k_ft_in1k", Family::AugReg, 304, "AugReg-L of the paper"),
    model("deit-s", "timm/deit_small_patch16_224.fb_in1k", Family::Deit, 22, "DeiT-S of the paper"),
    model("deit-b", "timm/deit_base_patch16_224.fb_in1k", Family::Deit, 87, "DeiT-B of the paper"),
    model("deit-ti", "timm/deit_tiny_patch16_224.fb_in1k", Family::Deit, 6, "the quickest, for a first look"),
    model("dino-s16", "timm/vit_small_patch16_224.dino", Family::Dino, 22, "self-supervised, for automatic masks"),
    model("dino-b16", "timm/vit_base_patch16_224.dino", Family::Dino, 86, "self-supervised, TokenCut's own"),
    model(
        "dinov2-s-reg",
        "timm/vit_small_patch14_reg4_dinov2.lvd142m",
        Family::DinoV2,
        22,
        "self-supervised, four register tokens",
    ),
];

/// MobileSAM, which turns clicks into masks ([`crate::segment`]).
pub const SEGMENTER: CuratedModel = CuratedModel {
    name: "mobile-sam",
    repository: "lmz/candle-sam",
    family: None,
    weights: "mobile_sam-tiny-vitt.safetensors",
    description: "Segment Anything, for masks by click",
    parameters_millions: 10,
};

/// Why a model could not be had; each sentence ends with the cure.
#[derive(Debug, Error)]
pub enum HubError {
    #[error("there is neither a file nor a model called `{name}`; `vitrine models list` shows the names of models")]
    UnknownModel { name: String },
    #[error("{name} has not been downloaded yet; run `vitrine models get {name}`, or give the path of a weight file")]
    NotDownloaded { name: &'static str },
    #[error(
        "the model hub cannot be reached to fetch {name}; check the connection, or get {repository} by other means \
         and give the path of its weight file"
    )]
    Offline { name: &'static str, repository: &'static str },
    #[error("the model hub has no {file} in {repository} ({name}); get it by other means and give its path")]
    NotFound { name: &'static str, repository: &'static str, file: &'static str },
    #[error(
        "the transfer of {file} for {name} failed ({reason}); run `vitrine models get {name}` again, it continues \
         where it stopped"
    )]
    Transfer { name: &'static str, file: &'static str, reason: String },
    #[error(
        "{file} of {name} arrived damaged (SHA-256 {found}, the hub announced {expected}) and was removed; \
         run `vitrine models get {name}` again"
    )]
    Checksum { name: &'static str, file: &'static str, expected: String, found: String },
    #[error("no home folder to keep models in; name one with --cache or HF_HOME")]
    NoCacheFolder,
    #[error("the model cache cannot be used ({source}); name another with --cache: {}", folder.display())]
    Cache { source: std::io::Error, folder: PathBuf },
}

/// What a download tells while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownloadEvent<'a> {
    /// A file begins or, after an interruption, begins again to be counted.
    Started {
        file: &'a str,
        bytes: usize,
    },
    /// So many more bytes are there.
    Advanced {
        bytes: usize,
    },
    Finished,
}

/// A model hub and the folder that keeps what came from it.
#[derive(Clone, Debug)]
pub struct Hub {
    endpoint: String,
    cache: PathBuf,
}

impl Hub {
    pub fn new(endpoint: impl Into<String>, cache: impl Into<PathBuf>) -> Self {
        Self { endpoint: endpoint.into(), cache: cache.into() }
    }

    /// The hub of `HF_ENDPOINT` and the cache of `HF_HOME`, as Hugging Face's own tools have them;
    /// `cache` overrides the latter.
    ///
    /// # Errors
    /// [`HubError::NoCacheFolder`] if there is neither a cache folder nor a home to put it in.
    pub fn from_env(cache: Option<&Path>) -> Result<Self, HubError> {
        let endpoint = std::env::var("HF_ENDPOINT").unwrap_or_else(|_| DEFAULT_ENDPOINT.to_owned());
        let by_env = || std::env::var_os("HF_HOME").map(|home| PathBuf::from(home).join("hub"));
        let by_home = || etcetera::home_dir().ok().map(|home| home.join(".cache/huggingface/hub"));
        let cache = cache.map(Path::to_owned).or_else(by_env).or_else(by_home).ok_or(HubError::NoCacheFolder)?;
        Ok(Self::new(endpoint.trim_end_matches('/'), cache))
    }

    /// The folder of a downloaded model, without asking the network.
    pub fn cached(&self, model: &CuratedModel) -> Option<PathBuf> {
        let cache = Cache::new(self.cache.clone()).model(model.repository.to_owned());
        if model.family.is_some() {
            cache.get(CONFIG)?;
        }
        cache.get(model.weights)?.parent().map(Path::to_owned)
    }

    /// The folder of a downloaded model, by its name.
    ///
    /// # Errors
    /// [`HubError::NotDownloaded`] or [`HubError::UnknownModel`].
    pub fn find(&self, name: &str) -> Result<PathBuf, HubError> {
        let model = curated(name)?;
        self.cached(model).ok_or(HubError::NotDownloaded { name: model.name })
    }

    /// Makes sure that a model is in the cache and intact; returns its folder.
    ///
    /// What is there is only checked against the digest that names it. An interrupted download continues.
    ///
    /// # Errors
    /// Any [`HubError`] but [`HubError::NotDownloaded`].
    pub fn fetch(&self, model: &CuratedModel, report: &mut dyn FnMut(DownloadEvent<'_>)) -> Result<PathBuf, HubError> {
        if let Some(folder) = self.cached(model) {
            if is_intact(&folder.join(model.weights)) {
                return Ok(folder);
            }
            remove_with_blob(&folder.join(model.weights));
        }
        let cache_error = |source| HubError::Cache { source, folder: self.cache.clone() };
        std::fs::create_dir_all(&self.cache).map_err(cache_error)?;
        // Links inside the cache are relative to its absolute place.
        let cache = self.cache.canonicalize().map_err(cache_error)?;
        let api = ApiBuilder::from_cache(Cache::new(cache.clone()))
            .with_endpoint(self.endpoint.clone())
            .with_retries(RETRIES)
            .with_progress(false)
            .build()
            .map_err(|error| HubError::Transfer { name: model.name, file: CONFIG, reason: error.to_string() })?;
        let mut download = Download {
            model: *model,
            url_metadata: &|repo, file| api.metadata(&repo.url(file)),
            repo: api.model(model.repository.to_owned()),
            report,
        };
        if model.family.is_some() {
            download.file(CONFIG)?;
            match download.file(PREPROCESSOR) {
                // timm's repositories have none: there config.json says it all.
                Ok(_) | Err(HubError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let weights = download.file(model.weights)?;
        Ok(weights.parent().unwrap_or(&cache).to_owned())
    }
}

/// What a user means by `name_or_path`: an existing path, or a downloaded model in `cache` (see [`Hub::from_env`]).
///
/// # Errors
/// [`HubError::NotDownloaded`], [`HubError::UnknownModel`] or [`HubError::NoCacheFolder`].
pub fn resolve(name_or_path: &str, cache: Option<&Path>) -> Result<PathBuf, HubError> {
    let path = Path::new(name_or_path);
    if path.exists() { Ok(path.to_owned()) } else { Hub::from_env(cache)?.find(name_or_path) }
}

/// Looks a curated model up by name, regardless of case.
///
/// # Errors
/// [`HubError::UnknownModel`].
pub fn curated(name: &str) -> Result<&'static CuratedModel, HubError> {
    let found = CURATED.iter().chain([&SEGMENTER]).find(|model| model.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| HubError::UnknownModel { name: name.to_owned() })
}

type MetadataOf<'a> = &'a dyn Fn(&ApiRepo, &str) -> Result<Metadata, ApiError>;

struct Download<'a> {
    model: CuratedModel,
    url_metadata: MetadataOf<'a>,
    repo: ApiRepo,
    report: &'a mut dyn FnMut(DownloadEvent<'_>),
}

impl Download<'_> {
    fn file(&mut self, file: &'static str) -> Result<PathBuf, HubError> {
        let model = self.model;
        let metadata = (self.url_metadata)(&self.repo, file).map_err(|error| classify(&model, file, true, &error))?;
        let adapter = Adapter { report: self.report };
        let path =
            self.repo.download_with_progress(file, adapter).map_err(|error| classify(&model, file, false, &error))?;
        let expected = metadata.etag();
        if is_sha256(expected) {
            let found = sha256(&path).map_err(|source| HubError::Cache { source, folder: path.clone() })?;
            if found != expected {
                remove_with_blob(&path);
                return Err(HubError::Checksum { name: model.name, file, expected: expected.to_owned(), found });
            }
        }
        Ok(path)
    }
}

/// Sorts a failure by what the user can do about it. `first_contact` tells a hub that never answered from a
/// transfer that broke.
fn classify(model: &CuratedModel, file: &'static str, first_contact: bool, error: &ApiError) -> HubError {
    let CuratedModel { name, repository, .. } = *model;
    let reason = error.to_string();
    // The HTTP client's own error type is not re-exported; its text is guarded by a test.
    let status = reason.split("http status: ").nth(1).and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
    match status {
        Some(401 | 403 | 404) => HubError::NotFound { name, repository, file },
        None if first_contact && matches!(error, ApiError::RequestError(_)) => HubError::Offline { name, repository },
        _ => HubError::Transfer { name, file, reason },
    }
}

/// Passes the progress of the `hf-hub` crate on.
struct Adapter<'a> {
    report: &'a mut dyn FnMut(DownloadEvent<'_>),
}

impl Progress for Adapter<'_> {
    fn init(&mut self, size: usize, filename: &str) {
        (self.report)(DownloadEvent::Started { file: filename, bytes: size });
    }

    fn update(&mut self, size: usize) {
        (self.report)(DownloadEvent::Advanced { bytes: size });
    }

    fn finish(&mut self) {
        (self.report)(DownloadEvent::Finished);
    }
}

/// Large files of the hub are named by their SHA-256, small ones by git's shorter digest.
fn is_sha256(etag: &str) -> bool {
    etag.len() == 64 && etag.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn sha256(path: &Path) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    std::io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Compares a cached file with the digest that its blob is named by; without such a name nothing can be said.
fn is_intact(path: &Path) -> bool {
    let blob = path.read_link().ok().and_then(|blob| Some(blob.file_name()?.to_string_lossy().into_owned()));
    match blob {
        Some(digest) if is_sha256(&digest) => sha256(path).is_ok_and(|found| found == digest),
        _ => true,
    }
}

/// Removes a file of the cache and what it links to, so that the next fetch starts afresh.
/// A file that resists is met again by the next check of its digest.
fn remove_with_blob(path: &Path) {
    if let Ok(blob) = path.canonicalize() {
        std::fs::remove_file(blob).ok();
    }
    std::fs::remove_file(path).ok();
}
