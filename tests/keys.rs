//! Do signing keys come and go without a relying app noticing, however many processes share the database?
#![cfg(test)]

mod support;

use std::ops::Deref;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign::audit::Actor;
use countersign::config::SigningAlgorithm;
use countersign::keys::Takeover::{Announced, AtOnce, Stolen};
use countersign::keys::secret::entropy;
use countersign::keys::{KeyError, NotOurs, PUBLISHED_AHEAD, Phase, Ring, SigningKeys, Vault, phase};
use countersign::store::{Db, audit};
use serde_json::{Map, Value};
use support::Database;
use support::program::Program;
use support::smtp::Smtp;
use tempfile::TempDir;

crate::on_both_databases! {
    async fn a_new_key_is_published_before_it_signs_and_an_old_one_after(database) {
        let keys = House::of(&database).with_keys().await;
        let before = keys.ring(1000).await.unwrap();
        let old = before.sign(SigningAlgorithm::ES256, "JWT", &claims(), 1000).unwrap();
        let made = keys.rotate(2000, Announced, 600, None, Actor::Operator).await.unwrap();
        assert_eq!(made.len(), 5);
        let ring = keys.ring(2000).await.unwrap();
        assert_eq!(kids(&ring, 2000).len(), 10);
        let kid_of =
            |token: &str| ring.verify(token, 2000).map(|_| token.split('.').next().unwrap().to_owned());
        let meanwhile = ring.sign(SigningAlgorithm::ES256, "JWT", &claims(), 2000).unwrap();
        assert_eq!(kid_of(&meanwhile), kid_of(&old), "the old key signs until the new one is known");
        let later = ring.sign(SigningAlgorithm::ES256, "JWT", &claims(), 2000 + PUBLISHED_AHEAD).unwrap();
        assert_ne!(kid_of(&later), kid_of(&old));
        assert!(ring.verify(&old, 2000 + PUBLISHED_AHEAD + 600).is_ok());
        let last = 2000 + PUBLISHED_AHEAD + 600 + 3600;
        assert_eq!(ring.verify(&old, last), Err(NotOurs));
        assert_eq!(kids(&ring, last).len(), 5);
    }

    async fn two_rotations_at_once_are_one(database) {
        let keys = House::of(&database).with_keys().await;
        let other = keys.elsewhere(&database).await;
        // Connected, so that both begin at once.
        other.ring(2000).await.unwrap();
        let (one, two) = tokio::join!(keys.rotate(2000, AtOnce, 600, None, Actor::Operator), other.rotate(2000, AtOnce, 600, None, Actor::Operator));
        assert_eq!(one.unwrap().len() + two.unwrap().len(), 5);
    }

    async fn another_process_sees_a_rotation_within_a_second(database) {
        let keys = House::of(&database).with_keys().await;
        let other = keys.elsewhere(&database).await;
        assert_eq!(kids(&other.ring(1000).await.unwrap(), 1000).len(), 5);
        keys.rotate(1001, Announced, 600, None, Actor::Operator).await.unwrap();
        assert_eq!(kids(&other.ring(1001).await.unwrap(), 1001).len(), 10);
    }

    /// Whoever has them would be let in there for so much longer.
    async fn another_process_believes_stolen_keys_for_no_longer_than_a_second(database) {
        let keys = House::of(&database).with_keys().await;
        let other = keys.elsewhere(&database).await;
        let ring = other.ring(1000).await.unwrap();
        let token = ring.sign(SigningAlgorithm::ES256, "at+jwt", &claims(), 1000).unwrap();
        keys.rotate(1000, Stolen, 600, None, Actor::Operator).await.unwrap();
        assert_eq!(other.ring_for(&token, 1001).await.unwrap().verify(&token, 1001), Err(NotOurs));
    }

    /// Otherwise it would refuse what the first one signs, for as long as it keeps its keys.
    async fn another_process_looks_at_once_when_a_token_names_a_key_that_it_does_not_know(database) {
        let keys = House::of(&database).with_keys().await;
        let other = keys.elsewhere(&database).await;
        other.ring(1000).await.unwrap();
        keys.rotate(1000, AtOnce, 600, None, Actor::Operator).await.unwrap();
        let token = keys.ring(1000).await.unwrap().sign(SigningAlgorithm::RS256, "JWT", &claims(), 1000).unwrap();
        assert_eq!(other.ring(1000).await.unwrap().verify(&token, 1000), Err(NotOurs));
        assert!(other.ring_for(&token, 1000).await.unwrap().verify(&token, 1000).is_ok());
        assert!(other.ring(1000).await.unwrap().verify(&token, 1000).is_ok(), "it has learnt of it");
        let third = keys.elsewhere(&database).await;
        third.ring(1000).await.unwrap();
        keys.rotate(1000, AtOnce, 600, None, Actor::Operator).await.unwrap();
        let published = third.ring_to_publish(1000).await.unwrap();
        assert_eq!(kids(&published, 1000), kids(&keys.ring(1000).await.unwrap(), 1000), "nor does /jwks lag behind");
    }

    /// Tokens that name anything cost the database little.
    async fn names_that_nobody_knows_make_a_process_look_four_times_a_second(database) {
        let keys = House::of(&database).with_keys().await;
        let other = keys.elsewhere(&database).await;
        other.ring(1000).await.unwrap();
        let garbage = format!("{}.e30.AAAA", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"nobody"}"#));
        for _ in 0..4 {
            other.ring_for(&garbage, 1001).await.unwrap();
        }
        keys.rotate(1001, AtOnce, 600, None, Actor::Operator).await.unwrap();
        let token = keys.ring(1001).await.unwrap().sign(SigningAlgorithm::ES256, "JWT", &claims(), 1001).unwrap();
        assert_eq!(other.ring_for(&token, 1001).await.unwrap().verify(&token, 1001), Err(NotOurs));
        assert!(other.ring_for(&token, 1002).await.unwrap().verify(&token, 1002).is_ok());
    }

    async fn the_key_of_one_algorithm_is_rotated_alone(database) {
        let keys = House::of(&database).with_keys().await;
        keys.rotate(2000, Announced, 600, None, Actor::Operator).await.unwrap();
        let before = kids(&keys.ring(2000).await.unwrap(), 2000);
        let made = keys.rotate(2001, AtOnce, 600, Some(SigningAlgorithm::PS512), Actor::Operator).await.unwrap();
        assert_eq!(made.len(), 1, "six algorithms share the RSA key");
        let ring = keys.ring(2001).await.unwrap();
        assert_eq!(kids(&ring, 2001).len(), before.len() + 1);
        let signed_by = |algorithm| kid(&ring.sign(algorithm, "JWT", &claims(), 2001).unwrap());
        assert_eq!(signed_by(SigningAlgorithm::RS256), made[0]);
        let es256 = signed_by(SigningAlgorithm::ES256);
        assert_eq!(ring.rows().find(|row| row.kid == es256).unwrap().created_at, 1000, "the others keep their turn");
    }

    async fn keys_rotate_by_themselves_when_they_are_old(database) {
        let keys = House::of(&database).with_keys().await;
        assert!(keys.rotate_if_due(1000 + 99, 100, 600).await.unwrap().is_empty());
        assert_eq!(keys.rotate_if_due(1000 + 100, 100, 600).await.unwrap().len(), 5);
        assert!(keys.rotate_if_due(1000 + 101, 100, 600).await.unwrap().is_empty());
    }

    /// Both find the keys old; the slower one must not replace what the faster one has just made.
    async fn two_processes_that_find_the_keys_old_make_one_rotation(database) {
        let keys = House::of(&database).with_keys().await;
        let other = keys.elsewhere(&database).await;
        other.ring(1099).await.unwrap();
        assert_eq!(keys.rotate_if_due(1100, 100, 600).await.unwrap().len(), 5);
        assert!(other.rotate_if_due(1101, 100, 600).await.unwrap().is_empty());
    }

    /// A new process looks at their age before anybody signs in: that look finds none, and must not stand for five seconds.
    async fn keys_are_made_when_asked_for_although_a_moment_ago_there_were_none(database) {
        let keys = House::of(&database);
        assert!(keys.rotate_if_due(1000, 100, 600).await.unwrap().is_empty());
        assert_eq!(kids(&keys.ring(1000).await.unwrap(), 1000).len(), 5);
    }

    async fn two_first_starts_make_one_set(database) {
        let keys = House::of(&database);
        let other = keys.elsewhere(&database).await;
        let (one, two, same) = tokio::join!(keys.ring(1000), other.ring(1000), keys.ring(1000));
        let one = kids(&one.unwrap(), 1000);
        assert_eq!(one.len(), 5);
        assert_eq!((kids(&two.unwrap(), 1000), kids(&same.unwrap(), 1000)), (one.clone(), one));
    }

    async fn a_rotation_at_once_lets_no_older_key_sign(database) {
        let keys = House::of(&database).with_keys().await;
        keys.rotate(2000, Announced, 600, None, Actor::Operator).await.unwrap();
        let made = keys.rotate(2001, AtOnce, 600, None, Actor::Operator).await.unwrap();
        let ring = keys.ring(2001).await.unwrap();
        for now in [2001, 2001 + PUBLISHED_AHEAD] {
            let signing =
                ring.rows().filter(|row| phase(row, now) == Phase::Signing).map(|row| row.kid.clone());
            let mut signing: Vec<_> = signing.collect();
            let mut expected = made.clone();
            signing.sort();
            expected.sort();
            assert_eq!(signing, expected);
        }
        assert_eq!(kids(&ring, 2001).len(), 15, "what the others have signed still holds");
    }

    async fn what_stolen_keys_have_signed_counts_for_nothing(database) {
        let keys = House::of(&database).with_keys().await;
        keys.rotate(2000, AtOnce, 600, None, Actor::Operator).await.unwrap();
        let mut made = keys.rotate(2001, Stolen, 600, None, Actor::Operator).await.unwrap();
        let mut published = kids(&keys.ring(2001).await.unwrap(), 2001);
        made.sort();
        published.sort();
        assert_eq!(published, made);
        let of_one = keys.rotate(2002, Stolen, 600, Some(SigningAlgorithm::ES256), Actor::Operator).await.unwrap();
        assert_eq!(of_one.len(), 1);
        assert_eq!(kids(&keys.ring(2002).await.unwrap(), 2002).len(), 5, "the others stay");
    }

    async fn rotating_without_end_is_refused_and_nothing_is_lost(database) {
        let keys = House::of(&database).with_keys().await;
        for at in 0..15 {
            assert_eq!(keys.rotate(2000 + at, AtOnce, 600, None, Actor::Operator).await.unwrap().len(), 5);
        }
        let refused = keys.rotate(2100, AtOnce, 600, None, Actor::Operator).await.unwrap_err();
        assert!(matches!(refused, KeyError::TooMany(80)), "{refused}");
        assert_eq!(kids(&keys.ring(2100).await.unwrap(), 2100).len(), 80);
        let later = 2100 + 600 + 3600;
        assert_eq!(keys.rotate(later, AtOnce, 600, None, Actor::Operator).await.unwrap().len(), 5);
        assert_eq!(kids(&keys.ring(later).await.unwrap(), later).len(), 10);
    }

    async fn the_first_keys_sign_at_once_even_when_they_come_by_a_rotation(database) {
        let keys = House::of(&database);
        keys.rotate(1000, Announced, 600, None, Actor::Operator).await.unwrap();
        let ring = keys.ring(1000).await.unwrap();
        assert!(ring.sign(SigningAlgorithm::RS256, "JWT", &claims(), 1000).is_ok());
    }

    /// As when a newer program brings a kind of key: it has nothing to announce itself behind, the others have.
    async fn a_kind_that_has_no_key_yet_signs_at_once_and_the_others_keep_their_turn(database) {
        let keys = House::of(&database).with_keys().await;
        forget(&database).await;
        let (rsa, late) = (SigningAlgorithm::RS256, SigningAlgorithm::ES384);
        let other = keys.elsewhere(&database).await;
        other.rotate(2000, Announced, 600, None, Actor::Operator).await.unwrap();
        let ring = other.ring(2000).await.unwrap();
        let signed_by = |algorithm| {
            let kid = kid(&ring.sign(algorithm, "JWT", &claims(), 2000).unwrap());
            ring.rows().find(|row| row.kid == kid).unwrap().created_at
        };
        assert_eq!((signed_by(rsa), signed_by(late)), (1000, 2000));
    }

    async fn a_kind_that_is_missing_is_made_and_does_not_make_the_others_younger(database) {
        let keys = House::of(&database).with_keys().await;
        forget(&database).await;
        let other = keys.elsewhere(&database).await;
        let ring = other.ring(1090).await.unwrap();
        assert!(ring.sign(SigningAlgorithm::ES512, "JWT", &claims(), 1090).is_ok());
        assert_eq!(kids(&ring, 1090).len(), 5);
        assert_eq!(other.rotate_if_due(1100, 100, 600).await.unwrap().len(), 5);
    }

    /// Access tokens are signed with ES256, also by a provider that has never had a key for it.
    async fn a_provider_without_a_key_for_es256_makes_one_when_it_signs(database) {
        let keys = House::of(&database).with_keys().await;
        database.run("DELETE FROM signing_keys WHERE kind = 'P-256'").await;
        let ring = keys.elsewhere(&database).await.ring(2000).await.unwrap();
        let token = ring.sign(SigningAlgorithm::ES256, "at+jwt", &claims(), 2000).unwrap();
        assert!(ring.verify(&token, 2000).is_ok());
    }

    /// The migration finds the rows of version 0.1, which were named after algorithms.
    async fn keys_of_an_earlier_version_sign_on(database) {
        const EARLIER: &str = "DELETE FROM signing_keys WHERE kind IN ('P-384', 'P-521');
            UPDATE signing_keys SET kind = 'RS256' WHERE kind = 'RSA';
            UPDATE signing_keys SET kind = 'ES256' WHERE kind = 'P-256';
            UPDATE signing_keys SET kind = 'EdDSA' WHERE kind = 'Ed25519';
            ALTER TABLE signing_keys RENAME COLUMN kind TO algorithm;";
        let keys = House::of(&database).with_keys().await;
        let before = kids(&keys.ring(1000).await.unwrap(), 1000);
        database.run(EARLIER).await;
        database.run(include_str!("../migrations/0002_key_kinds.sql")).await;
        let ring = keys.elsewhere(&database).await.ring(2000).await.unwrap();
        let after = kids(&ring, 2000);
        assert_eq!(before.iter().filter(|kid| after.contains(kid)).count(), 3);
        assert_eq!(after.len(), 5, "and the kinds that are new have been made");
        for algorithm in SigningAlgorithm::ALL {
            let token = ring.sign(algorithm, "JWT", &claims(), 2000).unwrap();
            assert!(ring.verify(&token, 2000).is_ok(), "{algorithm:?}");
        }
    }

    async fn another_master_key_does_not_open_the_keys(database) {
        House::of(&database).with_keys().await;
        let elsewhere = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(elsewhere.path(), &mut entropy()).unwrap();
        let refused = SigningKeys::new(database.db.clone(), vault).ring(1000).await.err().unwrap();
        assert!(refused.to_string().contains("master key"), "{refused}");
    }

    /// `/jwks`, and who verifies our tokens, ask nothing else of the database.
    async fn while_the_database_is_away_the_keys_at_hand_go_on_for_an_hour(database) {
        let keys = House::of(&database).with_keys().await;
        let before = kids(&keys.ring(1000).await.unwrap(), 1000);
        database.db.close().await;
        for now in [1004, 1005, 1009, 1011, 4599] {
            assert_eq!(kids(&keys.ring(now).await.unwrap(), now), before, "{now}");
        }
        for now in [4600, 999] {
            assert!(keys.ring(now).await.is_err(), "{now}: others may have retired them long ago");
        }
    }

    async fn a_rotation_is_recorded_with_who_made_it(database) {
        let keys = House::of(&database).with_keys().await;
        assert!(events(&database.db).await.is_empty());
        keys.rotate(2000, AtOnce, 600, None, Actor::Operator).await.unwrap();
        keys.rotate_if_due(3000, 100, 600).await.unwrap();
        let expected = [(2_000_000, "operator"), (3_000_000, "system")];
        assert_eq!(events(&database.db).await, expected.map(|(at, actor)| (at, "keys.rotated".to_owned(), actor.to_owned())));
    }

    async fn an_operator_lists_and_rotates_the_keys(database) {
        let smtp = Smtp::start().await;
        let program = Program::new(database, &smtp);
        program.init();
        // Keys of one second are in no order.
        let states = || {
            let list = program.must_json(&["key", "list", "--json"]);
            let states = list.as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap().to_owned());
            let mut states: Vec<_> = states.collect();
            states.sort();
            states
        };
        assert_eq!(states(), ["signing"; 5]);
        let said = program.must(&["key", "rotate"], "");
        assert_eq!(said.lines().count(), 6, "{said}");
        assert!(said.contains("sign in 10 minutes"), "{said}");
        assert_eq!(states(), [["announced"; 5], ["signing"; 5]].concat());
        let said = program.must(&["key", "rotate", "--algorithm", "ES512"], "");
        assert_eq!(said.lines().count(), 2, "{said}");
        let refused = program.run(&["key", "rotate", "--algorithm", "HS256"], "");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("RS256"), "{refused:?}");
        let said = program.must(&["key", "rotate", "--at-once"], "");
        assert!(said.contains("sign now"), "{said}");
        assert_eq!(states(), [["retired"; 11].as_slice(), ["signing"; 5].as_slice()].concat());
        let list = program.must(&["key", "list"], "");
        assert_eq!(list.lines().count(), 16);
        for words in ["RSA", "P-256", "P-384", "P-521", "Ed25519", "retired; published until 2", "signs until it is replaced"] {
            assert!(list.contains(words), "{words}: {list}");
        }
        assert!(!list.contains("private") && !list.contains("\"d\""));
    }
}

/// One process with its keys in memory.
struct House {
    keys: SigningKeys,
    vault: Vault,
    _folder: TempDir,
}

impl House {
    fn of(database: &Database) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(folder.path(), &mut entropy()).unwrap();
        Self { keys: SigningKeys::new(database.db.clone(), vault.clone()), vault, _folder: folder }
    }

    async fn with_keys(self) -> Self {
        self.ring(1000).await.unwrap();
        self
    }

    /// Another process on the same database.
    async fn elsewhere(&self, database: &Database) -> SigningKeys {
        SigningKeys::new(database.open_again().await, self.vault.clone())
    }
}

impl Deref for House {
    type Target = SigningKeys;

    fn deref(&self) -> &SigningKeys {
        &self.keys
    }
}

fn claims() -> Map<String, Value> {
    Map::from_iter([("sub".to_owned(), Value::from("ned"))])
}

/// The key that a token names.
fn kid(token: &str) -> String {
    let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// Leaves the database as a program that did not know P-384 or P-521.
async fn forget(database: &Database) {
    database.run("DELETE FROM signing_keys WHERE kind IN ('P-384', 'P-521')").await;
}

fn kids(ring: &Ring, now: i64) -> Vec<String> {
    let there = ring.rows().filter(|row| phase(row, now) != Phase::Gone);
    there.map(|row| row.kid.clone()).collect()
}

async fn events(db: &Db) -> Vec<(i64, String, String)> {
    let mut conn = db.read().await.unwrap();
    let rows = audit::since(&mut conn, 0, "", 100).await.unwrap();
    rows.into_iter().map(|row| (row.at_ms, row.event, row.actor)).collect()
}
