//! Does a list show those whom a simple look at everybody finds, in each order, page after page, whatever way the database goes?

use std::collections::BTreeSet;

use countersign::directory::listing::{self, Order, Which};
use countersign::directory::login::fold;
use countersign::directory::rights::{Right, Rights, own};
use countersign::directory::{Person, words};
use countersign::store::needs::{self, Among, Doubt, NeedRow};
use countersign::store::tree_users::{self, Page, Sort, Way, near, parts};
use countersign::store::{self, Conn, user_words};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};

use super::{
    Acme, Changes, Lot, Obstacle, TwoFactor, groups, operator, people, preview, roles, switch, users,
};
use crate::support::Database;
use countersign::directory::{Address, Status, Tree};
use countersign::keys::secret::entropy;

/// Logins, names and addresses: with what LIKE and sorting stumble over, names that several have, and none.
const PEOPLE: [(&str, Option<&str>, Option<&str>); 14] = [
    ("ned", Some("Ned Ludd"), Some("ned@example.org")),
    ("nia", Some("Nia Ludd"), None),
    ("Nora", Some("ned ludd"), Some("N.Ludd@Example.org")),
    ("zoe", None, None),
    ("abe", None, Some("zoe@example.org")),
    ("a_b", Some("100% Wool"), Some("a_b@example.org")),
    ("a!b", Some("Anna Maria Ludd-Lee"), None),
    ("a%b", Some("anna"), None),
    ("Éva", Some("Éva Ångström"), None),
    ("strasse", Some("Weiß Groß"), None),
    ("max@example.org", Some("Max"), None),
    ("van", Some("Vincent van Gogh"), None),
    ("van2", Some("vincent van gogh"), Some("van@example.org")),
    ("kim", Some("Ludd"), Some("kim@example.org")),
];

/// By which index those who cannot sign in are found, in their order, so that never all of a group are sorted. PostgreSQL goes another way to
/// those without an address while there is nobody.
fn kept_out_by(database: &Database) -> impl Iterator<Item = (&'static str, &'static str)> {
    let without_address = [
        ("kept_out::BY_NAME", "users_addressless_by_name"),
        ("kept_out::BY_NAME_LAST", "users_addressless_by_name"),
        ("kept_out::BY_SIGN_IN", "users_addressless_by_sign_in"),
        ("kept_out::BY_SIGN_IN_LAST", "users_addressless_by_sign_in"),
    ];
    let near = [
        ("NEAR_BY_NAME", "users_by_name"),
        ("NEAR_BY_SIGN_IN_LAST", "users_by_sign_in"),
        ("NEAR_OF_ROLE", "users_of_role_by_login"),
        ("NEAR_OF_GROUP_LAST", "users_of_group_by_login"),
    ];
    let on_sqlite = database.url.starts_with("sqlite");
    without_address.into_iter().filter(move |_| on_sqlite).chain(near)
}

/// A site of these people, all of Acme.
async fn everybody(database: &Database) -> Acme {
    let acme = Acme::on(database).await;
    for (at, (login, name, email)) in PEOPLE.into_iter().enumerate() {
        let person = acme.add(login, if at % 3 == 0 { &acme.design } else { &acme.top }, "User").await;
        let changes = Changes {
            name: name.map(str::to_owned),
            email: email.map(|email| Some(Address::parse(email).unwrap())),
            status: (at % 5 == 4).then_some(Status::Disabled),
            ..Changes::default()
        };
        acme.set(&person, changes).await.unwrap();
    }
    acme
}

/// The logins of those of a group who are in one doubt or the other, two looked at at a time.
async fn in_either_doubt(conn: &mut Conn, group_id: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    for doubt in [Doubt::Stopped, Doubt::Refused] {
        let mut after = Some(String::new());
        while let Some(id) = after {
            let (rows, next) = needs::in_one_doubt(conn, doubt, group_id, &id, 2).await.unwrap();
            found.extend(rows.into_iter().map(|row| row.login));
            after = next;
        }
    }
    found.into_iter().collect()
}

/// By which index the audit log is read.
const EVENTS_BY: [(&str, &str); 9] = [
    ("NEWEST_BUT_SIGN_INS", "audit_events_but_sign_ins"),
    ("OLDEST_BUT_SIGN_INS_OF_TREE", "audit_events_but_sign_ins_of_tree"),
    ("NEWEST_OF_EVENT", "audit_events_of_kind"),
    ("NEWEST_SIGN_INS_OF_TREE", "audit_sign_ins_of_tree"),
    ("OLDEST_SIGN_INS_OF_TREE", "audit_sign_ins_of_tree"),
    ("EVENTS", "audit_events_of_kind"),
    ("RECENT_ENDS", "audit_events_of_kind"),
    ("NEWEST_BY_ACTOR", "audit_events_by_another"),
    ("OLDEST_OF_ONESELF", "audit_events_of_user"),
];

/// Whether a query would be answered by looking at all users.
fn goes_through_everybody(plan: &str) -> bool {
    plan.lines().any(|line| {
        let line = line.trim();
        let scans = ["u", "x", "s", "w"].iter().any(|table| {
            line == format!("SCAN {table}") || line.contains(&format!("Seq Scan on users {table}"))
        });
        scans || line.contains("Seq Scan on user_words")
    })
}

/// Compares each preview with what the decision says of each person of the group.
async fn counts_are_those_of_everybody(acme: &Acme, actors: &[Person]) {
    let mut conn = acme.db.read().await.unwrap();
    for group in [&acme.top, &acme.design] {
        let (mut needs, mut after) = (Vec::new(), Some(String::new()));
        while let Some(key) = after {
            let (page, next) = people::needs(&mut conn, &group.id, &key, 500).await.unwrap();
            needs.extend(page.into_iter().filter(|need| need.status == Status::Active));
            after = next;
        }
        for (to, actor) in
            TwoFactor::ALL.into_iter().flat_map(|to| actors.iter().map(move |actor| (to, actor)))
        {
            let told = preview::changing(&mut conn, group, to, Some(&actor.id), None).await.unwrap();
            // Whoever has no password yet is asked for a code once they have.
            assert_eq!(told.stakes().asked, told.asked.count + told.invited.count, "{} {to}", told.path);
            let of = |lot: Lot| -> Vec<String> {
                let lots = needs.iter().filter(|need| preview::lot(need, to, need.overrides) == lot);
                lots.map(|need| need.login.clone()).collect()
            };
            // The same keeps a code from them where they may go on without.
            let kept = |obstacle| match to {
                TwoFactor::Rehearse => of(Lot::GoesOn(obstacle)),
                TwoFactor::Off | TwoFactor::On => of(Lot::LockedOut(obstacle)),
            };
            for (named, expected) in [
                (&told.asked, of(Lot::Asked)),
                (&told.no_address, kept(Obstacle::NoAddress)),
                (&told.undelivered, kept(Obstacle::Undelivered)),
                (&told.codes_stopped, kept(Obstacle::CodesStopped)),
            ] {
                let count = i64::try_from(expected.len()).unwrap();
                let first: Vec<&String> = expected.iter().take(8).collect();
                assert_eq!((named.names.iter().collect(), named.count), (first, count), "{} {to}", told.path);
            }
            let locked_out = needs
                .iter()
                .filter(|need| matches!(preview::lot(need, to, need.overrides), Lot::LockedOut(_)));
            let ids: BTreeSet<&String> = locked_out.map(|need| &need.id).collect();
            assert_eq!(told.locked_out(), i64::try_from(ids.len()).unwrap(), "{} {to}", told.path);
            // Of many who are alike nobody is named.
            let known: BTreeSet<&String> = told.kept_out.ids().iter().collect();
            assert!(
                if needs.len() <= 2000 { known == ids } else { known.is_subset(&ids) },
                "{} {to}",
                told.path
            );
            let of_actor = needs
                .iter()
                .find(|need| need.id == actor.id)
                .map(|need| preview::lot(need, to, need.overrides));
            assert_eq!(
                told.actor.map(Lot::LockedOut),
                of_actor.filter(|lot| matches!(lot, Lot::LockedOut(_))),
                "{} {to}",
                told.path
            );
        }
    }
}

/// Whether somebody is found, as docs/console.md says it.
fn is_found(person: &Person, typed: &str) -> bool {
    let typed = fold(typed);
    let begins = |text: &str| fold(text).starts_with(&typed);
    let name = fold(person.name.as_deref().unwrap_or_default());
    let later = name.match_indices(' ').any(|(at, _)| name[at + 1..].starts_with(&typed));
    begins(&person.login)
        || begins(person.email.as_deref().unwrap_or_default())
        || name.starts_with(&typed)
        || later
}

/// After whom a page goes on.
fn place(row: &NeedRow) -> (&str, &str) {
    (row.group_id.as_deref().unwrap_or_default(), &row.login_key)
}

fn logins<'p>(people: impl IntoIterator<Item = &'p Person>) -> Vec<String> {
    people.into_iter().map(|person| person.login.clone()).collect()
}

/// All that a search finds, in pages of three, each by every way.
async fn by_each_way(
    acme: &Acme,
    which: Which,
    typed: &str,
    sort: Sort,
    last_first: bool,
) -> Vec<Vec<String>> {
    let mut conn = acme.db.read().await.unwrap();
    let escaped: String =
        fold(typed).chars().flat_map(|c| if "!%_".contains(c) { vec!['!', c] } else { vec![c] }).collect();
    let (begins, later) = (format!("{escaped}%"), format!("% {escaped}%"));
    let from: String = fold(typed).bytes().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
    let to = format!("{from}g");
    let mut found = Vec::new();
    for way in [Way::Wide, Way::Narrow(which.word()), Way::Worded(which.word(), 1000)] {
        let (mut all, mut last) = (Vec::new(), None);
        loop {
            let page = Page {
                root: Some(&acme.top.id),
                sort,
                last_first,
                after: last.as_ref().map(|(login, name): &(String, String)| (login.as_str(), name.as_str())),
                words: (&from, &to),
                texts: (&begins, &later),
                limit: 3,
            };
            let rows = tree_users::list(&mut conn, which, way, page).await.unwrap();
            let Some(row) = rows.last() else { break };
            let key = match sort {
                Sort::SignIn => row.signed_in_at.to_string(),
                _ => tree_users::name_key(&mut conn, &row.user.id).await.unwrap().unwrap(),
            };
            last = Some((fold(&row.user.login), key));
            all.extend(rows.into_iter().map(|row| row.user.login));
            assert!(all.len() <= PEOPLE.len(), "{way:?} shows somebody twice: {all:?}");
        }
        found.push(all);
    }
    found
}

async fn all(acme: &Acme) -> Vec<Person> {
    let mut conn = acme.db.read().await.unwrap();
    let order = Order { sort: listing::Sort::Name, ..Order::default() };
    let tree = operator().tree();
    let listed = listing::list_in(&mut conn, &tree, Which::All, "", order, 100).await.unwrap();
    listed.into_iter().map(|listed| listed.person).collect()
}

/// All that a list shows, in pages of three.
async fn paged(acme: &Acme, tree: &Tree, which: Which, typed: &str, order: Order<'_>) -> Vec<String> {
    let mut conn = acme.db.read().await.unwrap();
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = Order { after: &after, ..order };
        let found = listing::list_in(&mut conn, tree, which, typed, page, 3).await.unwrap();
        let Some(last) = found.last() else { return all };
        after = listing::mark(&mut conn, order.sort, last).await.unwrap();
        all.extend(found.into_iter().map(|listed| listed.person.login));
        assert!(all.len() <= PEOPLE.len(), "somebody twice: {all:?}");
    }
}

crate::on_both_databases! {
    /// By role and by group, either way, each kind, searched and not, where they are few and where they may be many: nobody twice, nobody left
    /// out, those of one role or group by their logins.
    async fn a_list_by_role_or_group_shows_everybody_once_in_its_order(database) {
        let acme = everybody(&database).await;
        words::catch_up(&acme.db).await.unwrap();
        database.run("UPDATE users SET role_id = (SELECT id FROM roles WHERE name_key = 'manager') WHERE login_key IN ('kim', 'zoe', 'abe', 'van2', 'a_b');
                      UPDATE users SET role_id = (SELECT id FROM roles WHERE name_key = 'top manager') WHERE login_key IN ('nia', 'strasse');
                      UPDATE users SET group_id = NULL WHERE login_key IN ('ned', 'a!b', 'van', 'kim');
                      INSERT INTO code_budgets (user_id, tried_at, stopped_at) SELECT id, 1, 1 FROM users WHERE login_key IN ('kim', 'nora', 'zoe', 'van2');
                      UPDATE users SET signed_in_at = 1 WHERE login_key IN ('ned', 'zoe', 'van2');
                      UPDATE users SET status = 'invited' WHERE login_key IN ('a!b', 'a%b', 'a_b')").await;
        let people = all(&acme).await;
        let site = operator().tree();
        let part = site.below(&mut acme.db.read().await.unwrap(), &acme.top.id).await.unwrap().unwrap().0;
        for (tree, groupless) in [(&site, true), (&part, false)] {
            for which in [Which::All].into_iter().chain(Which::KINDS) {
                for typed in ["", "ludd", "n", "nobody"] {
                    let by_login = paged(&acme, tree, which, typed, Order::default()).await;
                    let shown: Vec<&Person> = people.iter().filter(|person| by_login.contains(&person.login)).collect();
                    assert!(groupless || shown.iter().all(|person| person.group.is_some()));
                    for sort in [listing::Sort::Role, listing::Sort::Group] {
                        let mut expected = shown.clone();
                        expected.sort_by_key(|person| {
                            let group = person.group.as_ref().map(|group| (fold(&group.name), group.id.clone()));
                            let role = (fold(&person.role.name), person.role.id.clone());
                            let by = if sort == listing::Sort::Role { role } else { group.unwrap_or_default() };
                            (by, fold(&person.login))
                        });
                        for last_first in [false, true] {
                            let found = paged(&acme, tree, which, typed, Order { sort, last_first, after: "" }).await;
                            assert_eq!(found, logins(expected.iter().copied()), "{which:?} {typed:?} {sort:?} {last_first} {groupless}");
                            expected.reverse();
                        }
                    }
                }
            }
        }
    }

    /// Of a role or a group, those who are gone through because it has few are those who are found where it has many.
    async fn many_of_a_part_are_found_as_few_are(database) {
        let acme = everybody(&database).await;
        words::catch_up(&acme.db).await.unwrap();
        database.run("UPDATE groups SET two_factor = TRUE, two_factor_setting = 'on';
                      INSERT INTO code_budgets (user_id, tried_at, stopped_at) SELECT id, 1, 1 FROM users WHERE login_key IN ('kim', 'nora', 'zoe', 'van2');
                      INSERT INTO messages (id, purpose, user_id, address, state, attempts, created_at_ms, next_at, expires_at, done_at)
                      SELECT 'm' || id, 'test', id, 'x', 'refused', 1, 1, 1, 1, 1 FROM users WHERE login_key IN ('ned', 'a_b', 'zoe')").await;
        let person = acme.find("ned").await;
        let mut conn = acme.db.read().await.unwrap();
        let (mut kept_out, mut found) = (0, 0);
        for (part, id) in [(parts::Part::Role, &person.role.id), (parts::Part::Group, &acme.top.id), (parts::Part::Group, &acme.design.id)] {
            for (from, to, begins, later) in [("", "g", "%", "%"), ("6e", "6eg", "n%", "% n%"), ("6c756464", "6c756464g", "ludd%", "% ludd%")] {
                for after in [None, Some("kim"), Some("ned")] {
                    for last_first in [false, true] {
                        let (after, sort) = (after.map(|login| (login, "")), Sort::Login);
                        let page = Page { root: Some(&acme.top.id), sort, last_first, after, words: (from, to), texts: (begins, later), limit: 5 };
                        let logins = |rows: Vec<tree_users::LineRow>| rows.into_iter().map(|row| row.user.login).collect::<Vec<_>>();
                        let few = logins(near::kept_out_of_part(&mut conn, part, id, page, 1000).await.unwrap());
                        let many = logins(parts::kept_out_of_part(&mut conn, part, id, page).await.unwrap());
                        assert_eq!(few, many, "{part:?} {begins} {page:?}");
                        kept_out += few.len();
                        let walked = logins(parts::of_part(&mut conn, Which::All, part, id, page).await.unwrap());
                        let looked_up = logins(parts::found_of_part(&mut conn, ("", 1000), part, id, page).await.unwrap());
                        assert_eq!(walked, looked_up, "{part:?} {begins} {page:?}");
                        found += walked.len();
                    }
                }
            }
        }
        assert!(kept_out > 20 && found > kept_out, "{kept_out} {found}");
    }

    /// Those who cannot sign in are the same, in the same order, where they are met among the first of a list, where they are looked up by what
    /// names them, and where all are few; whoever looks at fewer finds the first of them.
    async fn those_near_are_those_who_are_looked_up(database) {
        let acme = everybody(&database).await;
        words::catch_up(&acme.db).await.unwrap();
        database.run("UPDATE groups SET two_factor = TRUE, two_factor_setting = 'on' WHERE name_key = 'acme';
                      UPDATE users SET signed_in_at = 7 WHERE login_key IN ('ned', 'zoe', 'van2');
                      UPDATE users SET signed_in_at = 1900000000 WHERE login_key IN ('kim', 'strasse');
                      UPDATE users SET status = 'disabled' WHERE login_key = 'van2';
                      INSERT INTO code_budgets (user_id, tried_at, stopped_at) SELECT id, 1, 1 FROM users WHERE login_key IN ('kim', 'nora', 'zoe', 'van2');
                      INSERT INTO messages (id, purpose, user_id, address, state, attempts, created_at_ms, next_at, expires_at, done_at)
                      SELECT 'm' || id, 'test', id, 'x', 'refused', 1, 1, 1, 1, 1 FROM users WHERE login_key IN ('ned', 'a_b', 'zoe')").await;
        let mut conn = acme.db.read().await.unwrap();
        let logins = |rows: Vec<tree_users::LineRow>| rows.into_iter().map(|row| row.user.login).collect::<Vec<_>>();
        let mut seen = 0;
        for (root, sort) in [None, Some(acme.top.id.as_str()), Some(acme.design.id.as_str())]
            .into_iter()
            .flat_map(|root| [Sort::Login, Sort::Name, Sort::SignIn].map(|sort| (root, sort)))
        {
            for (from, to, begins, later) in [("", "g", "%", "%"), ("6e", "6eg", "n%", "% n%")] {
                for after in [None, Some(("ned", if sort == Sort::Name { "ned ludd" } else { "7" }))] {
                    for last_first in [false, true] {
                        let page = Page { root, sort, last_first, after, words: (from, to), texts: (begins, later), limit: 50 };
                        let near = logins(near::kept_out(&mut conn, page, 1000).await.unwrap());
                        let named = logins(tree_users::list(&mut conn, Which::KeptOut, Way::Wide, page).await.unwrap());
                        assert_eq!(near, named, "{page:?}");
                        if let Some(root) = root {
                            let narrow = Way::Narrow(Which::KeptOut.word());
                            let few = logins(tree_users::list(&mut conn, Which::KeptOut, narrow, page).await.unwrap());
                            assert_eq!(near, few, "{root} {page:?}");
                        }
                        let first = logins(near::kept_out(&mut conn, Page { limit: 2, ..page }, 1000).await.unwrap());
                        assert_eq!(first, near.iter().take(2).cloned().collect::<Vec<_>>(), "{page:?}");
                        for looked_at in [0, 1, 5] {
                            let some = logins(near::kept_out(&mut conn, page, looked_at).await.unwrap());
                            assert!(near.starts_with(&some) && i64::try_from(some.len()).unwrap() <= looked_at, "{some:?} {page:?}");
                        }
                        seen += near.len();
                    }
                }
            }
        }
        assert!(seen > 50, "{seen}");
    }

    /// Whatever is typed, in both orders and both directions, by the words and without them.
    async fn a_search_finds_whom_a_simple_look_finds(database) {
        let acme = everybody(&database).await;
        words::catch_up(&acme.db).await.unwrap();
        let people = all(&acme).await;
        assert_eq!(people.len(), PEOPLE.len());
        // Some at one moment, most of them never.
        database.run("UPDATE users SET signed_in_at = 7 WHERE login_key IN ('ned', 'zoe', 'van2');
                      UPDATE users SET signed_in_at = 1900000000 WHERE login_key IN ('kim', 'strasse')").await;
        let at = |person: &Person| match person.login.as_str() {
            "ned" | "zoe" | "van2" => 7,
            "kim" | "strasse" => 1_900_000_000,
            _ => 0,
        };
        let mut by_sign_in: Vec<&Person> = people.iter().collect();
        by_sign_in.sort_by_key(|person| (at(person), fold(&person.login)));
        let typed = prop_oneof![
            "[a-zÉé%_!@. ]{0,2}",
            prop::sample::select(vec!["ludd", "LUDD-", "van g", "anna m", "zoe@", "100%", "a_", "a!", "Ångström", "weiss", "GROSS", "ned ludd", "nobody"]).prop_map(str::to_owned),
        ];
        let mut runner = TestRunner::new_with_rng(Config::default(), prop::test_runner::TestRng::deterministic_rng(prop::test_runner::RngAlgorithm::ChaCha));
        for round in 0..40 {
            let typed = typed.new_tree(&mut runner).unwrap().current();
            let which = if round % 4 == 3 { Which::Disabled } else { Which::All };
            let shown = |person: &&Person| which == Which::All || person.status == Status::Disabled;
            let expected: Vec<&Person> = people.iter().filter(|person| is_found(person, &typed)).filter(shown).collect();
            let mut by_login = logins(expected.iter().copied());
            by_login.sort_by_key(|login| fold(login));
            let in_time = by_sign_in.iter().copied().filter(|person| by_login.contains(&person.login));
            let in_time = logins(in_time);
            for (sort, expected) in [(Sort::Login, by_login), (Sort::Name, logins(expected)), (Sort::SignIn, in_time)] {
                for last_first in [false, true] {
                    let mut expected = expected.clone();
                    if last_first {
                        expected.reverse();
                    }
                    for (way, found) in by_each_way(&acme, which, &typed, sort, last_first).await.into_iter().enumerate() {
                        assert_eq!(found, expected, "{typed:?} {which:?} {sort:?} {last_first} by way {way}");
                    }
                }
            }
        }
    }

    /// Those without a name first, and those of one name by their logins.
    async fn a_list_by_name_has_its_order(database) {
        let acme = everybody(&database).await;
        let people = all(&acme).await;
        let plain = people.iter().filter(|person| person.name.as_deref().is_none_or(str::is_ascii));
        let keys: Vec<_> = plain.map(|p| (p.name.as_deref().unwrap_or_default().to_lowercase(), fold(&p.login))).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(logins(&people)[..2], ["abe", "zoe"]);
    }

    /// Each kind is the same by every way.
    async fn each_kind_is_the_same_whatever_way_it_is_found(database) {
        let acme = everybody(&database).await;
        database.run("INSERT INTO code_budgets (user_id, tried_at, stopped_at) SELECT id, 1, 1 FROM users WHERE login_key = 'kim';
                      UPDATE users SET signed_in_at = 1 WHERE login_key = 'ned';
                      INSERT INTO messages (id, purpose, user_id, address, state, attempts, created_at_ms, next_at, expires_at)
                      SELECT 'refused', 'test', id, 'x', 'refused', 1, 1, 1, 1 FROM users WHERE login_key = 'nora'").await;
        for (which, expected) in [
            (Which::KeptOut, vec!["a!b", "a%b", "kim", "nia", "Nora", "van", "zoe", "Éva"]),
            (Which::Stopped, vec!["kim"]),
            (Which::NoEmail, vec!["a!b", "a%b", "nia", "van", "zoe", "Éva"]),
            (Which::Never, vec!["a!b", "a%b", "a_b", "kim", "max@example.org", "nia", "Nora", "van", "van2", "zoe", "Éva"]),
            (Which::Disabled, vec!["abe", "strasse"]),
            (Which::Invited, vec![]),
        ] {
            for sort in [Sort::Login, Sort::Name, Sort::SignIn] {
                let found = by_each_way(&acme, which, "", sort, false).await;
                assert!(found.windows(2).all(|ways| ways[0] == ways[1]), "{which:?}: {found:?}");
                let mut last_first = by_each_way(&acme, which, "", sort, true).await;
                for way in &mut last_first {
                    way.reverse();
                }
                assert_eq!(found, last_first, "{which:?}");
                let (mut found, mut expected) = (found[0].clone(), expected.clone());
                found.sort();
                expected.sort_unstable();
                assert_eq!(found, expected, "{which:?}");
            }
        }
    }

    /// Words are written down behind the pages; whoever has changed meanwhile is found by what they are, and no longer by what they were.
    async fn a_search_is_right_before_the_words_are_written_down(database) {
        let acme = everybody(&database).await;
        let tree = operator().tree();
        let ludd = vec!["a!b", "kim", "ned", "nia", "Nora"];
        let find = async |typed: &str| {
            let mut conn = acme.db.read().await.unwrap();
            logins(&listing::list(&mut conn, &tree, Which::All, typed, "", 50).await.unwrap().into_iter().map(|l| l.person).collect::<Vec<_>>())
        };
        assert_eq!(find("ludd").await, ludd);
        assert_eq!(words::catch_up(&acme.db).await.unwrap(), PEOPLE.len());
        assert_eq!(words::catch_up(&acme.db).await.unwrap(), 0);
        assert_eq!(find("ludd").await, ludd);
        // A program that knows nothing of words, and two who swap their logins.
        database.run("UPDATE users SET name = 'Swift' WHERE login_key = 'nia';
                      UPDATE users SET login_key = 'x', login = 'x' WHERE login_key = 'kim';
                      UPDATE users SET login_key = 'kim', login = 'kim' WHERE login_key = 'zoe'").await;
        for _ in 0..2 {
            assert_eq!(find("ludd").await, ["a!b", "ned", "Nora", "x"]);
            assert_eq!(find("swift").await, ["nia"]);
            assert_eq!((find("kim@").await, find("kim").await), (vec!["x".to_owned()], vec!["kim".to_owned(), "x".to_owned()]));
            words::catch_up(&acme.db).await.unwrap();
        }
        let kim = acme.find("x").await;
        let mut tx = acme.db.write().await.unwrap();
        users::delete(&mut tx, &kim, &operator(), &mut entropy()).await.unwrap();
        tx.commit().await.unwrap();
        let mut conn = acme.db.read().await.unwrap();
        assert_eq!(user_words::count(&mut conn, "6b696d40", "6b696d40g", 10).await.unwrap(), 0);
    }

    /// Most are counted at once, and only those who are hard to reach one by one.
    async fn a_preview_counts_whom_a_look_at_everybody_counts(database) {
        let acme = everybody(&database).await;
        acme.add("boss", &acme.top, "Top manager").await;
        acme.add("chief", &acme.top, "Top manager").await;
        // Somebody whom no code reaches, and who needs none, whatever address they have.
        let cleo = acme.add("cleo", &acme.top, "Top manager").await;
        acme.set(&cleo, Changes { email: Some(Some(Address::parse("cleo@example.org").unwrap())), ..Changes::default() }).await.unwrap();
        database.run("INSERT INTO code_budgets (user_id, tried_at, stopped_at)
                      SELECT id, 1, 1 FROM users WHERE login_key IN ('kim', 'van', 'chief', 'cleo', 'strasse');
                      UPDATE users SET status = 'invited' WHERE login_key = 'a_b';
                      INSERT INTO messages (id, purpose, user_id, address, state, answer, attempts, created_at_ms, next_at, expires_at, done_at)
                      SELECT 'm' || id, 'test', id, email, 'refused', '550 5.1.1 no such mailbox', 1, 1, 1, 1, 1 FROM users
                      WHERE login_key IN ('nora', 'a_b', 'abe')").await;
        // Of those who are kept out: without an address, with their codes stopped, with a message that was refused; and one who is not.
        let mut actors = Vec::new();
        for login in ["nia", "kim", "nora", "cleo"] {
            actors.push(acme.find(login).await);
        }
        counts_are_those_of_everybody(&acme, &actors).await;
        // The same where they are many: among them some whose codes are stopped and to whom a message was refused, some to whom another got
        // through since then or who have another address by now, and some with half an address; after more who are disabled than are looked at at once.
        database.run("INSERT INTO users (id, login, login_key, name, email, status, group_id, role_id, created_at, updated_at, addressless)
                      WITH RECURSIVE numbers (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 2400)
                      SELECT 'many' || CAST(n AS TEXT), CASE WHEN n % 50 = 0 THEN 'm@' ELSE 'm' END || CAST(n AS TEXT),
                             CASE WHEN n % 50 = 0 THEN 'm@' ELSE 'm' END || CAST(n AS TEXT), NULL,
                             CASE WHEN n % 10 = 0 THEN NULL WHEN n % 60 = 1 THEN 'nowhere' ELSE 'M' || CAST(n AS TEXT) || '@example.org' END,
                             CASE WHEN n % 70 = 3 THEN 'disabled' WHEN n % 70 IN (5, 11) THEN 'invited' ELSE 'active' END,
                             kim.group_id, kim.role_id, 1, 1, n % 10 = 0 OR n % 60 = 1 FROM numbers CROSS JOIN users kim WHERE kim.login_key = 'kim';
                      INSERT INTO code_budgets (user_id, tried_at, stopped_at)
                      SELECT id, 1, CASE WHEN id LIKE '%55' THEN NULL ELSE 1 END FROM users WHERE id LIKE 'many%5';
                      INSERT INTO users (id, login, login_key, email, status, group_id, role_id, created_at, updated_at, addressless)
                      WITH RECURSIVE numbers (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 2100)
                      SELECT 'first' || CAST(n AS TEXT), 'f' || CAST(n AS TEXT), 'f' || CAST(n AS TEXT), 'f@example.org', 'disabled',
                             kim.group_id, kim.role_id, 1, 1, FALSE FROM numbers CROSS JOIN users kim WHERE kim.login_key = 'kim';
                      INSERT INTO code_budgets (user_id, tried_at, stopped_at) SELECT id, 1, 1 FROM users WHERE id LIKE 'first%';
                      INSERT INTO messages (id, purpose, user_id, address, state, answer, attempts, created_at_ms, next_at, expires_at, done_at)
                      SELECT n.state || id, 'test', id, CASE WHEN id LIKE '%61' THEN 'other@example.org' ELSE lower(email) END, n.state, '550 5.1.1 no such mailbox', 1,
                             CASE WHEN n.state = 'refused' THEN 2 WHEN id LIKE '%31' THEN 3 ELSE 1 END, 1, 1, 1
                      FROM users CROSS JOIN (SELECT 'refused' AS state UNION SELECT 'accepted') AS n
                      WHERE email IS NOT NULL AND (id LIKE 'many%1' OR id LIKE 'many%25')").await;
        counts_are_those_of_everybody(&acme, &actors).await;
    }

    /// Who needs no code, who has no password yet and who is disabled: each counted whole, and the first named, in their order; and of those who
    /// are kept out as many as a list holds, no more and no fewer.
    async fn a_preview_tells_those_apart_who_are_not_asked(database) {
        let acme = Acme::on(&database).await;
        let boss = acme.add("boss", &acme.top, "Top manager").await;
        for login in ["gone", "ina"] {
            acme.add(login, &acme.top, "Top manager").await;
        }
        for login in ["ida", "zoe", "abe", "yan"] {
            acme.add(login, &acme.top, "User").await;
        }
        database.run("UPDATE users SET status = 'disabled' WHERE login_key IN ('gone', 'zoe', 'abe', 'yan');
                      UPDATE users SET status = 'invited' WHERE login_key IN ('ina', 'ida')").await;
        let mut conn = acme.db.read().await.unwrap();
        let group = groups::find(&mut conn, &acme.top.id).await.unwrap().unwrap();
        let told = preview::changing(&mut conn, &group, TwoFactor::On, Some(&boss.id), None).await.unwrap();
        for (named, expected) in [
            (&told.overriders, &["boss"][..]),
            (&told.invited, &["ida"]),
            (&told.disabled, &["abe", "gone", "yan", "zoe"]),
            (&told.asked, &[]),
        ] {
            assert_eq!((named.names.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), named.count), (expected, i64::try_from(expected.len()).unwrap()));
        }
        drop(conn);
        for n in 0..=preview::LISTED_AT_MOST {
            let mut conn = acme.db.read().await.unwrap();
            let told = preview::changing(&mut conn, &group, TwoFactor::On, None, None).await.unwrap();
            let (listed, more) = preview::locked_out(&mut conn, &group, &told).await.unwrap();
            assert_eq!((listed.len(), more, told.locked_out()), (n, false, i64::try_from(n).unwrap()));
            drop(conn);
            acme.add(&format!("n{n:02}"), &acme.top, "User").await;
        }
        let mut conn = acme.db.read().await.unwrap();
        let told = preview::changing(&mut conn, &group, TwoFactor::On, None, None).await.unwrap();
        let (listed, more) = preview::locked_out(&mut conn, &group, &told).await.unwrap();
        assert_eq!((listed.len(), more), (preview::LISTED_AT_MOST, true));
    }

    /// They are more than are read at once, in groups of which one asks for no code.
    async fn a_role_that_loses_the_override_counts_its_holders_by_what_their_groups_ask_for(database) {
        let acme = Acme::on(&database).await;
        let mut tx = acme.db.write().await.unwrap();
        switch(&mut tx, &acme.design, TwoFactor::Off).await;
        tx.commit().await.unwrap();
        acme.add("ada", &acme.top, "Top manager").await;
        acme.add("dora", &acme.design, "Top manager").await;
        database.run("INSERT INTO users (id, login, login_key, email, status, group_id, role_id, created_at, updated_at, addressless)
                      WITH RECURSIVE numbers (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 600)
                      SELECT 'm' || CAST(n AS TEXT), 'm' || CAST(n AS TEXT), 'm' || CAST(n AS TEXT),
                             CASE WHEN n % 2 = 0 THEN NULL ELSE 'm' || CAST(n AS TEXT) || '@example.org' END,
                             CASE WHEN n % 10 = 3 THEN 'disabled' ELSE 'active' END, ada.group_id, ada.role_id, 1, 1, n % 2 = 0
                      FROM numbers CROSS JOIN users ada WHERE ada.login_key = 'ada'").await;
        let ada = acme.find("ada").await;
        let mut conn = acme.db.read().await.unwrap();
        let role = roles::find_named(&mut conn, Some(&acme.top), "Top manager").await.unwrap();
        let held = Rights::parse(&role.rights).unwrap();
        let without = held.toggled(&Right::parse(own::OVERRIDE_2FA).unwrap());
        let losing = preview::changing_role(&mut conn, &role, &without, Some(&ada.id)).await.unwrap();
        assert_eq!((losing.holders.count, losing.lose_override.count, losing.gain_override.count), (542, 542, 0));
        assert_eq!((losing.locked_out.count, losing.kept_out.ids().len()), (301, 301));
        assert_eq!((losing.locked_out.names[0].as_str(), losing.locked_out.names.len()), ("ada", 8));
        assert_eq!(losing.actor, Some(Obstacle::NoAddress));
        let same = preview::changing_role(&mut conn, &role, &held, Some(&ada.id)).await.unwrap();
        assert_eq!((same.holders.count, same.locked_out.count, same.lose_override.count), (542, 0, 0));
        assert_eq!((same.holders.names.len(), same.actor), (8, None));
    }

    /// Whom a code may not reach is the same of few and of many, page after page, each once.
    async fn whoever_is_hard_to_reach_is_found_by_either_way(database) {
        let acme = everybody(&database).await;
        database.run("INSERT INTO code_budgets (user_id, tried_at, stopped_at)
                      SELECT id, 1, 1 FROM users WHERE login_key IN ('kim', 'van', 'nora', 'strasse', 'ned');
                      INSERT INTO messages (id, purpose, user_id, address, state, attempts, created_at_ms, next_at, expires_at, done_at)
                      SELECT 'm' || u.id || two.n, 'test', u.id, COALESCE(u.email, 'x'), 'refused', 1, 1, 1, 1, 1
                      FROM users u CROSS JOIN (SELECT 'a' AS n UNION SELECT 'b') AS two WHERE u.login_key IN ('nora', 'a_b', 'abe', 'zoe', 'van2');
                      UPDATE users SET status = 'invited' WHERE login_key = 'a_b'").await;
        let mut conn = acme.db.read().await.unwrap();
        let (top, design) = (acme.top.id.as_str(), acme.design.id.as_str());
        let (mut found, mut alike_in) = (Vec::new(), Vec::new());
        for among in [Among::Group(top), Among::Group(design), Among::GroupButAlike(top), Among::GroupButAlike(design), Among::Tree(Some(top)), Among::Tree(Some(design)), Among::Tree(None)] {
            let (mut of_few, mut nowhere, mut in_doubt) = (Vec::new(), Vec::new(), Vec::new());
            while let Some(row) = {
                let after = of_few.last().map_or(("", ""), place);
                let rows = needs::of_few(&mut conn, among, after, 1).await.unwrap();
                rows.into_iter().next()
            } {
                of_few.push(row);
            }
            while let Some(row) = {
                let after = nowhere.last().map_or(("", ""), place);
                let rows = needs::nowhere(&mut conn, among, after, 1).await.unwrap();
                rows.into_iter().next()
            } {
                nowhere.push(row);
            }
            let mut after = Some(String::new());
            while let Some(id) = after {
                in_doubt.extend(needs::in_doubt(&mut conn, among, &id, 2).await.unwrap());
                after = needs::last_in_doubt(&mut conn, &id, 2).await.unwrap();
            }
            let logins = |rows: &[NeedRow]| -> Vec<String> { rows.iter().map(|row| row.login.clone()).collect() };
            assert!(of_few.iter().map(place).is_sorted() && nowhere.iter().map(place).is_sorted());
            let (mut few, mut many) = (logins(&of_few), [logins(&nowhere), logins(&in_doubt)].concat());
            few.sort();
            many.sort();
            assert_eq!(few, many, "{among:?}");
            if let Among::GroupButAlike(id) = among {
                let doubtful = in_doubt.iter().filter(|row| {
                    row.status == "active" && (row.stopped_at.is_some() || row.undelivered.is_some())
                });
                let mut doubtful: Vec<String> = doubtful.map(|row| row.login.clone()).collect();
                doubtful.sort();
                assert_eq!(in_either_doubt(&mut conn, id).await, doubtful, "{among:?}");
                let alike = countersign::store::alike::each(&mut conn, id, 10).await.unwrap();
                alike_in.push((few.len(), alike.iter().flat_map(|(_, ids)| ids.split(' ')).count()));
            }
            found.push(few.len());
        }
        assert!(found[0] > 0 && found[1] > 0, "{found:?}");
        let together: Vec<usize> = alike_in.iter().map(|(others, alike)| others + alike).collect();
        assert_eq!(together, found[..2], "{alike_in:?}");
        assert!(alike_in[0].0 > 0 && alike_in[0].1 > 0, "{alike_in:?}");
    }

    /// A tree of a hundred thousand is as quick as one of ten only while nobody goes through all of it.
    async fn no_list_goes_through_everybody(database) {
        let mut told = Vec::new();
        let needs = needs::QUERIES.iter().filter(|(name, _)| name.ends_with("NOWHERE") || name.ends_with("IN_DOUBT") || name.ends_with("OF_GROUP"));
        for (name, query) in tree_users::KINDS.iter().chain(tree_users::QUERIES).chain(parts::OF_KINDS).chain(near::QUERIES).chain(user_words::QUERIES).chain(needs) {
            let plan = database.plan(query).await;
            if goes_through_everybody(&plan) {
                told.push(format!("{name}\n{plan}"));
            }
        }
        assert!(told.is_empty(), "{}", told.join("\n"));
        for (name, index) in [
            ("everybody::BY_NAME", "users_by_name"),
            ("everybody::BY_NAME_LAST", "users_by_name"),
            ("everybody::BY_SIGN_IN", "users_by_sign_in"),
            ("everybody::BY_SIGN_IN_LAST", "users_by_sign_in"),
            ("never::BY_LOGIN", "users_by_sign_in"),
            ("no_email::BY_SIGN_IN", "users_addressless_by_sign_in"),
            ("disabled::BY_SIGN_IN_LAST", "users_disabled_by_sign_in"),
            ("invited::BY_SIGN_IN_LAST", "users_invited_by_sign_in"),
            ("parts::never::ROLES", "users_never_of_role"),
            ("parts::never::OF_ROLE", "users_never_of_role"),
            ("parts::never::GROUPS_LAST", "users_never_of_group"),
            ("parts::never::OF_GROUP_LAST", "users_never_of_group"),
            ("disabled::BY_LOGIN", "users_disabled"),
            ("invited::BY_LOGIN_LAST", "users_invited"),
            ("WORDED", "users_without_words"),
            ("END_GRANTS_OF_SESSION", "grants_of_user_in_session"),
            ("END_GRANTS_OF_USER", "grants_of_user_in_session"),
            ("GRANTS_OF_CLIENT", "grants_of_client_by_id"),
            ("MANY_USERS_OF_CLIENT", "grants_of_user_in_session"),
            ("MANY_USERS_OF_CLIENT_LAST", "grants_of_user_in_session"),
            ("COUNT_NEEDING", if database.url.starts_with("sqlite") { "users_of_group_by_status" } else { "users_of_group_by_role" }),
            ("FAILED", if database.url.starts_with("sqlite") { "messages_unsent" } else { "" }),
            ("LEFT_TO_DO", if database.url.starts_with("sqlite") { "messages_unsent" } else { "" }),
            ("LAST_TAKEN", if database.url.starts_with("sqlite") { "messages_by_age" } else { "" }),
            ("ALIKE", "users_nowhere_by_role"),
            ("ALIKE_COUNTED", "users_nowhere_by_role"),
            ("GROUP_NOWHERE_BUT_ALIKE", "users_nearly_nowhere"),
            // By the ids of the few, and not by the group of the many.
            ("STOPPED_OF_GROUP", if database.url.starts_with("sqlite") { "SEARCH u USING INDEX sqlite_autoindex_users_1" } else { "" }),
            ("REFUSED_OF_GROUP", if database.url.starts_with("sqlite") { "SEARCH u USING INDEX sqlite_autoindex_users_1" } else { "" }),
            ("GROUP_IN_DOUBT", if database.url.starts_with("sqlite") { "SEARCH u USING INDEX sqlite_autoindex_users_1" } else { "" }),
            ("TREE_IN_DOUBT", if database.url.starts_with("sqlite") { "SEARCH u USING INDEX sqlite_autoindex_users_1" } else { "" }),
            ("parts::everybody::OF_ROLE", "users_of_role_by_login"),
            ("parts::everybody::OF_GROUP_LAST", "users_of_group_by_login"),
            ("parts::disabled::OF_ROLE", "users_disabled_of_role"),
            ("parts::invited::OF_GROUP", "users_invited_of_group"),
            // With nobody there PostgreSQL finds another one as good.
            ("no_email::BY_LOGIN", if database.url.starts_with("sqlite") { "users_addressless" } else { "" }),
            ("kept_out::BY_LOGIN", if database.url.starts_with("sqlite") { "users_addressless" } else { "" }),
        ].into_iter().chain(EVENTS_BY).chain(kept_out_by(&database)) {
            let all = store::queries();
            let (_, query) = all.iter().find(|(known, _)| *known == name).expect("the query");
            let plan = database.plan(query).await;
            assert!(plan.contains(index), "{name} without {index}:\n{plan}");
        }
    }
}

impl Acme {
    async fn find(&self, login: &str) -> Person {
        let login = countersign::directory::Login::parse(login).unwrap();
        let mut conn = self.db.read().await.unwrap();
        people::find_by_login(&mut conn, &login).await.unwrap().unwrap()
    }
}
