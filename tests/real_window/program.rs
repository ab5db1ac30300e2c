//! The program under test: started, driven, watched.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::desktop::Desktop;
use super::picture::{Area, Picture};

/// Long for a window that draws in software on a busy machine, short for a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// From one look at the screen to the next.
const GLANCE: Duration = Duration::from_millis(50);
/// A screen that has not changed for this long has come to rest: many times a frame or a pass of the demo model.
const REST: Duration = Duration::from_millis(800);

pub struct Program<'a> {
    desktop: &'a Desktop,
    process: Child,
}

impl<'a> Program<'a> {
    /// Starts it and waits until its window is there and has the keyboard.
    pub fn start(desktop: &'a Desktop, environment: &[(&str, &str)]) -> Self {
        let process = desktop
            .command(env!("CARGO_BIN_EXE_vitrine"))
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut program = Self { desktop, process };
        let window = program
            .wait("a window", |program| program.desktop.xdotool(&["search", "--onlyvisible", "--name", "^Vitrine$"]));
        // There is no window manager to do it.
        program.wait("the focus", |program| program.desktop.xdotool(&["windowfocus", &window]));
        program
    }

    /// The screen when the area has come to rest with heat in it, which comes a little after the photo.
    pub fn first_picture(&mut self, area: Area) -> Picture {
        self.wait("heat", |program| (program.desktop.screen().green_share(area) > 0.002).then_some(()));
        self.settled_picture(area)
    }

    /// The screen when the area has come to rest.
    pub fn settled_picture(&mut self, area: Area) -> Picture {
        let mut last = (self.desktop.screen(), Instant::now());
        self.wait("a screen at rest", |program| {
            let screen = program.desktop.screen();
            if screen.difference(&last.0, area) > 0.0 {
                last = (screen, Instant::now());
                return None;
            }
            (last.1.elapsed() >= REST).then_some(screen)
        })
    }

    /// The screen when it has come to rest after the area has changed by at least so much.
    pub fn changed_picture(&mut self, before: &Picture, area: Area, least: f64) -> Picture {
        self.wait_for_change(before, area, least);
        self.settled_picture(area)
    }

    /// The screen as soon as the area has changed by at least so much.
    pub fn wait_for_change(&mut self, before: &Picture, area: Area, least: f64) -> Picture {
        self.wait("a change on the screen", |program| {
            let screen = program.desktop.screen();
            (screen.difference(before, area) >= least).then_some(screen)
        })
    }

    pub fn key(&mut self, key: &str) {
        self.act(&["key", key]);
    }

    pub fn type_text(&mut self, text: &str) {
        self.act(&["type", "--delay", "30", text]);
    }

    pub fn click(&mut self, (x, y): (u32, u32)) {
        self.act(&["mousemove", &x.to_string(), &y.to_string(), "sleep", "0.1", "click", "1"]);
    }

    pub fn wheel_up(&mut self, (x, y): (u32, u32), notches: u32) {
        let (x, y, notches) = (x.to_string(), y.to_string(), notches.to_string());
        self.act(&["mousemove", &x, &y, "click", "--repeat", &notches, "--delay", "60", "4"]);
    }

    pub fn drag(&mut self, from: (u32, u32), to: (u32, u32)) {
        let points = [from.0, from.1, (from.0 + to.0) / 2, (from.1 + to.1) / 2, to.0, to.1].map(|n| n.to_string());
        let [x, y, half_x, half_y, end_x, end_y] = points.each_ref().map(String::as_str);
        self.act(&["mousemove", x, y, "sleep", "0.1", "mousedown", "1", "sleep", "0.1"]);
        self.act(&[
            "mousemove",
            half_x,
            half_y,
            "sleep",
            "0.1",
            "mousemove",
            end_x,
            end_y,
            "sleep",
            "0.1",
            "mouseup",
            "1",
        ]);
    }

    /// Processor time that passes meanwhile, of all its threads, in ticks of 10 ms.
    pub fn ticks_during(&self, span: Duration) -> u64 {
        let before = self.ticks();
        std::thread::sleep(span);
        self.ticks() - before
    }

    /// User and system time; the 14th and 15th field of `proc_pid_stat(5)`, counted after the name in parentheses.
    fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        let after_name = stat.rsplit_once(')').unwrap().1;
        after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
    }

    /// Ctrl+Q, and a clean end.
    pub fn quit(mut self) {
        self.act(&["key", "ctrl+q"]);
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "Ctrl+Q does not end the program");
            std::thread::sleep(GLANCE);
        };
        assert!(status.success(), "ended with {status}");
    }

    fn act(&mut self, arguments: &[&str]) {
        assert!(self.desktop.xdotool(arguments).is_some(), "xdotool {arguments:?} failed");
    }

    fn wait<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("the program ended before {what}: {status}");
            }
            if start.elapsed() > PATIENCE {
                self.desktop.screen().keep("failed");
                panic!("waited in vain for {what}; the screen is kept as failed.png");
            }
            std::thread::sleep(GLANCE);
        }
    }
}

impl Drop for Program<'_> {
    /// A failed test leaves no window behind.
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
