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
        let entra = "userPrincipalName,displayName,mail,accountEnabled,state,id,department\nzoe@acme.example,Zoe,zoe@acme.example,True,Bavaria,0-1-2,IT\n";
        let form = "version:v1.0\r\nName [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required,Block sign in (Yes/No) [accountEnabled] Required,First name [givenName]\r\nAda,ada@acme.example,Secret1!,No,Ada\r\n";
        let microsoft = "Block credential,Display name,First name,Last name,Object Id,State,User principal name\r\nTrue,Blo Cked,Blo,Cked,3-4-5,BY,blo@acme.example\r\n";
        for text in [google, entra, form, microsoft] {
            let (summary, done) = moved_in(&database.db, table(text.as_bytes(), &defaults)).await;
            assert!(done.refused.is_empty() && summary.left_out.is_empty(), "{summary:#?}");
        }
        let seen: Vec<_> = state(&database.db).await["users"].as_array().unwrap().iter()
            .map(|user| json!([user["login"], user["name"], user["group"], user["status"]])).collect();
        assert_eq!(seen, [
            json!(["ada@acme.example", "Ada", "Acme", "invited"]),
            json!(["blo@acme.example", "Blo Cked", "Acme", "disabled"]),
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

/// Whichever way lines end, and although a cell may go over several.
#[test]
fn every_row_is_named_by_its_line() {
    let rows = "login,name\nned,Ned\n\nada,\"Ada\nAdams\"\nzoe,Zoe\n";
    for end in ["\n", "\r\n", "\r"] {
        let source = table(rows.replace('\n', end).as_bytes(), &acme());
        let lines: Vec<_> = source.users.iter().map(|user| (user.login.as_str(), user.line)).collect();
        assert_eq!(lines, [("ned", 2), ("ada", 4), ("zoe", 6)], "{end:?}");
    }
    let told = table(format!("sep=,\r\n{}", rows.replace('\n', "\r\n")).as_bytes(), &acme());
    assert_eq!(told.users.iter().map(|user| user.line).collect::<Vec<_>>(), [3, 5, 7]);
}

#[test]
fn columns_that_are_not_known_are_told_together() {
    let source = table(b"login,Department,,Office\nned,IT,,4\n", &acme());
    let notes: Vec<_> = source.notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(notes, ["columns that are not known here, and passed over: Department, Office"]);
}

#[test]
fn a_quotation_mark_that_does_not_close_swallows_nobody() {
    let read = |text: &str| csv::read(Cursor::new(text.to_owned()), &acme());
    let error = read("login,name\r\nada,Ada\r\nned,\"Ned\r\neva,Eva\r\n").unwrap_err().to_string();
    assert!(error.starts_with("line 3, column 1: a quotation mark opens in this row"), "{error}");
    for whole in ["login,name\nned,5\" disk\n", "login,name\nned,\"Ned\n\"\"Nash\"\"\"\n"] {
        assert_eq!(read(whole).unwrap().users.len(), 1, "{whole}");
    }
}

#[test]
fn a_workbook_is_to_be_saved_as_a_table() {
    let zip = |name: &str| [b"PK\x03\x04".as_slice(), &[0; 26], name.as_bytes(), b"..."].concat();
    for (bytes, workbook) in [
        (zip("[Content_Types].xml"), true),
        (zip("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"), true),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....".to_vec(), true),
        (zip("people.csv"), false),
    ] {
        let error = Contents::of(Cursor::new(bytes), &Progress::default()).unwrap_err().to_string();
        assert_eq!(error.contains("save it as CSV"), workbook, "{error}");
    }
}
