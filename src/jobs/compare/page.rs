//! Pieces of a page: escaped text, numbers with units, small drawings.

use std::fmt::Write;

use crate::eval::{Interval, McNemar};
use crate::jobs::evaluate::{Better, Measure};

use super::report::{Row, Value};

/// Text that cannot be taken for markup.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Line breaks and other controls in file names have no place in a page.
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// What a difference means for the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Better,
    Worse,
    /// The interval holds 0, or there is none, or the figure has no good direction.
    Unclear,
}

impl Verdict {
    pub fn of(row: &Row) -> Self {
        let Some(Interval { low, high }) = row.difference.interval else { return Self::Unclear };
        match (row.figure.better, low > 0.0, high < 0.0) {
            (Better::Higher, true, _) | (Better::Lower, _, true) => Self::Better,
            (Better::Higher, _, true) | (Better::Lower, true, _) => Self::Worse,
            _ => Self::Unclear,
        }
    }

    pub fn class(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Unclear => "unclear",
        }
    }
}

/// `67.5 %` with a thin space that does not break, or a plain number.
pub fn value(measure: Measure, value: f64) -> String {
    measure.with_unit(value).replace(' ', "&#8239;")
}

/// `61.9 … 72.8`, or nothing.
pub fn range(measure: Measure, of: Value) -> String {
    of.interval
        .map_or_else(String::new, |Interval { low, high }| format!("{} … {}", measure.bare(low), measure.bare(high)))
}

/// `+1.2 … +5.0` of a difference.
pub fn signed_range(measure: Measure, of: Value) -> String {
    of.interval.map_or_else(String::new, |Interval { low, high }| {
        format!("{} … {}", measure.signed(low), measure.signed(high))
    })
}

/// `12 fixed, 5 broken, p 0.14`.
pub fn test(test: &McNemar) -> String {
    format!("{}&#8239;/&#8239;{} <span class=\"of\">p {}</span>", test.fixed, test.broken, p_value(test.p))
}

pub fn p_value(p: f64) -> String {
    if p < 0.001 { "&lt; 0.001".to_owned() } else { format!("{p:.3}") }
}

const PLOT_WIDTH: f64 = 150.0;

/// A difference with its interval, 0 in the middle; `reach`: what the ends stand for.
pub fn whisker(row: &Row, reach: f64) -> String {
    let place = |value: f64| PLOT_WIDTH / 2.0 * (1.0 + (value / reach).clamp(-0.98, 0.98));
    let class = Verdict::of(row).class();
    let middle = PLOT_WIDTH / 2.0;
    let mut svg = format!(
        "<svg width=\"{PLOT_WIDTH}\" height=\"20\" aria-hidden=\"true\">\
         <line class=\"axis\" x1=\"0\" x2=\"{PLOT_WIDTH}\" y1=\"10\" y2=\"10\"/>\
         <line class=\"zero\" x1=\"{middle}\" x2=\"{middle}\" y1=\"1\" y2=\"19\"/>"
    );
    if let Some(Interval { low, high }) = row.difference.interval {
        // Writing to a string does not fail.
        let _ = write!(
            svg,
            "<line class=\"{class}\" stroke-width=\"2\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"10\" y2=\"10\"/>",
            place(low),
            place(high)
        );
    }
    let _ =
        write!(svg, "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"10\" r=\"4\"/></svg>", place(row.difference.value));
    svg
}

/// Two shares on one line from 0 to 1: a ring before, a dot after.
pub fn dumbbell(before: f64, after: f64) -> String {
    let place = |value: f64| 6.0 + (PLOT_WIDTH - 12.0) * value.clamp(0.0, 1.0);
    let class = if after > before { "better" } else { "worse" };
    format!(
        "<svg width=\"{PLOT_WIDTH}\" height=\"20\" aria-hidden=\"true\">\
         <line class=\"axis\" x1=\"0\" x2=\"{PLOT_WIDTH}\" y1=\"10\" y2=\"10\"/>\
         <line class=\"{class}\" stroke-width=\"2\" x1=\"{0:.1}\" x2=\"{1:.1}\" y1=\"10\" y2=\"10\"/>\
         <circle class=\"before\" cx=\"{0:.1}\" cy=\"10\" r=\"4\"/>\
         <circle class=\"after\" cx=\"{1:.1}\" cy=\"10\" r=\"4\"/></svg>",
        place(before),
        place(after)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(escaped("a<b>&\"c'\n"), "a&lt;b&gt;&amp;&quot;c&#39;\u{fffd}");
    }

    #[test]
    fn small_probabilities_are_said_to_be_small() {
        assert_eq!(p_value(0.00001), "&lt; 0.001");
        assert_eq!(p_value(0.0421), "0.042");
    }
}
