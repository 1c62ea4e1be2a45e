//! Which other programs write dumps, and what do theirs look like? Each is read to the same people, or refused with what to do.

use std::path::Path;

use countersign::moving::file::{Contents, Progress};

use crate::dumps::MYSQL_8;
use crate::installation::MD5;
use crate::mover::read;

const COLUMNS: [(&str, &[&str]); 3] = [
    ("tt_groups", &["id", "parent_id", "name", "lang", "config", "status"]),
    ("tt_roles", &["id", "group_id", "name", "rank", "rights", "status"]),
    ("tt_users", &["id", "login", "password", "name", "group_id", "role_id", "email", "status"]),
];

/// A form: what stands before, how a table and its rows are written, and what stands at the end.
struct Form {
    head: &'static str,
    /// The name of a table, from its own.
    table: fn(&str) -> String,
    /// Around a text.
    quote: char,
    insert: &'static str,
    /// Between `VALUES` and the first row, between values, and between rows.
    between: [&'static str; 3],
    /// Whether the columns are named with the rows.
    named: bool,
    after_rows: &'static str,
    tail: &'static str,
}

fn bare(name: &str) -> String {
    format!("`{name}`")
}

fn qualified(name: &str) -> String {
    format!("`timetracker`.`{name}`")
}

const FORMS: [(&str, Form); 7] = [
    (
        "mysqlpump",
        Form {
            head: "-- Dump created by MySQL pump utility, version: 8.0.36, Linux (x86_64)\n\nSET SQL_MODE=\"NO_AUTO_VALUE_ON_ZERO\";\nSET NAMES utf8mb4;\nCREATE DATABASE /*!32312 IF NOT EXISTS*/ `timetracker` /*!40100 DEFAULT CHARACTER SET utf8mb4 */ /*!80016 DEFAULT ENCRYPTION='N' */;\n",
            table: qualified,
            quote: '"',
            insert: "INSERT INTO",
            between: ["", ",", ","],
            named: false,
            after_rows: "",
            tail: "USE `timetracker`;\nALTER TABLE `timetracker`.`tt_users` ADD KEY `l` (`login`);\n-- Dump end time: Wed Mar 25 04:03:27 2026\n",
        },
    ),
    (
        "MySQL 8.4 with GTIDs",
        Form {
            head: "-- MySQL dump 10.13  Distrib 8.4.3, for Linux (x86_64)\n/*!50503 SET NAMES utf8mb4 */;\nSET @MYSQLDUMP_TEMP_LOG_BIN = @@SESSION.SQL_LOG_BIN;\nSET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-23,\n4f11fa47-71ca-11e1-9e33-c80aa9429562:1-5';\n-- CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE='binlog.000002', SOURCE_LOG_POS=157;\n",
            table: bare,
            quote: '\'',
            insert: "INSERT INTO",
            between: ["", ",", ","],
            named: false,
            after_rows: "",
            tail: "SET @@SESSION.SQL_LOG_BIN = @MYSQLDUMP_TEMP_LOG_BIN;\n-- Dump completed on 2026-11-26  6:00:00\n",
        },
    ),
    (
        "phpMyAdmin",
        Form {
            head: "-- phpMyAdmin SQL Dump\n-- version 5.2.1\n\nSET SQL_MODE = \"NO_AUTO_VALUE_ON_ZERO\";\nSTART TRANSACTION;\nSET time_zone = \"+00:00\";\n/*!40101 SET NAMES utf8mb4 */;\n",
            table: bare,
            quote: '\'',
            insert: "INSERT INTO",
            between: ["\n", ", ", ",\n"],
            named: true,
            after_rows: "",
            tail: "--\n-- Indizes für die Tabelle `tt_users`\n--\nALTER TABLE `tt_users`\n  ADD PRIMARY KEY (`id`),\n  ADD UNIQUE KEY `l` (`login`,`status`);\nCOMMIT;\n\n/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;\n",
        },
    ),
    (
        "Adminer",
        Form {
            head: "-- Adminer 4.8.1 MySQL 8.0.36 dump\n\nSET NAMES utf8;\nSET time_zone = '+00:00';\nSET foreign_key_checks = 0;\n\nSET NAMES utf8mb4;\n",
            table: bare,
            quote: '\'',
            insert: "INSERT INTO",
            between: ["\n", ",\t", ",\n"],
            named: true,
            after_rows: "\nON DUPLICATE KEY UPDATE `id` = VALUES(`id`), `status` = VALUES(`status`)",
            tail: "-- 2026-11-26 09:00:00\n",
        },
    ),
    (
        "HeidiSQL",
        Form {
            head: "-- --------------------------------------------------------\n-- HeidiSQL Version:             12.6.0.6765\n/*!40101 SET NAMES utf8 */;\n/*!50503 SET NAMES utf8mb4 */;\nCREATE DATABASE IF NOT EXISTS `timetracker` /*!40100 DEFAULT CHARACTER SET utf8mb4 */ /*!80016 DEFAULT ENCRYPTION='N' */;\nUSE `timetracker`;\n",
            table: qualified,
            quote: '\'',
            insert: "REPLACE INTO",
            between: ["\n\t", ", ", ",\n\t"],
            named: true,
            after_rows: "",
            tail: "/*!40103 SET TIME_ZONE=IFNULL(@OLD_TIME_ZONE, 'system') */;\n",
        },
    ),
    (
        "names in double quotes, with blanks around the dot",
        Form {
            head: "",
            table: |name| format!("\"timetracker\" . \"{name}\""),
            quote: '\'',
            insert: "INSERT IGNORE INTO",
            between: [" ", ",", ","],
            named: false,
            after_rows: " AS new ON DUPLICATE KEY UPDATE `id` = new.`id`",
            tail: "",
        },
    ),
    (
        "names without quotes",
        Form {
            head: "",
            table: |name| format!("timetracker.{name}"),
            quote: '\'',
            insert: "insert into",
            between: [" ", ",", ","],
            named: true,
            after_rows: "",
            tail: "",
        },
    ),
];

/// Two groups, two roles, two people, in a form.
fn dump(form: &Form) -> String {
    let q = form.quote;
    let text = |text: &str| format!("{q}{text}{q}");
    let null = || "NULL".to_owned();
    let number = |number: u32| number.to_string();
    let escaped = text(&format!("Ned O\\'Neil {}", if q == '"' { "\\\"N\\\"" } else { "\"N\"" }));
    let rows: [Vec<Vec<String>>; 3] = [
        vec![
            vec![number(1), null(), text("Acme"), text("en"), text("2fa"), number(1)],
            vec![number(2), number(1), text("Sub; -- (x"), text("en"), null(), number(1)],
        ],
        vec![
            vec![number(2), number(0), text("Top manager"), number(512), text("override_2fa"), number(1)],
            vec![number(3), number(1), text("User"), number(4), text("track_own_time"), number(1)],
        ],
        vec![
            vec![number(1), text("ada"), text(MD5), text("Ada"), number(1), number(2), null(), number(1)],
            vec![number(2), text("ned"), text(MD5), escaped, number(2), number(3), text(""), number(1)],
        ],
    ];
    let mut dump = form.head.to_owned();
    for ((name, columns), rows) in COLUMNS.into_iter().zip(rows) {
        let table = (form.table)(name);
        let described: Vec<String> = columns.iter().map(|column| format!("`{column}` text")).collect();
        dump = format!(
            "{dump}DROP TABLE IF EXISTS {table};\nCREATE TABLE IF NOT EXISTS {table} (\n{}\n) ENGINE=InnoDB\n;\n",
            described.join(",\n")
        );
        let [first, value, row] = form.between;
        let named = if form.named { format!(" (`{}`)", columns.join("`, `")) } else { String::new() };
        let rows: Vec<String> = rows.iter().map(|values| format!("({})", values.join(value))).collect();
        let (insert, rows, after) = (form.insert, rows.join(row), form.after_rows);
        dump = format!("{dump}{insert} {table}{named} VALUES{first}{rows}{after};\n");
    }
    dump + form.tail
}

#[test]
fn the_dumps_of_other_programs_are_read() {
    for (program, form) in &FORMS {
        let dump = dump(form);
        for (how, dump) in [
            ("as it is", dump.clone()),
            ("CRLF", dump.replace('\n', "\r\n")),
            ("with a mark", format!("\u{feff}{dump}")),
        ] {
            let source = read(dump.as_bytes()).unwrap_or_else(|e| panic!("{program}, {how}: {e}\n{dump}"));
            let people: Vec<_> =
                source.users.iter().map(|user| (user.login.as_str(), user.name.as_deref())).collect();
            assert_eq!(people, [("ada", Some("Ada")), ("ned", Some("Ned O'Neil \"N\""))], "{program}, {how}");
            assert_eq!((source.groups.len(), source.roles.len()), (2, 2), "{program}, {how}");
            let unsure =
                source.notes.iter().any(|note| note.text.contains("does not say that it is complete"));
            let says = ["mysqlpump", "MySQL 8.4 with GTIDs", "phpMyAdmin", "Adminer"].contains(program);
            assert_eq!(unsure, !says, "{program}, {how}: {:?}", source.notes);
        }
    }
}

/// Two databases may be told apart by the names of tables alone.
#[test]
fn a_database_is_known_by_the_names_of_its_tables() {
    let (_, pump) = &FORMS[0];
    let one = dump(pump);
    let two = one.replace("`timetracker`.", "`second`.").replace("\"ned\"", "\"nia\"");
    let both = format!("{one}{two}");
    let error = read(both.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("--database (second, timetracker)"), "{error}");
    let source = crate::mover::read_of(both.as_bytes(), Some("second")).unwrap();
    assert!(source.users.iter().any(|user| user.login == "nia"));
}

/// What mysqldump and phpMyAdmin write last is missing: something came between.
#[test]
fn a_dump_without_its_end_is_refused() {
    let (whole, _) = MYSQL_8.split_once("-- Dump completed").unwrap();
    let started =
        |name: &str| FORMS.iter().find(|(known, _)| *known == name).map(|(_, form)| dump(form)).unwrap();
    let pump = started("mysqlpump");
    let php = started("phpMyAdmin");
    for cut in [
        whole.to_owned(),
        whole.split_once("DELIMITER").unwrap().0.to_owned(),
        pump.split_once("-- Dump end").unwrap().0.to_owned(),
        php.split_once("COMMIT").unwrap().0.to_owned(),
    ] {
        let error = read(cut.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("the file ends in the middle: make the dump anew"), "{error}");
    }
}

#[test]
fn what_is_no_dump_of_the_three_tables_is_refused_with_what_to_do() {
    // Statements end in a semicolon at the end of a line.
    let without = |table: &str| {
        let start = format!("INSERT INTO `{table}`");
        let statements = MYSQL_8.split_inclusive(";\n").filter(|statement| !statement.starts_with(&start));
        statements.collect::<String>().into_bytes()
    };
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(MYSQL_8.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (dump, expected) in [
        (without("tt_groups"), "no rows of tt_groups"),
        (without("tt_roles"), "no rows of tt_roles"),
        (without("tt_users"), "no rows of tt_users"),
        (utf16, "--result-file=dump.sql"),
        (
            b"<?xml version=\"1.0\"?>\n<mysqldump>\n<database name=\"x\">".to_vec(),
            "make the dump without --xml",
        ),
    ] {
        let error = read(&dump).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let error = Contents::open(Path::new(folder.path()), &Progress::default()).unwrap_err().to_string();
    assert!(error.contains("a folder") && error.contains("mysqldump"), "{error}");
}
