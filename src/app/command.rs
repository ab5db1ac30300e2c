//! Everything a user can do, as data: menus, shortcuts, the palette, drops and tests all send these.

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::Device;
use crate::image::PatchIndex;
use crate::jobs::model::{ModelSource, Profile};
use crate::relevance::{Method, MethodOptions};
use crate::render::{RangeMode, Style};
use crate::vit::Score;

use super::canvas::{Look, Tool, Zoom};
use super::evaluate::EvaluateCommand;
use super::finetune::FinetuneCommand;
use super::gallery::GalleryCommand;
use super::masks::MaskCommand;
use super::occlusion::{Fill, Paint};
use super::session::Norms;
use super::settings::{Panel, Theme, View};

/// One of the models that can be looked at side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// The one that panels and gallery speak of.
    Main,
    /// The one it is compared with.
    Second,
    /// More of them, for the grid.
    Third,
    Fourth,
}

impl Slot {
    pub const ALL: [Self; 4] = [Self::Main, Self::Second, Self::Third, Self::Fourth];
}

/// Something the user wants.
#[derive(Clone, Debug)]
pub enum Command {
    /// Dialogs.
    OpenImages,
    OpenFolder,
    OpenModel(Slot),
    OpenLabels,
    OpenProject,
    /// Into a new file, which is kept up to date from then on.
    SaveProjectAs,
    /// Images, folders, weights and projects in any mixture, as they are dropped or given on the command line.
    Open(Vec<PathBuf>),
    /// The embedded model and its photos.
    ShowDemo,
    /// The picture, or the copied files, on the clipboard.
    PasteImage,
    /// A picture of the clipboard: width, height, RGBA bytes.
    AddPicture(usize, usize, Arc<[u8]>),
    LoadModel(Slot, ModelSource),
    /// A model of the curated list, downloaded if need be.
    GetModel(Slot, &'static str),
    CloseModel(Slot),
    /// Puts all models onto another device.
    Device(Device),
    SwapModels,
    Gallery(GalleryCommand),
    Finetune(FinetuneCommand),
    Evaluate(EvaluateCommand),

    Target(Option<usize>),
    Contrast(Option<usize>),
    Score(Score),
    Method(Method),
    FirstBlock(usize),
    Patch(Option<PatchIndex>),
    Profile(Profile),
    ToggleHead {
        block: usize,
        head: usize,
    },
    ToggleBlock(usize),
    UnmuteAll,
    Options(Box<MethodOptions>),
    Norms(Norms),
    /// Off, outliers marked, map, and off again.
    NextNorms,

    View(View),
    Style(Box<Style>),
    Range(RangeMode),
    /// Keeps the range now shown for all images to come.
    LockRange,
    ToggleHeat,
    ToggleCrop,
    ToggleSmooth,
    GridMethod(Method, bool),
    Zoom(Zoom),
    /// What the canvas shows, so that steps start from a fitted photo too.
    Seen(Look),
    Tool(Tool),
    Paint(Paint),
    UndoOcclusion,
    ClearOcclusion,
    OcclusionFill(Fill),
    /// Diameter of the brushes in photo pixels.
    Brush(f64),

    Mask(MaskCommand),

    ExportFigure,
    ExportMap,
    ExportFolder,
    /// The command line that does what is shown, on the clipboard.
    CopyCommandLine,
    /// Predictions for all shown images, so that they can be sorted and filtered by them.
    ClassifyAll,
    CancelJob(u64),
    DismissNotice(u64),

    Theme(Theme),
    Scale(f32),
    ToggleImages,
    TogglePanel,
    /// Opens the side panel at a step of the work.
    Panel(Panel),
    ToggleLog,
    ToggleTimeline,
    TogglePalette,
    ToggleShortcuts,
    Quit,
}
