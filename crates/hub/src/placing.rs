//! What one session's backend made of the wishes.

use std::collections::BTreeMap;

use ikpdb_proto::WishId;
use ikpdb_proto::client::Placement;
use ikpdb_proto::dap::{Breakpoint, SourceBreakpoint};

use crate::combine::Entry;

/// The breakpoints of one session, by path.
#[derive(Default)]
pub(crate) struct Placing {
    sources: BTreeMap<String, Sent>,
    generation: u64,
}

struct Sent {
    generation: u64,
    entries: Vec<Entry>,
    /// What the backend answered, in the order of the entries; empty until it has.
    made: Vec<Breakpoint>,
}

impl Placing {
    /// The paths that the backend has breakpoints for.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().filter(|(_, sent)| !sent.entries.is_empty()).map(|(path, _)| path.as_str())
    }

    /// Whether the backend has to be told.
    pub(crate) fn differs(&self, path: &str, entries: &[Entry]) -> bool {
        let before = self.sources.get(path).map_or(&[][..], |sent| &sent.entries);
        let said = |entries: &[Entry]| entries.iter().map(|it| it.breakpoint.clone()).collect::<Vec<_>>();
        said(before) != said(entries)
    }

    /// The same breakpoints, for other wishes: nobody has to be told.
    pub(crate) fn rename(&mut self, path: &str, entries: Vec<Entry>) {
        if let Some(sent) = self.sources.get_mut(path) {
            sent.entries = entries;
        }
    }

    /// Notes what the backend is told now. The answer is to name the number that comes back.
    pub(crate) fn sent(&mut self, path: &str, entries: Vec<Entry>) -> (u64, Vec<SourceBreakpoint>) {
        self.generation += 1;
        let breakpoints = entries.iter().map(|it| it.breakpoint.clone()).collect();
        let sent = Sent { generation: self.generation, entries, made: Vec::new() };
        self.sources.insert(path.to_owned(), sent);
        (self.generation, breakpoints)
    }

    /// The backend's answer; an outdated one changes nothing.
    pub(crate) fn answered(&mut self, path: &str, generation: u64, made: Vec<Breakpoint>) {
        if let Some(sent) = self.sources.get_mut(path)
            && sent.generation == generation
        {
            sent.made = made;
        }
    }

    /// A `breakpoint` event: the wishes that it is about, empty if it is about none of ours.
    pub(crate) fn changed(&mut self, breakpoint: &Breakpoint) -> Vec<WishId> {
        let Some(id) = breakpoint.id else { return Vec::new() };
        for sent in self.sources.values_mut() {
            for (made, entry) in sent.made.iter_mut().zip(&sent.entries) {
                if made.id == Some(id) {
                    *made = breakpoint.clone();
                    return entry.wishes.clone();
                }
            }
        }
        Vec::new()
    }

    /// The wishes behind the backend's breakpoint.
    pub(crate) fn wishes(&self, id: i32) -> Vec<WishId> {
        let pairs = self.sources.values().flat_map(|sent| sent.made.iter().zip(&sent.entries));
        pairs.filter(|(made, _)| made.id == Some(id)).flat_map(|(_, entry)| entry.wishes.iter().copied()).collect()
    }

    /// What the backend made of each wish for one source.
    pub(crate) fn made(&self, path: &str) -> BTreeMap<WishId, &Breakpoint> {
        self.sources.get(path).into_iter().flat_map(pairs).collect()
    }

    /// What the backend made of every wish.
    pub(crate) fn placements(&self) -> BTreeMap<WishId, Placement> {
        self.sources
            .values()
            .flat_map(pairs)
            .map(|(id, made)| {
                (id, Placement { verified: made.verified, line: made.line, message: made.message.clone() })
            })
            .collect()
    }
}

fn pairs(sent: &Sent) -> impl Iterator<Item = (WishId, &Breakpoint)> {
    sent.made.iter().zip(&sent.entries).flat_map(|(made, entry)| entry.wishes.iter().map(move |&id| (id, made)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(line: u32, wishes: &[u32]) -> Entry {
        Entry {
            breakpoint: SourceBreakpoint { line, ..Default::default() },
            wishes: wishes.iter().map(|&id| WishId(id)).collect(),
        }
    }

    fn made(id: i32, verified: bool) -> Breakpoint {
        Breakpoint { id: Some(id), verified, line: Some(7), ..Default::default() }
    }

    #[test]
    fn an_answer_places_every_wish_behind_a_breakpoint() {
        let mut placing = Placing::default();
        let (generation, _) = placing.sent("/a", vec![entry(1, &[1, 2]), entry(2, &[3])]);
        placing.answered("/a", generation, vec![made(10, true), made(11, false)]);
        let verified: Vec<_> = placing.placements().into_iter().map(|(id, it)| (id.0, it.verified)).collect();
        assert_eq!(verified, [(1, true), (2, true), (3, false)]);
        assert_eq!(placing.wishes(10), [WishId(1), WishId(2)]);
        assert_eq!(placing.changed(&made(11, true)), [WishId(3)]);
        assert!(placing.placements()[&WishId(3)].verified);
        assert!(placing.changed(&made(99, true)).is_empty());
    }

    #[test]
    fn an_outdated_answer_changes_nothing() {
        let mut placing = Placing::default();
        let (old, _) = placing.sent("/a", vec![entry(1, &[1])]);
        placing.sent("/a", vec![entry(2, &[2])]);
        placing.answered("/a", old, vec![made(10, true)]);
        assert!(placing.placements().is_empty());
    }

    #[test]
    fn a_backend_is_told_only_what_changed_for_it() {
        let mut placing = Placing::default();
        assert!(!placing.differs("/a", &[]), "nothing to nothing");
        placing.sent("/a", vec![entry(1, &[1])]);
        assert!(!placing.differs("/a", &[entry(1, &[1, 2])]), "a second wish for the same");
        assert!(placing.differs("/a", &[entry(2, &[1])]));
        assert!(placing.differs("/a", &[]));
    }
}
