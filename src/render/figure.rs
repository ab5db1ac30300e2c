//! A figure for a paper or a message: photo with heat, colour bar with numbers, one line beneath.

use ::image::{Rgb, RgbImage};
use fast_image_resize::{CropBox, FilterType, ResizeAlg, ResizeOptions, Resizer};

use super::error::RenderError;
use super::heatmap::overlay;
use super::interpolation::GridMap;
use super::mask::{MaskStyle, mask_over};
use super::range::ValueRange;
use super::style::Style;
use super::text::{Typeface, three_digits};
use crate::size::Size;

/// Neither side of a figure is longer.
const LONGEST_SIDE: f64 = 1600.0;
/// Neither side of a sheet is much longer …
const LONGEST_SHEET: f64 = 3200.0;
/// … unless its panels would become smaller than this.
const SHORTEST_PANEL: f64 = 640.0;
/// Small photos are enlarged by a whole factor until their shorter side is at least this long.
const SHORTEST_PHOTO_SIDE: f64 = 448.0;

const PAPER: [u8; 3] = [250, 250, 248];
const INK: [u8; 3] = [38, 40, 44];
const HAIRLINE: [u8; 3] = [150, 152, 156];

/// What a figure shows.
#[derive(Clone, Copy, Debug)]
pub struct Figure<'a> {
    /// The whole photo in its own pixels.
    pub photo: &'a RgbImage,
    /// Relevance on the patch grid.
    pub map: GridMap<'a>,
    /// The part of the photo that the patch grid covers, in the photo's pixels.
    pub crop: CropBox,
    /// One line, such as "tench 0.87 · GAE · DeiT-Tiny".
    pub caption: &'a str,
}

/// One of several pictures of a [`sheet`].
#[derive(Clone, Copy, Debug)]
pub struct Panel<'a> {
    /// The whole photo in its own pixels.
    pub photo: &'a RgbImage,
    /// Map, the part of the photo that it covers, and how it is drawn; without, the photo stands for itself.
    pub heat: Option<(GridMap<'a>, CropBox, &'a Style)>,
    /// Labels of the photo's pixels, over all of it; see [`mask_over`].
    pub mask: Option<(&'a [u8], MaskStyle)>,
    pub caption: &'a str,
}

/// Draws the figure; the caption of a flat map, which shows no heat and no colour bar, says "flat".
///
/// # Errors
/// When the photo has no pixels.
pub fn figure(content: &Figure<'_>, style: &Style) -> Result<RgbImage, RenderError> {
    let Figure { photo, map, crop, caption } = *content;
    draw(&Panel { photo, heat: Some((map, crop, style)), mask: None, caption }, LONGEST_SIDE)
}

/// Draws figures row by row, each as tall as its row.
///
/// # Errors
/// When a photo has no pixels, or there are no panels.
pub fn sheet(panels: &[Panel<'_>], columns: usize) -> Result<RgbImage, RenderError> {
    let columns = columns.clamp(1, panels.len().max(1));
    let rows = panels.len().div_ceil(columns);
    let longest = (LONGEST_SHEET / columns.max(rows) as f64).clamp(SHORTEST_PANEL, LONGEST_SIDE);
    let drawn = panels.iter().map(|panel| draw(panel, longest)).collect::<Result<Vec<_>, _>>()?;
    let width = drawn.iter().map(RgbImage::width).max().unwrap_or(0);
    let heights: Vec<u32> =
        drawn.chunks(columns).map(|row| row.iter().map(RgbImage::height).max().unwrap_or(0)).collect();
    let mut canvas = RgbImage::from_pixel(width * columns as u32, heights.iter().sum(), Rgb(PAPER));
    let mut top = 0;
    for (row, height) in drawn.chunks(columns).zip(heights) {
        for (column, picture) in row.iter().enumerate() {
            ::image::imageops::replace(&mut canvas, picture, column as i64 * i64::from(width), top);
        }
        top += i64::from(height);
    }
    if canvas.is_empty() { Err(RenderError::NoPixels { size: Size::new(0, 0) }) } else { Ok(canvas) }
}

fn draw(panel: &Panel<'_>, longest: f64) -> Result<RgbImage, RenderError> {
    let range = panel.heat.and_then(|(map, _, style)| map.range(style.colours).map(|own| style.range.unwrap_or(own)));
    let typeface = Typeface::load()?;
    let layout = Layout::new(panel.photo, range, longest, &typeface)?;

    let mut picture = resized(panel.photo, layout.photo)?;
    if let Some((map, crop, style)) = panel.heat {
        let scale_x = f64::from(picture.width()) / f64::from(panel.photo.width());
        let scale_y = f64::from(picture.height()) / f64::from(panel.photo.height());
        let crop = CropBox {
            left: crop.left * scale_x,
            top: crop.top * scale_y,
            width: crop.width * scale_x,
            height: crop.height * scale_y,
        };
        picture = overlay(&picture, map, crop, style)?;
    }
    if let Some((labels, style)) = panel.mask {
        let size = Size::new(panel.photo.height() as usize, panel.photo.width() as usize);
        mask_over(&mut picture, labels, size, &style);
    }

    let mut canvas = RgbImage::from_pixel(layout.canvas.width as u32, layout.canvas.height as u32, Rgb(PAPER));
    ::image::imageops::replace(&mut canvas, &picture, layout.margin as i64, layout.margin as i64);
    if let (Some(range), Some((_, _, style))) = (range, panel.heat) {
        draw_bar(&mut canvas, &layout, &typeface, style, range);
    }
    draw_caption(&mut canvas, &layout, &typeface, panel.caption, panel.heat.is_some() && range.is_none());
    Ok(canvas)
}

/// Where everything stands, in pixels of the figure; all spaces follow from the size of the type.
struct Layout {
    canvas: Size,
    photo: Size,
    type_size: f32,
    margin: usize,
    bar_left: usize,
    bar_width: usize,
    caption_baseline: f32,
}

impl Layout {
    fn new(
        photo: &RgbImage,
        range: Option<ValueRange>,
        longest_side: f64,
        typeface: &Typeface,
    ) -> Result<Self, RenderError> {
        let original = Size::new(photo.height() as usize, photo.width() as usize);
        if original.area() == 0 {
            return Err(RenderError::NoPixels { size: original });
        }
        // Fit the photo first without, then with what stands beside it: the type follows from the photo.
        let wanted = wanted_scale(original, longest_side);
        let mut layout = Self::around(scaled(original, wanted), range, typeface);
        let longest = layout.canvas.height.max(layout.canvas.width) as f64;
        if longest > longest_side {
            let beside = longest - layout.photo.height.max(layout.photo.width) as f64;
            let side = original.height.max(original.width) as f64;
            layout = Self::around(scaled(original, (longest_side - beside) / side), range, typeface);
        }
        Ok(layout)
    }

    fn around(photo: Size, range: Option<ValueRange>, typeface: &Typeface) -> Self {
        let type_size = (photo.height.min(photo.width) as f32 / 22.0).clamp(18.0, 30.0);
        let unit = type_size.round() as usize;
        let (margin, bar_width) = (unit * 3 / 2, unit);
        let label_width = range.map_or(0.0, |range| {
            let widths = ticks(range).map(|(_, value)| typeface.width(&three_digits(value), type_size));
            widths.into_iter().fold(0.0, f32::max)
        });
        let bar_left = margin + photo.width + unit;
        let right = match range {
            Some(_) => bar_left + bar_width + tick_length(unit) + unit / 3 + label_width.ceil() as usize,
            None => margin + photo.width,
        };
        let caption_baseline = (margin + photo.height) as f32 + type_size * 1.55;
        let canvas = Size::new(margin + photo.height + unit * 14 / 5, right + margin);
        Self { canvas, photo, type_size, margin, bar_left, bar_width, caption_baseline }
    }
}

/// The factor for a photo alone: small ones are enlarged by whole numbers, large ones shrunk.
fn wanted_scale(original: Size, longest_side: f64) -> f64 {
    let shorter = original.height.min(original.width) as f64;
    let longer = original.height.max(original.width) as f64;
    (SHORTEST_PHOTO_SIDE / shorter).ceil().max(1.0).min(longest_side / longer)
}

fn scaled(original: Size, factor: f64) -> Size {
    let side = |length: usize| ((length as f64 * factor).floor() as usize).max(1);
    Size::new(side(original.height), side(original.width))
}

fn resized(photo: &RgbImage, size: Size) -> Result<RgbImage, RenderError> {
    let mut picture = RgbImage::new(size.width as u32, size.height as u32);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
    Resizer::new().resize(photo, &mut picture, &options)?;
    Ok(picture)
}

/// Positions between the bottom (0) and the top (1) of the bar, and the values there.
fn ticks(range: ValueRange) -> [(f32, f32); 3] {
    [(0.0, range.low), (0.5, range.middle()), (1.0, range.high)]
}

fn tick_length(unit: usize) -> usize {
    unit / 3
}

fn draw_bar(canvas: &mut RgbImage, layout: &Layout, typeface: &Typeface, style: &Style, range: ValueRange) {
    let colours = style.bar_colours();
    let last = layout.photo.height.saturating_sub(1);
    for y in 0..layout.photo.height {
        let share = 1.0 - y as f32 / last.max(1) as f32;
        let colour = Rgb(colours[(share * 255.0).round() as usize]);
        for x in 0..layout.bar_width {
            canvas.put_pixel((layout.bar_left + x) as u32, (layout.margin + y) as u32, colour);
        }
    }
    let unit = layout.type_size.round() as usize;
    let tick_left = layout.bar_left + layout.bar_width;
    let label_left = (tick_left + tick_length(unit) + unit / 3) as f32;
    let half_digit = typeface.digit_height(layout.type_size) / 2.0;
    for (share, value) in ticks(range) {
        let y = layout.margin + ((1.0 - share) * last as f32).round() as usize;
        for x in 0..tick_length(unit) {
            canvas.put_pixel((tick_left + x) as u32, y as u32, Rgb(HAIRLINE));
        }
        // The outer numbers stay beside the bar, flush with its ends.
        let baseline = y as f32 + half_digit * 2.0 * share;
        typeface.draw(canvas, &three_digits(value), layout.type_size, [label_left, baseline], INK);
    }
}

fn draw_caption(canvas: &mut RgbImage, layout: &Layout, typeface: &Typeface, caption: &str, flat: bool) {
    let left = layout.margin as f32;
    let width = layout.canvas.width as f32 - 2.0 * left;
    let note = match (flat, caption.is_empty()) {
        (true, true) => "flat",
        (true, false) => " · flat",
        (false, _) => "",
    };
    // What is cut off must not be the note.
    let note_width = typeface.width(note, layout.type_size);
    let line = typeface.fitted(caption, layout.type_size, width - note_width) + note;
    typeface.draw(canvas, &line, layout.type_size, [left, layout.caption_baseline], INK);
}
