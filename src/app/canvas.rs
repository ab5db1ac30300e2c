//! Where the canvas looks, and what the pointer does there.

use crate::image::Position;
use crate::size::Size;

use super::masks::MaskTool;
use super::occlusion::Fill;

/// From 1 % …
pub const LEAST_ZOOM: f64 = 0.01;
/// … to 64 screen pixels for one of the photo.
pub const MOST_ZOOM: f64 = 64.0;

/// What dragging and clicking on the canvas means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// Drag to pan, click a patch for its row.
    #[default]
    Look,
    /// Paint over parts of the photo and watch the probabilities.
    Occlude,
    /// Paint the mask.
    Mask(MaskTool),
}

/// A change of what the canvas looks at. Zoom factors are screen pixels per photo pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Zoom {
    /// The whole photo, and again after every resize.
    Fit,
    /// This factor, around the middle.
    To(f64),
    /// The next step in or out.
    In,
    Out,
    /// Exactly this.
    Look(Look),
}

/// A free look at the photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// The photo's position in the middle of the canvas.
    pub centre: Position,
    /// Screen pixels per photo pixel.
    pub zoom: f64,
}

impl Look {
    /// The whole photo of `width` × `height` in an area of screen pixels, with a small margin; never enlarged
    /// beyond eight screen pixels per photo pixel, so that a thumbnail does not become a mosaic.
    pub fn fit(width: f64, height: f64, area_width: f64, area_height: f64) -> Self {
        let zoom = (area_width / width).min(area_height / height) * 0.96;
        Self { centre: Position::new(width / 2.0, height / 2.0), zoom: zoom.clamp(LEAST_ZOOM, 8.0) }
    }

    /// Changes the factor so that `fixed`, a photo position, stays where it is on the screen.
    pub fn zoomed(self, factor: f64, fixed: Position) -> Self {
        let zoom = (self.zoom * factor).clamp(LEAST_ZOOM, MOST_ZOOM);
        let share = self.zoom / zoom;
        let move_to = |centre: f64, fixed: f64| fixed + (centre - fixed) * share;
        Self { centre: Position::new(move_to(self.centre.x, fixed.x), move_to(self.centre.y, fixed.y)), zoom }
    }

    /// Moves by screen pixels.
    pub fn panned(self, right: f64, down: f64) -> Self {
        Self { centre: Position::new(self.centre.x - right / self.zoom, self.centre.y - down / self.zoom), ..self }
    }

    /// Keeps the middle of the canvas on the photo, so that it cannot be lost.
    pub fn kept_on(self, width: f64, height: f64) -> Self {
        let centre = Position::new(self.centre.x.clamp(0.0, width), self.centre.y.clamp(0.0, height));
        Self { centre, ..self }
    }
}

/// The step from one zoom factor to the next: a quarter of a doubling would crawl, a doubling jumps.
const STEP: f64 = std::f64::consts::SQRT_2;

/// What the canvas shows of the photo.
#[derive(Clone, Debug, Default)]
pub struct Canvas {
    /// `None`: the whole photo.
    pub look: Option<Look>,
    /// What was last on screen, so that steps start from a fitted photo too.
    pub seen: Option<Look>,
    pub tool: Tool,
    /// Diameter of the brushes in photo pixels; `None`: a tenth of the photo.
    pub brush: Option<f64>,
    /// How the brush hides.
    pub fill: Fill,
}

impl Canvas {
    /// Diameter of the brushes on a photo of this size, in its pixels.
    pub fn brush_diameter(&self, photo: Size) -> f64 {
        self.brush.unwrap_or(photo.width.min(photo.height) as f64 / 10.0)
    }

    pub fn zoom(&mut self, zoom: Zoom) {
        let around_middle = |factor: f64| self.seen.map(|look| look.zoomed(factor, look.centre));
        match zoom {
            Zoom::Fit => self.look = None,
            Zoom::To(to) => self.look = self.seen.map(|look| Look { zoom: to.clamp(LEAST_ZOOM, MOST_ZOOM), ..look }),
            Zoom::In => self.look = around_middle(STEP),
            Zoom::Out => self.look = around_middle(1.0 / STEP),
            Zoom::Look(look) => self.look = Some(look),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_point_under_the_pointer_stays() {
        let look = Look { centre: Position::new(100.0, 50.0), zoom: 2.0 };
        let pointer = Position::new(130.0, 20.0);
        let on_screen = |look: Look| ((pointer.x - look.centre.x) * look.zoom, (pointer.y - look.centre.y) * look.zoom);
        assert_eq!(on_screen(look), on_screen(look.zoomed(4.0, pointer)));
    }

    #[test]
    fn zoom_ends_at_its_limits() {
        let look = Look { centre: Position::new(0.0, 0.0), zoom: 1.0 };
        assert_eq!(look.zoomed(1e9, look.centre).zoom, MOST_ZOOM);
        assert_eq!(look.zoomed(1e-9, look.centre).zoom, LEAST_ZOOM);
    }

    #[test]
    fn the_photo_cannot_be_lost() {
        let look = Look { centre: Position::new(50.0, 50.0), zoom: 1.0 }.panned(1e6, -1e6).kept_on(100.0, 80.0);
        assert_eq!((look.centre.x, look.centre.y), (0.0, 80.0));
    }

    #[test]
    fn fit_shows_all_of_it() {
        let look = Look::fit(400.0, 200.0, 800.0, 800.0);
        assert_eq!((look.centre.x, look.centre.y), (200.0, 100.0));
        assert!(look.zoom * 400.0 <= 800.0 && look.zoom * 400.0 > 700.0);
        assert_eq!(Look::fit(2.0, 2.0, 800.0, 800.0).zoom, 8.0);
    }
}
