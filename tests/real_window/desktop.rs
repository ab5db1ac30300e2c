//! A display of its own, without a monitor.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::picture::Picture;

/// What the tests need besides the program, and where Debian has it.
const TOOLS: [&str; 2] = ["Xvfb", "xdotool"];
const INSTALL: &str = "sudo apt-get install xvfb xdotool";

/// An X server that draws into a file, and folders that no other program uses.
pub struct Desktop {
    server: Child,
    display: String,
    folder: TempDir,
}

impl Desktop {
    /// `None` (and a line that says so) where there is no X server to start, except under CI.
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    pub fn open() -> Option<Self> {
        if let Some(missing) = TOOLS.into_iter().find(|tool| !is_installed(tool)) {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing} not found ({INSTALL})");
            eprintln!("skipped: {missing} not found ({INSTALL})");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut server = Command::new("Xvfb")
            // It chooses a free display itself and says which; the screen lies in `Xvfb_screen0` of this folder.
            // Without `-noreset` it restarts whenever its last program goes, and is deaf meanwhile.
            .args(["-displayfd", "1", "-noreset", "-nolisten", "tcp", "-screen", "0", "1280x800x24", "-fbdir"])
            .arg(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut display = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut display).unwrap();
        assert!(!display.trim().is_empty(), "Xvfb does not start");
        Some(Self { server, display: format!(":{}", display.trim()), folder })
    }

    /// The program on this display, with settings and caches of its own.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env("DISPLAY", &self.display);
        for foreign in ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DBUS_SESSION_BUS_ADDRESS"] {
            command.env_remove(foreign);
        }
        for (variable, name) in [
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_RUNTIME_DIR", "runtime"),
        ] {
            let folder = self.folder.path().join(name);
            std::fs::create_dir_all(&folder).unwrap();
            command.env(variable, folder);
        }
        command
    }

    pub fn screen(&self) -> Picture {
        let path = self.folder.path().join("Xvfb_screen0");
        Picture::from_xwd(&std::fs::read(path).unwrap())
    }

    /// Runs xdotool and returns what it prints; `None` if it fails.
    pub fn xdotool(&self, arguments: &[&str]) -> Option<String> {
        let output = self.command("xdotool").args(arguments).output().unwrap();
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        // Asked to end it tidies up in `/tmp`; `Child::kill` does not ask. It may be gone already.
        Command::new("sh").args(["-c", &format!("kill {}", self.server.id())]).status().ok();
        self.server.wait().ok();
    }
}

fn is_installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder: PathBuf| folder.join(tool).is_file())
}
