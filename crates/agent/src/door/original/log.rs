//! What the door logs on standard error, in the original's format: a letter for what it is about, a level, a text.

use std::fmt::{Arguments, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    /// The network.
    Network,
    /// Breakpoints.
    Breakpoints,
    /// Evaluations.
    Evaluation,
    /// Running and stopping.
    Execution,
    /// Frames.
    Frames,
    /// Paths.
    Paths,
    /// The rest.
    General,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

const DOMAINS: [(Domain, char); 7] = [
    (Domain::Network, 'n'),
    (Domain::Breakpoints, 'b'),
    (Domain::Evaluation, 'e'),
    (Domain::Execution, 'x'),
    (Domain::Frames, 'f'),
    (Domain::Paths, 'p'),
    (Domain::General, 'g'),
];

/// A bit for each domain whose lines of level DEBUG are written, too; and whether any line is.
static DETAILED: AtomicU32 = AtomicU32::new(0);
static SILENT: AtomicBool = AtomicBool::new(false);

impl Domain {
    fn letter(self) -> char {
        DOMAINS.iter().find(|it| it.0 == self).map_or('g', |it| it.1)
    }

    /// By its letter, great or small.
    pub(crate) fn of(letter: char) -> Option<Self> {
        DOMAINS.iter().find(|it| it.1 == letter.to_ascii_lowercase()).map(|it| it.0)
    }
}

impl Level {
    const ALL: [(Self, &'static str, u8); 5] = [
        (Self::Debug, "DEBUG", 94),
        (Self::Info, "INFO", 92),
        (Self::Warning, "WARNING", 93),
        (Self::Error, "ERROR", 91),
        (Self::Critical, "CRITICAL", 91),
    ];

    /// By its name, great or small.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|it| it.1.eq_ignore_ascii_case(name)).map(|it| it.0)
    }
}

/// Lets the domains with these letters tell all; unknown letters are passed over. Without letters nothing is told.
pub(crate) fn set_up(letters: Option<&str>) {
    SILENT.store(letters.is_none(), Ordering::Relaxed);
    let bits =
        letters.unwrap_or_default().chars().filter_map(Domain::of).fold(0, |bits, domain| bits | 1 << domain as u32);
    DETAILED.store(bits, Ordering::Relaxed);
}

/// Whether such a line is written.
pub(crate) fn is_on(domain: Domain, level: Level) -> bool {
    let is_detailed = DETAILED.load(Ordering::Relaxed) & 1 << domain as u32 != 0;
    (level > Level::Debug || is_detailed) && !SILENT.load(Ordering::Relaxed)
}

/// Writes a line, if such lines are.
pub(crate) fn log(domain: Domain, level: Level, text: Arguments<'_>) {
    if is_on(domain, level) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = line(domain, level, local_time(now.as_secs()), now.subsec_micros(), text);
        crate::log::write(&line);
    }
}

/// The beginning of what may be long, as it is logged.
pub(crate) fn shortened(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    const LOGGED: usize = 2000;
    String::from_utf8_lossy(&bytes[..bytes.len().min(LOGGED)])
}

fn line(domain: Domain, level: Level, time: (i32, i32, i32), micros: u32, text: Arguments<'_>) -> String {
    let (_, name, colour) = Level::ALL[level as usize];
    let (hour, minute, second) = time;
    let mut line = format!(
        "\x1b[1m[IKPdb-{}]\x1b[0m {hour:02}:{minute:02}:{second:02},{micros:06} - \x1b[{colour}m{name}\x1b[0m - ",
        domain.letter()
    );
    let _ = writeln!(line, "{text}");
    line
}

fn local_time(seconds: u64) -> (i32, i32, i32) {
    let seconds = libc::time_t::try_from(seconds).unwrap_or(0);
    // SAFETY: plain data, filled in by the call.
    let time = unsafe {
        let mut time: libc::tm = std::mem::zeroed();
        libc::localtime_r(&raw const seconds, &raw mut time);
        time
    };
    (time.tm_hour, time.tm_min, time.tm_sec)
}

/// Logs a line: `log!(Network, Info, "Connected with {}", peer)`.
macro_rules! say {
    ($domain:ident, $level:ident, $($text:tt)*) => {
        $crate::door::original::log::log(
            $crate::door::original::log::Domain::$domain,
            $crate::door::original::log::Level::$level,
            format_args!($($text)*),
        )
    };
}
pub(crate) use say;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_looks_as_the_originals() {
        let line = line(Domain::General, Level::Info, (6, 54, 3), 396_639, format_args!("é listening on {}", "1:2"));
        assert_eq!(line, "\x1b[1m[IKPdb-g]\x1b[0m 06:54:03,396639 - \x1b[92mINFO\x1b[0m - é listening on 1:2\n");
    }

    #[test]
    fn letters_of_either_case_turn_details_on_and_others_are_passed_over() {
        set_up(Some("Nz,9p"));
        let on = |domain| is_on(domain, Level::Debug);
        assert!(on(Domain::Network) && on(Domain::Paths));
        assert!(!on(Domain::General) && !on(Domain::Breakpoints));
        assert!(is_on(Domain::General, Level::Info));
        set_up(Some(""));
        assert!(!on(Domain::Network));
    }
}
