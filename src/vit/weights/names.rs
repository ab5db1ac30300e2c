//! Tensor names in every spelling, translated to timm's.

use std::collections::BTreeMap;

use super::augreg;
use super::huggingface;
use super::layout::Layout;
use super::report::Spelling;
use super::source::Entry;

/// What a name in the file stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    /// A canonical tensor.
    Whole(String, Layout),
    /// Query (0), key (1) or value (2) of a canonical `qkv` tensor.
    Part(String, usize, Layout),
    /// Known and without effect on a classification.
    Useless,
    Unknown,
}

/// Wrappers of modules that leave a prefix on every name.
const PREFIXES: [&str; 4] = ["module.", "_orig_mod.", "backbone.", "model."];

/// Decides whose names these are.
pub(super) fn spelling(entries: &BTreeMap<String, Entry>) -> Spelling {
    let any = |part: &str| entries.keys().any(|name| name.contains(part));
    if any("embedding/kernel") || any("Transformer/encoderblock") {
        Spelling::AugReg
    } else if any("embeddings.patch_embeddings.") || any("encoder.layer.0.") {
        Spelling::HuggingFace
    } else {
        Spelling::Timm
    }
}

pub(super) fn meaning(spelling: Spelling, name: &str) -> Meaning {
    match spelling {
        Spelling::AugReg => augreg::meaning(name),
        Spelling::HuggingFace => huggingface::meaning(without_prefixes(name)),
        Spelling::Timm => timm(without_prefixes(name)),
    }
}

fn without_prefixes(mut name: &str) -> &str {
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        name = rest;
    }
    name
}

fn timm(name: &str) -> Meaning {
    let whole = |name: &str| Meaning::Whole(name.to_owned(), Layout::AsIs);
    match name {
        "cls_token" | "dist_token" | "reg_token" | "pos_embed" => return whole(name),
        "register_tokens" => return whole("reg_token"),
        "mask_token" => return Meaning::Useless,
        _ => {}
    }
    if let Some((block, rest)) = in_block(name, "blocks.") {
        let rest = match rest {
            "gamma_1" => "ls1.gamma",
            "gamma_2" => "ls2.gamma",
            other => other,
        };
        let known = ["ls1.gamma", "ls2.gamma"].contains(&rest)
            || weight_or_bias_of(rest, &["norm1", "norm2", "attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"]);
        return if known { whole(&format!("blocks.{block}.{rest}")) } else { Meaning::Unknown };
    }
    if weight_or_bias_of(name, &["patch_embed.proj", "norm", "fc_norm", "head", "head_dist"]) {
        return whole(name);
    }
    Meaning::Unknown
}

fn weight_or_bias_of(name: &str, layers: &[&str]) -> bool {
    let layer = name.strip_suffix(".weight").or_else(|| name.strip_suffix(".bias"));
    layer.is_some_and(|layer| layers.contains(&layer))
}

/// Splits `PREFIX3.rest` into 3 and `rest`.
pub(super) fn in_block<'n>(name: &'n str, prefix: &str) -> Option<(usize, &'n str)> {
    let (number, rest) = name.strip_prefix(prefix)?.split_once(['.', '/'])?;
    Some((number.parse().ok()?, rest))
}

/// Parts of names that betray a computation Vitrine does not do; loading such weights would explain nonsense.
const UNSUPPORTED: [(&str, &str); 16] = [
    ("mlp.w12", "a SwiGLU MLP"),
    ("mlp.weights_in", "a SwiGLU MLP"),
    ("mlp.fc1_g", "a SwiGLU MLP"),
    ("mlp.norm", "a norm inside the MLP"),
    ("attn.norm", "a norm inside the attention"),
    ("relative_position_bias", "a relative position bias"),
    ("rel_pos", "relative positions"),
    ("norm_pre", "a norm before the first block"),
    ("pre_layrnorm", "a norm before the first block"),
    ("attn.q_norm", "a norm of queries and keys"),
    ("attn.q_bias", "separate query and value biases"),
    ("attn_pool", "a pooling head with attention"),
    ("MAPHead", "a pooling head with attention"),
    ("pre_logits", "a representation layer before the head"),
    ("patch_embed.backbone", "a convolutional stem"),
    ("conv_stem", "a convolutional stem"),
];

/// The first unsupported part among the names, and the name it was found in.
pub(super) fn unsupported(entries: &BTreeMap<String, Entry>) -> Option<(&'static str, String)> {
    entries.keys().find_map(|name| {
        let (_, feature) = UNSUPPORTED.iter().find(|(part, _)| name.contains(part))?;
        Some((*feature, name.clone()))
    })
}
