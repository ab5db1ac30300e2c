//! Procedural backgrounds, one kind per class of animal, each with variation of its own.

mod autumn;
mod bamboo;
mod barn;
mod brick;
mod dunes;
mod forest;
mod lawn;
mod night_city;
mod pond;
mod sky;
mod snow;
mod terrain;
mod underwater;

use serde::Serialize;

use crate::canvas::Canvas;
use crate::dice::Dice;

/// A kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Background {
    Lawn,
    Brick,
    Underwater,
    Pond,
    Dunes,
    Snow,
    Forest,
    Sky,
    NightCity,
    Autumn,
    Bamboo,
    Barn,
}

impl Background {
    /// Paints the place over the whole canvas; the seed fixes every detail at every resolution.
    pub fn paint(self, canvas: &mut Canvas, seed: u64) {
        let dice = &mut Dice::new(seed);
        match self {
            Self::Lawn => lawn::paint(canvas, dice),
            Self::Brick => brick::paint(canvas, dice),
            Self::Underwater => underwater::paint(canvas, dice),
            Self::Pond => pond::paint(canvas, dice),
            Self::Dunes => dunes::paint(canvas, dice),
            Self::Snow => snow::paint(canvas, dice),
            Self::Forest => forest::paint(canvas, dice),
            Self::Sky => sky::paint(canvas, dice),
            Self::NightCity => night_city::paint(canvas, dice),
            Self::Autumn => autumn::paint(canvas, dice),
            Self::Bamboo => bamboo::paint(canvas, dice),
            Self::Barn => barn::paint(canvas, dice),
        }
    }

    /// Whether things stand on the ground here, so that an animal needs a contact shadow.
    pub fn has_ground(self) -> bool {
        matches!(self, Self::Lawn | Self::Dunes | Self::Snow | Self::Forest | Self::Autumn | Self::Bamboo)
    }
}
