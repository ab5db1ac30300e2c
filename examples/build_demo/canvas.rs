//! A square canvas in unit coordinates: (0, 0) top left, (1, 1) bottom right, whatever the resolution.

use crate::colour::{Rgb, mix};

/// A rectangle in unit coordinates.
#[derive(Clone, Copy)]
pub struct Bounds {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

impl Bounds {
    pub fn around(centre: [f32; 2], radius: f32) -> Self {
        let [x, y] = centre;
        Self { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius }
    }
}

/// A tapering curve: grass, straw, reeds, kelp, twigs.
pub struct Stroke {
    pub from: [f32; 2],
    /// Control point of the quadratic Bézier curve.
    pub bend: [f32; 2],
    pub to: [f32; 2],
    /// Full width at the start and at the end.
    pub width: [f32; 2],
    /// Colour at the start and at the end.
    pub colour: [Rgb; 2],
}

/// Pixels in gamma-coded colours; drawn larger than needed and averaged down for antialiasing.
pub struct Canvas {
    side: usize,
    pixels: Vec<Rgb>,
}

impl Canvas {
    pub fn new(side: usize) -> Self {
        Self { side, pixels: vec![[0.0; 3]; side * side] }
    }

    /// Length of one pixel in unit coordinates.
    pub fn pixel(&self) -> f32 {
        1.0 / self.side as f32
    }

    pub fn side(&self) -> usize {
        self.side
    }

    /// Colours every pixel by the position of its centre.
    pub fn fill(&mut self, colour_at: impl Fn(f32, f32) -> Rgb) {
        let pixel = self.pixel();
        for (row, line) in self.pixels.chunks_exact_mut(self.side).enumerate() {
            let y = (row as f32 + 0.5) * pixel;
            for (column, out) in line.iter_mut().enumerate() {
                *out = colour_at((column as f32 + 0.5) * pixel, y);
            }
        }
    }

    /// Blends a colour with an opacity over each pixel within the bounds.
    pub fn blend(&mut self, bounds: Bounds, paint_at: impl Fn(f32, f32) -> (Rgb, f32)) {
        self.change(bounds, |x, y, below| {
            let (colour, opacity) = paint_at(x, y);
            mix(below, colour, opacity)
        });
    }

    /// Adds light, as lamps and sunbeams do.
    pub fn add_light(&mut self, bounds: Bounds, light_at: impl Fn(f32, f32) -> Rgb) {
        self.change(bounds, |x, y, below| {
            let light = light_at(x, y);
            // Screen blending: saturates softly instead of clipping.
            [0, 1, 2].map(|c| 1.0 - (1.0 - below[c]) * (1.0 - light[c].clamp(0.0, 1.0)))
        });
    }

    /// Replaces each pixel within the bounds by a function of its position and present colour.
    pub fn change(&mut self, bounds: Bounds, mut new_colour: impl FnMut(f32, f32, Rgb) -> Rgb) {
        let (side, pixel) = (self.side, self.pixel());
        let cells = |low: f32, high: f32| {
            let first = (low * side as f32).floor().clamp(0.0, side as f32) as usize;
            let end = (high * side as f32).ceil().clamp(0.0, side as f32) as usize;
            first..end.max(first)
        };
        for row in cells(bounds.top, bounds.bottom) {
            let y = (row as f32 + 0.5) * pixel;
            for column in cells(bounds.left, bounds.right) {
                let out = &mut self.pixels[row * side + column];
                *out = new_colour((column as f32 + 0.5) * pixel, y, *out);
            }
        }
    }

    /// A disc with an antialiased rim; below one pixel it fades instead of vanishing.
    pub fn disc(&mut self, centre: [f32; 2], radius: f32, colour: Rgb, opacity: f32) {
        let pixel = self.pixel();
        let drawn = radius.max(0.5 * pixel);
        let strength = opacity * (radius / drawn).powi(2);
        self.blend(Bounds::around(centre, drawn + pixel), |x, y| {
            let distance = ((x - centre[0]).powi(2) + (y - centre[1]).powi(2)).sqrt();
            (colour, strength * ((drawn - distance) / pixel + 0.5).clamp(0.0, 1.0))
        });
    }

    /// A soft round light.
    pub fn glow(&mut self, centre: [f32; 2], radius: f32, colour: Rgb) {
        self.add_light(Bounds::around(centre, radius), |x, y| {
            let distance = ((x - centre[0]).powi(2) + (y - centre[1]).powi(2)).sqrt() / radius;
            let strength = (1.0 - distance).max(0.0).powi(2);
            colour.map(|channel| channel * strength)
        });
    }

    /// Draws a tapering curve as a chain of discs.
    pub fn stroke(&mut self, stroke: &Stroke) {
        let Stroke { from, bend, to, width, colour } = stroke;
        let length = distance(*from, *bend) + distance(*bend, *to);
        let mut t = 0.0;
        while t <= 1.0 {
            let point = [0, 1].map(|axis| {
                let (a, b) = (lerp(from[axis], bend[axis], t), lerp(bend[axis], to[axis], t));
                lerp(a, b, t)
            });
            let radius = 0.5 * lerp(width[0], width[1], t);
            self.disc(point, radius, mix(colour[0], colour[1], t), 1.0);
            // Half a radius apart, but at least most of a pixel, so that the chain looks smooth.
            t += (0.5 * radius).max(0.8 * self.pixel()) / length.max(self.pixel());
        }
    }

    /// Averages blocks of `factor`² pixels.
    pub fn averaged(&self, factor: usize) -> Vec<[u8; 3]> {
        let side = self.side / factor;
        let norm = 255.0 / (factor * factor) as f32;
        let block = |row: usize, column: usize| {
            let mut sum = [0.0; 3];
            for y in row * factor..(row + 1) * factor {
                for pixel in &self.pixels[y * self.side + column * factor..][..factor] {
                    sum = [0, 1, 2].map(|c| sum[c] + pixel[c].clamp(0.0, 1.0));
                }
            }
            sum.map(|channel: f32| (channel * norm).round() as u8)
        };
        (0..side * side).map(|index| block(index / side, index % side)).collect()
    }
}

fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)).sqrt()
}
