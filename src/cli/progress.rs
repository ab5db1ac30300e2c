//! Words and bars for people: on standard error, bars only where that is a terminal.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

/// One line on standard error.
pub fn say(line: &str) {
    // If standard error is closed there is nobody left to tell.
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// A bar over `total` pictures; hidden unless standard error is a terminal.
pub fn bar(total: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total as u64);
    if let Ok(style) = ProgressStyle::with_template("{msg:30!} [{bar:30}] {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar
}
