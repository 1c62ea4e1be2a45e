//! What has a process spent, and what does it hold? As Linux counts it in `/proc`, with every process that it has started: a PostgreSQL
//! server is many.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

/// Milliseconds in the unit of `/proc/PID/stat`: `USER_HZ` is 100 on every Linux.
const TICK: f64 = 10.0;

/// Which process is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those of these numbers.
    Ids(Vec<u32>),
    /// All of this name.
    Named(String),
}

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    id: u32,
    name: String,
    parent: u32,
    /// User and system time, its own and that of children that have ended.
    ticks: u64,
}

impl Stat {
    /// Reads the file's one line (`proc_pid_stat(5)`).
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        // The second field is the name in parentheses, which may hold anything.
        let (before, after) = line.rsplit_once(") ")?;
        let (id, name) = before.split_once(" (")?;
        let fields: Vec<&str> = after.split_ascii_whitespace().collect();
        let times = fields.get(11..15)?.iter().map(|field| field.parse::<u64>());
        let ticks = times.sum::<Result<u64, _>>().ok()?;
        Some(Self {
            id: id.parse().ok()?,
            name: name.to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            ticks,
        })
    }
}

/// Those that are meant, and all that come from them.
#[must_use]
pub fn family(which: &Which, all: &[Stat]) -> Vec<Stat> {
    let is_meant = |stat: &&Stat| match which {
        Which::Ids(ids) => ids.contains(&stat.id),
        Which::Named(name) => stat.name == *name,
    };
    let mut ids: BTreeSet<u32> = all.iter().filter(is_meant).map(|stat| stat.id).collect();
    loop {
        let before = ids.len();
        ids.extend(
            all.iter().filter(|stat| ids.contains(&stat.parent)).map(|stat| stat.id).collect::<Vec<_>>(),
        );
        if ids.len() == before {
            return all.iter().filter(|stat| ids.contains(&stat.id)).cloned().collect();
        }
    }
}

/// Milliseconds of processor time that these have spent so far.
///
/// # Errors
/// When there is no such process.
pub fn spent(which: &Which) -> anyhow::Result<f64> {
    Ok(milliseconds(found(which)?.iter().map(|stat| stat.ticks).sum()))
}

/// The same to the microsecond, of the threads that live now, without those of this name: what a difference of a few microseconds an
/// operation can be seen in, where [`spent`] counts in steps of 10 ms for each process.
///
/// # Errors
/// When there is no such process.
pub fn spent_beside(which: &Which, name: &str) -> anyhow::Result<f64> {
    let threads = found(which)?.into_iter().flat_map(|stat| threads(stat.id));
    let nanoseconds = threads.filter_map(|thread| {
        let comm = fs::read_to_string(thread.join("comm")).ok()?;
        let line = fs::read_to_string(thread.join("schedstat")).ok()?;
        (comm.trim_end() != name).then(|| on_processor(&line)).flatten()
    });
    Ok(nanoseconds.sum::<f64>() / 1e6)
}

fn threads(id: u32) -> Vec<PathBuf> {
    let entries = fs::read_dir(format!("/proc/{id}/task")).ok();
    entries.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// The first number of a `schedstat`: nanoseconds on a processor.
fn on_processor(line: &str) -> Option<f64> {
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Those that are meant, as they are now.
fn found(which: &Which) -> anyhow::Result<Vec<Stat>> {
    let entries = fs::read_dir("/proc").context("/proc: this measures on Linux alone")?;
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let lines = ids.filter_map(|id| fs::read_to_string(format!("/proc/{id}/stat")).ok());
    let all: Vec<Stat> = lines.filter_map(|line| Stat::parse(&line)).collect();
    let family = family(which, &all);
    anyhow::ensure!(!family.is_empty(), "there is no process {which:?}");
    Ok(family)
}

/// Milliseconds that this process has spent itself, without those that it has started.
#[must_use]
pub fn spent_here() -> f64 {
    let own = fs::read_to_string("/proc/self/stat").ok().and_then(|line| Stat::parse(&line));
    own.map_or(0.0, |stat| milliseconds(stat.ticks))
}

#[expect(clippy::cast_precision_loss, reason = "no process lives for 2^52 ticks")]
fn milliseconds(ticks: u64) -> f64 {
    ticks as f64 * TICK
}

/// What of a process is in memory, in MiB.
///
/// # Errors
/// When there is no such process.
pub fn resident(id: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).context("a process that runs")?;
    resident_of(&status).context("VmRSS")
}

fn resident_of(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::{Stat, Which, family, on_processor, resident_of, spent_beside};

    fn stat(id: u32, name: &str, parent: u32, ticks: u64) -> Stat {
        Stat { id, name: name.to_owned(), parent, ticks }
    }

    #[test]
    fn a_line_of_proc_is_read_whatever_the_name_is() {
        let line = "42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 9 0 555 1 2";
        assert_eq!(Stat::parse(line), Some(stat(42, "a) b (c", 7, 127)));
        for broken in ["", "42", "42 (a) S 7", "x (a) S 7 1 1 1 1 1 1 1 1 1 1 1 1 1 1"] {
            assert_eq!(Stat::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_server_is_counted_with_all_that_it_has_started() {
        let all = [
            stat(30, "postgres", 20, 3),
            stat(20, "postgres", 10, 2),
            stat(10, "sh", 1, 1),
            stat(40, "other", 1, 4),
            stat(31, "helper", 30, 5),
        ];
        let ticks = |which: &Which| family(which, &all).iter().map(|stat| stat.ticks).sum::<u64>();
        let cases = [
            (Which::Ids(vec![20]), 10),
            (Which::Ids(vec![10]), 11),
            (Which::Ids(vec![31, 40]), 9),
            (Which::Named("postgres".to_owned()), 10),
            (Which::Ids(vec![9]), 0),
        ];
        for (which, expected) in cases {
            assert_eq!(ticks(&which), expected, "{which:?}");
        }
    }

    #[test]
    fn what_threads_of_a_name_have_spent_is_left_out() {
        assert_eq!((on_processor("84491 216538 3\n"), on_processor("")), (Some(84_491.0), None));
        let me = Which::Ids(vec![std::process::id()]);
        let busy = std::thread::Builder::new().name("busy".to_owned());
        let both =
            busy.spawn(move || (0..2_000_000_u64).fold(0, |sum: u64, n| std::hint::black_box(sum ^ n)));
        both.unwrap().join().unwrap();
        assert!(spent_beside(&me, "busy").unwrap() > 0.0);
        assert!(spent_beside(&Which::Named("no such program".to_owned()), "busy").is_err());
    }

    #[test]
    fn memory_is_told_in_mib() {
        assert_eq!(resident_of("VmHWM:\t 4096 kB\nVmRSS:\t   2048 kB\n"), Some(2.0));
        assert_eq!(resident_of("Name: x"), None);
    }
}
