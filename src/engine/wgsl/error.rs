//! What can go wrong on a GPU.

/// Why a GPU did not compute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// The machine is well; the device has to be opened anew, or the work done elsewhere.
    #[error("the connection to {gpu} was lost: {why}")]
    Lost { gpu: String, why: String },
    #[error(
        "{gpu} has no {megabytes} MB of memory left; use a smaller batch or input size, or compute on the CPU (--device cpu)"
    )]
    OutOfMemory { gpu: String, megabytes: u64 },
    #[error("a tensor of shape {shape:?} takes {megabytes} MB, and {gpu} takes {limit_megabytes} MB at once; {cure}")]
    TooLarge { gpu: String, shape: Vec<usize>, megabytes: u64, limit_megabytes: u64, cure: String },
    #[error("{gpu} reports: {why}")]
    Driver { gpu: String, why: String },
    #[error("{gpu} is too small a device: {lacks}")]
    Unsuitable { gpu: String, lacks: String },
    #[error("the operation «{operation}» got a tensor of shape {shape:?}")]
    Shape { operation: &'static str, shape: Vec<usize> },
}

impl GpuError {
    /// Whether the device is gone: nothing on it can be read any more.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }
}
