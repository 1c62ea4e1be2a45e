//! What do people bring along who move in? Dumps, exports, tables, lines of JSON, realms, files of Authelia's: all of them may be broken or made
//! to do harm. What is read is planned, everybody comes or is told why not, and nobody administers the site by accident.

use std::io::Cursor;

use countersign::moving::csv::{self, Defaults};
use countersign::moving::file::{Contents, Progress};
use countersign::moving::here::Here;
use countersign::moving::plan::{Whither, plan};
use countersign::moving::source::Source;
use countersign::moving::{Error, authelia, jsonl, keycloak, timetracker};

/// Which reader, by the first byte; the rest is the file. Answers whether it was read.
pub fn run(data: &[u8]) -> bool {
    let Some((which, file)) = data.split_first() else { return false };
    let defaults = Defaults { group: Some("Acme".to_owned()), role: None, add_groups: *which == b'c' };
    let read = match which {
        b't' => contents(file).and_then(|contents| timetracker::read(contents, None)),
        b'c' | b'C' => contents(file).and_then(|contents| csv::read(contents, &defaults)),
        b'j' => contents(file).and_then(jsonl::read),
        b'k' => in_a_file(file),
        b'a' => contents(file).and_then(|contents| authelia::read(contents, &defaults)),
        _ => {
            let mut source = Source::default();
            contents(file).and_then(|contents| authelia::apps(contents, &mut source)).map(|()| source)
        }
    };
    match read {
        Ok(source) => {
            planned(source);
            return true;
        }
        Err(Error::At { line, column, what }) => assert!(line > 0 && column > 0 && !what.is_empty()),
        Err(why) => assert!(!why.to_string().is_empty()),
    }
    false
}

fn contents(file: &[u8]) -> Result<Contents, Error> {
    Contents::of(Cursor::new(file.to_vec()), &Progress::default())
}

/// A realm may be a folder, and is read by its path.
fn in_a_file(bytes: &[u8]) -> Result<Source, Error> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), bytes)?;
    keycloak::read(file.path(), &Progress::default())
}

fn planned(mut source: Source) {
    let users = source.users.len();
    let summary = plan(source.clone(), &Here::default()).summary();
    for role in summary.rights.values() {
        assert!(
            role.iter().all(|right| right != "administer_site"),
            "no role of a group administers the site"
        );
    }
    source.leave_site_administrators();
    let plan = plan(source, &Here::default());
    let told = plan.users.len() + plan.left_out.len() + usize::try_from(plan.deleted).unwrap_or_default();
    assert_eq!(told, users, "everybody comes, or is told why not");
    for user in &plan.users {
        assert_ne!(
            user.whither,
            Whither::Site,
            "{} administers the site, and nobody has asked for it",
            user.login
        );
        assert!(!user.login.as_str().is_empty());
    }
    assert_eq!(plan.told().len() + usize::try_from(plan.deleted).unwrap_or_default(), users);
}
