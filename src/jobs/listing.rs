//! Lists the pictures of folders on a thread of its own, in chunks, so that a huge folder opens at once.

use std::collections::HashSet;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::{Cancel, Wake};
use crate::image::list::{Found, walk};

/// Paths that travel together: few enough to be sorted in within a frame, many enough to wake the window rarely.
const CHUNK: usize = 1000;

/// After so long a chunk leaves even if it is small: on a slow network drive something must be seen early.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the listing tells while it runs.
#[derive(Debug)]
pub enum ListingEvent {
    /// Pictures below `root` in the order of the file system; the gallery sorts.
    Found { root: Arc<Path>, images: Vec<PathBuf> },
    /// A folder that was left out; the others go on.
    Skipped(UnreadableFolder),
    /// The last event, always sent.
    Done(ListingSummary),
}

/// A folder whose content stays unknown.
#[derive(Debug, thiserror::Error)]
#[error("this folder was left out because it cannot be read ({source}); check its permissions: {}", path.display())]
pub struct UnreadableFolder {
    pub source: io::Error,
    pub path: PathBuf,
}

/// What a listing came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListingSummary {
    pub images: usize,
    pub folders: usize,
    /// Folders that were left out.
    pub skipped: usize,
    /// It was stopped before its end.
    pub cancelled: bool,
}

/// A running listing; dropping it stops it.
pub struct Listing {
    events: Receiver<ListingEvent>,
    cancel: Cancel,
}

impl Listing {
    /// Lists all pictures in the folders and below. Hidden folders are left out, links to folders are followed, each
    /// folder once. A path that is no folder is taken as a picture, as the user named it.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(paths: Vec<PathBuf>, wake: Wake) -> io::Result<Self> {
        let (sender, events) = channel();
        let cancel = Cancel::default();
        let mut walk = Walk::new(sender, wake, cancel.clone());
        std::thread::Builder::new().name("listing".into()).spawn(move || walk.run(&paths))?;
        Ok(Self { events, cancel })
    }

    /// What happened since the last call; never waits.
    pub fn poll(&self) -> impl Iterator<Item = ListingEvent> {
        self.events.try_iter()
    }

    /// Waits for the next event; `None` after the last one.
    pub fn wait(&self) -> Option<ListingEvent> {
        self.events.recv().ok()
    }

    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// The thread's state.
struct Walk {
    events: Sender<ListingEvent>,
    wake: Wake,
    cancel: Cancel,
    /// Real paths of folders, so that links do not lead in circles.
    visited: HashSet<PathBuf>,
    chunk: Vec<PathBuf>,
    sent_at: Instant,
    summary: ListingSummary,
}

impl Walk {
    fn new(events: Sender<ListingEvent>, wake: Wake, cancel: Cancel) -> Self {
        let (visited, chunk) = (HashSet::new(), Vec::new());
        Self { events, wake, cancel, visited, chunk, sent_at: Instant::now(), summary: ListingSummary::default() }
    }

    fn run(&mut self, paths: &[PathBuf]) {
        for path in paths {
            let is_folder = path.is_dir();
            let root: Arc<Path> = if is_folder { path.as_path() } else { path.parent().unwrap_or(path) }.into();
            if is_folder {
                self.walk(&root);
            } else {
                self.found(path.clone(), &root);
            }
            self.flush(&root);
        }
        self.summary.cancelled = self.cancel.is_cancelled();
        self.send(ListingEvent::Done(self.summary));
    }

    fn walk(&mut self, root: &Arc<Path>) {
        let mut visited = std::mem::take(&mut self.visited);
        let mut visit = |what| {
            match what {
                Found::Folder => self.summary.folders += 1,
                Found::Image(path) => self.found(path, root),
                Found::Other => {}
                Found::Unreadable { source, path } => {
                    self.summary.skipped += 1;
                    self.send(ListingEvent::Skipped(UnreadableFolder { source, path }));
                }
            }
            if self.cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        if !visit(Found::Other).is_break() {
            // A break is a cancelled listing, which the summary says.
            let _ = walk(root, &mut visited, &mut visit);
        }
        self.visited = visited;
    }

    fn found(&mut self, path: PathBuf, root: &Arc<Path>) {
        self.chunk.push(path);
        self.summary.images += 1;
        if self.chunk.len() >= CHUNK || self.sent_at.elapsed() >= PATIENCE {
            self.flush(root);
        }
    }

    fn flush(&mut self, root: &Arc<Path>) {
        self.sent_at = Instant::now();
        if !self.chunk.is_empty() {
            let images = std::mem::take(&mut self.chunk);
            self.send(ListingEvent::Found { root: root.clone(), images });
        }
    }

    fn send(&self, event: ListingEvent) {
        if self.events.send(event).is_err() {
            // Nobody listens any more.
            self.cancel.cancel();
        }
        (self.wake)();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn silent() -> Wake {
        Arc::new(|| {})
    }

    fn write(root: &Path, names: &[&str]) {
        for name in names {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"content does not matter").unwrap();
        }
    }

    /// All events: relative paths sorted, left-out folders, the summary.
    fn collect(listing: &Listing) -> (Vec<String>, Vec<UnreadableFolder>, ListingSummary) {
        let (mut found, mut skipped) = (Vec::new(), Vec::new());
        while let Some(event) = listing.wait() {
            match event {
                ListingEvent::Found { root, images } => found.extend(
                    images.iter().map(|path| path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/")),
                ),
                ListingEvent::Skipped(folder) => skipped.push(folder),
                ListingEvent::Done(summary) => {
                    assert!(listing.wait().is_none(), "nothing follows the summary");
                    found.sort();
                    return (found, skipped, summary);
                }
            }
        }
        panic!("the listing ended without a summary");
    }

    #[test]
    fn pictures_of_sub_folders_are_found_and_hidden_ones_left_out() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &["c.png", "b/z.gif", "b/deep/a.jpg", ".cache/x.png", "b/._z.gif", "notes.txt"]);
        let (found, skipped, summary) = collect(&Listing::start(vec![root.path().into()], silent()).unwrap());
        assert_eq!(found, ["b/deep/a.jpg", "b/z.gif", "c.png"]);
        assert!(skipped.is_empty());
        assert_eq!(summary, ListingSummary { images: 3, folders: 3, skipped: 0, cancelled: false });
    }

    #[test]
    fn a_named_file_is_taken_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &["a.jpg", "b.jpg"]);
        let named = vec![root.path().join("b.jpg"), root.path().join("missing.jpg")];
        assert_eq!(collect(&Listing::start(named, silent()).unwrap()).0, ["b.jpg", "missing.jpg"]);
    }

    #[test]
    fn large_folders_arrive_in_chunks_and_each_event_wakes() {
        let root = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..CHUNK + 1).map(|i| format!("{i}.jpg")).collect();
        write(root.path(), &names.iter().map(String::as_str).collect::<Vec<_>>());
        let woken = Arc::new(AtomicUsize::new(0));
        let counter = woken.clone();
        let wake: Wake = Arc::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let listing = Listing::start(vec![root.path().into()], wake).unwrap();
        let mut sizes = Vec::new();
        while let Some(event) = listing.wait() {
            if let ListingEvent::Found { images, .. } = event {
                sizes.push(images.len());
            }
        }
        assert!(sizes.len() >= 2 && sizes.iter().all(|size| *size <= CHUNK), "{sizes:?}");
        assert_eq!(sizes.iter().sum::<usize>(), CHUNK + 1);
        // The channel closes when the thread ends, after its last call.
        assert_eq!(woken.load(Ordering::SeqCst), sizes.len() + 1);
    }

    #[test]
    fn a_cancelled_listing_stops_and_says_so() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &["a.jpg", "b.jpg"]);
        let (sender, events) = channel();
        let cancel = Cancel::default();
        cancel.cancel();
        Walk::new(sender, silent(), cancel).run(&[root.path().into()]);
        let events: Vec<_> = events.iter().collect();
        assert!(matches!(events[..], [ListingEvent::Done(ListingSummary { images: 0, cancelled: true, .. })]));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_once() {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(root.path(), &["a.jpg"]);
        write(elsewhere.path(), &["b.jpg"]);
        for (target, link) in [(root.path(), "loop"), (elsewhere.path(), "one"), (elsewhere.path(), "two")] {
            std::os::unix::fs::symlink(target, root.path().join(link)).unwrap();
        }
        let (found, _, summary) = collect(&Listing::start(vec![root.path().into()], silent()).unwrap());
        assert_eq!((found.len(), summary.folders), (2, 2), "{found:?}");
    }

    #[cfg(unix)]
    #[test]
    fn an_unreadable_folder_is_named_and_the_others_are_listed() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &["locked/a.jpg", "open/b.jpg"]);
        let locked = root.path().join("locked");
        std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
        let may_read_anything = std::fs::read_dir(&locked).is_ok();
        let (found, skipped, summary) = collect(&Listing::start(vec![root.path().into()], silent()).unwrap());
        std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o700)).unwrap();
        if may_read_anything {
            println!("skipped: the administrator may read every folder");
            return;
        }
        assert_eq!((found, summary.skipped), (vec!["open/b.jpg".to_owned()], 1));
        assert!(skipped[0].to_string().ends_with("locked"), "{}", skipped[0]);
    }

    #[test]
    fn a_folder_that_vanished_is_named() {
        let (sender, events) = channel();
        let mut walk = Walk::new(sender, silent(), Cancel::default());
        walk.walk(&Path::new("no/such/folder").into());
        let ListingEvent::Skipped(folder) = events.recv().unwrap() else { panic!("expected a left-out folder") };
        assert_eq!(folder.path, Path::new("no/such/folder"));
        assert_eq!(walk.summary.skipped, 1);
    }
}
