//! A real terminal with a real shell in it, by tmux.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::Case;
use super::fake_hub::PATIENCE;

/// A terminal of 100 by 30 with bash in the case's workspace; `ikpdb` and `python` are there.
pub struct Terminal {
    socket: std::path::PathBuf,
}

impl Terminal {
    pub fn new(case: &Case) -> Self {
        Self::with(case, "bash --norc --noprofile")
    }

    /// With another command than a shell.
    pub fn with(case: &Case, command: &str) -> Self {
        let terminal = Self { socket: case.path("tmux") };
        let python = super::python().executable;
        let python = python.to_str().unwrap();
        let run = format!("{} run --no-stop --python {python}", case.path("bin/ikpdb").display());
        let mut tmux = terminal.tmux();
        tmux.args(["-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "30", command]);
        tmux.current_dir(&case.workspace).envs(case.variables());
        tmux.env("PS1", "$ ").env("RUN", run).env("PYTHON", python).env("PYTHONUNBUFFERED", "1").env_remove("TMUX");
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION", "SSH_TTY", "VIRTUAL_ENV"] {
            tmux.env_remove(name);
        }
        match tmux.status() {
            Ok(status) => assert!(status.success(), "tmux does not start"),
            Err(error) => panic!("tmux is needed for the tests of the terminal ({error}): apt-get install tmux"),
        }
        terminal
    }

    fn tmux(&self) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket);
        command
    }

    /// Types a line.
    pub fn line(&self, text: &str) {
        self.keys(&["-l", text]);
        self.keys(&["Enter"]);
    }

    /// Presses keys by tmux's names: "C-c", "Enter", "BSpace".
    pub fn keys(&self, keys: &[&str]) {
        assert!(self.tmux().arg("send-keys").args(keys).status().unwrap().success());
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        assert!(self.tmux().args(["resize-window", "-x", &columns, "-y", &rows]).status().unwrap().success());
    }

    /// What the screen shows, with what has scrolled away; lines without blanks at their ends.
    pub fn screen(&self) -> String {
        let output = self.tmux().args(["capture-pane", "-p", "-S", "-"]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    /// Waits until the screen shows this text.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait(&format!("{text:?}"), |screen| screen.contains(text))
    }

    /// Waits until this text is a line of its own, as output is and the typed command is not.
    pub fn wait_for_line(&self, line: &str) -> String {
        self.wait(&format!("line {line:?}"), |screen| screen.lines().any(|shown| shown == line))
    }

    pub fn wait(&self, what: &str, accept: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if accept(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "no {what} on the screen:\n{screen}");
            // tmux tells nobody that the screen has changed.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs a command in the shell to its end and answers what it wrote.
    pub fn shell(&self, command: &str, number: usize) -> String {
        self.wait("prompt", |screen| screen.ends_with('#') || screen.ends_with('$'));
        self.line(&format!("{command}; echo done-{number}-$?"));
        let screen = self.wait(&format!("end of {command}"), |screen| {
            screen.lines().any(|line| line.starts_with(&format!("done-{number}-")))
        });
        let lines: Vec<&str> = screen.lines().collect();
        let typed = lines.iter().rposition(|line| line.contains(&format!("echo done-{number}-$?"))).unwrap();
        let end = lines.iter().position(|line| line.starts_with(&format!("done-{number}-"))).unwrap();
        lines[typed + 1..=end].join("\n")
    }

    /// The terminal's modes as `stty` writes them.
    pub fn modes(&self, file: &Path) -> String {
        let _ = std::fs::remove_file(file);
        // What is typed while the program still ends is the program's.
        self.wait("prompt", |screen| screen.ends_with('#') || screen.ends_with('$'));
        self.line(&format!("stty -g > {0}.new; mv {0}.new {0}", file.display()));
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(modes) = std::fs::read_to_string(file) {
                return modes;
            }
            assert!(Instant::now() < deadline, "stty does not answer:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the screen at the end:\n{}", self.screen());
        }
        let _ = self.tmux().arg("kill-server").output();
    }
}
