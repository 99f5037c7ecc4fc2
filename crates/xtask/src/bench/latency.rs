//! How long answers take: requests, stops and pauses, as a client sees them. Rows are named by what is asked.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use ikpdb_specs::Adapter;
use serde_json::{Value, json};

use super::debuggee::{Debuggee, Starter, set_breakpoint_with};
use super::plan::{Debugger, Scenario, WORKLOADS, place};
use super::results::Answer;
use super::statistics::{median, quantile};
use super::{door, machine};

/// Times that a row stands on; what takes long stands on fewer.
const MANY: usize = 200;
const FEW: usize = 20;
/// Hits of the logpoint.
const HITS: u32 = 1_000_000;

type Rows = BTreeMap<String, Answer>;

/// A row: its name, and the most milliseconds of its median that are good enough, on 3.12 and newer and on 3.11.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) target: f64,
    pub(crate) target_311: f64,
}

const fn row(name: &'static str, target: f64, target_311: f64) -> Row {
    Row { name, target, target_311 }
}

/// All rows with a target. Their source is the table of targets of the engine's fact sheet.
pub(crate) const ROWS: [Row; 20] = [
    row("threads", 0.3, 0.3),
    row("stackTrace, 20 frames", 0.3, 0.3),
    row("scopes", 0.3, 0.3),
    row("variables", 0.3, 0.3),
    row("stack, scopes and variables", 0.9, 0.9),
    row("next, threads, stack, scopes and variables", 1.5, 1.5),
    row("next, 8 threads busy", 0.5, 0.5),
    row("evaluate x + y, 8 threads busy", 1.0, 1.0),
    row("10,000 frames, the first 20", 2.0, 2.0),
    row("10,000 frames, all", 40.0, 40.0),
    row("next at depth 10,000", 1.0, 1.0),
    row(STEP_IN, 1.0, 1.0),
    row(STEP_OUT, 1.0, 1.0),
    row("100 items of a list of 1,000,000", 1.0, 1.0),
    row("pause, one thread busy", 2.0, 10.0),
    row("pause, 8 threads busy", 2.0, 10.0),
    row("pause, all threads wait", 10.0, 10.0),
    row("launch, more than a native start", 60.0, 60.0),
    row(DOOR_COMMAND, 0.3, 0.3),
    row(DOOR_BREAK, 10.0, 10.0),
];

/// At the door for clients of the original IKPdb.
const DOOR_COMMAND: &str = "IKPdb 1.3: a command";
const DOOR_BREAK: &str = "IKPdb 1.3: stepOver to programBreak, 50 frames, 2,000 variables";
const STEP_IN: &str = "stepIn at depth 10,000";
const STEP_OUT: &str = "stepOut at depth 10,000";

/// What logpoints print, in hits a second.
pub(crate) const LOGPOINTS: &str = "logpoint in a hot loop";
/// The fewest hits a second that are good enough.
pub(crate) const LOGPOINTS_TARGET: f64 = 500_000.0;

/// The names of all rows, in the order of the page.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name).chain([LOGPOINTS])
}

/// Measures all rows of a debugger.
pub(crate) fn measure(starter: &Starter, debugger: Debugger) -> Result<Rows> {
    let mut rows = Rows::new();
    stopped(starter, debugger, &mut rows).context("requests")?;
    busy(starter, debugger, &mut rows).context("threads busy")?;
    deep(starter, debugger, &mut rows).context("deep")?;
    deep_calls(starter, debugger, &mut rows).context("calls in the deep")?;
    large(starter, debugger, &mut rows).context("large")?;
    pauses(starter, debugger, &mut rows).context("pause")?;
    launch(starter, debugger, &mut rows).context("launch")?;
    if debugger == Debugger::Ikpdb {
        logpoints(starter, debugger, &mut rows).context("logpoints")?;
        let (commands, breaks) = door::measure(starter).context("the door for clients of the original")?;
        keep(&mut rows, DOOR_COMMAND, commands);
        keep(&mut rows, DOOR_BREAK, breaks);
    }
    Ok(rows)
}

fn begin(starter: &Starter, debugger: Debugger) -> Result<Debuggee> {
    starter.debugged(debugger, &WORKLOADS[1], Scenario::S1)
}

/// Times something so often.
fn time(rows: &mut Rows, name: &str, times: usize, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    let mut milliseconds = Vec::with_capacity(times);
    for _ in 0..times {
        let start = Instant::now();
        work()?;
        milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
    }
    keep(rows, name, milliseconds);
    Ok(())
}

fn keep(rows: &mut Rows, name: &str, mut milliseconds: Vec<f64>) {
    let p99 = (milliseconds.len() >= 100).then(|| quantile(&mut milliseconds, 0.99));
    let answer = Answer { date: machine::date(), median: median(&mut milliseconds), p99, unit: "ms".to_owned() };
    rows.insert(name.to_owned(), answer);
}

fn stack(adapter: &mut Adapter, thread: u64, levels: u32) -> Result<Vec<Value>> {
    let arguments = json!({"threadId": thread, "startFrame": 0, "levels": levels});
    let mut body = adapter.request("stackTrace", &arguments)?;
    match body["stackFrames"].take() {
        Value::Array(frames) => Ok(frames),
        other => anyhow::bail!("a stack is {other}"),
    }
}

/// The reference of the locals of a frame.
fn locals(adapter: &mut Adapter, frame: &Value) -> Result<Value> {
    let mut scopes = adapter.request("scopes", &json!({"frameId": frame["id"]}))?;
    Ok(scopes["scopes"][0]["variablesReference"].take())
}

fn variables(adapter: &mut Adapter, reference: &Value) -> Result<Value> {
    Ok(adapter.request("variables", &json!({"variablesReference": reference}))?)
}

/// What an editor asks after each stop.
fn look(adapter: &mut Adapter, thread: u64) -> Result<()> {
    let frames = stack(adapter, thread, 20)?;
    let reference = locals(adapter, frames.first().context("an empty stack")?)?;
    variables(adapter, &reference).map(drop)
}

fn next(adapter: &mut Adapter, thread: u64) -> Result<()> {
    step(adapter, thread, "next")
}

fn step(adapter: &mut Adapter, thread: u64, command: &str) -> Result<()> {
    adapter.send(command, &json!({"threadId": thread}))?;
    adapter.event("stopped")?;
    Ok(())
}

fn stopped(starter: &Starter, debugger: Debugger, rows: &mut Rows) -> Result<()> {
    let mut debuggee = begin(starter, debugger)?;
    let thread = debuggee.stop_in_driver("steps")?;
    let adapter = debuggee.adapter()?;
    next(adapter, thread)?;
    time(rows, "threads", MANY, || adapter.request("threads", &json!({})).map(drop).map_err(Into::into))?;
    time(rows, "stackTrace, 20 frames", MANY, || stack(adapter, thread, 20).map(drop))?;
    let frames = stack(adapter, thread, 20)?;
    time(rows, "scopes", MANY, || locals(adapter, &frames[0]).map(drop))?;
    let reference = locals(adapter, &frames[0])?;
    time(rows, "variables", MANY, || variables(adapter, &reference).map(drop))?;
    let mut milliseconds = Vec::new();
    for _ in 0..MANY {
        next(adapter, thread)?;
        let start = Instant::now();
        look(adapter, thread)?;
        milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
    }
    keep(rows, "stack, scopes and variables", milliseconds);
    time(rows, "next, threads, stack, scopes and variables", MANY, || {
        next(adapter, thread)?;
        adapter.request("threads", &json!({}))?;
        look(adapter, thread)
    })?;
    debuggee.end()
}

fn busy(starter: &Starter, debugger: Debugger, rows: &mut Rows) -> Result<()> {
    let mut debuggee = begin(starter, debugger)?;
    debuggee.keep_busy(8)?;
    let thread = debuggee.stop_in_driver("steps")?;
    let adapter = debuggee.adapter()?;
    // A few are enough for who takes a quarter of a second.
    let times = if debugger == Debugger::Ikpdb { MANY } else { FEW };
    time(rows, "next, 8 threads busy", times, || next(adapter, thread))?;
    let frames = stack(adapter, thread, 1)?;
    time(rows, "evaluate x + y, 8 threads busy", times, || {
        let arguments = json!({"expression": "total + i", "frameId": frames[0]["id"], "context": "watch"});
        adapter.request("evaluate", &arguments).map(drop).map_err(Into::into)
    })?;
    debuggee.end()
}

fn deep(starter: &Starter, debugger: Debugger, rows: &mut Rows) -> Result<()> {
    let mut debuggee = begin(starter, debugger)?;
    let thread = debuggee.stop_in_driver("deep")?;
    let adapter = debuggee.adapter()?;
    let (mut some, mut all) = (Vec::new(), Vec::new());
    for _ in 0..FEW {
        next(adapter, thread)?;
        let start = Instant::now();
        ensure!(stack(adapter, thread, 20)?.len() == 20, "the stack is not deep");
        some.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        ensure!(stack(adapter, thread, 0)?.len() > 10_000, "the stack is not deep");
        all.push((adapter.came() - start).as_secs_f64() * 1e3);
    }
    keep(rows, "10,000 frames, the first 20", some);
    keep(rows, "10,000 frames, all", all);
    time(rows, "next at depth 10,000", FEW, || next(adapter, thread))?;
    debuggee.end()
}

/// Into a call and out of it, at the end of a deep stack.
fn deep_calls(starter: &Starter, debugger: Debugger, rows: &mut Rows) -> Result<()> {
    let mut debuggee = begin(starter, debugger)?;
    let (call, inside) = (place("driver", "calls")?, place("driver", "same")?);
    let thread = debuggee.stop_in_driver("calls")?;
    let adapter = debuggee.adapter()?;
    let (mut into, mut out) = (Vec::new(), Vec::new());
    let mut timed = |command: &str| -> Result<(f64, Option<u64>)> {
        let start = Instant::now();
        step(adapter, thread, command)?;
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        Ok((milliseconds, stack(adapter, thread, 1)?.first().and_then(|frame| frame["line"].as_u64())))
    };
    while out.len() < FEW {
        let (milliseconds, line) = timed("stepIn")?;
        if line != Some(inside.line.into()) {
            // The loop goes on to the call.
            continue;
        }
        into.push(milliseconds);
        let (milliseconds, line) = timed("stepOut")?;
        ensure!(line == Some(call.line.into()), "it stepped out to line {line:?}, not to that of the call");
        out.push(milliseconds);
    }
    keep(rows, STEP_IN, into);
    keep(rows, STEP_OUT, out);
    debuggee.end()
}

fn large(starter: &Starter, debugger: Debugger, rows: &mut Rows) -> Result<()> {
    let mut debuggee = begin(starter, debugger)?;
    let thread = debuggee.stop_in_driver("large")?;
    let adapter = debuggee.adapter()?;
    let frames = stack(adapter, thread, 1)?;
    let reference = locals(adapter, &frames[0])?;
    let mut body = variables(adapter, &reference)?;
    let found = body["variables"].as_array_mut().context("no variables")?.iter_mut().find(|it| it["name"] == "numbers");
    let list = found.context("the list is not shown")?["variablesReference"].take();
    let mut start = 0;
    time(rows, "100 items of a list of 1,000,000", MANY, || {
        start = (start + 499_979) % 999_900;
        let arguments = json!({"variablesReference": list, "start": start, "count": 100, "filter": "indexed"});
        adapter.request("variables", &arguments).map(drop).map_err(Into::into)
    })?;
    debuggee.end()
}

fn pauses(starter: &Starter, debugger: Debugger, rows: &mut Rows) -> Result<()> {
    for (name, busy, main_is_busy) in
        [("pause, one thread busy", 0, true), ("pause, 8 threads busy", 7, true), ("pause, all threads wait", 0, false)]
    {
        let mut debuggee = begin(starter, debugger)?;
        debuggee.keep_busy(busy)?;
        if main_is_busy {
            debuggee.say("reach spin")?;
        }
        let adapter = debuggee.adapter()?;
        let mut milliseconds = Vec::new();
        for _ in 0..FEW {
            // Let it come to its loop again.
            std::thread::sleep(std::time::Duration::from_millis(30));
            let start = Instant::now();
            adapter.send("pause", &json!({"threadId": 1}))?;
            // Who stops only the thread that comes to a line cannot stop one that waits.
            let end = start + adapter.patience().min(std::time::Duration::from_secs(5));
            let stopped = loop {
                match adapter.next_event(end) {
                    Ok(event) if event["event"] == "stopped" => break Some(event),
                    Ok(_) => {}
                    Err(_) => break None,
                }
            };
            let Some(stopped) = stopped else { break };
            milliseconds.push(start.elapsed().as_secs_f64() * 1e3);
            adapter.request("continue", &json!({"threadId": stopped["body"]["threadId"]}))?;
        }
        if milliseconds.len() == FEW {
            keep(rows, name, milliseconds);
        }
        debuggee.end()?;
    }
    Ok(())
}

/// Until the program says its first word, beyond what that takes without a debugger.
fn launch(starter: &Starter, debugger: Debugger, rows: &mut Rows) -> Result<()> {
    let timed = |start: &dyn Fn() -> Result<Debuggee>| -> Result<f64> {
        let begin = Instant::now();
        let debuggee = start()?;
        let milliseconds = begin.elapsed().as_secs_f64() * 1e3;
        debuggee.end()?;
        Ok(milliseconds)
    };
    let (mut native, mut debugged) = (Vec::new(), Vec::new());
    for _ in 0..FEW {
        native.push(timed(&|| starter.native(&WORKLOADS[1]))?);
        debugged.push(timed(&|| begin(starter, debugger))?);
    }
    let native = median(&mut native);
    keep(rows, "launch, more than a native start", debugged.into_iter().map(|it| it - native).collect());
    Ok(())
}

/// Hits a second of a logpoint, as the program sees them; all have to be told of or counted as lost.
fn logpoints(starter: &Starter, debugger: Debugger, rows: &mut Rows) -> Result<()> {
    let mut debuggee = begin(starter, debugger)?;
    set_breakpoint_with(debuggee.adapter()?, &place("driver", "log")?, json!({"logMessage": "value {i}"}))?;
    let mut rates = Vec::new();
    for _ in 0..5 {
        debuggee.say(&format!("log {HITS}"))?;
        let seconds: f64 = debuggee.line()?.trim().parse().context("the driver's time is no number")?;
        rates.push(f64::from(HITS) / seconds);
    }
    debuggee.end()?;
    let answer = Answer { date: machine::date(), median: median(&mut rates), p99: None, unit: "a second".to_owned() };
    rows.insert(LOGPOINTS.to_owned(), answer);
    Ok(())
}
