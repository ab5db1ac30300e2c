//! Makes one thumbnail: from the disk cache, else by decoding and shrinking the picture.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use ::image::{ImageReader, RgbImage};
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use super::disk::DiskCache;
use super::{SIDE, ThumbnailResult};
use crate::image::{ImageError, ImageSource, Stamp};

/// Larger pictures are decoded one at a time: each takes at least 60 MB.
const HUGE_PIXELS: u64 = 20_000_000;

/// Shared by all thumbnail threads.
pub(super) struct Maker {
    disk: Option<DiskCache>,
    huge: Mutex<()>,
}

impl Maker {
    pub(super) fn new(disk: Option<DiskCache>) -> Self {
        Self { disk, huge: Mutex::new(()) }
    }

    /// `stamp` is that of the file before this call: what changes meanwhile is another picture.
    pub(super) fn make(&self, source: &ImageSource, stamp: Stamp) -> ThumbnailResult {
        sheltered(|| self.find_or_make(source, stamp))
    }

    fn find_or_make(&self, source: &ImageSource, stamp: Stamp) -> Result<RgbImage, ImageError> {
        let cached = self.disk.as_ref().and_then(|disk| Some((disk, disk.entry(source, stamp)?)));
        if let Some(thumbnail) = cached.as_ref().and_then(|(_, entry)| entry.read()) {
            return Ok(thumbnail);
        }
        let thumbnail = {
            let _one_at_a_time = is_huge(source).then(|| self.huge.lock().unwrap_or_else(PoisonError::into_inner));
            shrink(&source.decode()?.rgb)?
        };
        if let Some((disk, entry)) = cached {
            disk.write(&entry, &thumbnail);
        }
        Ok(thumbnail)
    }
}

/// What the file declares before a pixel is decoded; what declares nothing readable is soon refused.
fn is_huge(source: &ImageSource) -> bool {
    if !source.is_file() {
        return false;
    }
    let reader = ImageReader::open(source.path()).and_then(ImageReader::with_guessed_format);
    let dimensions = reader.ok().and_then(|reader| reader.into_dimensions().ok());
    dimensions.is_some_and(|(width, height)| u64::from(width) * u64::from(height) > HUGE_PIXELS)
}

/// Shrinks to fit a square of [`SIDE`] pixels; smaller pictures stay as they are.
///
/// The kernel (Lanczos) widens with the ratio, so every pixel of the photo counts.
fn shrink(photo: &RgbImage) -> Result<RgbImage, ImageError> {
    let (width, height) = fitted(photo.dimensions());
    if (width, height) == photo.dimensions() {
        return Ok(photo.clone());
    }
    let mut thumbnail = RgbImage::new(width, height);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new().resize(photo, &mut thumbnail, &options)?;
    Ok(thumbnail)
}

/// The size with the longer side cut to [`SIDE`], and the shorter one in proportion but never without pixels.
fn fitted((width, height): (u32, u32)) -> (u32, u32) {
    let longer = u64::from(width.max(height));
    if longer <= u64::from(SIDE) {
        return (width, height);
    }
    // At most `SIDE`, as `side ≤ longer`.
    let scaled = |side: u32| ((u64::from(side) * u64::from(SIDE) + longer / 2) / longer).max(1) as u32;
    (scaled(width), scaled(height))
}

/// A decoder that panics on a hostile file must not take the thread with it.
fn sheltered(make: impl FnOnce() -> Result<RgbImage, ImageError>) -> ThumbnailResult {
    match catch_unwind(AssertUnwindSafe(make)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the decoder failed on this image; save it anew as PNG".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ::image::Rgb;

    use super::*;

    fn save(path: &Path, colour: [u8; 3]) -> ImageSource {
        RgbImage::from_pixel(300, 150, Rgb(colour)).save(path).unwrap();
        ImageSource::file(path)
    }

    /// The thumbnails that lie in a cache folder.
    fn cached(folder: &Path) -> Vec<std::path::PathBuf> {
        crate::image::list_images(folder).unwrap()
    }

    #[test]
    fn sizes_fit_the_square_and_keep_their_shape() {
        assert_eq!(fitted((4000, 3000)), (192, 144));
        assert_eq!(fitted((3000, 4000)), (144, 192));
        assert_eq!(fitted((100, 192)), (100, 192), "never enlarged");
        assert_eq!(fitted((60_000, 1)), (192, 1));
        assert_eq!(fitted((u32::MAX, u32::MAX)), (192, 192));
    }

    #[test]
    fn shrinking_averages_instead_of_skipping() {
        // A chequerboard of single black and white pixels is grey from afar.
        let board = RgbImage::from_fn(1920, 1920, |x, y| Rgb([if (x + y) % 2 == 0 { 0 } else { 255 }; 3]));
        let thumbnail = shrink(&board).unwrap();
        // Grey lies between 127 and 128; the kernel's integer weights may round by one more.
        assert!(thumbnail.pixels().all(|pixel| (126..=129).contains(&pixel[0])));
    }

    #[test]
    fn a_second_maker_reads_the_disk_and_a_changed_file_is_made_anew() {
        let (photos, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = photos.path().join("a.png");
        let source = save(&path, [200, 0, 0]);
        let maker = || Maker::new(Some(DiskCache::new(cache.path().into())));
        maker().make(&source, source.stamp()).unwrap();
        let entry = cached(cache.path()).remove(0);

        // Another picture in the cache's place shows whether the cache is read.
        RgbImage::from_pixel(192, 96, Rgb([0, 0, 200])).save(&entry).unwrap();
        assert!(maker().make(&source, source.stamp()).unwrap().get_pixel(5, 5)[2] > 190);

        // Twice as long, as a PNG of one colour is not: other length, other key.
        RgbImage::from_fn(300, 150, |x, y| Rgb([0, (150 + (x * 7 + y * 3) % 50) as u8, 0])).save(&path).unwrap();
        let fresh = maker().make(&source, source.stamp()).unwrap();
        assert!(fresh.get_pixel(5, 5)[1] > 140 && fresh.get_pixel(5, 5)[2] < 20);
        assert_eq!(cached(cache.path()).len(), 2);
    }

    #[test]
    fn a_corrupt_cache_entry_is_remade() {
        let (photos, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let source = save(&photos.path().join("a.png"), [200, 0, 0]);
        let maker = Maker::new(Some(DiskCache::new(cache.path().into())));
        let first = maker.make(&source, source.stamp()).unwrap();
        let entry = cached(cache.path()).remove(0);
        let whole = std::fs::read(&entry).unwrap();
        for damage in [&b""[..], b"no picture", &whole[..whole.len() / 2]] {
            std::fs::write(&entry, damage).unwrap();
            assert_eq!(maker.make(&source, source.stamp()).unwrap(), first);
            assert_eq!(std::fs::read(&entry).unwrap(), whole, "and written again");
        }
        // A picture that is too large for a thumbnail is none of ours.
        RgbImage::new(SIDE + 1, 10).save(&entry).unwrap();
        assert_eq!(maker.make(&source, source.stamp()).unwrap(), first);
    }

    #[test]
    fn a_cache_that_cannot_be_written_costs_nothing_but_time() {
        let folder = tempfile::tempdir().unwrap();
        let source = save(&folder.path().join("a.png"), [200, 0, 0]);
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, b"a file where the cache wants a folder").unwrap();
        assert!(Maker::new(Some(DiskCache::new(blocked))).make(&source, source.stamp()).is_ok());
    }

    #[test]
    fn only_huge_files_wait_for_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let small = save(&folder.path().join("a.png"), [1, 2, 3]);
        assert!(!is_huge(&small));
        assert!(!is_huge(&ImageSource::file("no/such/file.png")));
        // The header alone declares 5000·4001 pixels; whether the rest follows does not matter here.
        let header = folder.path().join("huge.ppm");
        std::fs::write(&header, b"P6 5000 4001 255\n").unwrap();
        assert!(is_huge(&ImageSource::file(header)));
    }

    #[test]
    fn a_panicking_decoder_is_a_broken_picture() {
        assert!(sheltered(|| panic!("as a decoder might")).is_err());
    }
}
