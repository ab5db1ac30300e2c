use std::sync::mpsc::channel;

use tempfile::TempDir;

use super::*;
use crate::mask::{Mask, Origin, Review};

const SIZE: Size = Size::new(3, 4);

/// A mask that can be told from others by its number of foreground pixels.
fn mask(pixels: usize) -> MaskFile {
    let mask = Mask::from_fn(SIZE, |row, column| row * SIZE.width + column < pixels);
    MaskFile { mask, record: MaskRecord::default() }
}

fn open(folder: &Path) -> MaskStore {
    MaskStore::open(folder, || {})
}

fn pixels(store: &MaskStore, image: &str) -> Option<usize> {
    let file = store.load(Path::new(image), SIZE).unwrap();
    file.map(|file| file.mask.count(crate::mask::Label::Foreground))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A folder with masks that have no JSON.
fn without_records(masks: &[(&str, usize)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, pixels) in masks {
        let path = folder.path().join(name);
        mask(*pixels).save(&path).unwrap();
        std::fs::remove_file(record_path(&path)).unwrap();
    }
    folder
}

#[test]
fn a_saved_mask_is_found_at_once_and_after_opening_anew() {
    let folder = tempfile::tempdir().unwrap();
    let masks = folder.path().join("not/yet/there");
    let store = open(&masks);
    assert_eq!(pixels(&store, "photos/cat.jpg"), None);
    let file = MaskFile { record: MaskRecord { review: Review::Accepted, ..MaskRecord::default() }, ..mask(5) };
    assert_eq!(store.save(Path::new("photos/cat.jpg"), &file).unwrap(), masks.join("cat.png"));
    assert_eq!(names(&masks), ["cat.json", "cat.png"]);
    for store in [store, open(&masks)] {
        assert_eq!(pixels(&store, "photos/cat.jpg"), Some(5));
        let states = store.states([Path::new("photos/cat.jpg"), Path::new("photos/dog.jpg")]);
        let state = MaskState { review: Review::Accepted, ..MaskState::default() };
        assert_eq!(states, [Some(state), None]);
    }
}

#[test]
fn photos_of_one_name_have_masks_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let images = ["a/cat.jpg", "b/cat.jpg", "a/cat.png", "a/CAT.jpg", "a/con.jpg", "a/x:y.jpg", "b/con.jpg"];
    for round in 0..2 {
        let store = open(folder.path());
        for (at, image) in images.iter().enumerate() {
            store.save(Path::new(image), &mask(at + round)).unwrap();
        }
        for (at, image) in images.iter().enumerate() {
            assert_eq!(pixels(&store, image), Some(at + round), "{image}");
        }
        // One PNG and one JSON each, in the second round the same ones.
        assert_eq!(names(folder.path()).len(), 2 * images.len());
    }
    let folded: std::collections::HashSet<String> =
        names(folder.path()).iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(folded.len(), 2 * images.len(), "distinct where case does not count");
}

#[test]
fn masks_without_record_are_found_by_name_and_folder() {
    let folder = without_records(&[("cat.png", 1), ("n01/a.png", 2), ("n02/a.png", 3), ("n03/b.png", 4)]);
    let store = open(folder.path());
    assert_eq!(pixels(&store, "/photos/anywhere/cat.jpg"), Some(1));
    assert_eq!(pixels(&store, "/photos/n01/a.JPEG"), Some(2));
    assert_eq!(pixels(&store, "/photos/n02/a.JPEG"), Some(3));
    assert_eq!(pixels(&store, "/photos/n09/a.JPEG"), None);
    assert_eq!(pixels(&store, "/photos/n01/b.JPEG"), None, "a class's mask is not another class's");
    let state = MaskState { origin: Origin::Imported, ..MaskState::default() };
    assert_eq!(store.states([Path::new("/photos/n01/a.JPEG")]), [Some(state)]);
}

#[test]
fn a_mask_from_elsewhere_is_kept_when_it_is_replaced() {
    let folder = without_records(&[("n01/a.png", 2)]);
    let store = open(folder.path());
    let image = Path::new("/photos/n01/a.jpg");
    assert_eq!(store.save(image, &mask(7)).unwrap(), folder.path().join("n01/a.png"));
    assert_eq!(pixels(&store, "/photos/n01/a.jpg"), Some(7));
    let kept = MaskFile::load(&folder.path().join("removed/a.png")).unwrap();
    assert_eq!(kept.mask, mask(2).mask);
    store.save(image, &mask(8)).unwrap();
    assert_eq!(names(&folder.path().join("removed")), ["a.png"], "from then on it is the photo's own");
}

#[test]
fn photos_that_moved_keep_their_masks_and_photos_that_stayed_do_not_lose_theirs() {
    let (folder, photos) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, new) = (photos.path().join("old/set/cat.jpg"), photos.path().join("new/set/cat.jpg"));
    std::fs::create_dir_all(old.parent().unwrap()).unwrap();
    std::fs::write(&old, b"a photo").unwrap();
    open(folder.path()).save(&old, &mask(3)).unwrap();

    let store = open(folder.path());
    assert_eq!(store.find(&new), None, "the other photo is still there");
    std::fs::remove_file(&old).unwrap();
    assert_eq!(store.find(&new), Some(folder.path().join("cat.png")));
    assert_eq!(store.find(&photos.path().join("new/other/cat.jpg")), None, "the folder has another name");
    store.save(&new, &mask(4)).unwrap();
    assert_eq!(names(folder.path()), ["cat.json", "cat.png", "removed"]);
}

#[test]
fn a_removed_mask_is_moved_and_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let image = Path::new("photos/cat.jpg");
    for round in 1..=2 {
        store.save(image, &mask(round)).unwrap();
        let place = store.remove(image).unwrap().unwrap();
        assert_eq!(MaskFile::load(&place).unwrap().mask, mask(round).mask);
        assert_eq!(pixels(&store, "photos/cat.jpg"), None);
    }
    assert_eq!(names(&folder.path().join("removed")), ["cat 2.json", "cat 2.png", "cat.json", "cat.png"]);
    assert_eq!(store.remove(image).unwrap(), None);
    assert_eq!(open(folder.path()).find(image), None, "removed masks are not found");
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_and_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"precious").unwrap();
    let store = open(&file);
    let error = store.save(Path::new("cat.jpg"), &mask(1)).unwrap_err();
    assert!(matches!(error, MaskError::Write { .. }) && error.to_string().ends_with("cat.png"), "{error}");
    assert_eq!(store.find(Path::new("cat.jpg")), None);
    assert!(store.problems()[0].ends_with("file"), "{:?}", store.problems());
    assert_eq!(std::fs::read(&file).unwrap(), b"precious");
}

#[test]
fn a_mask_of_another_size_or_with_a_damaged_record_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let image = Path::new("cat.jpg");
    let store = open(folder.path());
    store.save(image, &mask(1)).unwrap();
    assert!(matches!(store.load(image, Size::new(4, 3)), Err(MaskError::WrongSize { .. })));

    std::fs::write(folder.path().join("cat.json"), b"{").unwrap();
    let store = open(folder.path());
    assert!(store.problems()[0].ends_with("cat.json"));
    assert!(matches!(store.load(image, SIZE), Err(MaskError::Record { .. })));
    store.save(image, &mask(2)).unwrap();
    assert_eq!(names(&folder.path().join("removed")), ["cat.json", "cat.png"], "both are kept");
    assert_eq!(pixels(&store, "cat.jpg"), Some(2));
}

#[test]
fn only_old_temporary_files_of_our_own_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 60 * 60);
    for (name, is_old) in [
        ("cat.png.123-4.part", true),
        ("cat.json.123-5.part", false),
        ("film.mp4.part", true),
        ("film.png.part", true),
        ("cat.txt.123-4.part", true),
    ] {
        let file = std::fs::File::create(folder.path().join(name)).unwrap();
        if is_old {
            file.set_modified(long_ago).unwrap();
        }
    }
    open(folder.path()).problems(); // waits
    assert_eq!(names(folder.path()), ["cat.json.123-5.part", "cat.txt.123-4.part", "film.mp4.part", "film.png.part"]);
}

#[test]
fn opening_announces_its_end_and_counts_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (send, receive) = channel();
    let store = MaskStore::open(folder.path(), move || send.send(()).unwrap());
    // Generous: an empty folder takes microseconds.
    receive.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
    assert!(store.is_ready());
    let before = store.changes();
    store.save(Path::new("cat.jpg"), &mask(1)).unwrap();
    assert!(store.changes() > before);
}
