//! Label files: a table of file names and the classes they show.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Which label stands beside which file name; whether the labels are classes of the model is asked later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelFile {
    /// By file name or relative path with `/`, as written in the file.
    labels: HashMap<String, String>,
}

/// Why a label file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    #[error("the label file cannot be read ({source}); check the file: {}", path.display())]
    Read { source: std::io::Error, path: PathBuf },
    #[error(
        "line {line} has no label; each line needs a file name and a label, separated by {separator}, and quotes \
         are closed on the line they open on: {}",
        path.display()
    )]
    NoLabel { line: usize, separator: &'static str, path: PathBuf },
    #[error("the label file is empty; write a file name and a label on each line: {}", path.display())]
    Empty { path: PathBuf },
}

impl LabelFile {
    /// Whether the name is that of a label file: `.csv` or `.tsv`.
    pub fn is_label_path(path: &Path) -> bool {
        path.extension()
            .is_some_and(|extension| ["csv", "tsv"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
    }

    /// Reads a table: first column the file name or relative path, second the label (index, WordNet id or name).
    ///
    /// Columns are separated by commas (`.csv`; a field with commas stands in double quotes) or tabs (`.tsv`); further
    /// columns are ignored. A line of titles does no harm: no picture has its name.
    ///
    /// # Errors
    /// If the file cannot be read, is empty, or a line has one column only.
    pub fn read(path: &Path) -> Result<Self, LabelError> {
        let bytes = std::fs::read(path).map_err(|source| LabelError::Read { source, path: path.into() })?;
        let text = String::from_utf8_lossy(&bytes);
        let is_tsv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv"));
        let (delimiter, separator) = if is_tsv { (b'\t', "a tab") } else { (b',', "a comma") };
        let mut table = csv::ReaderBuilder::new();
        table.delimiter(delimiter).has_headers(false).flexible(true).trim(csv::Trim::All);
        let text = text.trim_start_matches('\u{feff}');
        let mut labels = HashMap::new();
        for row in table.from_reader(text.as_bytes()).records() {
            let row = row.map_err(|error| LabelError::Read { source: error.into(), path: path.into() })?;
            if row.iter().all(str::is_empty) {
                continue;
            }
            // A quote that is not closed takes in the lines below.
            let label = row.get(1).filter(|label| !label.is_empty() && !label.contains('\n'));
            let (Some(name), Some(label)) = (row.get(0), label) else {
                let start = row.position().map_or(0, csv::Position::byte) as usize;
                return Err(LabelError::NoLabel { line: line_at(text, start), separator, path: path.into() });
            };
            labels.insert(normalise(name), label.to_owned());
        }
        if labels.is_empty() { Err(LabelError::Empty { path: path.into() }) } else { Ok(Self { labels }) }
    }

    /// The label of a picture, by its relative path, else by its file name.
    pub fn label(&self, relative: &str) -> Option<&str> {
        let relative = normalise(relative);
        let name = relative.rsplit('/').next().unwrap_or_default();
        self.labels.get(&relative).or_else(|| self.labels.get(name)).map(String::as_str)
    }

    /// Number of lines with a label.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

fn normalise(path: &str) -> String {
    path.trim_start_matches("./").replace('\\', "/")
}

/// The line of a row that starts at this byte, or after the line ends there: those of empty lines, and the second half
/// of `\r\n`, belong to the row behind them.
fn line_at(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    let first = text.len() - rest.trim_start_matches(['\r', '\n']).len();
    1 + text[..first].matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<LabelFile, LabelError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        LabelFile::read(&path)
    }

    #[test]
    fn a_table_names_files_or_relative_paths() {
        let text = "\u{feff}file,label\r\na.jpg,fox\r\nval\\b.jpg,\"tench, Tinca tinca\",ignored\r\n\r\n./c.jpg, 7\r\n";
        let labels = read("labels.csv", text).unwrap();
        assert_eq!(labels.label("deep/a.jpg"), Some("fox"));
        assert_eq!(labels.label("val/b.jpg"), Some("tench, Tinca tinca"));
        assert_eq!(labels.label("train/b.jpg"), None, "a path with folders means that path");
        assert_eq!(labels.label("c.jpg"), Some("7"));
        assert_eq!(labels.len(), 4, "three files and the titles");
    }

    #[test]
    fn tabs_separate_in_tsv() {
        let labels = read("labels.TSV", "a, b.jpg\tred fox\n").unwrap();
        assert_eq!(labels.label("a, b.jpg"), Some("red fox"));
    }

    #[test]
    fn quotes_follow_the_usual_rules() {
        let labels = read("labels.csv", r#""a ""b"", c.jpg",d"e,"#).unwrap();
        assert_eq!(labels.label(r#"a "b", c.jpg"#), Some(r#"d"e"#));
    }

    #[test]
    fn faults_are_named_with_line_and_file() {
        let error = read("labels.csv", "a.jpg,fox\nb.jpg\n").unwrap_err();
        assert!(matches!(error, LabelError::NoLabel { line: 2, .. }), "{error}");
        assert!(error.to_string().ends_with("labels.csv"));
        let line = |text: &str| match read("labels.csv", text).unwrap_err() {
            LabelError::NoLabel { line, .. } => line,
            other => panic!("{other}"),
        };
        assert_eq!(line("a.jpg,fox\r\n\r\n  \r\nb.jpg,\r\n"), 4, "as an editor counts");
        assert_eq!(line("a.jpg,fox\nb.jpg,\"cat\nc.jpg,dog\n"), 2, "where the quote opens");
        assert!(matches!(read("labels.csv", "\n\n,,\n"), Err(LabelError::Empty { .. })));
        assert!(matches!(LabelFile::read(Path::new("no/such.csv")), Err(LabelError::Read { .. })));
        assert!(LabelFile::is_label_path(Path::new("a.CSV")) && !LabelFile::is_label_path(Path::new("a.jpg")));
    }
}
