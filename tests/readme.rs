//! Is what the README tells people still true?
#![cfg(test)]

use std::process::Command;

const README: &str = include_str!("../README.md");

/// What `init` writes: every setting that there is.
const SETTINGS: &str = include_str!("../src/config/template.toml");

/// How a Time Tracker moves in, whose readers do what it says, and do it once.
const TIME_TRACKER: &str = include_str!("../docs/timetracker.md");

#[test]
fn every_command_line_of_the_readme_is_one_that_the_program_takes() {
    let binary = env!("CARGO_BIN_EXE_countersign");
    let text = format!("{README}\n{TIME_TRACKER}").replace(" \\\n     ", " ");
    let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let lines: Vec<&str> = lines.into_iter().filter(|line| line.contains("countersign ")).collect();
    assert!(lines.len() > 15, "{lines:?}");
    for line in lines {
        let arguments = line.split_once("countersign ").unwrap().1;
        // Asked for help, clap checks what comes before, and does nothing.
        let shell = format!("{binary} {arguments} --help");
        let output = Command::new("sh").args(["-c", &shell]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_command_line_that_the_program_does_not_take_is_found_out() {
    let binary = env!("CARGO_BIN_EXE_countersign");
    for arguments in ["nonsense --help", "group add Acme --nonsense --help"] {
        let output = Command::new("sh").args(["-c", &format!("{binary} {arguments}")]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}");
    }
}

#[test]
fn every_setting_is_in_the_readme() {
    let rows: Vec<&str> = README.lines().filter(|line| line.starts_with("| `")).collect();
    let mut section = String::new();
    let mut missing = Vec::new();
    for line in SETTINGS.lines().map(|line| line.trim_start_matches('#')) {
        if line.starts_with('[') {
            section = format!("`{}", line.split(']').next().unwrap_or_default());
        }
        let Some((key, _)) = line.split_once(" = ") else { continue };
        let is_key = key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let named = |row: &&&str| row.starts_with(&format!("| {section}")) && names(row, key);
        if is_key && !rows.iter().any(|row| named(&row)) {
            missing.push(format!("{section} {key}"));
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}

/// Whether a row of the table has this key in its first column.
fn names(row: &str, key: &str) -> bool {
    let keys = row.split('|').nth(1).unwrap_or_default();
    keys.split(|c: char| !(c.is_ascii_lowercase() || c == '_')).any(|word| word == key)
}
