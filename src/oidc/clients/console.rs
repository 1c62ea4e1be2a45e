//! As which app do the pages of a sign-in show the managers' console? As one that is built in: it is on no list, and nothing is
//! registered about it.

use super::{Client, Metadata};
use crate::web::{Language, Pages};

/// The console, as whoever signs in to it reads its name: also that a change is kept for them, so that it does not look lost.
pub(in crate::oidc) fn console(pages: &Pages, language: Language, keeps_a_change: bool) -> Client {
    let name = pages.sentence(if keeps_a_change { "console-app-kept" } else { "console-app" }, language);
    Client::unregistered(
        "",
        Metadata {
            client_uri: Some(format!("{}/console", pages.base())),
            ..Metadata::web_app(name, Vec::new())
        },
    )
}
