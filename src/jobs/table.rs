//! A table of explained pictures, for spreadsheets and scripts.

use super::explain::{Prediction, Report};

const TITLES: [&str; 12] = [
    "image",
    "truth",
    "predicted",
    "probability",
    "target",
    "contrast",
    "method",
    "first_block",
    "min",
    "max",
    "flat",
    "seconds",
];

/// One line per picture, titles first.
///
/// # Errors
/// See [`as_csv`].
pub fn table(reports: &[Report]) -> std::io::Result<Vec<u8>> {
    as_csv(TITLES, reports.iter().map(row))
}

fn row(report: &Report) -> [String; 12] {
    let name = |prediction: Option<&Prediction>| prediction.map_or_else(String::new, |of| of.name.clone());
    let best = report.top.first();
    [
        report.image.clone(),
        name(report.truth.as_ref()),
        name(best),
        best.map_or_else(String::new, |best| best.probability.to_string()),
        name(report.target.as_ref()),
        name(report.contrast.as_ref()),
        report.method.to_string(),
        report.first_block.to_string(),
        report.min.to_string(),
        report.max.to_string(),
        report.flat.to_string(),
        format!("{:.4}", report.seconds),
    ]
}

/// Titles and rows as RFC 4180 has them, which spreadsheets read.
///
/// # Errors
/// None that occurs: memory takes everything, and all rows have as many fields.
pub fn as_csv<const N: usize>(titles: [&str; N], rows: impl Iterator<Item = [String; N]>) -> std::io::Result<Vec<u8>> {
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    table.write_record(titles)?;
    for row in rows {
        table.write_record(row)?;
    }
    table.into_inner().map_err(csv::IntoInnerError::into_error)
}

#[cfg(test)]
mod tests {
    use super::as_csv;

    #[test]
    fn fields_are_quoted_as_spreadsheets_read_them() {
        let rows = [["fox", "tench, Tinca tinca"], ["a \"b\"", ""]];
        let table = as_csv(["one", "two"], rows.into_iter().map(|row| row.map(str::to_owned))).unwrap();
        let expected = "one,two\r\nfox,\"tench, Tinca tinca\"\r\n\"a \"\"b\"\"\",\r\n";
        assert_eq!(String::from_utf8(table).unwrap(), expected);
    }
}
