//! Lines of text drawn into a picture.

use ::image::RgbImage;
use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

use super::error::RenderError;
use super::heatmap::blend;

/// The one typeface of all figures.
pub(super) struct Typeface(FontRef<'static>);

impl Typeface {
    pub fn load() -> Result<Self, RenderError> {
        Ok(Self(FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT)?))
    }

    /// Width of a line in pixels.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        self.lay_out(text, size).1
    }

    /// Height of a digit in pixels, to centre numbers on a tick.
    pub fn digit_height(&self, size: f32) -> f32 {
        let digit = self.0.glyph_id('0').with_scale(PxScale::from(size));
        self.0.outline_glyph(digit).map_or(0.0, |outline| outline.px_bounds().height())
    }

    /// The line, or as much of its beginning as fits, with an ellipsis.
    pub fn fitted(&self, text: &str, size: f32, width: f32) -> String {
        if self.width(text, size) <= width {
            return text.to_owned();
        }
        let mut kept: Vec<char> = text.chars().collect();
        loop {
            let shortened = kept.iter().collect::<String>().trim_end().to_owned() + "…";
            if kept.is_empty() || self.width(&shortened, size) <= width {
                return shortened;
            }
            kept.pop();
        }
    }

    /// Draws a line whose baseline starts at `left`, `baseline`; what lies outside of the picture is cut off.
    pub fn draw(&self, picture: &mut RgbImage, text: &str, size: f32, [left, baseline]: [f32; 2], colour: [u8; 3]) {
        for mut glyph in self.lay_out(text, size).0 {
            glyph.position.x += left;
            glyph.position.y += baseline;
            let Some(outline) = self.0.outline_glyph(glyph) else { continue };
            let origin = outline.px_bounds().min;
            outline.draw(|x, y, coverage| {
                let (x, y) = (origin.x + x as f32, origin.y + y as f32);
                if x < 0.0 || y < 0.0 {
                    return;
                }
                if let Some(pixel) = picture.get_pixel_mut_checked(x as u32, y as u32) {
                    *pixel = blend(*pixel, colour, coverage.min(1.0));
                }
            });
        }
    }

    /// The glyphs of a line that starts at the origin, and its width.
    fn lay_out(&self, text: &str, size: f32) -> (Vec<Glyph>, f32) {
        let font = self.0.as_scaled(PxScale::from(size));
        let mut glyphs: Vec<Glyph> = Vec::new();
        let mut x = 0.0;
        for character in text.chars() {
            let id = font.glyph_id(character);
            x += glyphs.last().map_or(0.0, |last| font.kern(last.id, id));
            glyphs.push(id.with_scale_and_position(size, point(x, 0.0)));
            x += font.h_advance(id);
        }
        (glyphs, x)
    }
}

/// A number with three significant digits, whole digits never lost: `0.0123`, `12.3`, `1234`, `1.23e−5`.
pub(super) fn three_digits(value: f32) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { value.to_string() };
    }
    // The notation with exponent has rounded already: 0.9999 is 1.00e0, not 9.999e-1.
    let scientific = format!("{value:.2e}");
    let power = scientific.split_once('e').and_then(|(_, power)| power.parse::<i32>().ok());
    let text = match power {
        Some(power @ -4..=4) => format!("{value:.*}", usize::try_from(2 - power).unwrap_or(0)),
        // The typeface has no raised minus for a power of ten.
        _ => scientific,
    };
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_significant_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.012_345, "0.0123"),
            (0.999_9, "1.00"),
            (-12.34, "−12.3"),
            (1234.0, "1234"),
            (1.234e-5, "1.23e−5"),
            (-6.789e12, "−6.79e12"),
        ] {
            assert_eq!(three_digits(value), text);
        }
    }

    #[test]
    fn the_typeface_has_every_sign_that_figures_use() {
        let typeface = Typeface::load().unwrap();
        for sign in "0123456789.e−·…×".chars() {
            assert_ne!(typeface.0.glyph_id(sign).0, 0, "{sign} would show as an empty box");
        }
    }

    #[test]
    fn long_lines_are_cut_with_an_ellipsis() {
        let typeface = Typeface::load().unwrap();
        let line = "great white shark 0.87 · GAE · DeiT-Tiny";
        assert_eq!(typeface.fitted(line, 20.0, 1000.0), line);
        let cut = typeface.fitted(line, 20.0, 150.0);
        assert!(cut.starts_with("great") && cut.ends_with('…') && typeface.width(&cut, 20.0) <= 150.0, "{cut}");
        assert_eq!(typeface.fitted(line, 20.0, 0.0), "…");
    }
}
