//! Can an operator look after people from the command line, and does it say what to do when something is wrong?
#![cfg(test)]

mod support;

use std::process::Output;

use serde_json::{Value, json};
use support::admin::PASSWORD;
use support::browser::Browser;
use support::program::Program;
use support::smtp::Smtp;

crate::on_both_databases! {
    async fn people_are_added_shown_changed_and_deleted(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        let added = program.must_json(&[
            "user", "add", "max", "--group", "Acme/Design", "--role", "manager", "--name", "Max", "--json",
        ]);
        assert_eq!((&added["status"], &added["group"]), (&json!("invited"), &json!("Acme/Design")));
        let shown = program.must_json(&["user", "show", "MAX", "--json"]);
        assert_eq!((&shown["id"], &shown["role"]), (&added["id"], &json!("Manager")));
        program.must(&["user", "set", "max", "--role", "User", "--group", "Acme", "--name", "", "--rename", "m.x"], "");
        let listed = program.must_json(&["user", "list", "--group", "Acme", "--json"]);
        let max = listed.as_array().unwrap().iter().find(|user| user["login"] == "m.x").unwrap();
        assert_eq!((&max["role"], &max["name"], &max["id"]), (&json!("User"), &Value::Null, &added["id"]));
        program.must(&["user", "delete", "m.x"], "");
        assert_eq!(refused(&program, &["user", "show", "m.x"], ""), "there is no user m.x: see `countersign user list`");
    }

    /// Somebody who is added without a password gets a link by mail, and signs in with the password that they choose.
    async fn an_invitation_is_mailed_and_lets_one_choose_a_password(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        let said = program.must(
            &["user", "add", "ivy", "--group", "Acme", "--role", "User", "--email", "ivy@example.org"],
            "",
        );
        assert!(said.contains("was mailed") && !said.contains("/reset/"), "{said}");
        let letter = smtp.letter(0).await;
        assert_eq!(letter.to, ["ivy@example.org"]);
        let text = letter.text();
        let link = text.split_whitespace().find(|word| word.contains("/reset/")).unwrap();
        let _serving = program.serve();
        let mut browser = Browser::new(&program.url);
        browser.open(link).await;
        browser.fill("password", PASSWORD).submit().await;
        assert_eq!(program.must_json(&["user", "show", "ivy", "--json"])["status"], "active");
    }

    async fn a_link_that_cannot_be_mailed_is_printed(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        let said = program.must(&["user", "add", "nia", "--group", "Acme", "--role", "User"], "");
        assert!(said.contains("No mail was sent") && said.contains(program.url.join("reset/").unwrap().as_str()), "{said}");
    }

    async fn switching_two_factor_on_names_who_is_locked_out_and_waits_for_a_yes(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        program.must(&["user", "add", "nia", "--group", "Acme", "--role", "User"], "");
        let on = ["group", "set", "Acme", "--two-factor", "on"];
        let output = program.run(&on, "");
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stdout);
        for sentence in [
            "for want of an email address: nia.",
            "by override_2fa: ada.",
            "A Manager may switch two-factor on and has no override",
        ] {
            assert!(said.contains(sentence), "{sentence:?} is not in:\n{said}");
        }
        let shown = || program.must_json(&["group", "show", "Acme", "--json"]);
        assert_eq!((&shown()["two_factor"], &shown()["no_address"]), (&json!(false), &json!(["nia"])));
        program.must(&[&on[..], &["--yes"]].concat(), "");
        assert_eq!(shown()["two_factor"], true);
        program.must(&["user", "set", "nia", "--email", "nia@example.org"], "");
        program.must(&["group", "set", "Acme", "--two-factor", "off"], "");
        program.must(&on, "");
    }

    async fn roles_are_added_changed_and_listed(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        let deputy = ["role", "add", "Deputy", "--group", "Acme/Design", "--rank", "300", "--rights"];
        let added = program.must_json(&[&deputy[..], &["track_time,manage_clients", "--json"]].concat());
        assert_eq!(added["rights"], json!(["manage_clients", "track_time"]));
        program.must(&["role", "set", "deputy", "--group", "Acme", "--rank", "5", "--rename", "Vice"], "");
        let roles = program.must_json(&["role", "list", "--group", "Acme", "--json"]);
        let ranks: Vec<(&str, i64)> = roles
            .as_array()
            .unwrap()
            .iter()
            .map(|role| (role["name"].as_str().unwrap(), role["rank"].as_i64().unwrap()))
            .collect();
        assert_eq!(ranks[..3], [("User", 4), ("Vice", 5), ("Client", 16)]);
        assert!(program.must(&["role", "list"], "").contains("the site: Site administrator (1024)"));
    }

    /// One line each, on standard error, with exit status 1.
    async fn what_is_refused_says_what_to_do(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        program.must(&["group", "set", "Acme", "--two-factor", "on"], "");
        let in_acme = ["--group", "Acme", "--role", "User"];
        for (arguments, stdin, expected) in [
            (vec!["group", "add", "ACME"], "", "choose another name"),
            (vec!["group", "add", "a/b"], "", "no slash"),
            (vec!["group", "add", "x", "--parent", "Nowhere"], "", "see `countersign group list`"),
            (vec!["group", "add", "x", "--language", "english please"], "", "such as en or pt-BR"),
            (vec!["role", "add", "x", "--group", "Acme", "--rank", "513"], "", "between 0 and 512"),
            (vec!["role", "set", "User", "--group", "Acme", "--rights", "Track"], "", "lower-case word"),
            (vec!["role", "set", "Boss", "--group", "Acme"], "", "see `countersign role list`"),
            ([&["user", "add", "ADA"], &in_acme[..]].concat(), "", "choose another"),
            ([&["user", "add", "x", "--email", "x"], &in_acme[..]].concat(), "", "something like name@example.org"),
            ([&["user", "add", "x", "--password-stdin"], &in_acme[..]].concat(), "short\n", "at least 8"),
            (vec!["user", "set", "ada", "--password-stdin"], "long enough?\n", "at least 15"),
            (vec!["user", "set", "ada", "--password-stdin"], "", "no password on standard input"),
            (vec!["user", "set", "ada", "--status", "disabled"], "", "last active holder of override_2fa"),
            (vec!["user", "set", "ada", "--role", "Manager"], "", "last active holder of override_2fa"),
            (vec!["user", "set", "ada", "--group", "Acme/Design"], "", "last active holder of override_2fa"),
            (vec!["user", "delete", "ada"], "", "last active holder of override_2fa"),
            (vec!["user", "delete", "root"], "", "add another one first"),
            (vec!["user", "unlock", "nobody"], "", "see `countersign user list`"),
        ] {
            let said = refused(&program, &arguments, stdin);
            assert!(said.contains(expected), "{arguments:?}: {said}");
        }
        assert_eq!(program.run(&["user", "add", "x"], "").status.code(), Some(2), "wrong usage");
    }

    /// What a user will be decides how long their password must be.
    async fn a_password_is_measured_by_what_its_owner_will_be(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        program.must(&["group", "set", "Acme", "--two-factor", "on"], "");
        let add = ["user", "add", "ned", "--group", "Acme", "--role", "User", "--password-stdin"];
        program.must(&add, "eleven char\n");
        let promote = ["user", "set", "ned", "--role", "Top manager", "--password-stdin"];
        assert!(refused(&program, &promote, "eleven char\n").contains("at least 15"));
        program.must(&promote, &format!("{PASSWORD}\n"));
    }

    /// `countersign role list | head -1`
    async fn a_reader_who_has_seen_enough_is_no_accident(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        let output = program.run_unread(&["role", "list"]);
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(141), ""));
    }
}

/// Acme and Acme/Design, two-factor off, and ada, who is Top manager of Acme.
fn with_acme(database: support::Database, smtp: &Smtp) -> Program {
    let program = Program::new(database, smtp);
    program.init();
    program.must(&["group", "add", "Acme"], "");
    program.must(&["group", "add", "Design", "--parent", "Acme"], "");
    let ada = ["user", "add", "ada", "--group", "Acme", "--role", "Top manager", "--password-stdin"];
    program.must(&ada, &format!("{PASSWORD}\n"));
    program
}

/// What a command says that is refused: one line.
fn refused(program: &Program, arguments: &[&str], stdin: &str) -> String {
    let Output { status, stderr, .. } = program.run(arguments, stdin);
    let said = text(&stderr);
    assert_eq!(status.code(), Some(1), "{arguments:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    said.trim_end().trim_start_matches("countersign: ").to_owned()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
