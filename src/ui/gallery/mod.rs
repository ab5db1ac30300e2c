//! The panel of pictures: a grid that draws what is visible and nothing else.

mod cell;
mod textures;
mod toolbar;

use std::ops::Range;

use eframe::egui::style::ScrollAnimation;
use eframe::egui::{EventFilter, Id, Key, Modifiers, Rect, Response, ScrollArea, Sense, Ui, Vec2, pos2, vec2};

use crate::app::gallery::{CELL_SIDES, Filter, Gallery, GalleryCommand, Move};
use cell::{Cell, cell_size, cell_ui};
pub(super) use textures::Shown;
pub use textures::ThumbnailTextures;

/// Draws the gallery and returns what the user asked for.
///
/// Expects [`Gallery::refresh`] before and [`ThumbnailTextures::take_wanted`] after it, once per frame.
pub fn gallery_ui(ui: &mut Ui, gallery: &Gallery, textures: &mut ThumbnailTextures) -> Vec<GalleryCommand> {
    let mut commands = Vec::new();
    textures.begin_frame();
    if gallery.items().is_empty() {
        nothing_yet_ui(ui, gallery, &mut commands);
        return commands;
    }
    toolbar::toolbar_ui(ui, gallery, &mut commands);
    ui.separator();
    if gallery.order().is_empty() {
        nothing_matches_ui(ui, gallery, &mut commands);
    } else {
        grid_ui(ui, gallery, textures, &mut commands);
    }
    commands
}

fn nothing_yet_ui(ui: &mut Ui, gallery: &Gallery, commands: &mut Vec<GalleryCommand>) {
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() / 4.0);
        if gallery.is_listing() {
            ui.label("Looking for images…");
            if ui.button("Stop").clicked() {
                commands.push(GalleryCommand::StopListing);
            }
            return;
        }
        ui.strong("No images yet");
        ui.weak("Open a folder, drop one here, or paste an image.");
        ui.add_space(ui.spacing().item_spacing.y);
        if ui.button("Open folder…").clicked() {
            commands.push(GalleryCommand::OpenFolder);
        }
        if ui.button("Open images…").clicked() {
            commands.push(GalleryCommand::OpenImages);
        }
    });
}

fn nothing_matches_ui(ui: &mut Ui, gallery: &Gallery, commands: &mut Vec<GalleryCommand>) {
    let search = gallery.view().search.trim();
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() / 4.0);
        if search.is_empty() {
            ui.label("No image passes the filter.");
        } else {
            ui.label(format!("Nothing matches “{search}”."));
            if ui.button("Clear search").clicked() {
                commands.push(GalleryCommand::Search(String::new()));
            }
        }
        if gallery.view().filter != Filter::All && ui.button("Show all images").clicked() {
            commands.push(GalleryCommand::Filter(Filter::All));
        }
    });
}

/// How the cells lie.
#[derive(Clone, Copy)]
struct Grid {
    columns: usize,
    rows: usize,
    /// Side of a picture's square in points.
    side: f32,
    cell: Vec2,
    gap: Vec2,
}

impl Grid {
    /// As many columns as the chosen size allows, widened until they fill the panel.
    fn new(ui: &Ui, gallery: &Gallery) -> Self {
        let gap = Vec2::splat(ui.spacing().item_spacing.y);
        let narrowest = cell_size(ui, gallery.cell_side()).x;
        let width = ui.available_width() - ui.spacing().scroll.allocated_width();
        let columns = (((width + gap.x) / (narrowest + gap.x)).floor() as usize).max(1);
        let spare = (width + gap.x) / columns as f32 - gap.x - narrowest;
        let side = (gallery.cell_side() + spare.floor()).max(*CELL_SIDES.start() / 2.0);
        Self { columns, rows: gallery.order().len().div_ceil(columns), side, cell: cell_size(ui, side), gap }
    }
}

fn grid_ui(ui: &mut Ui, gallery: &Gallery, textures: &mut ThumbnailTextures, commands: &mut Vec<GalleryCommand>) {
    let grid = Grid::new(ui, gallery);
    let selected_row = gallery.selected_position().map(|position| position / grid.columns);
    let scroll_to = selected_row.filter(|_| view_changed(ui, gallery, grid.columns));
    ui.spacing_mut().item_spacing = grid.gap;
    let area = ScrollArea::vertical().id_salt("gallery grid").auto_shrink(false);
    let output = area.show_rows(ui, grid.cell.y, grid.rows, |ui, rows| {
        if let Some(row) = scroll_to {
            scroll_to_row(ui, &grid, &rows, row);
        }
        rows_ui(ui, gallery, textures, &grid, rows, commands)
    });
    let has_focus = output.inner;
    if has_focus {
        let page = ((output.inner_rect.height() / (grid.cell.y + grid.gap.y)).floor() as isize).max(1);
        commands.extend(steps(ui, grid.columns as isize, page));
    }
}

/// Whether another picture was selected, or the grid laid out anew, since the last frame.
fn view_changed(ui: &Ui, gallery: &Gallery, columns: usize) -> bool {
    let seen = (gallery.selected(), gallery.view_revision(), columns);
    ui.data_mut(|data| {
        let last = data.get_temp_mut_or_default::<Option<(Option<usize>, u64, usize)>>(Id::unique("gallery seen"));
        last.replace(seen) != Some(seen)
    })
}

/// Scrolls no further than needed to see a row that may not be among the drawn ones.
fn scroll_to_row(ui: &Ui, grid: &Grid, drawn: &Range<usize>, row: usize) {
    let rows_below_first = row as f32 - drawn.start as f32;
    let top = ui.max_rect().top() + rows_below_first * (grid.cell.y + grid.gap.y);
    let rect = Rect::from_min_size(pos2(ui.max_rect().left(), top), grid.cell);
    ui.scroll_to_rect_animation(rect, None, ScrollAnimation::none());
}

/// Draws the visible rows; whether one of the cells has the keyboard's focus.
fn rows_ui(
    ui: &mut Ui,
    gallery: &Gallery,
    textures: &mut ThumbnailTextures,
    grid: &Grid,
    rows: Range<usize>,
    commands: &mut Vec<GalleryCommand>,
) -> bool {
    let mut focused = None;
    let mut selected = None;
    for row in rows {
        let (row_rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), grid.cell.y), Sense::hover());
        let positions = row * grid.columns..((row + 1) * grid.columns).min(gallery.order().len());
        for (column, index) in gallery.order()[positions].iter().enumerate() {
            let (item, index) = (&gallery.items()[*index as usize], *index as usize);
            let left = row_rect.left() + column as f32 * (grid.cell.x + grid.gap.x);
            let rect = Rect::from_min_size(pos2(left, row_rect.top()), grid.cell);
            let is_selected = gallery.selected() == Some(index);
            let shown = textures.show(ui.ctx(), &item.source);
            let cell = Cell { item, names: gallery.names(), shown, is_selected, side: grid.side };
            let response = cell_ui(ui, rect, &cell);
            if response.clicked() {
                response.request_focus();
                commands.push(GalleryCommand::Select(index));
            }
            if response.has_focus() {
                focused = Some(response.clone());
            }
            if is_selected {
                selected = Some(response);
            }
        }
    }
    follow_with_focus(ui, gallery, focused.as_ref(), selected.as_ref());
    focused.is_some()
}

/// What the grid remembers of the focus between frames.
#[derive(Clone, Copy, Default)]
struct FocusMemory {
    selected: Option<usize>,
    /// The selection left the focused cell and may have to be scrolled into view before it can take the focus.
    is_owed: bool,
}

/// The arrow keys belong to the grid while a cell has the focus, and the focus goes where the selection goes.
fn follow_with_focus(ui: &Ui, gallery: &Gallery, focused: Option<&Response>, selected: Option<&Response>) {
    let id = Id::unique("gallery focus");
    let mut memory: FocusMemory = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    if let Some(focused) = focused {
        let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(focused.id, arrows));
        memory.is_owed |= memory.selected != gallery.selected();
    } else if ui.memory(|memory| memory.focused()).is_some() {
        memory.is_owed = false;
    }
    memory.selected = gallery.selected();
    if let Some(selected) = selected.filter(|_| memory.is_owed) {
        selected.request_focus();
        memory.is_owed = false;
    }
    ui.data_mut(|data| data.insert_temp(id, memory));
}

/// The keys that walk through the grid.
fn steps(ui: &Ui, columns: isize, page: isize) -> Vec<GalleryCommand> {
    let steps = [
        (Key::ArrowRight, Move::By(1)),
        (Key::ArrowLeft, Move::By(-1)),
        (Key::ArrowDown, Move::By(columns)),
        (Key::ArrowUp, Move::By(-columns)),
        (Key::PageDown, Move::By(columns * page)),
        (Key::PageUp, Move::By(-columns * page)),
        (Key::Home, Move::First),
        (Key::End, Move::Last),
    ];
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    steps.into_iter().filter(|(key, _)| pressed(*key)).map(|(_, step)| GalleryCommand::Move(step)).collect()
}
