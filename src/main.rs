//! The program `vitrine`.

use std::process::ExitCode;

fn main() -> ExitCode {
    vitrine::engine::init_threads();
    vitrine::cli::run(&mut std::io::stdout())
}
