//! Damaged and malicious files are errors: nothing is executed, nothing panics, no declared size is believed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::io::{Cursor, Write};

use rand::{Rng, SeedableRng};
use support::torch::{Saved, legacy_file, named_tensor, text};
use support::{Tensors, bytes, fixture, safetensors};
use vitrine::vit::weights::{LoadOptions, Problem, from_bytes};

const OPTIONS: LoadOptions = LoadOptions { heads: Some(3), input: None };
const FILES: [&str; 6] = [
    "plain.model.safetensors",
    "plain.huggingface.safetensors",
    "plain.robustvit.pth.tar",
    "plain.deit.pth",
    "plain.legacy.pth",
    "plain.augreg.npz",
];

fn problem(bytes: &[u8]) -> Problem {
    from_bytes("x", bytes, None, &OPTIONS).unwrap_err().problem
}

#[test]
fn a_pickle_that_names_a_function_is_refused_by_that_name() {
    // Same length as what it replaces, so that the archive around it stays valid.
    let swaps: [(&[u8], &[u8]); 2] = [
        (b"collections\nOrderedDict\n", b"subprocess\ncheck_output\n"),
        (b"torch._utils\n_rebuild_tensor_v2\n", b"builtins\neval__________________\n"),
    ];
    for (from, to) in swaps {
        assert_eq!(from.len(), to.len());
        for file in ["plain.deit.pth", "plain.robustvit.pth.tar", "plain.legacy.pth"] {
            let mut bytes = bytes(file);
            let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
            bytes[at..at + to.len()].copy_from_slice(to);
            let Problem::ForbiddenGlobal(name) = problem(&bytes) else {
                panic!("{file} was not refused");
            };
            assert!(to.starts_with(name.replace('.', "\n").as_bytes()), "{name}");
        }
    }
}

#[test]
fn a_command_line_in_the_checkpoint_is_carried_but_not_run() {
    let mut arguments = Vec::new();
    text(&mut arguments, "args");
    arguments.extend(b"cargparse\nNamespace\n)\x81}(");
    text(&mut arguments, "lr");
    arguments.extend(b"G\x3f\x50\x62\x4d\xd2\xf1\xa9\xfcub"); // lr = 0.001, BUILD
    let file = legacy_file(&[], &arguments);
    // Read to its end: what stops the load is only that no tensors are there.
    assert!(matches!(problem(&file), Problem::NotAVisionTransformer(_)));
}

#[test]
fn tensors_must_lie_within_their_storage() {
    let tensor = |elements, shape, strides, storage| {
        legacy_file(&[Saved { name: "norm.bias", storage, elements, bytes: vec![0; 16], shape, strides }], b"")
    };
    let cases: [(u32, &[u32], &[u32]); 5] = [
        (4, &[5], &[1]),                                                 // longer than the storage
        (4, &[2, 2], &[3, 1]),                                           // strides beyond it
        (4, &[0x7fff_ffff, 0x7fff_ffff], &[0, 0]),                       // one number, expanded to exabytes
        (4, &[0x7fff_ffff, 0x7fff_ffff, 0x7fff_ffff], &[1, 1, 1]),       // overflow
        (4, &[1, 1, 1, 1, 1, 1, 1, 1, 1], &[1, 1, 1, 1, 1, 1, 1, 1, 1]), // rank nine
    ];
    for (elements, shape, strides) in cases {
        let problem = problem(&tensor(elements, shape, strides, "FloatStorage"));
        assert!(matches!(problem, Problem::Pickle(_)), "{shape:?}: {problem}");
    }
    assert!(matches!(problem(&tensor(0x7fff_ffff, &[4], &[1], "FloatStorage")), Problem::Truncated));
    assert!(matches!(problem(&tensor(4, &[4], &[1], "QInt8Storage")), Problem::ForbiddenGlobal(_)));
}

#[test]
fn one_storage_cannot_be_claimed_a_thousand_times() {
    let names: Vec<String> = (0..1000).map(|block| format!("blocks.{block}.norm1.bias")).collect();
    let view = |name| {
        let bytes = vec![0; 1 << 20];
        Saved { name, storage: "FloatStorage", elements: 1 << 18, bytes, shape: &[1 << 18], strides: &[1] }
    };
    let others: Vec<u8> = names[1..].iter().flat_map(|name| named_tensor(&view(name), 0)).collect();
    let problem = problem(&legacy_file(&[view(&names[0])], &others));
    assert!(problem.to_string().contains("share"), "{problem}");
}

#[test]
fn a_packed_bomb_is_refused_before_it_is_unpacked() {
    let header = format!("{:<117}\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (16777216,), }");
    let member = [&b"\x93NUMPY\x01\x00\x76\x00"[..], header.as_bytes(), &vec![0; 1 << 26]].concat();
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("embedding/bias.npy", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(&member).unwrap();
    let problem = problem(archive.finish().unwrap().get_ref());
    assert!(problem.to_string().contains("more data than it holds"), "{problem}");
}

#[test]
fn nesting_cycles_and_memo_tricks_end_in_an_error() {
    let pickled = |opcodes: &[u8]| {
        [&b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02"[..], opcodes]
            .concat()
    };
    let nested = [b"]".as_slice(), &b"\x85".repeat(1_000_000), b"."].concat();
    let cycle = b"]q\x00h\x00a.";
    let doubled = [b"]q\x00".as_slice(), &b"(h\x00h\x00h\x00h\x00tq\x00".repeat(1000), b"."].concat();
    let huge_text = b"X\xff\xff\xff\xffabc";
    let cases: [&[u8]; 6] = [&nested, cycle, &doubled, huge_text, b"h\x07.", b"u."];
    for opcodes in cases {
        assert!(matches!(problem(&pickled(opcodes)), Problem::Pickle(_) | Problem::Truncated));
    }
}

#[test]
fn a_long_key_named_over_and_over_is_kept_once() {
    // 20 000 storages that share a key of 200 kB: 4 GB, were each to have its own.
    let mut opcodes = vec![b'('];
    text(&mut opcodes, "storage");
    opcodes.extend(b"ctorch\nFloatStorage\n");
    text(&mut opcodes, &"k".repeat(200_000));
    text(&mut opcodes, "cpu");
    opcodes.extend(b"K\x01tq\x00");
    opcodes.extend(b"h\x00Q0".repeat(20_000));
    // And 20 000 dictionary entries under a key of the same length.
    opcodes.push(b'0');
    text(&mut opcodes, &"n".repeat(200_000));
    opcodes.extend(b"q\x010");
    opcodes.extend(b"h\x01N".repeat(20_000));
    let before = peak_memory();
    assert!(matches!(problem(&legacy_file(&[], &opcodes)), Problem::NotAVisionTransformer(_) | Problem::Pickle(_)));
    let grown = peak_memory() - before;
    assert!(grown < 1 << 29, "{grown} bytes");
}

/// The most memory that this process had in use at once, in bytes; 0 where the system does not tell.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[test]
fn a_list_copied_into_dictionaries_without_end_is_refused() {
    // 3000 pairs in a list, made into 3000 dictionaries: 144 MB of pairs for 12 kB of file, and quadratic beyond.
    let mut opcodes = Vec::new();
    opcodes.extend(b"NN\x86q\x000](");
    opcodes.extend(b"h\x00".repeat(3000));
    opcodes.extend(b"e\x85q\x010ccollections\nOrderedDict\nq\x02");
    opcodes.extend(b"h\x02h\x01R0".repeat(3000));
    let problem = problem(&legacy_file(&[], &opcodes));
    assert!(problem.to_string().contains("values"), "{problem}");
}

#[test]
fn tensors_without_elements_are_legitimate() {
    let empty =
        Saved { name: "counters", storage: "FloatStorage", elements: 0, bytes: vec![], shape: &[0], strides: &[1] };
    // Read to its end: what stops the load is only that it is no Vision Transformer.
    assert!(matches!(problem(&legacy_file(&[empty], b"")), Problem::NotAVisionTransformer(_)));
}

#[test]
fn block_numbers_and_widths_without_sense_are_refused() {
    let whole = fixture("plain.model.safetensors");
    let changed = |change: &dyn Fn(&mut Tensors)| {
        let mut tensors = whole.clone();
        change(&mut tensors);
        problem(&safetensors(&tensors))
    };
    let only_block = |number: &str| {
        changed(&|tensors| {
            tensors.retain(|name, _| !name.starts_with("blocks."));
            tensors.insert(format!("blocks.{number}.norm1.weight"), (vec![1], vec![0.0]));
        })
    };
    assert!(matches!(only_block("18446744073709551615"), Problem::NotAVisionTransformer(_)));
    assert!(matches!(only_block("18446744073709551614"), Problem::NotAVisionTransformer(_)));

    let dim = whole["norm.weight"].0[0];
    let no_hidden = changed(&|tensors| {
        for (name, (shape, data)) in tensors.iter_mut().filter(|(name, _)| name.contains(".mlp.fc")) {
            let empty = match name.rsplit_once(".mlp.") {
                Some((_, "fc1.weight")) => vec![0, dim],
                Some((_, "fc1.bias")) => vec![0],
                Some((_, "fc2.weight")) => vec![dim, 0],
                _ => continue,
            };
            (*shape, *data) = (empty, Vec::new());
        }
    });
    assert!(no_hidden.to_string().contains("hidden units"), "{no_hidden}");
}

#[test]
fn lengths_that_overflow_beside_an_axis_of_zero_are_refused() {
    let half = 1 << 62;
    let empty = |name: &str, shape: &[usize]| (name.to_owned(), (shape.to_vec(), Vec::new()));
    let flat = "Transformer/encoderblock_0/MultiHeadDotProductAttention_1/query/bias";
    let kernel = "Transformer/encoderblock_0/MultiHeadDotProductAttention_1/query/kernel";
    let parts = ["query", "key", "value"];
    let thrice = parts.map(|part| empty(&format!("encoder.layer.0.attention.attention.{part}.weight"), &[half, 0]));
    let files: [Tensors; 2] = [[empty(flat, &[0, half, 8]), empty(kernel, &[0, half, 8])].into(), thrice.into()];
    for tensors in files {
        assert!(matches!(problem(&safetensors(&tensors)), Problem::NotAVisionTransformer(_)));
    }
}

#[test]
fn other_files_are_told_by_what_they_are() {
    assert!(matches!(problem(b"version https://git-lfs.github.com/spec/v1"), Problem::GitLfsPointer));
    assert!(matches!(problem(b"<!DOCTYPE html><html>"), Problem::UnknownContainer));
    assert!(matches!(problem(b""), Problem::Truncated));
    // A header that claims 2^62 bytes.
    assert!(matches!(problem(b"\x00\x00\x00\x00\x00\x00\x00\x40{\"a\":1}"), Problem::Truncated));
}

#[test]
fn a_file_cut_short_is_an_error_wherever_it_is_cut() {
    for file in FILES {
        let whole = bytes(file);
        // Every length near both ends, where the tables lie, and steps between.
        let near_ends = (0..200).chain(whole.len() - 200..whole.len());
        for length in near_ends.chain((200..whole.len() - 200).step_by(4099)) {
            assert!(from_bytes(file, &whole[..length], None, &OPTIONS).is_err(), "{file} cut to {length} bytes");
        }
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let mut random = rand_pcg::Pcg64::seed_from_u64(0x5eed);
    let mut refused = 0;
    for file in FILES {
        let whole = bytes(file);
        // Where the tables lie: the start, the end, and the pickle in the middle of the legacy file's head.
        let tables = [0..8192, whole.len() - 8192..whole.len()];
        for round in 0..400 {
            let mut damaged = whole.clone();
            for _ in 0..=round % 4 {
                let at = random.random_range(tables[round % 2].clone());
                damaged[at] = random.random();
            }
            refused += usize::from(from_bytes(file, &damaged, None, &OPTIONS).is_err());
        }
    }
    // Most damage hits a table; a loader that believed everything would refuse none.
    assert!(refused > FILES.len() * 400 / 4, "only {refused} refused");
}
