//! Prints masks as they come, and remembers how it went.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use crate::cli::{FAILED_INPUT, progress};
use crate::jobs::mask::{MaskOutcome, MaskReport};
use crate::mask::Review;

pub(super) struct Printer<'a> {
    out: &'a mut dyn Write,
    json: bool,
    made: usize,
    kept: usize,
    failures: usize,
    broken_pipe: std::io::Result<()>,
}

impl<'a> Printer<'a> {
    pub(super) fn new(out: &'a mut dyn Write, json: bool) -> Self {
        Self { out, json, made: 0, kept: 0, failures: 0, broken_pipe: Ok(()) }
    }

    pub(super) fn has_failures(&self) -> bool {
        self.failures > 0
    }

    fn line(&mut self, line: &str) {
        if self.broken_pipe.is_ok() {
            self.broken_pipe = writeln!(self.out, "{line}");
        }
    }

    pub(super) fn done(&mut self, image: &Path, outcome: &MaskOutcome) {
        match outcome {
            MaskOutcome::Made(report) => {
                self.made += 1;
                let line = if self.json { made_json(report) } else { made_words(report) };
                self.line(&line);
            }
            MaskOutcome::Kept(state) => {
                self.kept += 1;
                if self.json {
                    let line =
                        json!({ "image": image, "status": "kept", "origin": state.origin, "review": state.review });
                    self.line(&line.to_string());
                }
            }
        }
    }

    pub(super) fn failed(&mut self, image: &Path, error: &anyhow::Error) {
        self.failures += 1;
        if self.json {
            self.line(&json!({ "image": image, "status": "failed", "error": format!("{error:#}") }).to_string());
        }
        progress::say(&format!("error: {error:#}"));
    }

    pub(super) fn finish(self) -> anyhow::Result<ExitCode> {
        self.broken_pipe?;
        if self.made + self.kept + self.failures > 1 {
            let kept = if self.kept > 0 { format!(", {} had one", self.kept) } else { String::new() };
            progress::say(&format!("{} masks made{kept}, {} failed", self.made, self.failures));
        }
        Ok(ExitCode::from(if self.failures > 0 { FAILED_INPUT } else { 0 }))
    }
}

fn made_json(report: &MaskReport) -> String {
    let mut value = json!({ "status": "made" });
    if let (Some(fields), Ok(serde_json::Value::Object(more))) = (value.as_object_mut(), serde_json::to_value(report)) {
        fields.extend(more);
    }
    value.to_string()
}

fn made_words(report: &MaskReport) -> String {
    let quality = report.record.quality.map_or_else(String::new, |quality| {
        let agreement =
            quality.iou_refined.map_or_else(String::new, |iou| format!(", coarse and refined agree {iou:.2}"));
        format!("  {:.0} % of the image{agreement}", 100.0 * quality.area)
    });
    let review = if report.record.review == Review::NeedsReview { ", look at it" } else { "" };
    format!("{}{quality}{review}", report.mask.display())
}
