//! The occlusion brush: strokes over a picture that hide it from the model.

use std::sync::Arc;

use ::image::imageops::{fast_blur, thumbnail};
use ::image::{Rgb, RgbImage};

use crate::image::{Picture, Position};

/// Sigma of the blur as a share of the side: only the rough colours stay.
const BLUR: f32 = 1.0 / 16.0;

/// The blur is computed on a copy of at most this many pixels a side; it leaves no detail that would show it.
const BLURRED_SIDE: u32 = 256;

/// What is painted over a picture before it is prepared.
#[derive(Clone, Debug, PartialEq)]
pub struct Occlusion {
    /// Another one for every change: results are cached by it.
    pub version: u64,
    /// Without any, the picture stays as it is.
    pub strokes: Vec<Stroke>,
    pub fill: Fill,
}

/// One drag of a round brush.
#[derive(Clone, Debug, PartialEq)]
pub struct Stroke {
    /// Where the centre went, in pixels of the photo; one point is a dot.
    pub points: Vec<Position>,
    /// In pixels of the photo.
    pub radius: f64,
}

/// What stands in place of the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fill {
    /// The mean colour of the profile, which normalises to 0.
    #[default]
    Grey,
    /// The picture itself, strongly blurred.
    Blur,
}

impl Occlusion {
    /// The picture with the strokes filled; `mean` is the profile's, in 0…1.
    pub fn apply(&self, picture: &Picture, mean: [f32; 3]) -> Picture {
        let mut rgb = RgbImage::clone(&picture.rgb);
        match self.fill {
            Fill::Grey => {
                let grey = Rgb(mean.map(|value| (value * 255.0).round() as u8));
                self.for_each_pixel(&picture.rgb, |x, y| rgb.put_pixel(x, y, grey));
            }
            Fill::Blur => {
                let blurred = Blurred::of(&picture.rgb);
                self.for_each_pixel(&picture.rgb, |x, y| rgb.put_pixel(x, y, blurred.at(x, y)));
            }
        }
        Picture { rgb: Arc::new(rgb) }
    }

    /// Visits every pixel whose centre a stroke covers once, however often the brush went over it.
    fn for_each_pixel(&self, photo: &RgbImage, mut visit: impl FnMut(u32, u32)) {
        let mut is_covered = vec![false; photo.width() as usize * photo.height() as usize];
        for stroke in &self.strokes {
            let segments = stroke.points.windows(2).map(|pair| (pair[0], pair[1]));
            let dot = stroke.points.first().map(|&point| (point, point));
            for (from, to) in dot.into_iter().chain(segments) {
                let columns = reach(from.x, to.x, stroke.radius, photo.width());
                for y in reach(from.y, to.y, stroke.radius, photo.height()) {
                    let row = &mut is_covered[y as usize * photo.width() as usize..];
                    for x in columns.clone() {
                        let centre = Position::new(f64::from(x) + 0.5, f64::from(y) + 0.5);
                        let covered = &mut row[x as usize];
                        if !*covered && distance_to_segment(centre, from, to) <= stroke.radius {
                            *covered = true;
                            visit(x, y);
                        }
                    }
                }
            }
        }
    }
}

/// The pixels along one axis that a brush between two positions may touch.
fn reach(from: f64, to: f64, radius: f64, length: u32) -> std::ops::Range<u32> {
    // The conversion clamps what lies outside, and takes not-a-number for 0.
    let first = (from.min(to) - radius).floor() as u32;
    let end = (from.max(to) + radius).ceil() as u32;
    first.min(length)..end.min(length)
}

fn distance_to_segment(point: Position, from: Position, to: Position) -> f64 {
    let (dx, dy) = (to.x - from.x, to.y - from.y);
    let length_squared = dx * dx + dy * dy;
    let along = ((point.x - from.x) * dx + (point.y - from.y) * dy) / length_squared;
    // A dot has no length, and dividing by it gives not-a-number.
    let along = if length_squared > 0.0 { along.clamp(0.0, 1.0) } else { 0.0 };
    (point.x - from.x - along * dx).hypot(point.y - from.y - along * dy)
}

/// A small blurred copy of a photo.
struct Blurred {
    small: RgbImage,
    scale_x: f32,
    scale_y: f32,
}

impl Blurred {
    fn of(photo: &RgbImage) -> Self {
        let (width, height) = (photo.width().min(BLURRED_SIDE), photo.height().min(BLURRED_SIDE));
        let reduced = thumbnail(photo, width, height);
        let small = fast_blur(&reduced, BLUR * width.min(height) as f32);
        Self { small, scale_x: width as f32 / photo.width() as f32, scale_y: height as f32 / photo.height() as f32 }
    }

    /// Bilinear between the pixels of the copy.
    fn at(&self, x: u32, y: u32) -> Rgb<u8> {
        let (last_x, last_y) = (self.small.width() - 1, self.small.height() - 1);
        let x = ((x as f32 + 0.5) * self.scale_x - 0.5).clamp(0.0, last_x as f32);
        let y = ((y as f32 + 0.5) * self.scale_y - 0.5).clamp(0.0, last_y as f32);
        let (left, top) = (x as u32, y as u32);
        let (right, bottom) = ((left + 1).min(last_x), (top + 1).min(last_y));
        let (across, down) = (x - left as f32, y - top as f32);
        let mix = |a: f32, b: f32, share: f32| a + (b - a) * share;
        let value = |x, y, channel: usize| f32::from(self.small.get_pixel(x, y).0[channel]);
        Rgb([0, 1, 2].map(|channel| {
            let above = mix(value(left, top, channel), value(right, top, channel), across);
            let below = mix(value(left, bottom, channel), value(right, bottom, channel), across);
            mix(above, below, down).round() as u8
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let stripes = |x: u32, y: u32| Rgb([(x * 6) as u8, (y * 8) as u8, ((x + y) % 2) as u8 * 255]);
        Picture { rgb: Arc::new(RgbImage::from_fn(40, 30, stripes)) }
    }

    fn occlusion(points: &[(f64, f64)], radius: f64, fill: Fill) -> Occlusion {
        let points = points.iter().map(|&(x, y)| Position::new(x, y)).collect();
        Occlusion { version: 1, strokes: vec![Stroke { points, radius }], fill }
    }

    fn changed(occlusion: &Occlusion) -> Vec<(u32, u32)> {
        let (before, after) = (picture().rgb, occlusion.apply(&picture(), [0.1, 0.9, 0.5]).rgb);
        let differs = |x, y| before.get_pixel(x, y) != after.get_pixel(x, y);
        (0..30).flat_map(|y| (0..40).map(move |x| (x, y))).filter(|&(x, y)| differs(x, y)).collect()
    }

    #[test]
    fn grey_is_the_profiles_mean_and_covers_the_pixels_whose_centre_is_near() {
        // Centres at 10.5, 10.5 and its four neighbours one pixel away lie within 1.2; the diagonal ones do not.
        let dot = occlusion(&[(10.5, 10.5)], 1.2, Fill::Grey);
        assert_eq!(changed(&dot), [(10, 9), (9, 10), (10, 10), (11, 10), (10, 11)]);
        let painted = dot.apply(&picture(), [0.1, 0.9, 0.5]).rgb;
        // 0.1 · 255 = 25.5, 0.9 · 255 = 229.5, 0.5 · 255 = 127.5; halves are rounded away from zero.
        assert_eq!(painted.get_pixel(10, 10).0, [26, 230, 128]);
    }

    #[test]
    fn a_stroke_leaves_no_gaps_and_stops_at_the_edge() {
        let line = occlusion(&[(2.5, 5.5), (60.0, 5.5)], 0.6, Fill::Grey);
        assert_eq!(changed(&line), (2..40).map(|x| (x, 5)).collect::<Vec<_>>());
        for nowhere in [(f64::NAN, 3.0), (-50.0, -50.0), (f64::INFINITY, 1.0)] {
            assert!(changed(&occlusion(&[nowhere], 2.0, Fill::Grey)).is_empty(), "{nowhere:?}");
        }
    }

    #[test]
    fn blur_keeps_the_rough_colour_and_loses_the_texture() {
        let everywhere = occlusion(&[(20.0, 15.0)], 100.0, Fill::Blur);
        let blurred = everywhere.apply(&picture(), [0.5; 3]).rgb;
        for (x, y) in [(10, 10), (30, 20)] {
            let [red, _, blue] = blurred.get_pixel(x, y).0;
            // A linear ramp keeps its values away from the edges; a chequered pattern becomes its mean.
            assert!((i32::from(red) - 6 * x as i32).abs() <= 8, "{red} at {x}");
            assert!((100..156).contains(&blue), "{blue}");
        }
    }
}
