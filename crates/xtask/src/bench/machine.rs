//! Names the machine that the figures hold for.

use crate::shell;

/// Processor, cores, kernel and system in one line.
pub(crate) fn describe() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processor = field(&read("/proc/cpuinfo"), "model name", ':').unwrap_or_else(|| "unknown processor".to_owned());
    let system = field(&read("/etc/os-release"), "PRETTY_NAME", '=').unwrap_or_else(|| "Linux".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{processor}, {cores} cores, {}, Linux {}", system.trim_matches('"'), kernel.trim())
}

/// Today.
pub(crate) fn date() -> String {
    shell::output(shell::program("date").args(["-u", "+%Y-%m-%d"])).unwrap_or_default().trim().to_owned()
}

fn field(text: &str, name: &str, separator: char) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(separator)?.1.trim().to_owned())
}
