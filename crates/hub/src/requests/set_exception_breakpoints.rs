//! `setExceptionBreakpoints`: an editor's own filters; of a page, the shared ones.

use ikpdb_proto::Failure;
use ikpdb_proto::client::ExceptionFilters;
use ikpdb_proto::dap::SetExceptionBreakpointsArguments;

use crate::connection::Ask;
use crate::hub::{Hub, Reply};

pub(super) fn set_exception_breakpoints(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let arguments: SetExceptionBreakpointsArguments = ask.request.arguments()?;
    let Some(editor) = hub.editor(ask.from) else {
        hub.choose_filters(ExceptionFilters { active: arguments.filters })?;
        return Ok(Reply::Done);
    };
    editor.filters = arguments;
    let Some(id) = ask.session.filter(|id| hub.session(*id).is_ok_and(|it| it.agent().is_ok())) else {
        hub.dirty.filters = true;
        return Ok(Reply::Done);
    };
    let filters = hub.filters(id);
    hub.send_filters(id, filters, Some(ask.clone()));
    Ok(Reply::Later)
}
