//! Opens an address in the user's browser, in a session of its own: Ctrl-C in the terminal is for the program.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use ikpdb_runner::detached;

use crate::say::say_raw;

/// What opens addresses, best first. `$BROWSER` comes before all of them.
const OPENERS: &[&[&str]] = &[
    &["xdg-open"],
    &["wslview"],
    &["gio", "open"],
    &["sensible-browser"],
    &["x-www-browser"],
    &["firefox"],
    &["chromium"],
];

/// A command that opens an address.
pub(crate) struct Browser {
    words: Vec<OsString>,
}

/// Why no browser is opened.
pub(crate) enum NoBrowser {
    /// The user said so.
    NotWanted,
    /// There is no display, or nothing to show it with.
    NoDisplay,
    /// The user sits elsewhere: `user@host`, as ssh wants it.
    Remote(String),
}

impl Browser {
    /// The user's browser, if the user sits at this machine.
    pub(crate) fn find() -> Result<Self, NoBrowser> {
        let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        if let Some(connection) = variable("SSH_CONNECTION") {
            return Err(NoBrowser::Remote(remote(&connection, variable("USER").as_deref())));
        }
        if variable("SSH_TTY").is_some() {
            return Err(NoBrowser::Remote("this-host".to_owned()));
        }
        if let Some(browser) = variable("BROWSER") {
            let first = browser.split(':').next().unwrap_or(&browser);
            return Ok(Self { words: first.split_whitespace().map(OsString::from).collect() });
        }
        let display =
            ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].into_iter().any(|name| variable(name).is_some());
        let opener = OPENERS.iter().find(|words| on_path(words[0])).filter(|_| display);
        match opener {
            Some(words) => Ok(Self { words: words.iter().map(OsString::from).collect() }),
            None => Err(NoBrowser::NoDisplay),
        }
    }

    /// Opens `url`. If that fails, now or in a moment, says where the page is (`plain`, without a secret).
    pub(crate) fn open(self, url: &str, plain: &str) {
        let name = self.words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
        let plain = plain.to_owned();
        let fail = move |reason: String| {
            // The terminal may be in raw mode already.
            say_raw(format_args!("the browser cannot be opened ({name}: {reason}); open {plain} with `ikpdb open`"));
        };
        let mut child = match detached::spawn(&mut self.command(url)) {
            Ok(child) => child,
            Err(error) => return fail(error.to_string()),
        };
        // Ends with the opener, or with this process. Signals are for the thread that runs the program.
        let waiter = detached::with_signals_blocked(|| {
            std::thread::Builder::new().name("browser".to_owned()).spawn(move || match child.wait() {
                Ok(status) if !status.success() => fail(status.to_string()),
                _ => {}
            })
        });
        // Without the thread, nobody hears of a failure: the address was printed.
        drop(waiter);
    }

    fn command(&self, url: &str) -> Command {
        let mut words = self.words.iter();
        let mut command = Command::new(words.next().map_or_else(Default::default, OsString::clone));
        let mut placed = false;
        for word in words {
            placed |= word == "%s";
            command.arg(if word == "%s" { url.into() } else { word.clone() });
        }
        if !placed {
            command.arg(url);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// `user@host` from `SSH_CONNECTION`: client address and port, server address and port.
fn remote(connection: &str, user: Option<&str>) -> String {
    let host = connection.split_whitespace().nth(2).unwrap_or("this-host");
    user.map_or_else(|| host.to_owned(), |user| format!("{user}@{host}"))
}

fn on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &[&str]) -> Vec<String> {
        let browser = Browser { words: words.iter().map(OsString::from).collect() };
        browser.command("http://x/").get_args().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_address_goes_where_the_command_wants_it() {
        assert_eq!(arguments(&["xdg-open"]), ["http://x/"]);
        assert_eq!(arguments(&["gio", "open"]), ["open", "http://x/"]);
        assert_eq!(arguments(&["lynx", "%s", "-x"]), ["http://x/", "-x"]);
    }

    #[test]
    fn the_ssh_line_names_this_machine_as_the_user_reached_it() {
        assert_eq!(remote("10.0.0.9 51234 10.0.0.1 22", Some("ada")), "ada@10.0.0.1");
        assert_eq!(remote("", None), "this-host");
    }
}
