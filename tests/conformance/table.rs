//! Does `docs/conformance.md` say what is tested, no less and no more?

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Plan and module of every test, by the names that the suite gives them.
fn tests() -> BTreeSet<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let plan = path.file_stem().unwrap().to_str().unwrap().replace('_', "-");
        if !plan.ends_with("-plan") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        if let Some((_, shared)) = text.split_once("crate::plan! {") {
            let names = shared
                .lines()
                .map(str::trim)
                .filter(|line| ["oidcc_", "fapi2_"].iter().any(|prefix| line.starts_with(prefix)));
            found.extend(names.map(|name| (plan.clone(), name.replace('_', "-"))));
        }
        for test in text.split("#[tokio::test").skip(1) {
            let (_, after) = test.split_once("async fn ").unwrap();
            found.insert((plan.clone(), after.split('(').next().unwrap().replace('_', "-")));
        }
    }
    found
}

/// Plan and module of every line of the table.
fn lines() -> BTreeSet<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | `"));
    // A test's name has small letters alone, and no telling `-` from `_`.
    let module = |rest: &str| rest.split('`').next().unwrap().replace('_', "-").to_ascii_lowercase();
    rows.map(|(plan, rest)| (plan.to_owned(), module(rest))).collect()
}

#[test]
fn every_line_of_the_table_has_its_test_and_every_test_its_line() {
    let (tests, lines) = (tests(), lines());
    assert!(tests.len() > 40, "the tests were not found");
    let unlisted: Vec<_> = tests.difference(&lines).collect();
    let untested: Vec<_> = lines.difference(&tests).collect();
    assert!(
        unlisted.is_empty() && untested.is_empty(),
        "not listed: {unlisted:#?}\nnot tested: {untested:#?}"
    );
}
