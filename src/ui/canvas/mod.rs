//! The canvas: image and heat, pan and zoom, the views, and what lies under the pointer.

mod bar;
pub(super) mod frame;
mod inspector;
mod mask;
mod navigation;
mod overlay;
mod panes;
mod states;

use std::time::Duration;

use eframe::egui::{Id, Rect, Response, Role, Sense, Ui, WidgetInfo, vec2};

use crate::app::canvas::{Look, Tool};
use crate::app::difference::DifferenceMap;
use crate::app::occlusion::Paint;
use crate::app::settings::View;
use crate::app::views::PhotoOnScreen;
use crate::app::{Command, Norms, Session, Slot};
use crate::image::Position;
use crate::render::gpu::{paint, paint_mask};
use crate::render::{Layer, MaskLayer};

use super::colour_bar::number;
use super::theme;
use frame::ScreenFrame;
use inspector::Inspected;
use mask::MaskHand;
use panes::Pane;

/// What only the canvas itself remembers.
pub struct CanvasUi {
    /// The wipe's divider as a share of the width.
    wipe: f32,
    difference: DifferenceMap,
    /// Under the pointer in the last frame.
    inspected: Option<Inspected>,
    /// Where the brush was in the last frame, in photo pixels.
    brush_at: Option<Position>,
    /// The pane it began in.
    brush_in: Option<Rect>,
    hand: MaskHand,
}

impl Default for CanvasUi {
    fn default() -> Self {
        Self {
            wipe: 0.5,
            difference: DifferenceMap::default(),
            inspected: None,
            brush_at: None,
            brush_in: None,
            hand: MaskHand::default(),
        }
    }
}

/// Seconds between the two pictures of the blink view.
const BLINK_SECS: f64 = 0.7;

impl CanvasUi {
    /// Fills the space that is left; `commands` gets what the user does.
    pub fn show(&mut self, ui: &mut Ui, session: &Session, commands: &mut Vec<Command>) {
        let bar = if session.image().is_some() { bar::HEIGHT } else { 0.0 };
        let area = ui.available_rect_before_wrap();
        let (canvas, bar) = area.split_top_bottom_at_y(area.bottom() - bar);
        ui.painter().rect_filled(canvas, 0.0, theme::backdrop(ui.visuals()));
        let response = ui.interact(canvas, Id::unique("canvas"), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, label(session)));

        let panes = self.panes(ui, session, canvas.shrink(6.0));
        match panes.first().and(photo(session)) {
            Some(photo) => self.show_panes(ui, session, &panes, &photo, &response, commands),
            None => {
                self.inspected = None;
                no_photo_ui(ui, session, canvas, commands);
            }
        }
        if session.image().is_some() {
            let value = self.inspected.and_then(|inspected| inspected.patch).map(|patch| patch.raw);
            // The scale of the pane under the pointer, else of the first.
            let pointed = response.hover_pos();
            let under = panes.iter().filter(|pane| pointed.is_some_and(|pos| pane.clip.contains(pos)));
            let heat = under.chain(&panes).find_map(|pane| pane.heat.as_ref());
            bar::show(ui, bar, session, heat.map(|(_, style)| style), self.inspected.as_ref(), value, commands);
        }
        ui.advance_cursor_after_rect(area);
    }

    fn panes(&mut self, ui: &Ui, session: &Session, area: Rect) -> Vec<Pane> {
        let blink = if session.settings.view == View::Blink {
            let phase = ui.input(|input| input.time) / BLINK_SECS;
            ui.ctx().request_repaint_after(Duration::from_secs_f64((1.0 - phase.fract()) * BLINK_SECS));
            phase as u64 % 2 == 1
        } else {
            false
        };
        panes::arrange(session, area, self.wipe, blink, &mut self.difference)
    }

    fn show_panes(
        &mut self,
        ui: &mut Ui,
        session: &Session,
        panes: &[Pane],
        photo: &PhotoOnScreen,
        response: &Response,
        commands: &mut Vec<Command>,
    ) {
        let size = photo.size();
        let pixels_per_point = f64::from(ui.pixels_per_point());
        let pixels = panes[0].rect.size() * ui.pixels_per_point();
        let fitted = Look::fit(size.width as f64, size.height as f64, f64::from(pixels.x), f64::from(pixels.y));
        let look = session.canvas.look.unwrap_or(fitted);
        if session.canvas.seen != Some(look) {
            commands.push(Command::Seen(look));
        }
        for (slot, pane) in panes.iter().enumerate() {
            let frame = ScreenFrame { rect: pane.rect, look, pixels_per_point };
            draw(ui, session, pane, &frame, slot as u64);
        }
        if session.lacks_second() {
            states::lacks_second_ui(ui, panes[0].clip, commands);
        }
        if session.settings.view == View::Wipe {
            self.wipe = overlay::divider(ui, panes[0].rect, self.wipe);
        }
        let pointer = response.hover_pos().or(response.interact_pointer_pos());
        let under = pointer.and_then(|pos| panes.iter().find(|pane| pane.clip.contains(pos)));
        // A stroke stays in the pane where it began, wherever the pointer goes.
        let begun = self.brush_in.filter(|_| self.brush_at.is_some()).or(self.hand.pane());
        let rect = begun.unwrap_or_else(|| under.map_or(panes[0].rect, |pane| pane.rect));
        let frame = ScreenFrame { rect, look, pixels_per_point };
        let looks = session.canvas.tool == Tool::Look;
        let resizes = match session.canvas.tool {
            Tool::Mask(tool) => self.hand.resizes(ui, response, session, tool, commands),
            Tool::Look | Tool::Occlude => false,
        };
        if !resizes {
            navigation::navigate(ui, response, &frame, size, looks, commands);
        }
        let pos = pointer.map(|pos| frame.image_from_ui(pos));
        self.inspected = pos.zip(under).and_then(|(pos, pane)| inspect(session, photo, pane, pos));
        match session.canvas.tool {
            Tool::Look => self.pick(response, session, commands),
            Tool::Occlude => self.occlude(ui, response, session, photo, &frame, commands),
            Tool::Mask(tool) => self.hand.show(ui, response, session, &frame, tool, commands),
        }
    }

    /// A click on a patch asks for its row; on the same patch again, or beside the map, for the classifier's.
    fn pick(&self, response: &Response, session: &Session, commands: &mut Vec<Command>) {
        if response.clicked()
            && let Some(inspected) = &self.inspected
        {
            let grid = session.models.get(Slot::Main).map(|model| model.info.config.grid());
            // A patch of a model with another grid is none of the main model's.
            let index = inspected.patch.filter(|patch| Some(patch.grid) == grid).map(|patch| patch.index);
            commands.push(Command::Patch(index.filter(|index| session.explain.patch != Some(*index))));
        }
    }

    fn occlude(
        &mut self,
        ui: &Ui,
        response: &Response,
        session: &Session,
        photo: &PhotoOnScreen,
        frame: &ScreenFrame,
        commands: &mut Vec<Command>,
    ) {
        let size = photo.size();
        let radius = session.canvas.brush_diameter(size) / 2.0;
        overlay::brush(ui, response.rect, frame, radius);
        let is_down = ui.input(|input| input.pointer.primary_down()) && response.is_pointer_button_down_on();
        let at = response.interact_pointer_pos().map(|pos| frame.image_from_ui(pos));
        let Some(at) = at.filter(|_| is_down && !navigation::is_hand(ui)) else {
            self.brush_at = None;
            return;
        };
        match self.brush_at {
            None => {
                self.brush_in = Some(frame.rect);
                commands.push(Command::Paint(Paint::Begin { at, radius }));
            }
            Some(before) if before != at => commands.push(Command::Paint(Paint::To(at))),
            Some(_) => {}
        }
        self.brush_at = Some(at);
    }
}

fn photo(session: &Session) -> Option<PhotoOnScreen> {
    session.main_view()?.photo.clone()
}

fn draw(ui: &Ui, session: &Session, pane: &Pane, frame: &ScreenFrame, slot: u64) {
    let layer = Layer {
        photo: pane.photo.clone(),
        heat: pane.heat.clone(),
        view: frame.transform(),
        slot,
        smooth: session.settings.smooth_pixels,
    };
    ui.painter_at(pane.clip).add(paint(pane.rect, layer));
    if let Some(current) = session.masks.current().filter(|_| session.settings.show_mask) {
        let mask = current.picture().clone();
        let layer = MaskLayer { mask, style: session.settings.mask_style, view: frame.transform(), slot };
        ui.painter_at(pane.clip).add(paint_mask(pane.rect, layer));
    }
    if let Some(occluded) = session.occluded() {
        overlay::occluded(ui, pane.clip, frame, &occluded.occlusion);
    }
    let view = session.view(pane.view);
    if let Some(prepared) = view.and_then(|view| view.prepared.as_ref()) {
        if session.settings.show_crop {
            overlay::crop(ui, pane.clip, frame, prepared);
        }
        let result = view.and_then(|view| view.result.as_ref());
        if let Some((result, index)) = result.and_then(|result| Some((result, result.request.patch?))) {
            overlay::patch(ui, pane.clip, frame, prepared, index, result.patch);
        }
        let norms = result.and_then(|result| Some((result, result.token_norms.as_ref()?)));
        if let Some((result, norms)) = norms.filter(|_| session.explain.norms == Norms::Marked) {
            overlay::outliers(ui, pane.clip, frame, prepared, result.patch, norms);
        }
    }
    let is_right_half = session.settings.view == View::Wipe && pane.clip.right() >= pane.rect.right();
    overlay::title(ui, pane.clip, &pane.title, is_right_half);
    if let Some(error) = &pane.error {
        states::strip(ui, pane.clip, error, ui.visuals().error_fg_color);
    } else if pane.waiting {
        waiting_mark(ui, session, pane);
    }
}

/// A thin bar at the upper edge: this picture is not the latest yet.
fn waiting_mark(ui: &Ui, session: &Session, pane: &Pane) {
    let progress = session.view(pane.view).and_then(|view| view.progress);
    let share = progress.map_or(0.0, |(done, total)| done as f32 / total.max(1) as f32);
    let width = (pane.clip.width() * share).max(24.0);
    let bar = Rect::from_min_size(pane.clip.min, vec2(width, 3.0));
    ui.painter_at(pane.clip).rect_filled(bar, 0.0, theme::accent(ui.visuals()));
}

fn inspect(session: &Session, photo: &PhotoOnScreen, pane: &Pane, pos: Position) -> Option<Inspected> {
    let prepared = session.view(pane.view).and_then(|view| view.prepared.clone());
    let patch = session.view(pane.view)?.result.as_ref().map(|result| result.patch);
    let map = match (&pane.heat, &prepared, patch) {
        (Some((map, _)), Some(prepared), Some(patch)) => Some((&**map, &**prepared, patch)),
        _ => None,
    };
    inspector::inspect(&photo.picture().rgb, pos, map)
}

fn no_photo_ui(ui: &mut Ui, session: &Session, area: Rect, commands: &mut Vec<Command>) {
    let error = session.main_view().and_then(|view| view.error.as_ref());
    match (session.image(), error) {
        (None, _) => states::empty_ui(ui, area, commands),
        (Some(image), Some(error)) => {
            let title = format!("{} cannot be shown", image.title());
            states::error_ui(ui, area, &title, error);
        }
        (Some(_), None) if session.models.get(Slot::Main).is_none() && session.models.pending.is_empty() => {
            states::no_model_ui(ui, area, commands);
        }
        (Some(_), None) if session.models.get(Slot::Main).is_none() => {
            states::loading_ui(ui, area, "Loading the model…");
        }
        (Some(image), None) => states::loading_ui(ui, area, &format!("Loading {}…", image.title())),
    }
}

/// What a screen reader says of the canvas.
fn label(session: &Session) -> String {
    let Some(image) = session.image() else { return "Canvas, no image".to_owned() };
    let top =
        session.main_view().and_then(|view| view.result.as_ref()).and_then(|result| result.top(1).first().copied());
    let model = session.models.get(Slot::Main);
    match (top, model) {
        (Some((class, probability)), Some(model)) => {
            format!("Canvas: {}, {} {probability:.2}", image.title(), model.info.classes.short_name(class))
        }
        _ => format!("Canvas: {}", image.title()),
    }
}
