//! The program `vitrine`.

use std::process::ExitCode;

use vitrine::cli::{self, Wish};

/// Activations of a few megabytes come and go with every block; this keeps their pages, where the system's allocator
/// hands them back and pays for fresh ones each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    vitrine::engine::init_threads();
    match cli::run(&mut std::io::stdout()) {
        Wish::Done(code) => code,
        Wish::Window(paths) => match vitrine::ui::run(paths) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => cli::failed(&anyhow::anyhow!(
                "the window does not open ({error}); without a display use `vitrine explain`, see `vitrine --help`"
            )),
        },
    }
}
