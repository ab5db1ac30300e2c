//! Which GPUs the machine has.

use std::fmt;
use std::sync::LazyLock;

use serde::Serialize;

/// Asked once: finding drivers takes tens of milliseconds. Adapters keep their place for the life of the process.
static ADAPTERS: LazyLock<Vec<wgpu::Adapter>> = LazyLock::new(|| {
    // OpenGL would list the same hardware again, without what compute needs.
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let description = wgpu::InstanceDescriptor { backends, ..wgpu::InstanceDescriptor::new_without_display_handle() };
    pollster::block_on(wgpu::Instance::new(description).enumerate_adapters(backends))
});

/// Which GPU the user means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GpuPick {
    /// Discrete before integrated before virtual before software.
    Best,
    /// Its place in [`adapters`].
    Index(usize),
    /// Part of its name, in any case of letters.
    Name(String),
}

/// What kind of hardware, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AdapterKind {
    Discrete,
    Integrated,
    Virtual,
    Unknown,
    /// A rasteriser on the CPU: for tests of correctness, slower than the CPU backend.
    Software,
}

impl AdapterKind {
    fn of(kind: wgpu::DeviceType) -> Self {
        match kind {
            wgpu::DeviceType::DiscreteGpu => Self::Discrete,
            wgpu::DeviceType::IntegratedGpu => Self::Integrated,
            wgpu::DeviceType::VirtualGpu => Self::Virtual,
            wgpu::DeviceType::Cpu => Self::Software,
            wgpu::DeviceType::Other => Self::Unknown,
        }
    }
}

impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discrete => "discrete",
            Self::Integrated => "integrated",
            Self::Virtual => "virtual",
            Self::Unknown => "unknown kind",
            Self::Software => "software",
        })
    }
}

/// One GPU, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdapterInfo {
    pub index: usize,
    pub name: String,
    pub kind: AdapterKind,
    /// Vulkan, Metal or Dx12.
    pub backend: String,
    /// Name and version.
    pub driver: String,
    /// Largest tensor in bytes.
    pub largest_tensor: u64,
    pub workgroup_memory: u32,
    pub has_timestamps: bool,
}

impl AdapterInfo {
    pub(super) fn of(index: usize, adapter: &wgpu::Adapter) -> Self {
        let (info, limits) = (adapter.get_info(), adapter.limits());
        Self {
            index,
            name: info.name,
            kind: AdapterKind::of(info.device_type),
            backend: info.backend.to_string(),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            largest_tensor: largest_tensor(&limits),
            workgroup_memory: limits.max_compute_workgroup_storage_size,
            has_timestamps: adapter.features().contains(wgpu::Features::TIMESTAMP_QUERY),
        }
    }
}

/// In bytes. Shaders count elements in 32 bits, which holds for what 4 GiB of f32 contain, and for all sums of steps.
pub(super) fn largest_tensor(limits: &wgpu::Limits) -> u64 {
    limits.max_storage_buffer_binding_size.min(limits.max_buffer_size).min(u64::from(u32::MAX)) & !3
}

/// All GPUs with a Vulkan, Metal or Direct3D 12 driver, software rasterisers included.
pub fn adapters() -> Vec<AdapterInfo> {
    ADAPTERS.iter().enumerate().map(|(index, adapter)| AdapterInfo::of(index, adapter)).collect()
}

/// # Errors
/// In words, if there is no such GPU.
pub(super) fn find(pick: &GpuPick) -> Result<(AdapterInfo, &'static wgpu::Adapter), String> {
    let known = adapters();
    let info = choose(&known, pick).cloned().ok_or_else(|| not_found(&known))?;
    let adapter = ADAPTERS.get(info.index).ok_or_else(|| not_found(&known))?;
    Ok((info, adapter))
}

fn choose<'a>(known: &'a [AdapterInfo], pick: &GpuPick) -> Option<&'a AdapterInfo> {
    match pick {
        GpuPick::Best => known.iter().min_by_key(|adapter| adapter.kind),
        GpuPick::Index(index) => known.get(*index),
        GpuPick::Name(name) => {
            let name = name.to_lowercase();
            known
                .iter()
                .filter(|adapter| adapter.name.to_lowercase().contains(&name))
                .min_by_key(|adapter| adapter.kind)
        }
    }
}

fn not_found(known: &[AdapterInfo]) -> String {
    if known.is_empty() {
        return "no Vulkan, Metal or Direct3D 12 driver was found; use «--device cpu»".to_owned();
    }
    let names: Vec<String> = known.iter().map(|adapter| format!("gpu:{} ({})", adapter.index, adapter.name)).collect();
    format!("there are: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Vec<AdapterInfo> {
        let adapter = |index, name: &str, kind| AdapterInfo {
            index,
            name: name.to_owned(),
            kind,
            backend: "Vulkan".to_owned(),
            driver: String::new(),
            largest_tensor: 1 << 27,
            workgroup_memory: 1 << 14,
            has_timestamps: false,
        };
        vec![
            adapter(0, "llvmpipe", AdapterKind::Software),
            adapter(1, "Intel Iris", AdapterKind::Integrated),
            adapter(2, "Radeon RX 7600", AdapterKind::Discrete),
            adapter(3, "GeForce RTX 4060", AdapterKind::Discrete),
        ]
    }

    #[test]
    fn the_best_is_discrete_and_names_match_in_part() {
        let machine = machine();
        let chosen = |pick: &GpuPick| choose(&machine, pick).map(|adapter| adapter.index);
        assert_eq!(chosen(&GpuPick::Best), Some(2));
        assert_eq!(chosen(&GpuPick::Index(1)), Some(1));
        assert_eq!(chosen(&GpuPick::Index(4)), None);
        assert_eq!(chosen(&GpuPick::Name("rtx".to_owned())), Some(3));
        assert_eq!(chosen(&GpuPick::Name("LLVM".to_owned())), Some(0));
        assert_eq!(chosen(&GpuPick::Name("Arc".to_owned())), None);
        assert!(not_found(&machine).contains("gpu:3 (GeForce RTX 4060)"));
        assert!(not_found(&[]).contains("--device cpu"));
    }
}
