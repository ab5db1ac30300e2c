//! Which hardware computes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::wgsl::GpuPick;

/// A device as the user names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Device {
    /// The fastest device this build and machine offer: a real GPU that computes the CPU's numbers, else the CPU.
    #[default]
    Auto,
    Cpu,
    /// Any GPU, through Vulkan, Metal or Direct3D 12.
    Gpu(GpuPick),
    Cuda(usize),
    Metal(usize),
}

impl FromStr for Device {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let number = |index: &str| index.parse().map_err(|_| format!("«{index}» is not a device number"));
        Ok(match s.split_once(':').map_or((s, None), |(kind, which)| (kind, Some(which))) {
            ("auto", None) => Self::Auto,
            ("cpu", None) => Self::Cpu,
            ("gpu", None) => Self::Gpu(GpuPick::Best),
            ("gpu", Some(which)) if !which.trim().is_empty() => Self::Gpu(match which.parse() {
                Ok(index) => GpuPick::Index(index),
                Err(_) => GpuPick::Name(which.trim().to_owned()),
            }),
            ("cuda", index) => Self::Cuda(index.map_or(Ok(0), number)?),
            ("metal", index) => Self::Metal(index.map_or(Ok(0), number)?),
            _ => {
                return Err("devices are: auto, cpu, gpu, gpu:INDEX, gpu:NAME, cuda, cuda:INDEX, metal, metal:INDEX; \
                            «vitrine devices» lists the GPUs"
                    .to_owned());
            }
        })
    }
}

impl TryFrom<String> for Device {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl From<Device> for String {
    fn from(device: Device) -> Self {
        device.to_string()
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu(GpuPick::Best) => f.write_str("gpu"),
            Self::Gpu(GpuPick::Index(index)) => write!(f, "gpu:{index}"),
            Self::Gpu(GpuPick::Name(name)) => write!(f, "gpu:{name}"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Metal(index) => write!(f, "metal:{index}"),
        }
    }
}

/// What computes, in words for people and logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// `cpu`, `gpu:0 NAME`, `cuda:0`, …
    pub device: String,
    /// Threads the CPU backend uses; 1 on other devices.
    pub threads: usize,
}

impl fmt::Display for DeviceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.threads == 1 { "" } else { "s" };
        match self.device.as_str() {
            "cpu" => write!(f, "CPU, {} thread{plural}", self.threads),
            device => f.write_str(device),
        }
    }
}

/// Threads that pay for matrix products: physical cores, within what the process may use.
///
/// Two hyper-threads share one multiplier; a second thread on it only adds synchronisation. `RAYON_NUM_THREADS`
/// overrides.
pub fn compute_threads() -> usize {
    let asked = std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok()).filter(|&n| n > 0);
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    asked.unwrap_or_else(|| available.min(num_cpus::get_physical().max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_nonsense_is_refused() {
        for name in ["auto", "cpu", "gpu", "gpu:1", "gpu:radeon rx", "cuda:1", "metal:0"] {
            assert_eq!(name.parse::<Device>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
        assert_eq!("gpu:2".parse(), Ok(Device::Gpu(GpuPick::Index(2))));
        assert_eq!("gpu:RTX".parse(), Ok(Device::Gpu(GpuPick::Name("RTX".to_owned()))));
        for name in ["", "gpu:", "gpu: ", "cpu:1", "cuda:x", "auto:0"] {
            assert!(name.parse::<Device>().is_err(), "{name}");
        }
    }
}
