//! The hand that paints the mask: strokes, outlines, clicks, and the lines that show what they will do.

use eframe::egui::{Color32, Event, Key, Modifiers, Pos2, Rect, Response, Shape, Stroke, Ui, vec2};

use crate::app::masks::MaskTool;
use crate::app::{Command, MaskCommand, Session};
use crate::image::{ImageSource, Position};
use crate::mask::{Label, Operation};

use super::frame::ScreenFrame;
use super::{navigation, overlay};

/// How near, in points, a click must be to a polygon's first corner to close it.
const CLOSES: f32 = 8.0;
/// Moves shorter than this, in points, add no corner to a lasso.
const LASSO_STEP: f32 = 1.5;

/// What the hand remembers from frame to frame.
#[derive(Default)]
pub struct MaskHand {
    /// Corners of the outline that is being drawn; of a rectangle or an ellipse, where the drag began and where it is.
    outline: Vec<Position>,
    /// The button is down and something is being drawn.
    is_drawing: bool,
    /// The button is down, but what it drew was given up.
    is_spent: bool,
    /// The pane in which it began.
    pane: Option<Rect>,
    /// What the outline belongs to.
    subject: Option<(MaskTool, ImageSource)>,
    /// The wheel changes the brush, and goes on doing so until it stands still.
    resizes: bool,
}

impl MaskHand {
    /// The pane in which the stroke or outline under way began.
    pub fn pane(&self) -> Option<Rect> {
        self.pane.filter(|_| self.is_drawing || !self.outline.is_empty())
    }

    /// Turns the pointer on the canvas into commands, and draws what it is about to do.
    pub fn show(
        &mut self,
        ui: &Ui,
        response: &Response,
        session: &Session,
        frame: &ScreenFrame,
        tool: MaskTool,
        commands: &mut Vec<Command>,
    ) {
        let subject = session.image().map(|image| (tool, image.clone()));
        if self.subject != subject {
            *self = Self { subject, is_spent: ui.input(|input| input.pointer.primary_down()), ..Self::default() };
        }
        let Some(current) = session.masks.current() else {
            self.outline.clear();
            return;
        };
        let pointer = Pointer::read(ui, response, frame);
        self.is_spent &= pointer.is_held;
        if self.is_spent || navigation::is_hand(ui) && !self.is_drawing {
            return;
        }
        let label = if pointer.erases { Label::Background } else { session.masks.label };
        if pointer.is_down && self.pane().is_none() {
            self.pane = Some(frame.rect);
        }
        let apply = |operation| Command::Mask(MaskCommand::Apply(operation));
        match tool {
            MaskTool::Brush | MaskTool::Eraser => {
                let radius = session.canvas.brush_diameter(current.mask().size()) / 2.0;
                self.stroke(ui, &pointer, commands);
                let from = current.last_end().filter(|_| pointer.is_straight && !self.is_drawing);
                draw_straight(ui, response.rect, frame, from, response.hover_pos());
                overlay::brush(ui, response.rect, frame, radius);
            }
            MaskTool::Lasso => {
                let closed = self.lasso(ui, &pointer, frame);
                commands.extend(closed.map(|points| apply(Operation::Polygon { points, label })));
            }
            MaskTool::Polygon => {
                let closed = self.polygon(ui, response, &pointer, frame);
                commands.extend(closed.map(|points| apply(Operation::Polygon { points, label })));
            }
            MaskTool::Rectangle | MaskTool::Ellipse => {
                let shape = |from, to| match tool {
                    MaskTool::Rectangle => Operation::Rectangle { from, to, label },
                    _ => Operation::Ellipse { from, to, label },
                };
                let dragged = self.corners(ui, &pointer);
                commands.extend(dragged.map(|(from, to)| apply(shape(from, to))));
            }
            MaskTool::Point => {
                draw_points(ui, response.rect, frame, session);
                let dragged = self.corners(ui, &pointer);
                let clicked = pointer.at.filter(|_| response.clicked());
                let command = clicked.map(|at| MaskCommand::Point { at, is_object: !pointer.erases });
                let around = dragged.filter(|_| clicked.is_none()).map(|(from, to)| MaskCommand::Around(from, to));
                commands.extend(command.or(around).map(Command::Mask));
            }
            MaskTool::Bucket | MaskTool::FillContour => {
                let tolerance = session.settings.paint.bucket_tolerance;
                let fill = |at| match tool {
                    MaskTool::Bucket => Operation::Bucket { at, tolerance, label },
                    _ => Operation::FillContour { at, label },
                };
                let clicked = pointer.at.filter(|_| response.clicked());
                commands.extend(clicked.map(|at| apply(fill(at))));
            }
        }
        self.draw(ui, response, frame, tool);
    }

    /// Whether the wheel changes the size of the brush, because the command key is down with it, instead of zooming.
    pub fn resizes(
        &mut self,
        ui: &Ui,
        response: &Response,
        session: &Session,
        tool: MaskTool,
        commands: &mut Vec<Command>,
    ) -> bool {
        let (factor, has_key) = ui.input(|input| (f64::from(input.zoom_delta()), input.modifiers.command));
        // egui spreads a notch over some frames, in which the key may be let go.
        self.resizes = tool.is_round() && response.hovered() && factor != 1.0 && (has_key || self.resizes);
        let size = session.masks.current().map(|current| current.mask().size());
        if let Some(size) = size.filter(|_| self.resizes) {
            let most = (size.width.min(size.height) as f64).max(1.0);
            commands.push(Command::Brush((session.canvas.brush_diameter(size) * factor).clamp(1.0, most)));
        }
        self.resizes
    }

    fn stroke(&mut self, ui: &Ui, pointer: &Pointer, commands: &mut Vec<Command>) {
        let mut send = |command| commands.push(Command::Mask(command));
        match (pointer.is_down, self.is_drawing) {
            // egui itself takes Esc for the end of a drag.
            (_, true) if taken(ui, Key::Escape) => {
                (self.is_drawing, self.is_spent) = (false, true);
                send(MaskCommand::Abort);
            }
            (true, false) => {
                let Some(at) = pointer.pressed_at.or(pointer.at) else { return };
                self.is_drawing = true;
                send(MaskCommand::Begin { at, straight: pointer.is_straight });
                pointer.path.iter().for_each(|&at| send(MaskCommand::To(at)));
            }
            (true, true) => pointer.path.iter().for_each(|&at| send(MaskCommand::To(at))),
            (false, true) => {
                self.is_drawing = false;
                pointer.path.iter().for_each(|&at| send(MaskCommand::To(at)));
                send(MaskCommand::End);
            }
            (false, false) => {}
        }
    }

    /// The finished outline.
    fn lasso(&mut self, ui: &Ui, pointer: &Pointer, frame: &ScreenFrame) -> Option<Vec<Position>> {
        if self.is_given_up(ui) {
            return None;
        }
        if pointer.is_down {
            self.is_drawing = true;
            let start = pointer.pressed_at.filter(|_| self.outline.is_empty());
            for at in start.into_iter().chain(pointer.path.iter().copied()) {
                let is_far = |last: &Position| distance(frame, *last, at) >= LASSO_STEP;
                if self.outline.last().is_none_or(is_far) {
                    self.outline.push(at);
                }
            }
            return None;
        }
        std::mem::take(&mut self.is_drawing).then(|| std::mem::take(&mut self.outline)).filter(|line| line.len() > 2)
    }

    /// The finished outline.
    fn polygon(
        &mut self,
        ui: &Ui,
        response: &Response,
        pointer: &Pointer,
        frame: &ScreenFrame,
    ) -> Option<Vec<Position>> {
        if !self.outline.is_empty() && taken(ui, Key::Escape) {
            self.outline.clear();
        }
        if !self.outline.is_empty() && taken(ui, Key::Backspace) {
            self.outline.pop();
        }
        let mut closes = self.outline.len() > 2 && taken(ui, Key::Enter);
        if let Some(at) = pointer.at.filter(|_| response.clicked()) {
            let first = self.outline.first().filter(|_| self.outline.len() > 2);
            closes |= first.is_some_and(|&first| distance(frame, first, at) < CLOSES);
            // The second click of a double click lies on the corner of the first.
            if !closes && !response.double_clicked() {
                self.outline.push(at);
            }
            closes |= response.double_clicked() && self.outline.len() > 2;
        }
        closes.then(|| std::mem::take(&mut self.outline))
    }

    /// The finished drag.
    fn corners(&mut self, ui: &Ui, pointer: &Pointer) -> Option<(Position, Position)> {
        if self.is_given_up(ui) {
            return None;
        }
        if pointer.is_down {
            self.is_drawing = true;
            let from = self.outline.first().copied().or(pointer.pressed_at).or(pointer.at)?;
            let to = pointer.at.unwrap_or(from);
            self.outline = vec![from, if pointer.is_straight { squared(from, to) } else { to }];
            return None;
        }
        let is_done = std::mem::take(&mut self.is_drawing);
        let corners = std::mem::take(&mut self.outline);
        match corners[..] {
            [from, to] if is_done && from != to => Some((from, to)),
            _ => None,
        }
    }

    fn is_given_up(&mut self, ui: &Ui) -> bool {
        let is_given_up = self.is_drawing && taken(ui, Key::Escape);
        if is_given_up {
            self.outline.clear();
            (self.is_drawing, self.is_spent) = (false, true);
        }
        is_given_up
    }

    fn draw(&self, ui: &Ui, response: &Response, frame: &ScreenFrame, tool: MaskTool) {
        let on_screen = |at: &Position| frame.ui_from_image(*at);
        let mut points: Vec<Pos2> = self.outline.iter().map(on_screen).collect();
        if points.is_empty() {
            return;
        }
        let corners = points.clone();
        match (tool, &corners[..]) {
            (MaskTool::Rectangle | MaskTool::Point, [from, to]) => points = ring(Rect::from_two_pos(*from, *to), 4),
            (MaskTool::Ellipse, [from, to]) => points = ring(Rect::from_two_pos(*from, *to), 64),
            (MaskTool::Polygon, _) => points.extend(response.hover_pos()),
            _ => {}
        }
        let painter = ui.painter_at(response.rect);
        for stroke in [Stroke::new(3.0, Color32::from_black_alpha(150)), Stroke::new(1.0, Color32::WHITE)] {
            painter.add(Shape::line(points.clone(), stroke));
        }
        if tool == MaskTool::Polygon {
            for (index, &corner) in corners.iter().enumerate() {
                let radius = if index == 0 && corners.len() > 2 { 5.0 } else { 3.0 };
                painter.circle(corner, radius, Color32::WHITE, (1.0, Color32::from_black_alpha(200)));
            }
        }
    }
}

/// The pointer in this frame, in photo pixels.
struct Pointer {
    at: Option<Position>,
    /// Where the button went down.
    pressed_at: Option<Position>,
    /// Where it was in this frame, in order: a fast hand moves several times.
    path: Vec<Position>,
    is_down: bool,
    /// The button is down, whatever it was pressed on.
    is_held: bool,
    /// Shift: straight lines, squares and circles.
    is_straight: bool,
    /// Alt: background.
    erases: bool,
}

impl Pointer {
    fn read(ui: &Ui, response: &Response, frame: &ScreenFrame) -> Self {
        let in_image = |pos: Pos2| frame.image_from_ui(pos);
        // Both lock the input themselves.
        let (pointed, is_pressed) =
            (response.interact_pointer_pos().or_else(|| response.hover_pos()), response.is_pointer_button_down_on());
        ui.input(|input| {
            let moved = |event: &Event| match event {
                Event::PointerMoved(pos) => Some(in_image(*pos)),
                _ => None,
            };
            Self {
                at: pointed.map(in_image),
                pressed_at: input.pointer.press_origin().map(in_image),
                path: input.events.iter().filter_map(moved).collect(),
                is_down: input.pointer.primary_down() && is_pressed,
                is_held: input.pointer.primary_down(),
                is_straight: input.modifiers.shift,
                erases: input.modifiers.alt,
            }
        })
    }
}

/// Whether a key was pressed, which then is nobody else's.
fn taken(ui: &Ui, key: Key) -> bool {
    !ui.ctx().text_edit_focused() && ui.input_mut(|input| input.consume_key(Modifiers::NONE, key))
}

/// In points.
fn distance(frame: &ScreenFrame, a: Position, b: Position) -> f32 {
    frame.ui_from_image(a).distance(frame.ui_from_image(b))
}

/// The corner that makes a square with `from`, towards `to`.
fn squared(from: Position, to: Position) -> Position {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let side = dx.abs().max(dy.abs());
    Position::new(from.x + side.copysign(dx), from.y + side.copysign(dy))
}

/// A closed line: the rectangle itself from four corners, or the ellipse in it.
fn ring(rect: Rect, corners: usize) -> Vec<Pos2> {
    if corners == 4 {
        return vec![rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
    }
    let at = |step: usize| {
        let angle = step as f32 / corners as f32 * std::f32::consts::TAU;
        rect.center() + vec2(angle.cos(), angle.sin()) * rect.size() / 2.0
    };
    (0..=corners).map(at).collect()
}

/// Where the object was pointed at: a plus on it, a minus beside it, and the box around it.
fn draw_points(ui: &Ui, clip: Rect, frame: &ScreenFrame, session: &Session) {
    let painter = ui.painter_at(clip);
    let prompt = session.masks.auto.prompt();
    if let Some((from, to)) = prompt.area {
        let area = Rect::from_two_pos(frame.ui_from_image(from), frame.ui_from_image(to));
        painter.add(Shape::line(ring(area, 4), Stroke::new(1.5, Color32::WHITE)));
    }
    let clicked = session.masks.auto.click().map(|at| (at, true));
    for &(at, is_object) in prompt.points.iter().chain(&clicked) {
        let centre = frame.ui_from_image(at);
        let ground = if is_object { Color32::from_rgb(20, 130, 60) } else { Color32::from_rgb(180, 40, 34) };
        painter.circle(centre, 7.0, ground, (1.5, Color32::WHITE));
        let stroke = Stroke::new(1.5, Color32::WHITE);
        painter.line_segment([centre - vec2(4.0, 0.0), centre + vec2(4.0, 0.0)], stroke);
        if is_object {
            painter.line_segment([centre - vec2(0.0, 4.0), centre + vec2(0.0, 4.0)], stroke);
        }
    }
}

/// The line that a click with Shift would draw.
fn draw_straight(ui: &Ui, clip: Rect, frame: &ScreenFrame, from: Option<Position>, to: Option<Pos2>) {
    let (Some(from), Some(to)) = (from, to) else { return };
    let painter = ui.painter_at(clip);
    let line = [frame.ui_from_image(from), to];
    painter.line_segment(line, Stroke::new(3.0, Color32::from_black_alpha(120)));
    painter.line_segment(line, Stroke::new(1.0, Color32::WHITE));
}

#[cfg(test)]
mod tests {
    use eframe::egui::Vec2;

    use super::*;

    #[test]
    fn squares_open_towards_the_pointer() {
        let from = Position::new(10.0, 10.0);
        assert_eq!(squared(from, Position::new(14.0, 3.0)), Position::new(17.0, 3.0));
        assert_eq!(squared(from, Position::new(2.0, 9.0)), Position::new(2.0, 2.0));
    }

    #[test]
    fn an_ellipse_touches_its_rectangle() {
        let rect = Rect::from_min_size(Pos2::new(10.0, 20.0), Vec2::new(40.0, 30.0));
        let ring = ring(rect, 64);
        assert_eq!(ring.len(), 65);
        let bounds = Rect::from_points(&ring);
        // Sines and cosines in f32 of lengths up to 20.
        assert!((bounds.min - rect.min).length() < 1e-4 && (bounds.max - rect.max).length() < 1e-4, "{bounds:?}");
    }
}
