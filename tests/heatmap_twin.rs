//! The shader and its twin on the CPU draw the same picture.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

#[path = "support/offscreen.rs"]
mod offscreen;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::image::{Rgb, RgbImage, RgbaImage};
use eframe::egui::{Pos2, Rect, Vec2};
use fast_image_resize::CropBox;
use offscreen::OffScreen;
use vitrine::render::gpu;
use vitrine::render::{
    Blend, ColourMap, GridMap, HeatMap, Interpolation, Layer, Photo, Style, ValueRange, ViewTransform, overlay,
};
use vitrine::size::Size;

/// In steps of a byte: the bar of the project. Both sides compute in single precision and round once.
const TOLERANCE: u8 = 2;

const GRID: Size = Size::new(5, 7);
/// On no edge of a pixel, so that patches begin anywhere in one.
const CROP: CropBox = CropBox { left: 5.3, top: 2.6, width: 40.1, height: 39.7 };

/// A photo full of contrast between neighbours: products of primes, taken as bytes.
fn photo(width: u32, height: u32) -> RgbImage {
    let byte = |x: u32, y: u32, prime: u32| ((x * 37 + y * 101 + x * y * 7) * prime % 256) as u8;
    RgbImage::from_fn(width, height, |x, y| Rgb([byte(x, y, 3), byte(x, y, 11), byte(x, y, 17)]))
}

/// Irregular values from −0.6 to 1.2.
fn values() -> Vec<f32> {
    (0..GRID.area()).map(|i| (i * 29 % 37) as f32 / 20.0 - 0.6).collect()
}

fn identity() -> ViewTransform {
    ViewTransform { origin: [0.0; 2], zoom: 1.0 }
}

fn heat_map() -> Arc<HeatMap> {
    Arc::new(HeatMap::new(values(), GRID, CROP).unwrap())
}

fn plain(photo: RgbImage, origin: [f64; 2], zoom: f64) -> Layer {
    let view = ViewTransform { origin, zoom };
    Layer { photo: Arc::new(Photo::new(photo)), heat: None, view, slot: 0, smooth: false }
}

fn on_gpu(screen: &OffScreen, photo: &Arc<Photo>, map: &Arc<HeatMap>, style: &Style) -> RgbaImage {
    let heat = Some((Arc::clone(map), style.clone()));
    let layer = Layer { photo: Arc::clone(photo), heat, view: identity(), slot: 0, smooth: false };
    screen.draw_one([photo.rgb().width(), photo.rgb().height()], layer)
}

/// Compares opaque pixels.
#[track_caller]
fn assert_same(drawn: &RgbaImage, expected: &RgbImage, tolerance: u8, what: &str) {
    assert_eq!(drawn.dimensions(), expected.dimensions(), "{what}");
    for ((x, y, drawn), expected) in drawn.enumerate_pixels().zip(expected.pixels()) {
        let difference = (0..3).map(|i| drawn[i].abs_diff(expected[i])).max().unwrap();
        let same = difference <= tolerance && drawn[3] == 255;
        assert!(same, "{what}: pixel {x}, {y} is {:?} instead of {:?}", drawn.0, expected.0);
    }
}

/// Draws with both and compares.
#[track_caller]
fn assert_twins(screen: &OffScreen, photo: &Arc<Photo>, map: &Arc<HeatMap>, style: &Style) {
    let grid_map = GridMap::new(map.values(), map.grid()).unwrap();
    let expected = overlay(photo.rgb(), grid_map, map.crop(), style).unwrap();
    assert_same(&on_gpu(screen, photo, map, style), &expected, TOLERANCE, &format!("{style:?}"));
}

#[test]
fn every_combination_of_menus_is_the_same_on_both() {
    let Some(screen) = OffScreen::with_shaders() else { return };
    let (photo, map) = (Arc::new(Photo::new(photo(53, 47))), heat_map());
    for interpolation in Interpolation::ALL {
        for blend in Blend::ALL {
            for colours in ColourMap::ALL {
                let style = Style { interpolation, blend, colours, ..Style::default() };
                assert_twins(&screen, &photo, &map, &style);
            }
        }
    }
}

#[test]
fn every_slider_is_the_same_on_both() {
    let Some(screen) = OffScreen::with_shaders() else { return };
    let (photo, map) = (Arc::new(Photo::new(photo(53, 47))), heat_map());
    let narrow = ValueRange { low: 0.1, high: 0.7 };
    let styles = [
        Style { opacity: 0.0, ..Style::default() },
        Style { opacity: 1.0, ..Style::default() },
        Style { gamma: 0.4, ..Style::default() },
        Style { gamma: 2.5, ..Style::default() },
        Style { threshold: 0.35, ..Style::default() },
        Style { range: Some(narrow), ..Style::default() },
        Style { range: Some(ValueRange { low: 1.0, high: 1.0 }), ..Style::default() },
        Style { dim_unseen: false, ..Style::default() },
        Style { opacity: f32::NAN, gamma: -1.0, threshold: 7.0, ..Style::default() },
        Style { gamma: 0.6, threshold: 0.3, range: Some(narrow), dim_unseen: false, ..Style::default() },
    ];
    for style in styles {
        for colours in [ColourMap::Turbo, ColourMap::Diverging] {
            for interpolation in Interpolation::ALL {
                for blend in Blend::ALL {
                    let style = Style { colours, interpolation, blend, ..style.clone() };
                    assert_twins(&screen, &photo, &map, &style);
                }
            }
        }
    }
}

#[test]
fn contours_are_the_same_on_both() {
    let Some(screen) = OffScreen::with_shaders() else { return };
    let (photo, map) = (Arc::new(Photo::new(photo(53, 47))), heat_map());
    // One, several, more than there is room for.
    for levels in [vec![0.5], vec![0.2, 0.4, 0.6, 0.8], (1_u8..12).map(|i| f32::from(i) / 12.0).collect()] {
        for interpolation in Interpolation::ALL {
            let style = Style { contours: levels.clone(), interpolation, ..Style::default() };
            assert_twins(&screen, &photo, &map, &style);
            let plain = Style { contours: Vec::new(), ..style.clone() };
            let [with, without] = [style, plain].map(|style| on_gpu(&screen, &photo, &map, &style));
            assert_ne!(with, without, "lines are drawn");
        }
    }
}

#[test]
fn flat_and_broken_maps_show_no_heat() {
    let Some(screen) = OffScreen::with_shaders() else { return };
    let photo = Arc::new(Photo::new(photo(53, 47)));
    for bad in [0.25, f32::NAN, f32::INFINITY] {
        let mut values = vec![0.25; GRID.area()];
        values[3] = bad;
        let map = Arc::new(HeatMap::new(values, GRID, CROP).unwrap());
        let style = Style { contours: vec![0.5], range: Some(ValueRange { low: 0.0, high: 1.0 }), ..Style::default() };
        assert_twins(&screen, &photo, &map, &style);
        let inside = on_gpu(&screen, &photo, &map, &style).get_pixel(20, 20).0;
        assert_eq!(inside[..3], photo.rgb().get_pixel(20, 20).0, "the photo as it is");
    }
}

#[test]
fn a_map_of_one_patch_beside_a_map_of_many_rows() {
    let Some(screen) = OffScreen::with_shaders() else { return };
    let photo = Arc::new(Photo::new(photo(31, 64)));
    let crop = CropBox { left: -2.5, top: 0.0, width: 40.0, height: 64.0 };
    for grid in [Size::new(64, 1), Size::new(1, 2), Size::new(9, 40)] {
        let values = (0..grid.area()).map(|i| (i * 5 % 7) as f32).collect();
        let map = Arc::new(HeatMap::new(values, grid, crop).unwrap());
        for interpolation in Interpolation::ALL {
            assert_twins(&screen, &photo, &map, &Style { interpolation, ..Style::default() });
        }
    }
}

#[test]
fn targets_that_encode_srgb_show_the_same_bytes() {
    let Some(screen) = OffScreen::encoding_srgb() else { return };
    let (photo, map) = (Arc::new(Photo::new(photo(53, 47))), heat_map());
    for interpolation in Interpolation::ALL {
        assert_twins(&screen, &photo, &map, &Style { interpolation, ..Style::default() });
    }
}

#[test]
fn zoomed_heat_is_that_of_an_enlarged_photo() {
    let Some(screen) = OffScreen::with_shaders() else { return };
    let (photo, map) = (photo(53, 47), heat_map());
    let zoom: u32 = 4;
    let enlarged = RgbImage::from_fn(53 * zoom, 47 * zoom, |x, y| *photo.get_pixel(x / zoom, y / zoom));
    let scaled = |length: f64| length * f64::from(zoom);
    let crop = CropBox {
        left: scaled(CROP.left),
        top: scaled(CROP.top),
        width: scaled(CROP.width),
        height: scaled(CROP.height),
    };
    let photo = Arc::new(Photo::new(photo));
    for interpolation in Interpolation::ALL {
        // Contours too: they are as wide on the screen at any zoom.
        let style = Style { interpolation, contours: vec![0.3, 0.6], ..Style::default() };
        let expected = overlay(&enlarged, GridMap::new(map.values(), GRID).unwrap(), crop, &style).unwrap();
        let view = ViewTransform { origin: [0.0; 2], zoom: f64::from(zoom) };
        let heat = Some((Arc::clone(&map), style));
        let layer = Layer { photo: Arc::clone(&photo), heat, view, slot: 0, smooth: false };
        let drawn = screen.draw_one([53 * zoom, 47 * zoom], layer);
        assert_same(&drawn, &expected, TOLERANCE, &format!("{interpolation:?}"));
    }
}

/// Where the centre of a pixel of the screen lies on the photo.
fn on_photo(origin: [f64; 2], zoom: f64, pixel: [u32; 2]) -> [f64; 2] {
    [0, 1].map(|axis| origin[axis] + (f64::from(pixel[axis]) + 0.5) / zoom)
}

#[test]
fn enlarged_photos_show_their_pixels_as_squares() {
    let Some(screen) = OffScreen::with_shaders() else { return };
    let photo = photo(53, 47);
    for zoom in [3.0, 5.2, 64.0] {
        let origin = [13.37, 21.41];
        let expected = RgbImage::from_fn(60, 50, |x, y| {
            let [x, y] = on_photo(origin, zoom, [x, y]);
            *photo.get_pixel(x as u32, y as u32)
        });
        let drawn = screen.draw_one([60, 50], plain(photo.clone(), origin, zoom));
        assert_same(&drawn, &expected, 0, &format!("zoom {zoom}"));
    }
}

#[test]
fn smooth_photos_are_filtered_between_their_pixels() {
    let Some(screen) = OffScreen::with_shaders() else { return };
    let photo = photo(53, 47);
    let origin = [13.37, 21.41];
    for (zoom, smooth) in [(1.7, false), (2.9, false), (5.2, true), (64.0, true)] {
        let expected = RgbImage::from_fn(40, 35, |x, y| {
            let [x, y] = on_photo(origin, zoom, [x, y]).map(|side| side - 0.5);
            let channel = |i: usize| {
                let at = |dx: u32, dy: u32| f64::from(photo.get_pixel(x as u32 + dx, y as u32 + dy)[i]);
                let across = |dy| at(0, dy) + (at(1, dy) - at(0, dy)) * x.fract();
                (across(0) + (across(1) - across(0)) * y.fract()).round() as u8
            };
            Rgb([channel(0), channel(1), channel(2)])
        });
        let drawn = screen.draw_one([40, 35], Layer { smooth, ..plain(photo.clone(), origin, zoom) });
        // Graphics hardware may weigh texels in steps of 1/256 along each axis, between texels up to 255 apart.
        assert_same(&drawn, &expected, TOLERANCE, &format!("zoom {zoom}"));
    }
}

#[test]
fn small_views_are_means_and_do_not_flicker() {
    let Some(screen) = OffScreen::with_shaders() else { return };
    let photo = photo(64, 48);
    let expected = RgbImage::from_fn(16, 12, |x, y| {
        let pixels = (0..16).map(|i| *photo.get_pixel(4 * x + i % 4, 4 * y + i / 4));
        let sums = pixels.fold([0_u32; 3], |sums, p| [0, 1, 2].map(|i| sums[i] + u32::from(p[i])));
        Rgb(sums.map(|sum| ((sum + 8) / 16) as u8))
    });
    // Each of the two levels on the way rounds once.
    assert_same(&screen.draw_one([16, 12], plain(photo, [0.0; 2], 0.25)), &expected, 1, "a quarter");

    let board = RgbImage::from_fn(900, 700, |x, y| Rgb([((x + y) % 2 * 255) as u8; 3]));
    for origin in [0.0, 0.5, 33.0] {
        let drawn = screen.draw_one([8, 6], plain(board.clone(), [origin; 2], 0.01));
        // A chessboard's mean is 127.5, rounded by the first level.
        assert_same(&drawn, &RgbImage::from_pixel(8, 6, Rgb([128; 3])), 1, "1 %");
    }
}

#[test]
fn tiles_leave_no_seam() {
    let Some(whole) = OffScreen::with_shaders() else { return };
    let Some(tiled) = OffScreen::open() else { return };
    // Tiles of 96 pixels hold levels down to 1/32, of which all these views stay clear.
    gpu::install_with(&tiled.window, 96, || ());
    let map =
        Arc::new(HeatMap::new(values(), GRID, CropBox { left: 20.0, top: 0.0, width: 250.5, height: 200.0 }).unwrap());
    let photo = Arc::new(Photo::new(photo(301, 203)));
    let styles = [None, Some(Style { interpolation: Interpolation::Bicubic, contours: vec![0.5], ..Style::default() })];
    for style in styles {
        for (zoom, smooth) in [(7.3, false), (7.3, true), (2.0, false), (1.0, false), (0.61, false), (0.07, false)] {
            let heat = style.clone().map(|style| (Arc::clone(&map), style));
            let view = ViewTransform { origin: [11.7, 3.9], zoom };
            let layer = Layer { photo: Arc::clone(&photo), heat, view, slot: 0, smooth };
            let size = [200.0_f64.min(285.0 * zoom) as u32, 150.0_f64.min(190.0 * zoom) as u32];
            let [whole, tiled] = [&whole, &tiled].map(|screen| screen.draw_one(size, layer.clone()));
            let expected = RgbImage::from_fn(size[0], size[1], |x, y| {
                let [r, g, b, _] = whole.get_pixel(x, y).0;
                Rgb([r, g, b])
            });
            // Positions in another texture round differently by less than hardware's steps of 1/256 texel.
            assert_same(&tiled, &expected, TOLERANCE, &format!("zoom {zoom}, smooth {smooth}"));
        }
    }
}

#[test]
fn a_large_photo_comes_in_over_several_frames_and_is_never_blank() {
    let Some(screen) = OffScreen::open() else { return };
    let frames_wanted = Arc::new(AtomicUsize::new(0));
    let wanted = Arc::clone(&frames_wanted);
    gpu::install(&screen.window, move || {
        wanted.fetch_add(1, Ordering::Relaxed);
    });
    // 4.6 megapixels, three times what one frame uploads; neighbouring pixels differ, so that a coarse stand-in shows.
    let pixels = photo(2500, 1800);
    let layer = plain(pixels.clone(), [900.0, 700.0], 1.0);
    let first = screen.draw_one([300, 200], layer.clone());
    assert!(first.pixels().all(|pixel| pixel.0[3] == 255), "the preview covers the photo");
    assert_eq!(frames_wanted.load(Ordering::Relaxed), 1, "another frame is asked for");
    let mut last = first.clone();
    (0..10).for_each(|_| last = screen.draw_one([300, 200], layer.clone()));
    let wanted = frames_wanted.load(Ordering::Relaxed);
    assert!((2..4).contains(&wanted), "and no more than needed: {wanted}");
    let expected = RgbImage::from_fn(300, 200, |x, y| *pixels.get_pixel(x + 900, y + 700));
    assert_same(&last, &expected, 0, "1:1");
    assert_ne!(first, last);
}

#[test]
fn one_pixel_is_a_photo_and_around_it_there_is_nothing() {
    let Some(screen) = OffScreen::with_shaders() else { return };
    for (zoom, smooth) in [(20.0, false), (20.0, true), (8.0, true)] {
        let layer = plain(RgbImage::from_pixel(1, 1, Rgb([10, 200, 30])), [-1.0; 2], zoom);
        let drawn = screen.draw_one([60, 60], Layer { smooth, ..layer });
        for (x, y, pixel) in drawn.enumerate_pixels() {
            let is_photo = [x, y].iter().all(|side| (zoom as u32..2 * zoom as u32).contains(side));
            assert_eq!(pixel.0, if is_photo { [10, 200, 30, 255] } else { [0; 4] }, "{x}, {y} at {zoom}");
        }
    }
}

#[test]
fn nothing_is_drawn_of_what_is_not_there() {
    let Some(screen) = OffScreen::open() else { return };
    let empty = RgbaImage::new(20, 20);
    let layer = plain(photo(9, 9), [0.0; 2], 1.0);
    assert_eq!(screen.draw_one([20, 20], layer.clone()), empty, "shaders not installed");
    gpu::install(&screen.window, || ());
    assert_ne!(screen.draw_one([20, 20], layer), empty);
    assert_eq!(screen.draw_one([20, 20], plain(RgbImage::new(0, 5), [0.0; 2], 1.0)), empty, "no pixels");
    for (origin, zoom) in [([100.0; 2], 1.0), ([0.0; 2], 0.0), ([0.0; 2], f64::NAN), ([f64::NAN; 2], 1.0)] {
        let drawn = screen.draw_one([20, 20], plain(photo(9, 9), origin, zoom));
        assert_eq!(drawn, empty, "view at {origin:?}, zoom {zoom}");
    }
}

#[test]
fn pictures_side_by_side_keep_to_their_rectangles() {
    let Some(mut screen) = OffScreen::with_shaders() else { return };
    screen.pixels_per_point = 1.5;
    let (photo, map) = (Arc::new(Photo::new(photo(53, 47))), heat_map());
    let grid_map = GridMap::new(map.values(), GRID).unwrap();
    let styles = [Interpolation::Patches, Interpolation::Bicubic]
        .map(|interpolation| Style { interpolation, ..Style::default() });
    // At 1.5 pixels per point: from pixels (3, 6) and (30, 6), both 27×24; the second begins off the photo.
    let rect = |left: f32| Rect::from_min_size(Pos2::new(left, 4.0), Vec2::new(18.0, 16.0));
    let layer = |slot: usize, origin| {
        let heat = Some((Arc::clone(&map), styles[slot].clone()));
        let view = ViewTransform { origin, zoom: 1.0 };
        Layer { photo: Arc::clone(&photo), heat, view, slot: slot as u64, smooth: false }
    };
    let layers = vec![(rect(2.0), layer(0, [10.0, 20.0])), (rect(20.0), layer(1, [-7.0, 5.0]))];
    let drawn = screen.draw([60, 40], layers);

    let whole = styles.map(|style| overlay(photo.rgb(), grid_map, CROP, &style).unwrap());
    for (x, y, pixel) in drawn.enumerate_pixels() {
        let expected = match (x, y) {
            (3..30, 6..30) => Some(whole[0].get_pixel(x - 3 + 10, y - 6 + 20)),
            (37..57, 6..30) => Some(whole[1].get_pixel(x - 30 - 7, y - 6 + 5)),
            _ => None,
        };
        let Some(expected) = expected else {
            assert_eq!(pixel.0, [0; 4], "{x}, {y} is outside");
            continue;
        };
        let difference = (0..3).map(|i| pixel[i].abs_diff(expected[i])).max().unwrap();
        assert!(difference <= TOLERANCE && pixel[3] == 255, "{x}, {y}: {:?} for {:?}", pixel.0, expected.0);
    }
}

#[test]
fn a_photo_comes_back_after_its_copy_was_dropped() {
    let Some(screen) = OffScreen::with_shaders() else { return };
    let (first, other) = (plain(photo(53, 47), [0.0; 2], 1.0), plain(photo(20, 20), [0.0; 2], 1.0));
    let before = screen.draw_one([53, 47], first.clone());
    // Copies are kept for 120 frames.
    for _ in 0..130 {
        screen.draw_one([20, 20], Layer { slot: 1, ..other.clone() });
    }
    assert_eq!(screen.draw_one([53, 47], first), before);
}
