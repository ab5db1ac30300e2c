//! The architecture, read from canonical names and shapes.

use std::collections::BTreeMap;

use super::LoadOptions;
use super::config_file::ConfigFile;
use super::error::Problem;
use super::names::in_block;
use super::plan::Plan;
use super::report::{HeadsSource, InputSource};
use crate::size::Size;
use crate::vit::config::{Pooling, VitConfig};

/// Larger inputs than any camera's are mistakes; the bound keeps the arithmetic from overflowing.
const LONGEST_SIDE: usize = 1 << 16;
/// timm's and the paper's; Hugging Face files may say otherwise in their configuration.
const NORM_EPS: f32 = 1e-6;

pub(super) struct Architecture {
    pub config: VitConfig,
    pub heads_source: HeadsSource,
    pub input_source: InputSource,
    /// Leading position entries to fold into the class token (DINOv2 with registers); 0 for none.
    pub fold_positions: usize,
    pub notes: Vec<String>,
}

/// What else is known besides the tensors.
pub(super) struct Hints<'a> {
    pub options: &'a LoadOptions,
    pub config_file: Option<&'a ConfigFile>,
    /// JAX files keep the heads as an axis.
    pub heads_in_shapes: Option<usize>,
}

pub(super) fn read(plan: &Plan, hints: &Hints<'_>) -> Result<Architecture, Problem> {
    let not_a_vit = || {
        let names: Vec<&str> = plan.unexpected.iter().take(4).map(String::as_str).collect();
        let found =
            if names.is_empty() { "no tensors of the kind".into() } else { format!("{}, …", names.join(", ")) };
        Problem::NotAVisionTransformer(found)
    };
    let Some(&[dim, channels, patch_height, patch_width]) = plan.shape("patch_embed.proj.weight") else {
        return Err(not_a_vit());
    };
    let depth = plan.names().filter_map(|name| in_block(name, "blocks.")?.0.checked_add(1)).max();
    let depth = depth.filter(|depth| *depth <= plan.names().count()).ok_or_else(not_a_vit)?;
    if dim == 0 || channels == 0 || patch_height == 0 || patch_width == 0 {
        return Err(not_a_vit());
    }
    let has = |name: &str| plan.shape(name).is_some();
    let rows = |name: &str| plan.shape(name).and_then(|shape| shape.first().copied()).unwrap_or_default();
    let registers = plan.shape("reg_token").map_or(0, |shape| shape.iter().product::<usize>() / dim);
    if plan.shape("head.weight").is_some_and(|shape| shape.get(1) == Some(&(2 * dim))) {
        let evidence = "head.weight".into();
        return Err(Problem::Unsupported { feature: "a head on class token and patches together", evidence });
    }
    let mut config = VitConfig {
        input: Size::new(0, 0),
        patch: Size::new(patch_height, patch_width),
        channels,
        dim,
        depth,
        heads: 0,
        hidden: rows("blocks.0.mlp.fc1.weight"),
        classes: rows("head.weight"),
        class_token: has("cls_token"),
        distillation_token: has("dist_token"),
        registers,
        prefix_has_position: true,
        pooling: pooling(plan)?,
        layer_scale: has("blocks.0.ls1.gamma"),
        norm_eps: hints.config_file.and_then(|file| file.norm_eps).unwrap_or(NORM_EPS),
    };
    if config.hidden == 0 && has("blocks.0.mlp.fc1.weight") {
        let evidence = "blocks.0.mlp.fc1.weight".into();
        return Err(Problem::Unsupported { feature: "an MLP without hidden units", evidence });
    }
    let (heads, heads_source) = heads(dim, hints)?;
    config.heads = heads;
    let mut notes = Vec::new();
    let positions = plan.shape("pos_embed").map_or(0, |shape| shape.iter().product::<usize>() / dim);
    let placed = place(&mut config, positions, hints, &mut notes)?;
    Ok(Architecture { config, heads_source, input_source: placed.0, fold_positions: placed.1, notes })
}

fn pooling(plan: &Plan) -> Result<Pooling, Problem> {
    let has = |name: &str| plan.shape(name).is_some();
    if has("fc_norm.weight") {
        Ok(Pooling::MeanOfPatches)
    } else if !has("cls_token") {
        let feature = "the mean of normalised patches without fc_norm";
        Err(Problem::Unsupported { feature, evidence: "cls_token, which is absent".into() })
    } else if has("dist_token") && has("head_dist.weight") {
        Ok(Pooling::Distilled)
    } else {
        Ok(Pooling::ClassToken)
    }
}

fn heads(dim: usize, hints: &Hints<'_>) -> Result<(usize, HeadsSource), Problem> {
    let from_config = hints.config_file.and_then(|file| file.heads);
    let (heads, source) = if let Some(heads) = hints.options.heads {
        (heads, HeadsSource::Option)
    } else if let Some(heads) = from_config {
        (heads, HeadsSource::ConfigFile)
    } else if let Some(heads) = hints.heads_in_shapes {
        (heads, HeadsSource::TensorShapes)
    } else if matches!(dim, 1152 | 1280 | 1408 | 1664) {
        (16, HeadsSource::PublishedWidth) // ViT-so400m, -H, -g and -G
    } else if dim.is_multiple_of(64) {
        (dim / 64, HeadsSource::Width64)
    } else {
        return Err(Problem::NeedsHeads { dim });
    };
    if heads == 0 || !dim.is_multiple_of(heads) {
        return Err(Problem::HeadsDoNotDivide { heads, dim });
    }
    Ok((heads, source))
}

/// Sets `input` and `prefix_has_position` from the number of position entries.
///
/// Returns the source of the input size and how many leading entries belong to the class token only.
fn place(
    config: &mut VitConfig,
    positions: usize,
    hints: &Hints<'_>,
    notes: &mut Vec<String>,
) -> Result<(InputSource, usize), Problem> {
    let prefix = config.prefix_tokens();
    // (leading entries, whether the prefix tokens own them, how many are folded away)
    let ways: &[(usize, bool, usize)] = if config.registers > 0 {
        &[(0, false, 0), (1, false, 1), (prefix, true, 0)]
    } else {
        &[(prefix, true, 0), (0, false, 0)]
    };
    let fits = |config: &VitConfig, input: Size| {
        let grid = config.grid_of(input);
        let possible = input.height.max(input.width) <= LONGEST_SIDE && grid.area() > 0;
        ways.iter().find(|way| possible && way.0 + grid.area() == positions).copied()
    };
    let from_config = hints.config_file.and_then(|file| file.input);
    let (input, source, way) = if let Some(input) = hints.options.input {
        let expected = prefix + config.grid_of(input).area();
        let way = fits(config, input).ok_or(Problem::InputMismatch { input, expected, positions })?;
        (input, InputSource::Option, way)
    } else if let Some((input, way)) = from_config.and_then(|input| Some((input, fits(config, input)?))) {
        (input, InputSource::ConfigFile, way)
    } else {
        if let Some(input) = from_config {
            notes.push(format!("the configured input size {input} does not fit {positions} positions"));
        }
        let square = ways.iter().find_map(|way| {
            let side = positions.checked_sub(way.0)?.isqrt();
            (side > 0 && side * side + way.0 == positions).then_some((side, *way))
        });
        let (side, way) = square.ok_or(Problem::NeedsInput { positions })?;
        (Size::new(side * config.patch.height, side * config.patch.width), InputSource::SquareGrid, way)
    };
    config.input = input;
    config.prefix_has_position = way.1 && prefix > 0;
    Ok((source, way.2))
}

/// Name and shape of every tensor that a model of this architecture has.
pub(in crate::vit) fn expected_shapes(config: &VitConfig) -> BTreeMap<String, Vec<usize>> {
    let (dim, hidden) = (config.dim, config.hidden);
    let mut shapes = BTreeMap::new();
    let mut linear = |name: String, outputs: usize, inputs: usize| {
        shapes.insert(format!("{name}.weight"), vec![outputs, inputs]);
        shapes.insert(format!("{name}.bias"), vec![outputs]);
    };
    for block in 0..config.depth {
        linear(format!("blocks.{block}.attn.qkv"), 3 * dim, dim);
        linear(format!("blocks.{block}.attn.proj"), dim, dim);
        linear(format!("blocks.{block}.mlp.fc1"), hidden, dim);
        linear(format!("blocks.{block}.mlp.fc2"), dim, hidden);
    }
    if config.classes > 0 {
        linear("head".into(), config.classes, dim);
    }
    if config.pooling == Pooling::Distilled {
        linear("head_dist".into(), config.classes, dim);
    }
    let mut vector = |name: String| shapes.insert(name, vec![dim]);
    let final_norm = if config.pooling == Pooling::MeanOfPatches { "fc_norm" } else { "norm" };
    let mut norms = vec![final_norm.to_owned()];
    for block in 0..config.depth {
        norms.extend([format!("blocks.{block}.norm1"), format!("blocks.{block}.norm2")]);
        if config.layer_scale {
            vector(format!("blocks.{block}.ls1.gamma"));
            vector(format!("blocks.{block}.ls2.gamma"));
        }
    }
    for norm in norms {
        vector(format!("{norm}.weight"));
        vector(format!("{norm}.bias"));
    }
    vector("patch_embed.proj.bias".into());
    shapes
        .insert("patch_embed.proj.weight".into(), vec![dim, config.channels, config.patch.height, config.patch.width]);
    let tokens = [
        ("cls_token", usize::from(config.class_token)),
        ("dist_token", usize::from(config.distillation_token)),
        ("reg_token", config.registers),
        ("pos_embed", config.grid().area() + if config.prefix_has_position { config.prefix_tokens() } else { 0 }),
    ];
    shapes.extend(tokens.iter().filter(|(_, n)| *n > 0).map(|(name, n)| ((*name).to_owned(), vec![1, *n, dim])));
    shapes
}
