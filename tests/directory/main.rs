//! Do groups, roles and users become what the rules say, whole or not at all, on either database?
#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod attempts;
mod escalation;
mod lists;
mod model;

use countersign::directory::people::Filter;
use countersign::directory::rights::{Rights, own};
use countersign::directory::users::{Changes, NewUser};
use countersign::directory::{
    Address, By, Error, Login, Person, Status, TwoFactor, access, groups, links, people, policy::Refusal,
    roles, users,
};
use countersign::keys::secret::{Token, TokenHash, entropy, new_id};
use countersign::signin::decide::Demand;
use countersign::signin::explain::explain;
use countersign::signin::preview::{self, Lot, Obstacle};
use countersign::store::groups::GroupRow;
use countersign::store::messages::NewMessage;
use countersign::store::sessions::Proofs;
use countersign::store::signins::NewSignIn;
use countersign::store::{self, Db, Tx, challenges, messages};
use support::Database;

const NOW: i64 = 1_800_000_000;

/// Acme, with two-factor on, and Acme/Design within it.
struct Acme {
    db: Db,
    top: GroupRow,
    design: GroupRow,
}

impl Acme {
    async fn on(database: &Database) -> Self {
        let db = database.db.clone();
        let mut tx = db.write().await.unwrap();
        let acme = groups::add(&mut tx, "Acme", None, None, &operator(), &mut entropy()).await.unwrap();
        let acme = switch(&mut tx, &acme, TwoFactor::On).await;
        let design =
            groups::add(&mut tx, "Design", Some(&acme), None, &operator(), &mut entropy()).await.unwrap();
        tx.commit().await.unwrap();
        Self { db, top: acme, design }
    }

    async fn add(&self, login: &str, group: &GroupRow, role: &str) -> Person {
        let mut tx = self.db.write().await.unwrap();
        let role = roles::find_named(&mut tx, Some(group), role).await.unwrap();
        let new = NewUser {
            login: &Login::parse(login).unwrap(),
            name: None,
            email: None,
            group: Some(group),
            role: &role,
            password_hash: Some("$argon2id$none"),
        };
        let person = users::add(&mut tx, new, &operator(), &mut entropy()).await.unwrap();
        tx.commit().await.unwrap();
        person
    }

    async fn add_site_administrator(&self, login: &str) -> Person {
        let mut tx = self.db.write().await.unwrap();
        let role = roles::site_administrator(&mut tx, NOW, &mut entropy()).await.unwrap();
        let new = NewUser {
            login: &Login::parse(login).unwrap(),
            name: None,
            email: None,
            group: None,
            role: &role,
            password_hash: Some("$argon2id$none"),
        };
        let person = users::add(&mut tx, new, &operator(), &mut entropy()).await.unwrap();
        tx.commit().await.unwrap();
        person
    }

    /// Tries a change; a refused one leaves nothing.
    async fn set(&self, person: &Person, changes: Changes) -> Result<Person, Error> {
        set_on(&self.db, person, changes).await
    }

    async fn delete(&self, person: &Person) -> Result<(), Error> {
        let mut tx = self.db.write().await.unwrap();
        users::delete(&mut tx, person, &operator(), &mut entropy()).await?;
        tx.commit().await.unwrap();
        Ok(())
    }

    async fn role_change(&self, group: &GroupRow, role: &str) -> Changes {
        let mut conn = self.db.read().await.unwrap();
        let role = roles::find_named(&mut conn, Some(group), role).await.unwrap();
        Changes { role: Some(role), ..Changes::default() }
    }

    /// Takes a right away from a role.
    async fn take_away(&self, role: &str, group: Option<&GroupRow>, right: &str) -> Result<(), Error> {
        let mut tx = self.db.write().await.unwrap();
        let mut row = roles::find_named(&mut tx, group, role).await.unwrap();
        row.rights = row.rights.split(' ').filter(|word| *word != right).collect::<Vec<_>>().join(" ");
        roles::set(&mut tx, &row, &operator(), &mut entropy()).await?;
        tx.commit().await.unwrap();
        Ok(())
    }

    /// A sign-in of this person's that waits for a code, and a session of theirs.
    async fn begin_sign_in(&self, person: &Person) -> Pending {
        let (id, browser) = (new_id(&mut entropy()), Token::generate(&mut entropy()));
        let mut tx = self.db.write().await.unwrap();
        store::clients::add(&mut tx, &id, None, None, "{}", NOW).await.unwrap();
        let signin = NewSignIn {
            id: &id,
            browser_hash: None,
            client_id: Some(&id),
            request: "{}",
            created_at: NOW,
            expires_at: NOW + 1800,
            source: "192.0.2.1",
        };
        store::signins::add(&mut tx, signin).await.unwrap();
        store::signins::record_password(&mut tx, &id, &person.id, NOW).await.unwrap();
        let message = NewMessage {
            id: &id,
            purpose: "sign_in_code",
            user_id: Some(&person.id),
            address: "ned@example.org",
            reference: None,
            sealed: "",
            created_at_ms: NOW * 1000,
            next_at: NOW,
            expires_at: NOW + 600,
        };
        store::messages::add(&mut tx, message).await.unwrap();
        let challenge = challenges::NewChallenge {
            id: &id,
            signin_id: &id,
            user_id: &person.id,
            code_mac: "mac",
            reference: "ABC",
            address: "ned@example.org",
            message_id: &id,
            attempts: 0,
            created_at: NOW,
            expires_at: NOW + 600,
        };
        challenges::add(&mut tx, challenge).await.unwrap();
        let proofs = Proofs { password_at: NOW, code_at: None, skipped_at: None };
        let hash = browser.hash();
        store::sessions::add(&mut tx, &id, hash.as_str(), &person.id, proofs, NOW, NOW + 9000).await.unwrap();
        tx.commit().await.unwrap();
        Pending { id, user: person.id.clone(), session: hash }
    }

    /// Whether the sign-in still waits for its code, and whether the session still holds.
    async fn still(&self, pending: &Pending) -> (bool, bool) {
        let mut conn = self.db.read().await.unwrap();
        let challenge = challenges::latest(&mut conn, &pending.id, &pending.user).await.unwrap();
        let signin = store::signins::find(&mut conn, &pending.id).await.unwrap();
        let waits = challenge.is_some_and(|challenge| challenge.ended_at.is_none());
        assert_eq!(
            waits,
            signin.is_some_and(|signin| signin.user_id.is_some()),
            "a challenge without its proof"
        );
        let session = store::sessions::find(&mut conn, pending.session.as_str(), NOW, 0).await.unwrap();
        (waits, session.is_some())
    }

    async fn events(&self) -> Vec<(String, String)> {
        let mut conn = self.db.read().await.unwrap();
        let events = store::audit::since(&mut conn, 0, "", 1000).await.unwrap();
        events.into_iter().map(|event| (event.event, event.actor)).collect()
    }
}

struct Pending {
    user: String,
    id: String,
    session: TokenHash,
}

fn operator() -> By {
    By::operator(NOW * 1000)
}

async fn switch(tx: &mut Tx, group: &GroupRow, two_factor: TwoFactor) -> GroupRow {
    let changes = groups::Changes { two_factor: Some(two_factor), ..groups::Changes::default() };
    groups::set(tx, group, &changes, &operator(), &mut entropy()).await.unwrap()
}

async fn set_on(db: &Db, person: &Person, changes: Changes) -> Result<Person, Error> {
    let mut tx = db.write().await.unwrap();
    let person = users::set(&mut tx, person, changes, &operator(), &mut entropy()).await?;
    tx.commit().await.unwrap();
    Ok(person)
}

fn disabled() -> Changes {
    Changes { status: Some(Status::Disabled), ..Changes::default() }
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, Error>) -> Refusal {
    match answer {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("no refusal: {other:?}"),
    }
}

crate::on_both_databases! {
    async fn a_new_organisation_begins_with_the_default_roles(database) {
        let acme = Acme::on(&database).await;
        let mut conn = acme.db.read().await.unwrap();
        let all = roles::of_tree(&mut conn, &acme.design).await.unwrap();
        let ranks: Vec<(&str, i64)> = all.iter().map(|role| (role.name.as_str(), role.rank)).collect();
        let expected =
            [("User", 4), ("Client", 16), ("Co-manager", 68), ("Manager", 324), ("Top manager", 512)];
        assert_eq!(ranks, expected);
    }

    async fn a_subgroup_copies_flag_and_language_and_is_then_on_its_own(database) {
        let acme = Acme::on(&database).await;
        assert_eq!(acme.design.two_factor_setting, "on");
        let mut tx = acme.db.write().await.unwrap();
        let german = groups::Changes { language: Some("de-at".to_owned()), ..groups::Changes::default() };
        let top = groups::set(&mut tx, &acme.top, &german, &operator(), &mut entropy()).await.unwrap();
        let top = switch(&mut tx, &top, TwoFactor::Rehearse).await;
        let web = groups::add(&mut tx, "Web", Some(&top), None, &operator(), &mut entropy()).await.unwrap();
        let design = groups::find_by_path(&mut tx, "Acme/Design").await.unwrap();
        assert_eq!((web.two_factor_setting.as_str(), web.language.as_str()), ("rehearse", "de-AT"));
        assert_eq!((design.two_factor_setting.as_str(), design.language.as_str()), ("on", "en"));
    }

    async fn a_groups_name_is_unique_among_its_siblings_in_any_spelling(database) {
        let acme = Acme::on(&database).await;
        for (name, parent) in [("ACME", None), ("ＤＥＳＩＧＮ", Some(&acme.top))] {
            let mut tx = acme.db.write().await.unwrap();
            let refused = groups::add(&mut tx, name, parent, None, &operator(), &mut entropy()).await;
            assert!(matches!(refused, Err(Error::GroupExists(_))), "{name}: {refused:?}");
        }
        let mut tx = acme.db.write().await.unwrap();
        let elsewhere =
            groups::add(&mut tx, "Design", Some(&acme.design), None, &operator(), &mut entropy()).await;
        assert_eq!(groups::path(&mut tx, &elsewhere.unwrap().id).await.unwrap(), "Acme/Design/Design");
    }

    async fn paths_lead_to_groups_and_back(database) {
        let acme = Acme::on(&database).await;
        let ned = acme.add("ned", &acme.design, "User").await;
        let mut conn = acme.db.read().await.unwrap();
        assert_eq!(groups::find_by_path(&mut conn, "acme/design").await.unwrap().id, acme.design.id);
        for missing in ["", "Design", "Acme/", "Acme/Design/Web", "Acme//Design"] {
            let refused = groups::find_by_path(&mut conn, missing).await;
            assert!(matches!(refused, Err(Error::UnknownGroup(_))), "{missing}");
        }
        for (after, limit, expected) in [
            ("", 10, vec!["Acme", "Acme/Design"]),
            ("", 1, vec!["Acme"]),
            ("ACME", 10, vec!["Acme/Design"]),
            ("acme/design", 10, vec![]),
        ] {
            let listed = groups::list(&mut conn, groups::Order::by_path(after), limit).await.unwrap();
            assert_eq!(listed.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), expected, "{after}");
        }
        assert_eq!(people::group_paths(&mut conn, &ned).await.unwrap(), ["Acme/Design", "Acme"]);
    }

    async fn groups_cannot_be_nested_without_end(database) {
        let acme = Acme::on(&database).await;
        let mut tx = acme.db.write().await.unwrap();
        let mut deepest = acme.design.clone();
        for depth in 3..=20 {
            let name = format!("level {depth}");
            deepest = groups::add(&mut tx, &name, Some(&deepest), None, &operator(), &mut entropy()).await.unwrap();
        }
        let refused = groups::add(&mut tx, "too deep", Some(&deepest), None, &operator(), &mut entropy()).await;
        assert!(matches!(refused, Err(Error::TooDeep(20))), "{refused:?}");
    }

    async fn logins_that_fold_together_are_one(database) {
        let acme = Acme::on(&database).await;
        let ned = acme.add("Straße", &acme.top, "User").await;
        let max = acme.add("max", &acme.top, "User").await;
        let renamed = Changes { login: Some(Login::parse("STRASSE").unwrap()), ..Changes::default() };
        assert!(matches!(acme.set(&max, renamed).await, Err(Error::LoginTaken(_))));
        let mut conn = acme.db.read().await.unwrap();
        let found = people::find_by_login(&mut conn, &Login::parse("ｓｔｒａｓｓｅ").unwrap()).await.unwrap();
        assert_eq!(found.map(|person| (person.id, person.login)), Some((ned.id, "Straße".to_owned())));
    }

    /// Whoever the code was for is somebody else now.
    async fn a_change_of_who_somebody_is_ends_their_pending_codes(database) {
        let acme = Acme::on(&database).await;
        let ned = acme.add("ned", &acme.top, "User").await;
        let role = acme.role_change(&acme.top, "Client").await;
        let email = Some(Address::parse("new@example.org").unwrap());
        for changes in [
            Changes { email: Some(email), ..Changes::default() },
            Changes { email: Some(None), ..Changes::default() },
            Changes { login: Some(Login::parse("edward").unwrap()), ..Changes::default() },
            Changes { group: Some(acme.design.clone()), ..Changes::default() },
            Changes { status: Some(Status::Active), ..Changes::default() },
            role,
        ] {
            let pending = acme.begin_sign_in(&ned).await;
            assert_eq!(acme.still(&pending).await, (true, true));
            acme.set(&ned, changes.clone()).await.unwrap();
            assert_eq!(acme.still(&pending).await, (false, true), "{changes:?}");
        }
        let pending = acme.begin_sign_in(&ned).await;
        acme.set(&ned, Changes { name: Some("Ned".to_owned()), ..Changes::default() }).await.unwrap();
        assert_eq!(acme.still(&pending).await, (true, true), "a name is not who somebody is");
    }

    async fn a_role_that_changes_ends_the_pending_codes_of_its_holders(database) {
        let acme = Acme::on(&database).await;
        let (ned, max) = (acme.add("ned", &acme.top, "User").await, acme.add("max", &acme.top, "Manager").await);
        let (neds, maxes) = (acme.begin_sign_in(&ned).await, acme.begin_sign_in(&max).await);
        acme.take_away("User", Some(&acme.top), own::VIEW_USERS).await.unwrap();
        assert_eq!((acme.still(&neds).await, acme.still(&maxes).await), ((false, true), (true, true)));
    }

    async fn being_disabled_or_deleted_or_getting_a_password_ends_sessions_too(database) {
        let acme = Acme::on(&database).await;
        let ned = acme.add("ned", &acme.top, "User").await;
        let pending = acme.begin_sign_in(&ned).await;
        acme.set(&ned, disabled()).await.unwrap();
        assert_eq!(acme.still(&pending).await, (false, false));

        let pending = acme.begin_sign_in(&ned).await;
        let mut tx = acme.db.write().await.unwrap();
        users::set_password(&mut tx, &ned, "$argon2id$new", &operator(), &mut entropy()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(acme.still(&pending).await, (false, false));

        let pending = acme.begin_sign_in(&ned).await;
        acme.delete(&ned).await.unwrap();
        assert_eq!(acme.still(&pending).await, (false, false));
        let mut conn = acme.db.read().await.unwrap();
        assert!(people::find(&mut conn, &ned.id).await.unwrap().is_none());
    }

    async fn a_link_lets_one_choose_a_password_once_and_become_active(database) {
        let acme = Acme::on(&database).await;
        let ivy = invited(&acme).await;
        assert_eq!(ivy.status, Status::Invited);
        let token = issue(&acme, &ivy).await;
        let choosing: Vec<_> = (0..20)
            .map(|n| {
                let (db, token) = (acme.db.clone(), token.reveal().to_owned());
                tokio::spawn(async move { choose(&db, &token, &format!("$argon2id${n}"), NOW + 1).await })
            })
            .collect();
        let mut chosen = 0;
        for one in choosing {
            chosen += usize::from(one.await.unwrap());
        }
        assert_eq!(chosen, 1);
        let mut conn = acme.db.read().await.unwrap();
        let ivy = people::find(&mut conn, &ivy.id).await.unwrap().unwrap();
        assert_eq!(ivy.status, Status::Active);
        let passwords = acme.events().await.into_iter().filter(|(name, _)| name == "user.password_changed");
        assert_eq!(passwords.map(|(_, actor)| actor).collect::<Vec<_>>(), [ivy.id]);
    }

    async fn a_link_ends_in_time_with_the_next_one_and_when_its_owner_changes(database) {
        let acme = Acme::on(&database).await;
        let ivy = invited(&acme).await;
        let late = issue(&acme, &ivy).await;
        assert!(!choose(&acme.db, late.reveal(), "$argon2id$x", NOW + 3600).await);
        let replaced = issue(&acme, &ivy).await;
        let stale = issue(&acme, &ivy).await;
        assert!(!choose(&acme.db, replaced.reveal(), "$argon2id$x", NOW).await);
        let email = Some(Address::parse("other@example.org").unwrap());
        acme.set(&ivy, Changes { email: Some(email), ..Changes::default() }).await.unwrap();
        assert!(!choose(&acme.db, stale.reveal(), "$argon2id$x", NOW).await);
        let locked_out = issue(&acme, &ivy).await;
        acme.set(&ivy, disabled()).await.unwrap();
        assert!(!choose(&acme.db, locked_out.reveal(), "$argon2id$x", NOW).await);
        assert!(!choose(&acme.db, "", "$argon2id$x", NOW).await);
        let mut conn = acme.db.read().await.unwrap();
        let person = people::find(&mut conn, &ivy.id).await.unwrap().unwrap();
        assert_eq!(person.password_hash, None);
    }

    /// Every one-time secret carries its purpose.
    async fn a_link_is_good_for_nothing_else(database) {
        let acme = Acme::on(&database).await;
        let ivy = invited(&acme).await;
        let hash = issue(&acme, &ivy).await.hash();
        let mut tx = acme.db.write().await.unwrap();
        assert!(store::links::find(&mut tx, hash.as_str(), "sign_in", NOW).await.unwrap().is_none());
        assert!(!store::links::spend(&mut tx, hash.as_str(), "sign_in", NOW).await.unwrap());
    }

    async fn somebody_without_a_password_is_invited_and_not_active_when_enabled_again(database) {
        let acme = Acme::on(&database).await;
        let ivy = invited(&acme).await;
        let off = acme.set(&ivy, disabled()).await.unwrap();
        let on = acme.set(&off, Changes { status: Some(Status::Active), ..Changes::default() }).await.unwrap();
        assert_eq!((off.status, on.status), (Status::Disabled, Status::Invited));
    }

    async fn the_last_holder_of_the_override_stays_on_every_path(database) {
        let acme = Acme::on(&database).await;
        let ada = acme.add("ada", &acme.top, "Top manager").await;
        let manager = acme.role_change(&acme.top, "Manager").await;
        let away = Changes { group: Some(acme.design.clone()), ..Changes::default() };
        for changes in [disabled(), manager.clone(), away] {
            assert_eq!(refusal(acme.set(&ada, changes).await), Refusal::LastOverride);
        }
        assert_eq!(refusal(acme.delete(&ada).await), Refusal::LastOverride);
        let stripped = acme.take_away("Top manager", Some(&acme.top), own::OVERRIDE_2FA).await;
        assert_eq!(refusal(stripped), Refusal::LastOverride);
        let events = acme.events().await;
        assert!(!events.iter().any(|(name, _)| name == "user.changed" || name == "role.changed"), "{events:?}");

        // Neither somebody who cannot sign in nor somebody of another group is a stand-in.
        let old = acme.add("old", &acme.top, "Top manager").await;
        acme.set(&old, disabled()).await.unwrap();
        acme.add("dan", &acme.design, "Top manager").await;
        assert_eq!(refusal(acme.delete(&ada).await), Refusal::LastOverride);

        acme.add("bea", &acme.top, "Top manager").await;
        acme.set(&ada, manager).await.unwrap();
        acme.delete(&ada).await.unwrap();
    }

    /// Two-factor is off where they are, and on in a group below.
    async fn the_last_holder_of_a_tree_stays_where_any_of_its_groups_asks_for_codes(database) {
        let acme = Acme::on(&database).await;
        let mut tx = acme.db.write().await.unwrap();
        switch(&mut tx, &acme.top, TwoFactor::Off).await;
        switch(&mut tx, &acme.design, TwoFactor::On).await;
        let bolt = groups::add(&mut tx, "Bolt", None, None, &operator(), &mut entropy()).await.unwrap();
        tx.commit().await.unwrap();
        let ada = acme.add("ada", &acme.top, "Top manager").await;
        let manager = acme.role_change(&acme.top, "Manager").await;
        let away = Changes { group: Some(bolt.clone()), ..acme.role_change(&bolt, "Top manager").await };
        for changes in [disabled(), manager.clone(), away] {
            assert_eq!(refusal(acme.set(&ada, changes).await), Refusal::LastOverrideOfTree);
        }
        assert_eq!(refusal(acme.delete(&ada).await), Refusal::LastOverrideOfTree);
        let stripped = acme.take_away("Top manager", Some(&acme.top), own::OVERRIDE_2FA).await;
        assert_eq!(refusal(stripped), Refusal::LastOverrideOfTree);
        // Somebody of another tree, or who cannot sign in, is no stand-in; one anywhere in this tree is.
        acme.add("tom", &bolt, "Top manager").await;
        let old = acme.add("old", &acme.top, "Top manager").await;
        acme.set(&old, disabled()).await.unwrap();
        assert_eq!(refusal(acme.delete(&ada).await), Refusal::LastOverrideOfTree);
        let dan = acme.add("dan", &acme.design, "Top manager").await;
        acme.set(&ada, manager).await.unwrap();
        assert_eq!(refusal(acme.delete(&dan).await), Refusal::LastOverride);
    }

    /// One in the group that asks for no code, one below: each sees the other; only one of them may be right.
    async fn the_last_two_holders_of_a_tree_cannot_be_demoted_at_once(database) {
        let acme = Acme::on(&database).await;
        let other = database.open_again().await;
        let mut tx = acme.db.write().await.unwrap();
        switch(&mut tx, &acme.top, TwoFactor::Off).await;
        switch(&mut tx, &acme.design, TwoFactor::Off).await;
        let sales = groups::add(&mut tx, "Sales", Some(&acme.top), None, &operator(), &mut entropy()).await.unwrap();
        switch(&mut tx, &sales, TwoFactor::On).await;
        tx.commit().await.unwrap();
        let manager = acme.role_change(&acme.top, "Manager").await;
        let mut left = acme.add("first", &acme.top, "Top manager").await;
        for round in 0..5 {
            let next = acme.add(&format!("dan{round}"), &acme.design, "Top manager").await;
            let tasks = [(acme.db.clone(), left.clone()), (other.clone(), next.clone())].map(|(db, person)| {
                let changes = manager.clone();
                tokio::spawn(async move { set_on(&db, &person, changes).await.is_ok() })
            });
            let mut done = Vec::new();
            for task in tasks {
                done.push(task.await.unwrap());
            }
            assert!(done[0] != done[1], "round {round}: {done:?}");
            left = if done[0] { next } else { left };
        }
    }

    /// An app's own right may look much like the override to LIKE, whose `_` is any letter.
    async fn a_right_that_looks_like_the_override_is_none(database) {
        let acme = Acme::on(&database).await;
        let ada = acme.add("ada", &acme.top, "Top manager").await;
        let mut tx = acme.db.write().await.unwrap();
        let rights = Rights::parse("overridex2fa my_override_2fa override_2fa_too").unwrap();
        let new = roles::NewRole { top: &acme.top, name: "Odd", rank: 1, rights: &rights };
        roles::add(&mut tx, new, &operator(), &mut entropy()).await.unwrap();
        tx.commit().await.unwrap();
        acme.add("odd", &acme.top, "Odd").await;
        assert_eq!(refusal(acme.delete(&ada).await), Refusal::LastOverride);
        let mut conn = acme.db.read().await.unwrap();
        let overriders = people::overriders(&mut conn, Some(&acme.top.id)).await.unwrap();
        assert_eq!(logins(&overriders), ["ada"]);
    }

    async fn where_two_factor_is_off_the_last_holder_may_go(database) {
        let acme = Acme::on(&database).await;
        let ada = acme.add("ada", &acme.top, "Top manager").await;
        let mut tx = acme.db.write().await.unwrap();
        switch(&mut tx, &acme.top, TwoFactor::Off).await;
        switch(&mut tx, &acme.design, TwoFactor::Off).await;
        tx.commit().await.unwrap();
        acme.delete(&ada).await.unwrap();
    }

    /// Each sees the other there; only one of them may be right.
    async fn the_last_two_holders_cannot_be_disabled_at_once(database) {
        let acme = Acme::on(&database).await;
        let other = database.open_again().await;
        for round in 0..5 {
            let ada = acme.add(&format!("ada{round}"), &acme.top, "Top manager").await;
            let bea = acme.add(&format!("bea{round}"), &acme.top, "Top manager").await;
            let tasks = [(acme.db.clone(), ada.clone()), (other.clone(), bea.clone())]
                .map(|(db, person)| tokio::spawn(async move { set_on(&db, &person, disabled()).await.is_ok() }));
            let mut done = 0;
            for task in tasks {
                done += usize::from(task.await.unwrap());
            }
            assert_eq!(done, 1, "round {round}");
            // The one who is left makes room for the next round.
            let mut conn = acme.db.read().await.unwrap();
            let left = people::overriders(&mut conn, Some(&acme.top.id)).await.unwrap();
            drop(conn);
            assert_eq!(left.len(), 1);
            let mut tx = acme.db.write().await.unwrap();
            let off = switch(&mut tx, &acme.top, TwoFactor::Off).await;
            switch(&mut tx, &acme.design, TwoFactor::Off).await;
            users::delete(&mut tx, &left[0], &operator(), &mut entropy()).await.unwrap();
            switch(&mut tx, &off, TwoFactor::On).await;
            tx.commit().await.unwrap();
        }
    }

    async fn the_last_site_administrator_stays_however_many_try(database) {
        let acme = Acme::on(&database).await;
        let root = acme.add_site_administrator("root").await;
        assert_eq!(refusal(acme.delete(&root).await), Refusal::LastSiteAdministrator);
        assert_eq!(refusal(acme.set(&root, disabled()).await), Refusal::LastSiteAdministrator);
        let stripped = acme.take_away("Site administrator", None, own::ADMINISTER_SITE).await;
        assert_eq!(refusal(stripped), Refusal::LastSiteAdministrator);
        let role = acme.role_change(&acme.top, "Top manager").await;
        let away = Changes { group: Some(acme.top.clone()), ..role };
        assert_eq!(refusal(acme.set(&root, away).await), Refusal::LastSiteAdministrator);

        let second = acme.add_site_administrator("second").await;
        let other = database.open_again().await;
        for round in 0..5 {
            let both = [(acme.db.clone(), root.clone()), (other.clone(), second.clone())];
            let tasks = both
                .map(|(db, person)| tokio::spawn(async move { set_on(&db, &person, disabled()).await.is_ok() }));
            let mut done = 0;
            for task in tasks {
                done += usize::from(task.await.unwrap());
            }
            assert_eq!(done, 1, "round {round}");
            for person in [&root, &second] {
                acme.set(person, Changes { status: Some(Status::Active), ..Changes::default() }).await.unwrap();
            }
        }
    }

    async fn a_manager_changes_those_below_and_nobody_else(database) {
        let acme = Acme::on(&database).await;
        let max = acme.add("max", &acme.design, "Manager").await;
        let mut tx = acme.db.write().await.unwrap();
        let by = By::user(&mut tx, &max, NOW * 1000).await.unwrap();
        drop(tx);
        let named = Changes { name: Some("Somebody".to_owned()), ..Changes::default() };
        for (group, role, expected) in [
            (&acme.design, "User", None),
            (&acme.design, "Manager", Some(Refusal::Outranked)),
            (&acme.top, "User", Some(Refusal::OutsideReach)),
        ] {
            let target = acme.add(&new_id(&mut entropy()), group, role).await;
            let mut tx = acme.db.write().await.unwrap();
            let set = users::set(&mut tx, &target, named.clone(), &by, &mut entropy()).await;
            match expected {
                None => assert_eq!(set.unwrap().name.as_deref(), Some("Somebody")),
                Some(expected) => {
                    assert_eq!(refusal(set), expected);
                    let hash = "$argon2id$theirs";
                    let refused = users::set_password(&mut tx, &target, hash, &by, &mut entropy()).await;
                    assert_eq!(refusal(refused), expected);
                    let refused = links::issue(&mut tx, &target, 60, &by, &mut entropy()).await;
                    assert_eq!(refusal(refused), expected);
                    let refused = users::unlock(&mut tx, &target, &by, &mut entropy()).await;
                    assert_eq!(refusal(refused), expected);
                    let refused = users::delete(&mut tx, &target, &by, &mut entropy()).await;
                    assert_eq!(refusal(refused), expected);
                }
            }
        }
    }

    /// Ending somebody's sessions and grants is an edit of theirs like any other.
    async fn a_manager_takes_sessions_and_grants_of_those_below_alone(database) {
        let acme = Acme::on(&database).await;
        let max = acme.add("max", &acme.top, "Manager").await;
        let (ned, ada) = (acme.add("ned", &acme.top, "User").await, acme.add("ada", &acme.top, "Top manager").await);
        let (below, above) = (acme.begin_sign_in(&ned).await, acme.begin_sign_in(&ada).await);
        let mut tx = acme.db.write().await.unwrap();
        let by = By::user(&mut tx, &max, NOW * 1000).await.unwrap();
        let live = store::access::Live { now: NOW, idle_since: 0 };
        let refused = access::end_session(&mut tx, &above.id, live, &by, &mut entropy()).await;
        assert_eq!(refusal(refused.map(|_| ())), Refusal::Outranked);
        let refused = access::end_sessions(&mut tx, &ada, &by, &mut entropy()).await;
        assert_eq!(refusal(refused.map(|_| ())), Refusal::Outranked);
        let refused = access::revoke_grants(&mut tx, &ada, None, &by, &mut entropy()).await;
        assert_eq!(refusal(refused.map(|_| ())), Refusal::Outranked);
        access::revoke_grants(&mut tx, &ned, None, &by, &mut entropy()).await.unwrap();
        let ended = access::end_session(&mut tx, &below.id, live, &by, &mut entropy()).await.unwrap();
        assert_eq!(ended.login, "ned");
        let left = store::access::sessions(&mut tx, None, live, "", 10).await.unwrap();
        assert_eq!(left.iter().map(|one| one.login.as_str()).collect::<Vec<_>>(), ["ada"]);
    }

    async fn a_manager_makes_nobody_and_no_role_above_themselves(database) {
        let acme = Acme::on(&database).await;
        let max = acme.add("max", &acme.top, "Manager").await;
        let mut tx = acme.db.write().await.unwrap();
        let by = By::user(&mut tx, &max, NOW * 1000).await.unwrap();
        let top = roles::find_named(&mut tx, Some(&acme.top), "Top manager").await.unwrap();
        let new = NewUser {
            login: &Login::parse("puppet").unwrap(),
            name: None,
            email: None,
            group: Some(&acme.top),
            role: &top,
            password_hash: None,
        };
        assert_eq!(refusal(users::add(&mut tx, new, &by, &mut entropy()).await), Refusal::RankAboveOwn);
        let rights = Rights::parse(own::OVERRIDE_2FA).unwrap();
        let new = roles::NewRole { top: &acme.top, name: "Backdoor", rank: 1, rights: &rights };
        let refused = refusal(roles::add(&mut tx, new, &by, &mut entropy()).await);
        assert!(matches!(refused, Refusal::RightNotHeld(_)));
        let mut user = roles::find_named(&mut tx, Some(&acme.top), "User").await.unwrap();
        user.rights = own::OVERRIDE_2FA.to_owned();
        let refused = refusal(roles::set(&mut tx, &user, &by, &mut entropy()).await);
        assert!(matches!(refused, Refusal::RightNotHeld(_)));
        let refused = groups::add(&mut tx, "Mine", None, None, &by, &mut entropy()).await;
        assert_eq!(refusal(refused), Refusal::LacksRight(own::ADMINISTER_SITE));
    }

    async fn a_user_moves_to_another_organisation_only_with_one_of_its_roles(database) {
        let acme = Acme::on(&database).await;
        let ned = acme.add("ned", &acme.top, "User").await;
        let mut tx = acme.db.write().await.unwrap();
        let bolt = groups::add(&mut tx, "Bolt", None, None, &operator(), &mut entropy()).await.unwrap();
        tx.commit().await.unwrap();
        let there = Changes { group: Some(bolt.clone()), ..Changes::default() };
        assert_eq!(refusal(acme.set(&ned, there.clone()).await), Refusal::RoleOfAnotherTree);
        let role = acme.role_change(&bolt, "User").await.role;
        let moved = acme.set(&ned, Changes { role, ..there }).await.unwrap();
        assert_eq!(moved.group.map(|group| group.id), Some(bolt.id));
    }

    async fn what_is_done_is_on_record_with_who_did_it(database) {
        let acme = Acme::on(&database).await;
        let ada = acme.add("ada", &acme.top, "Top manager").await;
        let ned = acme.add("ned", &acme.top, "User").await;
        let mut tx = acme.db.write().await.unwrap();
        let by = By::user(&mut tx, &ada, NOW * 1000).await.unwrap();
        users::unlock(&mut tx, &ned, &by, &mut entropy()).await.unwrap();
        users::delete(&mut tx, &ned, &by, &mut entropy()).await.unwrap();
        tx.commit().await.unwrap();
        let mut events = acme.events().await;
        events.sort();
        let by_operator = |name: &str| (name.to_owned(), "operator".to_owned());
        let mut expected = vec![
            by_operator("group.added"),
            by_operator("group.added"),
            by_operator("group.changed"),
            by_operator("user.added"),
            by_operator("user.added"),
            ("user.deleted".to_owned(), ada.id.clone()),
            ("user.unlocked".to_owned(), ada.id),
        ];
        expected.sort();
        assert_eq!(events, expected);
    }

    async fn unlocking_lets_codes_work_again(database) {
        let acme = Acme::on(&database).await;
        let ned = acme.add("ned", &acme.top, "User").await;
        let mut tx = acme.db.write().await.unwrap();
        challenges::take_from_budget(&mut tx, &ned.id, "one", NOW, 0).await.unwrap();
        assert!(challenges::stop_codes(&mut tx, &ned.id, NOW).await.unwrap());
        let seen = preview::changing(&mut tx, &acme.top, TwoFactor::On, None, None).await.unwrap();
        assert_eq!(seen.no_address.names, ["ned"]);
        users::unlock(&mut tx, &ned, &operator(), &mut entropy()).await.unwrap();
        assert!(!challenges::codes_of(&mut tx, &ned.id, NOW, 5).await.unwrap().stopped);
    }

    async fn the_preview_names_who_would_be_locked_out_and_who_would_not_be_asked(database) {
        let acme = Acme::on(&database).await;
        acme.add("ada", &acme.top, "Top manager").await;
        let max = acme.add("max", &acme.top, "Manager").await;
        acme.add("ned@example.org", &acme.top, "User").await;
        let bounced = acme.add("bounced@example.org", &acme.top, "User").await;
        acme.add("dan", &acme.design, "User").await;
        let off = acme.add("off", &acme.top, "User").await;
        acme.set(&off, disabled()).await.unwrap();
        let stopped = acme.add("stopped@example.org", &acme.top, "User").await;
        let mut tx = acme.db.write().await.unwrap();
        challenges::take_from_budget(&mut tx, &stopped.id, "two", NOW, 0).await.unwrap();
        challenges::stop_codes(&mut tx, &stopped.id, NOW).await.unwrap();
        let acme_off = switch(&mut tx, &acme.top, TwoFactor::Off).await;
        refuse_a_message(&mut tx, &bounced).await;
        let preview = preview::changing(&mut tx, &acme_off, TwoFactor::On, Some(&max.id), None).await.unwrap();
        assert_eq!(preview.asked.names, ["ned@example.org"]);
        assert_eq!(preview.no_address.names, ["max"]);
        assert_eq!(preview.undelivered.names, ["bounced@example.org"]);
        assert_eq!(preview.codes_stopped.names, ["stopped@example.org"]);
        assert_eq!(preview.disabled.names, ["off"]);
        assert_eq!(preview.overriders.names, ["ada"]);
        assert_eq!((preview.locked_out(), preview.actor), (3, Some(Obstacle::NoAddress)), "max sees himself");
        let said = preview.to_string();
        assert!(said.contains("for want of an email address: max."), "{said}");
        assert!(said.contains("A Manager may switch two-factor on and has no override"), "{said}");
        let (first, next) = preview::affected(&mut tx, &acme_off, TwoFactor::On, true, "", 2).await.unwrap();
        let (rest, end) = preview::affected(&mut tx, &acme_off, TwoFactor::On, true, &next.unwrap(), 2).await.unwrap();
        let all: Vec<_> = first.iter().chain(&rest).map(|one| (one.login.as_str(), one.lot)).collect();
        let expected = [
            ("bounced@example.org", Lot::LockedOut(Obstacle::Undelivered)),
            ("max", Lot::LockedOut(Obstacle::NoAddress)),
            ("stopped@example.org", Lot::LockedOut(Obstacle::CodesStopped)),
        ];
        assert_eq!((all, end), (expected.to_vec(), None));
        assert_eq!(first[0].answer.as_deref(), Some("550 no such mailbox"));
        let rehearsed = preview::changing(&mut tx, &acme_off, TwoFactor::Rehearse, None, None).await.unwrap();
        assert_eq!(rehearsed.locked_out(), 0, "a rehearsal keeps nobody out");
        assert_eq!(rehearsed.asked.count, 2);
        // Another address than the one that was refused has to be tried first.
        let elsewhere = Changes { email: Some(Some(Address::parse("new@example.org").unwrap())), ..Changes::default() };
        users::set(&mut tx, &bounced, elsewhere, &operator(), &mut entropy()).await.unwrap();
        let preview = preview::changing(&mut tx, &acme_off, TwoFactor::On, None, None).await.unwrap();
        assert_eq!(preview.undelivered.count, 0);
    }

    /// What our own server refused locks nobody out once mail works: in no preview, in no explanation and on no list.
    async fn what_our_own_mail_server_refused_counts_until_mail_works(database) {
        let acme = Acme::on(&database).await;
        let ned = acme.add("ned@example.org", &acme.top, "User").await;
        let bounced = acme.add("bounced@example.org", &acme.top, "User").await;
        let mut tx = acme.db.write().await.unwrap();
        let on = switch(&mut tx, &acme.top, TwoFactor::On).await;
        answer_a_message(&mut tx, &ned, "refused", "530 5.7.0 Authentication required (mail.username, mail.password)").await;
        refuse_a_message(&mut tx, &bounced).await;
        for (works, expected) in [(false, vec!["bounced@example.org", "ned@example.org"]), (true, vec!["bounced@example.org"])] {
            if works {
                countersign::mail::note_let_in(&mut tx, NOW + 1).await.unwrap();
            }
            let preview = preview::changing(&mut tx, &on, TwoFactor::On, None, None).await.unwrap();
            assert_eq!(preview.undelivered.names, expected);
            let listed = people::list(&mut tx, None, Some(Filter::Undelivered), "", 9).await.unwrap();
            assert_eq!(listed.iter().map(|person| person.login.as_str()).collect::<Vec<_>>(), expected);
            for person in [&ned, &bounced] {
                let person = people::find(&mut tx, &person.id).await.unwrap().unwrap();
                let told = explain(&mut tx, &person, Demand::Whatever, 5, NOW + 2).await.unwrap();
                assert_eq!(told.undelivered.is_some(), expected.contains(&person.login.as_str()), "{told:?}");
            }
        }
    }

    async fn a_change_of_a_role_is_shown_with_whom_it_locks_out(database) {
        let acme = Acme::on(&database).await;
        let ada = acme.add("ada", &acme.top, "Top manager").await;
        acme.add("bea@example.org", &acme.design, "Top manager").await;
        let nia = acme.add("nia", &acme.top, "User").await;
        let mut conn = acme.db.read().await.unwrap();
        let top = roles::find_named(&mut conn, Some(&acme.top), "Top manager").await.unwrap();
        let less = Rights::parse("manage_users").unwrap();
        let preview = preview::changing_role(&mut conn, &top, &less, Some(&ada.id)).await.unwrap();
        assert_eq!(preview.holders.count, 2);
        assert_eq!(preview.lose_override.names, ["ada", "bea@example.org"]);
        assert_eq!((preview.locked_out.names, preview.actor), (vec!["ada".to_owned()], Some(Obstacle::NoAddress)));
        let user = roles::find_named(&mut conn, Some(&acme.top), "User").await.unwrap();
        let more = Rights::parse("override_2fa").unwrap();
        let preview = preview::changing_role(&mut conn, &user, &more, None).await.unwrap();
        assert_eq!((preview.gain_override.names, preview.locked_out.count), (vec!["nia".to_owned()], 0));
        for (rights, setting, expected) in [
            (&less, TwoFactor::On, Lot::LockedOut(Obstacle::NoAddress)),
            (&less, TwoFactor::Rehearse, Lot::GoesOn(Obstacle::NoAddress)),
            (&more, TwoFactor::On, Lot::LetIn),
        ] {
            let lot = preview::with_role(&mut conn, &nia, rights, setting).await.unwrap();
            assert_eq!(lot, expected, "{setting}");
        }
    }

    async fn those_who_are_told_of_an_override_are_the_others_who_could_have_used_one(database) {
        let acme = Acme::on(&database).await;
        let ada = acme.add("ada", &acme.top, "Top manager").await;
        acme.add("bea", &acme.design, "Top manager").await;
        acme.add("max", &acme.top, "Manager").await;
        let old = acme.add("old", &acme.top, "Top manager").await;
        acme.set(&old, disabled()).await.unwrap();
        acme.add_site_administrator("root").await;
        let mut tx = acme.db.write().await.unwrap();
        let bolt = groups::add(&mut tx, "Bolt", None, None, &operator(), &mut entropy()).await.unwrap();
        tx.commit().await.unwrap();
        acme.add("bob", &bolt, "Top manager").await;
        let mut conn = acme.db.read().await.unwrap();
        let told = people::overriders_to_tell(&mut conn, &ada).await.unwrap();
        assert_eq!(logins(&told), ["bea", "root"]);
    }
}

/// A message to somebody that the mail server has refused.
async fn refuse_a_message(tx: &mut Tx, person: &Person) {
    answer_a_message(tx, person, "refused", "550 no such mailbox").await;
}

/// A message to somebody that the mail server has answered.
async fn answer_a_message(tx: &mut Tx, person: &Person, state: &str, words: &str) {
    let (address, id) = (person.deliverable_address().unwrap(), format!("{state} {}", person.id));
    let new = NewMessage {
        id: &id,
        purpose: "test",
        user_id: Some(&person.id),
        address: address.as_str(),
        reference: None,
        sealed: "",
        created_at_ms: NOW * 1000,
        next_at: NOW,
        expires_at: NOW + 60,
    };
    messages::add(tx, new).await.unwrap();
    let claimed = messages::claim(tx, &id, NOW + 30, NOW).await.unwrap().unwrap();
    messages::finish(tx, &claimed, state, words, NOW).await.unwrap();
}

async fn invited(acme: &Acme) -> Person {
    let mut tx = acme.db.write().await.unwrap();
    let role = roles::find_named(&mut tx, Some(&acme.top), "User").await.unwrap();
    let new = NewUser {
        login: &Login::parse("ivy").unwrap(),
        name: Some("Ivy"),
        email: Some(&Address::parse("ivy@example.org").unwrap()),
        group: Some(&acme.top),
        role: &role,
        password_hash: None,
    };
    let ivy = users::add(&mut tx, new, &operator(), &mut entropy()).await.unwrap();
    tx.commit().await.unwrap();
    ivy
}

async fn issue(acme: &Acme, person: &Person) -> Token {
    let mut tx = acme.db.write().await.unwrap();
    let token = links::issue(&mut tx, person, 3600, &operator(), &mut entropy()).await.unwrap();
    tx.commit().await.unwrap();
    token
}

async fn choose(db: &Db, token: &str, hash: &str, now: i64) -> bool {
    let mut tx = db.write().await.unwrap();
    let chosen = users::choose_password(&mut tx, token, hash, "192.0.2.1", now * 1000, &mut entropy()).await;
    tx.commit().await.unwrap();
    chosen.unwrap().is_some()
}

fn logins(people: &[Person]) -> Vec<&str> {
    people.iter().map(|person| person.login.as_str()).collect()
}
