//! Methods that read attention: rollout, raw attention, attention Grad-CAM.

use crate::vit::{KeepMaps, TraceOptions};

use super::rows::Rows;
use super::session::Session;
use super::{Explanation, RelevanceError, RelevanceMap};

pub(super) fn rollout(session: &mut Session<'_>) -> Result<Vec<Explanation>, RelevanceError> {
    let (grid, prefix) = (session.grid(), session.engine.config().prefix_tokens());
    let options = TraceOptions { start: session.options.start, rollout: true, ..TraceOptions::default() };
    session.announce(1);
    session.trace_each(&options, |_, trace| {
        let values = trace.rollout[prefix..].to_vec();
        Explanation { logits: trace.logits, map: RelevanceMap { grid, values }, signed: None }
    })
}

/// Mean over the heads, and over the query rows the classifier reads.
pub(super) fn raw_attention(session: &mut Session<'_>) -> Result<Vec<Explanation>, RelevanceError> {
    let (grid, rows) = (session.grid(), rows(session)?);
    let options = TraceOptions { attention: KeepMaps::Last, ..TraceOptions::default() };
    session.announce(1);
    session.trace_each(&options, |_, trace| {
        let values = rows.mean_attention(&trace.attention[0]);
        Explanation { logits: trace.logits, map: RelevanceMap { grid, values }, signed: None }
    })
}

/// Head weight: mean of ∂y/∂A over the same rows' patches. Rectified in every row, then the mean over rows.
pub(super) fn gradcam(session: &mut Session<'_>) -> Result<Vec<Explanation>, RelevanceError> {
    let (grid, rows) = (session.grid(), rows(session)?);
    let options = TraceOptions { attention: KeepMaps::Last, gradients: KeepMaps::Last, ..TraceOptions::default() };
    session.announce(1);
    session.trace_each(&options, |_, trace| {
        let values = rows.gradcam(&trace.attention[0], &trace.gradients[0]);
        Explanation { logits: trace.logits, map: RelevanceMap { grid, values }, signed: None }
    })
}

fn rows(session: &Session<'_>) -> Result<Rows, RelevanceError> {
    Ok(Rows::of(session.engine.config(), session.grid(), session.options.start)?)
}
