//! Which apps have a line of their own? The first hundred that people sign in to; all others share one.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use super::words::App;

/// So many apps are told apart.
const MOST: usize = 100;

/// What stands for apps that have registered themselves.
const SELF_REGISTERED: &str = "self-registered";

/// What stands for those beyond [`MOST`].
const OTHER: &str = "other";

/// The apps that are told apart.
#[derive(Debug, Default)]
pub(super) struct Apps(RwLock<HashSet<String>>);

impl Apps {
    /// Calls `count` with what stands for this app.
    pub(super) fn with(&self, app: App<'_>, count: impl FnOnce(&str)) {
        let App::Registered(id) = app else { return count(SELF_REGISTERED) };
        count(if self.is_told_apart(id) { id } else { OTHER });
    }

    fn is_told_apart(&self, id: &str) -> bool {
        if self.0.read().unwrap_or_else(PoisonError::into_inner).contains(id) {
            return true;
        }
        let mut ids = self.0.write().unwrap_or_else(PoisonError::into_inner);
        ids.contains(id) || (ids.len() < MOST && ids.insert(id.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_hundred_have_lines_of_their_own() {
        let (apps, mut lines) = (Apps::default(), HashSet::new());
        for n in 0..1000 {
            let id = format!("app{n}");
            for app in [App::Registered(&id), App::SelfRegistered] {
                apps.with(app, |line| lines.extend([line.to_owned()]));
            }
        }
        assert_eq!(lines.len(), MOST + 2);
        apps.with(App::Registered("app7"), |line| assert_eq!(line, "app7"));
        apps.with(App::Registered("app700"), |line| assert_eq!(line, OTHER));
    }
}
