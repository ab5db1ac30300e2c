//! When an open project is written again.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Project;

/// A slider that moves changes the project at every frame; it is written once it rests.
const REST: Duration = Duration::from_millis(800);

/// An open project: where it lies and what is in the file.
#[derive(Debug)]
pub struct Autosave {
    path: PathBuf,
    written: Project,
    /// The latest state that is not in the file, and since when.
    changed: Option<(Project, Instant)>,
}

/// What is to be done about a project.
#[derive(Clone, Debug, PartialEq)]
pub enum Due {
    Nothing,
    /// Ask again after this time.
    In(Duration),
    /// Write this, then say [`Autosave::written`].
    Now(Box<Project>),
}

impl Autosave {
    /// `written` is what the file holds.
    pub fn new(path: PathBuf, written: Project) -> Self {
        Self { path, written, changed: None }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Compares the state of a moment with the file.
    pub fn follow(&mut self, state: Project, at: Instant) -> Due {
        if state == self.written {
            self.changed = None;
            return Due::Nothing;
        }
        let since = match &self.changed {
            Some((known, since)) if *known == state => *since,
            _ => at,
        };
        self.changed = Some((state, since));
        self.due(at)
    }

    /// What is left of the time of rest.
    pub fn due(&self, at: Instant) -> Due {
        let Some((state, since)) = &self.changed else { return Due::Nothing };
        match REST.checked_sub(at.saturating_duration_since(*since)).filter(|rest| !rest.is_zero()) {
            Some(rest) => Due::In(rest),
            None => Due::Now(Box::new(state.clone())),
        }
    }

    /// The file holds this now.
    pub fn written(&mut self, state: Project) {
        self.changed.take_if(|(changed, _)| *changed == state);
        self.written = state;
    }

    /// What has to be written before the program ends, however short ago it changed.
    pub fn unwritten(&self) -> Option<&Project> {
        self.changed.as_ref().map(|(state, _)| state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn showing(path: &str) -> Project {
        Project { selected: Some(path.into()), ..Project::default() }
    }

    #[test]
    fn a_change_is_written_once_it_has_rested() {
        let start = Instant::now();
        let mut autosave = Autosave::new("a.vitrine".into(), showing("a"));
        assert_eq!(autosave.follow(showing("a"), start), Due::Nothing);
        assert_eq!(autosave.follow(showing("b"), start), Due::In(REST));
        // Another change begins the rest anew.
        assert_eq!(autosave.follow(showing("c"), start + REST / 2), Due::In(REST));
        assert_eq!(autosave.due(start + REST), Due::In(REST / 2));
        assert_eq!(autosave.unwritten(), Some(&showing("c")));
        assert_eq!(autosave.due(start + REST * 3 / 2), Due::Now(Box::new(showing("c"))));
        autosave.written(showing("c"));
        assert_eq!((autosave.due(start + REST * 9), autosave.unwritten()), (Due::Nothing, None));
    }

    #[test]
    fn what_changes_while_it_is_written_is_written_next() {
        let start = Instant::now();
        let mut autosave = Autosave::new("a.vitrine".into(), Project::default());
        autosave.follow(showing("b"), start);
        autosave.follow(showing("c"), start + REST);
        autosave.written(showing("b"));
        assert_eq!(autosave.due(start + REST * 2), Due::Now(Box::new(showing("c"))));
        assert_eq!(autosave.follow(showing("b"), start + REST * 2), Due::Nothing, "back to what is in the file");
    }
}
