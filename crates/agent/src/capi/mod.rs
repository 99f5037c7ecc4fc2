//! The parts of the C API that the limited API lacks, reached by `dlsym` so that one library serves all versions.

pub(crate) mod builtin;
pub(crate) mod frame;
pub(crate) mod integer;
pub(crate) mod method;
pub(crate) mod monitoring;
mod reference;

use std::ffi::{c_char, c_int, c_long, c_void};
use std::sync::OnceLock;

use pyo3::ffi::{PyCodeObject, PyFrameObject, PyInterpreterState, PyObject, PyThreadState};

pub(crate) use reference::Ref;

/// A native trace function, as `PyEval_SetTrace` takes it.
pub(crate) type TraceFunction = unsafe extern "C" fn(*mut PyObject, *mut PyFrameObject, c_int, *mut PyObject) -> c_int;

/// What `Py_AddPendingCall` calls.
pub(crate) type PendingCall = extern "C" fn(*mut c_void) -> c_int;

/// Frees what was attached to a code object.
pub(crate) type FreeFunction = unsafe extern "C" fn(*mut c_void);

/// Is told what becomes of a code object.
pub(crate) type CodeWatcher = unsafe extern "C" fn(c_int, *mut PyObject) -> c_int;

macro_rules! symbols {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $($name:literal)|+ ;)*) => {
        /// The functions that every supported version has.
        pub(crate) struct Symbols {
            $($(#[$doc])* pub(crate) $field: $type,)*
        }

        impl Symbols {
            fn load() -> Result<Self, String> {
                Ok(Self {
                    $($field: {
                        let address = [$($name),+].into_iter().find_map(symbol)
                            .ok_or_else(|| format!("this interpreter does not export {}", [$($name),+].map(|it| it.to_string_lossy().into_owned()).join(" or ")))?;
                        // SAFETY: the symbol is the named CPython function, whose signature the type repeats.
                        unsafe { std::mem::transmute::<*mut c_void, $type>(address) }
                    },)*
                })
            }
        }
    };
}

symbols! {
    /// Reserves a slot on code objects.
    request_code_extra_index: unsafe extern "C" fn(FreeFunction) -> isize
        = c"PyUnstable_Eval_RequestCodeExtraIndex" | c"_PyEval_RequestCodeExtraIndex";
    /// Writes the slot.
    code_set_extra: unsafe extern "C" fn(*mut PyObject, isize, *mut c_void) -> c_int
        = c"PyUnstable_Code_SetExtra" | c"_PyCode_SetExtra";
    /// The caller's frame; a new reference or null.
    frame_get_back: unsafe extern "C" fn(*mut PyFrameObject) -> *mut PyFrameObject = c"PyFrame_GetBack";
    /// The globals; a new reference.
    frame_get_globals: unsafe extern "C" fn(*mut PyFrameObject) -> *mut PyObject = c"PyFrame_GetGlobals";
    /// The builtins; a new reference.
    frame_get_builtins: unsafe extern "C" fn(*mut PyFrameObject) -> *mut PyObject = c"PyFrame_GetBuiltins";
    /// The locals: a dict, from 3.13 on a proxy that writes through; a new reference.
    frame_get_locals: unsafe extern "C" fn(*mut PyFrameObject) -> *mut PyObject = c"PyFrame_GetLocals";
    /// The offset of the last instruction, in bytes.
    frame_get_lasti: unsafe extern "C" fn(*mut PyFrameObject) -> c_int = c"PyFrame_GetLasti";
    /// The innermost frame of a thread; a new reference or null.
    thread_get_frame: unsafe extern "C" fn(*mut PyThreadState) -> *mut PyFrameObject = c"PyThreadState_GetFrame";
    /// The interpreter that was made last.
    interpreter_head: unsafe extern "C" fn() -> *mut PyInterpreterState = c"PyInterpreterState_Head";
    /// The first thread state of an interpreter.
    thread_head: unsafe extern "C" fn(*mut PyInterpreterState) -> *mut PyThreadState = c"PyInterpreterState_ThreadHead";
    /// The next thread state.
    thread_next: unsafe extern "C" fn(*mut PyThreadState) -> *mut PyThreadState = c"PyThreadState_Next";
    /// Calls a callable with positional arguments; a new reference.
    vectorcall: unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, usize, *mut PyObject) -> *mut PyObject
        = c"PyObject_Vectorcall";
    /// Gives the GIL away. Declared here as never unwinding: at the end of the program CPython 3.11-3.13 ends the thread
    /// inside `restore_thread`, and the frames above it must not notice.
    save_thread: unsafe extern "C" fn() -> *mut PyThreadState = c"PyEval_SaveThread";
    /// Takes the GIL back; may never return once the interpreter ends.
    restore_thread: unsafe extern "C" fn(*mut PyThreadState) = c"PyEval_RestoreThread";
}

/// The functions that only some versions have.
pub(crate) struct Optional {
    /// 3.11, 3.12: writes the dict of `frame_get_locals` back to the frame.
    pub(crate) frame_locals_to_fast: Option<unsafe extern "C" fn(*mut PyFrameObject, c_int)>,
    /// 3.11: sets the trace function of any thread.
    pub(crate) set_trace_of:
        Option<unsafe extern "C" fn(*mut PyThreadState, Option<TraceFunction>, *mut PyObject) -> c_int>,
    /// 3.12+: calls a function with each object that the garbage collector knows.
    pub(crate) visit_objects:
        Option<unsafe extern "C" fn(unsafe extern "C" fn(*mut PyObject, *mut c_void) -> c_int, *mut c_void)>,
    /// 3.12+: has a function told of code objects that are made and that die. A negative answer is an error, with a Python exception.
    pub(crate) watch_codes: Option<unsafe extern "C" fn(CodeWatcher) -> c_int>,
    /// What a call of an object with positional arguments calls.
    pub(crate) called: Option<unsafe extern "C" fn(*mut PyObject) -> *mut c_void>,
    /// By how much an instruction (number, argument) makes the stack of values higher; the last argument says whether it jumps.
    pub(crate) stack_effect: Option<unsafe extern "C" fn(c_int, c_int, c_int) -> c_int>,
    add_pending_call: Option<*mut c_void>,
}

// SAFETY: the pointers are code addresses; calling them is the caller's business.
unsafe impl Send for Optional {}
// SAFETY: as above.
unsafe impl Sync for Optional {}

/// Major and minor version, as `(3, 13)`.
pub(crate) type Version = (u8, u8);

/// All of it, found once.
pub(crate) struct Capi {
    /// The running interpreter's version.
    pub(crate) version: Version,
    /// What every version has.
    pub(crate) symbols: Symbols,
    /// What some have.
    pub(crate) optional: Optional,
}

static CAPI: OnceLock<Capi> = OnceLock::new();

impl Capi {
    /// Finds the functions; to be called once, before anything else.
    pub(crate) fn load(version: Version) -> Result<(), String> {
        let symbols = Symbols::load()?;
        /// Finds one optional function.
        macro_rules! optional {
            ($name:literal) => {
                // SAFETY: the symbol is the named CPython function, whose signature the field repeats.
                symbol($name).map(|address| unsafe { std::mem::transmute(address) })
            };
        }
        let optional = Optional {
            frame_locals_to_fast: optional!(c"PyFrame_LocalsToFast"),
            set_trace_of: if version < (3, 12) { optional!(c"_PyEval_SetTrace") } else { None },
            visit_objects: optional!(c"PyUnstable_GC_VisitObjects"),
            watch_codes: optional!(c"PyCode_AddWatcher"),
            called: optional!(c"PyVectorcall_Function"),
            stack_effect: optional!(c"PyCompile_OpcodeStackEffectWithJump"),
            add_pending_call: symbol(c"_PyEval_AddPendingCall"),
        };
        let _ = CAPI.set(Self { version, symbols, optional });
        Ok(())
    }

    /// Asks any thread that runs bytecode to call `call` soon. Needs no GIL. False if the queue is full.
    pub(crate) fn add_pending_call(&self, call: PendingCall) -> bool {
        let Some(address) = self.optional.add_pending_call else {
            // SAFETY: part of the stable API; callable from any thread.
            return unsafe { pyo3::ffi::Py_AddPendingCall(Some(call), std::ptr::null_mut()) } == 0;
        };
        let interpreter = main_interpreter();
        if self.version < (3, 12) {
            // SAFETY: 3.11's signature.
            let add: unsafe extern "C" fn(*mut PyInterpreterState, PendingCall, *mut c_void) -> c_int =
                unsafe { std::mem::transmute(address) };
            // SAFETY: the interpreter lives as long as the agent does anything.
            unsafe { add(interpreter, call, std::ptr::null_mut()) == 0 }
        } else {
            // SAFETY: the signature from 3.12 on; the last argument 0 asks for any thread.
            let add: unsafe extern "C" fn(*mut PyInterpreterState, PendingCall, *mut c_void, c_int) -> c_int =
                unsafe { std::mem::transmute(address) };
            // SAFETY: as above.
            unsafe { add(interpreter, call, std::ptr::null_mut(), 0) == 0 }
        }
    }
}

/// The functions. Panics before [`Capi::load`], which the start calls before anything that could need them.
pub(crate) fn capi() -> &'static Capi {
    CAPI.get().expect("the start loads the C API first")
}

/// The functions that every version has.
pub(crate) fn py() -> &'static Symbols {
    &capi().symbols
}

struct MainInterpreter(*mut PyInterpreterState);
// SAFETY: an address; the interpreter it names is never freed while the agent works.
unsafe impl Send for MainInterpreter {}
// SAFETY: as above.
unsafe impl Sync for MainInterpreter {}
static MAIN_INTERPRETER: OnceLock<MainInterpreter> = OnceLock::new();

/// Remembers the current interpreter as the one that is debugged. Needs the GIL.
pub(crate) fn adopt_interpreter() {
    // SAFETY: called with the GIL held, so there is a current interpreter.
    let _ = MAIN_INTERPRETER.set(MainInterpreter(unsafe { pyo3::ffi::PyInterpreterState_Get() }));
}

/// The interpreter that is debugged.
pub(crate) fn main_interpreter() -> *mut PyInterpreterState {
    MAIN_INTERPRETER.get().map_or(std::ptr::null_mut(), |it| it.0)
}

/// Whether the calling thread, which holds the GIL, runs the interpreter that is debugged.
pub(crate) fn in_main_interpreter() -> bool {
    // SAFETY: called with the GIL held.
    unsafe { pyo3::ffi::PyInterpreterState_Get() == main_interpreter() }
}

/// Whether the process has further interpreters, which may have a GIL of their own. Needs the GIL. The list is only compared with, not
/// walked: who has another GIL may change it at any time.
pub(crate) fn others_may_run() -> bool {
    // Before 3.12 all share one. A new one is put in front, so the main one is the last.
    // SAFETY: reads an address.
    capi().version >= (3, 12) && unsafe { (py().interpreter_head)() } != main_interpreter()
}

/// The current thread's state. Needs the GIL.
pub(crate) fn current_thread() -> *mut PyThreadState {
    // SAFETY: called with the GIL held.
    unsafe { pyo3::ffi::PyThreadState_Get() }
}

/// The innermost frame of the current thread, borrowed; null outside Python code. Needs the GIL.
pub(crate) fn current_frame() -> *mut PyFrameObject {
    // SAFETY: called with the GIL held.
    unsafe { pyo3::ffi::PyEval_GetFrame() }
}

/// The code of a frame, borrowed: a frame keeps its code alive. Needs the GIL.
pub(crate) fn frame_code(frame: *mut PyFrameObject) -> *mut PyCodeObject {
    // SAFETY: `frame` is a live frame; the new reference is given back at once because the frame holds one.
    unsafe {
        let code = pyo3::ffi::PyFrame_GetCode(frame);
        pyo3::ffi::Py_DECREF(code.cast());
        code
    }
}

fn symbol(name: &std::ffi::CStr) -> Option<*mut c_void> {
    // SAFETY: a search in the loaded objects; the name ends with a zero byte.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr().cast::<c_char>()) };
    (!address.is_null()).then_some(address)
}

/// Address of a data symbol of the interpreter.
pub(crate) fn data_symbol(name: &std::ffi::CStr) -> Option<*mut c_void> {
    symbol(name)
}

/// Whether an object is a code object. pyo3's own check imports `types` into the program, which without us need not be there.
///
/// # Safety
/// A live object.
pub(crate) unsafe fn is_code(object: *mut PyObject) -> bool {
    struct Type(*mut c_void);
    // SAFETY: an address only.
    unsafe impl Send for Type {}
    // SAFETY: as above.
    unsafe impl Sync for Type {}
    static CODE: OnceLock<Type> = OnceLock::new();
    let code = CODE.get_or_init(|| Type(data_symbol(c"PyCode_Type").unwrap_or(std::ptr::null_mut())));
    // SAFETY: by the caller.
    unsafe { pyo3::ffi::Py_TYPE(object) }.cast() == code.0
}

/// Makes an exception appear in a thread. Needs the GIL; null takes it back.
pub(crate) fn set_async_exception(ident: c_long, exception: *mut PyObject) {
    // SAFETY: part of the stable API, called with the GIL.
    unsafe { pyo3::ffi::PyThreadState_SetAsyncExc(ident, exception) };
}
