//! What was measured, kept in `target/bench/results.json` so that a run of some rows leaves the others as they were.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::statistics::Estimate;
use crate::shell;

/// All measurements, by interpreter version.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    /// Where the last one was measured.
    pub(crate) machine: String,
    pub(crate) pythons: BTreeMap<String, OfPython>,
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
    pub(crate) memory: BTreeMap<String, Memory>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ratio {
    pub(crate) date: String,
    pub(crate) ratio: Estimate,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Instructions {
    pub(crate) date: String,
    pub(crate) native: u64,
    pub(crate) debugged: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Steps {
    pub(crate) date: String,
    /// Seconds.
    pub(crate) median: Estimate,
    pub(crate) p99: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) date: String,
    /// Bytes.
    pub(crate) native: f64,
    pub(crate) debugged: f64,
}

impl Memory {
    pub(crate) fn added(&self) -> f64 {
        self.debugged - self.native
    }
}

impl Instructions {
    pub(crate) fn ratio(&self) -> f64 {
        self.debugged as f64 / self.native as f64
    }
}

impl Results {
    fn path() -> PathBuf {
        shell::target().join("bench/results.json")
    }

    /// What earlier runs measured.
    pub(crate) fn load() -> Result<Self> {
        match std::fs::read_to_string(Self::path()) {
            Ok(text) => {
                let remedy = || format!("{} is not understood; remove it", Self::path().display());
                serde_json::from_str(&text).with_context(remedy)
            }
            Err(_) => Ok(Self::default()),
        }
    }

    pub(crate) fn save(&self) -> Result<()> {
        shell::write(Self::path(), serde_json::to_string_pretty(self).context("results are plain data")?)
    }
}
