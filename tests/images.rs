//! Pictures from outside: files of every kind through `load`, and `prepare` against the tensors of the reference.

#[allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]
mod support;

use std::path::{Path, PathBuf};

use candle_core::Device;
use vitrine::image::{Filter, ImageError, Picture, Position, Preparation, decode, load, prepare};
use vitrine::size::Size;

use support::shared;

/// The corners of `orientation_N.jpg` and `lossless.webp`, see `tests/data/images/README.md`.
const QUADRANTS: [((u32, u32), [u8; 3]); 4] =
    [((12, 8), [255, 0, 0]), ((36, 8), [0, 255, 0]), ((12, 24), [0, 0, 255]), ((36, 24), [255, 255, 255])];

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/images").join(name)
}

fn pixel(picture: &Picture, at: (u32, u32)) -> [u8; 3] {
    picture.rgb.get_pixel(at.0, at.1).0
}

fn assert_near(actual: [u8; 3], expected: [u8; 3], tolerance: u8, what: &str) {
    let far = actual.iter().zip(expected).any(|(&a, e)| a.abs_diff(e) > tolerance);
    assert!(!far, "{what}: {actual:?} instead of {expected:?}");
}

#[test]
fn every_exif_orientation_comes_out_upright() {
    for orientation in 1..=8 {
        let picture = load(&data(&format!("orientation_{orientation}.jpg"))).unwrap();
        assert_eq!(picture.size(), Size::new(32, 48), "orientation {orientation}");
        for (at, colour) in QUADRANTS {
            // 4: the loss of JPEG at quality 90 in the middle of a flat quadrant.
            assert_near(pixel(&picture, at), colour, 4, &format!("orientation {orientation} at {at:?}"));
        }
    }
}

#[test]
fn cmyk_in_both_spellings_of_adobe_shows_the_inks() {
    for name in ["cmyk_adobe.jpg", "ycck_adobe.jpg"] {
        let picture = load(&data(name)).unwrap();
        // (255 − ink)·(255 − black)/255, as Pillow's convert("RGB") gives for these files.
        let inks = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [127; 3]];
        for (stripe, colour) in (0..).zip(inks) {
            // 3: JPEG at quality 95 in the middle of a flat stripe.
            assert_near(pixel(&picture, (8 + 16 * stripe, 8)), colour, 3, name);
        }
    }
}

#[test]
fn every_kind_of_chroma_is_decoded_as_libjpeg_does() {
    for name in ["libjpeg_420_progressive", "libjpeg_422", "libjpeg_440"] {
        let expected = load(&data(&format!("{name}.png"))).unwrap();
        assert_eq!(load(&data(&format!("{name}.jpg"))).unwrap().rgb, expected.rgb, "{name}, to the last bit");
    }
}

#[test]
fn no_damage_inside_a_jpeg_makes_the_decoder_stumble() {
    let whole = std::fs::read(data("libjpeg_420_progressive.jpg")).unwrap();
    for at in 2..whole.len() - 2 {
        for damage in [0x01, 0x55, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= damage;
            // Either a picture or an error with a sentence; the file ends where it should, so both are possible.
            if let Err(error) = decode(&bytes, Path::new("damaged.jpg")) {
                assert!(error.to_string().ends_with("damaged.jpg"), "{error}");
            }
        }
    }
}

/// A JPEG segment: marker, length, content.
fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    [&[0xff, marker], &(content.len() as u16 + 2).to_be_bytes()[..], content].concat()
}

#[test]
fn a_hidden_frame_header_of_another_size_claims_no_memory() {
    let whole = std::fs::read(data("libjpeg_422.jpg")).unwrap();
    let expected = decode(&whole, Path::new("whole.jpg")).unwrap();
    // 65 500 × 65 500 in three components of 4×4 blocks, inside of what one decoder takes for a segment to skip and
    // the other for a marker without length. The coefficients alone would take 25 GB.
    let frame = [8, 0xff, 0xdc, 0xff, 0xdc, 3, 1, 0x44, 0, 2, 0x44, 0, 3, 0x44, 0];
    let bytes = [&whole[..2], &segment(0x01, &segment(0xc0, &frame)), &whole[2..]].concat();
    let size = decode(&bytes, Path::new("hidden.jpg")).unwrap().size();
    assert_eq!(size, expected.size());
}

#[test]
fn components_named_red_green_and_blue_are_not_converted() {
    let whole = std::fs::read(data("libjpeg_422.jpg")).unwrap();
    let position = |bytes: &[u8], marker| bytes.windows(2).position(|pair| pair == [0xff, marker]).unwrap();
    let mut bytes = whole.clone();
    let (frame, scan) = (position(&bytes, 0xc0), position(&bytes, 0xda));
    for (index, name) in b"RGB".iter().enumerate() {
        bytes[frame + 10 + 3 * index] = *name;
        bytes[scan + 5 + 2 * index] = *name;
    }
    let with_marker = decode(&bytes, Path::new("jfif.jpg")).unwrap();
    assert_eq!(with_marker.rgb, decode(&whole, Path::new("whole.jpg")).unwrap().rgb, "JFIF is always YCbCr");

    let marker = position(&bytes, 0xe0);
    bytes[marker + 4] = b'X'; // no longer «JFIF»
    let named = decode(&bytes, Path::new("named.jpg")).unwrap();
    assert_ne!(named.rgb, with_marker.rgb);
}

#[test]
fn sixteen_bits_keep_their_high_byte() {
    let rgb = load(&data("rgb_16bit.png")).unwrap();
    // Pillow reads the same file as [(0, 0, 1), (127, 128, 255)].
    assert_eq!(rgb.rgb.as_raw(), &[0, 0, 1, 127, 128, 255]);
    let grey = load(&data("grey_16bit.png")).unwrap();
    assert_eq!(grey.rgb.as_raw(), &[0, 0, 1, 127, 128, 255].map(|level| [level; 3]).concat());
}

#[test]
fn transparency_is_laid_over_white() {
    let palette = load(&data("palette_transparent.png")).unwrap();
    // Blue at 128/255: 0·128/255 + 255·127/255 = 127 in red and green.
    assert_eq!(palette.rgb.as_raw(), &[255, 0, 0, 255, 255, 255, 127, 127, 255, 10, 20, 30]);
    let grey = load(&data("grey_alpha.png")).unwrap();
    // 40·128/255 + 255·127/255 = 147.08
    assert_eq!(grey.rgb.as_raw(), &[40, 255, 147].map(|level| [level; 3]).concat());
}

#[test]
fn grey_webp_and_the_first_frame_of_a_gif_are_read() {
    assert_eq!(load(&data("grey.png")).unwrap().rgb.as_raw(), &[0, 128, 255].map(|level| [level; 3]).concat());
    for name in ["lossless.webp", "two_frames.gif"] {
        let picture = load(&data(name)).unwrap();
        for (at, colour) in QUADRANTS {
            assert_eq!(pixel(&picture, at), colour, "{name} at {at:?}");
        }
    }
}

#[test]
fn formats_without_fixture_survive_a_round_trip() {
    use ::image::ImageFormat::{Bmp, Png, Pnm, Qoi, Tga, Tiff, WebP};
    let original = load(&data("lossless.webp")).unwrap();
    for (format, name) in
        [(Bmp, "a.bmp"), (Png, "a.png"), (Pnm, "a.ppm"), (Qoi, "a.qoi"), (Tga, "a.tga"), (Tiff, "a.tif"), (WebP, "a")]
    {
        let mut bytes = std::io::Cursor::new(Vec::new());
        original.rgb.write_to(&mut bytes, format).unwrap();
        let bytes = bytes.into_inner();
        assert_eq!(decode(&bytes, Path::new(name)).unwrap().rgb, original.rgb, "{name}");

        let half = decode(&bytes[..bytes.len() / 2], Path::new(name)).unwrap_err();
        assert!(matches!(half, ImageError::Truncated { .. }), "{name}: {half}");
    }
}

#[test]
fn floating_point_is_clamped_to_the_visible_range() {
    let levels = ::image::Rgb32FImage::from_raw(2, 1, vec![-1.0, 0.0, 0.5, 1.0, 7.0, f32::NAN]).unwrap();
    let mut tiff = std::io::Cursor::new(Vec::new());
    ::image::DynamicImage::from(levels).write_to(&mut tiff, ::image::ImageFormat::Tiff).unwrap();
    let picture = decode(&tiff.into_inner(), Path::new("levels.tif")).unwrap();
    // 0.5·255 = 127.5, rounded up
    assert_eq!(picture.rgb.as_raw()[..5], [0, 0, 128, 255, 255]);
}

#[test]
fn broken_files_give_errors_that_name_the_cure_and_end_with_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let whole_png = std::fs::read(data("palette_transparent.png")).unwrap();
    let whole_jpeg = std::fs::read(data("orientation_1.jpg")).unwrap();
    let mut damaged_png = whole_png.clone();
    damaged_png[20] ^= 0xff; // within the header, whose checksum then fails
    let cases = [
        (write("empty.jpg", b""), "empty", "download"),
        (write("notes.jpg", b"a shopping list, not a photo"), "not an image", "JPEG, PNG"),
        (write("photo.avif", b"\0\0\0\x20ftypavif\0\0\0\0avifmif1"), "AVIF", "convert"),
        (data("truncated.jpg"), "breaks off", "download"),
        (write("header_only.jpg", &whole_jpeg[..20]), "breaks off", "download"),
        (write("half.png", &whole_png[..whole_png.len() - 20]), "breaks off", "download"),
        (write("damaged.png", &damaged_png), "damaged", "save"),
        (write("bomb.png", &png_header(100_000, 100_000)), "100000×100000", "scale"),
        (write("no_width.ppm", b"P6 0 5 255\n"), "declares 0×5", "save"),
        (folder.path().to_owned(), "folder", "name one"),
        (folder.path().join("missing.png"), "no such file", "check"),
    ];
    for (path, problem, cure) in cases {
        let message = load(&path).unwrap_err().to_string();
        assert!(message.contains(problem) && message.contains(cure), "{message}");
        assert!(message.ends_with(&path.display().to_string()), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket.png");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for path in [Path::new("/dev/zero"), &socket] {
        let message = load(path).unwrap_err().to_string();
        assert!(message.contains("not a file") && message.contains("save"), "{message}");
        assert!(message.ends_with(&path.display().to_string()), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_of_more_than_two_gigabytes_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.png");
    // Sparse: a length without blocks.
    std::fs::File::create(&path).unwrap().set_len(2_000_000_001).unwrap();
    let message = load(&path).unwrap_err().to_string();
    assert!(message.contains("2000000001 bytes") && message.contains("smaller"), "{message}");
    assert!(message.ends_with("long.png"), "{message}");
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.png");
    std::fs::copy(data("grey.png"), &path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&path).is_ok() {
        println!("skipped: the administrator may read every file");
        return;
    }
    assert!(matches!(load(&path), Err(ImageError::NotPermitted { .. })));
}

/// Signature and header of a PNG, no pixels.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]); // 8 bits, RGB, the only compression and filter method, not interlaced
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    png.extend(&chunk);
    png.extend(crc32(&chunk).to_be_bytes());
    png.extend([0, 0, 0, 0]);
    png.extend(b"IDAT");
    png.extend(crc32(b"IDAT").to_be_bytes());
    png
}

/// The checksum of PNG chunks (polynomial 0xEDB88320).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

fn imagenet(input: Size) -> Preparation {
    Preparation::model(input, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 0.9, Filter::Bicubic)
}

/// Of normalising and back in f32, in units of 1/255.
const ROUNDING: f32 = 1e-3;

#[test]
fn input_tensors_agree_with_pillow() {
    let Some(tensors) = shared("fixtures/deit_tiny.expected.safetensors") else { return };
    let Some(photos) = shared("photos/imagenette") else { return };
    let photos = vitrine::image::list_images(&photos).unwrap();
    let tensors = candle_core::safetensors::load(tensors, &Device::Cpu).unwrap();
    let mut compared = 0;
    for (name, tensor) in tensors.iter().filter(|(name, _)| name.ends_with(".input")) {
        let (stem, profile) = name.trim_end_matches(".input").rsplit_once('.').unwrap();
        let photo = photos.iter().find(|path| path.file_stem().unwrap() == stem).unwrap();
        let preparation =
            if profile == "model" { imagenet(Size::square(224)) } else { Preparation::paper(Size::square(224)) };
        let prepared = prepare(&load(photo).unwrap(), &preparation).unwrap();
        let expected = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(prepared.input.len(), expected.len());

        let plane = prepared.size.area();
        let differences: Vec<f32> = prepared
            .input
            .iter()
            .zip(&expected)
            .enumerate()
            .map(|(i, (a, e))| (a - e).abs() * preparation.std[i / plane] * 255.0)
            .collect();
        let worst = differences.iter().copied().fold(0.0, f32::max);
        let mean = differences.iter().sum::<f32>() / differences.len() as f32;
        println!("{name}: at most {worst:.2}/255, mean {mean:.3}/255");
        assert!(worst <= 2.0 + ROUNDING && mean < 0.3, "{name}: at most {worst}/255, mean {mean}/255");
        compared += 1;
    }
    assert_eq!(compared, 10, "five photos under two profiles");
}

/// An 8-bit picture whose neighbours differ, without a file.
fn gradient(width: u32, height: u32) -> Picture {
    let channel = |x: u32, step: u32| (x * step % 256) as u8;
    let rgb = ::image::RgbImage::from_fn(width, height, |x, y| {
        ::image::Rgb([channel(x, 7), channel(y, 5), channel(x + y, 3)])
    });
    Picture { rgb: rgb.into() }
}

const SHAPES: [(u32, u32); 9] =
    [(500, 375), (375, 500), (224, 224), (10, 7), (1, 1), (1, 600), (600, 1), (60_000, 1), (249, 248)];

fn profiles() -> [Preparation; 5] {
    [
        imagenet(Size::square(224)),
        Preparation::paper(Size::square(224)),
        Preparation::paper(Size::square(384)),
        imagenet(Size::new(32, 64)),
        Preparation::paper(Size::new(64, 32)),
    ]
}

#[test]
fn positions_survive_the_way_there_and_back() {
    for (width, height) in SHAPES {
        for preparation in profiles() {
            let framing = prepare(&gradient(width, height), &preparation).unwrap().framing;
            let (w, h) = (f64::from(width), f64::from(height));
            for (x, y) in [(0.0, 0.0), (w, h), (w / 3.0, h / 7.0), (-5.0, h + 9.0)] {
                let there = framing.input_from_image(Position::new(x, y));
                let back = framing.image_from_input(there);
                // 1e-9 of the photo's side: a handful of roundings in f64.
                let near = |a: f64, b: f64, side: f64| (a - b).abs() <= 1e-9 * side.max(1.0);
                assert!(near(back.x, x, w) && near(back.y, y, h), "{width}×{height}: {back:?} instead of {x}, {y}");
            }
        }
    }
}

#[test]
fn the_crop_is_centred_and_inside_of_the_photo_whatever_its_shape() {
    for (width, height) in SHAPES {
        for preparation in profiles() {
            let prepared = prepare(&gradient(width, height), &preparation).unwrap();
            let crop = prepared.framing.crop_in_image();
            let (w, h) = (f64::from(width), f64::from(height));
            assert!(crop.left >= 0.0 && crop.top >= 0.0, "{crop:?}");
            assert!(crop.left + crop.width <= w && crop.top + crop.height <= h, "{crop:?} in {width}×{height}");
            // Centred up to one pixel of the resized photo (whose offsets are whole), in pixels of the photo.
            let pixel = crop.width / prepared.size.width as f64;
            assert!((crop.left + crop.width / 2.0 - w / 2.0).abs() <= pixel, "{crop:?} in {width}×{height}");
            assert_eq!(prepared.input.len(), 3 * preparation.input.area());
            assert!(prepared.input.iter().all(|value| value.is_finite()));
        }
    }
}

#[test]
fn the_preview_is_what_the_model_sees() {
    let preparation = imagenet(Size::new(32, 64));
    let prepared = prepare(&gradient(120, 90), &preparation).unwrap();
    let preview = prepared.preview();
    assert_eq!((preview.width(), preview.height()), (64, 32));
    let plane = prepared.size.area();
    for (i, pixel) in preview.pixels().enumerate() {
        for channel in 0..3 {
            let value = prepared.input[channel * plane + i] * preparation.std[channel] + preparation.mean[channel];
            assert_eq!((value * 255.0).round() as u8, pixel[channel]);
        }
    }
}

#[test]
fn a_photo_of_a_single_column_costs_no_more_than_its_crop() {
    // As a PNG it takes 39 kB; all of its rows, widened to 224 pixels, would take 13 GB.
    let column = Picture { rgb: ::image::RgbImage::from_pixel(1, 20_000_000, ::image::Rgb([9, 8, 7])).into() };
    let prepared = prepare(&column, &imagenet(Size::square(224))).unwrap();
    assert!(prepared.preview().pixels().all(|pixel| pixel.0 == [9, 8, 7]));
}

#[test]
fn a_photo_of_the_inputs_size_is_not_resampled() {
    let picture = gradient(224, 224);
    let preparation = Preparation::model(Size::square(224), [0.5; 3], [0.5; 3], 1.0, Filter::Bicubic);
    assert_eq!(prepare(&picture, &preparation).unwrap().preview(), &*picture.rgb);
}
