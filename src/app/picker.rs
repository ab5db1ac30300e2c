//! File dialogs behind a trait, so that tests can answer them.

use std::path::{Path, PathBuf};

use poll_promise::Promise;

use super::Wake;
use super::command::Slot;
use super::promise::promised;

/// What a dialog asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    Images,
    Folder,
    Model(Slot),
    /// A table of file names and labels.
    Labels,
    OpenProject,
    SaveProject,
    /// Where a finetuning run writes.
    RunFolder,
    /// The folder of a run of another day.
    ResumeRun,
    SaveReport,
    SaveFigure,
    SaveMap,
    /// The folder for the maps of a whole batch.
    ExportFolder,
    /// The folder for masks.
    MaskFolder,
}

/// Asks the user for files. An empty answer means that the dialog was closed.
pub trait FilePicker {
    /// `folder` is where the dialog opens, `name` the file name it proposes.
    fn ask(&self, ask: Ask, folder: Option<&Path>, name: &str) -> Promise<Vec<PathBuf>>;
}

/// The system's own dialogs.
pub struct SystemPicker {
    /// Called when an answer is there.
    pub wake: Wake,
}

impl FilePicker for SystemPicker {
    fn ask(&self, ask: Ask, folder: Option<&Path>, name: &str) -> Promise<Vec<PathBuf>> {
        let mut dialog = rfd::FileDialog::new().set_title(ask.title());
        if let Some(folder) = folder {
            dialog = dialog.set_directory(folder);
        }
        for (name, endings) in ask.filters() {
            dialog = dialog.add_filter(*name, endings);
        }
        if matches!(ask, Ask::SaveFigure | Ask::SaveMap | Ask::SaveProject | Ask::SaveReport) {
            dialog = dialog.set_file_name(name);
        }
        promised("file dialog", &self.wake, Vec::new, move || match ask {
            Ask::Images => dialog.pick_files().unwrap_or_default(),
            Ask::Folder | Ask::ExportFolder | Ask::MaskFolder | Ask::RunFolder | Ask::ResumeRun => {
                dialog.pick_folder().into_iter().collect()
            }
            Ask::Model(_) | Ask::Labels | Ask::OpenProject => dialog.pick_file().into_iter().collect(),
            Ask::SaveFigure | Ask::SaveMap | Ask::SaveProject | Ask::SaveReport => {
                dialog.save_file().into_iter().collect()
            }
        })
    }
}

impl Ask {
    const fn title(self) -> &'static str {
        match self {
            Self::Images => "Open images",
            Self::Folder => "Open a folder of images",
            Self::Model(_) => "Open model weights",
            Self::Labels => "Open labels",
            Self::OpenProject => "Open project",
            Self::SaveProject => "Save project",
            Self::RunFolder => "Folder for the run",
            Self::ResumeRun => "Open the folder of a run",
            Self::SaveReport => "Save report",
            Self::SaveFigure => "Save figure",
            Self::SaveMap => "Save relevance map",
            Self::ExportFolder => "Export to folder",
            Self::MaskFolder => "Keep masks in folder",
        }
    }

    fn filters(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Self::Images => &[
                ("Images", &["jpg", "jpeg", "png", "webp", "tif", "tiff", "gif", "bmp", "tga", "qoi", "ppm", "pgm"]),
                ("All files", &["*"]),
            ],
            Self::Model(_) => {
                &[("Weights", &["safetensors", "pth", "pt", "bin", "tar", "npz", "json"]), ("All files", &["*"])]
            }
            Self::Labels => &[("Tables", &["csv", "tsv"])],
            Self::OpenProject | Self::SaveProject => &[("Vitrine project", &["vitrine"])],
            Self::SaveReport => &[("Web page", &["html"])],
            Self::SaveFigure => &[("PNG", &["png"])],
            Self::SaveMap => &[("NumPy array", &["npy"])],
            Self::Folder | Self::ExportFolder | Self::MaskFolder | Self::RunFolder | Self::ResumeRun => &[],
        }
    }
}
