//! What a hand does with a mouse.

use eframe::egui::{self, Modifiers, Pos2, Vec2, vec2};

use crate::gui::Gui;

impl Gui {
    pub fn click_at(&mut self, pos: Pos2) {
        self.harness.hover_at(pos);
        self.harness.drag_at(pos);
        self.harness.event(released(pos));
        self.settle();
        // A second click soon after would be a double click.
        self.harness.run_steps(30);
    }

    /// Presses at `from`, moves in steps, lets go.
    pub fn drag(&mut self, from: Pos2, by: Vec2) {
        self.harness.hover_at(from);
        self.harness.drag_at(from);
        for step in 1..=4 {
            self.harness.hover_at(from + by * (step as f32 / 4.0));
        }
        self.harness.event(released(from + by));
        self.settle();
    }

    /// One notch of a wheel, as `points` up.
    pub fn wheel(&mut self, pos: Pos2, points: f32) {
        self.harness.hover_at(pos);
        self.harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: vec2(0.0, points),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Wheel,
            modifiers: Modifiers::NONE,
        });
        // egui spreads a notch over some frames.
        self.harness.run_steps(20);
    }
}

/// The primary button is let go.
pub fn released(pos: Pos2) -> egui::Event {
    egui::Event::PointerButton { pos, button: egui::PointerButton::Primary, pressed: false, modifiers: Modifiers::NONE }
}
