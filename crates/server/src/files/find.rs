//! Files by a few letters of their path, best first.

use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;
use ignore::WalkBuilder;
use ikpdb_proto::Failure;
use ikpdb_proto::client::{FindFiles, FoundFiles};

use super::Files;

/// How many files are looked at, and how many told.
const LOOKED_AT: usize = 50_000;
const TOLD: usize = 200;

/// Folders that hold nobody's own files, whatever a `.gitignore` says.
const SKIPPED: &[&str] = &[".git", ".hg", ".tox", ".venv", "__pycache__", "node_modules", "venv"];

impl Files {
    pub(super) fn find(&self, find: &FindFiles) -> Result<FoundFiles, Failure> {
        if find.query.len() > 1000 {
            return Err(Failure::client("the query is too long"));
        }
        let limit = usize::try_from(find.limit).unwrap_or(TOLD).min(TOLD);
        let walk = WalkBuilder::new(&self.root)
            .hidden(false)
            .require_git(false)
            .sort_by_file_name(Ord::cmp)
            .filter_entry(|entry| !SKIPPED.iter().any(|name| entry.file_name() == *name))
            .build();
        // Words in any order, the letters of each in theirs.
        let words: Vec<&str> = find.query.split_whitespace().collect();
        let matcher = SkimMatcherV2::default();
        let mut found = Vec::new();
        // Links are not followed: nothing outside is seen.
        let files = walk.filter_map(Result::ok).filter(|it| it.file_type().is_some_and(|kind| kind.is_file()));
        for entry in files.take(LOOKED_AT) {
            let Some(path) = entry.path().strip_prefix(&self.root).ok().and_then(|path| path.to_str()) else {
                continue;
            };
            let score: Option<i64> = words.iter().map(|word| matcher.fuzzy_match(path, word)).sum();
            if let Some(score) = score {
                found.push((score, path.to_owned()));
            }
        }
        // Equal ones: the shorter, then by name.
        found.sort_by(|a, b| (b.0, a.1.len(), &a.1).cmp(&(a.0, b.1.len(), &b.1)));
        found.truncate(limit);
        let paths = found.into_iter().map(|(_, path)| self.root.join(path).to_string_lossy().into_owned());
        Ok(FoundFiles { paths: paths.collect() })
    }
}
