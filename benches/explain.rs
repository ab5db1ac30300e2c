//! Time and memory of one explanation: GAE relevance of one 224 px image for ViT-Ti, -S and -B on the CPU.
//!
//! `cargo bench --bench explain` prints a line per model, `-- --json` prints JSON lines, and `-- --memory ViT-B`
//! explains once and prints the peak resident memory of the process. `benches/compare.sh` sets the figures beside
//! PyTorch's. Weights are random but seeded: neither time nor memory depends on what a model has learned.
#![allow(clippy::print_stdout, reason = "a benchmark's output is its purpose")]

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, bail};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use vitrine::engine::candle::CandleOps;
use vitrine::engine::{Device, compute_threads, init_threads};
use vitrine::size::Size;
use vitrine::vit::weights::Tensor;
use vitrine::vit::{Batch, Engine, Objective, Pooling, TraceOptions, Vit, VitConfig, argmax};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Name, width and heads (Touvron et al. 2021, table 1); all have 12 blocks.
const MODELS: [(&str, usize, usize); 3] = [("ViT-Ti", 192, 3), ("ViT-S", 384, 6), ("ViT-B", 768, 12)];
const WARM_UPS: usize = 2;
const RUNS: usize = 12;

fn main() -> anyhow::Result<()> {
    init_threads();
    let mut json = false;
    let mut memory = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => {} // cargo adds it
            "--json" => json = true,
            "--memory" => memory = Some(arguments.next().context("--memory needs a model: ViT-Ti, ViT-S or ViT-B")?),
            other => bail!("unknown argument «{other}»; there are --json and --memory MODEL"),
        }
    }
    match memory {
        Some(model) => report_memory(&model, json),
        None => MODELS.iter().try_for_each(|&(name, dim, heads)| report_time(name, dim, heads, json)),
    }
}

fn report_time(name: &str, dim: usize, heads: usize, json: bool) -> anyhow::Result<()> {
    let (model, image) = model_and_image(dim, heads)?;
    for _ in 0..WARM_UPS {
        explain(&model, &image)?;
    }
    let mut milliseconds = [0.0; RUNS];
    for time in &mut milliseconds {
        let start = Instant::now();
        explain(&model, &image)?;
        *time = start.elapsed().as_secs_f64() * 1e3;
    }
    milliseconds.sort_by(f64::total_cmp);
    let (min, median) = (milliseconds[0], f64::midpoint(milliseconds[RUNS / 2 - 1], milliseconds[RUNS / 2]));
    let threads = compute_threads();
    if json {
        println!(
            r#"{{"implementation":"vitrine","model":"{name}","threads":{threads},"min_ms":{min:.2},"median_ms":{median:.2}}}"#
        );
    } else {
        println!("{name:<7} min {min:8.2} ms   median {median:8.2} ms   ({RUNS} runs, {threads} threads)");
    }
    Ok(())
}

fn report_memory(name: &str, json: bool) -> anyhow::Result<()> {
    let Some(&(name, dim, heads)) = MODELS.iter().find(|(known, ..)| *known == name) else {
        bail!("there is no model «{name}»; there are ViT-Ti, ViT-S and ViT-B");
    };
    let (model, image) = model_and_image(dim, heads)?;
    explain(&model, &image)?;
    let peak = peak_resident_bytes()? as f64 / 1e6;
    if json {
        println!(r#"{{"implementation":"vitrine","model":"{name}","peak_mb":{peak:.0}}}"#);
    } else {
        println!("{name:<7} peak resident memory {peak:.0} MB");
    }
    Ok(())
}

fn explain(model: &dyn Engine, image: &Batch) -> anyhow::Result<()> {
    let objective = |_: usize, logits: &[f32]| Objective::Logit(argmax(logits));
    let traces = model.trace(image, &objective, &TraceOptions::relevance())?;
    std::hint::black_box(traces);
    Ok(())
}

fn model_and_image(dim: usize, heads: usize) -> anyhow::Result<(Vit<CandleOps>, Batch)> {
    let config = VitConfig {
        input: Size::square(224),
        patch: Size::square(16),
        channels: 3,
        dim,
        depth: 12,
        heads,
        hidden: 4 * dim,
        classes: 1000,
        class_token: true,
        distillation_token: false,
        registers: 0,
        prefix_has_position: true,
        pooling: Pooling::ClassToken,
        layer_scale: false,
        norm_eps: 1e-6,
    };
    let mut random = Pcg64Mcg::seed_from_u64(0);
    let pixels = (0..3 * config.input.area()).map(|_| random.random_range(-1.0..1.0)).collect();
    let image = Batch { pixels, count: 1, size: config.input };
    let tensors = random_weights(&config, &mut random);
    Ok((Vit::new(CandleOps::new(Device::Cpu)?, config, tensors)?, image))
}

/// Every tensor that the architecture has, by its timm name. Each is made in place and moved: one copy in memory.
fn random_weights(config: &VitConfig, random: &mut Pcg64Mcg) -> BTreeMap<String, Tensor> {
    let (dim, hidden) = (config.dim, config.hidden);
    let mut tensors = BTreeMap::new();
    let mut put = |name: String, shape: &[usize]| {
        let count = shape.iter().product();
        // As PyTorch initialises: ±1/√inputs keeps activations near 1; scales of norms start at 1.
        let data = if name.contains("norm") && name.ends_with("weight") {
            vec![1.0; count]
        } else {
            let bound = 1.0 / (shape[1..].iter().product::<usize>() as f32).max(dim as f32).sqrt();
            (0..count).map(|_| random.random_range(-bound..bound)).collect()
        };
        tensors.insert(name, Tensor { shape: shape.to_vec(), data });
    };
    let mut linear = |name: String, shape: &[usize]| {
        put(format!("{name}.bias"), &shape[..1]);
        put(format!("{name}.weight"), shape);
    };
    linear("patch_embed.proj".into(), &[dim, config.channels, config.patch.height, config.patch.width]);
    linear("norm".into(), &[dim]);
    linear("head".into(), &[config.classes, dim]);
    for block in 0..config.depth {
        linear(format!("blocks.{block}.norm1"), &[dim]);
        linear(format!("blocks.{block}.attn.qkv"), &[3 * dim, dim]);
        linear(format!("blocks.{block}.attn.proj"), &[dim, dim]);
        linear(format!("blocks.{block}.norm2"), &[dim]);
        linear(format!("blocks.{block}.mlp.fc1"), &[hidden, dim]);
        linear(format!("blocks.{block}.mlp.fc2"), &[dim, hidden]);
    }
    put("cls_token".into(), &[1, 1, dim]);
    put("pos_embed".into(), &[1, config.tokens(), dim]);
    tensors
}

/// The highest resident memory this process ever had, as Linux counts it.
fn peak_resident_bytes() -> anyhow::Result<u64> {
    let path = "/proc/self/status";
    let status = std::fs::read_to_string(path).context("peak memory is measured on Linux only")?;
    let kibibytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    Ok(1024 * kibibytes.with_context(|| format!("no peak memory (VmHWM) in {path}"))?)
}
