//! What does a relying app do wrong, and what is there to do about it? In the words of the page that the app's developer sees.

use serde::Serialize;

use super::Visit;
use super::field::Said;
use crate::clock::Moment;
use crate::oidc::clients::Client;
use crate::oidc::shared::slip::Slip;
use crate::oidc::shared::slips::{self, Told};
use crate::store::Conn;
use crate::web::{Hint, Problem};

/// A mistake that an app has made within a week.
#[derive(Clone, Debug, Serialize)]
pub struct Mistake {
    /// The key of what it is.
    pub key: &'static str,
    /// The key of what to do about it.
    pub remedy: &'static str,
    /// How often.
    pub n: i64,
    /// When last.
    pub last: Moment,
    /// The address that it sent then; empty where that is not what is wrong.
    pub sent: String,
    /// What it was told then; empty where that says nothing more.
    pub told: String,
    /// In what the address differs from one that is registered.
    pub hint: Option<Hint>,
    /// Whether the address has been registered since.
    pub mended: bool,
    /// Whom it keeps out of the app.
    pub harm: Harm,
}

/// Whom a mistake keeps out of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Harm {
    /// Nobody.
    None,
    /// Whoever came then: people have got in since.
    Past,
    /// People, if it was the app, and nobody if it was a stranger.
    Perhaps,
    /// Its people.
    KeepsOut,
}

impl Harm {
    fn of(told: &Told, mended: bool, got_in: Option<i64>) -> Self {
        if mended || !told.slip.keeps_out() {
            Self::None
        } else if got_in.is_some_and(|at| at >= told.last_at) {
            Self::Past
        } else if told.slip.is_anybodys() {
            Self::Perhaps
        } else {
            Self::KeepsOut
        }
    }
}

/// What an app's page begins with about its mistakes, if one of them is worth it.
pub(super) fn lead(mistakes: &[Mistake]) -> Option<Said> {
    let any = |harm| mistakes.iter().any(|mistake| mistake.harm == harm);
    if any(Harm::KeepsOut) {
        Some(Said::new("apps-lead-mistakes"))
    } else if any(Harm::Perhaps) {
        Some(Said::new("apps-lead-somebody"))
    } else {
        any(Harm::Past).then(|| Said::new("apps-lead-past"))
    }
}

/// What an app has done wrong, the latest first; and when it has used the secret before its newest last.
pub(super) async fn of(
    visit: &Visit,
    conn: &mut Conn,
    client: &Client,
) -> Result<(Vec<Mistake>, Option<Moment>), Problem> {
    let told = slips::of_client(conn, &client.id, visit.now()).await?;
    let old = told.iter().find(|told| told.slip == Slip::OldSecret).map(|told| visit.moment(told.last_at));
    let got_in = slips::last_sign_in(conn, &client.id).await?;
    let mistakes = told.into_iter().filter(|told| told.slip != Slip::OldSecret);
    let mistake = |told: Told| mistake(client, &told, visit.moment(told.last_at), got_in);
    Ok((mistakes.map(mistake).collect(), old))
}

/// The keys of what a mistake is, and of what to do about it.
pub(super) const fn words(slip: Slip) -> (&'static str, &'static str) {
    match slip {
        Slip::RedirectUri => ("slip-redirect-uri", "slip-redirect-uri-do"),
        Slip::RedirectUriNear => ("slip-redirect-uri-near", "slip-redirect-uri-near-do"),
        Slip::Pkce => ("slip-pkce", "slip-pkce-do"),
        Slip::Request => ("slip-request", "slip-request-do"),
        Slip::ResponseType => ("slip-response-type", "slip-response-type-do"),
        Slip::NotRegistered => ("slip-not-registered", "slip-not-registered-do"),
        Slip::Scope => ("slip-scope", "slip-scope-do"),
        Slip::ScopeIgnored => ("slip-scope-ignored", "slip-scope-ignored-do"),
        Slip::Resource => ("slip-resource", "slip-resource-do"),
        Slip::RequestObject => ("slip-request-object", "slip-request-object-do"),
        Slip::Secret => ("slip-secret", "slip-secret-do"),
        Slip::Proof => ("slip-proof", "slip-proof-do"),
        Slip::GrantType => ("slip-grant-type", "slip-grant-type-do"),
        Slip::Code => ("slip-code", "slip-code-do"),
        Slip::CodeRedirectUri => ("slip-code-redirect-uri", "slip-code-redirect-uri-do"),
        Slip::Verifier => ("slip-verifier", "slip-verifier-do"),
        Slip::Dpop => ("slip-dpop", "slip-dpop-do"),
        Slip::OldSecret => ("slip-old-secret-last", "slip-old-secret-none"),
    }
}

fn mistake(client: &Client, told: &Told, last: Moment, got_in: Option<i64>) -> Mistake {
    let is_address = matches!(told.slip, Slip::RedirectUri | Slip::RedirectUriNear);
    let mended = is_address && client.metadata.allows_redirect_to(&told.said);
    let (sent, said) = if is_address { (&*told.said, "") } else { ("", &*told.said) };
    let (key, remedy) = words(told.slip);
    Mistake {
        key,
        remedy,
        n: told.n,
        last,
        sent: sent.to_owned(),
        told: said.to_owned(),
        hint: told.hint(&client.metadata.redirect_uris).filter(|_| !mended),
        mended,
        harm: Harm::of(told, mended, got_in),
    }
}
