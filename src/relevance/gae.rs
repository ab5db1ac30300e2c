//! Generic attention explainability, the rule of the paper (arXiv 2103.15679, 2206.01161).

use crate::vit::TraceOptions;

use super::session::Session;
use super::{Explanation, RelevanceError, RelevanceMap};

/// One backward pass holds the rows of all first blocks; the options choose one.
pub(super) fn gae(session: &mut Session<'_>) -> Result<Vec<Explanation>, RelevanceError> {
    let (options, config, grid) = (session.options, session.engine.config(), session.grid());
    let first_block = options.first_block;
    if first_block >= config.depth {
        return Err(RelevanceError::NoSuchBlock { first_block, last: config.depth.saturating_sub(1) });
    }
    let prefix = config.prefix_tokens();
    let trace = TraceOptions { start: options.start, muted: options.muted.clone(), ..TraceOptions::relevance() };
    session.announce(1);
    session.trace_each(&trace, |_, trace| {
        let values = trace.relevance[first_block][prefix..].to_vec();
        Explanation { logits: trace.logits, map: RelevanceMap { grid, values }, signed: None }
    })
}
