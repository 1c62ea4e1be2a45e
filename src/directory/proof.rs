//! How does an action know that whoever calls it may? It takes a proof of the right, which [`By`] alone hands out.

use std::marker::PhantomData;
use std::ops::Deref;

use super::policy::{Actor, Refusal};
use super::rights::{Rights, own};
use super::{By, Error};
use crate::store::Conn;

/// A right as a type.
pub trait Known {
    /// The right's word.
    const WORD: &'static str;
}

/// That somebody holds a right, and who acts. Whom and what it reaches is still for the rules to say: the right says what kind of
/// thing they may do, their place and rank to whom.
#[derive(Debug)]
pub struct Proof<R> {
    by: By,
    right: PhantomData<fn() -> R>,
}

/// Declares a type for each right.
macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident = $word:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}

            impl Known for $name {
                const WORD: &'static str = own::$word;
            }
        )*
    };
}

rights! {
    /// Sees the users of their groups.
    ViewUsers = VIEW_USERS;
    /// Adds, changes and removes users of lower rank.
    ManageUsers = MANAGE_USERS;
    /// Adds and changes roles of lower rank.
    ManageRoles = MANAGE_ROLES;
    /// Changes the name and language of their groups.
    ManageBasicSettings = MANAGE_BASIC_SETTINGS;
    /// Switches two-factor.
    ManageAdvancedSettings = MANAGE_ADVANCED_SETTINGS;
    /// Adds and removes groups below theirs.
    ManageSubgroups = MANAGE_SUBGROUPS;
    /// Reads the audit log of their groups.
    ViewAudit = VIEW_AUDIT;
    /// Registers relying apps.
    ManageRelyingApps = MANAGE_RELYING_APPS;
    /// Administers the whole site.
    AdministerSite = ADMINISTER_SITE;
}

/// The rights that make a manager. Whoever holds none of them has nothing to do in the console: that one sees one's colleagues is for
/// the apps.
const OF_MANAGERS: [&str; 8] = [
    own::MANAGE_USERS,
    own::MANAGE_ROLES,
    own::MANAGE_BASIC_SETTINGS,
    own::MANAGE_ADVANCED_SETTINGS,
    own::MANAGE_SUBGROUPS,
    own::VIEW_AUDIT,
    own::MANAGE_RELYING_APPS,
    own::ADMINISTER_SITE,
];

/// Whether these rights make a manager.
#[must_use]
pub fn makes_a_manager(rights: &Rights) -> bool {
    OF_MANAGERS.into_iter().any(|right| rights.has(right))
}

impl By {
    /// The proof that whoever acts holds a right.
    ///
    /// # Errors
    /// When they do not.
    pub fn prove<R: Known>(&self) -> Result<Proof<R>, Refusal> {
        if self.holds(R::WORD) {
            Ok(Proof { by: self.clone(), right: PhantomData })
        } else {
            Err(Refusal::LacksRight(R::WORD))
        }
    }

    /// Whether whoever acts holds a right somewhere.
    #[must_use]
    pub fn holds(&self, right: &str) -> bool {
        match &self.actor {
            Actor::Operator => true,
            Actor::User(standing) => standing.holds(right),
        }
    }

    /// Whether they hold any right that makes a manager.
    #[must_use]
    pub fn manages(&self) -> bool {
        OF_MANAGERS.into_iter().any(|right| self.holds(right))
    }

    /// Whether they administer the whole site.
    #[must_use]
    pub fn administers_site(&self) -> bool {
        match &self.actor {
            Actor::Operator => true,
            Actor::User(standing) => standing.administers_site(),
        }
    }
}

impl<R: Known> Proof<R> {
    /// Whether whoever acts holds the right still: somebody else may have taken it from them since they asked. For actions that ask no
    /// other rule, in the transaction that changes something.
    ///
    /// # Errors
    /// When they hold it no more, are gone or disabled, or the database refuses.
    pub async fn holds_still(&self, conn: &mut Conn) -> Result<(), Error> {
        Ok(self.by.again(conn).await?.prove::<R>().map(drop)?)
    }
}

impl<R> Deref for Proof<R> {
    type Target = By;

    fn deref(&self) -> &By {
        &self.by
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::samples::{actor, site_administrator};
    use super::*;

    #[test]
    fn a_proof_is_for_whoever_holds_the_right() {
        let by = |actor| By { actor, now_ms: 0, network: None };
        for (role, manages, users, advanced) in [
            ("User", false, false, false),
            ("Client", false, false, false),
            ("Co-manager", true, true, false),
            ("Manager", true, true, true),
            ("Top manager", true, true, true),
        ] {
            let by = by(actor("acme", role));
            assert_eq!(by.manages(), manages, "{role}");
            assert_eq!(by.prove::<ManageUsers>().is_ok(), users, "{role}");
            assert_eq!(by.prove::<ManageAdvancedSettings>().is_ok(), advanced, "{role}");
            assert_eq!(
                by.prove::<ManageRelyingApps>().err(),
                Some(Refusal::LacksRight(own::MANAGE_RELYING_APPS))
            );
        }
        let site = by(Actor::User(site_administrator("root")));
        assert!(site.manages() && site.prove::<ManageUsers>().is_ok() && site.administers_site());
        assert!(By::operator(0).prove::<AdministerSite>().is_ok());
    }
}
