//! Which hardware computes.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A device as the user names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The fastest device this build and machine offer.
    #[default]
    Auto,
    Cpu,
    Cuda(usize),
    Metal(usize),
}

impl FromStr for Device {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let (kind, index) = match s.split_once(':') {
            Some((kind, index)) => (kind, index.parse().map_err(|_| format!("«{index}» is not a device number"))?),
            None => (s, 0),
        };
        match (kind, s.contains(':')) {
            ("auto", false) => Ok(Self::Auto),
            ("cpu", false) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda(index)),
            ("metal", _) => Ok(Self::Metal(index)),
            _ => Err("devices are: auto, cpu, cuda, cuda:INDEX, metal, metal:INDEX".to_owned()),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
            Self::Metal(index) => write!(f, "metal:{index}"),
        }
    }
}

/// What computes, in words for people and logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// `cpu`, `cuda:0`, …
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

/// Sizes the process-wide pool for compute; call once, first thing.
///
/// Does nothing if some code already used the pool.
pub fn init_threads() {
    let _ = rayon::ThreadPoolBuilder::new().num_threads(compute_threads()).build_global();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_nonsense_is_refused() {
        for name in ["auto", "cpu", "cuda:1", "metal:0"] {
            assert_eq!(name.parse::<Device>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
        for name in ["", "gpu", "cpu:1", "cuda:x", "auto:0"] {
            assert!(name.parse::<Device>().is_err(), "{name}");
        }
    }
}
