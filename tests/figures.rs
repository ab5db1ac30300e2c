//! Facts about pixels of figures.

use ::image::{Rgb, RgbImage};
use fast_image_resize::CropBox;
use vitrine::render::{
    ColourMap, Figure, GridMap, MaskStyle, Panel, Style, ValueRange, figure, overlay, sheet, write_png,
};
use vitrine::size::Size;

const PHOTO_GREY: Rgb<u8> = Rgb([200, 180, 160]);
const PAPER: Rgb<u8> = Rgb([250, 250, 248]);

fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_pixel(width, height, PHOTO_GREY)
}

/// The middle 60 of 100 columns.
const MIDDLE: CropBox = CropBox { left: 20.0, top: 0.0, width: 60.0, height: 60.0 };

fn whole(photo: &RgbImage) -> CropBox {
    CropBox { left: 0.0, top: 0.0, width: f64::from(photo.width()), height: f64::from(photo.height()) }
}

#[test]
fn heat_lies_inside_the_crop_and_the_rest_is_dimmed() {
    let style = Style { opacity: 1.0, ..Style::default() };
    // Cold on the left, hot on the right.
    let map = GridMap::new(&[0.0, 1.0], Size::new(1, 2)).unwrap();
    let picture = overlay(&photo(100, 60), map, MIDDLE, &style).unwrap();
    assert_eq!(picture.get_pixel(20, 30).0, ColourMap::Turbo.lookup(0.0), "first column of the crop");
    assert_eq!(picture.get_pixel(79, 30).0, ColourMap::Turbo.lookup(1.0), "last column of the crop");
    for x in [0, 19, 80, 99] {
        let Rgb([r, g, b]) = *picture.get_pixel(x, 30);
        assert!(r == g && g == b && r < 180, "column {x} is grey and darker than the photo's luma of 184");
    }
}

#[test]
fn opacity_blends_linearly() {
    let map = GridMap::new(&[0.0, 1.0], Size::new(1, 2)).unwrap();
    let photo = photo(100, 60);
    let grey = |opacity| {
        let style = Style { colours: ColourMap::Grey, opacity, ..Style::default() };
        overlay(&photo, map, whole(&photo), &style).unwrap().get_pixel(99, 0).0
    };
    assert_eq!(grey(0.0), PHOTO_GREY.0);
    // (200 + 255)/2 = 227.5, (180 + 255)/2 = 217.5, (160 + 255)/2 = 207.5, rounded up
    assert_eq!(grey(0.5), [228, 218, 208]);
    assert_eq!(grey(1.0), [255; 3]);
}

#[test]
fn a_shared_range_replaces_the_maps_own() {
    let map = GridMap::new(&[0.0, 1.0], Size::new(1, 2)).unwrap();
    let photo = photo(100, 60);
    let range = Some(ValueRange { low: 0.0, high: 2.0 });
    let style = Style { colours: ColourMap::Grey, opacity: 1.0, range, ..Style::default() };
    // 1 of 0…2 is the middle of the grey map: 127.5, rounded up.
    assert_eq!(overlay(&photo, map, whole(&photo), &style).unwrap().get_pixel(99, 0).0, [128; 3]);
}

#[test]
fn the_ends_of_the_bar_are_the_ends_of_the_colour_map() {
    for colours in ColourMap::ALL {
        let photo = photo(500, 460);
        let map = GridMap::new(&[0.1, 0.4, -0.2, 0.3], Size::square(2)).unwrap();
        let content = Figure { photo: &photo, map, crop: whole(&photo), caption: "" };
        let picture = figure(&content, &Style { colours, ..Style::default() }).unwrap();
        // Type of 460/22 = 20.9 → 21 px: margin 31, bar 21 px to the right of the photo.
        let bar = 31 + 500 + 21 + 5;
        assert_eq!(picture.get_pixel(bar, 31).0, colours.lookup(1.0), "{colours}: top");
        assert_eq!(picture.get_pixel(bar, 31 + 459).0, colours.lookup(0.0), "{colours}: bottom");
        assert_eq!(*picture.get_pixel(bar, 30), PAPER);
        assert_eq!(*picture.get_pixel(bar, 31 + 460), PAPER);
        assert_eq!(*picture.get_pixel(0, 0), PAPER);
    }
}

#[test]
fn a_flat_map_shows_the_photo_and_says_so() {
    let photo = photo(500, 460);
    for values in [[0.25; 4], [f32::NAN, 0.0, 1.0, 2.0]] {
        let map = GridMap::new(&values, Size::square(2)).unwrap();
        let draw = |caption| {
            let content = Figure { photo: &photo, map, crop: whole(&photo), caption };
            figure(&content, &Style::default()).unwrap()
        };
        let picture = draw("");
        assert_eq!(*picture.get_pixel(31, 31), PHOTO_GREY);
        assert_eq!(*picture.get_pixel(31 + 499, 31 + 459), PHOTO_GREY);
        assert_eq!(picture.width(), 31 + 500 + 31, "no bar beside it");
        let beneath = |picture: &RgbImage| picture.rows().skip(31 + 460).flatten().filter(|p| **p != PAPER).count();
        assert!(beneath(&picture) > 0, "the note stands even without a caption");
        assert!(beneath(&draw("tench")) > beneath(&picture));
    }
}

#[test]
fn figures_are_neither_huge_nor_tiny() {
    let map = GridMap::new(&[0.0, 1.0], Size::new(1, 2)).unwrap();
    for (width, height) in
        [(6000, 4000), (4000, 6000), (1600, 1600), (224, 224), (32, 20), (1, 3000), (3000, 1), (1, 1)]
    {
        let photo = photo(width, height);
        let content = Figure { photo: &photo, map, crop: whole(&photo), caption: "tench 0.87" };
        let picture = figure(&content, &Style::default()).unwrap();
        let longest = picture.width().max(picture.height());
        assert!((448..=1600).contains(&longest), "{width}×{height} becomes {}×{}", picture.width(), picture.height());
    }
}

#[test]
fn a_sheet_holds_its_panels_row_by_row() {
    let photo = photo(500, 460);
    let map = GridMap::new(&[0.1, 0.4, -0.2, 0.3], Size::square(2)).unwrap();
    let style = Style { opacity: 1.0, colours: ColourMap::Grey, ..Style::default() };
    let plain = Panel { photo: &photo, heat: None, mask: None, caption: "photo" };
    let heated = Panel { heat: Some((map, whole(&photo), &style)), caption: "GAE", ..plain };
    let one = sheet(&[heated], 1).unwrap();
    let content = Figure { photo: &photo, map, crop: whole(&photo), caption: "GAE" };
    assert_eq!(one, figure(&content, &style).unwrap(), "a sheet of one is a figure");

    let three = sheet(&[plain, heated, heated], 2).unwrap();
    assert_eq!((three.width(), three.height()), (2 * one.width(), 2 * one.height()));
    // Margin 31: the photo as it is, beside it the map, whose largest value lies in the upper right.
    assert_eq!(*three.get_pixel(31, 31), PHOTO_GREY);
    assert_eq!(three.get_pixel(one.width() + 31 + 499, 31).0, [255; 3]);
    assert_eq!(three.get_pixel(31 + 499, one.height() + 31).0, [255; 3]);
    assert_eq!(*three.get_pixel(one.width() + 300, one.height() + 200), PAPER, "nothing stands in the free place");
    assert!(sheet(&[], 2).is_err());
}

#[test]
fn a_sheet_shows_the_mask_over_the_photo() {
    let photo = photo(500, 460);
    let labels: Vec<u8> = (0..500 * 460).map(|at| u8::from(at % 500 < 250)).collect();
    let mask = MaskStyle { colour: [255, 0, 0], opacity: 1.0, outline: false };
    let drawn = sheet(&[Panel { photo: &photo, heat: None, mask: Some((&labels, mask)), caption: "" }], 1).unwrap();
    // Margin 31.
    assert_eq!(drawn.get_pixel(31 + 249, 100).0, [255, 0, 0]);
    assert_eq!(*drawn.get_pixel(31 + 250, 100), PHOTO_GREY);
}

#[test]
fn a_picture_without_pixels_is_refused() {
    let map = GridMap::new(&[0.0, 1.0], Size::new(1, 2)).unwrap();
    let photo = photo(0, 10);
    assert!(overlay(&photo, map, whole(&photo), &Style::default()).is_err());
    let content = Figure { photo: &photo, map, crop: whole(&photo), caption: "" };
    assert!(figure(&content, &Style::default()).is_err());
}

#[test]
fn png_files_come_back_unchanged_and_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("figure.png");
    let picture = RgbImage::from_fn(7, 5, |x, y| Rgb([x as u8 * 30, y as u8 * 40, 99]));
    write_png(&path, &picture).unwrap();
    assert_eq!(::image::open(&path).unwrap().to_rgb8(), picture);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays behind");
    let message = write_png(&path.join("figure.png"), &picture).unwrap_err().to_string();
    assert!(message.ends_with("figure.png"), "{message}");
}
