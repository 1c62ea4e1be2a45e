//! Who gains or loses `override_2fa`, and who could no longer sign in, if a role were another one?

use super::{Lot, Named, Obstacle, lot};
use crate::directory::people::Need;
use crate::directory::rights::{Rights, own};
use crate::directory::{Error, Person, TwoFactor, people};
use crate::store::Conn;
use crate::store::roles::RoleRow;

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
    /// What would keep out whoever makes the change, if anything would.
    pub actor: Option<Obstacle>,
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
    let will = after.has(own::OVERRIDE_2FA);
    let (mut preview, mut key) = (RolePreview::default(), String::new());
    loop {
        let (page, next) = people::needs_of_role(conn, &role.id, &key).await?;
        for need in page {
            preview.add(need, will, actor_id);
        }
        match next {
            Some(next) => key = next,
            None => return Ok(preview),
        }
    }
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
    fn add(&mut self, need: Need, will: bool, actor_id: Option<&str>) {
        self.holders.add(need.login.clone());
        if will == need.overrides {
            return;
        }
        if will {
            self.gain_override.add(need.login);
            return;
        }
        if let Lot::LockedOut(obstacle) = lot(&need, need.two_factor, false) {
            self.locked_out.add(need.login.clone());
            if actor_id == Some(need.id.as_str()) {
                self.actor = Some(obstacle);
            }
        }
        self.lose_override.add(need.login);
    }
}
