//! Steps at the end of a deep stack read no more of it than at the end of a short one: the processor marks the pages that are read.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use serde_json::json;
use support::{Debuggee, Launch, Python, pythons};

const PROGRAM: &str = "\
import sys
sys.setrecursionlimit(30_000)
def fourth(value):
    return value
def third(value):
    return fourth(value)
def second(value):
    return third(value)
def first(value):
    return second(value)
def deep(levels):
    if levels:
        return deep(levels - 1)
    while True:
        first(levels)  # BP:call
        value = levels
        value = levels
        value = levels
deep(int(sys.argv[1]))
";

const DEEP: usize = 10_000;
/// Bytes that the shortest frame has. Whoever walks a stack reads a word of each.
const FRAME: usize = 96;

/// Bytes of the program's own memory, in whole pages, that are read or written meanwhile.
fn touched(debuggee: &mut Debuggee, work: impl FnOnce(&mut Debuggee)) -> usize {
    let process = format!("/proc/{}", debuggee.pid());
    for what in ["1", "4"] {
        std::fs::write(format!("{process}/clear_refs"), what).unwrap();
    }
    work(debuggee);
    let maps = std::fs::read_to_string(format!("{process}/smaps")).unwrap();
    let mut of_program = false;
    let mut kilobytes = 0;
    for line in maps.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["Referenced:", count, _] if of_program => kilobytes += count.parse::<usize>().unwrap(),
            // A mapping: addresses, rights, offset, device, number of the file or 0, its path.
            [range, _, _, _, file, ..] if range.contains('-') => of_program = file == "0",
            _ => {}
        }
    }
    kilobytes * 1024
}

/// What steps touch at this depth, each kind the least of some; and what it takes to show the whole stack. The first step after one of another
/// kind is left out: it asks the interpreter for other events, which goes through all stacks for it.
fn measured(python: &Python, depth: usize) -> ([(&'static str, usize); 3], usize) {
    let launch = Launch { args: vec![depth.to_string()], ..Launch::at("call") };
    let mut debuggee = Debuggee::launch(python, PROGRAM, launch);
    let thread = debuggee.stopped().thread;
    debuggee.set_breakpoints(&[]);
    let mut steps = [("stepIn", usize::MAX), ("stepOut", usize::MAX), ("next", usize::MAX)];
    for _ in 0..3 {
        for (command, least) in &mut steps {
            debuggee.go_and_stop(command, thread);
            for _ in 0..3 {
                *least = touched(&mut debuggee, |debuggee| {
                    debuggee.go(command, thread);
                    debuggee.event("stopped");
                })
                .min(*least);
            }
        }
        // The loop goes on to the call.
        while debuggee.go_and_stop("next", thread).line() != debuggee.line("call") {}
    }
    let whole = touched(&mut debuggee, |debuggee| {
        let stack = debuggee.request("stackTrace", json!({"threadId": thread}));
        assert!(stack["stackFrames"].as_array().unwrap().len() > depth);
    });
    (steps, whole)
}

#[test]
fn a_step_at_the_end_of_a_deep_stack_reads_no_more_of_it_than_at_the_end_of_a_short_one() {
    // A page of 2 MB would be marked as one.
    // SAFETY: a plain call; it is about this process and those that it starts.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) }, 0);
    for python in pythons() {
        let (shallow, _) = measured(&python, 10);
        let (deep, whole) = measured(&python, DEEP);
        let what = format!("{}: {shallow:?} and {deep:?} and {whole}", python.version);
        println!("{what}");
        assert!(whole > DEEP * FRAME, "a walk does not show: {what}");
        for ((_, shallow), (_, deep)) in shallow.into_iter().zip(deep) {
            assert!(deep < shallow + DEEP * FRAME / 4, "{what}");
        }
    }
}
