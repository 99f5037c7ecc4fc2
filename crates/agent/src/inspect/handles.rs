//! What a `variablesReference` refers to, for as long as the program is stopped.

use std::collections::HashMap;

use ikpdb_proto::Failure;
use pyo3::prelude::*;

use super::native::Any;
use crate::capi::Ref;
use crate::door::mailbox::StopId;
use crate::engine::ids::{self, Owner};

/// The most names of dict keys that one place remembers; older ones are found again by walking the dict.
const NAMES: usize = 10_000;

/// The references given out during one stop. Dropped under the GIL when the program goes on; nothing is kept alive after.
pub(crate) struct Handles {
    stop: StopId,
    places: HashMap<i32, Place>,
}

/// Something with children.
pub(super) struct Place {
    pub(super) what: What,
    /// An expression for it, that may be followed by `.name` or `[index]`.
    pub(super) path: Option<String>,
    /// The frame whose names that expression, and what the user types for a new value, may use.
    pub(super) frame: Option<Ref>,
    /// Why its children cannot be set.
    pub(super) read_only: Option<&'static str>,
    /// The keys of the children that were listed, by the names that they got.
    keys: HashMap<String, Ref>,
    /// How to get to a page without walking to it.
    pub(super) cursor: Cursor,
}

/// What has the children.
pub(super) enum What {
    /// The locals of the frame.
    Locals,
    /// Its globals.
    Globals,
    /// An object.
    Value(Ref),
    /// The attributes that the classes of an object have.
    ClassVariables(Ref),
    /// One attribute that is computed when it is asked for.
    Lazy { object: Ref, name: String },
    /// The children that a reader without paging did not get.
    Rest { of: i32, start: usize, named: bool },
}

/// A place inside a container that can only be walked.
pub(super) enum Cursor {
    /// None yet.
    Start,
    /// Positions in a dict with gaps, one every [`super::items::STRIDE`] entries, true for a dict of this size.
    Dict { size: usize, marks: Vec<isize> },
    /// An iterator over a set and how many items it has given.
    Set { iterator: Ref, given: usize },
}

impl Handles {
    /// No references yet.
    pub(crate) fn new(stop: StopId) -> Self {
        Self { stop, places: HashMap::new() }
    }

    /// Gives out a reference; 0, "no children", when there are none left.
    pub(super) fn add(&mut self, place: Place) -> i32 {
        let Some(reference) = ids::take(self.stop) else { return 0 };
        self.places.insert(reference, place);
        reference
    }

    /// What a reference refers to.
    pub(super) fn place(&self, reference: i32) -> Result<&Place, Failure> {
        self.places.get(&reference).ok_or_else(|| unknown(reference))
    }

    /// As [`Handles::place`], to remember something.
    pub(super) fn place_mut(&mut self, reference: i32) -> Result<&mut Place, Failure> {
        self.places.get_mut(&reference).ok_or_else(|| unknown(reference))
    }
}

fn unknown(reference: i32) -> Failure {
    match ids::owner(reference) {
        Owner::Earlier => Failure::stale("this list of variables"),
        _ => Failure::client(format!("there is no variablesReference {reference}")),
    }
}

impl Place {
    pub(super) fn new(what: What, path: Option<String>, frame: Option<Ref>) -> Self {
        Self { what, path, frame, read_only: None, keys: HashMap::new(), cursor: Cursor::Start }
    }

    /// Remembers the key that a child is named after.
    pub(super) fn remember(&mut self, name: String, key: &Any<'_>) {
        if self.keys.len() >= NAMES {
            self.keys.clear();
        }
        self.keys.insert(name, keep(key));
    }

    /// The key of a child that was listed.
    pub(super) fn key<'py>(&self, py: Python<'py>, name: &str) -> Option<Any<'py>> {
        self.keys.get(name).map(|key| key.bind(py))
    }

    /// The frame, for pyo3.
    pub(super) fn frame<'py>(&self, py: Python<'py>) -> Option<Any<'py>> {
        self.frame.as_ref().map(|it| it.bind(py))
    }
}

/// Keeps an object until the place that has it goes.
pub(super) fn keep(value: &Any<'_>) -> Ref {
    Ref::from(value.clone())
}
