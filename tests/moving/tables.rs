//! What comes of tables and of lines of JSON, and does what was given out come in again?

use std::io::Cursor;

use countersign::directory::{By, groups};
use countersign::keys::secret::entropy;
use countersign::moving::csv::{self, Defaults};
use countersign::moving::export::{self, Hashes};
use countersign::moving::file::{Contents, Progress};
use countersign::moving::jsonl;
use countersign::moving::plan::Told;
use countersign::moving::source::Source;
use countersign::store::Db;
use encoding_rs::{UTF_16LE, WINDOWS_1252};
use serde_json::json;

use crate::dumps::MYSQL_8;
use crate::mover::{moved_in, planned, read, state};

fn table(bytes: &[u8], defaults: &Defaults) -> Source {
    csv::read(Cursor::new(bytes.to_vec()), defaults).unwrap()
}

fn acme() -> Defaults {
    Defaults { group: Some("Acme".to_owned()), ..Defaults::default() }
}

async fn with_acme(db: &Db, two_factor: bool) {
    let by = By::operator(0);
    let mut tx = db.write().await.unwrap();
    let group = groups::add(&mut tx, "Acme", None, None, &by, &mut entropy()).await.unwrap();
    let setting = if two_factor {
        countersign::directory::TwoFactor::On
    } else {
        countersign::directory::TwoFactor::Off
    };
    let changes = groups::Changes { two_factor: Some(setting), ..groups::Changes::default() };
    groups::set(&mut tx, &group, &changes, &by, &mut entropy()).await.unwrap();
    tx.commit().await.unwrap();
}

const EXCEL: &str = "sep=;\r\nLogin;E-Mail;Vorname;Nachname;Rolle;Status;Password_Hash\r\n\
    ned;ned@müller.example;Ned;\"Nö;lan\";;aktiv;$2y$04$24SnYAyigbFjobk5B2lRzOHA9t7cL6Tu5Jkc4J0xNybfXQSXkMQ.W\r\n\
    ada;ada@acme.example;Ada;Adams;Top manager;;\r\n;;;;;;\r\n\
    dis;dis@acme.example;;;User;gesperrt;88e4ddd2402d92d50e1879d6ecd9ffd4\r\n";

crate::on_both_databases! {
    /// One table in each of the encodings that a spreadsheet may choose.
    async fn a_table_of_excel_is_read_in_every_encoding(database) {
        with_acme(&database.db, true).await;
        let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(EXCEL.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(UTF_16LE.decode(&utf16).0, EXCEL);
        let bom = [b"\xef\xbb\xbf", EXCEL.as_bytes()].concat();
        let western = WINDOWS_1252.encode(EXCEL).0.into_owned();
        for bytes in [EXCEL.as_bytes(), &utf16, &bom, &western] {
            assert_eq!(table(bytes, &acme()).users, table(EXCEL.as_bytes(), &acme()).users);
        }
        let (summary, done) = moved_in(&database.db, table(EXCEL.as_bytes(), &acme())).await;
        assert!(done.refused.is_empty() && summary.left_out.is_empty(), "{summary:#?}");
        let seen: Vec<_> = state(&database.db).await["users"].as_array().unwrap().iter()
            .map(|user| json!([user["login"], user["name"], user["email"], user["role"], user["status"], user["hash"]])).collect();
        assert_eq!(seen, [
            json!(["ada", "Ada Adams", "ada@acme.example", "Top manager", "invited", null]),
            json!(["dis", null, "dis@acme.example", "User", "disabled", "{md5}"]),
            json!(["ned", "Ned Nö;lan", "ned@xn--mller-kva.example", "User", "active", "{foreign}"]),
        ]);
        let (again, _) = moved_in(&database.db, table(EXCEL.as_bytes(), &acme())).await;
        assert_eq!((again.users.new, again.users.changed, again.users.unchanged), (0, 0, 3));
    }

    /// As Google Workspace and Entra write it.
    async fn other_directories_have_other_headings(database) {
        with_acme(&database.db, false).await;
        let google = "First Name [Required],Last Name [Required],Email Address [Required],Password [Required],Org Unit Path [Required],Status [READ ONLY]\n\
            Ned,Nolan,ned@acme.example,****,/Sales,Suspended\n";
        let defaults = Defaults { add_groups: true, ..acme() };
        let entra = "userPrincipalName,displayName,mail,accountEnabled,objectId,department\nzoe@acme.example,Zoe,zoe@acme.example,True,0-1-2,IT\n";
        for text in [google, entra] {
            let (summary, done) = moved_in(&database.db, table(text.as_bytes(), &defaults)).await;
            assert!(done.refused.is_empty() && summary.left_out.is_empty(), "{summary:#?}");
        }
        let seen: Vec<_> = state(&database.db).await["users"].as_array().unwrap().iter()
            .map(|user| json!([user["login"], user["name"], user["group"], user["status"]])).collect();
        assert_eq!(seen, [
            json!(["ned@acme.example", "Ned Nolan", "Sales", "disabled"]),
            json!(["zoe@acme.example", "Zoe", "Acme", "invited"]),
        ]);
    }

    /// One reason for each row that cannot come, and who would be locked out.
    async fn each_row_that_cannot_come_has_its_reason(database) {
        with_acme(&database.db, true).await;
        let rows = "login,email,group,role,status,note\n\
            ok,ok@acme.example,,,,\n\
            nomail,,,,,\n\
            boss,,,Top manager,,\n\
            ,x@acme.example,,,,\n\
            OK,other@acme.example,,,,\n\
            far,far@acme.example,Nowhere,,,\n\
            king,king@acme.example,,King,,\n\
            odd,odd@acme.example,,,perhaps,\n\
            long,long@acme.example,,,,,,,\n\
            bad,not an address,,,,\n";
        let plan = planned(&database.db, table(rows.as_bytes(), &acme())).await;
        let told: Vec<(u64, &'static str, bool, String)> =
            plan.told().into_iter().map(|Told { line, what, locked_out, reason, .. }| (line, what, locked_out, reason)).collect();
        for ((line, what, locked_out, reason), expected) in told.iter().zip([
            (2, "new", false, "invited"),
            (3, "new", true, "no email"),
            (4, "new", false, "invited"),
            (5, "left_out", false, "a login cannot be empty"),
            (6, "left_out", false, "the same as ok here"),
            (7, "left_out", false, "there is no group Nowhere"),
            (8, "left_out", false, "there is no role King"),
            (9, "left_out", false, "status"),
            (10, "left_out", false, "more cells than there are columns"),
            (11, "new", true, "no email"),
        ]) {
            assert_eq!((*line, *what, *locked_out), (expected.0, expected.1, expected.2), "{reason}");
            assert!(reason.contains(expected.3), "{line}: {reason}");
        }
        assert_eq!(told.len(), 10);
    }

    /// What was given out, with hashes, makes the same people elsewhere.
    async fn what_is_given_out_comes_in_again(database) {
        moved_in(&database.db, read(MYSQL_8.as_bytes()).unwrap()).await;
        let mut lines = Vec::new();
        let mut conn = database.db.read().await.unwrap();
        export::lines(&mut conn, Hashes::Taken, |line| lines.push(line)).await.unwrap();
        let mut without = Vec::new();
        export::lines(&mut conn, Hashes::Left, |line| without.push(line)).await.unwrap();
        assert!(!without.join("\n").contains("argon2") && lines.join("\n").contains("{md5}$argon2id$"));
        drop(conn);
        let source = jsonl::read(Contents::of(Cursor::new(lines.join("\n")), &Progress::default()).unwrap()).unwrap();
        let elsewhere = crate::support::Database::sqlite().await;
        let (summary, done) = moved_in(&elsewhere.db, source).await;
        assert!(done.refused.is_empty() && summary.left_out.is_empty(), "{summary:#?}");
        assert_eq!(state(&elsewhere.db).await, state(&database.db).await);
        let mut table = Vec::new();
        let mut conn = elsewhere.db.read().await.unwrap();
        export::table(&mut conn, |line| table.push(line)).await.unwrap();
        assert!(table[1].starts_with("\"ada\",\"Ada\",\"ada@acme.example\",\"\",\"Acme\",\"Top manager\",\"active\","), "{table:?}");
    }
}

#[test]
fn lines_of_json_that_cannot_be_read_say_where() {
    let read = |text: &str| jsonl::read(Cursor::new(text.to_owned()));
    for (text, expected) in [
        (
            "{\"kind\":\"group\",\"path\":\"A\"}\n{\"kind\":\"troop\"}",
            "line 2, column 15: unknown variant `troop`",
        ),
        ("{\"kind\":\"user\"}", "line 1, column 1: missing field `login`"),
        ("{\"kind\":\"user\",\"login\":\"x\",\"shoes\":1}", "line 1, column 1: unknown field `shoes`"),
        ("{\"kind\":\"group\",\"path\":\"A/B\"}", "line 1, column 1: the group A comes after"),
        ("nonsense", "line 1, column 2: expected ident"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{expected}: {error}");
    }
    let nobody = read("{\"kind\":\"user\",\"login\":\"x\"}").unwrap();
    assert!(
        format!("{:?}", nobody.users[0].home).contains("names no group"),
        "nobody administers the site by leaving out a group"
    );
}

#[test]
fn a_table_without_people_says_so() {
    for (text, expected) in [
        ("", "line 1, column 1: the table is empty"),
        ("colour,size\nred,1\n", "line 1, column 1: the first line names the columns"),
        ("login,email,mail\n", "line 1, column 3: \"mail\" is the second column of its kind"),
    ] {
        let error = csv::read(Cursor::new(text.to_owned()), &acme()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
