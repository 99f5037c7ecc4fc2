//! The variables of a stack: locals of every frame, and behind them its globals, as far as there is room.

use std::collections::HashMap;

use pyo3::prelude::*;
use serde_json::{Value, json};

use super::super::data::{dict_size, entries, text};
use super::super::locals::{self, Shape};
use super::super::native::{Any, NoCollection, is_text};
use super::children::ENTRIES;
use super::{NAME, Variables};

/// So many variables of all frames together are told of. Locals come first: many functions share one module's globals.
const ROWS: usize = 20_000;

/// Names and values.
struct Names<'py> {
    named: Vec<(String, Any<'py>)>,
    /// How many there are.
    all: usize,
}

impl<'py> Variables<'_, 'py> {
    /// The variables of frames, of each its locals, and behind them its globals unless they are the same.
    pub(crate) fn of_frames(&mut self, frames: &[Bound<'py, PyAny>]) -> Vec<Vec<Value>> {
        // All is read before any code runs: that may change it.
        let (mut of_frames, mut of_modules) = (Vec::new(), HashMap::new());
        {
            let Some(first) = frames.first() else { return Vec::new() };
            let _quiet = NoCollection::new(first.py());
            for frame in frames {
                let is_module = matches!(locals::shape(frame), Shape::Module);
                let own = if is_module { Names::default() } else { Names::new(locals::values(frame)) };
                let globals = locals::globals(frame);
                let module = globals.as_ref().map(|it| it.as_ptr().addr());
                if let Some(globals) = &globals {
                    of_modules.entry(globals.as_ptr().addr()).or_insert_with(|| Names::of_module(globals));
                }
                of_frames.push((own, module));
            }
        }
        let mut left = ROWS;
        let mut rows: Vec<Vec<Value>> = of_frames.iter().map(|(own, _)| self.rows(own, &mut left)).collect();
        let mut told: HashMap<usize, Vec<Value>> = HashMap::new();
        for (rows, (_, module)) in rows.iter_mut().zip(&of_frames) {
            let Some((module, names)) = module.and_then(|it| Some((it, of_modules.get(&it)?))) else { continue };
            match told.get(&module) {
                Some(known) if known.len() <= left => {
                    left -= known.len();
                    rows.extend(known.iter().cloned());
                }
                _ => {
                    let globals = self.rows(names, &mut left);
                    rows.extend(globals.iter().cloned());
                    told.entry(module).or_insert(globals);
                }
            }
        }
        rows
    }

    fn rows(&mut self, names: &Names<'py>, left: &mut usize) -> Vec<Value> {
        let count = names.named.len().min(*left);
        *left -= count;
        let mut rows: Vec<Value> =
            names.named[..count].iter().map(|(name, value)| self.variable(name.clone(), value)).collect();
        if count < names.all {
            rows.push(cut_row(count));
        }
        rows
    }
}

/// What stands for what is left out behind so many.
pub(super) fn cut_row(shown: usize) -> Value {
    json!({
        "id": null,
        "name": shown.to_string(),
        "type": "",
        "value": "Truncated by ikpdb (don't hot change me !).",
        "children_count": 0,
    })
}

impl<'py> Names<'py> {
    fn new(all: Vec<(Any<'py>, Any<'py>)>) -> Self {
        let count = all.len();
        let named = all.into_iter().take(ENTRIES).map(|(name, value)| (text(&name, NAME), value)).collect();
        Self { named, all: count }
    }

    fn of_module(globals: &Any<'py>) -> Self {
        let named = entries(globals, 0).filter(|(key, _)| is_text(key)).take(ENTRIES);
        let named: Vec<_> = named.map(|(name, value)| (text(&name, NAME), value)).collect();
        let all = if named.len() < ENTRIES { named.len() } else { dict_size(globals) };
        Self { named, all }
    }

    fn default() -> Self {
        Self { named: Vec::new(), all: 0 }
    }
}
