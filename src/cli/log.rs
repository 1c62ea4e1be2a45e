//! Where does the log go? To standard error, one line an event, by a thread of its own: whoever reads it may stop reading, and no
//! request waits for that.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, reload};

use super::log_names::{NamedJson, NamedText};
use crate::clock::{Clock, timestamp};
use crate::config::{Log, LogFormat};

/// What may wait to be written, in bytes; beyond that lines are dropped, and counted.
const MOST_WAITING: usize = 1024 * 1024;

/// What is kept of that while nothing waits.
const KEPT: usize = 64 * 1024;

/// How long a line waits for others to be written with it: a write for each costs as much as the line itself.
const GATHER: Duration = Duration::from_millis(5);

/// How long the end of the program waits for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same for a panic, which may be the end of the program and in most cases is that of one request.
const PATIENCE_IN_PANIC: Duration = Duration::from_millis(100);

/// The log of a program that serves. When it is dropped, what waits is written, as far as that can be done in a second.
#[derive(Debug)]
pub(super) struct Logging {
    filter: reload::Handle<Targets, Registry>,
    lines: Lines,
}

impl Logging {
    /// Writes everything to standard error from now on.
    pub(super) fn start(settings: &Log) -> anyhow::Result<Self> {
        let plain =
            !io::stderr().is_terminal() || std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        let lines = Lines::to(io::stderr(), settings.format)?;
        let (filter, handle) = reload::Layer::new(filter(settings)?);
        let log = fmt::layer().with_ansi(!plain).with_writer(lines.clone());
        let log = match settings.format {
            LogFormat::Text => log.map_fmt_fields(NamedText).boxed(),
            LogFormat::Json => log.json().map_event_format(NamedJson).boxed(),
        };
        tracing_subscriber::registry().with(log.with_filter(filter)).init();
        let told = lines.clone();
        // What a panic says would be written at once otherwise, and wait for whoever reads it.
        std::panic::set_hook(Box::new(move |panic| {
            let what = panic.to_string().replace('\n', " ");
            tracing::error!(what, "a task panicked");
            told.finish(PATIENCE_IN_PANIC);
        }));
        Ok(Self { filter: handle, lines })
    }

    /// Says more or less from now on.
    pub(super) fn set_level(&self, settings: &Log) -> anyhow::Result<()> {
        Ok(self.filter.reload(filter(settings)?)?)
    }

    /// Writes what waits, as far as that can be done in a second.
    pub(super) fn finish(&self) {
        self.lines.finish(PATIENCE);
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.finish();
    }
}

fn filter(settings: &Log) -> anyhow::Result<Targets> {
    let level = &settings.level;
    level.parse().with_context(|| format!("log.level {level}: expected error, warn, info, debug or trace"))
}

/// Where lines go that are to be written; cheap to clone.
#[derive(Clone, Debug)]
struct Lines(Arc<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    waiting: Mutex<Waiting>,
    /// Something waits that did not before, or somebody cannot wait.
    come: Condvar,
    /// Something has been written.
    gone: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Whole lines.
    text: Vec<u8>,
    /// Lines that found no room since the last write.
    dropped: usize,
    /// Bytes that ever came, and that were ever written.
    came: u64,
    written: u64,
    /// Whether the thread sleeps until something comes.
    asleep: bool,
    /// Whether somebody waits for what has come to be written.
    hurry: bool,
    /// Whether nobody writes here any more.
    closed: bool,
}

impl Lines {
    /// Starts the thread that writes them.
    fn to(out: impl Write + Send + 'static, format: LogFormat) -> anyhow::Result<Self> {
        let shelf = Arc::new(Shelf::default());
        let theirs = Arc::clone(&shelf);
        let write = move || write(out, &theirs, format);
        std::thread::Builder::new().name("log".to_owned()).spawn(write).context("the log has no thread")?;
        Ok(Self(shelf))
    }

    /// Waits until what has come so far is written, or until it has taken this long.
    fn finish(&self, patience: Duration) {
        let mut waiting = self.0.waiting();
        let came = waiting.came;
        waiting.hurry = true;
        self.0.come.notify_one();
        let unwritten = |waiting: &mut Waiting| waiting.written < came;
        drop(self.0.gone.wait_timeout_while(waiting, patience, unwritten));
    }
}

impl Shelf {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be written next, in place of `written`, which has been; and how many lines are missing after it. None at the end.
    fn next(&self, written: &mut Vec<u8>) -> Option<usize> {
        let mut waiting = self.waiting();
        waiting.written += u64::try_from(written.len()).unwrap_or(u64::MAX);
        self.gone.notify_all();
        written.clear();
        written.shrink_to(KEPT);
        while waiting.text.is_empty() && waiting.dropped == 0 {
            if waiting.closed {
                return None;
            }
            waiting.hurry = false;
            waiting.asleep = true;
            waiting = self.come.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            waiting.asleep = false;
        }
        let more_time = |waiting: &mut Waiting| !waiting.hurry && !waiting.closed;
        let gathered = self.come.wait_timeout_while(waiting, GATHER, more_time);
        let mut waiting = gathered.unwrap_or_else(PoisonError::into_inner).0;
        std::mem::swap(&mut waiting.text, written);
        Some(std::mem::take(&mut waiting.dropped))
    }
}

fn write(mut out: impl Write, shelf: &Shelf, format: LogFormat) {
    let mut lines = Vec::new();
    while let Some(lost) = shelf.next(&mut lines) {
        // Nobody reads it, or not any more: there is nowhere else to say so.
        let _ = out.write_all(&lines);
        if lost > 0 {
            let _ = out.write_all(about_lost(lost, format).as_bytes());
        }
    }
}

fn about_lost(lines: usize, format: LogFormat) -> String {
    let (at, message) =
        (timestamp(Clock::System.now()), "lines are missing here: they were not read fast enough");
    match format {
        LogFormat::Text => format!("{at}  WARN countersign::log: {message} lines={lines}\n"),
        LogFormat::Json => {
            let fields = serde_json::json!({ "message": message, "lines": lines });
            let line = serde_json::json!({ "timestamp": at, "level": "WARN", "fields": fields, "target": "countersign::log" });
            format!("{line}\n")
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl Write for &Lines {
    /// Takes a whole line; it never waits for whoever reads them, and never fails.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.waiting();
        if waiting.text.len() + line.len() > MOST_WAITING {
            waiting.dropped += 1;
            return Ok(line.len());
        }
        waiting.text.extend_from_slice(line);
        waiting.came += u64::try_from(line.len()).unwrap_or(u64::MAX);
        // Once awake, the thread looks by itself: a request that wakes it pays for that.
        if std::mem::take(&mut waiting.asleep) {
            drop(waiting);
            self.0.come.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, PipeReader};

    /// Everything that is written until nobody writes any more.
    fn all(reader: PipeReader, lines: &Lines) -> Vec<String> {
        lines.0.waiting().closed = true;
        lines.0.come.notify_one();
        BufReader::new(reader).lines().map(Result::unwrap).collect()
    }

    #[test]
    fn a_reader_that_stands_still_stops_nobody_and_is_told_what_it_has_missed() {
        let (reader, writer) = io::pipe().unwrap();
        let lines = Lines::to(writer, LogFormat::Text).unwrap();
        let line = format!("{}\n", "x".repeat(1023));
        // Far more than pipe and shelf hold together: each of these returns at once although nothing is read.
        for _ in 0..4096 {
            (&lines).write_all(line.as_bytes()).unwrap();
        }
        assert!(lines.0.waiting().text.len() <= MOST_WAITING);
        let read = all(reader, &lines);
        let whole = read.iter().filter(|read| read.len() == 1023).count();
        let told = read.iter().filter(|read| read.contains("lines are missing here"));
        let lost: usize =
            told.map(|told| told.rsplit_once("lines=").unwrap().1.parse::<usize>().unwrap()).sum();
        assert!(lost > 1024, "{lost} were dropped");
        assert_eq!((whole + lost, read.len() > whole), (4096, true));
    }

    #[test]
    fn lines_come_in_their_order_and_each_once() {
        let (reader, writer) = io::pipe().unwrap();
        let lines = Lines::to(writer, LogFormat::Text).unwrap();
        for n in 0..1000 {
            (&lines).write_all(format!("{n}\n").as_bytes()).unwrap();
        }
        let expected: Vec<_> = (0..1000).map(|n| n.to_string()).collect();
        assert_eq!(all(reader, &lines), expected);
    }

    #[test]
    fn whoever_finishes_has_everything_written() {
        let (reader, writer) = io::pipe().unwrap();
        let lines = Lines::to(writer, LogFormat::Text).unwrap();
        for n in 0..100 {
            (&lines).write_all(format!("{n}\n").as_bytes()).unwrap();
            lines.finish(Duration::from_mins(1));
            let waiting = lines.0.waiting();
            assert_eq!((waiting.text.len(), waiting.came), (0, waiting.written));
        }
        drop(reader);
    }

    #[test]
    fn a_reader_that_is_gone_stops_nobody() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let lines = Lines::to(writer, LogFormat::Text).unwrap();
        for _ in 0..10 {
            (&lines).write_all(b"a line\n").unwrap();
        }
        lines.finish(Duration::from_mins(1));
        assert!(lines.0.waiting().text.is_empty());
    }

    #[test]
    fn in_json_that_is_json_too() {
        let told: serde_json::Value = serde_json::from_str(&about_lost(3, LogFormat::Json)).unwrap();
        assert_eq!((&told["level"], &told["fields"]["lines"]), (&"WARN".into(), &3.into()));
    }
}
