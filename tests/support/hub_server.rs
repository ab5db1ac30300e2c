//! A small HTTP server on this machine that speaks as the model hub does.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use vitrine::vit::hub::SEGMENTER;

/// What most repositories call their weights.
const WEIGHTS: &str = "model.safetensors";
pub const CONFIG: &[u8] = br#"{"architecture": "deit_tiny_patch16_224", "num_heads": 3}"#;
/// Stands for a commit; the hub names the snapshot folder by it.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What the server does with the weights.
#[derive(Clone, Copy, PartialEq)]
pub enum Behaviour {
    Honest,
    /// Announces another digest than the content's.
    WrongDigest,
    /// Hangs up after so many bytes of any transfer that starts at 0.
    BreaksAfter(usize),
    /// Hangs up on every transfer, always.
    AlwaysBreaks,
    HasNothing,
}

pub struct Server {
    pub endpoint: String,
    requests: Arc<AtomicUsize>,
    /// First bytes of the ranges in which the weights were asked for, probes excluded.
    pub starts: Arc<Mutex<Vec<usize>>>,
    pub behaviour: Arc<Mutex<Behaviour>>,
}

pub fn weights() -> Vec<u8> {
    super::bytes("plain.model.safetensors")
}

pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Server {
    pub fn start(behaviour: Behaviour) -> Self {
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

    pub fn count(&self) -> usize {
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
    } else if [WEIGHTS, SEGMENTER.weights].iter().any(|name| request.contains(&format!("/{name}")))
        && behaviour != Behaviour::HasNothing
    {
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
