//! The report of a comparison as a page, for who asks for it after the comparison.

use std::path::PathBuf;
use std::sync::Arc;

use crate::jobs::compare::Report;
use crate::jobs::compare::html::{self, Pictures};

use super::background::Background;
use super::compare::CompareRequest;
use super::event::Event;
use super::guard::guarded;
use super::interactive::{Interactive, Models};

/// Draws a report with its pictures into one page.
pub struct SavePage {
    pub compare: CompareRequest,
    pub report: Arc<Report>,
    pub path: PathBuf,
}

impl SavePage {
    fn write(&self, models: &Models) -> Result<(), String> {
        let CompareRequest { before, after, dataset, job, .. } = &self.compare;
        let (Some(before), Some(after)) = (models.get(before), models.get(after)) else {
            return Err("a model of this comparison is not loaded any more; compare again".to_owned());
        };
        let pictures = Pictures { dataset, job, before, after };
        let written = guarded(|| html::write(&self.path, &self.report, &pictures))?;
        let path = self.path.display();
        written.map_err(|error| format!("the report cannot be written ({error}); save it elsewhere: {path}"))
    }
}

impl Background for SavePage {
    fn advance(self: Box<Self>, models: &Models, interactive: &mut Interactive) -> Option<Box<dyn Background>> {
        let outcome = self.write(models).map(|()| self.path);
        interactive.outbox.send(Event::PageSaved { outcome });
        None
    }
}
