//! Saves masks on a thread of its own, the latest state of each.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::image::ImageSource;
use crate::mask::{Mask, MaskFile, MaskRecord, MaskStore};

use super::super::Wake;

/// Where the mask of an image lies.
#[derive(Clone, Debug)]
pub struct Place {
    pub store: MaskStore,
    /// What the store knows the image by.
    pub key: PathBuf,
}

/// A mask to be saved.
#[derive(Debug)]
pub struct Task {
    pub image: ImageSource,
    pub place: Place,
    pub mask: Arc<Mask>,
    pub record: MaskRecord,
    /// To be told back: which state of the mask this is.
    pub ticket: u64,
}

/// How saving ended.
#[derive(Debug)]
pub struct Saved {
    pub image: ImageSource,
    pub record: MaskRecord,
    pub ticket: u64,
    /// The [`digest`] of the mask, or what to tell the user.
    pub outcome: Result<u64, String>,
}

/// A number that two different masks do not share but by a chance of 2⁻⁶⁴, the same until the program ends.
pub fn digest(mask: &Mask) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_usize(mask.size().width);
    hasher.write(mask.as_bytes());
    hasher.finish()
}

/// The thread and its queue. Dropping it waits until everything is saved.
pub struct Saver {
    shared: Arc<Shared>,
    saved: Receiver<Saved>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Task>,
    is_closed: bool,
}

impl Saver {
    /// # Errors
    /// If the system gives no thread.
    pub fn start(wake: Wake) -> std::io::Result<Self> {
        let (sender, saved) = channel();
        let shared = Arc::new(Shared::default());
        let worker = shared.clone();
        let thread = std::thread::Builder::new().name("mask-saver".into()).spawn(move || worker.run(&sender, &wake))?;
        Ok(Self { shared, saved, thread: Some(thread) })
    }

    /// Saves soon. An older state of the same image that still waits is not saved any more.
    pub fn save(&self, task: Task) {
        let mut queue = self.shared.lock();
        queue.waiting.retain(|waiting| waiting.image != task.image);
        queue.waiting.push_back(task);
        drop(queue);
        self.shared.changed.notify_one();
    }

    /// What was saved since the last call.
    pub fn poll(&self) -> impl Iterator<Item = Saved> {
        self.saved.try_iter()
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so on the terminal.
            thread.join().ok();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Each change of the queue is one call: a thread that panicked left it whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next task; `None` once the queue is closed and empty.
    fn next(&self) -> Option<Task> {
        let is_idle = |queue: &mut Queue| queue.waiting.is_empty() && !queue.is_closed;
        let queue = self.changed.wait_while(self.lock(), is_idle);
        queue.unwrap_or_else(PoisonError::into_inner).waiting.pop_front()
    }

    fn run(&self, sender: &Sender<Saved>, wake: &Wake) {
        while let Some(Task { image, place, mask, record, ticket }) = self.next() {
            // A copy of its own: while the editor's is held, the next stroke would have to copy it instead.
            let file = MaskFile { mask: Mask::clone(&mask), record };
            drop(mask);
            let outcome = place.store.save(&place.key, &file);
            let outcome = outcome.map(|_| digest(&file.mask)).map_err(|error| error.to_string());
            // The session may be gone; the file is what matters.
            sender.send(Saved { image, record: file.record, ticket, outcome }).ok();
            wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Label;
    use crate::size::Size;

    const SIZE: Size = Size::new(5, 7);

    fn task(store: &MaskStore, name: &str, column: usize) -> Task {
        Task {
            image: ImageSource::file(name),
            place: Place { store: store.clone(), key: name.into() },
            mask: Arc::new(Mask::from_fn(SIZE, |_, at| at == column)),
            record: MaskRecord::default(),
            ticket: column as u64,
        }
    }

    #[test]
    fn the_last_state_of_each_image_is_saved_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let store = MaskStore::open(folder.path(), || ());
        let saver = Saver::start(Arc::new(|| ())).unwrap();
        for column in 0..6 {
            saver.save(task(&store, "a.jpg", column));
            saver.save(task(&store, "b.jpg", column + 1));
        }
        drop(saver);
        for (name, column) in [("a.jpg", 5), ("b.jpg", 6)] {
            let file = store.load(name.as_ref(), SIZE).unwrap().unwrap();
            assert_eq!(file.mask, Mask::from_fn(SIZE, |_, at| at == column), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_saved_is_told() {
        let folder = tempfile::tempdir().unwrap();
        // A file lies where the folder should be.
        std::fs::write(folder.path().join("masks"), b"").unwrap();
        let store = MaskStore::open(folder.path().join("masks"), || ());
        let saver = Saver::start(Arc::new(|| ())).unwrap();
        saver.save(task(&store, "a.jpg", 3));
        let saved = saver.saved.recv().unwrap();
        assert_eq!((saved.image, saved.ticket), (ImageSource::file("a.jpg"), 3));
        assert!(saved.outcome.unwrap_err().contains("cannot be saved"));
    }

    #[test]
    fn digests_tell_masks_apart() {
        let empty = Mask::empty(SIZE);
        let one = Mask::from_fn(SIZE, |row, column| (row, column) == (2, 3));
        let turned = Mask::empty(Size::new(7, 5));
        let ignored = Mask::new(
            SIZE,
            one.labels()
                .iter()
                .map(|label| match label {
                    Label::Foreground => Label::Ignore,
                    other => *other,
                })
                .collect(),
        )
        .unwrap();
        let all = [&empty, &one, &turned, &ignored].map(digest);
        assert_eq!(digest(&Mask::from_fn(SIZE, |row, column| (row, column) == (2, 3))), all[1]);
        assert!((0..4).all(|a| (0..a).all(|b| all[a] != all[b])), "{all:?}");
    }
}
