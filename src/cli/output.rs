//! How does a command print, when whoever reads it may have gone, or there is no room for it?

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The exit status of a program that SIGPIPE ends, in a shell.
const GONE: i32 = 141;

/// What is lost where the next that is printed cannot be written, and how to come to another.
static AT_STAKE: Mutex<Option<String>> = Mutex::new(None);

/// Prints as [`std::print!`] does, which panics when the reader of a pipe has seen enough (`countersign user list | head`).
/// There is nobody left to do the rest for. Whatever else stops it (a full disk) is an error like any other.
pub(super) fn print(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    // Flushed, since at the end nobody hears any more what comes of what is left.
    if let Err(error) = out.write_fmt(text).and_then(|()| out.flush()) {
        std::process::exit(if error.kind() == ErrorKind::BrokenPipe { GONE } else { unwritten(&error) });
    }
}

/// Says that the output could not be written; the answer is the exit status.
pub(super) fn unwritten(error: &io::Error) -> i32 {
    let lost = at_stake().take().map(|lost| format!("; {lost}")).unwrap_or_default();
    eprintln!("countersign: cannot write the output: {error}{lost}");
    1
}

/// What is printed once and never again, until this is dropped.
#[must_use = "it is at stake only as long as this lives"]
pub(super) struct AtStake(());

impl AtStake {
    /// What to say where it cannot be written: `the link is lost: …`, with the command that makes another.
    pub(super) fn new(lost: String) -> Self {
        *at_stake() = Some(lost);
        Self(())
    }
}

impl Drop for AtStake {
    fn drop(&mut self) {
        *at_stake() = None;
    }
}

fn at_stake() -> MutexGuard<'static, Option<String>> {
    AT_STAKE.lock().unwrap_or_else(PoisonError::into_inner)
}

// By their names in this folder's files, since they are declared before them: nobody can forget to use them.
macro_rules! print {
    ($($text:tt)*) => { $crate::cli::output::print(format_args!($($text)*)) };
}
macro_rules! println {
    ($($text:tt)*) => { $crate::cli::output::print(format_args!("{}\n", format_args!($($text)*))) };
}
