//! `vitrine mask` and `vitrine mask convert` as typed: files, JSON, exit codes, and what they say about bad input.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use vitrine::mask::{Label, Mask, MaskFile, MaskRecord, MaskStore, Origin, Review};
use vitrine::size::Size;

fn vitrine(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitrine")).args(args).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn succeeded(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

/// A folder with a few of the demo's photos in `photos`.
fn few_photos() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let all = tempfile::tempdir().unwrap();
    vitrine::demo::export(all.path()).unwrap();
    std::fs::create_dir(folder.path().join("photos")).unwrap();
    let images = vitrine::image::list_images(&all.path().join("photos/counter")).unwrap();
    let copy = |image: &PathBuf| {
        let to = folder.path().join("photos").join(image.file_name().unwrap());
        std::fs::copy(image, &to).unwrap();
        to
    };
    let photos = images.iter().take(3).map(copy).collect();
    (folder, photos)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn each_photo_gets_a_mask_of_its_size_and_a_second_run_leaves_them_alone() {
    let (folder, photos) = few_photos();
    let output = vitrine(folder.path(), &["mask", "photos", "--out", "masks", "--json"]);
    succeeded(&output);
    let reports = lines(&output);
    assert_eq!(reports.len(), 3);
    for (photo, report) in photos.iter().zip(&reports) {
        let png = folder.path().join("masks").join(stem(photo)).with_extension("png");
        let file = MaskFile::load(&png).unwrap();
        assert_eq!(file.mask.size(), vitrine::image::load(photo).unwrap().size());
        assert!(!file.mask.is_empty() && file.mask.count(Label::Ignore) == 0);
        assert_eq!(file.record.origin, Origin::Auto);
        // The demo model has six blocks and learned labels: ⌊0.83·6⌋ = 4.
        assert!(file.record.method.unwrap().starts_with("tokencut, k of block 4, τ 0.4"));
        let quality = file.record.quality.unwrap();
        assert!((quality.area - file.mask.area()).abs() < 1e-9 && quality.iou_refined.is_some());
        assert_eq!((&report["status"], &report["origin"]), (&"made".into(), &"auto".into()));
        assert!(report["quality"]["eigengap"].as_f64().unwrap() >= 0.0);
    }
    let before = std::fs::metadata(folder.path().join("masks").join(stem(&photos[0])).with_extension("png")).unwrap();
    let again = vitrine(folder.path(), &["mask", "photos", "--out", "masks", "--json"]);
    succeeded(&again);
    assert!(lines(&again).iter().all(|report| report["status"] == "kept"));
    let after = std::fs::metadata(folder.path().join("masks").join(stem(&photos[0])).with_extension("png")).unwrap();
    assert_eq!(before.modified().unwrap(), after.modified().unwrap());
}

#[test]
fn an_interrupted_run_goes_on_where_it_was() {
    let (folder, photos) = few_photos();
    let second = photos[1].to_str().unwrap();
    succeeded(&vitrine(folder.path(), &["mask", second, "--out", "masks"]));
    let output = vitrine(folder.path(), &["mask", "photos", "--out", "masks", "--json"]);
    let statuses: Vec<Value> = lines(&output).iter().map(|report| report["status"].clone()).collect();
    assert_eq!(statuses, ["made", "kept", "made"]);
}

#[test]
fn a_persons_mask_is_moved_aside_and_never_lost() {
    let (folder, photos) = few_photos();
    let size = vitrine::image::load(&photos[0]).unwrap().size();
    let own = Mask::from_fn(size, |row, column| row == column);
    let record = MaskRecord { review: Review::Accepted, ..MaskRecord::default() };
    let store = MaskStore::open(folder.path().join("masks"), || {});
    store.save(&photos[0], &MaskFile { mask: own.clone(), record }).unwrap();

    let photo = photos[0].to_str().unwrap();
    let kept = vitrine(folder.path(), &["mask", photo, "--out", "masks", "--json"]);
    assert_eq!(lines(&kept)[0]["status"], "kept");
    succeeded(&vitrine(folder.path(), &["mask", photo, "--out", "masks", "--overwrite"]));
    let name = format!("{}.png", stem(&photos[0]));
    assert_eq!(MaskFile::load(&folder.path().join("masks").join(&name)).unwrap().record.origin, Origin::Auto);
    assert_eq!(MaskFile::load(&folder.path().join("masks/removed").join(&name)).unwrap().mask, own);
}

#[test]
fn options_change_the_mask_and_are_told_in_its_record() {
    let (folder, photos) = few_photos();
    let photo = photos[0].to_str().unwrap();
    let made = |more: &[&str]| -> MaskFile {
        let out = tempfile::tempdir().unwrap();
        let args = [&["mask", photo, "--out", out.path().to_str().unwrap()], more].concat();
        succeeded(&vitrine(folder.path(), &args));
        MaskFile::load(&out.path().join(stem(&photos[0])).with_extension("png")).unwrap()
    };
    let plain = made(&[]);
    assert_eq!(plain, made(&[]), "the same every time");
    let coarse = made(&["--no-refine"]);
    assert_ne!(coarse.mask, plain.mask);
    assert_eq!(coarse.record.quality.unwrap().iou_refined, None);
    let words = |file: MaskFile| file.record.method.unwrap();
    assert!(words(made(&["--block", "2", "--features", "kqv", "--tau", "0.3"])).contains("kqv of block 2, τ 0.3"));
    assert!(words(made(&["--profile", "paper"])).contains("k of block 5, τ 0.2"));
    assert!(words(made(&["--eigenvector", "3"])).contains("eigenvector 3"));
    let relevance = made(&["--method", "relevance", "--threshold", "mean"]);
    assert!(relevance.record.method.clone().unwrap().contains("circular: not independent evidence"));
    assert_eq!(relevance.record.review, Review::NeedsReview);
    assert_ne!(relevance.mask, made(&["--method", "relevance", "--threshold", "95"]).mask);
}

#[test]
fn small_photos_are_enlarged_unless_somebody_wishes_otherwise() {
    let (folder, photos) = few_photos();
    let small = folder.path().join("small.png");
    image::open(&photos[0]).unwrap().thumbnail(120, 120).save(&small).unwrap();
    let made = |photo: &Path, more: &[&str]| -> MaskFile {
        let out = tempfile::tempdir().unwrap();
        let args = ["mask", photo.to_str().unwrap(), "--out", out.path().to_str().unwrap()];
        succeeded(&vitrine(folder.path(), &[&args, more].concat()));
        MaskFile::load(&out.path().join(stem(photo)).with_extension("png")).unwrap()
    };
    let says_so = |file: &MaskFile| file.record.method.as_deref().unwrap().contains("240 px, enlarged");
    let (usual, native) = (made(&small, &[]), made(&small, &["--enlarge", "false"]));
    assert!(says_so(&usual) && !says_so(&native));
    assert_ne!(usual.mask, native.mask);
    assert_eq!(usual, made(&small, &["--enlarge", "true"]));
    assert!(!says_so(&made(&small, &["--profile", "paper"])), "the paper's code takes photos as they are");
    assert!(says_so(&made(&small, &["--profile", "paper", "--enlarge", "true"])));
    assert!(!says_so(&made(&photos[0], &[])), "a larger one need not be enlarged");
}

#[test]
fn bad_input_is_named_and_the_rest_goes_on() {
    let (folder, photos) = few_photos();
    std::fs::write(folder.path().join("photos/broken.jpg"), b"\xff\xd8 no more").unwrap();
    let output = vitrine(folder.path(), &["mask", "photos", "--out", "masks", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let made = lines(&output).iter().filter(|line| line["status"] == "made").count();
    assert_eq!(made, photos.len());
    assert!(text(&output.stderr).contains("broken.jpg"));
    let photo = photos[0].to_str().unwrap();
    for (more, says) in [
        (&["--tau", "1.5"][..], "cosine"),
        (&["--block", "6"], "blocks 0 to 5"),
        (&["--features", "x"], "kqv"),
        (&["--enlarge", "perhaps"], "true|false"),
        (&["--method", "relevance", "--target", "unicorn"], "unicorn"),
        (&["--threshold", "110"], "percentile"),
    ] {
        let output = vitrine(folder.path(), &[&["mask", photo, "--out", "other"], more].concat());
        assert_eq!(output.status.code(), Some(2), "{more:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(says), "{more:?}: {}", text(&output.stderr));
    }
    assert_eq!(vitrine(folder.path(), &["mask", photo]).status.code(), Some(2), "--out is missing");
}

#[test]
fn a_folder_that_cannot_be_written_stops_the_run_with_its_name() {
    let (folder, _) = few_photos();
    std::fs::write(folder.path().join("masks"), b"a file, no folder").unwrap();
    let output = vitrine(folder.path(), &["mask", "photos", "--out", "masks"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert_eq!(said.matches("cannot be saved").count(), 1, "the next photo would fail alike: {said}");
    assert_eq!(std::fs::read(folder.path().join("masks")).unwrap(), b"a file, no folder");
}

#[cfg(unix)]
#[test]
fn a_disk_that_takes_no_more_leaves_older_masks_as_they_were() {
    let (folder, photos) = few_photos();
    succeeded(&vitrine(folder.path(), &["mask", photos[0].to_str().unwrap(), "--out", "masks"]));
    let contents = || -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder.path().join("masks")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    };
    let before = contents();
    // No file may grow: as on a full disk, each write fails.
    let limited = format!(
        "trap '' XFSZ; ulimit -f 0; exec {} mask photos --out masks --overwrite",
        env!("CARGO_BIN_EXE_vitrine")
    );
    let output = Command::new("sh").args(["-c", &limited]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.contains("cannot be saved") && said.contains("free space"), "{said}");
    assert!(contents() == before, "nothing was lost, and no temporary file is left");
}

/// A mask folder with one photo and its mask, which has a hole and, if wanted, ignored pixels.
fn one_mask(with_ignored: bool, with_hole: bool) -> (tempfile::TempDir, PathBuf, Mask) {
    let (folder, photos) = few_photos();
    let size = vitrine::image::load(&photos[0]).unwrap().size();
    let mut mask = Mask::from_fn(size, |row, column| {
        (3..20).contains(&row) && (5..30).contains(&column) && !(with_hole && (8..10).contains(&row) && column == 9)
    });
    if with_ignored {
        mask.labels_mut()[..7].fill(Label::Ignore);
    }
    let store = MaskStore::open(folder.path().join("masks"), || {});
    store.save(&photos[0], &MaskFile { mask: mask.clone(), record: MaskRecord::default() }).unwrap();
    (folder, photos[0].clone(), mask)
}

#[test]
fn masks_come_back_from_every_format_as_far_as_it_holds_them() {
    // (format, what to add when writing, holds ignored pixels, holds holes)
    for (format, more, ignored, holes) in [
        ("png", &[][..], true, true),
        ("imagenet-s", &["--class", "300"], true, true),
        ("coco", &[], true, true),
        ("coco-counts", &[], true, true),
        ("coco-polygons", &[], true, false),
        ("labelme", &["--label", "fox"], true, true),
        ("xanylabeling", &["--label", "fox"], true, false),
        ("npy", &[], false, true),
    ] {
        let (folder, photo, mask) = one_mask(ignored, holes);
        let there = [&["mask", "convert", "masks", "--to", format, "--out", "there"], more].concat();
        succeeded(&vitrine(folder.path(), &there));
        let back = ["mask", "convert", "there", "--out", "back", "--photos", "photos", "--json"];
        let output = vitrine(folder.path(), &back);
        succeeded(&output);
        assert_eq!(lines(&output)[0]["status"], "converted", "{format}");
        let file = MaskFile::load(&folder.path().join("back").join(stem(&photo)).with_extension("png")).unwrap();
        assert_eq!(file.mask, mask, "{format}");
        assert!(file.record.image.ends_with(photo.file_name().unwrap()), "{format}: {:?}", file.record.image);

        let again = vitrine(folder.path(), &back);
        assert_eq!(lines(&again)[0]["status"], "kept", "{format}");
    }
}

#[test]
fn what_a_format_cannot_hold_is_said_and_nothing_is_written() {
    let refused = |ignored, holes, format: &str, says: &str| {
        let (folder, ..) = one_mask(ignored, holes);
        let output = vitrine(folder.path(), &["mask", "convert", "masks", "--to", format, "--out", "there"]);
        assert_eq!(output.status.code(), Some(1), "{format}");
        assert!(text(&output.stderr).contains(says), "{format}: {}", text(&output.stderr));
        assert!(!folder.path().join("there").exists(), "{format}");
    };
    refused(true, false, "npy", "--drop-ignored");
    refused(false, true, "coco-polygons", "holes");
    refused(false, true, "xanylabeling", "labelme");
    refused(false, false, "imagenet-s", "--class");
    let (folder, _, mask) = one_mask(true, true);
    let args = ["mask", "convert", "masks", "--to", "npy", "--out", "there", "--drop-ignored"];
    succeeded(&vitrine(folder.path(), &args));
    let bytes = std::fs::read(vitrine_files(&folder.path().join("there"), "npy").remove(0)).unwrap();
    let truths = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec::<bool>().unwrap();
    assert_eq!(truths.iter().filter(|set| **set).count(), mask.count(Label::Foreground));
}

fn vitrine_files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|of| of == extension)).collect()
}

#[test]
fn damaged_and_foreign_files_are_named_with_the_cure() {
    let (folder, photos) = few_photos();
    let incoming = folder.path().join("in");
    std::fs::create_dir(&incoming).unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(incoming.join(name), bytes).unwrap();
    let photo = stem(&photos[0]);

    // A palette PNG of two colours: header, palette, two pixels.
    put(&format!("{photo}.png"), &palette_png([0, 0, 0, 255, 255, 255]));
    // A coloured one is no ImageNet-S either.
    put("coloured.png", &palette_png([0, 0, 0, 7, 1, 0]));
    put("broken.json", b"{\"shapes\": [");
    put("other.json", b"{\"hello\": 1}");
    put("text.npy", b"no array");
    let small = MaskFile { mask: Mask::empty(Size::new(2, 3)), record: MaskRecord::default() };
    small.save(&incoming.join(format!("{}.png", stem(&photos[1])))).unwrap();

    let output = vitrine(folder.path(), &["mask", "convert", "in", "--out", "out", "--photos", "photos"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert_eq!(said.matches("by palette").count(), 2, "{said}");
    for says in ["the JSON is damaged", "broken.json", "--from", "text.npy", "3×2 pixels"] {
        assert!(said.contains(says), "{says}: {said}");
    }
    assert!(!folder.path().join("out").exists(), "nothing was written: {said}");
}

fn palette_png(palette: [u8; 6]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(palette.to_vec());
    encoder.write_header().unwrap().write_image_data(&[0, 1]).unwrap();
    bytes
}
