//! The program `vitrine`.

use std::process::ExitCode;

/// Activations of a few megabytes come and go with every block; this keeps their pages, where the system's allocator
/// hands them back and pays for fresh ones each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    vitrine::engine::init_threads();
    vitrine::cli::run(&mut std::io::stdout())
}
