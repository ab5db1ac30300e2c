//! Names of Google's JAX checkpoints (ViT and AugReg `.npz`, big_vision's numbering as well).

use std::collections::BTreeMap;

use super::layout::Layout;
use super::names::{Meaning, in_block};
use super::source::Entry;

/// Training states keep the parameters under the first, big_vision under the second.
const PREFIXES: [&str; 2] = ["opt/target/", "params/"];

pub(super) fn meaning(name: &str) -> Meaning {
    let name = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    if name.starts_with("opt/") {
        return Meaning::Useless; // moments of the optimizer
    }
    if let Some((block, rest)) = in_block(name, "Transformer/encoderblock_") {
        return in_encoder(block, rest);
    }
    let (canonical, layout) = match name {
        "cls" => ("cls_token", Layout::AsIs),
        "Transformer/posembed_input/pos_embedding" | "pos_embedding" => ("pos_embed", Layout::AsIs),
        "embedding/kernel" => ("patch_embed.proj.weight", Layout::ConvolutionKernel),
        "embedding/bias" => ("patch_embed.proj.bias", Layout::AsIs),
        "Transformer/encoder_norm/scale" => ("norm.weight", Layout::AsIs),
        "Transformer/encoder_norm/bias" => ("norm.bias", Layout::AsIs),
        "head/kernel" => ("head.weight", Layout::Kernel { input_axes: 1 }),
        "head/bias" => ("head.bias", Layout::AsIs),
        _ => return Meaning::Unknown,
    };
    Meaning::Whole(canonical.to_owned(), layout)
}

fn in_encoder(block: usize, rest: &str) -> Meaning {
    let Some((layer, kind)) = rest.rsplit_once('/') else {
        return Meaning::Unknown;
    };
    // `MultiHeadDotProductAttention_1/query` → attention and `query`, whatever the number.
    let (module, inner) = layer.split_once('/').unwrap_or((layer, ""));
    let module = module.rsplit_once('_').map_or(module, |(name, _number)| name);
    let kernel_or = |input_axes, bias| if kind == "kernel" { Layout::Kernel { input_axes } } else { bias };
    let suffix = if kind == "bias" { "bias" } else { "weight" };
    let layer = match (module, inner, kind) {
        ("LayerNorm", "", "scale" | "bias") if layer.ends_with("_0") => "norm1",
        ("LayerNorm", "", "scale" | "bias") => "norm2",
        ("MultiHeadDotProductAttention", "query" | "key" | "value", "kernel" | "bias") => {
            let part = ["query", "key", "value"].iter().position(|p| *p == inner).unwrap_or_default();
            let layout = kernel_or(1, Layout::Flat);
            return Meaning::Part(format!("blocks.{block}.attn.qkv.{suffix}"), part, layout);
        }
        ("MultiHeadDotProductAttention", "out", "kernel" | "bias") => "attn.proj",
        ("MlpBlock", "Dense_0", "kernel" | "bias") => "mlp.fc1",
        ("MlpBlock", "Dense_1", "kernel" | "bias") => "mlp.fc2",
        _ => return Meaning::Unknown,
    };
    let input_axes = if layer == "attn.proj" { 2 } else { 1 };
    Meaning::Whole(format!("blocks.{block}.{layer}.{suffix}"), kernel_or(input_axes, Layout::AsIs))
}

/// The number of heads, which these files keep as an axis: the query kernel is `[dim, heads, head_dim]`.
pub(super) fn heads(entries: &BTreeMap<String, Entry>) -> Option<usize> {
    let query = entries.iter().find(|(name, _)| name.ends_with("/query/kernel"))?;
    match query.1.shape[..] {
        [_, heads, _] => Some(heads),
        _ => None,
    }
}
