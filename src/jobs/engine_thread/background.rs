//! Work that goes on in steps, so that views are served in between.

use super::interactive::{Interactive, Models};

/// Work in the background, in steps that take about as long as a picture.
pub trait Background: Send {
    /// Does the next step; `None` once nothing is left, which the window has been told then.
    fn advance(self: Box<Self>, models: &Models, interactive: &mut Interactive) -> Option<Box<dyn Background>>;
}
