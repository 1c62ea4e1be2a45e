//! What comes of a dump of Time Tracker's database, whichever way it was made?

use std::io::Write as _;

use bzip2::write::BzEncoder;
use countersign::directory::Login;
use countersign::directory::users::Changes;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::installation::{self, PASSWORD};
use crate::mariadb::MariaDb;
use crate::mover::{moved_in, read, read_of, state};
use crate::support::Database;
use crate::support::site::Site;

fn user(state: &Value, login: &str) -> Value {
    let users = state["users"].as_array().unwrap();
    users
        .iter()
        .find(|user| user["login"] == login)
        .cloned()
        .unwrap_or_else(|| panic!("no {login} in {users:#?}"))
}

/// Six ways to make a dump, and one state that each of them leads to, on both databases.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_dump_imports_to_the_same_state() {
    let server = MariaDb::start();
    server.run(&installation::statements());
    let plain = server.dump(&["timetracker"]);
    let mut gz = GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&server.dump(&["--single-transaction", "--routines", "--triggers", "timetracker"])).unwrap();
    let mut bz2 = BzEncoder::new(Vec::new(), bzip2::Compression::default());
    bz2.write_all(&server.dump(&["--compact", "--complete-insert", "--no-create-info", "timetracker"]))
        .unwrap();
    let dumps = [
        ("plain", plain.clone()),
        (
            "one row each, with columns",
            server.dump(&["--skip-extended-insert", "--complete-insert", "timetracker"]),
        ),
        (
            "several databases, blobs in hex",
            server.dump(&["--hex-blob", "--databases", "shop", "timetracker"]),
        ),
        ("latin1", server.dump(&["--default-character-set=latin1", "timetracker"])),
        ("gz, with triggers", gz.finish().unwrap()),
        ("bz2, rows alone", bz2.finish().unwrap()),
        ("as other databases quote", server.dump(&["--compatible=ansi", "--replace", "timetracker"])),
    ];
    let sqlite = Database::sqlite().await;
    let (summary, done) = moved_in(&sqlite.db, read(&plain).unwrap()).await;
    assert!(done.refused.is_empty(), "{:?}", done.refused);
    let expected = state(&sqlite.db).await;
    assert_state(&expected);
    assert_eq!((summary.users.new, summary.groups.new, summary.deleted_there), (14, 4, 1), "{summary:#?}");
    let reasons: Vec<_> =
        summary.left_out.iter().map(|out| (out.login.as_str(), out.reason.as_str())).collect();
    assert!(
        matches!(reasons.as_slice(), [("Ned", same), ("orphan", gone)] if same.contains("same as ned") && gone.contains("deleted")),
        "{reasons:?}"
    );
    assert_eq!(summary.invited, ["admin", "ldap", "empty"]);
    let locked: Vec<_> = summary.locked_out.iter().map(|out| out.login.as_str()).collect();
    assert_eq!(locked, ["nia"]);
    let holders: Vec<_> = summary.override_2fa.iter().map(|holder| holder.login.as_str()).collect();
    assert_eq!(holders, ["admin", "ada"]);
    for (how, dump) in dumps {
        for database in [Database::sqlite().await, Database::postgres().await] {
            let (_, done) =
                moved_in(&database.db, read(&dump).unwrap_or_else(|e| panic!("{how}: {e}"))).await;
            assert!(done.refused.is_empty(), "{how}: {:?}", done.refused);
            assert_eq!(state(&database.db).await, expected, "{how}");
        }
    }
    let two = server.dump(&["--databases", "timetracker"]);
    let both = two.repeat(2);
    let renamed = String::from_utf8(both).unwrap().replacen("`timetracker`", "`second`", 3);
    let error = read(renamed.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("--database (second, timetracker)"), "{error}");
    assert_eq!(read_of(renamed.as_bytes(), Some("second")).unwrap().users.len(), 17);
}

fn assert_state(state: &Value) {
    assert_eq!(
        state["groups"],
        json!([
            ["Acme GmbH", "de", "on"],
            ["Acme GmbH/Café", "fr", "off"],
            ["Acme GmbH/R-D", "de", "on"],
            ["Bolt", "pt-BR", "off"]
        ])
    );
    let roles = state["roles"].as_array().unwrap();
    let role = |name: &str| {
        let found = roles.iter().find(|role| role[0] == "Acme GmbH" && role[1] == name);
        found.unwrap_or_else(|| panic!("no {name} in {roles:#?}")).clone()
    };
    assert_eq!(role("User")[3], "manage_own_settings track_own_time view_users");
    assert_eq!(role("User (Café)")[3], "track_own_time");
    assert_eq!(role("Supervisor")[2], 12);
    assert!(role("Manager")[3].as_str().unwrap().contains("view_audit"), "they switch two-factor");
    assert!(role("Top manager")[3].as_str().unwrap().contains("override_2fa"));
    let person = |login: &str, group: &str, role: &str, email: Value, status: &str, id: &str, hash: Value| {
        let found = user(state, login);
        let seen = json!([
            found["group"],
            found["role"],
            found["email"],
            found["status"],
            found["legacy_id"],
            found["hash"]
        ]);
        assert_eq!(seen, json!([group, role, email, status, id, hash]), "{login}");
    };
    let (md5, none) = (json!("{md5}"), Value::Null);
    person("admin", "", "Site administrator", none.clone(), "invited", "1", none.clone());
    person("ada", "Acme GmbH", "Top manager", json!("ada@acme.example"), "active", "2", md5.clone());
    person("ned", "Acme GmbH", "User", json!("ned@acme.example"), "active", "4", md5.clone());
    person("nia", "Acme GmbH", "User", none.clone(), "active", "5", md5.clone());
    person("olga@acme.example", "Acme GmbH/R-D", "User", none.clone(), "active", "6", json!("{mysqlold}"));
    person("pär", "Acme GmbH/Café", "User (Café)", json!("par@acme.example"), "active", "7", md5.clone());
    person("dis", "Acme GmbH", "User", json!("dis@acme.example"), "disabled", "9", md5.clone());
    person("ldap", "Acme GmbH", "User", json!("ldap@acme.example"), "invited", "11", none.clone());
    person("cleo", "Bolt", "Client", none.clone(), "active", "14", md5.clone());
    person("odd", "Bolt", "User", json!("odd@bolt.example"), "active", "16", md5);
    assert_eq!(user(state, "ned")["name"], "Ned O'Neil");
    assert_eq!(user(state, "nia")["name"], "Nia \\ Nash");
    assert_eq!(user(state, "max")["name"], "Max Müller");
}

/// The people of the table, without a server: what a dump of MySQL 8 looks like.
pub const MYSQL_8: &str = "-- MySQL dump 10.13  Distrib 8.4.3, for Linux (x86_64)
--
-- Host: localhost    Database: tt
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!50503 SET NAMES utf8mb4 */;
DROP TABLE IF EXISTS `tt_groups`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!50503 SET character_set_client = utf8mb4 */;
CREATE TABLE `tt_groups` (
  `id` int NOT NULL AUTO_INCREMENT,
  `parent_id` int DEFAULT NULL,
  `name` varchar(80) COLLATE utf8mb4_bin DEFAULT 'x, (y)',
  `lang` varchar(10) NOT NULL DEFAULT 'en',
  `config` text,
  `status` tinyint DEFAULT '1',
  PRIMARY KEY (`id`),
  KEY `parent` (`parent_id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci /*!80016 DEFAULT ENCRYPTION='N' */;
LOCK TABLES `tt_groups` WRITE;
/*!40000 ALTER TABLE `tt_groups` DISABLE KEYS */;
INSERT INTO `tt_groups` VALUES (1,NULL,_utf8mb4'Acme','en','2fa',1),(2,1,'Sub','en',NULL,1);
/*!40000 ALTER TABLE `tt_groups` ENABLE KEYS */;
UNLOCK TABLES;
CREATE TABLE `tt_roles` (`id` int NOT NULL, `group_id` int NOT NULL, `name` varchar(80), `rank` int, `rights` text, `status` tinyint);
INSERT INTO `tt_roles` (`id`, `group_id`, `name`, `rank`, `rights`, `status`) VALUES (2,0,'Top manager',512,'override_2fa,manage_users',1),
(3,1,'User',4,'track_own_time',1);
CREATE TABLE `tt_users` (`id` int NOT NULL, `login` varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  `password` varchar(50), `name` varchar(80), `group_id` int NOT NULL, `role_id` int, `email` varchar(100), `status` tinyint,
  UNIQUE KEY `login` (`login`,`status`));
INSERT INTO `tt_users` VALUES (1,'ada','88e4ddd2402d92d50e1879d6ecd9ffd4','Ada',1,2,'ada@acme.example',1),(2,_binary 'ned',0x3838653464646432343032643932643530653138373964366563643966666434,'Ned',2,3,'ned@acme.example',1);
DELIMITER ;;
CREATE TRIGGER x BEFORE INSERT ON tt_users FOR EACH ROW BEGIN SET @a = 'it''s; INSERT INTO `tt_users` VALUES (3)'; END ;;
DELIMITER ;
-- Dump completed on 2026-11-26  6:00:00
";

crate::on_both_databases! {
    /// The password from there lets in; then there is a hash of ours, and no other.
    async fn whoever_moved_in_signs_in_with_the_password_that_they_have(database) {
        let server = MariaDb::start();
        server.run(&installation::statements());
        let site = Site::on(database).await;
        for login in ["ada", "max", "ned", "nia"] {
            let login_of_old = Login::parse(&format!("{login} of old")).ok();
            site.admin.change(login, Changes { login: login_of_old, ..Changes::default() }).await;
        }
        let (_, done) = moved_in(&site.admin.db, read(&server.dump(&["timetracker"])).unwrap()).await;
        assert!(done.refused.is_empty(), "{:?}", done.refused);
        let app = site.admin.add_app().await;
        let umlauts = "pässwörd über alles";
        for (login, password) in
            [("ada", PASSWORD), ("odd", PASSWORD), ("pär", umlauts), ("lat", umlauts), ("cleo", PASSWORD)]
        {
            let before = site.admin.user(login).await.password_hash.unwrap();
            assert!(before.starts_with('{'), "{before}");
            let visit = app.visit().with("scope", "openid groups");
            let mut browser = site.browser();
            browser.open(&visit.url()).await;
            browser.fill("login", login).fill("password", "wrong").submit().await;
            assert!(browser.error().is_some_and(|e| e.starts_with("Incorrect")), "{login}: {}", browser.text());
            site.advance(400);
            browser.fill("login", login).fill("password", password).submit().await;
            let tokens = app.redeem(&visit, &browser.arrived()).await;
            let said = app.userinfo(&tokens.text("access_token")).await;
            let person = site.admin.user(login).await;
            assert_eq!(Some(said.text("legacy_id")), person.legacy_id, "{login}");
            let after = person.password_hash.unwrap();
            assert!(after.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{after}");
        }
    }
}

/// What MySQL writes that MariaDB does not.
#[tokio::test]
async fn a_dump_of_mysql_8_is_read() {
    let source = read(MYSQL_8.as_bytes()).unwrap();
    let people: Vec<_> = source
        .users
        .iter()
        .map(|user| (user.login.as_str(), user.password.as_ref().unwrap().0.as_str()))
        .collect();
    assert_eq!(people, [("ada", installation::MD5), ("ned", installation::MD5)]);
    assert_eq!(source.groups.len(), 2);
    assert!(source.notes.is_empty(), "{:?}", source.notes);
}

#[test]
fn a_dump_that_cannot_be_read_says_where() {
    let cut = |at: &str| MYSQL_8.split_once(at).unwrap().0.to_owned();
    for (dump, expected) in [
        (String::new(), "line 1, column 1: the file is empty"),
        ("SELECT 1;".to_owned(), "there are no users of Time Tracker in this file"),
        (cut(",'Ned',2"), "line 30, column 190: the file ends in the middle"),
        (
            MYSQL_8.replace(",2,3,'ned@", ",2,'ned@"),
            "a row of tt_users with 7 values where there are 8 columns",
        ),
        (MYSQL_8.replace("(1,'ada'", "(one,'ada'"), "line 30, column 35: a value is expected here"),
        (MYSQL_8.replace("(1,'ada'", "('one','ada'"), "line 30, column 1: id is no number"),
        (MYSQL_8.replace("NAMES utf8mb4", "NAMES sjis"), "the dump is in sjis"),
        (MYSQL_8.replace("CREATE TABLE `tt_users`", "CREATE TABLE `x`"), "whose columns are named nowhere"),
    ] {
        let error = read(dump.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
