//! How does a command print, when whoever reads it may have gone?

use std::fmt;
use std::io::Write as _;

/// The exit status of a program that SIGPIPE ends, in a shell.
const GONE: i32 = 141;

/// Prints as [`std::print!`] does, which panics when the reader of a pipe has seen enough (`countersign user list | head`).
/// There is nobody left to do the rest for.
pub(super) fn print(text: fmt::Arguments<'_>) {
    if std::io::stdout().lock().write_fmt(text).is_err() {
        std::process::exit(GONE);
    }
}

// By their names in this folder's files, since they are declared before them: nobody can forget to use them.
macro_rules! print {
    ($($text:tt)*) => { $crate::cli::output::print(format_args!($($text)*)) };
}
macro_rules! println {
    ($($text:tt)*) => { $crate::cli::output::print(format_args!("{}\n", format_args!($($text)*))) };
}
