//! The breakpoints that people want: one list that all pages and tools share, and one of each editor.

use std::collections::{BTreeMap, BTreeSet};

use ikpdb_proto::client::{ChangeWish, NewWish, Wish, WishPolicy};
use ikpdb_proto::dap::{FunctionBreakpoint, SourceBreakpoint};
use ikpdb_proto::{Failure, StopPolicy, WishId};

use crate::combine::{Entry, combine};
use crate::port::ConnectionId;

/// The path under which wishes for functions stand.
pub(crate) const FUNCTIONS: &str = "";

/// How many wishes there may be.
const MANY: usize = 20_000;

/// How long a path or an expression may be.
const LONG: usize = 64 << 10;

/// All wishes.
pub(crate) struct Wishes {
    /// The master switch.
    pub(crate) active: bool,
    list: Vec<Kept>,
    last: u32,
    /// Changed since [`Wishes::take_changed`].
    changed: bool,
}

/// What an editor wants in one place: of a source, or where a function begins.
type Own = (Option<String>, SourceBreakpoint);

struct Kept {
    wish: Wish,
    editor: Option<ConnectionId>,
}

impl Wishes {
    /// The shared list as an earlier hub left it.
    pub(crate) fn restore(active: bool, wishes: &[Wish]) -> Self {
        let mut seen = BTreeSet::new();
        let list: Vec<_> = wishes
            .iter()
            .filter(|wish| (1..=i32::MAX as u32).contains(&wish.id.0) && seen.insert(wish.id))
            .take(MANY)
            .map(|wish| Kept { wish: Wish { owner: None, placed: BTreeMap::new(), ..wish.clone() }, editor: None })
            .collect();
        let last = list.iter().map(|it| it.wish.id.0).max().unwrap_or(0);
        Self { active, list, last, changed: false }
    }

    /// The shared list, to be written down.
    pub(crate) fn shared(&self) -> Vec<Wish> {
        self.list.iter().filter(|it| it.editor.is_none()).map(|it| it.wish.clone()).collect()
    }

    /// Everybody's.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Wish> {
        self.list.iter().map(|it| &it.wish)
    }

    /// One wish, and the editor that owns it.
    pub(crate) fn get(&self, id: WishId) -> Option<(&Wish, Option<ConnectionId>)> {
        self.list.iter().find(|it| it.wish.id == id).map(|it| (&it.wish, it.editor))
    }

    /// Whether something changed since the last time this was asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Says that what sessions made of the wishes changed.
    pub(crate) fn touch(&mut self) {
        self.changed = true;
    }

    /// Adds one to the shared list, or changes the one that is there already.
    pub(crate) fn set(&mut self, new: NewWish) -> Result<WishId, Failure> {
        let function = given(new.function.clone());
        let (path, line) = match &function {
            Some(_) => (FUNCTIONS.to_owned(), 0),
            None => {
                check_place(&new.path, new.line)?;
                (new.path.clone(), new.line)
            }
        };
        for text in [&function, &new.condition, &new.hit_condition, &new.log_message, &new.text].into_iter().flatten() {
            check_text(text)?;
        }
        let same = |it: &Wish| (&it.path, it.line, it.column, &it.function) == (&path, line, new.column, &function);
        let existing = self.list.iter_mut().find(|it| it.editor.is_none() && same(&it.wish));
        self.changed = true;
        if let Some(kept) = existing {
            let wish = &mut kept.wish;
            wish.enabled = new.enabled.unwrap_or(true);
            wish.condition = given(new.condition);
            wish.hit_condition = given(new.hit_condition);
            wish.log_message = given(new.log_message);
            wish.stop_policy = new.stop_policy;
            wish.text = new.text.or(wish.text.take());
            return Ok(wish.id);
        }
        if self.list.len() >= MANY {
            return Err(Failure::user(format!("there are {MANY} breakpoints already: remove some first")));
        }
        let id = self.next_id()?;
        let wish = Wish {
            id,
            path,
            line,
            column: new.column,
            function,
            enabled: new.enabled.unwrap_or(true),
            condition: given(new.condition),
            hit_condition: given(new.hit_condition),
            log_message: given(new.log_message),
            stop_policy: new.stop_policy,
            text: new.text,
            owner: None,
            placed: BTreeMap::new(),
        };
        self.list.push(Kept { wish, editor: None });
        Ok(id)
    }

    /// Changes one of the shared list.
    pub(crate) fn change(&mut self, change: ChangeWish) -> Result<WishId, Failure> {
        for text in [&change.condition, &change.hit_condition, &change.log_message].into_iter().flatten() {
            check_text(text)?;
        }
        let wish = &mut self.own(change.id)?.wish;
        if let Some(line) = change.line {
            check_place(&wish.path, line)?;
            if line != wish.line {
                wish.text = None;
                wish.column = None;
            }
            wish.line = line;
        }
        if let Some(enabled) = change.enabled {
            wish.enabled = enabled;
        }
        for (field, text) in [
            (&mut wish.condition, change.condition),
            (&mut wish.hit_condition, change.hit_condition),
            (&mut wish.log_message, change.log_message),
        ] {
            if text.is_some() {
                *field = given(text);
            }
        }
        if let Some(policy) = change.stop_policy {
            wish.stop_policy = match policy {
                WishPolicy::Session => None,
                WishPolicy::All => Some(StopPolicy::All),
                WishPolicy::Thread => Some(StopPolicy::Thread),
            };
        }
        self.changed = true;
        Ok(change.id)
    }

    /// Removes some of the shared list; those that are gone already are no failure.
    pub(crate) fn remove(&mut self, ids: &[WishId]) -> Result<(), Failure> {
        for &id in ids {
            if self.get(id).is_some() {
                self.own(id)?;
            }
        }
        let before = self.list.len();
        self.list.retain(|it| !ids.contains(&it.wish.id));
        self.changed |= self.list.len() != before;
        Ok(())
    }

    /// Turns the master switch.
    pub(crate) fn activate(&mut self, active: bool) {
        self.changed |= self.active != active;
        self.active = active;
    }

    /// Replaces an editor's own wishes for one source; the answer names them in the order of `wanted`. A wish that stays
    /// on its line keeps its id.
    pub(crate) fn replace(
        &mut self,
        editor: ConnectionId,
        owner: &str,
        path: &str,
        wanted: &[SourceBreakpoint],
    ) -> Result<Vec<WishId>, Failure> {
        for breakpoint in wanted {
            check_place(path, breakpoint.line)?;
        }
        self.replace_own(editor, owner, path, wanted.iter().map(|it| (None, it.clone())).collect())
    }

    /// As [`Wishes::replace`], of the editor's own wishes for functions.
    pub(crate) fn replace_functions(
        &mut self,
        editor: ConnectionId,
        owner: &str,
        wanted: &[FunctionBreakpoint],
    ) -> Result<Vec<WishId>, Failure> {
        let own = |it: &FunctionBreakpoint| {
            let place = SourceBreakpoint {
                condition: it.condition.clone(),
                hit_condition: it.hit_condition.clone(),
                ikpdb_stop_policy: it.ikpdb_stop_policy,
                ..SourceBreakpoint::default()
            };
            (Some(it.name.clone()), place)
        };
        self.replace_own(editor, owner, FUNCTIONS, wanted.iter().map(own).collect())
    }

    fn replace_own(
        &mut self,
        editor: ConnectionId,
        owner: &str,
        path: &str,
        wanted: Vec<Own>,
    ) -> Result<Vec<WishId>, Failure> {
        for (function, it) in &wanted {
            for text in [function, &it.condition, &it.hit_condition, &it.log_message].into_iter().flatten() {
                check_text(text)?;
            }
        }
        let others = self.list.iter().filter(|it| it.editor != Some(editor) || it.wish.path != path).count();
        if others + wanted.len() > MANY {
            return Err(Failure::user(format!("more than {MANY} breakpoints: remove some first")));
        }
        let mut before = Vec::new();
        self.list.retain(|it| {
            let mine = it.editor == Some(editor) && it.wish.path == path;
            if mine {
                before.push(it.wish.clone());
            }
            !mine
        });
        let mut ids = Vec::with_capacity(wanted.len());
        for (function, it) in wanted {
            let same = |old: &Wish| (old.line, old.column, &old.function) == (it.line, it.column, &function);
            let id = match before.iter().position(same) {
                Some(index) => before.swap_remove(index).id,
                None => self.next_id()?,
            };
            let wish = Wish {
                id,
                path: path.to_owned(),
                line: it.line,
                column: it.column,
                function,
                enabled: true,
                condition: given(it.condition),
                hit_condition: given(it.hit_condition),
                log_message: given(it.log_message),
                stop_policy: it.ikpdb_stop_policy,
                text: None,
                owner: Some(owner.to_owned()),
                placed: BTreeMap::new(),
            };
            self.list.push(Kept { wish, editor: Some(editor) });
            ids.push(id);
        }
        self.changed = true;
        Ok(ids)
    }

    /// An editor is gone, and its wishes with it.
    pub(crate) fn leave(&mut self, editor: ConnectionId) {
        let before = self.list.len();
        self.list.retain(|it| it.editor != Some(editor));
        self.changed |= self.list.len() != before;
    }

    /// The paths that anybody has a wish for.
    pub(crate) fn paths(&self) -> BTreeSet<&str> {
        self.list.iter().map(|it| it.wish.path.as_str()).collect()
    }

    /// What a backend is to be told for one source.
    pub(crate) fn union(&self, path: &str) -> Vec<Entry> {
        if !self.active {
            return Vec::new();
        }
        combine(self.all().filter(|wish| wish.enabled && wish.path == path))
    }

    fn own(&mut self, id: WishId) -> Result<&mut Kept, Failure> {
        match self.list.iter_mut().find(|it| it.wish.id == id) {
            Some(kept) if kept.editor.is_none() => Ok(kept),
            Some(kept) => {
                let owner = kept.wish.owner.as_deref().unwrap_or("another editor");
                Err(Failure::user(format!("this breakpoint belongs to {owner}: change it there")))
            }
            None => Err(Failure::client(format!("there is no breakpoint {id}"))),
        }
    }

    fn next_id(&mut self) -> Result<WishId, Failure> {
        if self.last >= i32::MAX as u32 {
            return Err(Failure::internal("there are no breakpoint ids left: restart the hub"));
        }
        self.last += 1;
        Ok(WishId(self.last))
    }
}

/// An empty text takes a condition away.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn check_place(path: &str, line: u32) -> Result<(), Failure> {
    if path.is_empty() || path.len() > LONG {
        return Err(Failure::client("a breakpoint needs the path of its file"));
    }
    if !(1..=i32::MAX as u32).contains(&line) {
        return Err(Failure::client(format!("there is no line {line}: lines count from 1")));
    }
    Ok(())
}

fn check_text(text: &str) -> Result<(), Failure> {
    if text.len() > LONG { Err(Failure::user("this expression is too long")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDITOR: ConnectionId = ConnectionId(1);
    const OTHER: ConnectionId = ConnectionId(2);

    fn empty() -> Wishes {
        Wishes::restore(true, &[])
    }

    fn new(line: u32) -> NewWish {
        NewWish {
            path: "/a.py".into(),
            line,
            column: None,
            function: None,
            enabled: None,
            condition: None,
            hit_condition: None,
            log_message: None,
            stop_policy: None,
            text: None,
        }
    }

    fn change(id: WishId) -> ChangeWish {
        ChangeWish {
            id,
            line: None,
            enabled: None,
            condition: None,
            hit_condition: None,
            log_message: None,
            stop_policy: None,
        }
    }

    fn at(line: u32) -> SourceBreakpoint {
        SourceBreakpoint { line, ..Default::default() }
    }

    fn lines(wishes: &Wishes) -> Vec<u32> {
        wishes.union("/a.py").iter().map(|entry| entry.breakpoint.line).collect()
    }

    #[test]
    fn i06_an_editor_replaces_only_its_own() {
        let mut wishes = empty();
        wishes.set(new(1)).unwrap();
        wishes.replace(EDITOR, "one", "/a.py", &[at(2)]).unwrap();
        wishes.replace(OTHER, "two", "/a.py", &[at(3)]).unwrap();
        assert_eq!(lines(&wishes), [1, 2, 3]);
        wishes.replace(EDITOR, "one", "/a.py", &[]).unwrap();
        assert_eq!(lines(&wishes), [1, 3]);
        wishes.leave(OTHER);
        assert_eq!(lines(&wishes), [1]);
    }

    #[test]
    fn a_wish_of_an_editor_keeps_its_id_while_it_stays_on_its_line() {
        let mut wishes = empty();
        let before = wishes.replace(EDITOR, "one", "/a.py", &[at(2), at(5)]).unwrap();
        let after = wishes.replace(EDITOR, "one", "/a.py", &[at(5), at(7)]).unwrap();
        assert_eq!(before[1], after[0]);
        assert!(!before.contains(&after[1]));
    }

    #[test]
    fn setting_twice_on_one_line_is_one_wish() {
        let mut wishes = empty();
        let id = wishes.set(NewWish { text: Some("x = 1".into()), ..new(1) }).unwrap();
        let again = wishes.set(NewWish { condition: Some("x".into()), ..new(1) }).unwrap();
        assert_eq!(id, again);
        let (wish, _) = wishes.get(id).unwrap();
        assert_eq!((wish.condition.as_deref(), wish.text.as_deref()), (Some("x"), Some("x = 1")));
    }

    #[test]
    fn an_empty_text_takes_a_condition_away_and_an_absent_one_leaves_it() {
        let mut wishes = empty();
        let id = wishes.set(NewWish { condition: Some("a".into()), log_message: Some("l".into()), ..new(1) }).unwrap();
        wishes.change(ChangeWish { condition: Some(String::new()), enabled: Some(false), ..change(id) }).unwrap();
        let (wish, _) = wishes.get(id).unwrap();
        assert_eq!((wish.condition.as_deref(), wish.log_message.as_deref(), wish.enabled), (None, Some("l"), false));
    }

    #[test]
    fn the_master_switch_leaves_each_switch_as_it_is() {
        let mut wishes = empty();
        let id = wishes.set(new(1)).unwrap();
        let off = wishes.set(NewWish { enabled: Some(false), ..new(2) }).unwrap();
        wishes.activate(false);
        assert!(lines(&wishes).is_empty());
        wishes.activate(true);
        assert_eq!(lines(&wishes), [1]);
        assert!(wishes.get(id).unwrap().0.enabled && !wishes.get(off).unwrap().0.enabled);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut wishes = empty();
        assert!(wishes.set(new(0)).is_err());
        assert!(wishes.set(new(u32::MAX)).is_err());
        assert!(wishes.set(NewWish { path: String::new(), ..new(1) }).is_err());
        assert!(wishes.set(NewWish { condition: Some("x".repeat(LONG + 1)), ..new(1) }).is_err());
        assert!(wishes.change(change(WishId(9))).is_err());
        assert!(wishes.remove(&[WishId(9)]).is_ok(), "gone already is what was wanted");
        let id = wishes.replace(EDITOR, "Vim", "/a.py", &[at(2)]).unwrap()[0];
        let refused = wishes.remove(&[id]).unwrap_err();
        assert!(refused.message.contains("Vim"), "{refused}");
    }

    #[test]
    fn ids_go_on_after_a_restart_and_nonsense_in_the_file_is_left_out() {
        let mut wishes = empty();
        wishes.set(new(1)).unwrap();
        let id = wishes.set(new(2)).unwrap();
        let mut saved = wishes.shared();
        saved.push(saved[0].clone());
        saved.push(Wish { id: WishId(0), ..saved[0].clone() });
        let mut again = Wishes::restore(true, &saved);
        assert_eq!(lines(&again), [1, 2]);
        assert!(again.set(new(3)).unwrap() > id);
    }
}
