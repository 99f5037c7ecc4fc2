//! Each invariant of ARCHITECTURE.md has a test that carries its number: `fn i04_…` in Rust, `i04 …` as a title elsewhere.

use std::collections::BTreeSet;

use super::Problem;
use super::source::SourceFile;

/// I1 is the first, this the last.
const LAST: u32 = 18;

pub(crate) fn check(files: &[SourceFile]) -> Vec<Problem> {
    let found: BTreeSet<u32> = files.iter().flat_map(numbers).collect();
    let missing = (1..=LAST).filter(|number| !found.contains(number));
    missing.map(|number| Problem::Error(format!("invariant I{number} has no test named `i{number:02}_…`"))).collect()
}

fn numbers(file: &SourceFile) -> Vec<u32> {
    let prefixes: &[&str] = match file.path.rsplit_once('.') {
        Some((_, "rs")) => &["fn "],
        Some((_, "py")) => &["def test_"],
        Some((_, "ts" | "tsx")) => &["test(\"", "it(\"", "test('", "it('"],
        _ => &[],
    };
    let mut numbers = Vec::new();
    for line in file.text.lines() {
        let Some(mut name) = prefixes.iter().find_map(|prefix| line.split_once(prefix).map(|(_, name)| name)) else {
            continue;
        };
        // One test may carry several numbers: `i01_i02_…`.
        while let Some((number, rest)) = leading_number(name) {
            numbers.push(number);
            name = rest;
        }
    }
    numbers
}

fn leading_number(name: &str) -> Option<(u32, &str)> {
    let digits = name.strip_prefix('i')?.get(..2)?;
    let rest = name.get(3..)?;
    Some((digits.parse().ok()?, rest.strip_prefix(['_', ' '])?))
}

#[cfg(test)]
mod tests {
    use super::super::source::file;
    use super::*;

    #[test]
    fn tests_are_found_by_their_numbers_in_each_language() {
        let files = [
            file("a.rs", "    fn i04_every_request_is_answered_once() {}\nfn i01_i02_both() {}\n"),
            file("b.test.ts", "  it(\"i15 a reload shows the same\", () => {\n"),
            file("c.py", "    def test_i16_no_code_runs(self):\n"),
            file("d.md", "fn i17_not_a_test()\n"),
        ];
        let found: Vec<u32> = files.iter().flat_map(numbers).collect();
        assert_eq!(found, [4, 1, 2, 15, 16]);
        let missing: Vec<Problem> = check(&files);
        assert_eq!(missing.len(), 18 - 5);
        assert!(matches!(&missing[0], Problem::Error(text) if text.contains("invariant I3 ")));
    }
}
