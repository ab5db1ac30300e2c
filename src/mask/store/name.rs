//! File names for masks that every file system takes, whatever the photo is called.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Leaves room for `-hash`, `.json` and the ending of a temporary file in the 143 bytes that encrypted home folders
/// allow (eCryptfs; 255 elsewhere).
const LONGEST_STEM: usize = 80;

/// Hexadecimal digits of the suffix, tried in turn; eight keep 9000 photos of one name apart with 99 %.
const HASH_DIGITS: [usize; 3] = [8, 16, 64];

/// Names that Windows keeps for devices, with any extension.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// The stems for the mask of a photo, best first: `cat` for `cat.jpg` if every file system takes it, else and then
/// with ever longer hashes of the photo's path.
pub(super) fn stems(image: &Path) -> Vec<String> {
    let stem = image.file_stem().unwrap_or_default();
    let usual = stem.to_str().filter(|stem| is_portable(stem)).map(str::to_owned);
    let tame = tamed(&stem.to_string_lossy());
    let hash = format!("{:x}", Sha256::digest(image.as_os_str().as_encoded_bytes()));
    let hashed = HASH_DIGITS.iter().map(|&digits| format!("{tame}-{}", &hash[..digits]));
    usual.into_iter().chain(hashed).collect()
}

/// What two names have in common that one of these file systems cannot tell apart: case, and for accents that are
/// written in two ways the place that [`super::MaskStore`] checks before it writes.
pub(super) fn folded(stem: &str) -> String {
    stem.to_lowercase()
}

/// The path as records store it and indices compare it: absolute where it is that of a file, without `.` parts.
/// Names of pictures in memory (`counter/fox/fox-1.jpg`) stay as they are.
pub(super) fn identity(image: &Path) -> PathBuf {
    match std::path::absolute(image) {
        Ok(absolute) if image.is_relative() && image.exists() => absolute,
        _ => image.components().collect(),
    }
}

fn is_portable(stem: &str) -> bool {
    !stem.is_empty()
        && stem.len() <= LONGEST_STEM
        && stem.chars().all(is_harmless)
        && !stem.starts_with(['.', ' '])
        && !stem.ends_with(['.', ' '])
        && !is_device(stem)
}

fn is_harmless(c: char) -> bool {
    !c.is_control() && !r#"<>:"/\|?*"#.contains(c) && c != char::REPLACEMENT_CHARACTER
}

/// `con`, `COM1`, `lpt²`, also as in `con.old`.
fn is_device(stem: &str) -> bool {
    let name = stem.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let numbered = |port: &str| {
        name.strip_prefix(port)
            .is_some_and(|rest| rest.chars().count() == 1 && rest.contains(|c| "0123456789¹²³".contains(c)))
    };
    DEVICES.contains(&name.as_str()) || numbered("com") || numbered("lpt")
}

/// What can be kept of a name; the hash behind it makes it unique, and no device.
fn tamed(stem: &str) -> String {
    let harmless: String = stem.chars().map(|c| if is_harmless(c) { c } else { '_' }).collect();
    let mut tame = harmless.trim_start_matches(['.', ' ']);
    while tame.len() > LONGEST_STEM {
        let last = tame.char_indices().next_back().map_or(0, |(at, _)| at);
        tame = &tame[..last];
    }
    match tame.split_once('.') {
        // `con.old-1a2b` would still be a device.
        Some((before, after)) if is_device(tame) => format!("{before}_{after}"),
        _ if tame.is_empty() => "mask".into(),
        _ => tame.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(image: &str) -> String {
        stems(Path::new(image)).swap_remove(0)
    }

    #[test]
    fn usual_names_stay_as_they_are() {
        for (image, stem) in [
            ("a/cat.jpg", "cat"),
            ("n01440764_10026.JPEG", "n01440764_10026"),
            ("Žluťoučký kůň.png", "Žluťoučký kůň"),
            ("猫.photo.webp", "猫.photo"),
            ("console.jpg", "console"),
            ("com10.jpg", "com10"),
        ] {
            assert_eq!(first(image), stem);
        }
    }

    #[test]
    fn names_that_some_system_refuses_are_changed_and_stay_apart() {
        let long = "x".repeat(250);
        let names = [
            "con.jpg",
            "CON.old.jpg",
            "lpt1.png",
            "com².png",
            "a:b.jpg",
            "a*b.jpg",
            "dots..jpg",
            "space .jpg",
            ".hidden.jpg",
            "tab\tin.jpg",
            " first.jpg",
            &long,
        ];
        for name in names {
            let stem = first(name);
            assert!(is_portable(&stem.replace('-', "")[..stem.len().min(LONGEST_STEM) - 1]), "{name} → {stem}");
            assert!(!is_device(&stem) && stem.len() <= LONGEST_STEM + 9, "{name} → {stem}");
            assert_ne!(stem, first(&format!("other/{name}")), "the hash is of the whole path");
            assert_eq!(stem, first(name), "and the same every time");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_text_gets_one_that_is() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let stem = |bytes: &[u8]| stems(Path::new(OsStr::from_bytes(bytes))).swap_remove(0);
        assert!(stem(b"caf\xe9.jpg").starts_with("caf_-"));
        assert_ne!(stem(b"caf\xe9.jpg"), stem(b"caf\xe8.jpg"));
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let stem = first(&format!("{}.jpg", "é".repeat(100)));
        assert!(stem.starts_with(&"é".repeat(40)) && stem.len() == 80 + 9, "{stem}");
    }
}
