//! Hugging Face's DeiT and DINOv2 names, made from the timm fixtures by renaming.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use support::{Tensors, fixture, safetensors};
use vitrine::vit::Pooling;
use vitrine::vit::weights::{Family, LoadOptions, from_bytes};

const OPTIONS: LoadOptions = LoadOptions { heads: Some(3), input: None };

/// Splits qkv and renames what ViT, DeiT and DINOv2 have in common.
fn renamed(timm: &Tensors, model: &str, rename: impl Fn(&str) -> String) -> Tensors {
    let mut renamed = Tensors::new();
    for (name, (shape, data)) in timm {
        let Some((block, kind)) = name.split_once(".attn.qkv.") else {
            renamed.insert(rename(name), (shape.clone(), data.clone()));
            continue;
        };
        let layer = block.replace("blocks", &format!("{model}encoder.layer"));
        let mut third = shape.clone();
        third[0] /= 3;
        for (part, rows) in ["query", "key", "value"].iter().zip(data.chunks(data.len() / 3)) {
            renamed.insert(format!("{layer}.attention.attention.{part}.{kind}"), (third.clone(), rows.to_vec()));
        }
    }
    renamed
}

#[test]
fn distilled_deit_keeps_both_heads() {
    let timm = fixture("distilled.model.safetensors");
    let hugging_face = renamed(&timm, "deit.", |name| {
        name.replace("blocks", "deit.encoder.layer")
            .replace("norm1", "layernorm_before")
            .replace("norm2", "layernorm_after")
            .replace("attn.proj", "attention.output.dense")
            .replace("mlp.fc1", "intermediate.dense")
            .replace("mlp.fc2", "output.dense")
            .replace("cls_token", "deit.embeddings.cls_token")
            .replace("dist_token", "deit.embeddings.distillation_token")
            .replace("pos_embed", "deit.embeddings.position_embeddings")
            .replace("patch_embed.proj", "deit.embeddings.patch_embeddings.projection")
            .replace("head_dist.", "distillation_classifier.")
            .replace("head.", "cls_classifier.")
            .replace("norm.", "deit.layernorm.")
    });
    let checkpoint = from_bytes("x", &safetensors(&hugging_face), None, &OPTIONS).unwrap();
    assert_eq!((checkpoint.config.pooling, checkpoint.family), (Pooling::Distilled, Some(Family::Deit)));
    assert_eq!(checkpoint.tensors.len(), timm.len());
    for (name, (_, data)) in &timm {
        assert_eq!(&checkpoint.tensors[name].data, data, "{name}");
    }
}

#[test]
fn dinov2_class_position_is_folded_into_the_class_token() {
    let timm = fixture("registers.model.safetensors");
    let mut hugging_face = renamed(&timm, "dinov2_with_registers.", |name| {
        let body = name
            .replace("blocks", "encoder.layer")
            .replace("attn.proj", "attention.output.dense")
            .replace("ls1.gamma", "layer_scale1.lambda1")
            .replace("ls2.gamma", "layer_scale2.lambda1")
            .replace("cls_token", "embeddings.cls_token")
            .replace("reg_token", "embeddings.register_tokens")
            .replace("pos_embed", "embeddings.position_embeddings")
            .replace("patch_embed.proj", "embeddings.patch_embeddings.projection");
        match body.strip_prefix("norm.") {
            Some(kind) => format!("dinov2_with_registers.layernorm.{kind}"),
            None if body.starts_with("head.") => body.replace("head.", "classifier."),
            None => format!("dinov2_with_registers.{body}"),
        }
    });
    // Hugging Face has a position for the class token: give it one, and take it off the token.
    let position = 0.25_f32;
    let positions = hugging_face.get_mut("dinov2_with_registers.embeddings.position_embeddings").unwrap();
    positions.0 = vec![1, 37, 48];
    positions.1.splice(0..0, [position; 48]);
    hugging_face.insert("dinov2_with_registers.embeddings.mask_token".into(), (vec![1, 48], vec![0.0; 48]));

    let checkpoint = from_bytes("x", &safetensors(&hugging_face), None, &OPTIONS).unwrap();
    assert_eq!((checkpoint.config.registers, checkpoint.config.prefix_has_position), (4, false));
    assert_eq!(checkpoint.report.unexpected, Vec::<String>::new());
    assert_eq!(checkpoint.tensors.len(), timm.len());
    for (name, (shape, data)) in &timm {
        let tensor = &checkpoint.tensors[name];
        assert_eq!(&tensor.shape, shape, "{name}");
        if name == "cls_token" {
            let folded: Vec<f32> = data.iter().map(|value| value + position).collect();
            assert_eq!(tensor.data, folded);
        } else {
            assert_eq!(&tensor.data, data, "{name}");
        }
    }
}
