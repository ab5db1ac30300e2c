//! The folder of a run.
//!
//! ```text
//! manifest.json                 what was asked and with which files; never changes
//! state.json                    where the run is
//! metrics.jsonl                 one line per step and validation, as they come
//! steps.csv, validations.csv    the same as tables, renewed with every checkpoint
//! notes.md                      what a person writes about it
//! checkpoints/step-000040/      see `checkpoint.rs`; step 0 is the model before the run
//! undone/…                      checkpoints that a roll-back took away
//! strips/step-000040.png        maps of pinned photos, where a window or the command line asked for them
//! files/                        photos and masks that were in memory only
//! ```

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::files::write_atomically;

use super::checkpoint::Checkpoint;
use super::error::RunError;
use super::manifest::Manifest;
use super::record::Record;
use super::state::RunState;

/// A folder that this program alone writes to, as long as this lives.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// The system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl RunFolder {
    /// # Errors
    /// If there is a run already, or the folder cannot be written.
    pub fn create(path: &Path) -> Result<Self, RunError> {
        if path.join("manifest.json").exists() {
            return Err(RunError::Exists { folder: path.to_owned() });
        }
        std::fs::create_dir_all(path).map_err(|source| RunError::Write { source, path: path.to_owned() })?;
        Self::lock(path)
    }

    /// # Errors
    /// If there is no run, or another program works on it.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        if !path.join("manifest.json").is_file() {
            return Err(RunError::NoRun { folder: path.to_owned() });
        }
        Self::lock(path)
    }

    fn lock(path: &Path) -> Result<Self, RunError> {
        let at = path.join("lock");
        let file = File::create(&at).map_err(|source| RunError::Write { source, path: at.clone() })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(std::fs::TryLockError::WouldBlock) => Err(RunError::Locked { folder: path.to_owned() }),
            // Some network drives know no locks; a run without one is better than none.
            Err(std::fs::TryLockError::Error(_)) => Ok(Self { path: path.to_owned(), _lock: file }),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// # Errors
    /// If the file cannot be written.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), RunError> {
        let path = self.path.join(name);
        let failed = |source| RunError::Write { source, path: path.clone() };
        let text = serde_json::to_vec_pretty(value).map_err(|error| failed(error.into()))?;
        write_atomically(&path, &text).map_err(failed)
    }

    /// # Errors
    /// If the file is not there or damaged.
    pub fn manifest(&self) -> Result<Manifest, RunError> {
        read_json(&self.path.join("manifest.json"))
    }

    /// # Errors
    /// If the file is not there or damaged.
    pub fn state(&self) -> Result<RunState, RunError> {
        read_json(&self.path.join("state.json"))
    }

    pub fn checkpoint(&self, step: usize) -> PathBuf {
        checkpoint_folder(&self.path, step)
    }

    /// # Errors
    /// If the checkpoint cannot be moved.
    pub fn undo_checkpoint(&self, step: usize) -> Result<(), RunError> {
        let from = self.checkpoint(step);
        let undone = self.path.join("undone");
        let free = |number: usize| undone.join(format!("step-{step:06}-{number}"));
        let to = (1..).map(free).find(|to| !to.exists()).unwrap_or_else(|| free(0));
        let strip = self.strip(step);
        let moved = std::fs::create_dir_all(&undone).and_then(|()| std::fs::rename(&from, &to));
        // Best effort: a picture that is left over shows weights that no longer follow.
        drop(std::fs::remove_file(strip));
        moved.map_err(|source| RunError::Write { source, path: from })
    }

    pub fn strip(&self, step: usize) -> PathBuf {
        self.path.join("strips").join(format!("step-{step:06}.png"))
    }

    /// One more line of `metrics.jsonl`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn append(&self, record: &Record) -> Result<(), RunError> {
        let path = self.path.join("metrics.jsonl");
        let append = || -> std::io::Result<()> {
            let mut line = serde_json::to_vec(record)?;
            line.push(b'\n');
            File::options().create(true).append(true).open(&path)?.write_all(&line)
        };
        append().map_err(|source| RunError::Write { source, path: path.clone() })
    }

    /// Replaces `metrics.jsonl` and both tables.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write_records(&self, records: &[Record]) -> Result<(), RunError> {
        let path = self.path.join("metrics.jsonl");
        let failed = |source| RunError::Write { source, path: path.clone() };
        let mut text = Vec::new();
        for record in records {
            serde_json::to_writer(&mut text, record).map_err(|error| failed(error.into()))?;
            text.push(b'\n');
        }
        write_atomically(&path, &text).map_err(failed)?;
        self.write_tables(records)
    }

    /// Replaces both tables.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write_tables(&self, records: &[Record]) -> Result<(), RunError> {
        let (steps, validations): (Vec<&Record>, Vec<&Record>) =
            records.iter().partition(|record| matches!(record, Record::Step(_)));
        let tables = [("steps.csv", &STEP_TITLES[..], steps), ("validations.csv", &VALIDATION_TITLES[..], validations)];
        for (name, titles, records) in tables {
            let path = self.path.join(name);
            table(titles, &records)
                .and_then(|table| write_atomically(&path, &table))
                .map_err(|source| RunError::Write { source, path: path.clone() })?;
        }
        Ok(())
    }
}

const STEP_TITLES: [&str; 11] = [
    "step",
    "epoch",
    "lr",
    "total",
    "background",
    "foreground",
    "classification",
    "gradient_norm",
    "flat",
    "pictures",
    "seconds",
];
const VALIDATION_TITLES: [&str; 14] = [
    "step",
    "epoch",
    "total",
    "background",
    "foreground",
    "classification",
    "accuracy",
    "original_accuracy",
    "hold_out",
    "original_hold_out",
    "confidence",
    "relevance_on_object",
    "flat",
    "masked",
];

fn table(titles: &[&str], records: &[&Record]) -> std::io::Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(titles)?;
    for record in records {
        table.write_record(row(record, titles))?;
    }
    table.into_inner().map_err(csv::IntoInnerError::into_error)
}

/// The fields of a line; shares become rates, empty where there is nothing to tell.
fn row(record: &Record, titles: &[&str]) -> Vec<String> {
    // By way of the text, in which single precision is as short as it can be.
    let text = serde_json::to_string(record).unwrap_or_default();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let cell = |title: &&str| match &value[*title] {
        serde_json::Value::Object(share) => match (share["right"].as_f64(), share["of"].as_f64()) {
            (Some(right), Some(of)) if of > 0.0 => format!("{}", right / of),
            _ => String::new(),
        },
        serde_json::Value::Null => String::new(),
        number => number.to_string(),
    };
    titles.iter().map(cell).collect()
}

fn checkpoint_folder(run: &Path, step: usize) -> PathBuf {
    run.join("checkpoints").join(format!("step-{step:06}"))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RunError> {
    let read = || -> std::io::Result<T> { Ok(serde_json::from_slice(&std::fs::read(path)?)?) };
    read().map_err(|error| RunError::Damaged { problem: error.to_string(), path: path.to_owned() })
}

/// What a run looks like from outside, without opening its weights; it may be at work meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct RunView {
    pub manifest: Manifest,
    pub state: RunState,
    pub records: Vec<Record>,
    /// By step.
    pub checkpoints: Vec<(Checkpoint, PathBuf)>,
    /// Empty without any.
    pub notes: String,
}

impl RunView {
    /// # Errors
    /// If there is no run or its files are damaged.
    pub fn read(run: &Path) -> Result<Self, RunError> {
        if !run.join("manifest.json").is_file() {
            return Err(RunError::NoRun { folder: run.to_owned() });
        }
        Ok(Self {
            manifest: read_json(&run.join("manifest.json"))?,
            state: read_json(&run.join("state.json"))?,
            records: read_records(run)?,
            checkpoints: read_checkpoints(run)?,
            notes: std::fs::read_to_string(run.join("notes.md")).unwrap_or_default(),
        })
    }
}

/// The lines of `metrics.jsonl`; a last one that a crash cut off is passed over.
///
/// # Errors
/// If another line is damaged.
pub fn read_records(run: &Path) -> Result<Vec<Record>, RunError> {
    let path = run.join("metrics.jsonl");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let parse = |line: &str| serde_json::from_str(line);
    whole
        .lines()
        .map(parse)
        .collect::<Result<_, _>>()
        .map_err(|error| RunError::Damaged { problem: error.to_string(), path })
}

/// The checkpoints of a run by step; what a crash left half written is passed over.
///
/// # Errors
/// If a checkpoint is damaged.
pub fn read_checkpoints(run: &Path) -> Result<Vec<(Checkpoint, PathBuf)>, RunError> {
    let Ok(entries) = std::fs::read_dir(run.join("checkpoints")) else { return Ok(Vec::new()) };
    let is_whole = |path: &PathBuf| path.extension().is_none() && path.is_dir();
    let paths = entries.flatten().map(|entry| entry.path()).filter(is_whole);
    let mut checkpoints: Vec<(Checkpoint, PathBuf)> =
        paths.map(|path| Ok((Checkpoint::read(&path)?, path))).collect::<Result<_, RunError>>()?;
    checkpoints.sort_by_key(|(checkpoint, _)| checkpoint.step);
    Ok(checkpoints)
}

/// Replaces the notes of a run.
///
/// # Errors
/// If there is no run or it cannot be written.
pub fn write_notes(run: &Path, notes: &str) -> Result<(), RunError> {
    if !run.join("manifest.json").is_file() {
        return Err(RunError::NoRun { folder: run.to_owned() });
    }
    let path = run.join("notes.md");
    write_atomically(&path, notes.as_bytes()).map_err(|source| RunError::Write { source, path: path.clone() })
}
