//! The occlusion brush: parts of the photo painted over, to see what the prediction hangs on.

use std::sync::Arc;

use crate::image::{ImageSource, Position};
use crate::jobs::engine_thread::Occlusion;

pub use crate::jobs::engine_thread::{Fill, Stroke};

/// What is painted over on one image.
#[derive(Clone, Debug)]
pub struct Occluded {
    pub image: ImageSource,
    pub occlusion: Arc<Occlusion>,
}

/// One movement of the brush, in photo pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Paint {
    /// The button went down.
    Begin { at: Position, radius: f64 },
    /// The brush moved on.
    To(Position),
}

impl Occluded {
    pub fn new(image: ImageSource, fill: Fill) -> Self {
        Self { image, occlusion: Arc::new(Occlusion { version: 0, strokes: Vec::new(), fill }) }
    }

    /// `version` is a number never used before: results are cached by it.
    pub fn paint(&mut self, paint: Paint, version: u64) {
        self.change(version, |strokes| match paint {
            Paint::Begin { at, radius } => strokes.push(Stroke { points: vec![at], radius }),
            Paint::To(at) => {
                if let Some(stroke) = strokes.last_mut() {
                    stroke.points.push(at);
                }
            }
        });
    }

    /// Takes the last stroke back.
    pub fn undo(&mut self, version: u64) {
        self.change(version, |strokes| {
            strokes.pop();
        });
    }

    pub fn set_fill(&mut self, fill: Fill, version: u64) {
        let occlusion = Arc::make_mut(&mut self.occlusion);
        (occlusion.fill, occlusion.version) = (fill, version);
    }

    pub fn is_empty(&self) -> bool {
        self.occlusion.strokes.is_empty()
    }

    fn change(&mut self, version: u64, change: impl FnOnce(&mut Vec<Stroke>)) {
        let occlusion = Arc::make_mut(&mut self.occlusion);
        change(&mut occlusion.strokes);
        occlusion.version = version;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_grow_and_are_taken_back() {
        let mut occluded = Occluded::new(ImageSource::file("a.png"), Fill::Grey);
        let at = Position::new(1.0, 2.0);
        occluded.paint(Paint::Begin { at, radius: 3.0 }, 1);
        let shared = occluded.occlusion.clone();
        occluded.paint(Paint::To(Position::new(4.0, 2.0)), 2);
        assert_eq!(occluded.occlusion.strokes[0].points.len(), 2);
        assert_eq!((shared.version, shared.strokes[0].points.len()), (1, 1), "what a request holds does not change");
        occluded.undo(3);
        assert!(occluded.is_empty());
        assert_eq!(occluded.occlusion.version, 3);
    }
}
