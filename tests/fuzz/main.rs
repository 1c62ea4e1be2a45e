//! Do the harnesses of the fuzzer (docs/contributing.md) still stand? Each takes its seeds, and some hundred mutations of them,
//! the same ones every time: `cargo fuzz` goes on from there.
#![cfg(test)]

mod authorization;
mod backup;
mod filled;
mod jose;
mod moving;
mod mutation;
mod request;
mod settings;
mod text;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mutation::Mutator;

const TARGETS: [&str; 7] = ["authorization", "backup", "jose", "moving", "request", "settings", "text"];

#[test]
fn authorization_takes_anything() {
    seeds_and_mutations("authorization", 3000, authorization::run);
}

#[test]
fn backup_takes_anything() {
    seeds_and_mutations("backup", 2000, backup::run);
}

#[test]
fn jose_takes_anything() {
    seeds_and_mutations("jose", 500, jose::run);
}

/// Every seed is read, so that what begins there is not refused at the door.
#[test]
fn moving_takes_anything() {
    for (name, seed) in seeds("moving") {
        assert!(moving::run(&seed), "{name}");
    }
    seeds_and_mutations("moving", 600, |data| {
        moving::run(data);
    });
}

#[test]
fn settings_take_anything() {
    seeds_and_mutations("settings", 1000, settings::run);
}

#[test]
fn text_takes_anything() {
    seeds_and_mutations("text", 3000, text::run);
}

/// Every seed tells of something that works, so that what begins there is not refused at the door.
#[test]
fn request_takes_anything() {
    for (name, seed) in seeds("request") {
        let statuses = request::run(&seed);
        let last = statuses.last().copied().unwrap_or_default();
        assert!((200..400).contains(&last), "{name}: {statuses:?}");
    }
    seeds_and_mutations("request", 300, |data| drop(request::run(data)));
}

#[test]
fn every_target_is_complete() {
    let manifest: toml::Table = read("fuzz/Cargo.toml").parse().unwrap();
    let told = read("docs/contributing.md");
    let listed: BTreeSet<&str> =
        manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap()).collect();
    assert_eq!(listed, BTreeSet::from(TARGETS));
    for bin in manifest["bin"].as_array().unwrap() {
        let name = bin["name"].as_str().unwrap();
        let path = format!("fuzz_targets/{name}.rs");
        assert_eq!(bin["path"].as_str(), Some(path.as_str()));
        let target = read(&format!("fuzz/{path}"));
        assert!(target.contains("#[path = \"../../tests/fuzz/"), "{name} has no harness in tests/fuzz");
        assert!(!seeds(name).is_empty(), "{name} has no seeds");
        assert!(told.contains(&format!("`{name}`")), "docs/contributing.md does not say what {name} is for");
    }
    let files: BTreeSet<String> = fs::read_dir(top().join("fuzz/fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, TARGETS.iter().map(|name| format!("{name}.rs")).collect());
}

fn seeds_and_mutations(target: &str, count: usize, run: impl Fn(&[u8])) {
    let seeds: Vec<Vec<u8>> = seeds(target).into_iter().map(|(_, seed)| seed).collect();
    for seed in &seeds {
        run(seed);
    }
    let mut mutator = Mutator::new(&read(&format!("fuzz/{target}.dict")));
    for _ in 0..count {
        run(&mutator.mutate(&seeds));
    }
}

/// The seeds of a target, in the order of their names.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = top().join("fuzz/seeds").join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| (file.display().to_string(), fs::read(file).unwrap())).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
