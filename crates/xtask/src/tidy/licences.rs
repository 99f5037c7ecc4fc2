//! Every crate that is built into the program may be given away with it: permissive licences only.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Problem;
use crate::shell;

const ALLOWED: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
}

pub(crate) fn check() -> Result<Vec<Problem>> {
    let mut command = shell::cargo(["metadata", "--locked", "--format-version", "1"]);
    let metadata: Metadata =
        serde_json::from_str(&shell::output(&mut command)?).context("cargo's metadata is not understood")?;
    Ok(metadata.packages.iter().filter_map(problem).collect())
}

fn problem(package: &Package) -> Option<Problem> {
    let licence = package.license.as_deref().unwrap_or("none named");
    let text = || format!("{} {}: its licence is {licence}", package.name, package.version);
    (!is_allowed(licence)).then(|| Problem::Error(text()))
}

/// An SPDX expression as crates write them: `A OR B`, `A/B`, `A AND B`, and one level of brackets.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let mut terms = expression.split(" AND ").map(str::trim);
    let one_of = |term: &str| {
        let term = term.trim_start_matches('(').trim_end_matches(')');
        term.split(" OR ").any(|licence| ALLOWED.contains(&licence.trim()))
    };
    // `A OR B AND C` without brackets means `A OR (B AND C)`; reading it as `(A OR B) AND C` can only refuse more.
    terms.all(one_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_permissive_choice_is_enough_and_each_part_of_a_whole_is_needed() {
        for good in ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
            assert!(is_allowed(good), "{good}");
        }
        for bad in ["MPL-2.0", "MIT AND GPL-3.0", "none named", ""] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }
}
