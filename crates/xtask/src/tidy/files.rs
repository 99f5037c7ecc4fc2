//! Sizes of files, and addresses in a lock file.

use super::Problem;
use super::source::SourceFile;

/// Lines of a code file that are wanted at most, and the limit.
const WANTED: usize = 400;
const LIMIT: usize = 600;

const CODE: [&str; 9] = ["rs", "ts", "tsx", "py", "js", "mjs", "css", "sh", "html"];

/// Folders whose files are made by a machine.
const GENERATED: [&str; 1] = ["web/src/socket/generated/"];

/// The lock file of the web packages. It must hold no addresses: each machine has its own registry or mirror.
const WEB_LOCK: &str = "web/package-lock.json";

pub(crate) fn check(files: &[SourceFile]) -> Vec<Problem> {
    files.iter().flat_map(|file| size(file).into_iter().chain(addresses(file))).collect()
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

fn addresses(file: &SourceFile) -> Vec<Problem> {
    let lines = file.text.lines().enumerate();
    let locked = lines.filter(|(_, line)| file.path == WEB_LOCK && line.contains("\"resolved\":"));
    locked.map(|(number, _)| Problem::Error(format!("{}:{}: holds an address", file.path, number + 1))).collect()
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
    fn an_address_in_the_web_lock_is_named_with_its_line() {
        let text = "{\n  \"resolved\": \"https://mirror.example/x.tgz\"\n}\n";
        let found = check(&[file("web/package-lock.json", text)]);
        assert_eq!(found, [Problem::Error("web/package-lock.json:2: holds an address".to_owned())]);
        assert_eq!(check(&[file("docs/a.json", text)]), []);
    }
}
