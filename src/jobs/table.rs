//! A table of explained pictures, for spreadsheets and scripts (RFC 4180).

use std::fmt::Write;

use super::explain::Report;

const HEADER: &str = "image,truth,predicted,probability,target,contrast,method,first_block,min,max,flat,seconds";

/// One line per picture, a header first.
pub fn table(reports: &[Report]) -> String {
    let mut table = format!("{HEADER}\r\n");
    for report in reports {
        let name = |prediction: &Option<super::explain::Prediction>| {
            prediction.as_ref().map_or_else(String::new, |prediction| field(&prediction.name))
        };
        let best = report.top.first().cloned();
        let probability = best.as_ref().map_or_else(String::new, |best| best.probability.to_string());
        // Writing to a string does not fail.
        let _ = write!(
            table,
            "{},{},{},{probability},{},{},{},{},{},{},{},{:.4}\r\n",
            field(&report.image),
            name(&report.truth),
            name(&best),
            name(&report.target),
            name(&report.contrast),
            report.method,
            report.first_block,
            report.min,
            report.max,
            report.flat,
            report.seconds,
        );
    }
    table
}

/// In quotes if it needs them.
pub fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_are_quoted_as_spreadsheets_read_them() {
        assert_eq!(field("fox"), "fox");
        assert_eq!(field("tench, Tinca tinca"), "\"tench, Tinca tinca\"");
        assert_eq!(field("a \"b\""), "\"a \"\"b\"\"\"");
    }
}
