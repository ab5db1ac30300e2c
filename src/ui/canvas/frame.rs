//! From the screen to the photo and back.

use eframe::egui::{Pos2, Rect, pos2};
use fast_image_resize::CropBox;

use crate::app::canvas::Look;
use crate::image::Position;
use crate::render::ViewTransform;

/// Where a look at the photo lies on the screen. Screen positions are egui's points.
#[derive(Clone, Copy, Debug)]
pub struct ScreenFrame {
    pub rect: Rect,
    pub look: Look,
    pub pixels_per_point: f64,
}

impl ScreenFrame {
    /// Points per photo pixel.
    fn scale(&self) -> f64 {
        self.look.zoom / self.pixels_per_point
    }

    pub fn image_from_ui(&self, pos_in_ui: Pos2) -> Position {
        let (dx, dy) = (pos_in_ui.x - self.rect.center().x, pos_in_ui.y - self.rect.center().y);
        Position::new(
            self.look.centre.x + f64::from(dx) / self.scale(),
            self.look.centre.y + f64::from(dy) / self.scale(),
        )
    }

    pub fn ui_from_image(&self, pos_in_image: Position) -> Pos2 {
        pos2(
            self.rect.center().x + ((pos_in_image.x - self.look.centre.x) * self.scale()) as f32,
            self.rect.center().y + ((pos_in_image.y - self.look.centre.y) * self.scale()) as f32,
        )
    }

    pub fn ui_from_area(&self, area: CropBox) -> Rect {
        Rect::from_min_max(
            self.ui_from_image(Position::new(area.left, area.top)),
            self.ui_from_image(Position::new(area.left + area.width, area.top + area.height)),
        )
    }

    /// What the shader needs: the photo position of the top left corner, and screen pixels per photo pixel.
    pub fn transform(&self) -> ViewTransform {
        let Position { x, y } = self.image_from_ui(self.rect.min);
        ViewTransform { origin: [x, y], zoom: self.look.zoom }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_again() {
        let frame = ScreenFrame {
            rect: Rect::from_min_max(pos2(100.0, 40.0), pos2(500.0, 440.0)),
            look: Look { centre: Position::new(320.0, 240.0), zoom: 3.0 },
            pixels_per_point: 2.0,
        };
        assert_eq!(frame.image_from_ui(frame.rect.center()), frame.look.centre);
        let corner = pos2(130.0, 400.0);
        let back = frame.ui_from_image(frame.image_from_ui(corner));
        // f32 points: far below a tenth of a pixel.
        assert!((back - corner).length() < 1e-3, "{back}");
        // 60 points to the right are 120 screen pixels, 40 photo pixels.
        let right = frame.image_from_ui(frame.rect.center() + eframe::egui::vec2(60.0, 0.0));
        assert!((right.x - 360.0).abs() < 1e-9);
    }
}
