//! Every spelling of one model loads to the same numbers, and the architecture is read from names and shapes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use std::io::{Cursor, Read, Write};
use std::path::Path;

use support::torch::{Saved, contiguous, legacy_file};
use support::{Tensors, bytes, data, fixture, safetensors, safetensors_as};
use vitrine::size::Size;
use vitrine::vit::Pooling;
use vitrine::vit::weights::{
    Checkpoint, Container, Family, HeadsSource, InputSource, LoadOptions, Normalisation, NormalisationSource, Problem,
    Spelling, Tensor, from_bytes, load, resize_position_embedding,
};

/// The fixtures have 3 heads of width 16 (`fixtures.json`), which no shape tells.
const THREE_HEADS: LoadOptions = LoadOptions { heads: Some(3), input: None };

#[track_caller]
fn assert_same_bits(checkpoint: &Checkpoint, expected: &Tensors) {
    let names: Vec<_> = checkpoint.tensors.keys().collect();
    assert_eq!(names, expected.keys().collect::<Vec<_>>());
    for (name, (shape, data)) in expected {
        let tensor = &checkpoint.tensors[name];
        assert_eq!(&tensor.shape, shape, "{name}");
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert!(bits(&tensor.data) == bits(data), "{name} differs");
    }
}

fn problem(name: &str, bytes: &[u8], options: &LoadOptions) -> Problem {
    from_bytes(name, bytes, None, options).unwrap_err().problem
}

#[test]
fn every_spelling_loads_to_the_same_model() {
    let expected = fixture("plain.model.safetensors");
    let reference = load(&data("plain.model.safetensors"), &THREE_HEADS).unwrap();
    let spellings = [
        ("plain.model.safetensors", Container::Safetensors, Spelling::Timm),
        ("plain.huggingface.safetensors", Container::Safetensors, Spelling::HuggingFace),
        ("plain.robustvit.pth.tar", Container::PytorchZip, Spelling::Timm),
        ("plain.deit.pth", Container::PytorchZip, Spelling::Timm),
        ("plain.legacy.pth", Container::PytorchLegacy, Spelling::Timm),
        ("plain.augreg.npz", Container::Npz, Spelling::AugReg),
    ];
    for (name, container, spelling) in spellings {
        // These two tell their heads: a configuration file, an axis of the query kernel.
        let tells = name.contains("huggingface") || name.contains("augreg");
        let options = if tells { LoadOptions::default() } else { THREE_HEADS };
        let checkpoint = load(&data(name), &options).unwrap();
        assert_same_bits(&checkpoint, &expected);
        assert_eq!(checkpoint.config, reference.config, "{name}");
        assert_eq!((checkpoint.report.container, checkpoint.report.spelling), (container, spelling), "{name}");
        assert_eq!((&checkpoint.report.unexpected, &checkpoint.report.missing), (&vec![], &vec![]), "{name}");
    }
}

#[test]
fn shards_load_through_their_index() {
    let folder = tempfile::tempdir().unwrap();
    let all = fixture("plain.model.safetensors");
    let index_path = write_shards(folder.path(), &all);
    for path in [folder.path(), &index_path] {
        let checkpoint = load(path, &THREE_HEADS).unwrap();
        assert_same_bits(&checkpoint, &all);
        assert_eq!(checkpoint.report.container, Container::ShardedSafetensors);
    }
    std::fs::remove_file(folder.path().join("model-2.safetensors")).unwrap();
    assert!(load(&index_path, &THREE_HEADS).unwrap_err().to_string().contains("model-2.safetensors"));
    let outside = std::fs::read_to_string(&index_path).unwrap().replace("model-1", "../model-1");
    std::fs::write(&index_path, outside).unwrap();
    assert!(load(&index_path, &THREE_HEADS).unwrap_err().to_string().contains("not a plain file name"));
}

fn write_shards(folder: &Path, all: &Tensors) -> std::path::PathBuf {
    let mut weight_map = serde_json::Map::new();
    let (first, second): (Tensors, Tensors) = all.clone().into_iter().partition(|(name, _)| name.starts_with("blocks"));
    for (shard, tensors) in [("model-1.safetensors", first), ("model-2.safetensors", second)] {
        std::fs::write(folder.join(shard), safetensors(&tensors)).unwrap();
        weight_map.extend(tensors.into_keys().map(|name| (name, shard.into())));
    }
    let index = folder.join("model.safetensors.index.json");
    std::fs::write(&index, serde_json::json!({ "weight_map": weight_map }).to_string()).unwrap();
    index
}

#[test]
fn architecture_comes_from_names_and_shapes() {
    // Facts of `fixtures.json` and of the tensors' shapes.
    let config = load(&data("plain.model.safetensors"), &THREE_HEADS).unwrap().config;
    assert_eq!((config.input, config.patch, config.channels), (Size::square(48), Size::square(8), 3));
    assert_eq!((config.dim, config.depth, config.heads, config.hidden, config.classes), (48, 4, 3, 192, 10));
    assert_eq!((config.class_token, config.prefix_tokens(), config.tokens()), (true, 1, 37));
    assert!(config.prefix_has_position && !config.layer_scale);
    assert_eq!((config.pooling, config.norm_eps), (Pooling::ClassToken, 1e-6));

    let distilled = load(&data("distilled.model.safetensors"), &THREE_HEADS).unwrap();
    assert_eq!((distilled.config.prefix_tokens(), distilled.config.pooling), (2, Pooling::Distilled));
    assert_eq!(distilled.family, Some(Family::Deit));

    let registers = load(&data("registers.model.safetensors"), &THREE_HEADS).unwrap();
    assert_eq!((registers.config.registers, registers.config.prefix_tokens()), (4, 5));
    assert!(!registers.config.prefix_has_position && registers.config.layer_scale);

    let average = load(&data("avgpool.model.safetensors"), &THREE_HEADS).unwrap().config;
    assert_eq!((average.prefix_tokens(), average.pooling, average.tokens()), (0, Pooling::MeanOfPatches, 36));
}

#[test]
fn other_architectures_keep_every_bit() {
    for name in ["distilled.model.safetensors", "registers.model.safetensors", "avgpool.model.safetensors"] {
        assert_same_bits(&load(&data(name), &THREE_HEADS).unwrap(), &fixture(name));
    }
}

#[test]
fn a_grid_that_is_not_square_must_be_told() {
    // 4 heads, grid 4 × 8 (height × width), patch 8: `fixtures.json`.
    let name = "wide.model.safetensors";
    let heads = Some(4);
    let error = load(&data(name), &LoadOptions { heads, input: None }).unwrap_err();
    assert!(matches!(error.problem, Problem::NeedsInput { positions: 33 }), "{error}");
    let input = Some(Size::new(32, 64));
    let wide = load(&data(name), &LoadOptions { heads, input }).unwrap();
    assert_eq!((wide.config.grid(), wide.report.input_source), (Size::new(4, 8), InputSource::Option));
    assert_same_bits(&wide, &fixture(name));
    let config = r#"{"num_heads": 4, "pretrained_cfg": {"input_size": [3, 32, 64]}}"#;
    let configured = from_bytes(name, &bytes(name), Some(config), &LoadOptions::default()).unwrap();
    assert_eq!(configured.config, wide.config);
    let wrong = load(&data(name), &LoadOptions { heads, input: Some(Size::square(48)) }).unwrap_err();
    assert!(matches!(wrong.problem, Problem::InputMismatch { expected: 37, positions: 33, .. }), "{wrong}");
}

#[test]
fn heads_come_from_flag_configuration_or_width_64() {
    let plain = bytes("plain.model.safetensors");
    assert!(matches!(problem("x", &plain, &LoadOptions::default()), Problem::NeedsHeads { dim: 48 }));
    let five = LoadOptions { heads: Some(5), input: None };
    assert!(matches!(problem("x", &plain, &five), Problem::HeadsDoNotDivide { heads: 5, dim: 48 }));
    let jax = load(&data("plain.augreg.npz"), &LoadOptions::default()).unwrap();
    assert_eq!((jax.config.heads, jax.report.heads_source), (3, HeadsSource::TensorShapes));
    let hugging_face = load(&data("plain.huggingface.safetensors"), &LoadOptions::default()).unwrap();
    assert_eq!(hugging_face.report.heads_source, HeadsSource::ConfigFile);
    assert_eq!(hugging_face.class_names.unwrap()[9], "class 9");
}

#[test]
fn position_embedding_of_another_size_matches_pytorch() {
    // torch.nn.functional.interpolate(mode="bicubic", antialias=False), 6 × 6 → 10 × 10 patches.
    let (shape, data) = fixture("plain.model.safetensors").remove("pos_embed").unwrap();
    let expected = fixture("plain.at_80px.expected.safetensors").remove("pos_embed").unwrap();
    let tensor = Tensor { shape, data };
    let resized = resize_position_embedding(&tensor, Size::square(6), Size::square(10), 1).unwrap();
    assert_eq!(resized.shape, expected.0);
    let worst = resized.data.iter().zip(&expected.1).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    // Coordinates up to 6 are rounded to 2^-22 = 2.4e-7 before their fraction weighs numbers of about 1, and
    // sixteen products are added in another order. Measured: 4.2e-7; another kernel (a = -0.5) is off by 0.1.
    assert!(worst < 1e-6, "largest difference {worst}");
    let same = resize_position_embedding(&tensor, Size::square(6), Size::square(6), 1).unwrap();
    assert_eq!(same, tensor);
    assert!(resize_position_embedding(&tensor, Size::square(5), Size::square(10), 1).is_err());
}

#[test]
fn half_and_double_precision_become_f32() {
    let all = fixture("plain.model.safetensors");
    let rounded = |round: fn(f32) -> f32| -> Tensors {
        let round_all =
            |(shape, data): &(Vec<usize>, Vec<f32>)| (shape.clone(), data.iter().map(|v| round(*v)).collect());
        all.iter().map(|(name, tensor)| (name.clone(), round_all(tensor))).collect()
    };
    let f16 = safetensors_as(&all, safetensors::Dtype::F16, |v| half::f16::from_f32(v).to_le_bytes().to_vec());
    assert_same_bits(
        &from_bytes("x", &f16, None, &THREE_HEADS).unwrap(),
        &rounded(|v| half::f16::from_f32(v).to_f32()),
    );
    let bf16 = safetensors_as(&all, safetensors::Dtype::BF16, |v| half::bf16::from_f32(v).to_le_bytes().to_vec());
    assert_same_bits(
        &from_bytes("x", &bf16, None, &THREE_HEADS).unwrap(),
        &rounded(|v| half::bf16::from_f32(v).to_f32()),
    );
    let f64 = safetensors_as(&all, safetensors::Dtype::F64, |v| f64::from(v).to_le_bytes().to_vec());
    assert_same_bits(&from_bytes("x", &f64, None, &THREE_HEADS).unwrap(), &all);
}

#[test]
fn pytorch_views_are_read_through_their_strides() {
    // The same matrices saved as `weight.T.contiguous().T`: transposed storage, swapped strides.
    let all = fixture("plain.model.safetensors");
    let shapes: Vec<Vec<u32>> = all.values().map(|(shape, _)| shape.iter().map(|n| *n as u32).collect()).collect();
    let strides: Vec<Vec<u32>> =
        shapes.iter().map(|shape| if let [rows, _] = shape[..] { vec![1, rows] } else { contiguous(shape) }).collect();
    let mut saved = Vec::new();
    for (((name, (shape, data)), shape32), strides) in all.iter().zip(&shapes).zip(&strides) {
        let stored: Vec<f32> = match shape[..] {
            [rows, columns] => (0..rows * columns).map(|i| data[(i % rows) * columns + i / rows]).collect(),
            _ => data.clone(),
        };
        let bytes = stored.iter().flat_map(|v| v.to_le_bytes()).collect();
        let elements = data.len() as u32;
        saved.push(Saved { name, storage: "FloatStorage", elements, bytes, shape: shape32, strides });
    }
    assert_same_bits(&from_bytes("x.pth", &legacy_file(&saved, b""), None, &THREE_HEADS).unwrap(), &all);
}

#[test]
fn a_packed_archive_in_column_major_order_loads_alike() {
    let stored = bytes("plain.augreg.npz");
    let mut from = zip::ZipArchive::new(Cursor::new(&stored)).unwrap();
    let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..from.len() {
        let mut member = from.by_index(index).unwrap();
        let name = member.name().unwrap().into_owned();
        let mut npy = Vec::new();
        member.read_to_end(&mut npy).unwrap();
        if name.ends_with("MlpBlock_3/Dense_0/kernel.npy") {
            npy = column_major(&npy, 48, 192); // dim × hidden
        }
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        to.start_file(name, options).unwrap();
        to.write_all(&npy).unwrap();
    }
    let packed = to.finish().unwrap().into_inner();
    assert!(packed.len() < stored.len());
    let checkpoint = from_bytes("x.npz", &packed, None, &LoadOptions::default()).unwrap();
    assert_same_bits(&checkpoint, &fixture("plain.model.safetensors"));
}

/// Rewrites a matrix as NumPy saves a transposed one; its header has 128 bytes.
fn column_major(npy: &[u8], rows: usize, columns: usize) -> Vec<u8> {
    let (header, data) = npy.split_at(128);
    let header = String::from_utf8_lossy(&header[10..]).replace("'fortran_order': False", "'fortran_order': True ");
    let element = |i: usize| &data[4 * ((i % rows) * columns + i / rows)..][..4];
    let data: Vec<u8> = (0..rows * columns).flat_map(element).copied().collect();
    [&npy[..10], header.as_bytes(), &data].concat()
}

#[test]
fn the_report_names_what_was_done() {
    let robust = load(&data("plain.robustvit.pth.tar"), &THREE_HEADS).unwrap().report;
    assert_eq!(robust.wrapper.as_deref(), Some("state_dict"));
    assert_eq!(robust.ignored, ["best_loss", "epoch", "optimizer"]);
    assert!(robust.mapped.iter().any(|m| m.from == "module.cls_token" && m.to == "cls_token"));
    // 48-wide, 4 blocks: sum of all elements of the file.
    let expected: usize = fixture("plain.model.safetensors").values().map(|(_, data)| data.len()).sum();
    assert_eq!(robust.parameters, expected);

    let jax = load(&data("plain.augreg.npz"), &LoadOptions::default()).unwrap().report;
    let kernel = jax.reshaped.iter().find(|r| r.name == "embedding/kernel").unwrap();
    assert_eq!((&kernel.from[..], &kernel.to[..]), (&[8, 8, 3, 48][..], &[48, 3, 8, 8][..]));

    let mut odd = fixture("plain.model.safetensors");
    odd.insert("blocks.0.adapter.weight".into(), (vec![1], vec![0.0]));
    odd.insert("mask_token".into(), (vec![1], vec![0.0]));
    let report = from_bytes("x", &safetensors(&odd), None, &THREE_HEADS).unwrap().report;
    assert_eq!(
        (&report.unexpected[..], &report.ignored[..]),
        (&["blocks.0.adapter.weight".into()][..], &["mask_token".into()][..])
    );
    let text = report.to_string();
    assert!(text.contains("unexpected") && text.contains("blocks.0.adapter.weight"), "{text}");
}

#[test]
fn what_is_missing_or_misshapen_is_listed() {
    let mut broken = fixture("plain.model.safetensors");
    broken.remove("blocks.2.mlp.fc1.bias").unwrap();
    broken.insert("norm.bias".into(), (vec![47], vec![0.0; 47]));
    let Problem::Incomplete(mismatch) = problem("x", &safetensors(&broken), &THREE_HEADS) else {
        panic!("expected a mismatch");
    };
    assert_eq!(mismatch.missing, ["blocks.2.mlp.fc1.bias"]);
    let wrong = &mismatch.wrong_shape[0];
    assert_eq!((&wrong.name[..], &wrong.expected[..], &wrong.found[..]), ("norm.bias", &[48][..], &[47][..]));
}

#[test]
fn an_absent_qkv_bias_is_zero_and_reported() {
    let mut tensors = fixture("plain.model.safetensors");
    tensors.retain(|name, _| !name.ends_with("attn.qkv.bias"));
    let checkpoint = from_bytes("x", &safetensors(&tensors), None, &THREE_HEADS).unwrap();
    assert_eq!(checkpoint.report.missing.len(), 4);
    assert_eq!(checkpoint.tensors["blocks.3.attn.qkv.bias"].data, [0.0; 144]);
}

#[test]
fn computations_we_do_not_do_are_refused_by_name() {
    let cases =
        [("blocks.0.mlp.w12.weight", "SwiGLU"), ("norm_pre.weight", "norm before"), ("rel_pos_bias.table", "relative")];
    for (name, feature) in cases {
        let mut tensors = fixture("plain.model.safetensors");
        tensors.insert(name.into(), (vec![1], vec![0.0]));
        let message = from_bytes("x", &safetensors(&tensors), None, &THREE_HEADS).unwrap_err().to_string();
        assert!(message.contains(feature) && message.contains(name), "{message}");
    }
    let unrelated = Tensors::from([("conv1.weight".into(), (vec![1], vec![0.0]))]);
    assert!(matches!(problem("x", &safetensors(&unrelated), &THREE_HEADS), Problem::NotAVisionTransformer(_)));
}

#[test]
fn normalisation_follows_configuration_then_family_then_half() {
    let plain = bytes("plain.model.safetensors");
    let of = |name: &str, config: Option<&str>| {
        let checkpoint = from_bytes(name, &plain, config, &THREE_HEADS).unwrap();
        checkpoint.effective_normalisation()
    };
    assert_eq!(of("x.safetensors", None), (Normalisation::HALF, NormalisationSource::Assumed));
    assert_eq!(of("deit_x.pth", None), (Normalisation::IMAGENET, NormalisationSource::Family(Family::Deit)));
    let dino = r#"{"architecture": "vit_small_patch16_224.dino"}"#;
    assert_eq!(of("x", Some(dino)), (Normalisation::IMAGENET, NormalisationSource::Family(Family::Dino)));
    let own =
        r#"{"architecture": "deit", "pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "std": [1, 1, 1], "crop_pct": 0.9}}"#;
    let (normalisation, source) = of("x", Some(own));
    assert_eq!((normalisation.mean, normalisation.crop_pct), ([0.1, 0.2, 0.3], Some(0.9)));
    assert_eq!(source, NormalisationSource::ConfigFile);
    let jax = load(&data("plain.augreg.npz"), &LoadOptions::default()).unwrap();
    assert_eq!(jax.effective_normalisation(), (Normalisation::HALF, NormalisationSource::Family(Family::AugReg)));
}

#[test]
fn a_folder_is_a_model_and_its_configuration_must_fit() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    assert!(matches!(load(folder.path(), &THREE_HEADS).unwrap_err().problem, Problem::NoWeightsInFolder));
    put("model.safetensors", &bytes("plain.huggingface.safetensors"));
    put("config.json", &bytes("plain.huggingface.config.json"));
    put("preprocessor_config.json", br#"{"image_mean": [0.5,0.5,0.5], "image_std": [0.5,0.5,0.5], "resample": 2}"#);
    let checkpoint = load(folder.path(), &LoadOptions::default()).unwrap();
    assert_eq!(checkpoint.effective_normalisation().1, NormalisationSource::ConfigFile);
    let other = String::from_utf8(bytes("plain.huggingface.config.json"))
        .unwrap()
        .replace(": 48,\n \"num_h", ": 96,\n \"num_h");
    put("config.json", other.as_bytes());
    let error = load(folder.path(), &LoadOptions::default()).unwrap_err();
    assert!(matches!(error.problem, Problem::NeedsHeads { .. }), "{error}");
    assert!(load(folder.path(), &THREE_HEADS).unwrap().report.notes[0].contains("another model"));
    put("config.json", b"{");
    assert!(load(folder.path(), &THREE_HEADS).unwrap_err().to_string().contains("config.json"));
}

#[test]
fn the_real_deit_tiny_loads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models/deit_tiny_patch16_224.safetensors");
    if !path.exists() {
        assert!(std::env::var_os("CI").is_none(), "{} not found", path.display());
        println!("skipped: {} not found", path.display());
        return;
    }
    let deit = load(&path, &LoadOptions::default()).unwrap();
    // DeiT-Ti: 5.7 M parameters (Touvron et al. 2021, table 1; timm counts 5 717 416).
    assert_eq!((deit.report.parameters, deit.config.heads), (5_717_416, 3));
    assert_eq!((deit.config.input, deit.config.classes), (Size::square(224), 1000));
    assert_eq!((deit.family, deit.report.heads_source), (Some(Family::Deit), HeadsSource::Width64));
}
