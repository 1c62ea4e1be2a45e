//! How is a long list read? Page by page.

use clap::Args;

/// Which part of a list is printed.
#[derive(Debug, Args)]
pub(super) struct Page {
    /// How many, at most.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
    /// Those that come after this one: what the page before ended with.
    #[arg(long, value_name = "LAST")]
    after: Option<String>,
}

impl Page {
    /// How many rows to read: one more than are shown, which tells whether there are more.
    pub(super) fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// What the page comes after.
    pub(super) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The same; the empty text is before everything.
    pub(super) fn start(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }

    /// Takes away what is beyond the page, and says on standard error how to go on. `name` is what a row is called by `--after`.
    pub(super) fn cut<T>(&self, rows: &mut Vec<T>, name: impl Fn(&T) -> &str) {
        if rows.len() <= usize::from(self.limit) {
            return;
        }
        rows.truncate(usize::from(self.limit));
        if let Some(last) = rows.last() {
            let name = name(last);
            let quote = if name.contains(char::is_whitespace) { "'" } else { "" };
            eprintln!("There are more: add --after {quote}{name}{quote}");
        }
    }
}
