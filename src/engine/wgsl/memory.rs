//! GPU memory that is used again: a step of training allocates nothing that the step before has not allocated.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Buffers are multiples of this many bytes.
const GRAIN: u64 = 256;

/// Reads after which memory that nobody took is given back to the driver.
const IDLE_READS: u64 = 64;

/// A tensor on a GPU; clones share the numbers.
#[derive(Clone, Debug)]
pub struct Buffer {
    pub(super) shape: Vec<usize>,
    pub(super) memory: Arc<Memory>,
}

impl Buffer {
    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Of the numbers; the memory behind them may be larger.
    pub(super) fn bytes(&self) -> u64 {
        4 * self.len() as u64
    }

    /// What a shader sees: never empty, which no binding may be.
    pub(super) fn binding(&self) -> wgpu::BindingResource<'_> {
        let size = std::num::NonZeroU64::new(self.bytes().max(4));
        wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer: &self.memory.buffer, offset: 0, size })
    }
}

/// A driver's buffer; goes back to its pool when dropped.
///
/// Commands that still use it were recorded before those of its next owner, and the device keeps their order.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) buffer: wgpu::Buffer,
    pool: Arc<Pool>,
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.pool.give(self.buffer.clone());
    }
}

#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Idle>);

#[derive(Debug, Default)]
struct Idle {
    /// By size in bytes.
    buffers: BTreeMap<u64, Vec<Given>>,
    reads: u64,
    submissions: u64,
}

/// Memory that came back, and when.
#[derive(Debug)]
struct Given {
    buffer: wgpu::Buffer,
    reads: u64,
    submissions: u64,
}

impl Pool {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes to ask for.
    pub(super) fn size_of(bytes: u64) -> u64 {
        bytes.max(1).next_multiple_of(GRAIN)
    }

    /// Memory somebody used before.
    pub(super) fn take(self: &Arc<Self>, size: u64) -> Option<Memory> {
        let Given { buffer, .. } = self.idle().buffers.get_mut(&size)?.pop()?;
        Some(Memory { buffer, pool: self.clone() })
    }

    /// Memory somebody used before, if no command that uses it waits to be submitted any more.
    pub(super) fn take_settled(self: &Arc<Self>, size: u64) -> Option<Memory> {
        let mut idle = self.idle();
        let submissions = idle.submissions;
        let same_size = idle.buffers.get_mut(&size)?;
        let index = same_size.iter().position(|given| given.submissions < submissions)?;
        let Given { buffer, .. } = same_size.swap_remove(index);
        Some(Memory { buffer, pool: self.clone() })
    }

    /// Memory the driver has just made.
    pub(super) fn adopt(self: &Arc<Self>, buffer: wgpu::Buffer) -> Memory {
        Memory { buffer, pool: self.clone() }
    }

    fn give(&self, buffer: wgpu::Buffer) {
        let mut idle = self.idle();
        let (reads, submissions) = (idle.reads, idle.submissions);
        idle.buffers.entry(buffer.size()).or_default().push(Given { buffer, reads, submissions });
    }

    /// Counts a read, and lets go of what has been idle for long: another batch size may never come back.
    pub(super) fn count_read(&self) {
        let mut idle = self.idle();
        idle.reads += 1;
        let reads = idle.reads;
        idle.buffers.retain(|_, same_size| {
            same_size.retain(|given| given.reads + IDLE_READS >= reads);
            !same_size.is_empty()
        });
    }

    /// Everything recorded so far is on its way to the device.
    pub(super) fn count_submission(&self) {
        self.idle().submissions += 1;
    }

    /// Gives all idle memory back to the driver.
    pub(super) fn clear(&self) {
        self.idle().buffers.clear();
    }
}
