//! The agent's start: called once by the preload library, in the main thread, after `site` and before the program's first
//! line.

use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ikpdb_proto::agent::AgentStart;
use pyo3::PyTypeInfo;
use pyo3::ffi::{self, PyObject};
use pyo3::panic::PanicException;
use pyo3::prelude::*;

use crate::capi::builtin::builtin_in_place_of;
use crate::capi::{self, Capi, Ref, frame, integer};
use crate::door::listener::{self, Connection};
use crate::door::mailbox::{Letter, MAILBOX, StopId};
use crate::door::{CONFIGURED, HUB_IS_GONE, options, original};
use crate::engine::stop::Came;
use crate::engine::what::{Reason, What};
use crate::engine::{
    audit, codes, entry, events, exit_code, freeze, gil, hooks, interrupt, pause, signals, stop, threads, watchdog,
};
use crate::sync::Semaphore;
use crate::{children, lifetime, log, requests, reserve};

/// What the preload library calls for every later audit event.
pub(crate) type AuditCallback = unsafe extern "C" fn(event: *const c_char, args: *mut c_void) -> c_int;

/// How long the start waits for a thread of ours to have a state of its own. It takes microseconds.
const STATE_PATIENCE: Duration = Duration::from_secs(1);

static STARTED: AtomicBool = AtomicBool::new(false);

/// Starts the agent: `config` is the JSON of [`AgentStart`], `length` bytes. Returns the callback for audit events, or
/// nothing if this program is not debugged; the reason then stands on standard error.
///
/// # Safety
/// Called with the GIL held, with `length` readable bytes at `config`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ikpdb_agent_start(config: *const u8, length: usize) -> Option<AuditCallback> {
    if STARTED.swap(true, Ordering::Relaxed) {
        return None;
    }
    // SAFETY: by the caller.
    let config = unsafe { std::slice::from_raw_parts(config, length) };
    match std::panic::catch_unwind(|| Python::attach(|py| start(py, config))) {
        Ok(Ok(())) => Some(audit::on_event),
        Ok(Err(reason)) => {
            log::line(&format!("not debugging: {reason}"));
            None
        }
        Err(_) => {
            log::line("not debugging: the agent failed to start");
            None
        }
    }
}

fn start(py: Python<'_>, config: &[u8]) -> Result<(), String> {
    log::begin();
    let start: AgentStart =
        serde_json::from_slice(config).map_err(|error| format!("the start is not readable: {error}"))?;
    let version = py.version_info();
    if (version.major, version.minor) < (3, 11) {
        return Err(format!(
            "Python {}.{} is too old, 3.11 is the oldest that can be debugged",
            version.major, version.minor
        ));
    }
    Capi::load((version.major, version.minor))?;
    capi::adopt_interpreter();
    let _main = threads::id_of(capi::current_thread());
    let connection = start.hub.as_ref().map(|hub| Connection::open(py, hub, &start.build)).transpose()?;
    let id = StopId(0);
    let arrived = MAILBOX.open(id, ikpdb_proto::ThreadId(0), ikpdb_proto::StopPolicy::All);
    // Who waits for a client waits long: Ctrl-C ends the program meanwhile, from the moment on that it is said to wait.
    let interrupts = start.ikpdb.is_some().then(|| signals::Watch::begin(arrived));
    let listener = start.ikpdb.map(|it| original::listener::Listener::new(original::open(py, it)));
    if connection.is_none() && listener.is_none() {
        return Err("the start names nobody to debug for".to_owned());
    }
    prepare(py).map_err(|error| error.value(py).to_string())?;
    if listener.is_some() {
        exit_code::watch(py, original::ending::tell_exit_code);
    }
    reserve::keep();
    lifetime::begin();
    // Who debugs by the door waits for its client, however long; so does the program.
    let patience = start.hub.filter(|_| listener.is_none()).map(|it| Duration::from_millis(u64::from(it.patience_ms)));
    let one_is_ready = std::sync::Arc::new(Semaphore::new());
    spawn_threads(connection, listener, &one_is_ready)?;
    // Two of them take the GIL once for a state of their own, before anybody could look at the states.
    py.detach(|| one_is_ready.wait_for(STATE_PATIENCE) && one_is_ready.wait_for(STATE_PATIENCE));
    wait_for_configuration(py, patience, id, arrived, interrupts);
    if options().stop_on_entry && lifetime::debugging() {
        entry::arm(py);
    }
    Ok(())
}

/// What needs the interpreter.
fn prepare(py: Python<'_>) -> PyResult<()> {
    // pyo3 makes this type when it first fetches an error, and fetches one if it cannot make it, for which it waits until the type is made.
    // A program that is out of stack or memory just then would hang.
    let _ = PanicException::type_object(py);
    integer::learn(py);
    frame::find_layout();
    codes::start(py);
    events::start(py)?;
    lifetime::register(py)?;
    let sys = py.import("sys")?;
    let hook = builtin_in_place_of(&sys.getattr("breakpointhook")?, c"breakpointhook", on_breakpoint)?;
    sys.setattr("breakpointhook", hook)?;
    // If `site` has imported `threading` already, the audit hook has not seen its code.
    let modules = py.import("sys")?.getattr("modules")?;
    if let Ok(threading) = modules.get_item("threading") {
        let maker = threading.getattr("_make_invoke_excepthook")?.getattr("__code__")?;
        codes::register_tree(py, &maker)?;
    }
    hooks::install(py)
}

/// Starts our threads, with all signals blocked in them: signals are the program's.
fn spawn_threads(
    connection: Option<Connection>,
    listener: Option<original::listener::Listener>,
    one_is_ready: &std::sync::Arc<Semaphore>,
) -> Result<(), String> {
    // SAFETY: plain data; the mask of this thread is restored below.
    let old = unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut old);
        old
    };
    type Work = Box<dyn FnOnce() + Send>;
    let spawn = |name: &str, work: Work| {
        std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(512 << 10)
            .spawn(work)
            .map(drop)
            .map_err(|error| format!("no thread could be started: {error}"))
    };
    let (helper, interrupter) = (std::sync::Arc::clone(one_is_ready), std::sync::Arc::clone(one_is_ready));
    let mut threads: Vec<(&str, Work)> = vec![
        (gil::HELPER_NAME, Box::new(move || gil::help_for_ever(|| helper.post()))),
        (interrupt::INTERRUPTER_NAME, Box::new(move || interrupt::interrupt_for_ever(|| interrupter.post()))),
        ("ikpdb-watchdog", Box::new(|| watchdog::watch_for_ever())),
        ("ikpdb-children", Box::new(|| children::watch_for_ever())),
    ];
    if let Some(connection) = connection {
        threads.push(("ikpdb-listener", Box::new(move || listener::listen_for_ever(connection))));
        threads.push(("ikpdb-writer", Box::new(|| crate::door::OUTBOX.write_for_ever())));
    }
    if let Some(listener) = listener {
        let door = listener.door;
        let sender = &door.sender;
        threads.push(("ikpdb-sender", Box::new(move || sender.send_for_ever())));
        threads.push(("ikpdb-door", Box::new(move || listener.listen_for_ever())));
        threads.push(("ikpdb-signals", Box::new(move || original::ending::wait_for_sigterm(door))));
    }
    lifetime::own_threads(i32::try_from(threads.len()).unwrap_or(0));
    let outcome = threads.into_iter().try_for_each(|(name, work)| spawn(name, work));
    // SAFETY: restores the mask saved above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const old, std::ptr::null_mut()) };
    outcome
}

/// Waits, with the GIL, until the hub has configured us, doing the jobs that come from it. The program is not kept from its
/// first line by a hub that says nothing or is gone.
fn wait_for_configuration(
    py: Python<'_>,
    patience: Option<Duration>,
    id: StopId,
    arrived: &Semaphore,
    interrupts: Option<signals::Watch>,
) {
    let deadline = patience.map(|it| Instant::now() + it);
    // Those that came before the mailbox was open: nobody else does them while this thread keeps the GIL.
    gil::run_jobs(py);
    while !CONFIGURED.load(Ordering::Acquire) && lifetime::debugging() {
        let left = deadline.map(|it| it.saturating_duration_since(Instant::now()));
        let gone = HUB_IS_GONE.load(Ordering::Acquire) && original::door().is_none();
        if gone || left.is_some_and(|it| it.is_zero()) {
            let why = if gone { "the hub is gone" } else { "the hub did not get ready in time" };
            log::line(&format!("not debugging: {why}; the program starts undebugged"));
            lifetime::let_go(py);
            break;
        }
        if let Some(signal) = interrupts.as_ref().and_then(signals::Watch::take) {
            original::interrupted(signal);
            // Nothing of the program has run that would want to know.
            drop(interrupts);
            signals::end_by(signal);
            lifetime::let_go(py);
            break;
        }
        match left {
            Some(left) => arrived.wait_for(left),
            None => py.detach(|| arrived.wait()),
        };
        while let Some((_, letter)) = MAILBOX.next(id) {
            match letter {
                Letter::Job(job) => job(py),
                Letter::Request(request) => crate::door::OUTBOX.send(requests::answer_late(py, &request)),
                Letter::Errand { work, .. } => drop(work(None)),
                Letter::Release => lifetime::let_go(py),
                Letter::GoOn(_) => {}
            }
        }
    }
    let left = MAILBOX.close(id);
    left.pauses().for_each(pause::ask);
    for letter in left.letters {
        match letter {
            Letter::Job(job) => job(py),
            Letter::Request(request) => crate::door::OUTBOX.send(requests::answer_late(py, &request)),
            Letter::Errand { work, .. } => drop(work(None)),
            Letter::Release => lifetime::let_go(py),
            Letter::GoOn(_) => {}
        }
    }
    freeze::end(py);
}

/// Whether PYTHONBREAKPOINT is set, and looked at: not with -E or -I.
fn names_another_debugger(py: Python<'_>) -> bool {
    let ignored =
        || -> PyResult<bool> { py.import("sys")?.getattr("flags")?.getattr("ignore_environment")?.is_truthy() };
    std::env::var_os("PYTHONBREAKPOINT").is_some_and(|it| !it.is_empty()) && !ignored().unwrap_or(false)
}

/// `breakpoint()`: PYTHONBREAKPOINT keeps its meaning, and without a debugger it is Python's own.
unsafe extern "C" fn on_breakpoint(
    _: *mut PyObject,
    args: *const *mut PyObject,
    count: isize,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: called by Python code, with the GIL.
    let py = unsafe { Python::assume_attached() };
    if names_another_debugger(py) || !lifetime::debugging() || lifetime::forked() {
        // SAFETY: the arguments as they came, for the function that Python put there.
        return unsafe {
            let sys = ffi::PyImport_AddModule(c"sys".as_ptr());
            let Some(original) = Ref::steal(ffi::PyObject_GetAttrString(sys, c"__breakpointhook__".as_ptr())) else {
                return std::ptr::null_mut();
            };
            (capi::py().vectorcall)(original.as_ptr(), args, count.cast_unsigned(), names)
        };
    }
    lifetime::callback(py, "breakpoint()", || {
        if !stop::is_stopper() {
            let description = Some("Stopped on breakpoint() in the program".to_owned());
            let what = || What { description: description.clone(), ..What::new(Reason::Breakpoint) };
            while stop::stop(py, what()) == Came::Waited {}
        }
    });
    if signals::handler_raises(py) {
        return std::ptr::null_mut();
    }
    // SAFETY: the GIL is held.
    unsafe { ffi::Py_NewRef(ffi::Py_None()) }
}
