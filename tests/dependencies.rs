//! Is everything that we build from what deny.toml allows? Its licences, bans and sources, without a tool to install.
//! (`cargo deny check advisories` asks the world for news, which a test may not.)
#![cfg(test)]

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::process::Command;

use serde_json::Value;

#[test]
fn every_licence_is_one_that_we_allow() {
    let allowed = words(&rules()["licenses"]["allow"]);
    let refused: Vec<String> = packages()
        .iter()
        .map(|package| (text(package, "name"), text(package, "license")))
        .filter(|(_, licence)| !is_allowed(licence, &allowed))
        .map(|(name, licence)| format!("{name}: {licence}"))
        .collect();
    assert!(refused.is_empty(), "\n{}\n", refused.join("\n"));
}

#[test]
fn no_banned_crate_comes_in_but_by_the_ways_that_are_named() {
    let users = users();
    assert_eq!(users["openidconnect"], ["countersign"]);
    for ban in rules()["bans"]["deny"].as_array().unwrap() {
        let name = ban["crate"].as_str().unwrap();
        let wrappers = ban.get("wrappers").map(words).unwrap_or_default();
        let found = users.get(name).cloned().unwrap_or_default();
        let strangers: Vec<_> = found.iter().filter(|user| !wrappers.contains(user)).collect();
        assert!(strangers.is_empty(), "{name} ({}) comes in by {strangers:?}", ban["reason"]);
    }
}

#[test]
fn everything_comes_from_crates_io() {
    for package in packages() {
        let ours = text(&package, "name") == "countersign";
        let source = text(&package, "source");
        assert!(
            ours || source == "registry+https://github.com/rust-lang/crates.io-index",
            "{package}: {source}"
        );
    }
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    let allowed = ["MIT".to_owned(), "Unicode-3.0".to_owned()];
    let cases = [
        ("MIT", true),
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("GPL-2.0 OR MIT AND Unicode-3.0", true),
        ("Apache-2.0 WITH LLVM-exception OR MIT", true),
        ("Apache-2.0 WITH LLVM-exception", false),
        ("GPL-3.0", false),
        ("", false),
    ];
    for (expression, expected) in cases {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression:?}");
    }
}

fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut tokens = spaced.split_whitespace().peekable();
    any_of(&mut tokens, allowed)
}

fn any_of<'a>(tokens: &mut Peekable<impl Iterator<Item = &'a str>>, allowed: &[String]) -> bool {
    let mut good = all_of(tokens, allowed);
    while tokens.next_if_eq(&"OR").is_some() {
        good |= all_of(tokens, allowed);
    }
    good
}

fn all_of<'a>(tokens: &mut Peekable<impl Iterator<Item = &'a str>>, allowed: &[String]) -> bool {
    let mut good = one(tokens, allowed);
    while tokens.next_if_eq(&"AND").is_some() {
        good &= one(tokens, allowed);
    }
    good
}

fn one<'a>(tokens: &mut Peekable<impl Iterator<Item = &'a str>>, allowed: &[String]) -> bool {
    match tokens.next() {
        Some("(") => {
            // Boxed, for a type that would contain itself.
            let inner: &mut dyn Iterator<Item = &'a str> = tokens;
            let inside: Vec<&str> = inner.take_while(|token| *token != ")").collect();
            is_allowed(&inside.join(" "), allowed)
        }
        Some(name) if tokens.next_if_eq(&"WITH").is_some() => {
            let whole = format!("{name} WITH {}", tokens.next().unwrap_or_default());
            allowed.contains(&whole)
        }
        name => name.is_some_and(|name| allowed.iter().any(|a| a == name)),
    }
}

/// Which packages use which, with the features that are switched on.
fn users() -> BTreeMap<String, Vec<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeMap<String, String> = packages.iter().map(|p| (text(p, "id"), text(p, "name"))).collect();
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        for used in node["dependencies"].as_array().unwrap() {
            let (by, used) = (&names[&text(node, "id")], &names[used.as_str().unwrap()]);
            users.entry(used.clone()).or_default().push(by.clone());
        }
    }
    users
}

fn packages() -> Vec<Value> {
    metadata()["packages"].as_array().unwrap().clone()
}

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The platform that this is: only its packages have been fetched.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

fn rules() -> toml::Table {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml");
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

fn words(list: &toml::Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
