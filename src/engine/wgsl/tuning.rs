//! Which matrix kernel pays where, measured once per device and kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};

use super::adapters::AdapterInfo;
use super::error::GpuError;
use super::gpu::Gpu;
use super::matmul::{Product, Steps};
use super::sources::{Kernel, MATMUL_32, MATMUL_64};
use super::{AdapterKind, WgslOps};
use crate::files::write_atomically;

/// Rows, columns and inner length of what is timed, from few large tiles to many: the products of ViT-Ti, -S and -B for
/// one image of 197 tokens, then of ViT-B for eight.
const LADDER: [[usize; 3]; 6] =
    [[197, 192, 192], [197, 384, 384], [197, 768, 768], [197, 1536, 384], [197, 3072, 768], [1576, 3072, 768]];

/// What one product is repeated for: longer than the clock's grain and the wait for the device.
const TIMED_FOR: Duration = Duration::from_millis(3);

const MOST_REPEATS: u32 = 32;

/// What a device is good at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// Tiles of 64 × 64 a product must have before they beat tiles of 32 × 32.
    pub large_from_tiles: u32,
    /// 10⁹ floating-point operations per second in the fastest product.
    pub gflops: f32,
}

impl Default for Tuning {
    /// For a device nobody measured: small tiles until a mid-sized GPU is full of large ones, and the pace of a slow one.
    fn default() -> Self {
        Self { large_from_tiles: 96, gflops: 60.0 }
    }
}

/// Seconds of one product with small and with large tiles.
#[derive(Clone, Copy, Debug)]
struct Rung {
    large_tiles: u32,
    operations: f64,
    small: f64,
    large: f64,
}

impl Tuning {
    /// Large tiles from the rung on from which they win on every later one.
    fn of(ladder: &[Rung]) -> Self {
        let losses = ladder.iter().rposition(|rung| rung.large >= rung.small);
        let large_from_tiles = match losses {
            None => 1,
            Some(last) => ladder.get(last + 1).map_or(u32::MAX, |rung| rung.large_tiles),
        };
        let paces = ladder.iter().map(|rung| rung.operations / rung.small.min(rung.large) * 1e-9);
        Self { large_from_tiles, gflops: paces.fold(0.0, f64::max) as f32 }
    }
}

impl Gpu {
    pub(super) fn tuning(&self) -> Tuning {
        self.tuning.get().copied().unwrap_or_default()
    }
}

impl WgslOps {
    /// Finds the faster kernels of this device, from the user's cache folder if they were measured before. Takes a few
    /// hundred milliseconds on slow hardware; a software rasteriser is not measured.
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
                        let measured = self.measure(&LADDER)?;
                        cache.put(self.gpu.adapter(), measured);
                        measured
                    }
                }
            }
        };
        Ok(*self.gpu.tuning.get_or_init(|| tuning))
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
        let rung = |&[rows, columns, inner]: &[usize; 3]| {
            Ok(Rung {
                large_tiles: (rows.div_ceil(64) * columns.div_ceil(64)) as u32,
                operations: 2.0 * (rows * columns * inner) as f64,
                small: self.seconds(&MATMUL_32, 32, [rows, columns, inner])?,
                large: self.seconds(&MATMUL_64, 64, [rows, columns, inner])?,
            })
        };
        Ok(Tuning::of(&ladder.iter().map(rung).collect::<Result<Vec<_>, GpuError>>()?))
    }

    /// Of one `rows × inner` by `inner × columns` product.
    fn seconds(&self, kernel: &'static Kernel, tile: usize, extent: [usize; 3]) -> Result<f64, GpuError> {
        let [rows, columns, inner] = extent;
        let zeros = |length| vec![0.0; length];
        let a = self.gpu.upload(&zeros(rows * inner), &[rows, inner])?;
        let b = self.gpu.upload(&zeros(columns * inner), &[columns, inner])?;
        let c = self.gpu.buffer(vec![rows, columns])?;
        let product = Product::single(extent, (&a, Steps::lines(inner)), (&b, Steps::lines(inner)), &c);
        let timed = |repeats: u32| {
            let start = Instant::now();
            for _ in 0..repeats {
                self.product_by(&product, (kernel, [tile, tile]))?;
            }
            self.gpu.recorder().submit(&self.gpu, |_| ());
            self.gpu.wait()?;
            Ok::<_, GpuError>(start.elapsed().as_secs_f64() / f64::from(repeats))
        };
        // The first compiles the kernel, the second tells how often it fits.
        timed(1)?;
        let once = timed(1)?;
        timed(((TIMED_FOR.as_secs_f64() / once) as u32).clamp(1, MOST_REPEATS))
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

    fn ladder(seconds: &[(f64, f64)]) -> Vec<Rung> {
        let rung = |(index, &(small, large)): (usize, &(f64, f64))| Rung {
            large_tiles: 10 * (index as u32 + 1),
            operations: 1e9,
            small,
            large,
        };
        seconds.iter().enumerate().map(rung).collect()
    }

    #[test]
    fn large_tiles_serve_where_they_always_win() {
        let from = |seconds: &[(f64, f64)]| Tuning::of(&ladder(seconds)).large_from_tiles;
        assert_eq!(from(&[(1.0, 2.0), (1.0, 0.5), (1.0, 0.5)]), 20);
        assert_eq!(from(&[(1.0, 2.0), (1.0, 0.5), (1.0, 2.0), (1.0, 0.5)]), 40, "a lucky run does not count");
        assert_eq!(from(&[(1.0, 0.9), (1.0, 0.9)]), 1);
        assert_eq!(from(&[(1.0, 0.9), (1.0, 1.1)]), u32::MAX);
        // 10⁹ operations in half a second.
        assert_eq!(Tuning::of(&ladder(&[(1.0, 2.0), (1.0, 0.5)])).gflops, 2.0);
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
        let (one, other) = (Tuning { large_from_tiles: 7, gflops: 100.0 }, Tuning::default());
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
    fn a_device_is_measured_with_both_kernels() {
        let Ok(gpu) = Gpu::unshared(&GpuPick::Best) else { return };
        let measured = WgslOps::new(gpu).measure(&[[33, 40, 16], [65, 70, 16]]).unwrap();
        assert!(measured.gflops > 0.0, "{measured:?}");
        assert!([1, 4, u32::MAX].contains(&measured.large_from_tiles), "{measured:?}");
    }
}
