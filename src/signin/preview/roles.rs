//! Who gains or loses `override_2fa`, and who could no longer sign in, if a role were another one?

use super::{Consent, LockedOut, Lot, NAMED_AT_MOST, Named, Obstacle, lot};
use crate::directory::people::Need;
use crate::directory::rights::{Rights, own};
use crate::directory::{By, Error, Person, TwoFactor, people, roles};
use crate::keys::secret::entropy;
use crate::store::roles::RoleRow;
use crate::store::{Conn, Db, needs};

/// What a change of a role's rights would do to those who hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct RolePreview {
    /// How many hold the role and are not disabled.
    pub holders: Named,
    /// Those who would sign in with the password alone where their group asks for a code.
    pub gain_override: Named,
    /// Those who would be asked for a code where their group asks for one, and are not now.
    pub lose_override: Named,
    /// Of those: who could no longer sign in, since no code can reach them.
    pub locked_out: Named,
    /// All of those.
    #[serde(skip)]
    pub kept_out: LockedOut,
    /// What would keep out whoever makes the change, if anything would.
    pub actor: Option<Obstacle>,
}

/// What became of the wish for another role.
#[derive(Clone, Debug)]
pub enum Changed {
    /// It is in force.
    Done(RoleRow),
    /// It is not: what it would do to those who hold it has to be confirmed.
    Not(Box<RolePreview>),
    /// It is not: somebody else has changed the role to this meanwhile.
    Meanwhile(Box<RoleRow>),
}

/// Changes a role that is as it was `before`, if that changes nothing for anybody, or is confirmed with the number of those who could no
/// longer sign in. That is looked at before the transaction, so that nobody waits for a look that changes nothing, and again in it: what
/// counts is who would be locked out by then.
///
/// # Errors
/// When the rules say no, or the database refuses.
pub async fn change_role(
    db: &Db,
    before: &RoleRow,
    after: &RoleRow,
    consent: Consent<'_>,
    by: &By,
) -> Result<Changed, Error> {
    let agreed = |preview: &RolePreview| preview.is_agreed(consent);
    if let Some(preview) = objection(&mut db.read().await?, before, after, agreed, by).await? {
        return Ok(Changed::Not(Box::new(preview)));
    }
    let mut tx = db.write().await?;
    let now = roles::locked(&mut tx, before).await?;
    if now != *before {
        tx.give_up().await?;
        return Ok(Changed::Meanwhile(Box::new(now)));
    }
    if let Some(preview) = objection(&mut tx, before, after, agreed, by).await? {
        tx.give_up().await?;
        return Ok(Changed::Not(Box::new(preview)));
    }
    let after = roles::set(&mut tx, after, by, &mut entropy()).await?;
    tx.commit().await?;
    Ok(Changed::Done(after))
}

/// What has to be confirmed first; none where nothing has, or it is.
async fn objection(
    conn: &mut Conn,
    before: &RoleRow,
    after: &RoleRow,
    agreed: impl Fn(&RolePreview) -> bool,
    by: &By,
) -> Result<Option<RolePreview>, Error> {
    if before.rank == after.rank && before.rights == after.rights {
        return Ok(None);
    }
    let preview = changing_role(conn, before, &Rights::parse(&after.rights)?, by.user_id()).await?;
    Ok((!agreed(&preview)).then_some(preview))
}

/// Looks at what other rights would do to those who hold a role.
///
/// # Errors
/// When the database refuses.
pub async fn changing_role(
    conn: &mut Conn,
    role: &RoleRow,
    after: &Rights,
    actor_id: Option<&str>,
) -> Result<RolePreview, Error> {
    let (is, will) = (Rights::parse(&role.rights)?.has(own::OVERRIDE_2FA), after.has(own::OVERRIDE_2FA));
    if is && !will {
        return losing_the_override(conn, role, actor_id).await;
    }
    // Nobody is kept out by it: who they all are need not be looked at.
    let named = usize::try_from(NAMED_AT_MOST).unwrap_or_default();
    let (page, _) = people::needs_of_role(conn, &role.id, "", named).await?;
    let mut holders = Named::default();
    for need in page {
        holders.add(need.id, need.login);
    }
    holders.count = needs::count_of_role(conn, &role.id).await?;
    let gain_override = if will && !is { holders.clone() } else { Named::default() };
    Ok(RolePreview { holders, gain_override, ..RolePreview::default() })
}

/// The same where the role lets nobody in without a code any more.
async fn losing_the_override(
    conn: &mut Conn,
    role: &RoleRow,
    actor_id: Option<&str>,
) -> Result<RolePreview, Error> {
    let (mut preview, mut key) = (RolePreview::default(), String::new());
    loop {
        let (page, next) = people::needs_of_role(conn, &role.id, &key, usize::MAX).await?;
        for need in page {
            preview.add(need, actor_id);
        }
        match next {
            Some(next) => key = next,
            None => break,
        }
    }
    Ok(preview)
}

/// What would happen to one person at their next sign-in if they held a role with these rights, in a group with this setting.
///
/// # Errors
/// When the database refuses.
pub async fn with_role(
    conn: &mut Conn,
    person: &Person,
    rights: &Rights,
    setting: TwoFactor,
) -> Result<Lot, Error> {
    let need = people::need(conn, person).await?;
    Ok(lot(&need, setting, rights.has(own::OVERRIDE_2FA)))
}

impl RolePreview {
    /// Whether whoever wants the change knows what it does: it does nothing to anybody, or is confirmed, and covers those who could no longer
    /// sign in.
    fn is_agreed(&self, consent: Consent<'_>) -> bool {
        match consent.confirmed {
            None => self.holders.count == 0,
            Some(_) => consent.covers(&self.kept_out),
        }
    }

    /// Somebody who loses the override.
    fn add(&mut self, need: Need, actor_id: Option<&str>) {
        self.holders.add(need.id.clone(), need.login.clone());
        if let Lot::LockedOut(obstacle) = lot(&need, need.two_factor, false) {
            self.locked_out.add(need.id.clone(), need.login.clone());
            self.kept_out.add(need.id.clone());
            if actor_id == Some(need.id.as_str()) {
                self.actor = Some(obstacle);
            }
        }
        self.lose_override.add(need.id, need.login);
    }
}
