//! Children of the debuggee that run Python: they are not debugged, and the user is told of each.
//!
//! A thread of its own looks at them in `/proc` for a while after the program has said that it starts one. A child is a copy of
//! the program first, and may become another program a moment later; which it is shows in its memory map: the copy has this
//! library in it.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ikpdb_proto::Event;
use ikpdb_proto::agent::{CHILD, ChildNotDebugged};

use crate::door::OUTBOX;
use crate::semaphore::Semaphore;

/// Times between the looks that follow the last announcement.
const LOOKS: [Duration; 5] = [
    Duration::from_millis(20),
    Duration::from_millis(80),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_millis(1200),
];

/// A copy that was seen so often is what the child will stay, as far as one can tell: it is told of.
const COPY_LOOKS: u32 = 3;

static ANNOUNCED: AtomicBool = AtomicBool::new(false);
static APPEARING: std::sync::LazyLock<Semaphore> = std::sync::LazyLock::new(Semaphore::new);

/// The program is about to start a child. Costs a flag and, at most once between two looks, a post.
pub(crate) fn may_appear() {
    if !ANNOUNCED.swap(true, Ordering::Relaxed) {
        APPEARING.post();
    }
}

/// The thread that looks for children. Native, ends with the process.
pub(crate) fn watch_for_ever() -> ! {
    let library = own_library();
    let mut schedule = Schedule::default();
    let mut known = BTreeMap::new();
    loop {
        match schedule.next {
            None => drop(APPEARING.wait()),
            Some(next) => drop(APPEARING.wait_for(next.saturating_duration_since(Instant::now()))),
        }
        let now = Instant::now();
        // The flag goes down before the look: whoever raises it afterwards gets looks of its own.
        if ANNOUNCED.swap(false, Ordering::Relaxed) {
            schedule.announced(now);
        }
        if schedule.due(now) {
            look(&mut known, &library);
        }
    }
}

/// When to look.
#[derive(Debug, Default)]
struct Schedule {
    next: Option<Instant>,
    done: usize,
}

impl Schedule {
    /// A child is about to appear: all looks follow. One that is due sooner stays, so that many children do not put it off.
    fn announced(&mut self, now: Instant) {
        let first = now + LOOKS[0];
        self.next = Some(self.next.map_or(first, |next| next.min(first)));
        self.done = 0;
    }

    /// Whether it is time for a look; the next one is planned then.
    fn due(&mut self, now: Instant) -> bool {
        if self.next.is_none_or(|next| next > now) {
            return false;
        }
        self.done += 1;
        self.next = LOOKS.get(self.done).map(|delay| now + *delay);
        true
    }
}

/// A child that was seen.
#[derive(Debug)]
enum Known {
    /// A copy of the program, seen so often.
    Copy(u32),
    /// What it will be, and told of.
    Settled,
}

fn look(known: &mut BTreeMap<u32, Known>, library: &[u8]) {
    let children = children();
    // A number may come again, for another child.
    known.retain(|pid, _| children.contains(pid));
    for pid in children {
        let looks = match known.get(&pid) {
            Some(Known::Settled) => continue,
            Some(Known::Copy(looks)) => *looks,
            None => 0,
        };
        let Some(child) = Child::read(pid, library) else { continue };
        if child.is_copy {
            if looks + 1 == COPY_LOOKS {
                child.tell(pid);
            }
            known.insert(pid, Known::Copy(looks + 1));
        } else {
            child.tell(pid);
            known.insert(pid, Known::Settled);
        }
    }
}

fn children() -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let lists = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()).collect()
}

/// A child that runs Python.
#[derive(Debug)]
struct Child {
    /// It has not become another program, or not yet.
    is_copy: bool,
    command: Vec<String>,
    environment: Vec<String>,
}

impl Child {
    /// What a process is; `None` if it is no Python, gone, or just becoming something.
    fn read(pid: u32, library: &[u8]) -> Option<Self> {
        let executable = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        if !executable.file_name()?.as_bytes().starts_with(b"python") {
            return None;
        }
        let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).ok();
        let words = |bytes: Vec<u8>| -> Vec<String> {
            let words = bytes.split(|byte| *byte == 0).filter(|it| !it.is_empty());
            words.map(|it| String::from_utf8_lossy(it).into_owned()).collect()
        };
        let map = read("maps")?;
        let command = words(read("cmdline")?);
        if command.is_empty() {
            // The kernel has not put its arguments there yet.
            return None;
        }
        let is_copy = map.split(|byte| *byte == b'\n').any(|line| line.ends_with(library));
        Some(Self { is_copy, command, environment: words(read("environ").unwrap_or_default()) })
    }

    fn tell(&self, pid: u32) {
        // Werkzeug marks the process that its reloader starts; Django does the same under another name.
        let reloads = |it: &String| it == "WERKZEUG_RUN_MAIN=true" || it == "RUN_MAIN=true";
        let hint = if !self.is_copy && self.environment.iter().any(reloads) {
            "it is the reloader's server process: to debug it, start with --no-reload, or app.run(use_reloader=False)"
        } else {
            "child processes run undebugged"
        };
        let command = self.command.clone();
        OUTBOX.send(Event::new(CHILD, &ChildNotDebugged { pid, command, hint: Some(hint.to_owned()) }));
    }
}

/// The path of this library, as memory maps name it.
fn own_library() -> Vec<u8> {
    // SAFETY: plain data, filled in by the call; the name lives as long as the library is loaded.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        let here = may_appear as fn() as *const libc::c_void;
        if libc::dladdr(here, &raw mut info) == 0 || info.dli_fname.is_null() {
            return b"/libikpdb_agent.so".to_vec();
        }
        let name = std::ffi::CStr::from_ptr(info.dli_fname);
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(name.to_bytes()));
        std::fs::canonicalize(path).map_or_else(|_| name.to_bytes().to_vec(), |it| it.as_os_str().as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    /// When the looks come if the thread wakes every 10 ms.
    fn looks(announcements: &[u64]) -> Vec<u64> {
        let start = Instant::now();
        let mut schedule = Schedule::default();
        let mut looks = Vec::new();
        for now in (0..6000).step_by(10) {
            if announcements.contains(&now) {
                schedule.announced(at(start, now));
            }
            if schedule.due(at(start, now)) {
                looks.push(now);
            }
        }
        looks
    }

    #[test]
    fn every_child_gets_all_looks_however_late_in_the_round_of_another_it_comes() {
        assert_eq!(looks(&[0]), [20, 100, 300, 800, 2000]);
        assert_eq!(looks(&[0, 310]), [20, 100, 300, 330, 410, 610, 1110, 2310]);
        // At the very end of a round, too.
        assert_eq!(looks(&[0, 2000])[4..], [2000, 2080, 2280, 2780, 3980]);
        assert_eq!(looks(&[0, 2010])[4..], [2000, 2030, 2110, 2310, 2810, 4010]);
    }

    #[test]
    fn children_without_end_are_looked_at_all_the_same() {
        let announcements: Vec<u64> = (0..1000).step_by(10).collect();
        let looks = looks(&announcements);
        let during: Vec<u64> = looks.iter().copied().filter(|it| *it < 1000).collect();
        assert!(during.windows(2).all(|it| it[1] - it[0] <= 80), "{looks:?}");
        assert!(during.len() <= 1000 / 20, "{looks:?}");
    }

    #[test]
    fn this_library_is_named_as_the_kernel_names_it() {
        let maps = std::fs::read("/proc/self/maps").unwrap();
        let library = own_library();
        assert!(maps.split(|byte| *byte == b'\n').any(|line| line.ends_with(&library)));
    }
}
