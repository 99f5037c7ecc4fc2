//! `ikpdb/snapshot`: all state that clients share.

use ikpdb_proto::Failure;

use crate::connection::Ask;
use crate::hub::{Hub, Reply};

pub(super) fn snapshot(hub: &mut Hub, _ask: &Ask) -> Result<Reply, Failure> {
    Ok(Reply::body(&hub.snapshot()))
}
