//! The commands that have a name of their own: for the palette, the menus and the shortcut overlay alike.

use eframe::egui::{Context, Key, KeyboardShortcut, Modifiers};

use crate::app::canvas::{Tool, Zoom};
use crate::app::evaluate::EvaluateCommand;
use crate::app::finetune::{FinetuneCommand, Shows};
use crate::app::gallery::{GalleryCommand, Move};
use crate::app::masks::MaskTool;
use crate::app::settings::{Panel, Theme, View};
use crate::app::{Command, MaskCommand, Session, Slot};
use crate::jobs::finetune::RunCommand;
use crate::mask::{Operation, Review};

/// A command with a title and perhaps a shortcut.
pub struct Action {
    pub group: &'static str,
    pub title: &'static str,
    pub shortcut: Option<KeyboardShortcut>,
    pub command: Command,
}

/// Where an action's shortcut is listed.
pub const FILE: &str = "File";
const IMAGE: &str = "Images";
const VIEW: &str = "View";
const EXPLAIN: &str = "Explain";
const FINETUNE: &str = "Finetune";
const MASK: &str = "Mask";
pub const WINDOW: &str = "Window";

const fn plain(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::NONE, key))
}

const fn ctrl(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND, key))
}

const fn shift(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::SHIFT, key))
}

const fn ctrl_shift(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key))
}

/// All of them, in the order of the overlay.
pub fn all() -> Vec<Action> {
    let action = |group, title, shortcut, command| Action { group, title, shortcut, command };
    let mut actions = vec![
        action(FILE, "Open images…", ctrl(Key::O), Command::OpenImages),
        action(FILE, "Open folder…", ctrl_shift(Key::O), Command::OpenFolder),
        action(FILE, "Open model…", ctrl(Key::M), Command::OpenModel(Slot::Main)),
        action(FILE, "Compare with model…", ctrl_shift(Key::M), Command::OpenModel(Slot::Second)),
        action(FILE, "Open labels…", None, Command::OpenLabels),
        action(FILE, "Open project…", None, Command::OpenProject),
        action(FILE, "Save project as…", None, Command::SaveProjectAs),
        action(FILE, "Show the embedded demo", None, Command::ShowDemo),
        action(FILE, "Paste image", ctrl(Key::V), Command::PasteImage),
        action(FILE, "Save figure…", ctrl(Key::S), Command::ExportFigure),
        action(FILE, "Save relevance as .npy…", None, Command::ExportMap),
        action(FILE, "Export all shown images…", ctrl_shift(Key::S), Command::ExportFolder),
        action(FILE, "Classify all shown images", None, Command::ClassifyAll),
        action(FILE, "Copy as command line", ctrl_shift(Key::C), Command::CopyCommandLine),
        action(FILE, "Quit", ctrl(Key::Q), Command::Quit),
        action(IMAGE, "Next image", plain(Key::ArrowRight), Command::Gallery(GalleryCommand::Move(Move::By(1)))),
        action(IMAGE, "Previous image", plain(Key::ArrowLeft), Command::Gallery(GalleryCommand::Move(Move::By(-1)))),
        action(IMAGE, "First image", plain(Key::Home), Command::Gallery(GalleryCommand::Move(Move::First))),
        action(IMAGE, "Last image", plain(Key::End), Command::Gallery(GalleryCommand::Move(Move::Last))),
        action(VIEW, "Fit to window", plain(Key::Num0), Command::Zoom(Zoom::Fit)),
        action(VIEW, "One to one", plain(Key::Num9), Command::Zoom(Zoom::To(1.0))),
        action(VIEW, "Zoom in", plain(Key::Plus), Command::Zoom(Zoom::In)),
        action(VIEW, "Zoom out", plain(Key::Minus), Command::Zoom(Zoom::Out)),
        action(VIEW, "Heat on or off", plain(Key::H), Command::ToggleHeat),
        action(VIEW, "Frame of what the model sees", plain(Key::C), Command::ToggleCrop),
        action(VIEW, "Smooth or crisp pixels", None, Command::ToggleSmooth),
        action(VIEW, "Lock the colour range", None, Command::LockRange),
        action(EXPLAIN, "Explain the prediction", plain(Key::T), Command::Target(None)),
        action(EXPLAIN, "Back to the classifier's row", None, Command::Patch(None)),
        action(EXPLAIN, "Unmute all heads", None, Command::UnmuteAll),
        action(EXPLAIN, "High-norm tokens", plain(Key::N), Command::NextNorms),
        action(EXPLAIN, "Occlusion brush", plain(Key::O), Command::Tool(Tool::Occlude)),
        action(EXPLAIN, "Pan and pick patches", plain(Key::V), Command::Tool(Tool::Look)),
        action(EXPLAIN, "Undo occlusion stroke", ctrl(Key::Z), Command::UndoOcclusion),
        action(EXPLAIN, "Clear occlusion", None, Command::ClearOcclusion),
        action(EXPLAIN, "Swap the two models", plain(Key::X), Command::SwapModels),
        action(EXPLAIN, "Stop comparing", None, Command::CloseModel(Slot::Second)),
        action(WINDOW, "Command palette", ctrl(Key::P), Command::TogglePalette),
        action(WINDOW, "Keyboard shortcuts", plain(Key::Questionmark), Command::ToggleShortcuts),
        action(WINDOW, "Image list", None, Command::ToggleImages),
        action(WINDOW, "Side panel", None, Command::TogglePanel),
        action(WINDOW, "Timeline", ctrl(Key::T), Command::ToggleTimeline),
        action(WINDOW, "Log", ctrl(Key::L), Command::ToggleLog),
    ];
    actions.extend(of_masks());
    let panels = Panel::ALL.map(|panel| (panel, panel.step()));
    actions.extend(panels.into_iter().map(|(panel, title)| action(WINDOW, title, None, Command::Panel(panel))));
    let views = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6];
    actions.extend(
        View::ALL.into_iter().zip(views).map(|(view, key)| action(VIEW, view.title(), plain(key), Command::View(view))),
    );
    let themes = [(Theme::System, "Theme: system"), (Theme::Light, "Theme: light"), (Theme::Dark, "Theme: dark")];
    actions.extend(of_runs());
    actions.extend(themes.into_iter().map(|(theme, title)| action(WINDOW, title, None, Command::Theme(theme))));
    actions
}

/// The run to come, the run that is open, and before against after.
fn of_runs() -> Vec<Action> {
    let action = |title, shortcut, command| Action { group: FINETUNE, title, shortcut, command };
    let finetune = |title, shortcut, command| action(title, shortcut, Command::Finetune(command));
    vec![
        finetune("Start finetuning, or go on", ctrl(Key::Enter), FinetuneCommand::Start),
        finetune("Pause the run", None, FinetuneCommand::Run(RunCommand::Pause)),
        finetune("Back to the checkpoint before", None, FinetuneCommand::Run(RunCommand::Undo)),
        finetune("Stop the run", None, FinetuneCommand::Run(RunCommand::Stop)),
        finetune("Open run…", None, FinetuneCommand::Resume),
        finetune("Show the weights at work", None, FinetuneCommand::Look(Shows::Live)),
        finetune("Close the run", None, FinetuneCommand::Close),
        action("Compare before and after", None, Command::Evaluate(EvaluateCommand::Start)),
        action("Save the report…", None, Command::Evaluate(EvaluateCommand::SaveReport)),
    ]
}

/// Tools and commands for the mask.
fn of_masks() -> Vec<Action> {
    let action = |title, shortcut, command| Action { group: MASK, title, shortcut, command };
    let mask = |title, shortcut, command| action(title, shortcut, Command::Mask(command));
    let keys = [
        (MaskTool::Brush, plain(Key::B)),
        (MaskTool::Eraser, plain(Key::E)),
        (MaskTool::Lasso, plain(Key::L)),
        (MaskTool::Polygon, plain(Key::P)),
        (MaskTool::Rectangle, plain(Key::S)),
        (MaskTool::Ellipse, plain(Key::D)),
        (MaskTool::Bucket, plain(Key::F)),
        (MaskTool::FillContour, shift(Key::F)),
        (MaskTool::Point, plain(Key::G)),
    ];
    let tools = keys.map(|(tool, key)| action(tool.title(), key, Command::Tool(Tool::Mask(tool))));
    let edits = [
        ("Invert the mask", Operation::Invert),
        ("Clear the mask", Operation::CLEAR),
        ("Fill holes of the mask", Operation::FillHoles { largest: None }),
        ("Keep the largest part of the mask", Operation::KeepLargest),
    ];
    let edits = edits.map(|(title, operation)| mask(title, None, MaskCommand::Apply(operation)));
    let others = [
        mask("Auto mask", plain(Key::U), MaskCommand::Auto),
        mask("Find masks of all shown images", None, MaskCommand::AutoAll { overwrite: false }),
        mask("Undo mask edit", ctrl(Key::Z), MaskCommand::Undo),
        mask("Redo mask edit", ctrl(Key::Y), MaskCommand::Redo),
        mask("Mask on or off", plain(Key::M), MaskCommand::Toggle),
        mask("Object, ignore or background", plain(Key::Q), MaskCommand::NextLabel),
        mask("Accept the mask", plain(Key::A), MaskCommand::Review(Review::Accepted)),
        mask("The mask needs review", plain(Key::R), MaskCommand::Review(Review::NeedsReview)),
        mask("Reject the mask", plain(Key::X), MaskCommand::Review(Review::Rejected)),
        mask("Next mask to judge", plain(Key::Enter), MaskCommand::NextInQueue),
        mask("Copy the previous image's mask", None, MaskCommand::CopyPrevious),
        mask("Folder for masks…", None, MaskCommand::AskFolder),
    ];
    tools.into_iter().chain(others).chain(edits).collect()
}

/// The groups in the order of the menus and of the overlay.
pub const GROUPS: [&str; 7] = [FILE, IMAGE, VIEW, EXPLAIN, MASK, FINETUNE, WINDOW];

/// Whether an action can do anything now.
pub fn is_possible(action: &Action, session: &Session) -> bool {
    match action.command {
        Command::ExportFigure | Command::ExportMap => session.main_view().is_some_and(|view| view.result.is_some()),
        Command::ExportFolder | Command::ClassifyAll | Command::CopyCommandLine => {
            session.models.get(Slot::Main).is_some() && !session.gallery.order().is_empty()
        }
        Command::SwapModels | Command::CloseModel(_) => session.compares(),
        Command::ClearOcclusion => session.occluded().is_some(),
        // The same key takes back a mask edit where masks are painted.
        Command::UndoOcclusion => session.occluded().is_some() && session.settings.panel != Panel::Mask,
        Command::Mask(ref command) => is_mask_command_possible(command, session),
        Command::Finetune(ref command) => is_run_command_possible(command, session),
        Command::Evaluate(EvaluateCommand::Start) => session.compares() && !session.evaluate.is_at_work(),
        Command::Evaluate(EvaluateCommand::SaveReport) => session.evaluate.result.is_some(),
        Command::UnmuteAll => session.explain.muted != Default::default(),
        Command::Patch(None) => session.explain.patch.is_some(),
        _ => true,
    }
}

fn is_run_command_possible(command: &FinetuneCommand, session: &Session) -> bool {
    let run = session.finetune.run.as_ref();
    let is_open = run.is_some_and(|run| !run.phase.is_over());
    match command {
        FinetuneCommand::Start => {
            session.models.get(Slot::Main).is_some() && (!is_open || run.is_some_and(|run| run.phase.waits()))
        }
        FinetuneCommand::Run(RunCommand::Pause) => run.is_some_and(|run| run.phase.is_at_work()),
        FinetuneCommand::Run(_) => run.is_some_and(|run| run.phase.is_at_work() || run.phase.waits()),
        FinetuneCommand::Resume => !is_open,
        FinetuneCommand::Close => run.is_some() && !is_open,
        FinetuneCommand::Look(_) => run.is_some(),
        _ => true,
    }
}

fn is_mask_command_possible(command: &MaskCommand, session: &Session) -> bool {
    let current = session.masks.current();
    let is_step = session.settings.panel == Panel::Mask;
    match command {
        MaskCommand::Undo => is_step && current.is_some_and(|current| current.history().can_undo()),
        MaskCommand::Redo => is_step && current.is_some_and(|current| current.history().can_redo()),
        // Their keys mean something else in the other steps.
        MaskCommand::Review(_) | MaskCommand::Apply(_) | MaskCommand::CopyPrevious => is_step && current.is_some(),
        MaskCommand::Auto => is_step && session.image().is_some(),
        MaskCommand::AutoAll { .. } => session.models.get(Slot::Main).is_some() && !session.gallery.order().is_empty(),
        MaskCommand::NextInQueue => is_step,
        _ => true,
    }
}

/// The text of a command's shortcut, for tooltips and menus.
pub fn shortcut_text(ctx: &Context, matches: impl Fn(&Command) -> bool) -> Option<String> {
    let action = all().into_iter().find(|action| matches(&action.command))?;
    Some(key_text(ctx, &action.shortcut?))
}

/// What stands on the keys, such as «Ctrl+O» or «?».
pub fn key_text(ctx: &Context, shortcut: &KeyboardShortcut) -> String {
    match shortcut.logical_key {
        key @ (Key::Plus | Key::Minus | Key::Questionmark) => key.symbol_or_name().to_owned(),
        _ => ctx.format_shortcut(shortcut),
    }
}
