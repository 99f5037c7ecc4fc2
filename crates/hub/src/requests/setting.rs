//! `ikpdb/setting`: one remembered choice of the user or of the workspace.

use ikpdb_proto::client::{SETTING, Setting};
use ikpdb_proto::{Event, Failure};

use crate::connection::Ask;
use crate::hub::{Hub, Reply};

pub(super) fn setting(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let setting: Setting = ask.request.arguments()?;
    let size = ask.request.arguments.as_ref().map_or(0, |raw| raw.get().len());
    if !hub.setting_fits(setting.scope, &setting.key, size) {
        return Err(Failure::client("this setting is too large, or there are too many"));
    }
    hub.emit_to_pages(None, Event::new(SETTING, &setting));
    hub.saved.set(setting);
    hub.dirty.saved = true;
    Ok(Reply::Done)
}
