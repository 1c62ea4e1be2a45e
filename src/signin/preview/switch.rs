//! How is a group's two-factor setting changed? Looked at first, ruled on, and then written.

use std::time::Duration;

use super::apart::Apart;
use super::counting::Begun;
use super::{Consent, MailCheck, Preview, Ruling, changing, rule};
use crate::directory::groups::{self, Changes};
use crate::directory::unreached::is_small;
use crate::directory::{Address, By, Error, TwoFactor, people, policy};
use crate::keys::secret::entropy;
use crate::mail::Mailer;
use crate::store::groups::GroupRow;
use crate::store::{Db, Tx};

/// How long the mail server has to answer while somebody looks at a preview.
const PROBE: Duration = Duration::from_secs(3);

/// What became of the wish for another setting.
#[derive(Clone, Debug)]
pub enum Switched {
    /// It is in force.
    Done(GroupRow),
    /// It is not: what it would do, and what is missing or speaks against it.
    Not(Box<Preview>, Ruling),
    /// It is not: somebody else has switched it meanwhile.
    Meanwhile(Box<GroupRow>),
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
    let own = match by.user_id() {
        Some(id) => people::find(&mut db.read().await?, id).await?.and_then(|own| own.deliverable_address()),
        None => None,
    };
    let is_small = is_small(&mut db.read().await?, &group.id).await?;
    // Side by side, and nobody holds a connection while a mail server takes its time, or while they wait for another one.
    let begun = async { Begun::of(&mut db.read().await?, group, to, by.user_id(), is_small).await };
    let counted = async {
        let (apart, begun) = tokio::try_join!(Apart::read(db, group, to, is_small), begun)?;
        begun.finished(&mut db.read().await?, group, apart).await
    };
    let (probed, counted) =
        tokio::join!(mailer.would_take_within(own.as_ref().map(Address::as_str), PROBE), counted);
    let preview = Preview { mail: Some(MailCheck::of(probed)), ..counted? };
    if preview.own_refusal().is_none() {
        return Ok(preview);
    }
    preview.heeding_own_refusal(&mut db.read().await?, group, by.user_id()).await
}

/// Looks once more, in the transaction that is to write: at the group as it is once nobody else changes anything in its tree. Mail is as it
/// was found at the first look.
///
/// # Errors
/// When the group is gone, or the database refuses.
pub async fn look_again(
    tx: &mut Tx,
    first: &Preview,
    group: &GroupRow,
    by: &By,
) -> Result<(GroupRow, Preview), Error> {
    let now = groups::locked(tx, group).await?;
    let preview = changing(tx, &now, first.to, by.user_id(), first.mail.clone()).await?;
    Ok((now, preview))
}

/// Changes the two-factor setting of a group that has the one that it had when it was read, if what that does is allowed, or confirmed, or
/// insisted on. All that is looked at before the transaction, since a large group takes a while and a mail server longer, and
/// again in it: what counts is what is so by then.
///
/// # Errors
/// When the rank rules say no, or the database refuses.
pub async fn switch(
    db: &Db,
    mailer: &Mailer,
    group: &GroupRow,
    to: TwoFactor,
    consent: Consent<'_>,
    by: &By,
) -> Result<Switched, Error> {
    let first = look(db, mailer, group, to, by).await?;
    let ruling = ruled(&first, consent, by);
    if ruling != Ruling::Save {
        return Ok(Switched::Not(Box::new(first), ruling));
    }
    let mut tx = db.write().await?;
    let (now, preview) = look_again(&mut tx, &first, group, by).await?;
    if now.two_factor_setting != group.two_factor_setting {
        tx.give_up().await?;
        return Ok(Switched::Meanwhile(Box::new(now)));
    }
    let ruling = ruled(&preview, consent, &by.again(&mut tx).await?);
    if ruling != Ruling::Save {
        tx.give_up().await?;
        return Ok(Switched::Not(Box::new(preview), ruling));
    }
    let changes = Changes { two_factor: Some(to), ..Changes::default() };
    let after = groups::set(&mut tx, &now, &changes, by, &mut entropy()).await?;
    tx.commit().await?;
    Ok(Switched::Done(after))
}

fn ruled(preview: &Preview, consent: Consent<'_>, by: &By) -> Ruling {
    rule(&preview.stakes(), consent, policy::may_insist(&by.actor))
}
