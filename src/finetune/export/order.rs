//! The order of a model's tensors.

/// timm's order of parameters, by which PyTorch numbers an optimiser's state: tokens, positions, patches, blocks with
/// their parts in the order of the passes, norm, head.
pub fn in_timm_order<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    names.sort_by_key(|name| rank(name));
    names
}

const OUTER: [&str; 9] =
    ["cls_token", "dist_token", "reg_token", "pos_embed", "patch_embed", "blocks", "norm", "fc_norm", "head"];
const INNER: [&str; 8] = ["norm1", "attn.qkv", "attn.proj", "ls1", "norm2", "mlp.fc1", "mlp.fc2", "ls2"];

/// (outer part, block, inner part, bias after weight)
fn rank(name: &str) -> (usize, usize, usize, bool) {
    let place = |parts: &[&str], text: &str| {
        // `norm` must not take `norm1`'s place, nor `head` that of `head_dist`.
        parts.iter().position(|part| text == *part || text.strip_prefix(part).is_some_and(|rest| rest.starts_with('.')))
    };
    let outer = place(&OUTER, name).unwrap_or(OUTER.len());
    let (block, inner) = match name.strip_prefix("blocks.").and_then(|rest| rest.split_once('.')) {
        Some((block, rest)) => (block.parse().unwrap_or(usize::MAX), place(&INNER, rest).unwrap_or(INNER.len())),
        None => (0, 0),
    };
    (outer, block, inner, name.ends_with(".bias"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_stand_in_the_order_of_timms_module() {
        // `list(timm.create_model('vit_tiny_patch16_224').state_dict())`, shortened to what tells.
        let expected = [
            "cls_token",
            "pos_embed",
            "patch_embed.proj.weight",
            "patch_embed.proj.bias",
            "blocks.0.norm1.weight",
            "blocks.0.norm1.bias",
            "blocks.0.attn.qkv.weight",
            "blocks.0.attn.qkv.bias",
            "blocks.0.attn.proj.weight",
            "blocks.0.norm2.weight",
            "blocks.0.mlp.fc1.weight",
            "blocks.0.mlp.fc2.weight",
            "blocks.2.norm1.weight",
            "blocks.10.norm1.weight",
            "norm.weight",
            "norm.bias",
            "head.weight",
            "head.bias",
            "head_dist.weight",
        ];
        let mut sorted: Vec<String> = expected.map(str::to_owned).into();
        sorted.sort();
        assert_eq!(in_timm_order(sorted.iter()), expected);
    }
}
