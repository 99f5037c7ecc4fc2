//! Ids, idents and addresses: what was called so is called something else here, but always the same, and nothing else is.

use std::collections::HashMap;

use super::path::Path;

/// What a number names. An implementation may number each kind by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Frame,
    Object,
    Thread,
    /// In a text.
    Address,
}

/// A number that was recorded, and the one that came in its place.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) kind: Kind,
    pub(super) recorded: u64,
    pub(super) came: u64,
    pub(super) path: Path,
}

/// What is called what.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// What must not change: of frames and objects until the next stop, of threads for good.
    held: HashMap<(Kind, u64), u64>,
    back: HashMap<(Kind, u64), u64>,
    /// What was last called so, for the messages of the client.
    last: HashMap<(Kind, u64), u64>,
}

impl Names {
    /// What a recorded number is called here.
    pub(super) fn here(&self, kind: Kind, recorded: u64) -> Option<u64> {
        self.last.get(&(kind, recorded)).copied()
    }

    /// The program has run: addresses may be used anew.
    pub(super) fn forget_stop(&mut self) {
        self.held.retain(|(kind, _), _| *kind == Kind::Thread);
        self.back.retain(|(kind, _), _| *kind == Kind::Thread);
    }

    /// Takes the numbers of one message; those that do not fit the others. Where one of two must be wrong it is the one that is less
    /// often so.
    pub(super) fn take(&mut self, pairs: Vec<Pair>) -> Vec<Pair> {
        let mut counts: HashMap<(Kind, u64, u64), usize> = HashMap::new();
        for pair in &pairs {
            *counts.entry((pair.kind, pair.recorded, pair.came)).or_default() += 1;
        }
        let mut order: Vec<&Pair> = pairs.iter().collect();
        order.sort_by_key(|pair| std::cmp::Reverse(counts[&(pair.kind, pair.recorded, pair.came)]));
        for pair in order {
            let (recorded, came) = ((pair.kind, pair.recorded), (pair.kind, pair.came));
            if !self.held.contains_key(&recorded) && !self.back.contains_key(&came) {
                self.held.insert(recorded, pair.came);
                self.back.insert(came, pair.recorded);
                self.last.insert(recorded, pair.came);
            }
        }
        let fits = |pair: &Pair| self.held.get(&(pair.kind, pair.recorded)) == Some(&pair.came);
        let wrong = pairs.into_iter().filter(|pair| !fits(pair)).collect();
        // What a text shows may be gone by the next message.
        self.held.retain(|(kind, _), _| *kind != Kind::Address);
        self.back.retain(|(kind, _), _| *kind != Kind::Address);
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(kind: Kind, recorded: u64, came: u64) -> Pair {
        Pair { kind, recorded, came, path: Path::default() }
    }

    fn wrong(names: &mut Names, pairs: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let pairs = pairs.iter().map(|(recorded, came)| pair(Kind::Object, *recorded, *came)).collect();
        names.take(pairs).iter().map(|it| (it.recorded, it.came)).collect()
    }

    #[test]
    fn what_is_equal_stays_equal_and_what_is_not_does_not_become_so() {
        let mut names = Names::default();
        assert_eq!(wrong(&mut names, &[(1, 10), (2, 20), (1, 10)]), []);
        assert_eq!(wrong(&mut names, &[(1, 30)]), [(1, 30)], "another name");
        assert_eq!(wrong(&mut names, &[(3, 20)]), [(3, 20)], "another's name");
        names.forget_stop();
        assert_eq!(wrong(&mut names, &[(1, 30), (3, 20)]), []);
        assert_eq!(names.here(Kind::Object, 2), Some(20), "a client may still say so");
        assert_eq!((names.here(Kind::Object, 1), names.here(Kind::Frame, 1)), (Some(30), None));
    }

    #[test]
    fn the_rarer_of_two_names_is_the_wrong_one_wherever_it_stands() {
        let mut names = Names::default();
        assert_eq!(wrong(&mut names, &[(1, 20), (1, 10), (2, 20), (1, 10), (2, 20)]), [(1, 20)]);
    }

    #[test]
    fn threads_keep_their_names_and_texts_do_not() {
        let mut names = Names::default();
        assert!(names.take(vec![pair(Kind::Thread, 1, 10), pair(Kind::Address, 1, 10)]).is_empty());
        names.forget_stop();
        let wrong = names.take(vec![pair(Kind::Thread, 1, 11), pair(Kind::Address, 1, 11)]);
        assert_eq!(wrong.iter().map(|it| it.kind).collect::<Vec<_>>(), [Kind::Thread]);
    }
}
