//! A program that runs a workload on command, started natively or by an adapter, and stopped on the breakpoints of a scenario.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ikpdb_specs::Adapter;
use serde_json::{Value, json};

use super::plan::{Debugger, MANY, Place, Scenario, Workload, place, workloads_folder};
use crate::shell;

/// How long any single answer may take. An adapter that traces every line needs tens of seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// What starts programs in a bench run.
#[derive(Clone)]
pub(crate) struct Starter {
    /// The interpreter.
    pub(crate) python: PathBuf,
    /// The `ikpdb` binary.
    pub(crate) ikpdb: PathBuf,
    /// An interpreter that has debugpy.
    pub(crate) debugpy: PathBuf,
    /// Folder for sockets.
    pub(crate) folder: PathBuf,
    /// Further variables of what is started.
    pub(crate) variables: Vec<(&'static str, PathBuf)>,
}

/// A program that waits for commands.
pub(crate) struct Debuggee {
    lines: BufReader<UnixStream>,
    /// Its process id.
    pub(crate) pid: u32,
    held_by: HeldBy,
}

enum HeldBy {
    Nobody(Child),
    Adapter(Box<Adapter>),
    /// The adapter that has left it, which may still have its streams.
    Left(#[expect(dead_code, reason = "kept alive")] Box<Adapter>),
}

impl Starter {
    /// Starts the driver without a debugger.
    pub(crate) fn native(&self, workload: &Workload) -> Result<Debuggee> {
        let listener = Listener::new(&self.folder)?;
        let mut command = shell::program(&self.python);
        command.arg(driver()).arg(workload.module).arg(&listener.path).current_dir(&self.folder);
        let child =
            self.environment(&mut command).stdin(Stdio::null()).spawn().context("cannot start the interpreter")?;
        Debuggee::connected(listener, HeldBy::Nobody(child))
    }

    /// Starts the driver under a debugger, with the breakpoints of the scenario set.
    pub(crate) fn debugged(&self, debugger: Debugger, workload: &Workload, scenario: Scenario) -> Result<Debuggee> {
        let Some((mut command, interpreter)) = self.adapter(debugger) else {
            return self.with_a_callback(workload, scenario);
        };
        let listener = Listener::new(&self.folder)?;
        let mut adapter = Adapter::start(&mut command, PATIENCE)?;
        let socket = listener.path.display().to_string();
        adapter.request("initialize", &json!({
            "clientID": "bench", "adapterID": "python", "linesStartAt1": true, "columnsStartAt1": true, "pathFormat": "path",
        }))?;
        let launch = adapter.send("launch", &json!({
            "type": "python", "request": "launch", "name": "bench", "program": driver(), "args": [workload.module, socket],
            "cwd": self.folder, "python": interpreter, "console": "internalConsole",
            "justMyCode": true, "stopOnEntry": false, "subProcess": false,
        }))?;
        adapter.event("initialized")?;
        if let Some(place) = scenario.breakpoint(workload)? {
            set_breakpoint(&mut adapter, &place)?;
        }
        if scenario == Scenario::Many {
            set_many(&mut adapter, &self.folder)?;
        }
        adapter.request("setExceptionBreakpoints", &scenario.exceptions())?;
        adapter.request("configurationDone", &json!({}))?;
        adapter.response(launch)?;
        let debuggee = Debuggee::connected(listener, HeldBy::Adapter(Box::new(adapter)))?;
        if scenario == Scenario::Left { debuggee.left(workload) } else { Ok(debuggee) }
    }

    /// Starts the driver without a debugger, with a callback that does nothing on the line of the scenario's breakpoint.
    fn with_a_callback(&self, workload: &Workload, scenario: Scenario) -> Result<Debuggee> {
        let place = scenario.breakpoint(workload)?.context("a callback needs a line")?;
        let mut debuggee = self.native(workload)?;
        debuggee.say(&format!("callback {} {}", place.line, place.file.display()))?;
        debuggee.done()?;
        Ok(debuggee)
    }

    /// The debugger's adapter and the interpreter as it wants to be told it: debugpy takes a list of arguments.
    fn adapter(&self, debugger: Debugger) -> Option<(Command, Value)> {
        let (program, arguments, interpreter): (_, &[&str], _) = match debugger {
            Debugger::Ikpdb => (&self.ikpdb, &["dap"], json!(self.python)),
            Debugger::Debugpy => (&self.debugpy, &["-m", "debugpy.adapter"], json!([self.python])),
            Debugger::Callback => return None,
        };
        let mut command = shell::program(program);
        command.args(arguments).current_dir(&self.folder).stderr(Stdio::inherit());
        self.environment(&mut command);
        Some((command, interpreter))
    }

    /// The same hashes and no files written in every run.
    fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        command.env("PYTHONHASHSEED", "0").env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PYTHONPATH").envs(variables)
    }
}

/// Breakpoints in files that are there and never run.
fn set_many(adapter: &mut Adapter, folder: &Path) -> Result<()> {
    const IN_A_FILE: u32 = 100;
    for number in 0..MANY / IN_A_FILE {
        let file = folder.join(format!("cold_{number}.py"));
        std::fs::write(&file, "x = 1\n".repeat(IN_A_FILE as usize))?;
        let breakpoints: Vec<Value> = (1..=IN_A_FILE).map(|line| json!({"line": line})).collect();
        let source = json!({"path": file});
        adapter.request("setBreakpoints", &json!({"source": source, "breakpoints": breakpoints}))?;
    }
    Ok(())
}

fn driver() -> PathBuf {
    workloads_folder().join("driver.py")
}

fn set_breakpoint(adapter: &mut Adapter, place: &Place) -> Result<()> {
    set_breakpoint_with(adapter, place, json!({}))
}

/// Sets one breakpoint with further fields.
pub(crate) fn set_breakpoint_with(adapter: &mut Adapter, place: &Place, further: Value) -> Result<()> {
    let mut breakpoint = json!({"line": place.line});
    if let Some(condition) = &place.condition {
        breakpoint["condition"] = json!(condition);
    }
    if let Some(hit_condition) = &place.hit_condition {
        breakpoint["hitCondition"] = json!(hit_condition);
    }
    for (name, value) in further.as_object().into_iter().flatten() {
        breakpoint[name] = value.clone();
    }
    let source = json!({"path": place.file, "name": place.file.file_name().map(|name| name.to_string_lossy())});
    let arguments = json!({"source": source, "breakpoints": [breakpoint], "sourceModified": false});
    let body = adapter.request("setBreakpoints", &arguments)?;
    ensure!(
        body["breakpoints"].as_array().is_some_and(|list| list.len() == 1),
        "setBreakpoints was answered with {body}"
    );
    Ok(())
}

impl Debuggee {
    fn connected(listener: Listener, held_by: HeldBy) -> Result<Self> {
        let stream = listener.accept()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut debuggee = Self { lines: BufReader::new(stream), pid: 0, held_by };
        let ready = debuggee.line()?;
        debuggee.pid = ready.trim_start_matches("ready ").parse().context("the driver's first line has no pid")?;
        Ok(debuggee)
    }

    /// User CPU seconds of one run of `n` units, after a warm-up.
    pub(crate) fn measure(&mut self, n: u64) -> Result<f64> {
        self.say(&format!("measure {n}"))?;
        self.line()?.trim().parse().context("the driver's time is no number")
    }

    /// As [`Self::measure`], stepping over all of the run that counts.
    pub(crate) fn measure_over(&mut self, n: u64) -> Result<f64> {
        self.say(&format!("measure {n}"))?;
        let (over, after) = (place("driver", "over")?, place("driver", "after")?);
        let thread = self.stopped_at(&over)?;
        self.adapter()?.send("next", &json!({"threadId": thread}))?;
        let thread = self.stopped_at(&after)?;
        self.adapter()?.request("continue", &json!({"threadId": thread}))?;
        self.line()?.trim().parse().context("the driver's time is no number")
    }

    /// Runs `n` units without measuring.
    pub(crate) fn run(&mut self, n: u64) -> Result<()> {
        self.say(&format!("run {n}"))?;
        self.done()
    }

    /// Starts threads that run Python code for ever.
    pub(crate) fn keep_busy(&mut self, threads: u32) -> Result<()> {
        self.say(&format!("busy {threads}"))?;
        self.done()
    }

    /// Lets the program come to the line of the scenario's breakpoint (one is set now where the scenario has none) and
    /// checks that it stops there. Returns the stopped thread.
    pub(crate) fn prove(&mut self, workload: &Workload, scenario: Scenario) -> Result<u64> {
        match self.held_by {
            HeldBy::Nobody(_) => {
                self.say("called")?;
                let calls = self.line()?;
                ensure!(calls != "0", "the line was never reported");
                return Ok(0);
            }
            // It has shown it before it left.
            HeldBy::Left(_) => return Ok(0),
            HeldBy::Adapter(_) => {}
        }
        let expected = match scenario.breakpoint(workload)? {
            // What it stepped to has shown it.
            Some(_) if scenario == Scenario::S6 => return Ok(0),
            Some(hot) if scenario == Scenario::S5 => {
                let plain = Place { hit_condition: None, ..hot };
                set_breakpoint(self.adapter()?, &plain)?;
                plain
            }
            Some(place) => place,
            None if scenario == Scenario::S7 => place("driver", "uncaught")?,
            None if scenario == Scenario::Raised => place("driver", "raised")?,
            None => {
                let late = place("driver", "late")?;
                set_breakpoint(self.adapter()?, &late)?;
                late
            }
        };
        self.stop_at(scenario.reach(), &expected)
    }

    /// Lets the program stop on the hottest line, and the debugger leave it there.
    fn left(mut self, workload: &Workload) -> Result<Self> {
        self.prove(workload, Scenario::Left)?;
        self.adapter()?.request("disconnect", &json!({"terminateDebuggee": false}))?;
        self.done()?;
        self.held_by = match self.held_by {
            HeldBy::Adapter(adapter) => HeldBy::Left(adapter),
            other => other,
        };
        Ok(self)
    }

    /// Lets the program come to a line of the driver's and stop there.
    pub(crate) fn stop_in_driver(&mut self, name: &str) -> Result<u64> {
        let expected = place("driver", name)?;
        set_breakpoint(self.adapter()?, &expected)?;
        self.stop_at(name, &expected)
    }

    fn stop_at(&mut self, name: &str, expected: &Place) -> Result<u64> {
        self.say(&format!("reach {name}"))?;
        self.stopped_at(expected)
    }

    fn stopped_at(&mut self, expected: &Place) -> Result<u64> {
        let adapter = self.adapter()?;
        let stopped = adapter.event("stopped")?;
        let thread = stopped["threadId"].as_u64().context("`stopped` names no thread")?;
        let stack = adapter.request("stackTrace", &json!({"threadId": thread, "startFrame": 0, "levels": 1}))?;
        let frame = &stack["stackFrames"][0];
        let at = (frame["source"]["path"].as_str().map(PathBuf::from), frame["line"].as_u64());
        ensure!(
            at == (Some(expected.file.clone()), Some(u64::from(expected.line))),
            "it stopped at {at:?} and not at {}:{}",
            expected.file.display(),
            expected.line
        );
        Ok(thread)
    }

    /// Lets the program go on from the stop of [`Self::prove`], until it waits for commands again.
    pub(crate) fn go_on(&mut self, thread: u64) -> Result<()> {
        self.adapter()?.request("continue", &json!({"threadId": thread}))?;
        self.done()
    }

    /// Seconds from sending `next` to having read `stopped`, `count` times.
    pub(crate) fn step(&mut self, thread: u64, count: u32) -> Result<Vec<f64>> {
        let adapter = self.adapter()?;
        let mut seconds = Vec::new();
        for _ in 0..count {
            let start = Instant::now();
            adapter.send("next", &json!({"threadId": thread}))?;
            adapter.event("stopped")?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        Ok(seconds)
    }

    /// Memory that belongs to the process alone, in bytes.
    pub(crate) fn private_dirty(&self) -> Result<u64> {
        let text = shell::read(format!("/proc/{}/smaps_rollup", self.pid))?;
        let line = text.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).context("no Private_Dirty")?;
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes * 1024)
    }

    /// Ends the program in good order.
    pub(crate) fn end(mut self) -> Result<()> {
        match &mut self.held_by {
            HeldBy::Nobody(_) | HeldBy::Left(_) => self.say("end")?,
            HeldBy::Adapter(adapter) => {
                adapter.request("disconnect", &json!({"terminateDebuggee": true}))?;
            }
        }
        if let HeldBy::Nobody(child) = &mut self.held_by {
            let status = child.wait()?;
            ensure!(status.success(), "the native run ended with {status}");
        }
        Ok(())
    }

    /// Lets a debugged program come to its own end, so that what counts its instructions can write them down.
    pub(crate) fn leave(mut self) -> Result<()> {
        self.say("end")?;
        self.adapter()?.event("terminated")?;
        Ok(())
    }

    pub(crate) fn adapter(&mut self) -> Result<&mut Adapter> {
        match &mut self.held_by {
            HeldBy::Adapter(adapter) => Ok(adapter),
            HeldBy::Nobody(_) | HeldBy::Left(_) => bail!("this program has no debugger"),
        }
    }

    pub(crate) fn say(&mut self, command: &str) -> Result<()> {
        let stream = self.lines.get_mut();
        stream.write_all(format!("{command}\n").as_bytes()).context("the program is gone")
    }

    fn done(&mut self) -> Result<()> {
        let line = self.line()?;
        ensure!(line == "done", "the driver said {line}");
        Ok(())
    }

    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let count = self.lines.read_line(&mut line).context("the program does not answer")?;
        ensure!(count > 0, "the program ended");
        Ok(line.trim_end().to_owned())
    }
}

/// Where the driver reports.
struct Listener {
    path: PathBuf,
    accepted: mpsc::Receiver<std::io::Result<UnixStream>>,
}

impl Listener {
    fn new(folder: &Path) -> Result<Self> {
        let path = folder.join("driver.sock");
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
        let (sender, accepted) = mpsc::sync_channel(1);
        // Ends with the first connection; if none comes, with this process.
        std::thread::Builder::new().name("driver-listener".into()).spawn(move || {
            let _ = sender.send(listener.accept().map(|(stream, _)| stream));
        })?;
        Ok(Self { path, accepted })
    }

    fn accept(self) -> Result<UnixStream> {
        let stream = self.accepted.recv_timeout(PATIENCE).context("the program did not start")?;
        Ok(stream?)
    }
}
