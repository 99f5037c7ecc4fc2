//! What one session's backend made of the wishes.

use std::collections::BTreeMap;

use ikpdb_proto::WishId;
use ikpdb_proto::client::Placement;
use ikpdb_proto::dap::{Breakpoint, SourceBreakpoint};
use serde_json::{Map, Value};

use crate::capabilities;
use crate::combine::Entry;

/// The breakpoints of one session, by path.
#[derive(Default)]
pub(crate) struct Placing {
    sources: BTreeMap<String, Sent>,
    generation: u64,
}

struct Sent {
    generation: u64,
    arranged: Arranged,
    /// What became of each wish; until the backend has answered, what had become of it before.
    made: BTreeMap<WishId, Breakpoint>,
    answered: bool,
}

/// What a backend is told: the function, or the line.
type Told<'a> = (Option<&'a str>, &'a SourceBreakpoint);

/// The entries of one source for one backend: those that it is told, then those that it cannot have.
#[derive(Clone, Default)]
pub(crate) struct Arranged {
    entries: Vec<Entry>,
    refused: Vec<&'static str>,
}

impl Arranged {
    /// Sorts entries by what the backend claims to do.
    pub(crate) fn new(entries: Vec<Entry>, claimed: &Map<String, Value>) -> Self {
        let lacking = |entry: &Entry| capabilities::lacking(entry, claimed);
        let (mut entries, cannot): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| lacking(entry).is_none());
        let refused = cannot.iter().filter_map(lacking).collect();
        entries.extend(cannot);
        Self { entries, refused }
    }

    fn told(&self) -> impl Iterator<Item = Told<'_>> {
        let told = &self.entries[..self.entries.len() - self.refused.len()];
        told.iter().map(|it| (it.function.as_deref(), &it.breakpoint))
    }

    /// What became of each wish, given what the backend made of the breakpoints that it was told.
    fn made(&self, answer: Vec<Breakpoint>) -> BTreeMap<WishId, Breakpoint> {
        let told = self.told().count();
        let mut made = BTreeMap::new();
        let answer = answer.into_iter().chain(std::iter::repeat_with(Breakpoint::default)).take(told);
        let refused = self.refused.iter().zip(&self.entries[told..]).map(|(why, entry)| Breakpoint {
            message: Some((*why).to_owned()),
            line: Some(entry.breakpoint.line),
            reason: Some("failed".to_owned()),
            ..Default::default()
        });
        for (breakpoint, entry) in answer.chain(refused).zip(&self.entries) {
            made.extend(entry.wishes.iter().map(|&wish| (wish, breakpoint.clone())));
        }
        made
    }
}

impl Placing {
    /// The paths that the backend has breakpoints for.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().filter(|(_, sent)| !sent.arranged.entries.is_empty()).map(|(path, _)| path.as_str())
    }

    /// Whether the backend has to be told.
    pub(crate) fn differs(&self, path: &str, arranged: &Arranged) -> bool {
        match self.sources.get(path) {
            Some(sent) => !sent.arranged.told().eq(arranged.told()),
            None => arranged.told().next().is_some(),
        }
    }

    /// The same for the backend, but for other wishes: it has not to be told.
    pub(crate) fn rename(&mut self, path: &str, arranged: Arranged) {
        let sent = self.sources.entry(path.to_owned()).or_insert_with(|| Sent {
            generation: 0,
            arranged: Arranged::default(),
            made: BTreeMap::new(),
            answered: true,
        });
        if sent.answered {
            let old = |entry: &Entry| entry.wishes.iter().find_map(|wish| sent.made.get(wish)).cloned();
            let told = sent.arranged.told().count();
            let answer = sent.arranged.entries[..told].iter().map(|entry| old(entry).unwrap_or_default()).collect();
            sent.made = arranged.made(answer);
        }
        sent.arranged = arranged;
    }

    /// Notes what the backend is told now. The answer is to name the number that comes back.
    pub(crate) fn sent(&mut self, path: &str, arranged: Arranged) -> (u64, Vec<(Option<String>, SourceBreakpoint)>) {
        self.generation += 1;
        let breakpoints = arranged.told().map(|(function, it)| (function.map(str::to_owned), it.clone())).collect();
        let mut made = self.sources.remove(path).map(|sent| sent.made).unwrap_or_default();
        made.retain(|wish, _| arranged.entries.iter().any(|entry| entry.wishes.contains(wish)));
        let sent = Sent { generation: self.generation, arranged, made, answered: false };
        self.sources.insert(path.to_owned(), sent);
        (self.generation, breakpoints)
    }

    /// The backend's answer: the wishes that it changes something for. An outdated one changes nothing.
    pub(crate) fn answered(&mut self, path: &str, generation: u64, answer: Vec<Breakpoint>) -> Vec<WishId> {
        let Some(sent) = self.sources.get_mut(path).filter(|sent| sent.generation == generation) else {
            return Vec::new();
        };
        let made = sent.arranged.made(answer);
        let placed = |it: Option<&Breakpoint>| it.map(placement);
        let changed =
            made.iter().filter(|(wish, it)| placed(sent.made.get(wish)) != placed(Some(it))).map(|(&wish, _)| wish);
        let changed = changed.collect();
        sent.made = made;
        sent.answered = true;
        changed
    }

    /// A `breakpoint` event: the wishes that it is about, none if it is about none of ours.
    pub(crate) fn changed(&mut self, breakpoint: &Breakpoint) -> Vec<WishId> {
        let Some(id) = breakpoint.id else { return Vec::new() };
        let all = self.sources.values_mut().flat_map(|sent| sent.made.iter_mut());
        let mut changed = Vec::new();
        for (&wish, made) in all.filter(|(_, made)| made.id == Some(id)) {
            *made = breakpoint.clone();
            changed.push(wish);
        }
        changed
    }

    /// The wishes behind the backend's breakpoint.
    pub(crate) fn wishes(&self, id: i32) -> Vec<WishId> {
        let all = self.sources.values().flat_map(|sent| &sent.made);
        all.filter(|(_, made)| made.id == Some(id)).map(|(&wish, _)| wish).collect()
    }

    /// What the backend made of each wish for one source.
    pub(crate) fn made(&self, path: &str) -> BTreeMap<WishId, &Breakpoint> {
        self.sources.get(path).into_iter().flat_map(|sent| &sent.made).map(|(&wish, made)| (wish, made)).collect()
    }

    /// What the backend made of every wish.
    pub(crate) fn placements(&self) -> BTreeMap<WishId, Placement> {
        let all = self.sources.values().flat_map(|sent| &sent.made);
        all.map(|(&wish, made)| (wish, placement(made))).collect()
    }
}

fn placement(made: &Breakpoint) -> Placement {
    Placement { verified: made.verified, line: made.line, message: made.message.clone(), reason: made.reason.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(line: u32, wishes: &[u32]) -> Entry {
        Entry {
            breakpoint: SourceBreakpoint { line, ..Default::default() },
            function: None,
            wishes: wishes.iter().map(|&id| WishId(id)).collect(),
        }
    }

    fn arranged(entries: &[Entry]) -> Arranged {
        Arranged::new(entries.to_vec(), &Map::new())
    }

    fn made(id: i32, verified: bool) -> Breakpoint {
        Breakpoint { id: Some(id), verified, line: Some(7), ..Default::default() }
    }

    #[test]
    fn an_answer_places_every_wish_behind_a_breakpoint() {
        let mut placing = Placing::default();
        let (generation, _) = placing.sent("/a", arranged(&[entry(1, &[1, 2]), entry(2, &[3])]));
        placing.answered("/a", generation, vec![made(10, true), made(11, false)]);
        let verified: Vec<_> = placing.placements().into_iter().map(|(id, it)| (id.0, it.verified)).collect();
        assert_eq!(verified, [(1, true), (2, true), (3, false)]);
        assert_eq!(placing.wishes(10), [WishId(1), WishId(2)]);
        assert_eq!(placing.changed(&made(11, true)), [WishId(3)]);
        assert!(placing.placements()[&WishId(3)].verified);
        assert!(placing.changed(&made(99, true)).is_empty());
    }

    #[test]
    fn a_breakpoint_that_is_only_not_placed_yet_is_told_from_one_that_cannot_be() {
        for reason in [Some("pending"), Some("failed"), None] {
            let mut placing = Placing::default();
            let (generation, _) = placing.sent("/a", arranged(&[entry(1, &[1])]));
            let reason = reason.map(str::to_owned);
            placing.answered("/a", generation, vec![Breakpoint { reason: reason.clone(), ..made(10, false) }]);
            assert_eq!(placing.placements()[&WishId(1)].reason, reason);
        }
    }

    #[test]
    fn an_outdated_answer_changes_nothing() {
        let mut placing = Placing::default();
        let (old, _) = placing.sent("/a", arranged(&[entry(1, &[1])]));
        placing.sent("/a", arranged(&[entry(2, &[2])]));
        placing.answered("/a", old, vec![made(10, true)]);
        assert!(placing.placements().is_empty());
    }

    #[test]
    fn what_is_set_anew_keeps_its_place_until_the_answer_comes() {
        let mut placing = Placing::default();
        let (generation, _) = placing.sent("/a", arranged(&[entry(1, &[1])]));
        assert_eq!(placing.answered("/a", generation, vec![made(10, true)]), [WishId(1)]);
        let (generation, _) = placing.sent("/a", arranged(&[entry(1, &[1]), entry(2, &[2])]));
        assert!(placing.placements()[&WishId(1)].verified);
        assert_eq!(placing.answered("/a", generation, vec![made(11, true), made(12, true)]), [WishId(2)]);
        assert_eq!(placing.wishes(11), [WishId(1)]);
    }

    #[test]
    fn a_backend_is_told_only_what_changed_for_it() {
        let mut placing = Placing::default();
        assert!(!placing.differs("/a", &arranged(&[])), "nothing to nothing");
        placing.sent("/a", arranged(&[entry(1, &[1])]));
        assert!(!placing.differs("/a", &arranged(&[entry(1, &[1, 2])])), "a second wish for the same");
        assert!(placing.differs("/a", &arranged(&[entry(2, &[1])])));
        assert!(placing.differs("/a", &arranged(&[])));
    }

    #[test]
    fn i08_what_a_backend_cannot_have_it_is_not_told_and_its_owner_is() {
        let log = Entry {
            breakpoint: SourceBreakpoint { line: 1, log_message: Some("x".into()), ..Default::default() },
            function: None,
            wishes: vec![WishId(1)],
        };
        let mut placing = Placing::default();
        let both = arranged(&[log.clone(), entry(2, &[2])]);
        assert!(placing.differs("/a", &both));
        let (generation, told) = placing.sent("/a", both);
        assert_eq!(told.iter().map(|it| it.1.line).collect::<Vec<_>>(), [2]);
        placing.answered("/a", generation, vec![made(10, true)]);
        let placements = placing.placements();
        assert!(placements[&WishId(2)].verified);
        assert_eq!(placements[&WishId(1)].message.as_deref(), Some("logpoints are not supported here"));
        assert_eq!(placing.wishes(10), [WishId(2)]);

        let only = arranged(&[log]);
        let mut placing = Placing::default();
        assert!(!placing.differs("/a", &only));
        placing.rename("/a", only);
        assert!(!placing.placements()[&WishId(1)].verified);
    }
}
