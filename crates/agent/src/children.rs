//! Children of the debuggee that run Python: they are not debugged, and the user is told once of each.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ikpdb_proto::Event;
use ikpdb_proto::agent::{CHILD, ChildNotDebugged};

use crate::door::OUTBOX;
use crate::semaphore::Semaphore;

/// Times after the program has said that it starts a child at which we look for it. It appears within a moment, and turns
/// into what it will run a moment later.
const LOOKS: [Duration; 5] = [
    Duration::from_millis(20),
    Duration::from_millis(80),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_millis(1200),
];

static WATCHING: AtomicBool = AtomicBool::new(false);
static APPEARING: std::sync::LazyLock<Semaphore> = std::sync::LazyLock::new(Semaphore::new);
static TOLD: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// The program is about to start a child. Costs a flag and a post.
pub(crate) fn may_appear() {
    if !WATCHING.swap(true, Ordering::Relaxed) {
        APPEARING.post();
    }
}

/// The thread that looks for children. Native, ends with the process.
pub(crate) fn watch_for_ever() -> ! {
    loop {
        APPEARING.wait();
        for delay in LOOKS {
            // A new child posts again only after this round: its beginning is within the round's looks or starts the next.
            APPEARING.wait_for(delay);
            for pid in children() {
                tell(pid);
            }
        }
        WATCHING.store(false, Ordering::Relaxed);
    }
}

fn children() -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let lists = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()).collect()
}

fn tell(pid: u32) {
    let Ok(executable) = std::fs::read_link(format!("/proc/{pid}/exe")) else { return };
    let is_python = executable.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python"));
    let mut told = TOLD.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !is_python || !told.insert(pid) {
        return;
    }
    drop(told);
    let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let words = |bytes: &[u8]| -> Vec<String> {
        bytes
            .split(|byte| *byte == 0)
            .filter(|it| !it.is_empty())
            .map(|it| String::from_utf8_lossy(it).into_owned())
            .collect()
    };
    // Werkzeug marks the process that its reloader starts; Django does the same under another name.
    let environment = words(&read("environ"));
    let reloaded = environment.iter().any(|it| it == "WERKZEUG_RUN_MAIN=true" || it == "RUN_MAIN=true");
    let hint = if reloaded {
        "it is the reloader's server process: start with --no-reload to debug it"
    } else {
        "child processes run undebugged"
    };
    OUTBOX.send(Event::new(
        CHILD,
        &ChildNotDebugged { pid, command: words(&read("cmdline")), hint: Some(hint.to_owned()) },
    ));
}
