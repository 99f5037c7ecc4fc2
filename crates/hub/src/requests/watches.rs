//! `ikpdb/watches`: the watch expressions, the whole list at once.

use ikpdb_proto::client::{WATCHES, Watches};
use ikpdb_proto::{Event, Failure};

use crate::connection::Ask;
use crate::hub::{Hub, Reply};

/// How many there may be, and how long each.
const MANY: usize = 1000;
const LONG: usize = 64 << 10;

pub(super) fn watches(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let watches: Watches = ask.request.arguments()?;
    if watches.expressions.len() > MANY || watches.expressions.iter().any(|it| it.len() > LONG) {
        return Err(Failure::user("there are too many watches, or one is too long"));
    }
    hub.emit_to_pages(None, Event::new(WATCHES, &watches));
    hub.saved.workspace.watches = watches;
    hub.dirty.saved = true;
    Ok(Reply::Done)
}
