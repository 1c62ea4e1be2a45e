//! What is a name here that was one elsewhere?

use std::collections::HashSet;

use crate::directory::login::fold;
use crate::directory::misleads;

/// The most characters of a name.
const LONGEST: usize = 80;

/// A name without what misleads, and not too long; `or` where nothing is left of it.
pub(super) fn tidy(name: &str, or: impl FnOnce() -> String) -> String {
    let seen: String = name.chars().filter(|c| !misleads(*c)).collect();
    let cut: String = seen.trim().chars().take(LONGEST).collect();
    let name = cut.trim().to_owned();
    if fold(&name).is_empty() { or().chars().filter(|c| !misleads(*c)).take(LONGEST).collect() } else { name }
}

/// The name of a group: the same, without what means something in a path.
pub(super) fn tidy_group(name: &str, or: impl Fn() -> String) -> String {
    let plain = |name: &str| -> String {
        name.chars().map(|c| if fold(&c.to_string()).contains('/') { '-' } else { c }).collect()
    };
    let or = || plain(&or());
    let name = tidy(&plain(name), or);
    if matches!(fold(&name).as_str(), "." | "..") { or() } else { name }
}

/// A name that none of those has who have come before: with a number where it must be.
pub(super) fn distinct(name: &str, taken: &mut HashSet<String>) -> String {
    if taken.insert(fold(name)) {
        return name.to_owned();
    }
    for number in 2..u32::MAX {
        let end = format!(" ({number})");
        let cut: String = name.chars().take(LONGEST - end.len()).collect();
        let next = cut + &end;
        if taken.insert(fold(&next)) {
            return next;
        }
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_group_is_called_what_means_something_in_a_path() {
        for (name, expected) in [
            ("Acme", "Acme"),
            ("R/D", "R-D"),
            ("R\u{ff0f}D", "R-D"),
            ("..", "Group 7"),
            ("\u{2025}", "Group 7"),
            (" . ", "Group 7"),
            ("", "Group 7"),
        ] {
            assert_eq!(tidy_group(name, || "Group 7".to_owned()), expected, "{name:?}");
        }
    }
}
