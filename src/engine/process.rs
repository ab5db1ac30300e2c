//! What a process that computes sets up once: its threads, and how long freed memory is kept.

use std::ffi::{c_int, c_long};

use super::device::compute_threads;

/// `mi_option_purge_delay` of mimalloc's `mi_option_t`, which its crate does not name.
const PURGE_DELAY: c_int = 15;
/// A step of training takes and frees the same gigabyte every few seconds. By mimalloc's own choice, a second, the
/// system gets the pages in between and clears them anew: a sixth of the time of a step of ViT-B.
const KEPT_MILLISECONDS: c_long = 60_000;

/// Sizes the process-wide pool for compute, and has memory that was freed kept for a minute; call once, first thing.
///
/// Where some code already used the pool, its size stays; `MIMALLOC_PURGE_DELAY` of the environment stays as well.
pub fn init_process() {
    keep_pages();
    let _ = rayon::ThreadPoolBuilder::new().num_threads(compute_threads()).build_global();
}

#[allow(unsafe_code)] // The option has no safe face.
fn keep_pages() {
    // SAFETY: writes one number of a table, before the pool has threads; nothing else sets options.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, KEPT_MILLISECONDS) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(unsafe_code)]
    fn the_option_is_the_one_with_mimallocs_delay() {
        // SAFETY: reads a number of a table.
        let delay = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        // 1000 ms is in mimalloc 3's list of defaults (options.c), and no other number there.
        assert_eq!(delay(), 1000);
        keep_pages();
        assert_eq!(delay(), KEPT_MILLISECONDS);
    }
}
