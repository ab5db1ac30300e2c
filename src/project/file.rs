//! Reading and writing the file.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::files::write_atomically;

use super::{Project, ProjectError, Weights};

/// Raised when an older Vitrine could not make sense of what a newer one writes.
const FORMAT: u64 = 1;

/// The file: its format, then the project.
#[derive(Serialize, Deserialize)]
struct Versioned {
    vitrine_project: u64,
    #[serde(flatten)]
    project: Project,
}

impl Project {
    /// # Errors
    /// If the file cannot be read, or is no project that this version knows.
    pub fn read(path: &Path) -> Result<Self, ProjectError> {
        let bytes = std::fs::read(path).map_err(|source| ProjectError::Read { source, path: path.to_owned() })?;
        let damaged = |source| ProjectError::Json { source, path: path.to_owned() };
        let value: Value = serde_json::from_slice(&bytes).map_err(damaged)?;
        match value.get("vitrine_project").and_then(Value::as_u64) {
            None => return Err(ProjectError::NoProject { path: path.to_owned() }),
            Some(found) if found > FORMAT => {
                return Err(ProjectError::Newer { found, known: FORMAT, path: path.to_owned() });
            }
            Some(_) => {}
        }
        let Versioned { project, .. } = serde_json::from_value(value).map_err(damaged)?;
        let folder = folder_of(path).map_err(|source| ProjectError::Read { source, path: path.to_owned() })?;
        Ok(project.with_paths(|known| normal(&folder.join(known))))
    }

    /// Replaces the file as a whole, or leaves it as it was.
    ///
    /// # Errors
    /// If the file cannot be written, or a path is not valid Unicode.
    pub fn write(&self, path: &Path) -> Result<(), ProjectError> {
        let failed = |source| ProjectError::Write { source, path: path.to_owned() };
        let folder = folder_of(path).map_err(failed)?;
        let project = self.clone().with_paths(|known| relative(known, &folder));
        let text = serde_json::to_vec_pretty(&Versioned { vitrine_project: FORMAT, project })
            .map_err(|source| ProjectError::Path { source, path: path.to_owned() })?;
        write_atomically(path, &text).map_err(failed)
    }

    fn with_paths(mut self, change: impl Fn(&Path) -> PathBuf) -> Self {
        let models = self.models.iter_mut().filter_map(|model| match model {
            Weights::File(path) => Some(path),
            Weights::Embedded | Weights::Named(_) => None,
        });
        let others = self.masks.iter_mut().chain(&mut self.labels).chain(&mut self.selected);
        for path in self.images.iter_mut().chain(others).chain(models) {
            *path = change(path);
        }
        self
    }
}

/// The project's folder, absolute.
fn folder_of(path: &Path) -> std::io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    Ok(absolute.parent().map_or(absolute.clone(), Path::to_owned))
}

/// Relative to `folder` and with `/` if it lies in there, so that every system reads it.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match absolute.strip_prefix(folder) {
        Ok(below) if below.as_os_str().is_empty() => PathBuf::from("."),
        Ok(below) => below.iter().map(|part| part.to_str()).collect::<Option<Vec<_>>>().map_or_else(
            // It has no text, and is refused when it is written.
            || below.to_owned(),
            |parts| PathBuf::from(parts.join("/")),
        ),
        Err(_) => absolute,
    }
}

/// Without `.`, so that the folder of the project itself compares equal to its own path.
fn normal(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(folder: &Path) -> Project {
        Project {
            images: vec![folder.join("photos"), folder.to_owned(), PathBuf::from("/elsewhere/a.jpg")],
            masks: Some(folder.join("masks")),
            labels: None,
            models: vec![
                Weights::File(folder.join("weights/vit.safetensors")),
                Weights::Embedded,
                Weights::Named("deit-ti".to_owned()),
            ],
            selected: Some(folder.join("photos/b.jpg")),
            window: serde_json::json!({ "view": "Grid" }),
        }
    }

    #[test]
    fn a_moved_folder_takes_its_project_along() {
        let old = tempfile::tempdir().unwrap();
        project(old.path()).write(&old.path().join("a.vitrine")).unwrap();
        assert_eq!(Project::read(&old.path().join("a.vitrine")).unwrap(), project(old.path()));

        let new = tempfile::tempdir().unwrap();
        std::fs::copy(old.path().join("a.vitrine"), new.path().join("b.vitrine")).unwrap();
        assert_eq!(Project::read(&new.path().join("b.vitrine")).unwrap(), project(new.path()));
    }

    #[test]
    fn unknown_and_missing_fields_do_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.vitrine");
        std::fs::write(&path, r#"{"vitrine_project": 1, "later": [1], "masks": "m"}"#).unwrap();
        let expected = Project { masks: Some(folder.path().join("m")), ..Project::default() };
        assert_eq!(Project::read(&path).unwrap(), expected);
    }

    #[test]
    fn what_is_no_project_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.vitrine");
        let refused = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            let error = Project::read(&path).unwrap_err();
            assert!(error.to_string().ends_with("a.vitrine"), "{error}");
            error
        };
        assert!(matches!(refused(b"{\"vitrine_pro"), ProjectError::Json { .. }));
        assert!(matches!(refused(b"[1, 2]"), ProjectError::NoProject { .. }));
        assert!(matches!(refused(b"{}"), ProjectError::NoProject { .. }));
        assert!(matches!(refused(b"{\"vitrine_project\": 1, \"images\": 3}"), ProjectError::Json { .. }));
        assert!(matches!(refused(b"{\"vitrine_project\": 99}"), ProjectError::Newer { found: 99, known: 1, .. }));
        let missing = Project::read(&folder.path().join("none.vitrine")).unwrap_err();
        assert!(matches!(missing, ProjectError::Read { .. }));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, b"a file where a folder is wanted").unwrap();
        let error = Project::default().write(&blocked.join("a.vitrine")).unwrap_err();
        assert!(matches!(error, ProjectError::Write { .. }), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
