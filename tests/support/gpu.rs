//! A GPU to test on: the best of the machine, a software rasteriser if there is no other.

use std::sync::Arc;

use vitrine::engine::wgsl::{Gpu, GpuPick, WgslOps};

/// `None` (and a line that says so) on a machine without any Vulkan, Metal or Direct3D 12 driver, except under CI.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn or_skip(opened: Result<Arc<Gpu>, String>) -> Option<Arc<Gpu>> {
    match opened {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "no GPU: {error}");
            eprintln!("skipped: no GPU ({error})");
            None
        }
    }
}

/// The device all tests of a process share.
pub fn wgsl() -> Option<WgslOps> {
    or_skip(Gpu::shared(&GpuPick::Best)).map(WgslOps::new)
}

/// A device of the test's own, to be ill-treated.
pub fn unshared() -> Option<Arc<Gpu>> {
    or_skip(Gpu::unshared(&GpuPick::Best))
}
