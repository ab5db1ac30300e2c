//! What the benchmarks of models share: the command line, the models, and how figures are printed.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark's output is its purpose")]

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, bail};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use vitrine::engine::wgsl::{Gpu, WgslOps};
use vitrine::engine::{Device, Ops, init_process};
use vitrine::size::Size;
use vitrine::vit::weights::Tensor;
use vitrine::vit::{Batch, Engine, Pooling, VitConfig, backend};

/// Name, width and heads (Touvron et al. 2021, table 1); all have 12 blocks.
const MODELS: [(&str, usize, usize); 3] = [("ViT-Ti", 192, 3), ("ViT-S", 384, 6), ("ViT-B", 768, 12)];

/// What a benchmark measures.
#[derive(Clone, Copy)]
pub struct Work {
    /// As it is called in JSON, and in `pytorch_reference.py`.
    pub name: &'static str,
    /// Pictures in a batch.
    pub pictures: usize,
    pub warm_ups: usize,
    pub runs: usize,
    pub run: fn(&mut dyn Engine, &Batch) -> anyhow::Result<()>,
}

impl Work {
    /// Does what the arguments of the process say.
    pub fn main(&self) -> anyhow::Result<()> {
        init_process();
        let (mut json, mut kernels, mut memory, mut only, mut device) = (false, false, None, None, Device::Cpu);
        let mut work = *self;
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = |what: &str| arguments.next().with_context(|| format!("{argument} needs {what}"));
            match argument.as_str() {
                "--bench" => {} // cargo adds it
                "--json" => json = true,
                "--kernels" => kernels = true,
                "--memory" => memory = Some(value("ViT-Ti, ViT-S or ViT-B")?),
                "--model" => only = Some(value("ViT-Ti, ViT-S or ViT-B")?),
                "--device" => device = value("a device")?.parse().map_err(anyhow::Error::msg)?,
                "--batch" => {
                    work.pictures = value("a number of pictures")?.parse().context("--batch needs a number")?;
                }
                "--runs" => work.runs = value("a number of runs")?.parse().context("--runs needs a number")?,
                other => bail!(
                    "unknown argument «{other}»; there are --json, --model, --memory, --device, --batch, --runs and \
                     --kernels"
                ),
            }
        }
        anyhow::ensure!(work.runs > 0, "--runs needs at least 1");
        let asked = Asked { work, device, json, kernels };
        let chosen = memory.as_ref().or(only.as_ref());
        let mut models = MODELS.iter().filter(|(name, ..)| chosen.is_none_or(|chosen| chosen == name)).peekable();
        if models.peek().is_none() {
            bail!("there is no model «{}»; there are ViT-Ti, ViT-S and ViT-B", chosen.map_or("", String::as_str));
        }
        models.try_for_each(|&(name, dim, heads)| match memory {
            Some(_) => asked.report_memory(name, dim, heads),
            None => asked.report_time(name, dim, heads),
        })
    }
}

/// A benchmark as the command line wants it.
struct Asked {
    work: Work,
    device: Device,
    json: bool,
    /// Whether to tell what each kernel of a GPU takes.
    kernels: bool,
}

impl Asked {
    fn report_time(&self, name: &str, dim: usize, heads: usize) -> anyhow::Result<()> {
        let Work { run, warm_ups, runs, name: work, pictures: batch } = self.work;
        let (mut model, pictures) = self.model_and_pictures(dim, heads)?;
        for _ in 0..warm_ups {
            run(&mut *model, &pictures)?;
        }
        let mut milliseconds = vec![0.0; runs];
        for time in &mut milliseconds {
            let start = Instant::now();
            run(&mut *model, &pictures)?;
            *time = start.elapsed().as_secs_f64() * 1e3;
        }
        if self.kernels {
            self.report_kernels(&mut *model, &pictures)?;
        }
        milliseconds.sort_by(f64::total_cmp);
        let (min, info) = (milliseconds[0], model.device());
        let median = f64::midpoint(milliseconds[(runs - 1) / 2], milliseconds[runs / 2]);
        if self.json {
            let (device, threads) = (&info.device, info.threads);
            println!(
                r#"{{"implementation":"vitrine","work":"{work}","model":"{name}","device":"{device}","batch":{batch},"threads":{threads},"min_ms":{min:.2},"median_ms":{median:.2}}}"#
            );
        } else {
            println!("{name:<7} min {min:8.2} ms   median {median:8.2} ms   ({runs} runs, {info})");
        }
        Ok(())
    }

    /// On the error output: what one run spends in each kernel, by the GPU's clock.
    fn report_kernels(&self, model: &mut dyn Engine, pictures: &Batch) -> anyhow::Result<()> {
        let Device::Gpu(pick) = &self.device else { bail!("--kernels needs --device gpu") };
        let gpu = WgslOps::new(Gpu::shared(pick).map_err(anyhow::Error::msg)?);
        let mut outcome = Ok(());
        let times = gpu.profile(&mut || outcome = (self.work.run)(model, pictures));
        outcome?;
        for (kernel, time) in times.context("this GPU has no clock to read")? {
            eprintln!("  {kernel:<26}{:>5} runs{:10.3} ms", time.runs, time.milliseconds);
        }
        Ok(())
    }

    fn report_memory(&self, name: &str, dim: usize, heads: usize) -> anyhow::Result<()> {
        let (mut model, pictures) = self.model_and_pictures(dim, heads)?;
        (self.work.run)(&mut *model, &pictures)?;
        let peak = peak_resident_bytes()? as f64 / 1e6;
        if self.json {
            let work = self.work.name;
            println!(r#"{{"implementation":"vitrine","work":"{work}","model":"{name}","peak_mb":{peak:.0}}}"#);
        } else {
            println!("{name:<7} peak resident memory {peak:.0} MB");
        }
        Ok(())
    }

    fn model_and_pictures(&self, dim: usize, heads: usize) -> anyhow::Result<(Box<dyn Engine>, Batch)> {
        let (config, tensors, pictures) = model_and_pictures(dim, heads, self.work.pictures);
        Ok((backend::open(self.device.clone(), config, tensors)?.engine, pictures))
    }
}

fn model_and_pictures(dim: usize, heads: usize, count: usize) -> (VitConfig, BTreeMap<String, Tensor>, Batch) {
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
    let pixels = (0..count * 3 * config.input.area()).map(|_| random.random_range(-1.0..1.0)).collect();
    let pictures = Batch { pixels, count, size: config.input };
    let tensors = random_weights(&config, &mut random);
    (config, tensors, pictures)
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
