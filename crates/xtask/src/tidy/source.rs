//! The files of the repository: what git knows and what it would add.

use anyhow::Result;

use crate::shell;

/// A text file.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    /// Relative to the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    /// The lines of a Rust file before its tests, with their 1-based numbers, comments left out; none if it is a test file.
    pub(crate) fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.path.contains("/tests/") || self.path.ends_with("/tests.rs");
        let lines = if is_test { "" } else { self.text.as_str() };
        let before_tests = lines.lines().take_while(|line| line.trim() != "#[cfg(test)]");
        let code = before_tests.map(|line| line.find("//").map_or(line, |at| &line[..at]));
        code.enumerate().map(|(index, line)| (index + 1, line))
    }

    pub(crate) fn has_extension(&self, extensions: &[&str]) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, extension)| extensions.contains(&extension))
    }
}

/// All text files, in the order of their paths.
pub(crate) fn files() -> Result<Vec<SourceFile>> {
    let mut git = shell::program("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let mut files = Vec::new();
    for path in shell::output(&mut git)?.split('\0').filter(|path| !path.is_empty()) {
        // What is not text is no source; what was deleted but not committed is not there.
        if let Ok(text) = std::fs::read_to_string(shell::root().join(path)) {
            files.push(SourceFile { path: path.to_owned(), text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// A file for the tests of the rules.
#[cfg(test)]
pub(crate) fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_comments_are_not_product_lines() {
        let text = "a // b\n#[cfg(test)]\nmod tests {}\n";
        assert_eq!(file("crates/hub/src/lib.rs", text).product_lines().collect::<Vec<_>>(), [(1, "a ")]);
        assert_eq!(file("crates/hub/tests/x.rs", text).product_lines().count(), 0);
    }
}
