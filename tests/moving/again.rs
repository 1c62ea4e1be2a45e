//! What does a second import do? Nothing twice, what is new there, and nothing to what a manager has changed here since.

use countersign::directory::users::Changes;
use countersign::directory::{Address, By, Login, groups, people, users};
use countersign::keys::secret::entropy;
use countersign::store::Db;
use serde_json::json;

use crate::dumps::MYSQL_8;
use crate::exports::export;
use crate::mover::{moved_in, planned, read, state};

async fn change(db: &Db, login: &str, changes: Changes) {
    let mut tx = db.write().await.unwrap();
    let person = people::find_by_login(&mut tx, &Login::parse(login).unwrap()).await.unwrap().unwrap();
    users::set(&mut tx, &person, changes, &By::operator(0), &mut entropy()).await.unwrap();
    tx.commit().await.unwrap();
}

fn email(address: &str) -> Changes {
    Changes { email: Some(Some(Address::parse(address).unwrap())), ..Changes::default() }
}

/// The dump with somebody more in it.
fn with(rows: &str) -> String {
    MYSQL_8.replace("'ned@acme.example',1);", &format!("'ned@acme.example',1),{rows};"))
}

const NEW_HASH: &str = "5f4dcc3b5aa765d61d8327deb882cf99";

crate::on_both_databases! {
    /// Twice is once.
    async fn a_second_import_changes_nothing(database) {
        moved_in(&database.db, read(MYSQL_8.as_bytes()).unwrap()).await;
        let before = state(&database.db).await;
        let ids = async || {
            let mut conn = database.db.read().await.unwrap();
            people::list(&mut conn, None, None, "", 10).await.unwrap().into_iter().map(|person| (person.id, person.updated_at, person.password_hash)).collect::<Vec<_>>()
        };
        let whom = ids().await;
        let (summary, _) = moved_in(&database.db, read(MYSQL_8.as_bytes()).unwrap()).await;
        assert_eq!((summary.users.new, summary.users.changed, summary.users.unchanged), (0, 0, 2));
        assert_eq!((summary.groups.new, summary.roles.new, summary.roles.changed), (0, 0, 0));
        assert_eq!(state(&database.db).await, before);
        assert_eq!(ids().await, whom);
    }

    /// A Friday evening, and the Sunday after it.
    async fn what_is_new_there_comes_and_what_was_changed_here_stays(database) {
        let db = &database.db;
        moved_in(db, read(with("(3,'max','88e4ddd2402d92d50e1879d6ecd9ffd4','Max',1,3,'max@acme.example',1),(4,'nia','88e4ddd2402d92d50e1879d6ecd9ffd4','Nia',1,3,NULL,1)").as_bytes()).unwrap()).await;
        change(db, "ned", email("ned@home.example")).await;
        change(db, "max", email("max@home.example")).await;
        let later = with(&format!(
            "(3,'max','{NEW_HASH}','Maximilian',1,3,'max@new.example',1),(4,'nia','88e4ddd2402d92d50e1879d6ecd9ffd4','Nia',1,3,NULL,NULL),(5,'zoe','{NEW_HASH}','Zoe',2,3,'zoe@acme.example',1)"
        ));
        let hash = async |login: &str| {
            let mut conn = db.read().await.unwrap();
            people::find_by_login(&mut conn, &Login::parse(login).unwrap()).await.unwrap().unwrap().password_hash.unwrap()
        };
        let (max_before, ned_before) = (hash("max").await, hash("ned").await);
        let (summary, done) = moved_in(db, read(later.as_bytes()).unwrap()).await;
        assert!(done.refused.is_empty(), "{done:?}");
        assert_eq!((summary.users.new, summary.users.changed, summary.users.unchanged), (1, 2, 2), "{summary:#?}");
        assert_eq!(summary.kept, ["user max: email"]);
        let found = state(db).await;
        let seen: Vec<_> = found["users"].as_array().unwrap().iter().map(|user| json!([user["login"], user["name"], user["email"], user["status"]])).collect();
        assert_eq!(seen, [
            json!(["ada", "Ada", "ada@acme.example", "active"]),
            // His name was changed there; his address there and here; ned's here alone.
            json!(["max", "Maximilian", "max@home.example", "active"]),
            json!(["ned", "Ned", "ned@home.example", "active"]),
            json!(["nia", "Nia", null, "disabled"]),
            json!(["zoe", "Zoe", "zoe@acme.example", "active"]),
        ]);
        assert_ne!(hash("max").await, max_before, "a password that was changed there comes along");
        assert_eq!(hash("ned").await, ned_before);
    }

    /// Whoever was deleted here does not come back, nor does a login that somebody else has.
    async fn nobody_comes_again_or_in_another_s_name(database) {
        let db = &database.db;
        moved_in(db, read(MYSQL_8.as_bytes()).unwrap()).await;
        let mut tx = db.write().await.unwrap();
        let ned = people::find_by_login(&mut tx, &Login::parse("ned").unwrap()).await.unwrap().unwrap();
        users::delete(&mut tx, &ned, &By::operator(0), &mut entropy()).await.unwrap();
        let group = groups::find_by_path(&mut tx, "Acme").await.unwrap();
        let role = countersign::directory::roles::find_named(&mut tx, Some(&group), "User").await.unwrap();
        let login = Login::parse("Zoe").unwrap();
        let new = users::NewUser { login: &login, name: None, email: None, group: Some(&group), role: &role, password_hash: None };
        users::add(&mut tx, new, &By::operator(0), &mut entropy()).await.unwrap();
        tx.commit().await.unwrap();
        let plan = planned(db, read(with(&format!("(5,'zoe','{NEW_HASH}','Zoe',2,3,NULL,1)")).as_bytes()).unwrap()).await;
        let out: Vec<_> = plan.left_out.iter().map(|out| (out.login.as_str(), out.reason.as_str())).collect();
        assert!(matches!(out.as_slice(), [("ned", gone), ("zoe", taken)]
            if gone.contains("deleted here since") && taken.contains("did not come with this import")), "{out:?}");
    }

    /// The export first, since there was nothing else; then somebody gets hold of the database.
    async fn a_dump_after_an_export_knows_the_same_people(database) {
        let db = &database.db;
        let xml = export().replace("Acme &amp; Sons", "Acme").replace("name=\"Eve\" login=\"eve\"", "name=\"Eve\" login=\"max\"");
        moved_in(db, read(xml.as_bytes()).unwrap()).await;
        let (summary, done) = moved_in(db, read(MYSQL_8.as_bytes()).unwrap()).await;
        assert!(done.refused.is_empty() && summary.left_out.is_empty(), "{done:?} {summary:#?}");
        assert_eq!((summary.users.new, summary.missing), (0, 3), "{summary:#?}");
        let found = state(db).await;
        let ids: Vec<_> = found["users"].as_array().unwrap().iter().map(|user| json!([user["login"], user["legacy_id"]])).collect();
        assert_eq!(ids, [json!(["ada", "1"]), json!(["max", null]), json!(["ned", "2"]), json!(["odd", null]), json!(["off", null])]);
        let (summary, _) = moved_in(db, read(MYSQL_8.as_bytes()).unwrap()).await;
        assert_eq!((summary.users.new, summary.users.changed, summary.missing), (0, 0, 3), "{summary:#?}");
    }
}

/// Through the program: a file alone makes nobody the administrator of the whole site, and nobody a member of another organisation unseen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_makes_site_administrators_only_if_the_operator_says_so() {
    use crate::support::Database;
    use crate::support::program::Program;
    use crate::support::smtp::Smtp;
    let smtp = Smtp::start().await;
    let program = Program::new(Database::empty_sqlite().await, &smtp);
    program.init();
    let lines = "{\"kind\":\"user\",\"login\":\"evil\",\"group\":null,\"role\":\"Site administrator\"}\n";
    let dump = MYSQL_8
        .replace("VALUES (2,0,'Top", "VALUES (1,0,'Site administrator',1024,'administer_site',1),(2,0,'Top")
        .replace("'ada@acme.example',1),", "'ada@acme.example',1),(3,'evil','',NULL,0,1,NULL,1),");
    for (kind, text) in [("jsonl", lines), ("timetracker", dump.as_str())] {
        let file = program.path(kind);
        std::fs::write(&file, text).unwrap();
        let import = ["import", kind, file.to_str().unwrap(), "--json"];
        let done: serde_json::Value = serde_json::from_str(&program.must(&import, "")).unwrap();
        assert_eq!(done["left_out"][0]["login"], "evil", "{done:#}");
        let why = done["left_out"][0]["reason"].as_str().unwrap();
        assert!(why.contains("--site-administrators"), "{why}");
        let looked = program.must(&[&import[..], &["--site-administrators", "--dry-run"]].concat(), "");
        let looked: serde_json::Value = serde_json::from_str(&looked).unwrap();
        assert_eq!(
            (&looked["left_out"], &looked["users"]["new"]),
            (&serde_json::json!([]), &serde_json::json!(1))
        );
    }
    // Another organisation of the same name.
    let file = program.path("another");
    std::fs::write(&file, MYSQL_8.replace("'ada','", "'zoe','").replace("'ned',", "'zac',")).unwrap();
    let import =
        ["import", "timetracker", file.to_str().unwrap(), "--name", "another", "--dry-run", "--json"];
    let looked: serde_json::Value = serde_json::from_str(&program.must(&import, "")).unwrap();
    assert_eq!(looked["joined"], serde_json::json!({"Acme": 1, "Acme/Sub": 1}), "{looked:#}");
}
