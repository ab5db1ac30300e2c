//! The program `vitrine`.

use std::process::ExitCode;

use vitrine::cli::{self, Wish};

/// Activations of a few megabytes come and go with every block; this keeps their pages, where the system's allocator
/// hands them back and pays for fresh ones each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    vitrine::engine::init_process();
    match cli::run(&mut std::io::stdout()) {
        Wish::Done(code) => code,
        Wish::Window(_) if lacks_display() => cli::failed(&anyhow::anyhow!(
            "there is no display to open a window on; on the command line use `vitrine explain`, see `vitrine --help`"
        )),
        Wish::Window(paths) => match vitrine::ui::run(paths) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => cli::failed(&anyhow::anyhow!(
                "the window does not open ({error}); on the command line use `vitrine explain`, see `vitrine --help`"
            )),
        },
    }
}

/// Known beforehand: the window's library would answer with a line of its own source.
fn lacks_display() -> bool {
    let names = ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"];
    cfg!(target_os = "linux") && names.iter().all(|name| std::env::var_os(name).is_none())
}
