//! Fetches a model from the hub on a thread of its own, so that the window stays alive and can call it off.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::vit::hub::{CuratedModel, DownloadEvent, Hub};

use super::Cancel;

/// A download that runs; dropping it calls it off.
pub struct Download {
    model: CuratedModel,
    cancel: Cancel,
    state: Arc<Mutex<DownloadState>>,
}

/// Where a download stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DownloadState {
    /// The hub has not answered yet.
    #[default]
    Asking,
    /// Of one file after the other; the weights are last and largest.
    Running { file: String, done_bytes: usize, total_bytes: usize },
    /// The folder of the model, ready to load.
    Ready(PathBuf),
    /// What has arrived is kept for the next try.
    Cancelled,
    /// A sentence with the cure.
    Failed(String),
}

/// Thrown to leave the transfer, and caught where the thread begins: the `hf-hub` crate asks nobody whether to go on.
struct CalledOff;

impl Download {
    /// `wake` is called on the download's thread with every new state, up to the last.
    ///
    /// # Errors
    /// If the system starts no more threads.
    pub fn spawn(
        hub: Hub,
        model: CuratedModel,
        wake: impl Fn(&DownloadState) + Send + 'static,
    ) -> std::io::Result<Self> {
        let download = Self { model, cancel: Cancel::default(), state: Arc::default() };
        let (cancel, state) = (download.cancel.clone(), download.state.clone());
        std::thread::Builder::new().name("download".to_owned()).spawn(move || {
            let tell = |now: &DownloadState| {
                *lock(&state) = now.clone();
                wake(now);
            };
            tell(&fetch(&hub, &model, &cancel, &tell));
        })?;
        Ok(download)
    }

    pub fn model(&self) -> &CuratedModel {
        &self.model
    }

    pub fn state(&self) -> DownloadState {
        lock(&self.state).clone()
    }

    /// Stops with the next bytes that arrive.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl DownloadState {
    /// Nothing more will happen.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Ready(_) | Self::Cancelled | Self::Failed(_))
    }
}

/// Works the download off and says how it ended.
fn fetch(hub: &Hub, model: &CuratedModel, cancel: &Cancel, tell: &dyn Fn(&DownloadState)) -> DownloadState {
    let mut now = DownloadState::Asking;
    let mut report = |event: DownloadEvent<'_>| {
        if cancel.is_cancelled() {
            // Not a panic: no message is printed, and files close on the way out.
            resume_unwind(Box::new(CalledOff));
        }
        match (&mut now, event) {
            (_, DownloadEvent::Started { file, bytes }) => {
                now = DownloadState::Running { file: file.to_owned(), done_bytes: 0, total_bytes: bytes };
            }
            (DownloadState::Running { done_bytes, .. }, DownloadEvent::Advanced { bytes }) => *done_bytes += bytes,
            _ => return,
        }
        tell(&now);
    };
    match catch_unwind(AssertUnwindSafe(|| hub.fetch(model, &mut report))) {
        Ok(Ok(folder)) => DownloadState::Ready(folder),
        Ok(Err(error)) => DownloadState::Failed(error.to_string()),
        Err(thrown) if thrown.is::<CalledOff>() => DownloadState::Cancelled,
        Err(_) => DownloadState::Failed(format!(
            "the download of {} broke off by a fault of this program; please report it, and run `vitrine models get {}`",
            model.name, model.name
        )),
    }
}

fn lock(state: &Mutex<DownloadState>) -> MutexGuard<'_, DownloadState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
