//! What every method shares: the pictures cut into batches, progress, and the wish to stop.

use std::ops::ControlFlow;

use crate::size::Size;
use crate::vit::{Batch, Engine, EngineError, Objective, Trace, TraceOptions};

use super::{MethodOptions, RelevanceError};

/// Chooses what to explain from a picture's index and its logits.
pub type ObjectiveOf<'a> = dyn Fn(usize, &[f32]) -> Objective + 'a;

/// Asked after every batch; `Break` stops the work.
pub type OnProgress<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// How far the work is, counted in pictures sent through the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub done: usize,
    pub total: usize,
}

/// One call of [`super::explain`].
pub(super) struct Session<'a> {
    pub engine: &'a dyn Engine,
    pub pixels: &'a Batch,
    pub objective: &'a ObjectiveOf<'a>,
    pub options: &'a MethodOptions,
    on_progress: &'a mut OnProgress<'a>,
    progress: Progress,
}

impl<'a> Session<'a> {
    /// Checks what the engine would check too late: pictures are cut out of `pixels` before it sees them.
    pub fn new(
        engine: &'a dyn Engine,
        pixels: &'a Batch,
        objective: &'a ObjectiveOf<'a>,
        options: &'a MethodOptions,
        on_progress: &'a mut OnProgress<'a>,
    ) -> Result<Self, RelevanceError> {
        pixels.check(engine.config())?;
        if options.batch_size == 0 {
            return Err(RelevanceError::Zero("batch size"));
        }
        Ok(Self { engine, pixels, objective, options, on_progress, progress: Progress::default() })
    }

    /// The patch grid of these pictures.
    pub fn grid(&self) -> Size {
        self.engine.config().grid_of(self.pixels.size)
    }

    /// `[channels, height, width]` of one picture.
    pub fn picture(&self, index: usize) -> &'a [f32] {
        let each = self.pixels.pixels.len() / self.pixels.count;
        &self.pixels.pixels[index * each..][..each]
    }

    /// Announces the work: passes through the model for each picture.
    pub fn announce(&mut self, passes: usize) {
        self.progress = Progress { done: 0, total: passes * self.pixels.count };
    }

    /// Traces every picture and keeps what `keep` makes of it, so that large maps live for one batch only.
    pub fn trace_each<T>(
        &mut self,
        options: &TraceOptions,
        mut keep: impl FnMut(usize, Trace) -> T,
    ) -> Result<Vec<T>, RelevanceError> {
        let mut kept = Vec::with_capacity(self.pixels.count);
        let (engine, objective) = (self.engine, self.objective);
        self.in_batches(self.pixels.count, Self::picture_at, |first, batch| {
            let traces = engine.trace(batch, &|index, logits| objective(first + index, logits), options)?;
            kept.extend(traces.into_iter().enumerate().map(|(index, trace)| keep(first + index, trace)));
            Ok(())
        })?;
        Ok(kept)
    }

    /// Logits of every picture.
    pub fn classify_each(&mut self) -> Result<Vec<Vec<f32>>, RelevanceError> {
        let mut logits = Vec::with_capacity(self.pixels.count);
        let engine = self.engine;
        self.in_batches(self.pixels.count, Self::picture_at, |_, batch| {
            logits.extend(engine.classify(batch)?);
            Ok(())
        })?;
        Ok(logits)
    }

    fn picture_at(&self, index: usize) -> Vec<f32> {
        self.picture(index).to_vec()
    }

    /// Makes `count` inputs and hands them on in batches, together with the index of the first.
    pub fn in_batches(
        &mut self,
        count: usize,
        mut make: impl FnMut(&Self, usize) -> Vec<f32>,
        mut compute: impl FnMut(usize, &Batch) -> Result<(), EngineError>,
    ) -> Result<(), RelevanceError> {
        for first in (0..count).step_by(self.options.batch_size) {
            let indices = first..count.min(first + self.options.batch_size);
            let pictures = indices.len();
            let pixels = indices.flat_map(|index| make(self, index)).collect();
            compute(first, &Batch { pixels, count: pictures, size: self.pixels.size })?;
            self.progress.done += pictures;
            if (self.on_progress)(self.progress).is_break() {
                return Err(RelevanceError::Cancelled);
            }
        }
        Ok(())
    }
}
