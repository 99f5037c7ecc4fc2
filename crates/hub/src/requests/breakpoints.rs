//! `ikpdb/breakpoints/…`: the shared list, edited one wish at a time.

use ikpdb_proto::client::{Activate, ChangeWish, NewWish, RemoveWishes};
use ikpdb_proto::{Failure, WishId};

use crate::connection::Ask;
use crate::hub::{Hub, Reply};

pub(super) fn set(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let new: NewWish = ask.request.arguments()?;
    let id = hub.wishes.set(new)?;
    changed(hub, id)
}

pub(super) fn change(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let change: ChangeWish = ask.request.arguments()?;
    let id = hub.wishes.change(change)?;
    changed(hub, id)
}

pub(super) fn remove(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let remove: RemoveWishes = ask.request.arguments()?;
    hub.wishes.remove(&remove.ids)?;
    hub.dirty.saved = true;
    Ok(Reply::Done)
}

pub(super) fn activate(hub: &mut Hub, ask: &Ask) -> Result<Reply, Failure> {
    let activate: Activate = ask.request.arguments()?;
    hub.wishes.activate(activate.active);
    hub.dirty.saved = true;
    Ok(Reply::Done)
}

fn changed(hub: &mut Hub, id: WishId) -> Result<Reply, Failure> {
    hub.dirty.saved = true;
    let wish = hub.breakpoint_list().wishes.into_iter().find(|wish| wish.id == id);
    wish.map(|wish| Reply::body(&wish)).ok_or_else(|| Failure::internal("a breakpoint vanished while it was set"))
}
