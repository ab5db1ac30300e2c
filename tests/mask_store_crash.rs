//! A program that dies in the middle of saving masks leaves each of them old or new, and readable.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vitrine::mask::{Label, Mask, MaskFile, MaskRecord, MaskStore};
use vitrine::size::Size;

/// Set for the child only: the folder it writes to until it is killed.
const FOLDER: &str = "VITRINE_TEST_SAVES_TO";
const TEST: &str = "a_killed_program_leaves_every_mask_whole";
const PHOTOS: usize = 4;
/// Large enough for the write of the PNG to take a while.
const SIZE: Size = Size::new(600, 700);

fn photo(number: usize) -> PathBuf {
    format!("photos/{number}.jpg").into()
}

/// A mask whose every pixel follows from its round, so that half a mask cannot pass for a whole one.
fn mask(round: usize) -> MaskFile {
    let mask =
        Mask::from_fn(SIZE, |row, column| (row * row + column * column + row * column + round * 7919) % 101 < 50);
    MaskFile { mask, record: MaskRecord { method: Some(format!("round {round}")), ..MaskRecord::default() } }
}

fn save_until_killed(folder: &Path) {
    let store = MaskStore::open(folder, || {});
    for round in 0.. {
        for number in 0..PHOTOS {
            store.save(&photo(number), &mask(round)).unwrap();
        }
    }
}

#[test]
fn a_killed_program_leaves_every_mask_whole() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        save_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    for kill in 0..5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([TEST, "--exact"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while !folder.path().join("3.json").exists() {
            assert!(began.elapsed() < Duration::from_secs(60), "the child saves nothing");
            std::thread::sleep(Duration::from_millis(2));
        }
        // Odd delays, to hit different moments of a save.
        std::thread::sleep(Duration::from_millis(37 + 29 * kill));
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();

        let store = MaskStore::open(folder.path(), || {});
        assert_eq!(store.problems(), Vec::<String>::new());
        for number in 0..PHOTOS {
            let file = store.load(&photo(number), SIZE).unwrap().unwrap();
            let record: String = file.record.method.unwrap();
            let round: usize = record.strip_prefix("round ").unwrap().parse().unwrap();
            // The PNG is written first: the record is of its round or of the one before.
            let is_whole = [round, round + 1].into_iter().any(|round| file.mask == mask(round).mask);
            assert!(is_whole && file.mask.count(Label::Ignore) == 0, "photo {number}, {record}");
        }
    }
}
