//! The real program on a real display: Xvfb shows it, xdotool presses its keys, the screen is compared and kept.
//!
//! The pictures go to `target/artefacts`, or to the folder that `VITRINE_ARTEFACTS` names. Without Xvfb and xdotool
//! the tests say so and pass, except under `CI=true`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking, as tests do")]

mod desktop;
mod picture;
mod program;

use std::process::Command;
use std::time::Duration;

use desktop::Desktop;
use picture::{Area, Picture};
use program::Program;

/// Safely inside the canvas of a window of 1280 × 800: right of the image list, left of the panel, below the bars.
const CANVAS: Area = Area { left: 300, top: 140, width: 600, height: 560 };
/// The gap between menus and device label in the top bar, which nothing but the theme colours.
const TOP_BAR: Area = Area { left: 640, top: 2, width: 60, height: 3 };
/// The middle of the canvas.
const MIDDLE: (u32, u32) = (610, 420);

/// What a screen must change by, in mean steps of 255 per channel, to count as changed: a dithered gradient or a
/// moved pointer stays far below, another photo or view of half the area far above.
const CHANGED: f64 = 2.0;

#[test]
fn a_session_from_start_to_restart() {
    let Some(desktop) = Desktop::open() else { return };
    let mut program = Program::start(&desktop, &[]);
    program.first_picture(CANVAS).keep("1-demo");

    heat_can_be_hidden(&mut program);
    views_differ(&mut program);
    images_are_switched(&mut program);
    wheel_and_drag_move_the_photo(&mut program);
    is_idle_when_nothing_happens(&program);
    palette_switches_to_light(&mut program);
    program.quit();

    let mut again = Program::start(&desktop, &[]);
    let restored = again.first_picture(CANVAS);
    restored.keep("9-restarted");
    assert!(restored.brightness(TOP_BAR) > 200.0, "the light theme was not restored: {}", restored.brightness(TOP_BAR));
    again.quit();
}

/// Without heat there is the photo alone; with it again, the screen is what it was.
fn heat_can_be_hidden(program: &mut Program<'_>) {
    let heat = program.settled_picture(CANVAS);
    program.key("h");
    let bare = program.changed_picture(&heat, CANVAS, CHANGED);
    bare.keep("2-without-heat");
    is_without_heat(&bare, &heat);
    program.key("h");
    let back = program.changed_picture(&bare, CANVAS, CHANGED);
    assert!(back.difference(&heat, CANVAS) < CHANGED, "heat is not what it was: {}", back.difference(&heat, CANVAS));
}

/// The middle of turbo is green, which a bird in the morning sky is not: 0.8 % of the canvas with heat, none without.
fn is_without_heat(bare: &Picture, heat: &Picture) {
    let (with, without) = (heat.green_share(CANVAS), bare.green_share(CANVAS));
    assert!(with > 0.002 && without < 0.0005, "green share {with:.5} with heat, {without:.5} without");
}

fn views_differ(program: &mut Program<'_>) {
    let mut before = program.settled_picture(CANVAS);
    for (key, name) in [("2", "3-side-by-side"), ("3", "3-wipe"), ("6", "3-grid"), ("1", "3-single")] {
        program.key(key);
        before = program.changed_picture(&before, CANVAS, CHANGED);
        before.keep(name);
    }
}

fn images_are_switched(program: &mut Program<'_>) {
    let first = program.settled_picture(CANVAS);
    program.key("Right");
    let second = program.changed_picture(&first, CANVAS, CHANGED);
    second.keep("4-next-image");
    program.key("Left");
    let back = program.changed_picture(&second, CANVAS, CHANGED);
    assert!(back.difference(&first, CANVAS) < CHANGED, "← does not undo →: {}", back.difference(&first, CANVAS));
}

fn wheel_and_drag_move_the_photo(program: &mut Program<'_>) {
    let fit = program.settled_picture(CANVAS);
    program.wheel_up(MIDDLE, 5);
    let near = program.changed_picture(&fit, CANVAS, CHANGED);
    near.keep("5-wheel");
    program.drag(MIDDLE, (MIDDLE.0 - 120, MIDDLE.1 - 90));
    let moved = program.changed_picture(&near, CANVAS, CHANGED);
    moved.keep("6-drag");
    program.key("0");
    let back = program.changed_picture(&moved, CANVAS, CHANGED);
    assert!(back.difference(&fit, CANVAS) < CHANGED, "0 does not fit again: {}", back.difference(&fit, CANVAS));
    program.click(MIDDLE);
    let row = program.changed_picture(&back, CANVAS, CHANGED);
    row.keep("7-patch");
}

/// A tick is 10 ms of a core. The window may blink a cursor or fade a notice at first: it has 30 s to come to rest.
#[expect(clippy::print_stderr, reason = "a figure to look at")]
fn is_idle_when_nothing_happens(program: &Program<'_>) {
    const SPAN: Duration = Duration::from_secs(2);
    let mut spans = (0..15).map(|_| program.ticks_during(SPAN)).inspect(|ticks| eprintln!("{ticks} ticks in 2 s"));
    assert!(spans.any(|ticks| ticks <= 1), "the idle window computes all the time");
}

fn palette_switches_to_light(program: &mut Program<'_>) {
    let dark = program.settled_picture(TOP_BAR);
    assert!(dark.brightness(TOP_BAR) < 60.0, "the first start is not dark: {}", dark.brightness(TOP_BAR));
    let before = program.settled_picture(CANVAS);
    program.key("ctrl+p");
    // Its cursor blinks: it never comes to rest.
    let open = program.wait_for_change(&before, CANVAS, 20.0);
    program.type_text("light");
    program.wait_for_change(&open, CANVAS, 0.3).keep("8-palette");
    program.key("Return");
    let light = program.changed_picture(&dark, TOP_BAR, 100.0);
    light.keep("8-light");
}

/// The other way to draw, for machines without Vulkan.
#[test]
fn it_draws_with_opengl_too() {
    let Some(desktop) = Desktop::open() else { return };
    let mut program = Program::start(&desktop, &[("WGPU_BACKEND", "gl")]);
    let heat = program.first_picture(CANVAS);
    heat.keep("opengl");
    program.key("h");
    let bare = program.changed_picture(&heat, CANVAS, CHANGED);
    is_without_heat(&bare, &heat);
    program.quit();
}

#[test]
fn without_a_display_it_says_what_else_to_do() {
    let output = Command::new(env!("CARGO_BIN_EXE_vitrine"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("vitrine explain"), "the cure is missing: {message}");
    assert!(!message.contains("panicked"), "{message}");
}
