//! `tests/support.toml`: which skipped tests are accepted, and why.

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::Suite;
use crate::shell;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Support {
    #[serde(default)]
    skip: Vec<Skip>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skip {
    suite: String,
    test: String,
    reason: String,
}

impl Support {
    pub(crate) fn load() -> Result<Self> {
        let path = shell::root().join("tests/support.toml");
        Self::parse(&shell::read(&path)?).with_context(|| format!("{} cannot be used", path.display()))
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let support: Self = toml::from_str(text)?;
        if let Some(skip) = support.skip.iter().find(|skip| skip.reason.trim().is_empty()) {
            bail!("the skip of `{}` has no reason", skip.test);
        }
        Ok(support)
    }

    /// The reason why this test may be skipped.
    pub(crate) fn reason(&self, suite: Suite, test: &str) -> Option<&str> {
        self.skip.iter().find(|skip| skip.suite == suite.name() && skip.test == test).map(|skip| skip.reason.as_str())
    }

    /// The reason of the first skip whose test is meant.
    pub(crate) fn reason_of(&self, test: impl Fn(&str) -> bool) -> Option<&str> {
        self.skip.iter().find(|skip| test(&skip.test)).map(|skip| skip.reason.as_str())
    }

    /// Suite, test and reason of all.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.skip.iter().map(|skip| (skip.suite.as_str(), skip.test.as_str(), skip.reason.as_str()))
    }

    /// Entries whose test was not skipped in this run of these suites.
    pub(crate) fn stale(&self, skipped: &[(Suite, Vec<String>)]) -> Vec<String> {
        let lies = |skip: &&Skip| {
            skipped.iter().any(|(suite, tests)| suite.name() == skip.suite && !tests.contains(&skip.test))
        };
        self.skip.iter().filter(lies).map(|skip| format!("{}: {}", skip.suite, skip.test)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[[skip]]\nsuite = 'rust'\ntest = 'a b'\nreason = 'needs another kernel'\n";

    #[test]
    fn a_skip_is_accepted_for_its_suite_and_name_only() {
        let support = Support::parse(TEXT).unwrap();
        assert_eq!(support.reason(Suite::Rust, "a b"), Some("needs another kernel"));
        assert_eq!(support.reason(Suite::Web, "a b"), None);
        assert_eq!(support.reason(Suite::Rust, "a"), None);
    }

    #[test]
    fn an_entry_without_reason_or_with_an_unknown_field_is_refused() {
        assert!(Support::parse(&TEXT.replace("needs another kernel", " ")).is_err());
        assert!(Support::parse(&TEXT.replace("reason", "because")).is_err());
    }

    #[test]
    fn an_entry_whose_test_ran_is_stale() {
        let support = Support::parse(TEXT).unwrap();
        assert_eq!(support.stale(&[(Suite::Rust, vec![])]), ["rust: a b"]);
        assert!(support.stale(&[(Suite::Rust, vec!["a b".into()])]).is_empty());
        assert!(support.stale(&[(Suite::Web, vec![])]).is_empty());
    }
}
