//! The mask's shader and its twin on the CPU draw the same picture, and only what changed is uploaded.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

#[path = "support/offscreen.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod offscreen;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::image::{Rgb, RgbImage, RgbaImage};
use eframe::egui::{Pos2, Rect, Vec2};
use offscreen::OffScreen;
use vitrine::render::gpu::{self, paint, paint_mask};
use vitrine::render::{Layer, MaskLayer, MaskPicture, MaskStyle, Photo, ViewTransform, mask_over};
use vitrine::size::Size;

/// In steps of a byte: blending on the graphics card may round otherwise.
const TOLERANCE: u8 = 2;

const SIZE: Size = Size::new(47, 53);

fn photo() -> RgbImage {
    RgbImage::from_fn(SIZE.width as u32, SIZE.height as u32, |x, y| Rgb([(x * 4) as u8, (y * 5) as u8, 90]))
}

/// Blobs of object and of ignored pixels, single pixels among them, some at the border.
fn labels(size: Size) -> Vec<u8> {
    let label = |at: usize| {
        let (x, y) = (at % size.width, at / size.width);
        match ((x / 7 + y / 5) % 4, (x * 31 + y * 17) % 23) {
            (0, _) => 1,
            (1, _) => 2,
            (_, 0) => 1,
            _ => 0,
        }
    };
    (0..size.area()).map(label).collect()
}

fn whole(size: [u32; 2]) -> Rect {
    Rect::from_min_size(Pos2::ZERO, Vec2::new(size[0] as f32, size[1] as f32))
}

struct View {
    size: [u32; 2],
    transform: ViewTransform,
}

fn view(size: [u32; 2], origin: [f64; 2], zoom: f64) -> View {
    View { size, transform: ViewTransform { origin, zoom } }
}

fn draw(screen: &OffScreen, photo: &Arc<Photo>, mask: &Arc<MaskPicture>, style: MaskStyle, view: &View) -> RgbaImage {
    let rect = whole(view.size);
    let layer = Layer { photo: photo.clone(), heat: None, view: view.transform, slot: 0, smooth: false };
    let over = MaskLayer { mask: mask.clone(), style, view: view.transform, slot: 0 };
    screen.draw_all(view.size, [paint(rect, layer), paint_mask(rect, over)])
}

#[track_caller]
fn assert_same(drawn: &RgbaImage, expected: &RgbImage, what: &str) {
    assert_eq!(drawn.dimensions(), expected.dimensions(), "{what}");
    for ((x, y, drawn), expected) in drawn.enumerate_pixels().zip(expected.pixels()) {
        let difference = (0..3).map(|i| drawn[i].abs_diff(expected[i])).max().unwrap();
        assert!(difference <= TOLERANCE, "{what}: pixel {x}, {y} is {:?} instead of {:?}", drawn.0, expected.0);
    }
}

fn styles() -> Vec<MaskStyle> {
    let mut styles = Vec::new();
    for outline in [false, true] {
        for opacity in [0.0, 0.4, 1.0, f32::NAN, 7.0] {
            styles.push(MaskStyle { outline, opacity, ..MaskStyle::default() });
        }
        styles.extend(MaskStyle::COLOURS.map(|(_, colour)| MaskStyle { outline, colour, ..MaskStyle::default() }));
    }
    styles
}

#[test]
fn every_style_is_the_same_on_both() {
    let Some(screen) = OffScreen::with_shaders() else { return };
    let (pixels, labels) = (photo(), labels(SIZE));
    let (photo, mask) = (Arc::new(Photo::new(pixels.clone())), Arc::new(MaskPicture::new(SIZE, &labels)));
    let one_to_one = view([53, 47], [0.0; 2], 1.0);
    for style in styles() {
        let mut expected = pixels.clone();
        mask_over(&mut expected, &labels, SIZE, &style);
        assert_same(&draw(&screen, &photo, &mask, style, &one_to_one), &expected, &format!("{style:?}"));
        // Ignored pixels are hatched whatever the style.
        assert_ne!(expected, pixels);
    }
}

#[test]
fn a_zoomed_mask_is_that_of_a_resized_photo() {
    let Some(screen) = OffScreen::with_shaders() else { return };
    let (pixels, labels, style) = (photo(), labels(SIZE), MaskStyle::default());
    let (photo, mask) = (Arc::new(Photo::new(pixels.clone())), Arc::new(MaskPicture::new(SIZE, &labels)));
    let mut enlarged = RgbImage::from_fn(53 * 4, 47 * 4, |x, y| *pixels.get_pixel(x / 4, y / 4));
    mask_over(&mut enlarged, &labels, SIZE, &style);
    let zoomed = view([53 * 4, 47 * 4], [0.0; 2], 4.0);
    assert_same(&draw(&screen, &photo, &mask, style, &zoomed), &enlarged, "four times");
}

#[test]
fn tiles_leave_no_seam() {
    let Some(whole) = OffScreen::with_shaders() else { return };
    let Some(tiled) = OffScreen::open() else { return };
    gpu::install_with(&tiled.window, 96, || ());
    let size = Size::new(203, 301);
    let photo = Arc::new(Photo::new(RgbImage::from_pixel(301, 203, Rgb([120, 90, 60]))));
    let mask = Arc::new(MaskPicture::new(size, &labels(size)));
    for zoom in [7.3, 2.0, 1.0, 0.61, 0.3] {
        let extent = [200.0_f64.min(285.0 * zoom) as u32, 150.0_f64.min(190.0 * zoom) as u32];
        let view = view(extent, [11.7, 3.9], zoom);
        let [whole, tiled] = [&whole, &tiled].map(|screen| draw(screen, &photo, &mask, MaskStyle::default(), &view));
        let differing = whole.pixels().zip(tiled.pixels()).filter(|(a, b)| a != b).count();
        // Positions in another texture round differently: pixels whose centre lies on the edge of a texel may flip.
        assert!(differing * 500 <= whole.pixels().len(), "zoom {zoom}: {differing} of {}", whole.pixels().len());
    }
}

#[test]
fn painting_shows_in_the_next_frame_and_nothing_else_changes() {
    let Some(screen) = OffScreen::with_shaders() else { return };
    let (pixels, style) = (photo(), MaskStyle::default());
    let photo = Arc::new(Photo::new(pixels.clone()));
    let mask = Arc::new(MaskPicture::new(SIZE, &[]));
    let one_to_one = view([53, 47], [0.0; 2], 1.0);
    assert_same(&draw(&screen, &photo, &mask, style, &one_to_one), &pixels, "an empty mask is not seen");
    let painted = labels(SIZE);
    // The mask is wrong everywhere else: only the rectangle may be taken over.
    mask.update(10..20, 30..50, &painted);
    let expected_labels: Vec<u8> = (0..SIZE.area())
        .map(|at| {
            let inside = (10..20).contains(&(at / SIZE.width)) && (30..50).contains(&(at % SIZE.width));
            if inside { painted[at] } else { 0 }
        })
        .collect();
    let mut expected = pixels.clone();
    mask_over(&mut expected, &expected_labels, SIZE, &style);
    assert_same(&draw(&screen, &photo, &mask, style, &one_to_one), &expected, "one rectangle");
    // More changes than are remembered one by one.
    (0..400).for_each(|step| mask.update(step % 47..step % 47 + 1, 0..53, &painted));
    let mut expected = pixels;
    mask_over(&mut expected, &painted, SIZE, &style);
    assert_same(&draw(&screen, &photo, &mask, style, &one_to_one), &expected, "everything");
}

#[test]
fn a_large_mask_comes_in_over_several_frames() {
    let Some(screen) = OffScreen::open() else { return };
    let frames_wanted = Arc::new(AtomicUsize::new(0));
    let wanted = frames_wanted.clone();
    gpu::install(&screen.window, move || {
        wanted.fetch_add(1, Ordering::Relaxed);
    });
    // 9 megabytes, one and a half times what one frame uploads; all of it object.
    let size = Size::new(3000, 3000);
    let photo = Arc::new(Photo::new(RgbImage::from_pixel(10, 10, Rgb([0; 3]))));
    let mask = Arc::new(MaskPicture::new(size, &vec![1; size.area()]));
    let style = MaskStyle { opacity: 1.0, outline: false, ..MaskStyle::default() };
    let last_row = view([40, 30], [100.0, 2960.0], 1.0);
    let [r, g, b] = style.colour;
    let is_object = |picture: &RgbaImage| picture.get_pixel(20, 20).0 == [r, g, b, 255];
    assert!(!is_object(&draw(&screen, &photo, &mask, style, &last_row)), "not there yet");
    assert_eq!(frames_wanted.load(Ordering::Relaxed), 1, "another frame is asked for");
    assert!(is_object(&draw(&screen, &photo, &mask, style, &last_row)));
    assert_eq!(frames_wanted.load(Ordering::Relaxed), 1, "and no more than needed");
}
