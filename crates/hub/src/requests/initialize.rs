//! `initialize`: an editor says who it is; everybody is told what the session can do.

use ikpdb_proto::Failure;
use ikpdb_proto::dap::InitializeArguments;

use crate::capabilities::{fields, told};
use crate::connection::Ask;
use crate::hub::{Hub, Reply};
use crate::lines::Counting;

pub(super) fn initialize(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let arguments: InitializeArguments = ask.request.arguments()?;
    if arguments.path_format.as_deref().is_some_and(|format| format != "path") {
        return Err(Failure::client("paths are understood, URIs are not: set pathFormat to 'path'"));
    }
    if let Some(editor) = hub.editor(ask.from) {
        editor.counting = Counting::of(&arguments);
        editor.about = arguments;
        return Ok(Reply::body(&told(&fields(&hub.config.promised), false)));
    }
    let session = hub.session(super::session_of(ask)?)?;
    let restartable = session.info.restartable;
    Ok(Reply::body(&told(&session.capabilities, restartable)))
}
