//! `vitrine mask convert`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::cli::{FAILED_INPUT, progress};
use crate::jobs::convert::{ConvertEvent, ConvertJob, MaskFormat, convert};

/// Imports and exports masks of other programs.
///
/// Exact both ways, but for what a format cannot hold (holes in polygons, ignored pixels in truth values): that is
/// refused and said. A file that exists is left alone.
#[derive(Debug, Args)]
pub(super) struct ConvertArgs {
    /// Mask files, or folders of them.
    #[arg(value_name = "MASK", required = true)]
    inputs: Vec<PathBuf>,
    /// What the files are [default: as their content tells].
    #[arg(long, value_enum, value_name = "FORMAT")]
    from: Option<MaskFormat>,
    /// What to write.
    #[arg(long, default_value = "png", value_enum, value_name = "FORMAT")]
    to: MaskFormat,
    /// Folder for the masks; for COCO also a file.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Folder of the photos: each mask is held against the size of its photo, and written under its name.
    #[arg(long, value_name = "DIR")]
    photos: Option<PathBuf>,
    /// Class of ImageNet-S: which to read where there are several, or the one to write.
    #[arg(long, value_name = "NUMBER")]
    class: Option<u16>,
    /// Label or category: which to read where there are several, or the one to write [default: all; object].
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    /// Make ignored pixels background.
    #[arg(long)]
    drop_ignored: bool,
    /// Replace files that exist.
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON object per mask.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ConvertArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let job = ConvertJob {
        from: args.from,
        to: args.to,
        out: args.out.clone(),
        photos: args.photos.clone(),
        class: args.class,
        label: args.label.clone(),
        drop_ignored: args.drop_ignored,
        overwrite: args.overwrite,
    };
    let (mut converted, mut kept, mut failed) = (0, 0, 0);
    let mut printed = Ok(());
    convert(&args.inputs, &job, &mut |event| {
        let line = match event {
            ConvertEvent::Converted(done) => {
                converted += 1;
                match args.json {
                    true => json!({ "status": "converted", "mask": done }).to_string(),
                    false => format!("{}  {}, {:.0} % object", done.output.display(), done.size, 100.0 * done.area),
                }
            }
            ConvertEvent::Kept { input, output } => {
                kept += 1;
                match args.json {
                    true => json!({ "status": "kept", "input": input, "output": output }).to_string(),
                    false => format!("{}  is there already", output.display()),
                }
            }
            ConvertEvent::Failed { input, error } => {
                failed += 1;
                progress::say(&format!("error: {error}"));
                match args.json {
                    true => json!({ "status": "failed", "input": input, "error": error.to_string() }).to_string(),
                    false => return,
                }
            }
        };
        if printed.is_ok() {
            printed = writeln!(out, "{line}");
        }
    });
    printed?;
    if converted + kept + failed > 1 {
        let kept =
            if kept > 0 { format!(", {kept} left as they are (--overwrite replaces them)") } else { String::new() };
        progress::say(&format!("{converted} masks converted{kept}, {failed} failed"));
    }
    Ok(ExitCode::from(if failed > 0 { FAILED_INPUT } else { 0 }))
}
