//! Sizes of files, and words that do not belong into this repository.

use super::Problem;
use super::source::SourceFile;

/// Lines of a code file that are wanted at most, and the limit.
const WANTED: usize = 400;
const LIMIT: usize = 600;

const CODE: [&str; 9] = ["rs", "ts", "tsx", "py", "js", "mjs", "css", "sh", "html"];

/// Folders whose files are made by a machine.
const GENERATED: [&str; 1] = ["web/src/socket/generated/"];

/// Files whose words are data of others.
const FOREIGN: [&str; 3] = ["Cargo.lock", "web/package-lock.json", "crates/xtask/src/tidy/files.rs"];

/// Paths outside the repository, and hosts that a set-up has to take from the machine's own configuration.
const FORBIDDEN: [&str; 8] = [
    "../shared",
    "/work/",
    "/tmp/newpy",
    "deb.debian.org",
    "snapshot.debian.org",
    "registry.npmjs.org",
    "files.pythonhosted.org",
    "static.crates.io",
];

pub(crate) fn check(files: &[SourceFile]) -> Vec<Problem> {
    files.iter().flat_map(|file| size(file).into_iter().chain(words(file))).collect()
}

fn size(file: &SourceFile) -> Option<Problem> {
    let generated = GENERATED.iter().any(|folder| file.path.starts_with(folder));
    if generated || !file.has_extension(&CODE) {
        return None;
    }
    match file.text.lines().count() {
        lines if lines > LIMIT => Some(Problem::Error(format!("{}: {lines} lines, the limit is {LIMIT}", file.path))),
        lines if lines > WANTED => {
            Some(Problem::Warning(format!("{}: {lines} lines, {WANTED} are wanted at most", file.path)))
        }
        _ => None,
    }
}

fn words(file: &SourceFile) -> Vec<Problem> {
    if FOREIGN.contains(&file.path.as_str()) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        for word in FORBIDDEN.iter().filter(|word| line.contains(**word)) {
            problems.push(Problem::Error(format!("{}:{}: names `{word}`", file.path, number + 1)));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::source::file;
    use super::*;

    #[test]
    fn a_long_file_warns_and_one_over_the_limit_fails() {
        let lines = |count: usize| "x\n".repeat(count);
        assert_eq!(check(&[file("a.rs", &lines(400))]), []);
        assert!(matches!(check(&[file("a.rs", &lines(401))])[..], [Problem::Warning(_)]));
        assert!(matches!(check(&[file("a.rs", &lines(601))])[..], [Problem::Error(_)]));
        assert_eq!(check(&[file("a.md", &lines(900)), file("web/src/socket/generated/A.ts", &lines(900))]), []);
    }

    #[test]
    fn a_path_outside_the_repository_is_named_with_its_line() {
        let found = check(&[file("docs/a.md", "x\nsee ../shared/x\n")]);
        assert_eq!(found, [Problem::Error("docs/a.md:2: names `../shared`".to_owned())]);
    }
}
