//! `docs/identity-requirements.md`: every requirement has tests, and every test that it names is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

const PAGE: &str = "docs/identity-requirements.md";
/// Numbered from 1.
const REQUIREMENTS: usize = 26;
/// What is counted, the files that it stands in, and how a line of one begins.
const COUNTED: &[(&str, &[&str], LineTest)] = &[
    (
        "hostile tokens",
        &[
            "crates/jwt/tests/it/hostile.rs",
            "crates/jwt/tests/it/hostile_claims.rs",
            "crates/jwt/tests/it/hostile_classes.rs",
        ],
        is_token,
    ),
    (
        "hostile SAML messages",
        &[
            "crates/saml/tests/it/fields.rs",
            "crates/saml/tests/it/hostile.rs",
            "crates/saml/tests/it/wrapping.rs",
        ],
        is_message,
    ),
];
/// How far above a function its attribute stands at most.
const ATTRIBUTES_MAX: usize = 8;

/// Whether a line is one of them.
type LineTest = fn(&str) -> bool;

pub(crate) fn check(root: &Path) -> Result<()> {
    let page = std::fs::read_to_string(root.join(PAGE)).context(PAGE)?;
    let mut problems = Vec::new();
    let rows = rows(&page);
    for number in 1..=REQUIREMENTS {
        if rows.get(&number).is_none_or(Vec::is_empty) {
            problems.push(format!("{PAGE}: requirement {number} has no test"));
        }
    }
    for name in rows.values().flatten() {
        if !exists(root, name) {
            problems.push(format!("{PAGE}: there is no test `{name}`"));
        }
    }
    for (what, files, is_one) in COUNTED {
        let count = count(root, files, *is_one)?;
        let said = format!("**{count}** {what}");
        if !page
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .contains(&said)
        {
            problems.push(format!("{PAGE}: should say \"{said}\""));
        }
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(())
}

/// Names of tests by number of the requirement.
fn rows(page: &str) -> BTreeMap<usize, Vec<&str>> {
    page.lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').collect();
            let number = cells.get(1)?.trim().parse().ok()?;
            let tests = cells.get(3)?.split('`').skip(1).step_by(2);
            Some((number, tests.collect()))
        })
        .collect()
}

fn exists(root: &Path, name: &str) -> bool {
    let parts: Vec<&str> = name.split("::").collect();
    let [package, modules @ .., test] = parts.as_slice() else {
        return false;
    };
    let modules: Vec<&str> = modules
        .iter()
        .copied()
        .filter(|module| *module != "tests")
        .collect();
    files(root, package, &modules)
        .iter()
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .any(|text| has_test(&text, test))
}

/// Where a module of tests can stand.
fn files(root: &Path, package: &str, modules: &[&str]) -> Vec<PathBuf> {
    let base = match package {
        "tests" => root.join("tests"),
        package => root.join("crates").join(package),
    };
    let path = modules.join("/");
    if path.is_empty() {
        return vec![base.join("tests/it/main.rs")];
    }
    ["tests/it", "it", "src"]
        .iter()
        .flat_map(|folder| {
            [
                format!("{folder}/{path}.rs"),
                format!("{folder}/{path}/tests.rs"),
            ]
        })
        .map(|file| base.join(file))
        .collect()
}

/// A function with a test's attribute, or an entry of a table that a macro makes tests of.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let function = format!("fn {name}(");
    let is_function = lines.iter().enumerate().any(|(at, line)| {
        let above = lines
            .get(at.saturating_sub(ATTRIBUTES_MAX)..at)
            .unwrap_or_default();
        let is_marked = |line: &&str| line.starts_with("#[") && line.contains("test");
        line.contains(&function) && above.iter().any(is_marked)
    });
    let entry = format!("{name}: \"");
    let is_entry =
        || text.contains("cases! {") && lines.iter().any(|line| line.starts_with(&entry));
    is_function || is_entry()
}

fn count(root: &Path, files: &[&'static str], is_one: LineTest) -> Result<usize> {
    let mut count = 0;
    for file in files {
        let text = std::fs::read_to_string(root.join(file)).context(*file)?;
        count += text.lines().filter(|line| is_one(line)).count();
    }
    Ok(count)
}

/// `    case("code", …`, on one line or several.
fn is_token(line: &str) -> bool {
    line.starts_with("    case(")
}

/// `    name: "code", message;`
fn is_message(line: &str) -> bool {
    let Some((name, rest)) = line
        .strip_prefix("    ")
        .and_then(|line| line.split_once(": "))
    else {
        return false;
    };
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !name.is_empty() && name.bytes().all(plain) && rest.starts_with('"')
}

#[cfg(test)]
mod tests {
    use super::{has_test, is_message, rows};

    #[test]
    fn only_a_test_counts_as_one() {
        let text = "#[test]\nfn it_holds() {}\n\n\n\n\n\n\n\n\n\nfn helps() {}\ncases! {\n    forged: \"digest\", x;\n}";
        assert!(has_test(text, "it_holds"));
        assert!(has_test(text, "forged"));
        for name in ["helps", "it_hold", "holds", "digest"] {
            assert!(!has_test(text, name), "{name}");
        }
    }

    #[test]
    fn rows_are_read() {
        let page = "| # | x | y |\n|---|---|---|\n| 2 | it holds | `a::b` and `c::d` |\n";
        let rows = rows(page);
        assert_eq!(
            rows.into_iter().collect::<Vec<_>>(),
            [(2, vec!["a::b", "c::d"])]
        );
    }

    #[test]
    fn entries_are_told_from_other_lines() {
        assert!(is_message("    forged: \"digest\", x;"));
        assert!(!is_message("    let forged: \"digest\""));
        assert!(!is_message("        forged: \"digest\""));
        assert!(!is_message("    forged: x"));
    }
}
