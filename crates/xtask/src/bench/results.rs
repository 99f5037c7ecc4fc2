//! What was measured, kept beside the page in `docs/benchmarks.json`: a run of some rows leaves the others as they were, in
//! any clone.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::statistics::Estimate;
use crate::shell;

/// All measurements, by interpreter version.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    /// Where, and from when to when.
    pub(crate) machines: BTreeMap<String, Days>,
    pub(crate) pythons: BTreeMap<String, OfPython>,
}

/// Days, as `2026-01-31`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Days {
    pub(crate) first: String,
    pub(crate) last: String,
}

/// What was measured on one interpreter. Keys are `debugger/workload/scenario` or `debugger`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct OfPython {
    /// User CPU time per unit, native = 1.
    pub(crate) time: BTreeMap<String, Ratio>,
    /// Instructions per unit, native = 1.
    pub(crate) instructions: BTreeMap<String, Instructions>,
    pub(crate) steps: BTreeMap<String, Steps>,
    /// The same with [`BUSY_THREADS`](super::plan::BUSY_THREADS) further threads that run.
    #[serde(default)]
    pub(crate) busy_steps: BTreeMap<String, Steps>,
    /// By debugger, then by what is asked.
    #[serde(default)]
    pub(crate) answers: BTreeMap<String, BTreeMap<String, Answer>>,
    pub(crate) memory: BTreeMap<String, Memory>,
}

/// How long something takes, or how much of it there is in a second.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) date: String,
    /// In `unit`s.
    pub(crate) median: f64,
    pub(crate) p99: Option<f64>,
    /// "ms", or what it is.
    pub(crate) unit: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ratio {
    pub(crate) date: String,
    pub(crate) ratio: Estimate,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Instructions {
    pub(crate) date: String,
    pub(crate) ratio: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Steps {
    pub(crate) date: String,
    /// Seconds.
    pub(crate) median: f64,
    /// The page has it without busy threads only.
    pub(crate) p99: Option<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) date: String,
    /// Bytes more than native.
    pub(crate) added: f64,
}

impl Results {
    /// Beside the page, and in the repository as it is.
    pub(crate) fn path() -> PathBuf {
        shell::root().join("docs/benchmarks.json")
    }

    /// What earlier runs measured, on any machine.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text).with_context(|| format!("{} is not understood", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("results are plain data")?;
        shell::write(path, text + "\n")
    }

    /// Something is measured on this machine today.
    pub(crate) fn measured_on(&mut self, machine: &str, date: &str) {
        let days = Days { first: date.to_owned(), last: date.to_owned() };
        let days = self.machines.entry(machine.to_owned()).or_insert(days);
        days.first = days.first.clone().min(date.to_owned());
        days.last = days.last.clone().max(date.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(date: &str) -> Memory {
        Memory { date: date.to_owned(), added: 1.0 }
    }

    #[test]
    fn a_run_of_one_row_leaves_all_others_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        let mut results = Results::load(&path).unwrap();
        assert!(results.pythons.is_empty());
        for version in ["3.12.1", "3.13.0"] {
            let python = results.pythons.entry(version.to_owned()).or_default();
            python.memory.insert("IKPdb".into(), memory("2026-01-01"));
            python.memory.insert("debugpy".into(), memory("2026-01-01"));
        }
        results.save(&path).unwrap();

        let mut later = Results::load(&path).unwrap();
        later.pythons.get_mut("3.13.0").unwrap().memory.insert("IKPdb".into(), memory("2026-02-02"));
        later.save(&path).unwrap();
        let dates: Vec<String> = Results::load(&path)
            .unwrap()
            .pythons
            .values()
            .flat_map(|python| python.memory.values().map(|row| row.date.clone()))
            .collect();
        assert_eq!(dates, ["2026-01-01", "2026-01-01", "2026-02-02", "2026-01-01"]);
    }

    #[test]
    fn results_that_cannot_be_read_are_no_reason_to_begin_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        std::fs::write(&path, "{").unwrap();
        let error = format!("{:#}", Results::load(&path).unwrap_err());
        assert!(error.contains("results.json is not understood"), "{error}");
        assert!(Results::load(folder.path()).is_err());
    }

    #[test]
    fn each_machine_is_kept_with_the_days_on_which_it_measured() {
        let mut results = Results::default();
        for (machine, date) in [("B", "2026-02-02"), ("A", "2026-01-01"), ("B", "2026-02-01"), ("B", "2026-02-03")] {
            results.measured_on(machine, date);
        }
        let days: Vec<_> = results.machines.iter().map(|(name, it)| (&name[..], &it.first[..], &it.last[..])).collect();
        assert_eq!(days, [("A", "2026-01-01", "2026-01-01"), ("B", "2026-02-01", "2026-02-03")]);
    }
}
