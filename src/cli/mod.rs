//! The command line: arguments in, jobs run, words or JSON out.

mod bench;
mod compare;
mod data;
mod demo;
mod devices;
mod evaluate;
mod explain;
mod finetune;
mod mask;
mod method;
pub mod models;
mod progress;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Shows where a Vision Transformer looks.
///
/// Without a command: opens the window on images, folders, model weights or a project, or on the embedded demo.
#[derive(Debug, Parser)]
#[command(name = "vitrine", version, max_term_width = 100, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Images, folders of images, model weights, a project.
    paths: Vec<PathBuf>,
}

/// What the command line asks for.
pub enum Wish {
    /// The work is done, well or not.
    Done(ExitCode),
    /// The window on these images, folders and weights.
    Window(Vec<PathBuf>),
}

#[derive(Debug, Subcommand)]
enum Command {
    Explain(Box<explain::ExplainArgs>),
    Finetune(Box<finetune::FinetuneArgs>),
    Evaluate(evaluate::EvaluateArgs),
    Compare(compare::CompareArgs),
    Demo(demo::DemoArgs),
    Mask(Box<mask::MaskArgs>),
    Models(models::ModelsArgs),
    Devices(devices::DevicesArgs),
    Bench(bench::BenchArgs),
}

/// Exit code for input that could not be processed.
const FAILED_INPUT: u8 = 1;
/// Exit code for arguments that make no sense, clap's own.
const USAGE: u8 = 2;

/// The arguments ask for something that does not exist; told like clap's own errors.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);

/// Runs the program. Results go to `out`; errors and progress to standard error.
pub fn run(out: &mut dyn Write) -> Wish {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(err) => {
            // If the terminal is gone there is nobody left to tell.
            drop(err.print());
            return Wish::Done(ExitCode::from(if err.use_stderr() { USAGE } else { 0 }));
        }
    };
    let result = match &arguments.command {
        None => return Wish::Window(arguments.paths),
        Some(Command::Explain(args)) => explain::run(args, out),
        Some(Command::Finetune(args)) => finetune::run(args, out),
        Some(Command::Evaluate(args)) => evaluate::run(args, out),
        Some(Command::Compare(args)) => compare::run(args, out),
        Some(Command::Demo(args)) => demo::run(args, out),
        Some(Command::Mask(args)) => mask::run(args, out),
        Some(Command::Models(args)) => models::run(args, out),
        Some(Command::Devices(args)) => devices::run(args, out),
        Some(Command::Bench(args)) => bench::run(args, out),
    };
    Wish::Done(result.unwrap_or_else(|err| failed(&err)))
}

/// Tells why, and with which code the program ends.
pub fn failed(err: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(err) {
        return ExitCode::SUCCESS; // The reader (`head`, a pager) has seen enough.
    }
    progress::say(&format!("error: {err:#}"));
    ExitCode::from(if err.is::<UsageError>() { USAGE } else { FAILED_INPUT })
}

fn is_broken_pipe(err: &anyhow::Error) -> bool {
    err.downcast_ref::<std::io::Error>().is_some_and(|err| err.kind() == std::io::ErrorKind::BrokenPipe)
}
