//! Names of Hugging Face `transformers`: ViT, DeiT, DINOv2 and DINOv2 with registers.

use super::layout::Layout;
use super::names::{Meaning, in_block};

const MODELS: [&str; 5] = ["vit.", "deit.", "dinov2.", "dinov2_with_registers.", "vit_msn."];

pub(super) fn meaning(name: &str) -> Meaning {
    let whole = |name: String| Meaning::Whole(name, Layout::AsIs);
    let name = MODELS.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    if let Some((block, rest)) = in_block(name, "encoder.layer.") {
        return in_encoder(block, rest);
    }
    let token = match name {
        "embeddings.cls_token" => Some("cls_token"),
        "embeddings.distillation_token" => Some("dist_token"),
        "embeddings.register_tokens" => Some("reg_token"),
        "embeddings.position_embeddings" => Some("pos_embed"),
        "embeddings.mask_token" => return Meaning::Useless,
        _ => None,
    };
    if let Some(token) = token {
        return whole(token.to_owned());
    }
    let Some((layer, kind)) = name.rsplit_once('.') else {
        return Meaning::Unknown;
    };
    let layer = match layer {
        "embeddings.patch_embeddings.projection" => "patch_embed.proj",
        "layernorm" => "norm",
        "classifier" | "cls_classifier" => "head",
        "distillation_classifier" => "head_dist",
        // A head for tasks other than classification.
        "pooler.dense" => return Meaning::Useless,
        _ => return Meaning::Unknown,
    };
    whole(format!("{layer}.{kind}"))
}

fn in_encoder(block: usize, rest: &str) -> Meaning {
    let Some((layer, kind)) = rest.rsplit_once('.') else {
        return Meaning::Unknown;
    };
    let part = |number: usize| Meaning::Part(format!("blocks.{block}.attn.qkv.{kind}"), number, Layout::AsIs);
    let layer = match (layer, kind) {
        ("layer_scale1", "lambda1") => return Meaning::Whole(format!("blocks.{block}.ls1.gamma"), Layout::AsIs),
        ("layer_scale2", "lambda1") => return Meaning::Whole(format!("blocks.{block}.ls2.gamma"), Layout::AsIs),
        ("attention.attention.query", _) => return part(0),
        ("attention.attention.key", _) => return part(1),
        ("attention.attention.value", _) => return part(2),
        ("attention.output.dense", _) => "attn.proj",
        ("layernorm_before" | "norm1", _) => "norm1",
        ("layernorm_after" | "norm2", _) => "norm2",
        ("intermediate.dense" | "mlp.fc1", _) => "mlp.fc1",
        ("output.dense" | "mlp.fc2", _) => "mlp.fc2",
        _ => return Meaning::Unknown,
    };
    Meaning::Whole(format!("blocks.{block}.{layer}.{kind}"), Layout::AsIs)
}
