//! How far has something come that takes long? A bar on a terminal; nothing anywhere else.

use std::io::{IsTerminal as _, Write as _};

/// Rows between two looks at a count.
const STEP: u64 = 5000;

/// A bar, until it is cleared.
pub(super) struct Bar {
    what: &'static str,
    shown: bool,
    last: Option<u64>,
}

impl Bar {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, shown: std::io::stderr().is_terminal(), last: None }
    }

    /// So much of all is done.
    pub(super) fn draw(&mut self, done: u64, all: u64) {
        const WIDTH: u64 = 40;
        let percent = (done.saturating_mul(100)).checked_div(all).unwrap_or_default().min(100);
        if !self.shown || self.last == Some(percent) {
            return;
        }
        self.last = Some(percent);
        let full = usize::try_from(percent * WIDTH / 100).unwrap_or_default();
        let bar = format!("{:·<1$}", "#".repeat(full), 40);
        let _ = write!(std::io::stderr(), "\r{} {bar} {percent:3} %", self.what);
    }

    /// So much is done, of nobody knows how much, and this is what is being done.
    pub(super) fn count(&mut self, done: u64, now: &str) {
        if !self.shown || self.last == Some(done / STEP) {
            return;
        }
        self.last = Some(done / STEP);
        let _ = write!(std::io::stderr(), "\r{} {done} rows, {now:<30}", self.what);
    }

    pub(super) fn clear(&mut self) {
        if self.last.take().is_some() {
            let _ = write!(std::io::stderr(), "\r{:70}\r", "");
        }
    }
}
