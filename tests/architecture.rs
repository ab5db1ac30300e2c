//! The house rules that a compiler does not know: who may import whom, how long a file may be, where candle
//! stays, and that nothing is left half done.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each folder (or lone file) of `src` and what it may import; see the table in `src/lib.rs`.
#[rustfmt::skip] // A table: one line each.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("size", &[]),
    ("files", &[]),
    ("npy", &["files"]),
    ("engine", &["size", "files"]),
    ("image", &["size"]),
    ("mask", &["image", "npy", "size", "files"]),
    ("project", &["files"]),
    ("segment", &["image", "size"]),
    ("render", &["size", "files"]),
    ("demo", &["size", "image", "files"]),
    ("vit", &["engine", "size"]),
    ("relevance", &["vit", "size", "engine"]),
    ("finetune", &["relevance", "mask", "image", "vit", "files", "size"]),
    ("eval", &["mask", "relevance", "vit", "image", "size"]),
    (
        "jobs",
        &[
            "segment", "mask", "finetune", "eval", "relevance", "vit", "image", "demo", "render", "engine", "npy",
            "files", "size",
        ],
    ),
    (
        "app",
        &[
            "jobs", "finetune", "segment", "mask", "project", "eval", "relevance", "vit", "image", "demo", "render",
            "engine", "npy", "files", "size",
        ],
    ),
    ("ui", &["app", "jobs", "finetune", "segment", "mask", "relevance", "vit", "image", "render", "size"]),
    (
        "cli",
        &[
            "jobs", "finetune", "mask", "eval", "relevance", "vit", "image", "demo", "render", "engine", "npy",
            "files", "size",
        ],
    ),
];

/// They open the crate, and may see all of it.
const ROOTS: [&str; 2] = ["lib", "main"];

const LONGEST_FILE: usize = 500;

/// A source file as the rules see it.
struct Source {
    /// Relative to the folder it was found in, for example `vit/weights/mod.rs`.
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// The folder of `src` it belongs to.
    fn folder(&self) -> &str {
        self.path.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// How many `super::` lead to the crate's root.
    fn depth(&self) -> usize {
        let parts = self.path.split('/').count();
        if self.path.ends_with("/mod.rs") { parts - 1 } else { parts }
    }

    /// Without comments, which may name anything.
    fn code(&self) -> String {
        let code = |line: &str| line.split("//").next().unwrap().trim().to_owned() + "\n";
        self.text.lines().map(code).collect()
    }

    /// The first names of all paths that start at the crate's root, whether imported or written in place.
    fn imports(&self) -> BTreeSet<String> {
        let code = self.code();
        let to_root = "super::".repeat(self.depth());
        let roots = ["crate::", "vitrine::", to_root.as_str()];
        let after = |root| code.match_indices(root).map(move |(at, root)| (at, at + root.len()));
        let starts_a_path = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
        roots
            .into_iter()
            .flat_map(after)
            .filter(|&(at, _)| starts_a_path(at))
            .flat_map(|(_, end)| first_names(&code[end..]))
            .collect()
    }
}

/// `vit::Engine…` → `vit`; `{image::load, size::{Size}}…` → `image` and `size`.
fn first_names(path: &str) -> Vec<String> {
    let name = |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else {
        return vec![name(path)];
    };
    let mut depth = 0_usize;
    let mut names = vec![name(group)];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    names
}

/// Every import of `src` that points the wrong way.
fn wrong_imports(source: &Source) -> Vec<String> {
    let folder = source.folder();
    if ROOTS.contains(&folder) {
        return Vec::new();
    }
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(known, _)| *known == folder) else {
        return vec![format!("{}: «{folder}» has no line in MAY_IMPORT (tests/architecture.rs)", source.path)];
    };
    let is_folder = |name: &str| MAY_IMPORT.iter().any(|(known, _)| *known == name);
    let wrong = |name: &String| is_folder(name) && name != folder && !allowed.contains(&name.as_str());
    source.imports().into_iter().filter(wrong).map(|name| format!("{} imports «{name}»", source.path)).collect()
}

/// Candle belongs to one backend, and to a model that is made of its layers; everyone else computes through
/// `engine::Ops`.
fn stray_candle(source: &Source) -> Option<String> {
    let stray = !["engine", "segment"].contains(&source.folder()) && source.code().contains("candle_");
    stray.then(|| format!("{} names candle, which only src/engine and src/segment may", source.path))
}

fn too_long(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    (lines > LONGEST_FILE).then(|| format!("{} has {lines} lines, more than {LONGEST_FILE}", source.path))
}

fn half_done(source: &Source) -> Option<String> {
    // Spelled in halves, so that this file passes.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let mark = marks.into_iter().find(|mark| source.text.contains(mark))?;
    Some(format!("{} contains {mark}: finish it or open an issue", source.path))
}

/// The text files below a folder of the project that people write.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    collect(&root, &mut files);
    let source = |file: PathBuf| {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        Source { path, text: std::fs::read_to_string(&file).unwrap() }
    };
    files.into_iter().map(source).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| ["rs", "py", "sh"].iter().any(|e| extension == *e)) {
            files.push(path);
        }
    }
}

fn everything_written() -> Vec<Source> {
    ["src", "tests", "examples", "benches"].into_iter().flat_map(sources).collect()
}

#[test]
fn imports_point_down() {
    let wrong: Vec<String> = sources("src").iter().flat_map(wrong_imports).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn candle_stays_where_it_computes() {
    let stray: Vec<String> = sources("src").iter().filter_map(stray_candle).collect();
    assert!(stray.is_empty(), "{stray:#?}");
}

#[test]
fn files_are_short_and_finished() {
    let written = everything_written();
    let broken: Vec<String> =
        written.iter().flat_map(|source| [too_long(source), half_done(source)]).flatten().collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_import_rule_sees_every_way_to_write_a_path() {
    let planted = [
        ("image/load.rs", "use crate::vit::Engine;"),
        ("image/load.rs", "pub use crate::{size::{Size}, vit};"),
        ("image/load.rs", "use crate::{\n    size::Size,\n    vit::Engine,\n};"),
        ("image/load.rs", "fn f(engine: &dyn crate::vit::Engine) {}"),
        ("image/jpeg/bits.rs", "use super::super::super::vit::Engine;"),
        ("image/jpeg/mod.rs", "use super::super::vit::Engine;"),
        ("image/load.rs", "use vitrine::vit::Engine;"),
    ];
    for (path, text) in planted {
        assert_eq!(wrong_imports(&Source::new(path, text)), [format!("{path} imports «vit»")], "{text}");
    }
    let unknown = wrong_imports(&Source::new("window/mod.rs", ""));
    assert!(unknown[0].contains("«window» has no line"), "{unknown:?}");
}

#[test]
fn the_import_rule_lets_the_rest_pass() {
    let innocent = [
        ("image/load.rs", "use crate::size::Size;\nuse crate::image::prepare;"),
        ("image/load.rs", "//! Prepared for [`crate::vit`].\nlet x = 1; // not crate::vit"),
        ("image/jpeg/scan.rs", "use super::bits; use super::super::load; pub(in crate::image) fn f() {}"),
        ("vit/trace.rs", "use crate::engine::{Epilogue, Ops};"),
        ("cli/mod.rs", "use crate::{jobs::Job, vit, engine::Device};"),
        ("main.rs", "use vitrine::cli;"),
    ];
    for (path, text) in innocent {
        assert!(wrong_imports(&Source::new(path, text)).is_empty(), "{text}");
    }
}

#[test]
fn the_other_rules_catch_planted_violations() {
    let candle = "use candle_core::Tensor;";
    assert!(stray_candle(&Source::new("vit/forward.rs", candle)).is_some());
    assert!(stray_candle(&Source::new("engine/candle/mod.rs", candle)).is_none());
    assert!(too_long(&Source::new("a.rs", &"\n".repeat(LONGEST_FILE + 1))).is_some());
    assert!(too_long(&Source::new("a.rs", &"\n".repeat(LONGEST_FILE))).is_none());
    assert!(half_done(&Source::new("a.rs", &format!("// {}: later", concat!("TO", "DO")))).is_some());
    assert!(half_done(&Source::new("a.rs", "// done")).is_none());
}
