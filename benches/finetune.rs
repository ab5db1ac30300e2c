//! Time and memory of one step of finetuning on relevance: 8 pictures of 224 px for ViT-Ti, -S and -B on the CPU,
//! all parameters learning, AdamW included.
//!
//! Arguments as in `benches/explain.rs`; `benches/compare.sh finetune` sets the figures beside PyTorch's.

mod support;

use support::Work;
use vitrine::finetune::{StepConfig, TrainBatch, train_step};
use vitrine::vit::{Learning, Update};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    // Keep the numbers of runs in sync with benches/pytorch_reference.py.
    let finetune = Work {
        name: "finetune",
        pictures: 8,
        warm_ups: 1,
        runs: 3,
        run: |model, pictures| {
            let size = pictures.size;
            // An object in the middle half of every picture.
            let inside = |at: usize, length: usize| (length / 4..3 * length / 4).contains(&at);
            let is_object = |pixel| inside(pixel / size.width, size.height) && inside(pixel % size.width, size.width);
            let mask: Vec<f32> = (0..size.area()).map(|pixel| f32::from(u8::from(is_object(pixel)))).collect();
            let batch = TrainBatch {
                pictures: pictures.clone(),
                labels: (0..pictures.count).map(|index| 100 * index).collect(),
                masks: mask.repeat(pictures.count),
                counted: Vec::new(),
            };
            let stats = train_step(model, &batch, &StepConfig::paper(Update::Learn(Learning::default())))?;
            anyhow::ensure!(stats.learned, "the loss is not a finite number");
            Ok(())
        },
    };
    finetune.main()
}
