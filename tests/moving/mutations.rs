//! What if a file is broken, or was made to do harm? It is read or refused, with its line and column, and nothing else happens.

use std::io::{Cursor, Read, Write as _};

use bzip2::write::BzEncoder;
use countersign::moving::csv::{self, Defaults};
use countersign::moving::file::{Contents, Progress};
use countersign::moving::here::Here;
use countersign::moving::plan::plan;
use countersign::moving::{Error, jsonl, timetracker};
use flate2::write::GzEncoder;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::dumps::MYSQL_8;
use crate::exports::export;
use crate::mover::read;

/// What stands for much in such files.
const WORDS: [&str; 24] = [
    "'",
    "\"",
    "`",
    "\\",
    "(",
    ")",
    ",",
    ";",
    "NULL",
    "/*!",
    "*/",
    "--",
    "#",
    "0x",
    "DELIMITER ;;\n",
    "USE `x`;",
    "<",
    ">",
    "&",
    "<group name=\"",
    "</group>",
    "<users>",
    "\n",
    "\u{0}",
];

fn mutate(seed: &[u8], rng: &mut StdRng) -> Vec<u8> {
    let mut data = seed.to_vec();
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..=data.len());
        let end = (at + rng.random_range(0..60)).min(data.len());
        match rng.random_range(0..6) {
            0 if at < data.len() => data[at] ^= 1 << rng.random_range(0..8),
            1 => drop(data.drain(at..end)),
            2 => {
                let copy = data[at..end].to_vec();
                data.splice(at..at, copy);
            }
            3 => data.truncate(at),
            _ => drop(data.splice(at..at, WORDS[rng.random_range(0..WORDS.len())].bytes())),
        }
    }
    data
}

/// Reads it, and plans over what was read: both are to come to an end, and what is refused has a place or a reason.
fn take(data: &[u8]) -> bool {
    match read(data) {
        Ok(source) => {
            let (users, planned) = (source.users.len(), plan(source, &Here::default()));
            let told =
                planned.users.len() + planned.left_out.len() + usize::try_from(planned.deleted).unwrap();
            assert_eq!(told, users, "everybody comes, or is told why not");
            drop(planned.summary());
            true
        }
        Err(Error::At { line, column, what }) => {
            assert!(line > 0 && column > 0 && !what.is_empty());
            false
        }
        Err(Error::Unsuitable(what)) => {
            assert!(!what.is_empty());
            false
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// Seven thousand of them, the same ones every time.
#[test]
fn no_mutated_file_makes_it_stumble() {
    let (mut rng, export) = (StdRng::seed_from_u64(12), export());
    let (mut taken, mut refused) = (0, 0);
    for round in 0..7000 {
        let seed = if round % 2 == 0 { MYSQL_8.as_bytes() } else { export.as_bytes() };
        if take(&mutate(seed, &mut rng)) { taken += 1 } else { refused += 1 }
    }
    assert!(taken > 500 && refused > 500, "{taken} were taken, {refused} refused: both are to be tried");
}

/// Three thousand more of the other forms.
#[test]
fn no_mutated_table_makes_it_stumble() {
    let mut rng = StdRng::seed_from_u64(13);
    let table = "login;email;name;group;role;status;password_hash\nned;ned@acme.example;\"Ned, N\";Acme;User;active;\nada;;Ada;Acme;;;\n";
    let lines = "{\"kind\":\"group\",\"path\":\"Acme\"}\n{\"kind\":\"role\",\"group\":\"Acme\",\"name\":\"X\",\"rank\":3,\"rights\":[\"a\"]}\n\
        {\"kind\":\"user\",\"login\":\"ned\",\"group\":\"Acme\",\"claims\":{\"address\":{\"locality\":\"X\"}}}\n";
    let (defaults, mut taken, mut refused) = (Defaults { add_groups: true, ..Defaults::default() }, 0, 0);
    for round in 0..3000 {
        let read = if round % 2 == 0 {
            csv::read(Cursor::new(mutate(table.as_bytes(), &mut rng)), &defaults)
        } else {
            jsonl::read(Cursor::new(mutate(lines.as_bytes(), &mut rng)))
        };
        match read {
            Ok(source) => {
                let users = source.users.len();
                let plan = plan(source, &Here::default());
                assert_eq!(plan.told().len(), users, "everybody comes, or is told why not");
                taken += 1;
            }
            Err(Error::At { line, column, what }) => {
                assert!(line > 0 && column > 0 && !what.is_empty());
                refused += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(taken > 300 && refused > 300, "{taken} were taken, {refused} refused: both are to be tried");
}

fn packed_zeros(mebibytes: usize) -> [(&'static str, Vec<u8>); 2] {
    let piece = vec![b' '; 1024 * 1024];
    let mut gz = GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut bz2 = BzEncoder::new(Vec::new(), bzip2::Compression::best());
    for _ in 0..mebibytes {
        gz.write_all(&piece).unwrap();
        bz2.write_all(&piece).unwrap();
    }
    [("gz", gz.finish().unwrap()), ("bz2", bz2.finish().unwrap())]
}

/// Eighty mebibytes of blanks in a few kilobytes: refused before it is through, and never held.
#[test]
fn what_unpacks_without_end_is_refused() {
    for (how, bomb) in packed_zeros(80) {
        assert!(bomb.len() < 100_000, "{how}: {}", bomb.len());
        let error = read(&bomb).unwrap_err().to_string();
        assert!(error.contains("unpacks to more than 200 times its size"), "{how}: {error}");
    }
}

#[test]
fn a_packed_file_that_was_cut_off_says_so() {
    for (how, whole) in packed_zeros(1) {
        let error = read(&whole[..whole.len() / 2]).unwrap_err().to_string();
        assert!(error.contains("ends in the middle"), "{how}: {error}");
    }
    let error = read(b"PK\x03\x04rest").unwrap_err().to_string();
    assert_eq!(error, "this is a zip file: unpack it first (gz and bz2 are read as they are)");
}

/// However much time was logged, what is kept is the people.
#[test]
fn time_logs_pass_through_unkept() {
    let (head, tail) = MYSQL_8.split_once("CREATE TABLE `tt_users`").unwrap();
    let log = "INSERT INTO `tt_log` VALUES (1,'it''s (a) log; -- of time');\n".repeat(100_000);
    let parts = Cursor::new(head.to_owned())
        .chain(Cursor::new(log))
        .chain(Cursor::new(format!("CREATE TABLE `tt_users`{tail}")));
    let source = timetracker::read(Contents::of(parts, &Progress::default()).unwrap(), None).unwrap();
    assert_eq!(source.users.len(), 2);
}
