//! As which app do the pages of a sign-in show the managers' console? As one that is built in: it is on no list, and nothing is
//! registered about it.

use super::{Client, Metadata, find};
use crate::store::signins::SignInRow;
use crate::store::{Conn, Result};
use crate::web::{Language, Pages};

/// The app of a sign-in, or the console; none when the app is gone.
///
/// # Errors
/// When the database refuses.
pub async fn of_signin(
    conn: &mut Conn,
    signin: &SignInRow,
    pages: &Pages,
    language: Language,
) -> Result<Option<Client>> {
    match &signin.client_id {
        Some(id) => find(conn, id).await,
        None => Ok(Some(console(pages, language))),
    }
}

/// The console, as whoever signs in to it reads its name.
fn console(pages: &Pages, language: Language) -> Client {
    let name = pages.sentence("console-app", language);
    Client {
        id: String::new(),
        secret_hash: None,
        secret_sealed: None,
        registration_token_hash: None,
        metadata: Metadata {
            client_uri: Some(format!("{}/console", pages.base())),
            ..Metadata::web_app(name, Vec::new())
        },
        created_at: 0,
    }
}
