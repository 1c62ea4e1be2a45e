//! How is one sign-in told: what came of it, whose it was, with which proofs, to which app, from where?

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::Visit;
use super::app::here;
use super::field::Said;
use crate::clock::Moment;
use crate::directory::rights::own;
use crate::oidc::clients;
use crate::store::Conn;
use crate::store::audit::EventRow;
use crate::web::Problem;

/// Something that happened in a sign-in.
#[derive(Clone, Debug, Serialize)]
pub struct Attempt {
    /// When.
    pub at: Moment,
    /// Whose it was: their login, and their page if they are in the reader's tree still; none where the page says so itself.
    pub who: Option<(String, Option<String>)>,
    /// What came of it.
    pub said: Said,
    /// Whether it is a refusal.
    pub refused: bool,
    /// What was proven; none where nothing was.
    pub proofs: Option<Said>,
    /// To which app: its name, and its page if the reader may see that; none for the console.
    pub app: Option<(String, Option<String>)>,
    /// From which network, where that was kept.
    pub network: String,
}

/// What sign-ins come to: the event, its sentence, whether it is a refusal. The order is that of the filters.
pub(super) const OUTCOMES: [(&str, &str, bool); 7] = [
    ("signin.completed", "happened-completed", false),
    ("signin.override", "happened-override", false),
    ("signin.code_skipped", "happened-code-skipped", false),
    ("signin.password_refused", "happened-password-refused", true),
    ("signin.code_refused", "happened-code-refused", true),
    ("signin.codes_stopped", "happened-codes-stopped", true),
    ("signin.refused", "happened-refused", true),
];

/// Tells sign-ins, and finds the name of each app once.
pub(super) struct Teller<'v> {
    visit: &'v Visit,
    apps: BTreeMap<String, (String, Option<String>)>,
}

impl<'v> Teller<'v> {
    /// For this reader.
    pub(super) const fn new(visit: &'v Visit) -> Self {
        Self { visit, apps: BTreeMap::new() }
    }

    /// One of them, without whose it was.
    pub(super) async fn tell(&mut self, conn: &mut Conn, event: &EventRow) -> Result<Attempt, Problem> {
        let app = match &event.client_id {
            Some(id) => Some(self.app(conn, id).await?),
            None => None,
        };
        let details: Value = serde_json::from_str(&event.details).unwrap_or_default();
        let word = |name: &str| details.get(name).and_then(Value::as_str).unwrap_or_default();
        let (_, key, refused) = outcome(&event.event);
        Ok(Attempt {
            at: self.visit.moment(event.at_ms / 1000),
            who: None,
            said: Said::new(key).about(if word("error").is_empty() { word("why") } else { word("error") }),
            refused,
            proofs: proofs(word("amr"), details.get("by_session") == Some(&Value::Bool(true))),
            app,
            network: event.network.clone().unwrap_or_default(),
        })
    }

    async fn app(&mut self, conn: &mut Conn, id: &str) -> Result<(String, Option<String>), Problem> {
        if let Some(known) = self.apps.get(id) {
            return Ok(known.clone());
        }
        let named = match clients::find(conn, id).await? {
            Some(client) => {
                let link = self.visit.holds(own::MANAGE_RELYING_APPS).then(|| here(&client));
                (client.metadata.client_name, link)
            }
            None => (id.to_owned(), None),
        };
        self.apps.insert(id.to_owned(), named.clone());
        Ok(named)
    }
}

fn outcome(event: &str) -> (&'static str, &'static str, bool) {
    let known = OUTCOMES.into_iter().find(|(known, ..)| *known == event);
    known.unwrap_or(("signin", "happened-otherwise", false))
}

/// What was proven, by the words of RFC 8176, and whether it was before, in the session.
pub(super) fn proofs(amr: &str, by_session: bool) -> Option<Said> {
    let key = match (amr.split(' ').any(|word| word == "otp"), by_session) {
        _ if amr.is_empty() => return None,
        (true, false) => "proofs-code",
        (true, true) => "proofs-code-session",
        (false, false) => "proofs-password",
        (false, true) => "proofs-password-session",
    };
    Some(Said::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_told_by_what_was_given_and_when() {
        for (amr, by_session, expected) in [
            ("pwd", false, Some("proofs-password")),
            ("pwd", true, Some("proofs-password-session")),
            ("pwd otp mfa", false, Some("proofs-code")),
            ("pwd otp mfa", true, Some("proofs-code-session")),
            ("", false, None),
        ] {
            assert_eq!(
                proofs(amr, by_session).map(|said| said.key).as_deref(),
                expected,
                "{amr} {by_session}"
            );
        }
    }

    #[test]
    fn every_outcome_has_its_sentence() {
        let words = include_str!("../../locales/en/console-sessions.ftl");
        for (event, key, _) in OUTCOMES {
            assert!(words.contains(&format!("\n{key} = ")), "{event}");
        }
        let mut found = OUTCOMES.map(|(event, ..)| event);
        let mut kept = crate::store::audit::SIGN_IN_EVENTS;
        found.sort_unstable();
        kept.sort_unstable();
        assert_eq!(found, kept, "what is told is what is looked for");
        assert_eq!(outcome("signin.something").1, "happened-otherwise");
    }
}
