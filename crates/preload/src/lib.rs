//! The tiny library that loads the agent into a Python process before the program's first line.
//!
//! The dynamic linker runs [`enter`] before `main`. In a process that is not Python it does nothing, so that a wrapper
//! script which executes Python hands everything on. In a Python process it takes the start from its descriptor, wipes
//! every trace of itself from the environment and adds a native audit hook; at the first `cpython.run_*` event (after
//! `site`, before the program) it loads the agent and from then on passes each audit event to it. It allocates nothing,
//! formats nothing, cannot panic, and holds no Python symbol. Whatever fails, the program runs, undebugged, after one
//! line on standard error.

mod entry;
mod environment;
mod text;
mod thread_count;

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering};

use text::complain;

/// The longest start: 64 KiB of JSON and a path.
const MAX_START: usize = (64 << 10) + 4096;

/// What the descriptor held: the agent's path, a zero byte in place of the line feed, the JSON.
struct Start(core::cell::UnsafeCell<[u8; MAX_START]>);

// SAFETY: written only by the constructor, while the process has one thread; read later under `State::claim`.
unsafe impl Sync for Start {}

static START: Start = Start(core::cell::UnsafeCell::new([0; MAX_START]));
/// How many bytes of [`START`] are filled.
static START_LENGTH: AtomicUsize = AtomicUsize::new(0);

const WAITING: u8 = 0;
const DONE: u8 = 1;
/// Whether the agent was loaded, or was tried to.
static STATE: AtomicU8 = AtomicU8::new(WAITING);
/// The agent's audit hook, once it is there.
static AGENT_HOOK: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

type AuditHook = unsafe extern "C" fn(event: *const c_char, arguments: *mut c_void) -> c_int;
type PythonHook = unsafe extern "C" fn(event: *const c_char, arguments: *mut c_void, user_data: *mut c_void) -> c_int;
type AddAuditHook = unsafe extern "C" fn(hook: PythonHook, user_data: *mut c_void) -> c_int;
type AgentStart = unsafe extern "C" fn(config: *const u8, length: usize) -> Option<AuditHook>;

/// Run by the dynamic linker before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static ENTER: extern "C" fn() = enter;

extern "C" fn enter() {
    // SAFETY: the dynamic linker calls this once, before `main`, while the process has one thread; libc is initialised
    // because this library depends on it.
    unsafe {
        let Some(add_audit_hook) = symbol(c"PySys_AddAuditHook") else { return };
        let Some(descriptor) = environment::take_start() else { return };
        let taken = take(descriptor);
        if !taken {
            complain(&[c"the start of the agent could not be read"]);
            return;
        }
        if let Some(reason) = unfit() {
            complain(&[reason]);
            return;
        }
        let add_audit_hook = core::mem::transmute::<*mut c_void, AddAuditHook>(add_audit_hook);
        if entry::watched(|| add_audit_hook(on_event, ptr::null_mut())) != 0 {
            complain(&[c"Python takes no audit hook"]);
        }
    }
}

/// Why this interpreter cannot take the agent. The command has looked before; a wrapper script may have chosen another.
fn unfit() -> Option<&'static CStr> {
    if symbol(c"Py_Version").is_none() {
        return Some(c"Python 3.11 or newer is needed");
    }
    // Exported by free-threaded builds alone.
    if symbol(c"_Py_MergeZeroLocalRefcount").is_some() {
        return Some(c"free-threaded Python is not supported");
    }
    None
}

fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: a look-up by name in what is loaded already.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if found.is_null() { None } else { Some(found) }
}

/// Reads the start and closes its descriptor. It is read at offset 0, as another process may hold the same open file.
///
/// # Safety
/// To be called while the process has one thread.
unsafe fn take(descriptor: c_int) -> bool {
    // SAFETY: see above; the buffer is a static, and nobody else has a reference to it.
    unsafe {
        // First of all: whatever happens now, no program that this one starts gets it.
        libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        let buffer = START.0.get().cast::<u8>();
        let mut length = 0;
        // One byte stays zero: the path needs an end if there is no line feed.
        while length < MAX_START - 1 {
            let count =
                libc::pread(descriptor, buffer.add(length).cast(), MAX_START - 1 - length, length as libc::off_t);
            if count < 0 && *libc::__errno_location() == libc::EINTR {
                continue;
            }
            if count <= 0 {
                break;
            }
            length += count as usize;
        }
        libc::close(descriptor);
        START_LENGTH.store(length, Ordering::Release);
        length > 0
    }
}

/// Python's audit hook: loads the agent at the first `cpython.run_*`, then passes every event to it.
unsafe extern "C" fn on_event(event: *const c_char, arguments: *mut c_void, _user_data: *mut c_void) -> c_int {
    // SAFETY: Python calls hooks with the GIL held and names each event.
    unsafe { entry::protect_at_end(event) };
    let hook = AGENT_HOOK.load(Ordering::Acquire);
    if hook.is_null() {
        if STATE.load(Ordering::Acquire) == WAITING
            && runs_program(event)
            && STATE.swap(DONE, Ordering::AcqRel) == WAITING
        {
            // SAFETY: Python calls hooks with the GIL held, once for the swap above.
            unsafe { load() };
        }
        return 0;
    }
    // SAFETY: only `load` stores here, and it stores a function of this type.
    let hook = unsafe { core::mem::transmute::<*mut c_void, AuditHook>(hook) };
    // SAFETY: event and arguments are Python's own, for this call.
    unsafe { hook(event, arguments) }
}

fn runs_program(event: *const c_char) -> bool {
    const PREFIX: &CStr = c"cpython.run_";
    // SAFETY: Python names each event with a string that ends in a zero byte.
    unsafe { libc::strncmp(event, PREFIX.as_ptr(), PREFIX.count_bytes()) == 0 }
}

/// Loads the agent and starts it.
///
/// # Safety
/// To be called once, with the GIL held.
unsafe fn load() {
    // SAFETY: the buffer was filled before the hook was added and is touched by nobody else any more.
    unsafe {
        let buffer = START.0.get().cast::<u8>();
        let length = START_LENGTH.load(Ordering::Acquire);
        let line_feed = libc::memchr(buffer.cast(), c_int::from(b'\n'), length).cast::<u8>();
        if line_feed.is_null() {
            complain(&[c"the start of the agent is not complete"]);
            return;
        }
        *line_feed = 0;
        let path = CStr::from_ptr(buffer.cast());
        let config = line_feed.add(1);
        let config_length = length - (config.offset_from(buffer) as usize);
        let agent = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
        if agent.is_null() {
            complain_of_linker(path);
        } else {
            let start = libc::dlsym(agent, c"ikpdb_agent_start".as_ptr());
            if start.is_null() {
                complain(&[path, c" is not an agent of ikpdb"]);
            } else {
                let start = core::mem::transmute::<*mut c_void, AgentStart>(start);
                // The agent has said why if it stays away.
                if let Some(hook) = start(config, config_length) {
                    AGENT_HOOK.store(hook as *mut c_void, Ordering::Release);
                }
            }
        }
        // The secret was in it.
        libc::explicit_bzero(buffer.cast(), length);
    }
}

/// Says why the dynamic linker refused the library at `path`.
fn complain_of_linker(path: &CStr) {
    // SAFETY: the message is valid until the next call of a `dl*` function.
    unsafe {
        let message = libc::dlerror();
        if message.is_null() {
            complain(&[c"the agent cannot be loaded: ", path]);
        } else {
            complain(&[c"the agent cannot be loaded: ", CStr::from_ptr(message)]);
        }
    }
}
