//! Time and memory of one explanation: GAE relevance of one 224 px image for ViT-Ti, -S and -B on the CPU.
//!
//! `cargo bench --bench explain` prints a line per model, `-- --json` prints JSON lines, `-- --model ViT-S` does one
//! model, `-- --memory ViT-B` explains once and prints the peak resident memory of the process, and `-- --device gpu
//! --batch 8` does the same elsewhere, with more pictures.
//! `benches/compare.sh` sets the figures beside PyTorch's. Weights are random but seeded: neither time nor memory
//! depends on what a model has learned.

mod support;

use support::Work;
use vitrine::vit::{Objective, TraceOptions, argmax};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    // Keep the numbers of runs in sync with benches/pytorch_reference.py.
    let explain = Work {
        name: "explain",
        pictures: 1,
        warm_ups: 2,
        runs: 12,
        run: |model, image| {
            let objective = |_: usize, logits: &[f32]| Objective::Logit(argmax(logits));
            std::hint::black_box(model.trace(image, &objective, &TraceOptions::relevance())?);
            Ok(())
        },
    };
    explain.main()
}
