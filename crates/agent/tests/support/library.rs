//! The standard library's own tests: which modules there are, and what is known of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use ikpdb_testkit::Python;

/// Modules that take seconds: run on request only.
pub const SLOW: &[&str] = &[
    "test_ast",
    "test_asyncio.test_tasks",
    "test_bytes",
    "test_compile",
    "test_fork1",
    "test_import",
    "test_itertools",
    "test_json",
    "test_queue",
    "test_threading",
];

/// All others.
pub const MODULES: &[&str] = &[
    "test_asyncgen",
    "test_bdb",
    "test_class",
    "test_code",
    "test_code_module",
    "test_collections",
    "test_context",
    "test_contextlib",
    "test_contextlib_async",
    "test_coroutines",
    "test_dataclasses",
    "test_decorators",
    "test_descr",
    "test_dict",
    "test_dis",
    "test_doctest",
    "test_enum",
    "test_except_star",
    "test_exception_group",
    "test_exceptions",
    "test_frame",
    "test_funcattrs",
    "test_functools",
    "test_gc",
    "test_generators",
    "test_genexps",
    "test_global",
    "test_grammar",
    "test_inspect",
    "test_iter",
    "test_linecache",
    "test_list",
    "test_listcomps",
    "test_monitoring",
    "test_named_expressions",
    "test_opcodes",
    "test_patma",
    "test_pdb",
    "test_peepholer",
    "test_positional_only_arg",
    "test_property",
    "test_raise",
    "test_re",
    "test_runpy",
    "test_scope",
    "test_set",
    "test_string",
    "test_super",
    "test_syntax",
    "test_sys",
    "test_sys_setprofile",
    "test_sys_settrace",
    "test_textwrap",
    "test_thread",
    "test_threading_local",
    "test_trace",
    "test_traceback",
    "test_tuple",
    "test_types",
    "test_typing",
    "test_unpack",
    "test_warnings",
    "test_weakref",
    "test_with",
    "test_yield_from",
];

/// A difference that has to be: the begin of a version, the begin of a test's name, the reason.
pub type Known = (&'static str, &'static str, &'static str);

/// What differs in code that has a breakpoint.
pub const KNOWN: &[Known] = &[
    ("", "test.test_dis.DisTests.test_loop_quicken", SPECIALISED),
    ("", "test.test_dis.DisWithFileTests.test_loop_quicken", SPECIALISED),
    ("3.12", "test.test_dis.DisTests.test_super_instructions", SPECIALISED),
    ("3.12", "test.test_dis.DisWithFileTests.test_super_instructions", SPECIALISED),
    ("3.14", "test.test_dis.DisTests.test_super_instructions", SPECIALISED),
    ("3.14", "test.test_dis.DisWithFileTests.test_super_instructions", SPECIALISED),
    ("3.15", "test.test_dis.DisTests.test_loop_with_conditional_at_end_is_quickened", SPECIALISED),
    ("3.15", "test.test_dis.DisWithFileTests.test_loop_with_conditional_at_end_is_quickened", SPECIALISED),
    ("3.11", "test.test_dis.DisTests.test_binary_specialize", SPECIALISED),
    ("3.11", "test.test_dis.DisTests.test_call_specialize", SPECIALISED),
    ("3.11", "test.test_dis.DisTests.test_load_attr_specialize", SPECIALISED),
    ("3.11", "test.test_dis.DisWithFileTests.test_binary_specialize", SPECIALISED),
    ("3.11", "test.test_dis.DisWithFileTests.test_call_specialize", SPECIALISED),
    ("3.11", "test.test_dis.DisWithFileTests.test_load_attr_specialize", SPECIALISED),
    (
        "",
        "test.test_monitoring.ExceptionMonitoringTest.test_implicit_stop_iteration",
        "the interpreter tells no tool of STOP_ITERATION in code of which any other has asked for the lines",
    ),
    ("3.14", "test.test_monitoring.TestBranchConsistency.test_async_for", OTHER_TOOL),
    ("3.15", "test.test_monitoring.TestBranchConsistency.test_async_for", OTHER_TOOL),
    ("3.15", "test.test_monitoring.TestDisable.test_disable_legal_events", OTHER_TOOL),
    ("", "output of test_thread", "its threads print when they come to it, and how long they sleep"),
    ("3.1", "test.test_descr.ClassPropertiesAndMethods.test_slots", FRAME_OF_CONDITION),
    ("3.1", "test.test_gc.GCTests.test_heap_size", FRAME_OF_CONDITION),
    ("3.11", "test.test_frame.TestIncompleteFrameAreInvisible.test_sneaky_frame_object", FRAMES),
    ("3.11", "test.test_sys.SysModuleTest.test_refcount", FRAMES),
    (
        "3.11",
        "test.test_sys_settrace.TestEdgeCases.test_reentrancy",
        "it wants to be the only one that sets a trace function, and fails to",
    ),
];

pub const SPECIALISED: &str =
    "it looks at the instructions that the interpreter made for speed, and code with events has other ones";
const OTHER_TOOL: &str = "the interpreter tells of branches from other places, and once more, in code of which any other tool has asked for lines";
const FRAME_OF_CONDITION: &str =
    "it counts objects, and a function in which a condition was evaluated has a frame object from then on";
const FRAMES: &str = "code that is traced, by whomever, has a frame object from its begin, which holds a None";

/// The folder of an interpreter's standard library, if it has its tests.
pub fn library(python: &Python) -> Option<PathBuf> {
    let question = "import os, sys; sys.stdout.write(os.path.dirname(os.__file__))";
    let output = Command::new(&python.executable).args(["-I", "-S", "-c", question]).output().unwrap();
    let folder = PathBuf::from(String::from_utf8(output.stdout).unwrap());
    folder.join("test/test_generators.py").exists().then_some(folder)
}

/// Where a test module's text is.
pub fn file_of(library: &Path, module: &str) -> Option<PathBuf> {
    let path = library.join("test").join(module.replace('.', "/"));
    [path.with_extension("py"), path.join("__init__.py")].into_iter().find(|it| it.exists())
}

/// Whether a test is among those that differ.
pub fn is_known(known: &[Known], python: &Python, test: &str) -> bool {
    known.iter().any(|(version, name, _)| python.version.starts_with(version) && test.starts_with(name))
}
