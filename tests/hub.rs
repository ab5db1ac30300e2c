//! Fetching models, against a small HTTP server on this machine that speaks as the hub does.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::sync_channel;

use support::hub_server::{Behaviour, CONFIG, Server, digest, weights};
use vitrine::jobs::download::{Download, DownloadState};
use vitrine::vit::hub::{CURATED, DownloadEvent, Hub, HubError, SEGMENTER, curated, resolve};
use vitrine::vit::weights::{LoadOptions, load};

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
fn the_model_for_clicks_is_one_file_without_a_configuration() {
    let server = Server::start(Behaviour::Honest);
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::new(&server.endpoint, cache.path());
    assert!(hub.find("mobile-sam").unwrap_err().to_string().contains("vitrine models get mobile-sam"));
    let mut files = Vec::new();
    let folder = hub
        .fetch(curated("Mobile-SAM").unwrap(), &mut |event| match event {
            DownloadEvent::Started { file, .. } => files.push(file.to_owned()),
            DownloadEvent::Advanced { .. } | DownloadEvent::Finished => {}
        })
        .unwrap();
    // A file may begin to be counted again.
    files.dedup();
    assert_eq!(files, [SEGMENTER.weights]);
    assert_eq!(std::fs::read(folder.join(SEGMENTER.weights)).unwrap(), weights());
    assert_eq!(hub.find("mobile-sam").unwrap(), folder);
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

/// A download whose thread waits for the test at every change of its state, and that state.
fn states(server: &Server, cache: &Path) -> (Download, impl FnMut() -> Option<DownloadState>) {
    let (sender, woken) = sync_channel(0);
    let hub = Hub::new(&server.endpoint, cache);
    // The receiver is gone when the test is.
    let download = Download::spawn(hub, CURATED[0], move |state| drop(sender.send(state.clone()))).unwrap();
    (download, move || woken.recv().ok())
}

#[test]
fn the_windows_download_tells_its_progress_and_where_the_model_is() {
    let server = Server::start(Behaviour::Honest);
    let cache = tempfile::tempdir().unwrap();
    let (download, mut next) = states(&server, cache.path());
    assert_eq!(download.model(), &CURATED[0]);
    let mut done = 0;
    let end = loop {
        match next().unwrap() {
            DownloadState::Running { file, done_bytes, total_bytes } if file == "model.safetensors" => {
                assert!(done_bytes >= done && total_bytes == weights().len());
                done = done_bytes;
            }
            state if state.is_over() => break state,
            _ => {}
        }
    };
    assert_eq!(done, weights().len());
    assert!(matches!(&end, DownloadState::Ready(folder) if load(folder, &LoadOptions::default()).is_ok()));
    assert_eq!(next(), None, "nothing comes after the end");
    assert_eq!(download.state(), end);
}

#[test]
fn the_windows_download_can_be_called_off_and_begun_again() {
    let server = Server::start(Behaviour::Honest);
    let cache = tempfile::tempdir().unwrap();
    let (download, mut next) = states(&server, cache.path());
    let is_amid_weights = |state: &DownloadState| matches!(state, DownloadState::Running { file, done_bytes, .. } if file == "model.safetensors" && *done_bytes > 0);
    while !is_amid_weights(&next().unwrap()) {}
    download.cancel();
    let end = std::iter::from_fn(&mut next).last();
    assert_eq!(end, Some(DownloadState::Cancelled));
    assert_eq!(Hub::new(&server.endpoint, cache.path()).cached(&CURATED[0]), None);

    let (_download, next) = states(&server, cache.path());
    let end = std::iter::from_fn(next).last();
    assert!(matches!(end, Some(DownloadState::Ready(_))), "{end:?}");
}

#[test]
fn the_windows_download_fails_with_a_cure() {
    let server = Server::start(Behaviour::HasNothing);
    let cache = tempfile::tempdir().unwrap();
    let (_download, next) = states(&server, cache.path());
    let end = std::iter::from_fn(next).last();
    assert!(matches!(&end, Some(DownloadState::Failed(error)) if error.contains("give its path")), "{end:?}");
}
