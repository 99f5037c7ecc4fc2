//! `ikpdb/openPage`: an address that lets one browser in.

use ikpdb_proto::Failure;
use ikpdb_proto::client::{OpenPage, Page};
use ikpdb_proto::proof::hex;

use crate::connection::Ask;
use crate::hub::{Hub, Reply};

pub(super) fn open_page(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let open: OpenPage = ask.request.arguments()?;
    // Behind '#': a browser sends it to nobody.
    let fragment = if open.lasting {
        format!("secret={}", hex(&hub.config.secret))
    } else {
        let (id, secret) = hub.secrets.ticket(hub.now);
        format!("ticket={id}.{}", hex(&secret))
    };
    Ok(Reply::body(&Page { url: format!("{}#{fragment}", hub.config.url), port: hub.config.port }))
}
