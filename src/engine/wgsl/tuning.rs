//! Which way to multiply pays where, measured once per device and kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};

use super::adapters::AdapterInfo;
use super::error::GpuError;
use super::gpu::Gpu;
use super::matmul::{Product, Steps};
use super::plan::Plan;
use super::{AdapterKind, WgslOps};
use crate::files::write_atomically;

/// Rows, columns and inner length of what is timed: products of ViT-Ti, -S and -B for one image of 197 tokens, of ViT-S
/// and -B for eight, and the gradients of weights.
const LADDER: [[usize; 3]; 11] = [
    [197, 192, 192],
    [197, 192, 768],
    [197, 384, 384],
    [197, 1536, 384],
    [197, 768, 768],
    [197, 3072, 768],
    [1576, 384, 384],
    [1576, 768, 768],
    [1576, 3072, 768],
    [192, 768, 1576],
    [768, 768, 1576],
];

/// All products take turns for so long: a device that was idle raises its clock only after some tenths of a second.
const TIMED_FOR: Duration = Duration::from_millis(1200);

/// A slow graphics card's: portions suited to it are still large enough to time a fast one.
const PACE_WHILE_MEASURING: f32 = 1000.0;

/// What one product is repeated for in its turn: longer than the clock's grain and the wait for the device.
const TURN: Duration = Duration::from_millis(1);

const MOST_REPEATS: u32 = 32;

/// The thresholds to choose from.
const LARGE_FROM: [usize; 8] = [0, 32, 64, 128, 256, 512, 1024, usize::MAX];
const FILL: [usize; 6] = [0, 128, 256, 512, 1024, 2048];

/// What a device is good at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// Tiles of 64 × 64, slices counted, that a product must make before they beat tiles of 32 × 32.
    pub groups_for_large: usize,
    /// Work groups below which a product is cut along its inner index.
    pub groups_to_fill: usize,
    /// 10⁹ floating-point operations per second in the fastest product.
    pub gflops: f32,
}

impl Default for Tuning {
    /// For a device nobody measured: small tiles until a mid-sized GPU is full of large ones, nothing cut, and the pace
    /// of a slow one.
    fn default() -> Self {
        Self { groups_for_large: 96, groups_to_fill: 0, gflops: 60.0 }
    }
}

/// One product of `rows × inner` by `inner × columns`, and the seconds it takes by each plan that any tuning would choose.
#[derive(Clone, Debug)]
struct Rung {
    extent: [usize; 3],
    seconds: BTreeMap<Plan, f64>,
}

impl Rung {
    /// Not timed yet.
    fn new(extent: [usize; 3]) -> Self {
        let plans = Tuning::candidates().map(|tuning| Plan::of(extent, 1, &tuning));
        Self { extent, seconds: plans.map(|plan| (plan, f64::INFINITY)).collect() }
    }

    fn best(&self) -> f64 {
        self.seconds.values().copied().fold(f64::INFINITY, f64::min)
    }

    /// How many times longer than the best plan the one of `tuning` takes, as a logarithm.
    fn loss(&self, tuning: &Tuning) -> f64 {
        (self.seconds[&Plan::of(self.extent, 1, tuning)] / self.best()).ln()
    }
}

impl Tuning {
    /// Every set of thresholds.
    fn candidates() -> impl Iterator<Item = Self> {
        LARGE_FROM.into_iter().flat_map(|groups_for_large| {
            FILL.into_iter().map(move |groups_to_fill| Self { groups_for_large, groups_to_fill, gflops: 0.0 })
        })
    }

    /// The thresholds that lose least over all products.
    fn of(ladder: &[Rung]) -> Self {
        let loss = |tuning: &Self| ladder.iter().map(|rung| rung.loss(tuning)).sum::<f64>();
        let best = Self::candidates().min_by(|a, b| loss(a).total_cmp(&loss(b))).unwrap_or_default();
        let pace = |rung: &Rung| 2.0 * rung.extent.iter().product::<usize>() as f64 / rung.best() * 1e-9;
        Self { gflops: ladder.iter().map(pace).fold(0.0, f64::max) as f32, ..best }
    }
}

impl Gpu {
    pub(super) fn tuning(&self) -> Tuning {
        self.tuning.get().copied().unwrap_or_default()
    }

    fn set_pace(&self, gflops: f32) {
        self.pace.store(gflops.to_bits(), Ordering::Relaxed);
    }
}

impl WgslOps {
    /// Finds the faster kernels of this device, from the user's cache folder if they were measured before. Takes one or
    /// two seconds; a software rasteriser is not measured.
    ///
    /// # Errors
    /// If the device fails.
    pub fn tune(&self) -> Result<Tuning, GpuError> {
        let folder = etcetera::choose_base_strategy().ok().map(|base| base.cache_dir().join("vitrine"));
        self.tune_with(folder.map(|folder| folder.join("gpu-tuning.json")).as_deref())
    }

    /// Like [`Self::tune`], with another cache file or none.
    ///
    /// # Errors
    /// If the device fails.
    pub fn tune_with(&self, cache: Option<&Path>) -> Result<Tuning, GpuError> {
        if let Some(known) = self.gpu.tuning.get() {
            return Ok(*known);
        }
        let tuning = match self.gpu.adapter().kind {
            AdapterKind::Software => Tuning::default(),
            _ => {
                let cache = Cache(cache.map(Path::to_path_buf));
                match cache.get(self.gpu.adapter()) {
                    Some(known) => known,
                    None => {
                        self.gpu.set_pace(PACE_WHILE_MEASURING);
                        let measured = self.measure(&LADDER)?;
                        cache.put(self.gpu.adapter(), measured);
                        measured
                    }
                }
            }
        };
        let tuning = *self.gpu.tuning.get_or_init(|| tuning);
        self.gpu.set_pace(tuning.gflops);
        Ok(tuning)
    }

    /// Multiplies as told instead of as measured.
    ///
    /// # Errors
    /// With the tuning there is, if there is one.
    pub fn set_tuning(&self, tuning: Tuning) -> Result<(), Tuning> {
        self.gpu.tuning.set(tuning).map_err(|_| self.gpu.tuning())?;
        self.gpu.set_pace(tuning.gflops);
        Ok(())
    }

    /// 10⁹ floating-point operations per second of a product that suits the device: a small one for a rasteriser in
    /// software, which would take minutes for a large one.
    ///
    /// # Errors
    /// If the device fails.
    pub fn pace(&self) -> Result<f32, GpuError> {
        let extent = if self.gpu.adapter().kind == AdapterKind::Software { [128, 128, 128] } else { [1576, 3072, 768] };
        Ok(self.measure(&[extent])?.gflops)
    }

    fn measure(&self, ladder: &[[usize; 3]]) -> Result<Tuning, GpuError> {
        let mut rungs: Vec<Rung> = ladder.iter().map(|&extent| Rung::new(extent)).collect();
        // Compiles the kernels.
        self.turn(&mut rungs.clone())?;
        let start = Instant::now();
        while start.elapsed() < TIMED_FOR {
            self.turn(&mut rungs)?;
        }
        Ok(Tuning::of(&rungs))
    }

    fn turn(&self, rungs: &mut [Rung]) -> Result<(), GpuError> {
        rungs.iter_mut().try_for_each(|rung| self.time(rung))
    }

    /// Keeps each plan's best turn.
    fn time(&self, rung: &mut Rung) -> Result<(), GpuError> {
        let extent @ [rows, columns, inner] = rung.extent;
        let zeros = |lines: usize| self.gpu.upload(&vec![0.0; lines * inner], &[lines, inner]);
        let (a, b, c) = (zeros(rows)?, zeros(columns)?, self.gpu.buffer(vec![rows, columns])?);
        let lines = Steps::lines(inner);
        let product = Product::single(extent, (&a, lines), (&b, lines), &c);
        for (&plan, best) in &mut rung.seconds {
            let repeats = ((TURN.as_secs_f64() / *best) as u32).clamp(1, MOST_REPEATS);
            let start = Instant::now();
            for _ in 0..repeats {
                self.product_by(&product, plan)?;
            }
            self.gpu.recorder().submit(&self.gpu, |_| ());
            self.gpu.wait()?;
            *best = best.min(start.elapsed().as_secs_f64() / f64::from(repeats));
        }
        Ok(())
    }
}

/// Figures by device and driver, in a file that may be lost at any time.
struct Cache(Option<PathBuf>);

impl Cache {
    fn key(adapter: &AdapterInfo) -> String {
        format!("{} | {} | {}", adapter.name, adapter.driver, adapter.backend)
    }

    fn all(&self) -> BTreeMap<String, Tuning> {
        let text = self.0.as_ref().and_then(|path| std::fs::read(path).ok());
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    fn get(&self, adapter: &AdapterInfo) -> Option<Tuning> {
        self.all().get(&Self::key(adapter)).copied()
    }

    /// Best effort: without the file the next start measures again.
    fn put(&self, adapter: &AdapterInfo, tuning: Tuning) {
        let Some(path) = &self.0 else { return };
        let mut all = self.all();
        all.insert(Self::key(adapter), tuning);
        if let Ok(text) = serde_json::to_vec_pretty(&all) {
            drop(write_atomically(path, &text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::wgsl::GpuPick;
    use crate::engine::wgsl::plan::Tile;

    /// A ladder on which a plan takes `seconds(rung, plan)`.
    fn ladder(seconds: impl Fn([usize; 3], Plan) -> f64) -> Vec<Rung> {
        let mut rungs = LADDER.map(Rung::new).to_vec();
        for Rung { extent, seconds: of_plan } in &mut rungs {
            of_plan.iter_mut().for_each(|(plan, time)| *time = seconds(*extent, *plan));
        }
        rungs
    }

    fn chosen(ladder: &[Rung]) -> Vec<Plan> {
        let tuning = Tuning::of(ladder);
        ladder.iter().map(|rung| Plan::of(rung.extent, 1, &tuning)).collect()
    }

    #[test]
    fn what_is_fastest_everywhere_is_chosen_everywhere() {
        for tile in [Tile::Small, Tile::Large] {
            let fastest = Plan { tile, slices: 1 };
            let plans = chosen(&ladder(|_, plan| if plan == fastest { 1.0 } else { 2.0 }));
            assert!(plans.iter().all(|&plan| plan == fastest), "{plans:?}");
        }
        let cut = chosen(&ladder(|_, plan| 1.0 / plan.slices as f64));
        assert!(cut.iter().any(|plan| plan.slices > 1), "{cut:?}");
    }

    #[test]
    fn the_thresholds_behind_the_times_are_found() {
        let truth = Tuning { groups_for_large: 512, groups_to_fill: 256, gflops: 0.0 };
        let rungs = ladder(|extent, plan| if plan == Plan::of(extent, 1, &truth) { 1.0 } else { 2.0 });
        let expected: Vec<Plan> = rungs.iter().map(|rung| Plan::of(rung.extent, 1, &truth)).collect();
        assert_eq!(chosen(&rungs), expected);
        assert!([Tile::Small, Tile::Large].iter().all(|tile| expected.iter().any(|plan| plan.tile == *tile)));
        // 2·1576·3072·768 operations in a second are the most.
        assert_eq!(Tuning::of(&rungs).gflops, (2.0 * 1576.0 * 3072.0 * 768.0 * 1e-9) as f32);
    }

    #[test]
    fn figures_are_kept_per_device_and_a_broken_file_is_measured_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache(Some(folder.path().join("deep/gpu.json")));
        let adapter = |name: &str| AdapterInfo {
            index: 0,
            name: name.to_owned(),
            kind: AdapterKind::Discrete,
            backend: "Vulkan".to_owned(),
            driver: "1.2".to_owned(),
            largest_tensor: 1,
            workgroup_memory: 1,
            has_timestamps: true,
        };
        let (one, other) = (Tuning { groups_to_fill: 7, ..Tuning::default() }, Tuning::default());
        cache.put(&adapter("a"), one);
        cache.put(&adapter("b"), other);
        assert_eq!((cache.get(&adapter("a")), cache.get(&adapter("b"))), (Some(one), Some(other)));
        assert_eq!(cache.get(&adapter("c")), None);
        std::fs::write(folder.path().join("deep/gpu.json"), "{").unwrap();
        assert_eq!(cache.get(&adapter("a")), None);
        cache.put(&adapter("a"), other);
        assert_eq!(cache.get(&adapter("a")), Some(other));
    }

    #[test]
    fn a_device_is_measured() {
        let Ok(gpu) = Gpu::unshared(&GpuPick::Best) else { return };
        let measured = WgslOps::new(gpu).measure(&[[33, 40, 16], [65, 70, 200]]).unwrap();
        assert!(measured.gflops > 0.0 && measured.gflops.is_finite(), "{measured:?}");
    }
}
