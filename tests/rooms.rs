//! Do the walls between the rooms of the code still stand? Read from the sources, as docs/architecture.md draws them.
#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What every room may use: it knows no feature.
const GROUND: [&str; 10] =
    ["audit", "clock", "config", "keys", "mail", "metrics", "outbound", "store", "trace", "web"];

/// The features and the top, and what each may use besides the ground floor.
const UPPER: [(&str, &[&str]); 9] = [
    ("directory", &[]),
    ("signin", &["directory"]),
    ("oidc", &["signin", "directory"]),
    ("account", &["oidc", "signin", "directory"]),
    ("console", &["oidc", "signin", "directory"]),
    ("moving", &["oidc", "signin", "directory"]),
    ("backup", &["oidc", "signin", "directory"]),
    ("app", &["account", "console", "oidc", "signin", "directory"]),
    ("cli", &["app", "account", "backup", "console", "moving", "oidc", "signin", "directory"]),
];

/// The folders whose rooms are on the map, one by one.
const MAPPED: [&str; 2] = ["src/oidc", "src/oidc/authorize"];

/// The order inside a folder, from the ground up: a room of its own may use those on the floors below it, and none beside it.
/// What stands on the top floor of `oidc` is the endpoints.
const INSIDE: [(&str, &[&[&str]]); 7] = [
    ("src/metrics", &[&["process", "words"], &["apps"], &["instruments"], &["page"]]),
    ("src/trace", &[&["parent", "request_id"], &["span"], &["otlp", "queue"], &["export", "started"]]),
    (
        "src/config",
        &[
            &["algorithm", "duration", "listen", "place", "proxies", "template"],
            &["error", "sections"],
            &["check", "tree"],
            &["read"],
            &["load"],
        ],
    ),
    (
        "src/keys",
        &[
            &["compact", "kind", "pace", "readers", "secret"],
            &["jwk", "signer", "vault", "verified"],
            &["error", "jwe"],
            &["jose", "make"],
            &["ring"],
            &["claim", "signing"],
            &["look"],
        ],
    ),
    (
        "src/web",
        &[
            &["colors", "distinguished_name", "gate", "headers", "network", "origin", "prepared", "refused"],
            &["certificate", "cookies", "form", "language"],
            &["problem"],
            &["assets", "path"],
            &["pages"],
            &["mails", "problem_page", "views"],
            &["layers", "samples"],
        ],
    ),
    (
        "src/oidc",
        &[
            &["shared"],
            &["clients"],
            &["provider"],
            &["client_auth"],
            &["tokens"],
            &["authorize"],
            &[
                "device",
                "discovery",
                "introspection",
                "logout",
                "par",
                "registration",
                "revocation",
                "session_management",
                "token",
                "tryout",
                "userinfo",
            ],
        ],
    ),
    (
        "src/oidc/authorize",
        &[
            &["request"],
            &["answer"],
            &["pending"],
            &["consent"],
            &["facts"],
            &["longer"],
            &["finish"],
            &["again"],
            &["turn"],
            &["begin", "console", "steps"],
        ],
    ),
];

/// A big dependency has one owner: the paths that may name it.
const OWNERS: [(&str, &[&str]); 12] = [
    ("sqlx", &["src/store/"]),
    ("rusqlite", &["src/store/"]),
    ("postgres_protocol", &["src/store/postgres/"]),
    ("lettre", &["src/mail/"]),
    ("josekit", &["src/keys/"]),
    ("argon2", &["src/directory/"]),
    ("minijinja", &["src/web/"]),
    ("fluent_bundle", &["src/web/"]),
    ("openidconnect", &["src/cli/demo"]),
    ("reqwest", &["src/outbound/"]),
    ("clap", &["src/cli/", "src/main.rs"]),
    ("prometheus", &["src/metrics/"]),
];

/// How a query begins, in a string.
const QUERIES: [&str; 4] = ["\"SELECT ", "\"INSERT INTO ", "\"UPDATE ", "\"DELETE FROM "];

/// What the decision of the next step may not know, so that it stays a function over plain facts.
const IMPURE: [&str; 6] = ["async ", "axum", "sqlx", "tokio", "crate::store", "crate::clock"];

/// Lines of a file before its tests.
const LONGEST_FILE: usize = 500;

/// A source file: its path from the top of the repository, and its text.
struct Source {
    path: String,
    text: String,
}

#[test]
fn the_walls_stand() {
    let sources = sources();
    assert!(sources.len() > 20, "the sources were not found");
    let broken: Vec<String> = sources.iter().flat_map(breaches).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn every_room_is_on_the_map() {
    let rooms: BTreeSet<String> = sources().iter().filter_map(|s| room(&s.path)).map(str::to_owned).collect();
    let (map, tour) = (read("src/lib.rs"), read("docs/architecture.md"));
    let missing = unnamed(&rooms, &map, &tour);
    assert!(missing.is_empty(), "\n{}\n", missing.join("\n"));
}

#[test]
fn every_room_has_its_rule() {
    for source in sources() {
        let Some(room) = room(&source.path) else { continue };
        assert!(may_use(room).is_some(), "{room}: say in tests/rooms.rs what it may use");
    }
}

#[test]
fn every_room_inside_another_is_on_the_map_and_has_its_rule() {
    let (sources, tour) = (sources(), read("docs/architecture.md"));
    for (folder, floors) in INSIDE {
        let there: BTreeSet<String> =
            sources.iter().filter_map(|s| room_inside(folder, &module(&s.path))).collect();
        let ruled: BTreeSet<String> = floors.concat().into_iter().map(str::to_owned).collect();
        assert_eq!(there, ruled, "tests/rooms.rs says what each room of {folder} may use, and of no other");
        if !MAPPED.contains(&folder) {
            continue;
        }
        let missing = unnamed_inside(folder, &there, &read(&format!("{folder}/mod.rs")), &tour);
        assert!(missing.is_empty(), "\n{}\n", missing.join("\n"));
    }
}

/// Everything that is wrong with one file.
fn breaches(source: &Source) -> Vec<String> {
    let program = without_tests(&source.text);
    let code = without_comments(program);
    let mut found = Vec::new();
    if !source.text.starts_with("//! ") {
        found.push("does not open with a `//!` sentence that says which question it answers".to_owned());
    }
    let lines = program.lines().count();
    if lines > LONGEST_FILE {
        found.push(format!("has {lines} lines before its tests, more than {LONGEST_FILE}"));
    }
    if let Some(room) = room(&source.path) {
        let allowed = may_use(room).unwrap_or_default();
        let used = paths(&code, &module(&source.path));
        let foreign =
            rooms_used(&used).into_iter().filter(|used| used != room && !allowed.contains(&used.as_str()));
        found.extend(foreign.map(|used| format!("`{room}` may not use `{used}`")));
        found.extend(
            INSIDE
                .iter()
                .flat_map(|(folder, floors)| against_the_order(folder, floors, &module(&source.path), &used)),
        );
    }
    for (crate_name, homes) in OWNERS {
        if names(&code, crate_name) && !homes.iter().any(|home| source.path.starts_with(home)) {
            found.push(format!("`{crate_name}` belongs to {}", homes.join(" and ")));
        }
    }
    if !source.path.starts_with("src/store/") {
        let queries = QUERIES.iter().filter(|start| code.contains(**start));
        found.extend(queries.map(|start| format!("a query ({start}…) belongs to src/store")));
    }
    if source.path == "src/signin/decide.rs" {
        let impure = IMPURE.iter().filter(|word| code.contains(**word));
        found.extend(impure.map(|word| format!("the decision is pure: no `{}`", word.trim())));
    }
    found.into_iter().map(|what| format!("{}: {what}", source.path)).collect()
}

/// The rooms that a newcomer would not find.
fn unnamed(rooms: &BTreeSet<String>, map: &str, tour: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for room in rooms {
        if !map.contains(&format!("[`{room}`]")) {
            missing.push(format!("src/lib.rs does not say what `{room}` is for"));
        }
        if !tour.contains(&format!("`{room}`")) {
            missing.push(format!("docs/architecture.md does not say what `{room}` is for"));
        }
    }
    missing
}

/// The same for the rooms inside a folder, whose map is in the first lines of its `mod.rs`.
fn unnamed_inside(folder: &str, rooms: &BTreeSet<String>, map: &str, tour: &str) -> Vec<String> {
    let map: String = map.lines().take_while(|line| line.starts_with("//!")).collect();
    let tour = tour.split_once("### Inside `oidc`").map_or("", |(_, after)| after);
    let tour = tour.split("\n## ").next().unwrap_or_default();
    let mut missing = Vec::new();
    for room in rooms {
        let name = format!("`{room}`");
        if !map.contains(&name) {
            missing.push(format!("{folder}/mod.rs does not say what `{room}` is for"));
        }
        if !tour.contains(&name) {
            missing.push(format!("docs/architecture.md does not say what `{room}` of {folder} is for"));
        }
    }
    missing
}

/// What a file of a folder uses there against the order: what is on its own floor or above, or what only the folder's door knows.
fn against_the_order(
    folder: &str,
    floors: &[&[&str]],
    module: &[String],
    used: &BTreeSet<Vec<String>>,
) -> BTreeSet<String> {
    let Some(room) = room_inside(folder, module) else { return BTreeSet::new() };
    let floor = floors.iter().position(|floor| floor.contains(&room.as_str())).unwrap_or_default();
    let below = floors[..floor].concat();
    let inside = used.iter().filter_map(|path| room_inside(folder, path));
    inside
        .filter(|used| *used != room && !below.contains(&used.as_str()))
        .map(|used| format!("inside {folder} `{room}` may not use `{used}`"))
        .collect()
}

/// The room inside a folder that a path from the top of the crate leads to, if it leads there.
fn room_inside(folder: &str, path: &[String]) -> Option<String> {
    let top: Vec<&str> = folder.split('/').skip(1).collect();
    let (start, rest) = path.split_at_checked(top.len())?;
    rest.first().filter(|_| start == top.as_slice()).cloned()
}

/// The module of a file: `src/mail/message.rs` is `mail::message`, `src/mail/mod.rs` is `mail`.
fn module(path: &str) -> Vec<String> {
    let path = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').map(str::to_owned).collect()
}

/// The room of a path: `src/mail/message.rs` and `src/mail.rs` are in `mail`; `src/lib.rs` and `src/main.rs` in none.
fn room(path: &str) -> Option<&str> {
    let name = path.strip_prefix("src/")?.split(['/', '.']).next()?;
    (name != "lib" && name != "main").then_some(name)
}

/// What a room may use. The store stands on nothing: everything else stands on it.
fn may_use(room: &str) -> Option<Vec<&'static str>> {
    if room == "store" || room == "clock" {
        return Some(Vec::new());
    }
    if GROUND.contains(&room) {
        return Some(GROUND.to_vec());
    }
    let (_, upper) = UPPER.iter().find(|(name, _)| *name == room)?;
    Some([&GROUND[..], upper].concat())
}

/// The rooms that a file names.
fn rooms_used(paths: &BTreeSet<Vec<String>>) -> BTreeSet<String> {
    let heads = paths.iter().filter_map(|path| path.first());
    heads.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())).cloned().collect()
}

/// Every path of a module's code that begins with `crate`, `super` or `self`, from the top of the crate: in `a::x`,
/// `super::{b, c::{self, D}}` is `a::b`, `a::c` and `a::c::D`.
fn paths(code: &str, module: &[String]) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for word in ["crate::", "self::", "super::"] {
        for (at, _) in code.match_indices(word) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || "$_:".contains(c)) {
                continue;
            }
            let (mut rest, mut start) = (&code[at..], module);
            if let Some(after) = rest.strip_prefix("crate::") {
                (rest, start) = (after, &[]);
            }
            rest = rest.strip_prefix("self::").unwrap_or(rest);
            while let Some(after) = rest.strip_prefix("super::") {
                (rest, start) = (after, start.split_last().map_or(start, |(_, parent)| parent));
            }
            follow(rest, start, &mut found);
        }
    }
    found
}

/// Follows a path, and each branch of its lists; answers what stands after it.
fn follow<'c>(code: &'c str, start: &[String], found: &mut BTreeSet<Vec<String>>) -> &'c str {
    if let Some(mut rest) = code.strip_prefix('{') {
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            if rest.is_empty() || rest.starts_with('}') {
                return rest.strip_prefix('}').unwrap_or_default();
            }
            rest = follow(rest, start, found);
            rest = rest.find([',', '}']).map_or("", |end| &rest[end..]);
        }
    }
    let end = code.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    let mut path = start.to_vec();
    path.extend((!name.is_empty() && name != "self").then(|| name.to_owned()));
    match rest.strip_prefix("::") {
        Some(rest) if !name.is_empty() => follow(rest, &path, found),
        _ => {
            found.insert(path);
            rest
        }
    }
}

/// Whether the code has a path that begins with this crate, or imports it whole.
fn names(code: &str, crate_name: &str) -> bool {
    code.match_indices(crate_name).any(|(at, found)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + found.len()..];
        !before.is_some_and(|c| c.is_alphanumeric() || "_:.\"".contains(c))
            && (after.starts_with("::") || (after.starts_with(';') && code[..at].ends_with("use ")))
    })
}

fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]").map_or(text, |at| &text[..at])
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    collect(Path::new("src"), &mut found);
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(top().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let path = path.to_str().unwrap().to_owned();
            found.push(Source { text: read(&path), path });
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A wall that nothing can break is no wall: made-up files show that each rule can fail.
mod the_walls_can_break {
    use super::*;

    fn broken(path: &str, code: &str) -> Vec<String> {
        breaches(&Source { path: path.to_owned(), text: format!("//! What is this?\n\n{code}\n") })
    }

    #[test]
    fn each_breach_is_named() {
        let cases = [
            ("src/mail/x.rs", "use crate::signin::decide;", "`mail` may not use `signin`"),
            (
                "src/mail/x.rs",
                "use crate::{keys::seal, directory::{Login, User}};",
                "`mail` may not use `directory`",
            ),
            ("src/store/x.rs", "fn f() { crate::audit::g() }", "`store` may not use `audit`"),
            ("src/directory/x.rs", "use crate::oidc::clients;", "`directory` may not use `oidc`"),
            ("src/oidc/x.rs", "use crate::app::App;", "`oidc` may not use `app`"),
            ("src/app/x.rs", "use crate::cli;", "`app` may not use `cli`"),
            ("src/oidc/x.rs", "use sqlx::FromRow;", "`sqlx` belongs to src/store/"),
            ("src/oidc/x.rs", "fn f() -> josekit::jwk::Jwk", "`josekit` belongs to src/keys/"),
            ("src/cli/x.rs", "use lettre;", "`lettre` belongs to src/mail/"),
            ("src/signin/x.rs", "use argon2::Argon2;", "`argon2` belongs to src/directory/"),
            ("src/mail/x.rs", "minijinja::render!(x)", "`minijinja` belongs to src/web/"),
            ("src/oidc/x.rs", "use openidconnect::Nonce;", "`openidconnect` belongs to src/cli/demo"),
            (
                "src/cli/x.rs",
                "let q = \"SELECT id FROM users\";",
                "a query (\"SELECT …) belongs to src/store",
            ),
            ("src/signin/decide.rs", "pub async fn next() {}", "the decision is pure: no `async`"),
        ];
        for (path, code, expected) in cases {
            assert_eq!(broken(path, code), [format!("{path}: {expected}")], "{code}");
        }
    }

    #[test]
    fn each_breach_of_the_order_inside_a_room_is_named() {
        let cases = [
            (
                "src/oidc/shared/x.rs",
                "use crate::oidc::clients::Client;",
                "inside src/oidc `shared` may not use `clients`",
            ),
            (
                "src/oidc/clients/mod.rs",
                "use super::provider::P;",
                "inside src/oidc `clients` may not use `provider`",
            ),
            (
                "src/oidc/tokens/x.rs",
                "fn f() { super::super::authorize::begin::get() }",
                "inside src/oidc `tokens` may not use `authorize`",
            ),
            (
                "src/oidc/par.rs",
                "use super::{clients::{self, Client}, discovery::open_to_all as all};",
                "inside src/oidc `par` may not use `discovery`",
            ),
            (
                "src/oidc/token/x.rs",
                "use crate::oidc::Provider;",
                "inside src/oidc `token` may not use `Provider`",
            ),
            ("src/keys/ring.rs", "use super::signing::SEAL;", "inside src/keys `ring` may not use `signing`"),
            ("src/web/problem.rs", "use super::pages::Page;", "inside src/web `problem` may not use `pages`"),
            (
                "src/oidc/authorize/pending.rs",
                "use super::turn::get;",
                "inside src/oidc/authorize `pending` may not use `turn`",
            ),
            (
                "src/oidc/authorize/finish/x.rs",
                "use super::super::steps::back;",
                "inside src/oidc/authorize `finish` may not use `steps`",
            ),
            (
                "src/oidc/authorize/turn.rs",
                "use crate::oidc::authorize::{answer, begin::get};",
                "inside src/oidc/authorize `turn` may not use `begin`",
            ),
        ];
        for (path, code, expected) in cases {
            assert_eq!(broken(path, code), [format!("{path}: {expected}")], "{code}");
        }
    }

    #[test]
    fn what_is_allowed_passes() {
        let cases = [
            ("src/signin/x.rs", "use crate::directory::User;\nuse crate::{mail, store::Conn};"),
            ("src/cli/x.rs", "use crate::app::App;\nuse crate::oidc::clients;"),
            ("src/store/x.rs", "use sqlx::FromRow;\nconst Q: &str = \"SELECT id FROM users\";"),
            ("src/oidc/par.rs", "//! [`crate::app`] starts it.\nuse crate::oidc::shared::scopes;"),
            ("src/oidc/x.rs", "#[cfg(test)]\nmod tests { use josekit::jwt; }"),
            ("src/mail/x.rs", "$crate::signin::macros::on!()"),
            ("src/audit/x.rs", "let text = \"sqlx::query is elsewhere\";"),
            ("src/oidc/mod.rs", "use self::authorize::begin;\npub use provider::Provider;"),
            ("src/oidc/token/mod.rs", "use self::code::redeem;\nuse super::clients::{Client, card};"),
            (
                "src/oidc/logout/hint.rs",
                "use super::*;\nuse super::super::shared::scopes::{Scope as S, Scopes};",
            ),
            ("src/oidc/authorize/finish/x.rs", "pub(in crate::oidc::authorize) fn f() { super::grant::g() }"),
            ("src/oidc/authorize/steps.rs", "use super::pending::{self, Pending};"),
        ];
        for (path, code) in cases {
            assert_eq!(broken(path, code), [""; 0], "{code}");
        }
    }

    #[test]
    fn a_long_file_is_named_and_its_tests_are_not_counted() {
        let long = "fn f() {}\n".repeat(LONGEST_FILE);
        assert_eq!(broken("src/mail/x.rs", &long).len(), 1);
        let tested = format!("fn f() {{}}\n\n#[cfg(test)]\nmod tests {{\n{long}\n}}");
        assert_eq!(broken("src/mail/x.rs", &tested), [""; 0]);
    }

    #[test]
    fn a_file_without_its_question_is_named() {
        let silent = Source { path: "src/mail/x.rs".to_owned(), text: "fn f() {}\n".to_owned() };
        assert_eq!(breaches(&silent).len(), 1);
    }

    #[test]
    fn a_room_that_is_on_no_map_is_named() {
        let rooms = BTreeSet::from(["attic".to_owned()]);
        assert_eq!(unnamed(&rooms, "//! [`cellar`]", "`cellar`").len(), 2);
        assert_eq!(unnamed(&rooms, "//! [`attic`]", "the `attic`"), [""; 0]);
    }

    #[test]
    fn a_room_inside_another_that_is_on_no_map_is_named() {
        let rooms = BTreeSet::from(["attic".to_owned()]);
        let unnamed = |map, tour| unnamed_inside("src/oidc", &rooms, map, tour).len();
        let tour = "### Inside `oidc`\n\n- the `attic`\n\n## A sign-in";
        assert_eq!(unnamed("//! The `attic`.\n", tour), 0);
        assert_eq!(unnamed("//! What?\n\nmod attic; // `attic`", tour), 1);
        assert_eq!(unnamed("//! The `attic`.\n", "### Inside `oidc`\n\n## The `attic`"), 1);
    }

    #[test]
    fn a_path_is_followed_into_its_lists() {
        let found = paths(
            "use super::{b, c::{self as e, D}};\npub(in crate::a) fn f() { self::g::<T>(); $crate::h(); }",
            &module("src/a/x.rs"),
        );
        let found: Vec<String> = found.iter().map(|path| path.join("::")).collect();
        assert_eq!(found, ["a", "a::b", "a::c", "a::c::D", "a::x::g"]);
    }

    #[test]
    fn rooms_are_told_from_paths() {
        assert_eq!(room("src/mail/message.rs"), Some("mail"));
        assert_eq!(room("src/clock.rs"), Some("clock"));
        assert_eq!(room("src/lib.rs"), None);
        assert_eq!(may_use("attic"), None);
    }
}
