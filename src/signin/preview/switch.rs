//! How is a group's two-factor setting changed? Looked at first, ruled on, and then written.

use std::time::Duration;

use super::{Consent, MailCheck, Preview, Ruling, changing, rule};
use crate::directory::groups::{self, Changes};
use crate::directory::{By, Error, TwoFactor, policy};
use crate::keys::secret::entropy;
use crate::mail::Mailer;
use crate::store::Db;
use crate::store::groups::GroupRow;

/// How long the mail server has to answer while somebody looks at a preview.
const PROBE: Duration = Duration::from_secs(3);

/// What became of the wish for another setting.
#[derive(Clone, Debug)]
pub enum Switched {
    /// It is in force.
    Done(GroupRow),
    /// It is not: what it would do, and what is missing or speaks against it.
    Not(Box<Preview>, Ruling),
}

/// Looks at what a setting would do, and whether mail works at this moment; only for those who may change it.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn look(
    db: &Db,
    mailer: &Mailer,
    group: &GroupRow,
    to: TwoFactor,
    by: &By,
) -> Result<Preview, Error> {
    groups::may_set(
        &mut db.read().await?,
        group,
        &Changes { two_factor: Some(to), ..Changes::default() },
        by,
    )
    .await?;
    // Before the connection: nobody holds one while a mail server takes its time.
    let probed = mailer.probe_within(PROBE).await;
    let mail = MailCheck { works: probed.is_ok(), words: probed.unwrap_or_else(|words| words) };
    let actor_id = by.user_id();
    changing(&mut db.read().await?, group, to, actor_id, Some(mail)).await
}

/// Changes a group's two-factor setting, if what that does is allowed, or confirmed, or insisted on. `seen` is who would be locked out as
/// whoever confirms has seen it ([`Preview::locked_out_seen`]): of others, and be they as many, they know nothing.
///
/// # Errors
/// When the rank rules say no, or the database refuses.
pub async fn switch(
    db: &Db,
    mailer: &Mailer,
    group: &GroupRow,
    to: TwoFactor,
    consent: Consent,
    seen: Option<&str>,
    by: &By,
) -> Result<Switched, Error> {
    let preview = look(db, mailer, group, to, by).await?;
    let confirmed = consent.confirmed.filter(|_| seen.is_none_or(|seen| seen == preview.locked_out_seen()));
    let consent = Consent { confirmed, ..consent };
    let ruling = rule(&preview.stakes(), consent, policy::may_insist(&by.actor));
    if ruling != Ruling::Save {
        return Ok(Switched::Not(Box::new(preview), ruling));
    }
    let mut tx = db.write().await?;
    let changes = Changes { two_factor: Some(to), ..Changes::default() };
    let after = groups::set(&mut tx, group, &changes, by, &mut entropy()).await?;
    tx.commit().await?;
    Ok(Switched::Done(after))
}
