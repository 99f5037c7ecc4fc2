//! `launch`: starts a program for an editor. It is answered after the editor's `configurationDone`.

use ikpdb_proto::dap::LaunchArguments;
use ikpdb_proto::{Event, Failure};
use serde_json::value::RawValue;

use crate::connection::Ask;
use crate::hub::{Hub, Job, Reply};
use crate::output::ours;
use crate::port::Output;

pub(super) fn launch(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let arguments: LaunchArguments = ask.request.arguments()?;
    let ways = [arguments.program.is_some(), arguments.module.is_some(), arguments.code.is_some()];
    if ways.into_iter().filter(|given| *given).count() != 1 {
        return Err(Failure::user("the launch configuration needs one of 'program', 'module' and 'code'"));
    }
    if let Some(console) = arguments.console.filter(|it| it != "internalConsole") {
        let event = ours(&format!("'{console}' is not there yet: output comes here, and the program has no input"));
        hub.send(ask.from, None, Event::new("output", &event).into());
    }
    let job = hub.next_job();
    let editor = hub.editor(ask.from).ok_or_else(|| Failure::unsupported("launch"))?;
    if editor.start.is_some() || editor.session.is_some() {
        return Err(Failure::client("there is a program already: one 'launch' or 'attach' a connection"));
    }
    editor.start = Some(ask.clone());
    let none = || RawValue::from_string("{}".to_owned()).expect("braces are JSON");
    let arguments = ask.request.arguments.clone().unwrap_or_else(none);
    hub.jobs.insert(job, Job::Launch(ask.from));
    hub.out.push(Output::Launch { job, arguments });
    Ok(Reply::Later)
}
