//! How many files may this process have open? As many as it is allowed to allow itself: a connection is one too.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit on open files to the hard one. Answers the limit that holds now; none when there is none.
pub fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let higher = match (current, maximum) {
        (Some(current), Some(maximum)) => current < maximum,
        (current, None) => current.is_some(),
        (None, Some(_)) => false,
    };
    if higher && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(%error, "the limit on open files stays as it is");
    }
    limit()
}

/// The limit that holds now; none when there is none.
pub(super) fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}
