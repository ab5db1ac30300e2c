//! Thumbnails on demand: what is visible is made first, what is no longer visible is not made at all.
//!
//! ```text
//! Thumbnails::want → stack → worker: disk cache, else decode and shrink → channel → Thumbnails::poll → memory cache
//! ```

mod disk;
mod make;

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use ::image::RgbImage;

use super::Wake;
use super::lru::Lru;
use crate::image::{ImageSource, Stamp};
use disk::DiskCache;
use make::Maker;

/// Thumbnails fit into a square of so many pixels.
pub const SIDE: u32 = 192;

/// A thumbnail, at most [`SIDE`] pixels wide and high, or why there is none, as a sentence for the user.
pub type ThumbnailResult = Result<RgbImage, String>;

/// What a failed picture costs in the memory cache: its sentence and bookkeeping.
const FAILURE_BYTES: usize = 512;

/// How thumbnails are made and kept.
#[derive(Clone, Debug)]
pub struct ThumbnailOptions {
    /// Folder of the disk cache; none is kept without one.
    pub folder: Option<PathBuf>,
    pub threads: usize,
    /// Budget of the memory cache.
    pub memory_bytes: usize,
}

impl Default for ThumbnailOptions {
    /// The user's cache folder, two threads, 64 MiB (600 thumbnails).
    fn default() -> Self {
        Self { folder: disk::default_folder(), threads: 2, memory_bytes: 64 << 20 }
    }
}

/// The window's end of the thumbnail threads; dropping it ends them after the picture they are at.
pub struct Thumbnails {
    queue: Arc<Queue>,
    results: Receiver<Finished>,
    memory: Lru<ImageSource, (Stamp, Arc<ThumbnailResult>)>,
    /// Wanted ones that the memory cache had.
    ready: Vec<Finished>,
}

/// A picture and its thumbnail.
#[derive(Clone, Debug)]
pub struct Finished {
    pub source: ImageSource,
    pub thumbnail: Arc<ThumbnailResult>,
    /// The file has changed since the thumbnail that was given before.
    pub is_renewed: bool,
    /// Of the file that was read.
    stamp: Stamp,
}

impl Thumbnails {
    /// # Errors
    /// If the system gives no thread.
    pub fn start(options: ThumbnailOptions, wake: &Wake) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let maker = Arc::new(Maker::new(options.folder.map(DiskCache::new)));
        let (sender, results) = channel();
        let thumbnails = Self { queue, results, memory: Lru::new(options.memory_bytes), ready: Vec::new() };
        for index in 0..options.threads.max(1) {
            let (queue, maker, sender, wake) = (thumbnails.queue.clone(), maker.clone(), sender.clone(), wake.clone());
            let work = move || work(&queue, &maker, &sender, &wake);
            std::thread::Builder::new().name(format!("thumbnails-{index}")).spawn(work)?;
        }
        Ok(thumbnails)
    }

    /// Says which thumbnails are wanted now, the most urgent first. Whatever was wanted before and is not any more is
    /// dropped; what is newly wanted comes before what was waiting. What is known comes with the next [`Self::poll`].
    pub fn want(&mut self, sources: &[ImageSource]) {
        self.ready.retain(|ready| sources.contains(&ready.source));
        let mut unknown = Vec::new();
        for source in sources {
            if self.ready.iter().any(|ready| ready.source == *source) {
                continue;
            }
            match self.memory.get(source) {
                Some((stamp, thumbnail)) => {
                    let (stamp, thumbnail) = (*stamp, thumbnail.clone());
                    self.ready.push(Finished { source: source.clone(), thumbnail, is_renewed: false, stamp });
                }
                None => unknown.push(source),
            }
        }
        self.queue.replace(&unknown);
    }

    /// Whether [`Self::poll`] has something at once because the memory cache had it; no wake-up announces it.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// What was finished since the last call; never waits.
    pub fn poll(&mut self) -> Vec<Finished> {
        let mut finished = std::mem::take(&mut self.ready);
        for result in self.results.try_iter() {
            let Finished { source, thumbnail, stamp, .. } = &result;
            self.queue.settle(source);
            let bytes = thumbnail.as_ref().as_ref().map_or(FAILURE_BYTES, |thumbnail| thumbnail.as_raw().len());
            self.memory.insert(source.clone(), (*stamp, thumbnail.clone()), bytes);
            finished.push(result);
        }
        finished
    }

    /// Looks whether the files of these thumbnails have changed, and makes those anew that have.
    pub fn check(&mut self, sources: &[ImageSource]) {
        let memory = &mut self.memory;
        let known = sources.iter().filter_map(|source| Some((source.clone(), memory.get(source)?.0)));
        self.queue.check(known.collect());
    }

    /// Bytes in the memory cache.
    pub fn memory_bytes(&self) -> usize {
        self.memory.cost()
    }
}

impl Drop for Thumbnails {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// What waits to be made, shared between the window and the threads.
#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    /// The last one is next.
    stack: Vec<ImageSource>,
    /// Known thumbnails whose files may have changed; looked at when the stack is empty.
    checks: Vec<(ImageSource, Stamp)>,
    /// Being made, or made and not yet collected by the window.
    busy: HashSet<ImageSource>,
    closed: bool,
}

impl Queue {
    /// A thread that panicked left the state whole: no operation on it can stop half way.
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps of the waiting ones those that are wanted, and puts the new ones on top, the first topmost.
    fn replace(&self, wanted: &[&ImageSource]) {
        let mut state = self.lock();
        let QueueState { stack, busy, .. } = &mut *state;
        let wanted_set: HashSet<&ImageSource> = wanted.iter().copied().collect();
        stack.retain(|source| wanted_set.contains(source));
        let waiting: HashSet<ImageSource> = stack.iter().cloned().collect();
        let is_new = |source: &&&ImageSource| !busy.contains(**source) && !waiting.contains(**source);
        stack.extend(wanted.iter().rev().filter(is_new).map(|source| (*source).clone()));
        if !stack.is_empty() {
            self.changed.notify_all();
        }
    }

    fn check(&self, known: Vec<(ImageSource, Stamp)>) {
        self.lock().checks = known;
        self.changed.notify_all();
    }

    /// The most urgent picture, with the stamp of its thumbnail if there is one; waits for one.
    /// `None`: the window is gone.
    fn next(&self) -> Option<(ImageSource, Option<Stamp>)> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(source) = state.stack.pop() {
                state.busy.insert(source.clone());
                return Some((source, None));
            }
            if let Some((source, stamp)) = state.checks.pop() {
                return Some((source, Some(stamp)));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The window has collected the picture.
    fn settle(&self, source: &ImageSource) {
        self.lock().busy.remove(source);
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

/// A thread's whole life.
fn work(queue: &Queue, maker: &Maker, results: &Sender<Finished>, wake: &Wake) {
    while let Some((source, known)) = queue.next() {
        let stamp = source.stamp();
        if known == Some(stamp) {
            continue;
        }
        let thumbnail = Arc::new(maker.make(&source, stamp));
        if results.send(Finished { source, thumbnail, is_renewed: known.is_some(), stamp }).is_err() {
            return;
        }
        wake();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn source(name: &str) -> ImageSource {
        ImageSource::memory(name, b"not a picture".as_slice())
    }

    fn quiet() -> Wake {
        Arc::new(|| {})
    }

    fn without_disk() -> ThumbnailOptions {
        ThumbnailOptions { folder: None, ..Default::default() }
    }

    /// Polls until `count` thumbnails are there.
    fn collect(thumbnails: &mut Thumbnails, count: usize) -> Vec<Finished> {
        // Generous: the work takes milliseconds, the machine may be busy.
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut finished = Vec::new();
        while finished.len() < count {
            assert!(Instant::now() < deadline, "only {} of {count} thumbnails came", finished.len());
            finished.extend(thumbnails.poll());
            std::thread::sleep(Duration::from_millis(1));
        }
        finished
    }

    #[test]
    fn the_newest_wish_comes_first_and_dropped_ones_never() {
        let queue = Queue::default();
        let [a, b, c, d] = ["a", "b", "c", "d"].map(source);
        queue.replace(&[&a, &b]);
        queue.replace(&[&c, &d, &b]);
        // «a» is no longer visible; «b» has waited since before.
        let order: Vec<_> = (0..3).map(|_| queue.next().unwrap().0.title().into_owned()).collect();
        assert_eq!(order, ["c", "d", "b"]);
        queue.replace(&[&b]);
        assert!(queue.lock().stack.is_empty(), "what is being made is not made twice");
        queue.settle(&b);
        queue.replace(&[&b]);
        assert_eq!(queue.next(), Some((b, None)));
        queue.close();
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn thumbnails_arrive_and_wake_and_stay_in_memory() {
        let photo = RgbImage::from_pixel(400, 200, ::image::Rgb([10, 200, 30]));
        let mut png = Vec::new();
        photo.write_to(&mut io::Cursor::new(&mut png), ::image::ImageFormat::Png).unwrap();
        let good = ImageSource::memory("good.png", png);
        let (woken, wakes) = channel();
        let wake: Wake = Arc::new(move || woken.send(()).unwrap_or(()));
        let mut thumbnails = Thumbnails::start(without_disk(), &wake).unwrap();
        thumbnails.want(std::slice::from_ref(&good));
        wakes.recv_timeout(Duration::from_secs(30)).unwrap();
        let Finished { source: arrived, thumbnail: result, .. } = thumbnails.poll().remove(0);
        assert_eq!(arrived, good);
        assert_eq!(result.as_ref().as_ref().unwrap().dimensions(), (SIDE, SIDE / 2));
        // 192·96 pixels of three bytes.
        assert_eq!(thumbnails.memory_bytes(), 55_296);

        thumbnails.want(std::slice::from_ref(&good));
        assert!(thumbnails.has_ready());
        assert!(Arc::ptr_eq(&thumbnails.poll()[0].thumbnail, &result), "the second time it comes from memory");
    }

    #[test]
    fn only_a_changed_file_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let source = |name: &str| ImageSource::file(folder.path().join(name));
        let sources = ["same.png", "changed.png"].map(source);
        let save = |source: &ImageSource, side| RgbImage::new(side, 1).save(source.path()).unwrap();
        sources.iter().for_each(|source| save(source, 1));
        let mut thumbnails = Thumbnails::start(without_disk(), &quiet()).unwrap();
        thumbnails.want(&sources);
        assert!(collect(&mut thumbnails, 2).iter().all(|finished| !finished.is_renewed));

        // Longer, so that a coarse clock does not matter.
        save(&sources[1], 190);
        thumbnails.check(&sources);
        let renewed = collect(&mut thumbnails, 1).remove(0);
        assert!(renewed.is_renewed && renewed.source == sources[1]);
        assert_eq!(renewed.thumbnail.as_ref().as_ref().unwrap().width(), 190);
        thumbnails.want(&sources);
        let widths = |finished: Vec<Finished>| -> Vec<u32> {
            finished.iter().map(|one| one.thumbnail.as_ref().as_ref().unwrap().width()).collect()
        };
        assert_eq!(widths(collect(&mut thumbnails, 2)), [1, 190], "memory has the new one");
    }

    #[test]
    fn broken_pictures_give_their_reason() {
        let mut thumbnails = Thumbnails::start(without_disk(), &quiet()).unwrap();
        thumbnails.want(&[source("broken.jpg"), ImageSource::file("no/such/file.png")]);
        let mut reasons: Vec<String> = collect(&mut thumbnails, 2)
            .iter()
            .map(|finished| finished.thumbnail.as_ref().clone().unwrap_err())
            .collect();
        reasons.sort();
        assert!(reasons[0].starts_with("there is no such file"), "{reasons:?}");
        assert!(reasons[1].starts_with("this is not an image"), "{reasons:?}");
    }

    #[test]
    fn the_memory_cache_keeps_to_its_budget() {
        // Room for four failures.
        let options = ThumbnailOptions { memory_bytes: 4 * FAILURE_BYTES, ..without_disk() };
        let mut thumbnails = Thumbnails::start(options, &quiet()).unwrap();
        let sources: Vec<_> = (0..20).map(|i| source(&format!("{i}.jpg"))).collect();
        thumbnails.want(&sources);
        collect(&mut thumbnails, sources.len());
        assert!((1..=4 * FAILURE_BYTES).contains(&thumbnails.memory_bytes()));
    }
}
