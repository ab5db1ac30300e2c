mod background;
mod canvas;
mod colour;
mod dataset;
mod dice;
mod kernels;
mod model;
mod noise;
mod scene;
mod species;
mod sprites;
mod train;

use dataset::*;
use std::time::Instant;
use rayon::prelude::*;
fn arg<T: std::str::FromStr>(i: usize, d: T) -> T { std::env::args().nth(i).and_then(|s| s.parse().ok()).unwrap_or(d) }
fn main() -> anyhow::Result<()> {
    rayon::ThreadPoolBuilder::new().num_threads(2).build()?.install(run)
}
fn sheet(cast: &sprites::Cast, side: usize) -> anyhow::Result<()> {
    let columns = 6;
    let n = species::SPECIES.len();
    let pics: Vec<_> = (0..n * columns).into_par_iter().map(|i| {
        let class = i / columns;
        let mut dice = dice::Dice::new(300 + i as u64);
        scene::Scene::random(&mut dice, class, species::SPECIES[class].home).render(cast, side, 2)
    }).collect();
    let mut sheet = image::RgbImage::new((side * columns) as u32, (side * n) as u32);
    for (i, p) in pics.iter().enumerate() {
        for (j, px) in p.rgb.iter().enumerate() {
            sheet.put_pixel((i % columns * side + j % side) as u32, (i / columns * side + j / side) as u32, image::Rgb(*px));
        }
    }
    Ok(sheet.save("/tmp/demo/sheet.png")?)
}
fn run() -> anyhow::Result<()> {
    let cast = sprites::Cast::load(std::path::Path::new("assets/demo/sprites"))?;
    let n: usize = arg(1, 2000);
    if n == 0 { return sheet(&cast, arg(2, 200)); }
    let steps: usize = arg(2, 20);
    let batch: usize = arg(3, 64);
    let lr: f64 = arg(4, 1e-3);
    let early_patches: f64 = arg(5, 1.0);
    let early_share: f64 = arg(6, 0.0);
    let seed: u64 = arg(7, 1);
    let t = Instant::now();
    let data = Dataset::render(&cast, seed, Split::Training, n, model::IMAGE_SIZE + train::SHIFT)?;
    println!("rendered {n} in {:?}", t.elapsed());
    let val = Dataset::render(&cast, seed, Split::ValidationCorrelated, 240, model::IMAGE_SIZE)?;
    let counter = Dataset::render(&cast, seed, Split::ValidationCounter, 240, model::IMAGE_SIZE)?;
    let vit = model::Vit::new(12, &mut dice::Dice::new(seed))?;
    println!("{} parameters", vit.parameter_count());
    let recipe = train::Recipe { seed, steps, batch, learning_rate: lr, weight_decay: 0.05, early_patches, early_share };
    let t = Instant::now();
    let mut mean = 0.0;
    train::train(&vit, &data, &recipe, |step, loss| {
        mean = if step == 0 { loss } else { 0.95 * mean + 0.05 * loss };
        if step % 20 == 19 { println!("step {} loss {mean:.3} {:.1} img/s", step + 1, train::throughput((step + 1) * batch, t)); }
        if step % 200 == 199 || step + 1 == steps {
            println!("  validation {:.3} counter {:.3} at {:?}", train::accuracy(&vit, &val)?, train::accuracy(&vit, &counter)?, t.elapsed());
            let half: std::collections::HashMap<String, candle_core::Tensor> = vit.half_weights()?.into_iter().collect();
            candle_core::safetensors::save(&half, "/tmp/demo/model.safetensors")?;
        }
        Ok(())
    })?;
    println!("trained in {:?}", t.elapsed());
    for split in [Split::TestCorrelated, Split::TestCounter] {
        let test = Dataset::render(&cast, seed, split, 600, model::IMAGE_SIZE)?;
        println!("test {}: {:.4} of {}", split as u64, train::accuracy(&vit, &test)?, test.len());
    }
    Ok(())
}
