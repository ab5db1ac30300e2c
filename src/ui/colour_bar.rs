//! The colour bar: what the colours of the heat stand for.

use eframe::egui::{self, Align2, Color32, FontId, Mesh, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::render::{Style, ValueRange};

const HEIGHT: f32 = 14.0;
const TEXT: f32 = 11.0;

/// A horizontal bar with numbers at its ends and middle, and the value under the pointer as a mark.
pub fn colour_bar_ui(ui: &mut Ui, style: &Style, range: Option<ValueRange>, value: Option<f32>) {
    let width = ui.available_width().min(420.0);
    let (area, response) = ui.allocate_exact_size(vec2(width, HEIGHT + TEXT + 8.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::GenericContainer, true, describe(range)));
    let bar = Rect::from_min_size(area.min, vec2(width, HEIGHT));
    let painter = ui.painter();
    painter.add(gradient(bar, style));
    let stroke = ui.visuals().widgets.noninteractive.bg_stroke;
    painter.rect_stroke(bar, 0.0, stroke, egui::StrokeKind::Outside);

    let colour = ui.visuals().text_color();
    let font = FontId::proportional(TEXT);
    let below = bar.bottom() + 3.0;
    let Some(range) = range else {
        painter.text(pos2(bar.left(), below), Align2::LEFT_TOP, "flat: no patch stands out", font, colour);
        return;
    };
    for (x, align, value) in [
        (bar.left(), Align2::LEFT_TOP, range.low),
        (bar.center().x, Align2::CENTER_TOP, range.middle()),
        (bar.right(), Align2::RIGHT_TOP, range.high),
    ] {
        painter.text(pos2(x, below), align, number(value), font.clone(), colour);
    }
    if let Some(value) = value.filter(|value| value.is_finite()) {
        let share = range.position(value).clamp(0.0, 1.0);
        let x = egui::lerp(bar.x_range(), share);
        painter.vline(x, bar.y_range(), (3.0, Color32::BLACK));
        painter.vline(x, bar.y_range(), (1.0, Color32::WHITE));
    }
    response.on_hover_text(describe(Some(range)));
}

fn describe(range: Option<ValueRange>) -> String {
    match range {
        Some(range) => format!("Colours from {} to {}", number(range.low), number(range.high)),
        None => "The map is flat".to_owned(),
    }
}

fn gradient(bar: Rect, style: &Style) -> Mesh {
    let mut mesh = Mesh::default();
    let colours = style.bar_colours();
    for (i, [r, g, b]) in colours.into_iter().enumerate() {
        let at = |i: usize| egui::lerp(bar.x_range(), i as f32 / colours.len() as f32);
        let stripe = Rect::from_x_y_ranges(at(i)..=at(i + 1), bar.y_range());
        mesh.add_colored_rect(stripe, Color32::from_rgb(r, g, b));
    }
    mesh
}

/// Three significant digits, small and large numbers with a power of ten.
pub fn number(value: f32) -> String {
    let size = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if !(1e-3..1e4).contains(&size) {
        format!("{value:.2e}")
    } else {
        let decimals = (2 - size.log10().floor() as i32).max(0) as usize;
        format!("{value:.decimals$}")
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!(
            [0.0, 0.094_02, 1.2345, -56.78, 1234.6, 0.000_206, 1e9].map(number),
            ["0", "0.0940", "1.23", "-56.8", "1235", "2.06e-4", "1.00e9"]
        );
    }
}
