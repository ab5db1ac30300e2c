//! Fetching models, against a small HTTP server on this machine that speaks as the hub does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use vitrine::vit::hub::{CURATED, DownloadEvent, Hub, HubError, curated, resolve};
use vitrine::vit::weights::{LoadOptions, load};

const CONFIG: &[u8] = br#"{"architecture": "deit_tiny_patch16_224", "num_heads": 3}"#;
/// Stands for a commit; the hub names the snapshot folder by it.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What the server does with the weights.
#[derive(Clone, Copy, PartialEq)]
enum Behaviour {
    Honest,
    /// Announces another digest than the content's.
    WrongDigest,
    /// Hangs up after so many bytes of any transfer that starts at 0.
    BreaksAfter(usize),
    /// Hangs up on every transfer, always.
    AlwaysBreaks,
    HasNothing,
}

struct Server {
    endpoint: String,
    requests: Arc<AtomicUsize>,
    /// First bytes of the ranges in which the weights were asked for, probes excluded.
    starts: Arc<Mutex<Vec<usize>>>,
    behaviour: Arc<Mutex<Behaviour>>,
}

fn weights() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/plain.model.safetensors")).unwrap()
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Server {
    fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            endpoint: format!("http://{}", listener.local_addr().unwrap()),
            requests: Arc::default(),
            starts: Arc::default(),
            behaviour: Arc::new(Mutex::new(behaviour)),
        };
        let (requests, starts) = (server.requests.clone(), server.starts.clone());
        let behaviour = server.behaviour.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                requests.fetch_add(1, Ordering::SeqCst);
                let behaviour = *behaviour.lock().unwrap();
                // A client that hangs up early is its own business.
                answer(stream, behaviour, &starts).ok();
            }
        });
        server
    }

    fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// One request per connection.
fn answer(mut stream: TcpStream, behaviour: Behaviour, starts: &Mutex<Vec<usize>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut range = None;
    for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
        if let Some((_, bytes)) = line.to_lowercase().split_once("range: bytes=") {
            let (first, last) = bytes.split_once('-').unwrap();
            range = Some((first.parse::<usize>().unwrap(), last.parse::<usize>().ok()));
        }
    }
    let content = if request.contains("/config.json") {
        CONFIG.to_vec()
    } else if request.contains("/model.safetensors") && behaviour != Behaviour::HasNothing {
        weights()
    } else {
        return write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let is_weights = content.len() > CONFIG.len();
    let (first, last) = range.unwrap_or((0, None));
    let last = last.unwrap_or(content.len() - 1);
    let etag = match (is_weights, behaviour) {
        (false, _) => "a".repeat(40),
        (true, Behaviour::WrongDigest) => digest(b"something else"),
        (true, _) => digest(&content),
    };
    write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {first}-{last}/{}\r\n\
         ETag: \"{etag}\"\r\nx-repo-commit: {COMMIT}\r\nConnection: close\r\n\r\n",
        last + 1 - first,
        content.len()
    )?;
    let is_probe = (first, last) == (0, 0);
    if is_weights && !is_probe {
        starts.lock().unwrap().push(first);
    }
    let sent = match behaviour {
        Behaviour::BreaksAfter(bytes) if is_weights && first == 0 && !is_probe => bytes,
        Behaviour::AlwaysBreaks if is_weights && !is_probe => 1000,
        _ => last + 1 - first,
    };
    stream.write_all(&content[first..first + sent.min(content.len() - first)])
}

#[test]
fn a_model_is_fetched_once_and_then_found_without_the_network() {
    let server = Server::start(Behaviour::Honest);
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::new(&server.endpoint, cache.path().join("made/on/demand"));
    let model = curated("DeiT-Ti").unwrap();
    let mut events = Vec::new();
    let mut arrived = 0;
    let folder = hub
        .fetch(model, &mut |event| match event {
            DownloadEvent::Started { file, bytes } => events.push((file.to_owned(), bytes)),
            DownloadEvent::Advanced { bytes } => arrived += bytes,
            DownloadEvent::Finished => {}
        })
        .unwrap();
    assert!(events.contains(&("model.safetensors".to_owned(), weights().len())), "{events:?}");
    assert_eq!(arrived, weights().len() + CONFIG.len());
    // The configuration beside the weights gives the heads.
    assert_eq!(load(&folder, &LoadOptions::default()).unwrap().config.heads, 3);

    let before = server.count();
    assert_eq!(hub.fetch(model, &mut |_| {}).unwrap(), folder);
    assert_eq!(hub.find("deit-ti").unwrap(), folder);
    assert_eq!(server.count(), before, "a second fetch must not ask the network");
}

#[test]
fn a_broken_transfer_is_taken_up_where_it_stopped() {
    let server = Server::start(Behaviour::BreaksAfter(200_000));
    let cache = tempfile::tempdir().unwrap();
    let folder = Hub::new(&server.endpoint, cache.path()).fetch(&CURATED[0], &mut |_| {}).unwrap();
    assert_eq!(std::fs::read(folder.join("model.safetensors")).unwrap(), weights());
    let starts = server.starts.lock().unwrap().clone();
    assert_eq!((starts[0], starts.len()), (0, 2));
    assert!(starts[1] > 0 && starts[1] <= 200_000, "{starts:?}");
}

#[test]
fn what_arrived_before_giving_up_is_kept_for_the_next_try() {
    let server = Server::start(Behaviour::AlwaysBreaks);
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::new(&server.endpoint, cache.path());
    let error = hub.fetch(&CURATED[0], &mut |_| {}).unwrap_err();
    assert!(matches!(error, HubError::Transfer { file: "model.safetensors", .. }), "{error}");
    assert!(error.to_string().contains("vitrine models get vit-b"), "{error}");
    *server.behaviour.lock().unwrap() = Behaviour::Honest;
    let folder = hub.fetch(&CURATED[0], &mut |_| {}).unwrap();
    assert_eq!(std::fs::read(folder.join("model.safetensors")).unwrap(), weights());
    assert!(*server.starts.lock().unwrap().last().unwrap() > 0);
}

#[test]
fn a_damaged_download_is_removed() {
    let server = Server::start(Behaviour::WrongDigest);
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::new(&server.endpoint, cache.path());
    let error = hub.fetch(&CURATED[0], &mut |_| {}).unwrap_err();
    let HubError::Checksum { expected, found, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((expected, found), (&digest(b"something else"), &digest(&weights())));
    assert_eq!(hub.cached(&CURATED[0]), None);
    assert_eq!(largest_file(cache.path()), CONFIG.len() as u64, "the bad blob must be gone");
}

#[cfg(unix)] // elsewhere the cache holds no link that names the digest
#[test]
fn a_cached_file_that_rotted_is_fetched_again() {
    let server = Server::start(Behaviour::Honest);
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::new(&server.endpoint, cache.path());
    let file = hub.fetch(&CURATED[0], &mut |_| {}).unwrap().join("model.safetensors");
    let mut rotten = weights();
    rotten[300_000] ^= 1;
    std::fs::write(&file, rotten).unwrap();
    hub.fetch(&CURATED[0], &mut |_| {}).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), weights());
}

fn largest_file(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let size = |path: &Path| if path.is_dir() { largest_file(path) } else { path.metadata().map_or(0, |m| m.len()) };
    entries.map(|entry| size(&entry.path())).max().unwrap_or(0)
}

#[test]
fn a_file_the_hub_lacks_is_named() {
    let server = Server::start(Behaviour::HasNothing);
    let cache = tempfile::tempdir().unwrap();
    let error = Hub::new(&server.endpoint, cache.path()).fetch(&CURATED[0], &mut |_| {}).unwrap_err();
    assert!(matches!(error, HubError::NotFound { file: "model.safetensors", .. }), "{error}");
}

#[test]
fn without_a_network_one_sentence_tells_what_to_do() {
    // A port that was free a moment ago: connections are refused.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::new(format!("http://127.0.0.1:{port}"), cache.path());
    let message = hub.fetch(curated("deit-s").unwrap(), &mut |_| {}).unwrap_err().to_string();
    assert_eq!(
        message,
        "the model hub cannot be reached to fetch deit-s; check the connection, or get \
         timm/deit_small_patch16_224.fb_in1k by other means and give the path of its weight file"
    );
}

#[test]
fn names_and_paths_resolve() {
    let cache = tempfile::tempdir().unwrap();
    let resolve = |name: &str| resolve(name, Some(cache.path()));
    let file = cache.path().join("my.safetensors");
    std::fs::write(&file, b"x").unwrap();
    assert_eq!(resolve(file.to_str().unwrap()).unwrap(), file);
    let message = resolve("dino-s16").unwrap_err().to_string();
    assert!(message.contains("vitrine models get dino-s16"), "{message}");
    let message = resolve("no/such/file.pth").unwrap_err().to_string();
    assert!(message.contains("`no/such/file.pth`") && message.contains("models list"), "{message}");
}
