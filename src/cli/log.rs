//! Where does the log go? To standard error, one line an event, by a thread of its own: whoever reads it may stop reading, and no
//! request waits for that.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use anyhow::Context as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, reload};

use crate::clock::{Clock, timestamp};
use crate::config::{Log, LogFormat};

/// What may wait to be written, in bytes; beyond that lines are dropped, and counted.
const MOST_WAITING: usize = 1024 * 1024;

/// How long the end of the program waits for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(1);

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
        let log = tracing_subscriber::fmt::layer().with_ansi(!plain).with_writer(lines.clone());
        let log = match settings.format {
            LogFormat::Text => log.boxed(),
            LogFormat::Json => log.json().boxed(),
        };
        tracing_subscriber::registry().with(log.with_filter(filter)).init();
        // What a panic says would be written at once otherwise, and wait for whoever reads it.
        std::panic::set_hook(Box::new(|panic| {
            let what = panic.to_string().replace('\n', " ");
            tracing::error!(what, "a task panicked");
        }));
        Ok(Self { filter: handle, lines })
    }

    /// Says more or less from now on.
    pub(super) fn set_level(&self, settings: &Log) -> anyhow::Result<()> {
        Ok(self.filter.reload(filter(settings)?)?)
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        let (written, all) = sync_channel(1);
        let _ = self.lines.queue.send(Entry::Mark(written));
        let _ = all.recv_timeout(PATIENCE);
    }
}

fn filter(settings: &Log) -> anyhow::Result<Targets> {
    let level = &settings.level;
    level.parse().with_context(|| format!("log.level {level}: expected error, warn, info, debug or trace"))
}

/// Where lines go that are to be written; cheap to clone.
#[derive(Clone, Debug)]
struct Lines {
    queue: Sender<Entry>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// Everything before it has been written.
    Mark(SyncSender<()>),
}

impl Lines {
    /// Starts the thread that writes them.
    fn to(out: impl Write + Send + 'static, format: LogFormat) -> anyhow::Result<Self> {
        let (queue, entries) = channel();
        let lines = Self { queue, waiting: Arc::default(), dropped: Arc::default() };
        let (waiting, dropped) = (Arc::clone(&lines.waiting), Arc::clone(&lines.dropped));
        let write = move || write(out, &entries, &waiting, &dropped, format);
        std::thread::Builder::new().name("log".to_owned()).spawn(write).context("the log has no thread")?;
        Ok(lines)
    }
}

fn write(
    mut out: impl Write,
    entries: &Receiver<Entry>,
    waiting: &AtomicUsize,
    dropped: &AtomicUsize,
    format: LogFormat,
) {
    for entry in entries {
        match entry {
            Entry::Line(line) => {
                // Nobody reads it, or not any more: there is nowhere else to say so.
                let _ = out.write_all(&line);
                waiting.fetch_sub(line.len(), Ordering::AcqRel);
            }
            Entry::Mark(written) => drop(written.send(())),
        }
        let lost = dropped.swap(0, Ordering::AcqRel);
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
    /// Takes a whole line; it never waits, and never fails.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let before = self.waiting.fetch_add(line.len(), Ordering::AcqRel);
        if before + line.len() > MOST_WAITING || self.queue.send(Entry::Line(line.to_vec())).is_err() {
            self.waiting.fetch_sub(line.len(), Ordering::AcqRel);
            self.dropped.fetch_add(1, Ordering::AcqRel);
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
    use std::io::{BufRead as _, BufReader};

    #[test]
    fn a_reader_that_stands_still_stops_nobody_and_is_told_what_it_has_missed() {
        let (reader, writer) = io::pipe().unwrap();
        let lines = Lines::to(writer, LogFormat::Text).unwrap();
        let line = format!("{}\n", "x".repeat(1023));
        // Far more than pipe and queue hold together: each of these returns at once although nothing is read.
        for _ in 0..4096 {
            (&lines).write_all(line.as_bytes()).unwrap();
        }
        let dropped = lines.dropped.load(Ordering::Acquire);
        assert!(dropped > 1024, "{dropped} were dropped");
        assert!(lines.waiting.load(Ordering::Acquire) <= MOST_WAITING);
        drop(lines);
        let read: Vec<String> = BufReader::new(reader).lines().map(Result::unwrap).collect();
        assert_eq!(read.iter().filter(|read| read.len() == 1023).count(), 4096 - dropped);
        let told = read.iter().find(|read| read.contains("lines are missing here")).unwrap();
        assert!(told.ends_with(&format!("lines={dropped}")), "{told}");
    }

    #[test]
    fn a_reader_that_is_gone_stops_nobody() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let lines = Lines::to(writer, LogFormat::Text).unwrap();
        for _ in 0..10 {
            (&lines).write_all(b"a line\n").unwrap();
        }
        let (written, all) = sync_channel(1);
        lines.queue.send(Entry::Mark(written)).unwrap();
        all.recv().unwrap();
        assert_eq!(lines.waiting.load(Ordering::Acquire), 0);
    }

    #[test]
    fn in_json_that_is_json_too() {
        let told: serde_json::Value = serde_json::from_str(&about_lost(3, LogFormat::Json)).unwrap();
        assert_eq!((&told["level"], &told["fields"]["lines"]), (&"WARN".into(), &3.into()));
    }
}
