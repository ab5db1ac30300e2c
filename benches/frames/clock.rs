//! Processor time of this thread.

use std::time::{Duration, Instant};

/// Runs `work` and returns the processor time of this thread that it took, in milliseconds; where the system does not
/// tell it, the time of the clock on the wall.
pub fn milliseconds<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let (before, start) = (processor_time(), Instant::now());
    let done = work();
    let wall = start.elapsed();
    let time = processor_time().zip(before).map_or(wall, |(after, before)| after.saturating_sub(before));
    (done, time.as_secs_f64() * 1e3)
}

/// The first number of `schedstat` (Linux, sched-stats.rst) is the time spent on a processor in ns.
fn processor_time() -> Option<Duration> {
    // The kernel brings it up to date whenever it considers who runs next.
    std::thread::yield_now();
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(stat.split_whitespace().next()?.parse().ok()?))
}
