//! `/console/keys`: what does each signing key do now, until when, and how are they replaced?

use axum::response::Response;
use serde::Serialize;

use super::confirm::Confirm;
use super::field::{Said, Summed};
use super::listing::{Declared, Listing, Table};
use super::routes::{Needs, Route};
use super::saved::Saved;
use super::visit::ConsolePage;
use super::{Visit, trouble};
use crate::clock::Moment;
use crate::config::SigningAlgorithm;
use crate::directory::proof::AdministerSite;
use crate::directory::signing_keys::{self, Failed};
use crate::keys::{KeyError, KeyKind, PUBLISHED_AHEAD, Phase, Takeover, phase};
use crate::store::signing_keys::SigningKeyRow;
use crate::web::Problem;

const HERE: &str = "/console/keys";

const COLUMNS: [Declared; 3] = [
    Declared { sort: Some("kind"), label: "keys-kind", number: false },
    Declared { sort: Some("does"), label: "keys-does", number: false },
    Declared { sort: Some("made"), label: "keys-made", number: false },
];

pub(super) const ROUTES: &[Route] = &[
    Route::get(HERE, Needs::Site, |visit| Box::pin(get(visit))).in_menu("console-menu-keys", 100),
    Route::post("/console/keys/rotate", Needs::Site, "keys.rotated", |visit| Box::pin(announce(visit))),
    Route::post("/console/keys/stolen", Needs::Site, "keys.rotated", |visit| Box::pin(stolen(visit))),
];

/// The signing keys.
#[derive(Clone, Debug, Serialize)]
pub struct KeysPage {
    /// When the next keys take over, if any are announced.
    pub next: Option<Moment>,
    /// The table's head.
    pub table: Table,
    /// One line each: those that sign first, unless it is chosen otherwise.
    pub keys: Vec<Line>,
    /// How long new keys are published before they sign, in minutes.
    pub ahead: i64,
    /// Why nothing was changed.
    pub errors: Vec<Summed>,
}

/// One key.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Its name in the key set.
    pub kid: String,
    /// What kind of key it is.
    pub kind: String,
    /// What it signs under.
    pub algorithms: String,
    /// The key of what it does now.
    pub does: &'static str,
    /// Until when, or from when on.
    pub at: Option<Moment>,
    /// When it was made.
    pub made: Moment,
}

impl ConsolePage for KeysPage {
    const TEMPLATE: &'static str = "console/keys.html";
}

/// `GET /console/keys`
async fn get(visit: Visit) -> Result<Response, Problem> {
    Ok(visit.page(&page(&visit, Vec::new()).await?))
}

/// `POST /console/keys/rotate`: new keys, which sign when every app has had time to see them.
async fn announce(visit: Visit) -> Result<Response, Problem> {
    let said = Saved::new("saved-keys-announced").counting(PUBLISHED_AHEAD / 60);
    rotate(&visit, Takeover::Announced, said).await
}

/// `POST /console/keys/stolen`: nothing that was signed until now counts any more.
async fn stolen(visit: Visit) -> Result<Response, Problem> {
    if visit.is_confirmed() {
        return rotate(&visit, Takeover::Stolen, Saved::new("saved-keys-stolen")).await;
    }
    let question = Confirm::of(&visit, Said::new("keys-stolen-question"), "keys-stolen-button", HERE)
        .consequence(Said::new("keys-stolen-tokens"))
        .consequence(Said::new("keys-stolen-apps"))
        .consequence(Said::new("keys-stolen-sessions"))
        .consequence(Said::new("keys-stolen-next"))
        .consequence(Said::new("keys-stolen-for-good"))
        .grave();
    Ok(visit.confirm(&question))
}

async fn rotate(visit: &Visit, takeover: Takeover, done: Saved) -> Result<Response, Problem> {
    let (by, provider) = (visit.prove::<AdministerSite>()?, visit.provider());
    let (db, longest) = (&provider.signin.db, provider.longest_token());
    let said = match signing_keys::rotate(db, &provider.keys, takeover, longest, &by).await {
        Ok(made) if made.is_empty() => return Ok(visit.saved(HERE, &Saved::new("saved-keys-by-another"))),
        Ok(_) => return Ok(visit.saved(HERE, &done)),
        Err(Failed::Keys(KeyError::TooMany(there))) => {
            Said::new("keys-too-many").counting(i64::try_from(there).unwrap_or(i64::MAX))
        }
        Err(Failed::Keys(error)) => return Err(failed(error)),
        Err(Failed::Directory(error)) => trouble::wrong(error)?.said,
    };
    Ok(visit.again(&page(visit, vec![Summed::new("", said)]).await?))
}

async fn page(visit: &Visit, errors: Vec<Summed>) -> Result<KeysPage, Problem> {
    let now = visit.now();
    let ring = visit.provider().keys.ring(now).await.map_err(failed)?;
    let mut rows: Vec<(&SigningKeyRow, Phase)> = ring.rows().map(|row| (row, phase(row, now))).collect();
    let asked = Listing::of(visit, &COLUMNS).at(HERE);
    // A handful, all of them on the page.
    rows.sort_by_key(|(row, phase)| {
        let (kind, made) = match asked.sort {
            Some("kind") => (row.kind.clone(), i64::MIN),
            Some("made") => (String::new(), row.created_at),
            _ => (String::new(), i64::MIN),
        };
        (kind, made, turn(*phase), row.created_at, row.kind.clone(), row.kid.clone())
    });
    if asked.descending {
        rows.reverse();
    }
    let next =
        rows.iter().filter(|(_, phase)| *phase == Phase::Announced).map(|(row, _)| row.active_at).min();
    Ok(KeysPage {
        next: next.map(|at| visit.moment(at)),
        table: asked.table("keys-title", &COLUMNS, None),
        keys: rows.into_iter().map(|(row, phase)| line(visit, row, phase)).collect(),
        ahead: PUBLISHED_AHEAD / 60,
        errors,
    })
}

fn line(visit: &Visit, row: &SigningKeyRow, phase: Phase) -> Line {
    let (does, at) = match (phase, row.retired_at) {
        (Phase::Announced, _) => ("keys-announced", Some(row.active_at)),
        (Phase::Signing, Some(until)) => ("keys-signing-until", Some(until)),
        (Phase::Signing, None) => ("keys-signing", None),
        (Phase::Retired, _) => ("keys-retired", row.expires_at),
        (Phase::Gone, _) => ("keys-gone", row.expires_at),
    };
    Line {
        kid: row.kid.clone(),
        kind: row.kind.clone(),
        algorithms: algorithms(&row.kind),
        does,
        at: at.map(|at| visit.moment(at)),
        made: visit.moment(row.created_at),
    }
}

fn failed(error: KeyError) -> Problem {
    match error {
        KeyError::Store(error) => error.into(),
        other => Problem::Internal(other.to_string()),
    }
}

/// What a kind of key signs under.
fn algorithms(kind: &str) -> String {
    let fitting = SigningAlgorithm::ALL.into_iter().filter(|one| KeyKind::of(*one).name() == kind);
    fitting.map(SigningAlgorithm::name).collect::<Vec<_>>().join(", ")
}

/// In which order keys are listed.
const fn turn(phase: Phase) -> u8 {
    match phase {
        Phase::Signing => 0,
        Phase::Announced => 1,
        Phase::Retired => 2,
        Phase::Gone => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_key_says_what_it_signs_under() {
        for (kind, expected) in [("P-256", "ES256"), ("Ed25519", "EdDSA"), ("none of ours", "")] {
            assert_eq!(algorithms(kind), expected);
        }
        assert!(algorithms("RSA").starts_with("RS256, "));
    }
}
