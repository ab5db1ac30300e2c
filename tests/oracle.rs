//! The hand-derived gradients against candle's autograd, and the logits against candle-transformers' own ViT.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod support;

use candle_core::{D, DType, Device, Result, Tensor, Var};
use candle_nn::VarBuilder;
use support::model::{Expected, engines, relative_error};
use support::{bytes, fixture};
use vitrine::vit::{FeatureChoice, FeatureKind, KeepMaps, Objective, TraceOptions};

const HEADS: usize = 3;
const DIM: usize = 48;

/// `plain.model` written once more with candle tensors, every attention map tapped by a variable of zeros: adding it
/// changes nothing, but autograd keeps the gradient of a variable (and drops those of inner nodes).
struct Tapped {
    weights: std::collections::HashMap<String, Tensor>,
    taps: Vec<Var>,
}

impl Tapped {
    fn new() -> Result<Self> {
        let weights = candle_core::safetensors::load_buffer(&bytes("plain.model.safetensors"), &Device::Cpu)?;
        let taps = (0..4).map(|_| Var::zeros((2, HEADS, 37, 37), DType::F32, &Device::Cpu)).collect::<Result<_>>()?;
        Ok(Self { weights, taps })
    }

    fn linear(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        let weight = &self.weights[&format!("{name}.weight")];
        x.broadcast_matmul(&weight.t()?)?.broadcast_add(&self.weights[&format!("{name}.bias")])
    }

    fn norm(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let std = (centred.sqr()?.mean_keepdim(D::Minus1)? + 1e-6)?.sqrt()?;
        let gamma = &self.weights[&format!("{name}.weight")];
        centred.broadcast_div(&std)?.broadcast_mul(gamma)?.broadcast_add(&self.weights[&format!("{name}.bias")])
    }

    fn attention(&self, x: &Tensor, block: usize) -> Result<Tensor> {
        let qkv = self.linear(x, &format!("blocks.{block}.attn.qkv"))?;
        let head =
            |i: usize| qkv.narrow(2, i * DIM, DIM)?.reshape((2, 37, HEADS, DIM / HEADS))?.transpose(1, 2)?.contiguous();
        let scores = (head(0)?.matmul(&head(1)?.t()?)? * ((DIM / HEADS) as f64).powf(-0.5))?;
        let exps = scores.exp()?;
        let maps = (exps.broadcast_div(&exps.sum_keepdim(D::Minus1)?)? + self.taps[block].as_tensor())?;
        let mixed = maps.matmul(&head(2)?)?.transpose(1, 2)?.reshape((2, 37, DIM))?;
        self.linear(&mixed, &format!("blocks.{block}.attn.proj"))
    }

    /// Output of the last block, before the final norm.
    fn tokens(&self, image: &Tensor) -> Result<Tensor> {
        self.tokens_entering(image, 4)
    }

    /// Input of a block.
    fn tokens_entering(&self, image: &Tensor, block: usize) -> Result<Tensor> {
        let weight = &self.weights["patch_embed.proj.weight"];
        let patches = image.conv2d(weight, 0, 8, 1, 1)?.flatten_from(2)?.transpose(1, 2)?;
        let patches = patches.broadcast_add(&self.weights["patch_embed.proj.bias"])?;
        let class = self.weights["cls_token"].expand((2, 1, DIM))?;
        let mut x = Tensor::cat(&[&class, &patches], 1)?.broadcast_add(&self.weights["pos_embed"])?;
        for block in 0..block {
            x = (&x + self.attention(&self.norm(&x, &format!("blocks.{block}.norm1"))?, block)?)?;
            let hidden =
                self.linear(&self.norm(&x, &format!("blocks.{block}.norm2"))?, &format!("blocks.{block}.mlp.fc1"))?;
            x = (&x + self.linear(&hidden.gelu_erf()?, &format!("blocks.{block}.mlp.fc2"))?)?;
        }
        Ok(x)
    }

    fn logits(&self, image: &Tensor) -> Result<Tensor> {
        let class = self.tokens(image)?.narrow(1, 0, 1)?;
        self.linear(&self.norm(&class, "norm")?, "head")?.squeeze(1)
    }
}

#[test]
fn attention_gradients_equal_autograd() {
    let expected = Expected::of("plain");
    let oracle = Tapped::new().unwrap();
    let image = Tensor::from_vec(expected.batch.pixels.clone(), (2, 3, 48, 48), &Device::Cpu).unwrap();
    let logits = oracle.logits(&image).unwrap();
    let y = (0..2).map(|i| logits.get(i).unwrap().get(expected.targets[i]).unwrap());
    let gradients = y.reduce(|a, b| (a + b).unwrap()).unwrap().backward().unwrap();

    for (backend, engine) in engines("plain") {
        let options = TraceOptions { gradients: KeepMaps::All, ..TraceOptions::default() };
        let traces = engine.trace(&expected.batch, &|i, _| Objective::Logit(expected.targets[i]), &options).unwrap();
        for (block, tap) in oracle.taps.iter().enumerate() {
            let autograd = gradients.get(tap).unwrap();
            for (image, trace) in traces.iter().enumerate() {
                let autograd = autograd.get(image).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
                let error = relative_error(&trace.gradients[block], &autograd);
                // Both are f32; only the order of summation differs.
                assert!(error < 1e-4, "{backend}, block {block}: {error}");
            }
        }
    }
}

#[test]
fn token_norms_are_those_of_the_last_block_before_the_final_norm() {
    let expected = Expected::of("plain");
    let image = Tensor::from_vec(expected.batch.pixels.clone(), (2, 3, 48, 48), &Device::Cpu).unwrap();
    let norms = Tapped::new().unwrap().tokens(&image).unwrap().sqr().unwrap().sum(2).unwrap().sqrt().unwrap();
    for (backend, engine) in engines("plain") {
        let options = TraceOptions { token_norms: true, ..TraceOptions::default() };
        let traces = engine.trace(&expected.batch, &|_, _| Objective::Logit(0), &options).unwrap();
        for (trace, norms) in traces.iter().zip(norms.to_vec2::<f32>().unwrap()) {
            // Two f32 implementations of the same function.
            assert!(relative_error(&trace.token_norms, &norms) < 1e-4, "{backend}");
        }
    }
}

#[test]
fn logits_equal_candle_transformers() {
    // Its ViT reads Hugging Face names, wants square inputs, and computes GELU as its configuration says.
    let config = candle_transformers::models::vit::Config {
        hidden_size: DIM,
        num_hidden_layers: 4,
        num_attention_heads: HEADS,
        intermediate_size: 192,
        hidden_act: candle_nn::Activation::Gelu,
        layer_norm_eps: 1e-6,
        image_size: 48,
        patch_size: 8,
        num_channels: 3,
        qkv_bias: true,
    };
    let weights =
        VarBuilder::from_buffered_safetensors(bytes("plain.huggingface.safetensors"), DType::F32, &Device::Cpu);
    let theirs = candle_transformers::models::vit::Model::new(&config, 10, weights.unwrap()).unwrap();
    let expected = Expected::of("plain");
    assert_eq!(fixture("plain.expected.safetensors")["image"].1, expected.batch.pixels);
    let image = Tensor::from_vec(expected.batch.pixels.clone(), (2, 3, 48, 48), &Device::Cpu).unwrap();
    let theirs = theirs.forward(&image).unwrap().to_vec2::<f32>().unwrap();
    for (_, engine) in engines("plain") {
        for (ours, theirs) in engine.classify(&expected.batch).unwrap().iter().zip(&theirs) {
            // Two f32 implementations of the same function.
            assert!(relative_error(ours, theirs) < 1e-4);
        }
    }
}

#[test]
fn queries_keys_and_values_equal_the_oracles() {
    let expected = Expected::of("plain");
    let oracle = Tapped::new().unwrap();
    let image = Tensor::from_vec(expected.batch.pixels.clone(), (2, 3, 48, 48), &Device::Cpu).unwrap();
    for (block, (third, kind)) in
        [(0, FeatureKind::Q), (1, FeatureKind::K), (2, FeatureKind::V)].into_iter().enumerate()
    {
        let entering = oracle.tokens_entering(&image, block + 1).unwrap();
        let normed = oracle.norm(&entering, &format!("blocks.{}.norm1", block + 1)).unwrap();
        let qkv = oracle.linear(&normed, &format!("blocks.{}.attn.qkv", block + 1)).unwrap();
        // Without the class token, the wanted third.
        let wanted = qkv.narrow(1, 1, 36).unwrap().narrow(2, third * DIM, DIM).unwrap();
        for (backend, engine) in engines("plain") {
            let found = engine.features(&expected.batch, FeatureChoice { block: block + 1, kind }).unwrap();
            for (image, found) in found.iter().enumerate() {
                let theirs = wanted.get(image).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
                // Parity as in passes.rs.
                assert!(relative_error(&found.values, &theirs) < 1e-4, "{backend}, {kind:?}, image {image}");
            }
        }
    }
}
