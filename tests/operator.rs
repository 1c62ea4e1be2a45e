//! Can an operator look after people from the command line, and does it say what to do when something is wrong?
#![cfg(test)]

mod support;

use std::io::Write as _;
use std::process::Output;

use countersign::directory::users::NewUser;
use countersign::directory::{By, Login, groups, roles, users};
use countersign::keys::secret::entropy;
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

    /// A link dies with its day; another can be had, by mail or on the screen, and then the one before is void.
    async fn a_new_link_to_choose_a_password_is_made_and_voids_the_one_before(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        let first = program.must_json(&["user", "add", "nia", "--group", "Acme", "--role", "User", "--json"]);
        let said = program.must(&["user", "link", "NIA"], "");
        assert!(said.contains("No mail was sent") && said.contains("within 1d"), "{said}");
        let second = said.split_whitespace().find(|word| word.contains("/reset/")).unwrap();
        let _serving = program.serve();
        let mut browser = Browser::new(&program.url);
        browser.open(first["link"].as_str().unwrap()).await;
        assert_eq!(browser.status(), 404, "{}", browser.text());
        browser.open(second).await;
        browser.fill("password", PASSWORD).submit().await;
        assert_eq!(program.must_json(&["user", "show", "nia", "--json"])["status"], "active");

        program.must(&["user", "set", "nia", "--email", "nia@example.org"], "");
        assert!(program.must(&["user", "link", "nia"], "").contains("was mailed"));
        assert!(smtp.letter(0).await.text().contains("/reset/"));
        let made = program.must_json(&["user", "link", "nia", "--print", "--json"]);
        assert_eq!((&made["mailed"], &made["login"]), (&json!(false), &json!("nia")));
        assert!(made["link"].as_str().unwrap().contains("/reset/"));
        program.must(&["user", "set", "nia", "--status", "disabled"], "");
        assert!(refused(&program, &["user", "link", "nia"], "").contains("--status active"));
    }

    async fn a_second_site_administrator_is_made_by_flag_by_role_or_of_somebody_who_is_there(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        let role = ["--role", "Site administrator"];
        program.must(&["user", "add", "flo", "--site-administrator"], "");
        program.must(&[&["user", "add", "rob"], &role[..]].concat(), "");
        program.must(&["user", "add", "ned", "--group", "Acme", "--role", "User"], "");
        program.must(&["user", "set", "ned", "--site-administrator"], "");
        for login in ["flo", "rob", "ned"] {
            let shown = program.must_json(&["user", "show", login, "--json"]);
            assert_eq!((&shown["group"], &shown["role"]), (&Value::Null, &json!("Site administrator")), "{login}");
        }
        let said = refused(&program, &["user", "add", "x", "--role", "User"], "");
        assert!(said.contains("--group PATH"), "{said}");
        let said = refused(&program, &["user", "set", "ada", "--role", "Site administrator"], "");
        assert!(said.contains("role list"), "{said}");
    }

    async fn groups_and_roles_are_deleted_once_nobody_holds_on_to_them(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        program.must(&["user", "add", "ned", "--group", "Acme/Design", "--role", "User"], "");
        program.must(&["role", "add", "Deputy", "--group", "Acme", "--rank", "5"], "");
        let app = ["client", "add", "App", "--redirect-uri", "https://a.example/", "--allow-group", "Acme/Design", "--json"];
        let app = program.must_json(&app)["client_id"].as_str().unwrap().to_owned();
        for (arguments, expected) in [
            (vec!["group", "delete", "Acme"], "1 users and 1 groups"),
            (vec!["group", "delete", "acme/design"], "Acme/Design still has 1 users and 0 groups"),
            (vec!["group", "delete", "Nowhere"], "group list"),
            (vec!["role", "delete", "user", "--group", "Acme"], "1 users hold the role User"),
            (vec!["role", "delete", "Boss", "--group", "Acme"], "role list"),
        ] {
            let said = refused(&program, &arguments, "");
            assert!(said.contains(expected), "{arguments:?}: {said}");
        }
        program.must(&["role", "delete", "deputy", "--group", "Acme/Design"], "");
        program.must(&["user", "delete", "ned"], "");
        let said = refused(&program, &["group", "delete", "Acme/Design"], "");
        assert!(said.contains(&format!("client set {app} --allow-group")), "{said}");
        program.must(&["client", "set", &app, "--allow-group", ""], "");
        program.must(&["group", "delete", "Acme/Design"], "");
        program.must(&["user", "delete", "ada"], "");
        program.must(&["group", "delete", "Acme"], "");
        assert_eq!(program.must_json(&["group", "list", "--json"]), json!([]));
        assert_eq!(program.must_json(&["role", "list", "--json"]).as_array().unwrap().len(), 1, "the site's");
        let log = program.must(&["audit"], "");
        for words in ["role.deleted by operator", "group.deleted by operator", r#""path":"Acme/Design""#] {
            assert!(log.contains(words), "{words}: {log}");
        }
    }

    /// Also of those who are gone, and as they were called then.
    async fn the_audit_log_names_who_did_what_to_whom(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        program.must(&["user", "add", "ned", "--group", "Acme/Design", "--role", "User"], "");
        program.must(&["user", "set", "ned", "--rename", "neddy"], "");
        program.must(&["user", "delete", "neddy"], "");
        let log = program.must(&["audit"], "");
        for line in [
            "user.added by operator user=ned group=Acme/Design",
            "user.link_issued by operator user=ned",
            "user.deleted by operator user=neddy",
        ] {
            assert!(log.contains(line), "{line:?} is not in:\n{log}");
        }
        let _serving = program.serve();
        let link = program.must_json(&["user", "link", "ada", "--json"]);
        let mut browser = Browser::new(&program.url);
        browser.open(link["link"].as_str().unwrap()).await;
        browser.fill("password", "correct horse battery two").submit().await;
        let log = program.must(&["audit"], "");
        assert!(log.contains("user.password_changed by ada user=ada"), "{log}");
        let lines = program.must(&["audit", "--json"], "");
        let deleted = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let deleted = deleted.into_iter().find(|event| event["event"] == "user.deleted").unwrap();
        assert_eq!((&deleted["user_login"], &deleted["actor_login"]), (&json!("neddy"), &Value::Null));
    }

    async fn an_operator_vouches_for_an_address_and_takes_it_back(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        let in_acme = ["--group", "Acme", "--role", "User"];
        let add = ["user", "add", "ned", "--email", "ned@example.org", "--email-verified", "--json"];
        assert_eq!(program.must_json(&[&add[..], &in_acme].concat())["email_verified"], true);
        let verified = || program.must_json(&["user", "show", "ned", "--json"])["email_verified"].clone();
        program.must(&["user", "set", "ned", "--email-verified", "false"], "");
        assert_eq!(verified(), false);
        program.must(&["user", "set", "ned", "--email-verified"], "");
        assert_eq!(verified(), true);
        program.must(&["user", "set", "ned", "--email", "n@example.org"], "");
        assert_eq!(verified(), false, "another address is another matter");
        program.must(&["user", "set", "ned", "--email", "ned@example.org", "--email-verified"], "");
        assert_eq!(verified(), true);
        assert!(refused(&program, &["user", "set", "ada", "--email-verified"], "").contains("set one first"));
        assert_eq!(program.run(&[&["user", "add", "x", "--email-verified"], &in_acme[..]].concat(), "").status.code(), Some(2));
        assert!(program.must(&["audit"], "").contains(r#""fields":["email_verified"]"#));
    }

    async fn an_operator_vouches_for_a_domain_in_a_group_and_those_below(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        let add = ["user", "add", "ned", "--group", "Acme/Design", "--role", "User", "--email", "ned@example.org"];
        program.must(&add, "");
        let verified = || program.must_json(&["user", "show", "ned", "--json"])["email_verified"].clone();
        assert_eq!(verified(), false);
        program.must(&["group", "set", "Acme", "--vouch-domain", "Example.ORG", "--vouch-domain", "b.example"], "");
        assert_eq!(verified(), true);
        let shown = program.must_json(&["group", "show", "Acme", "--json"]);
        assert_eq!(shown["vouched_domains"], json!(["b.example", "example.org"]));
        assert!(refused(&program, &["group", "set", "Acme", "--vouch-domain", "no domain"], "").contains("such as example.org"));
        program.must(&["group", "set", "Acme", "--vouch-domain", ""], "");
        assert_eq!(verified(), false);
    }

    async fn lists_are_read_page_by_page(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        for login in ["bea", "dan", "eve"] {
            program.must(&["user", "add", login, "--group", "Acme", "--role", "User"], "");
        }
        let logins = |arguments: &[&str]| {
            let listed = program.must_json(&[&["user", "list", "--json"], arguments].concat());
            listed.as_array().unwrap().iter().map(|user| user["login"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(logins(&[]), ["ada", "bea", "dan", "eve", "root"]);
        assert_eq!(logins(&["--limit", "2"]), ["ada", "bea"]);
        assert_eq!(logins(&["--limit", "2", "--after", "BEA"]), ["dan", "eve"]);
        assert_eq!(logins(&["--group", "Acme", "--after", "bea", "--limit", "9"]), ["dan", "eve"]);
        assert_eq!(logins(&["--filter", "invited", "--limit", "2"]), ["bea", "dan"]);
        assert_eq!(logins(&["--filter", "override"]), ["ada", "root"]);
        assert_eq!(logins(&["--filter", "no-address", "--group", "Acme"]), ["bea", "dan", "eve"]);
        assert_eq!(logins(&["--filter", "codes-stopped"]), Vec::<String>::new());
        let output = program.run(&["user", "list", "--limit", "2"], "");
        assert_eq!(text(&output.stdout).lines().count(), 2);
        assert_eq!(text(&output.stderr), "There are more: add --after bea\n");
        let output = program.run(&["user", "list", "--limit", "5"], "");
        assert_eq!(text(&output.stderr), "", "that was all");

        let paths = program.must(&["group", "list", "--limit", "1"], "");
        assert!(paths.starts_with("Acme: ") && paths.lines().count() == 1, "{paths}");
        assert!(program.must(&["group", "list", "--after", "Acme"], "").starts_with("Acme/Design: "));
        let roles = program.must_json(&["role", "list", "--json"]);
        let after = roles[1]["id"].as_str().unwrap();
        assert_eq!(program.must_json(&["role", "list", "--after", after, "--json"]).as_array(), Some(&roles.as_array().unwrap()[2..].to_vec()));
        for wrong in ["0", "10001", "x"] {
            assert_eq!(program.run(&["user", "list", "--limit", wrong], "").status.code(), Some(2), "{wrong}");
        }
    }

    /// However large the group: the looking is done before, and beside, what others write.
    async fn a_preview_names_eight_counts_the_rest_and_holds_up_no_writer(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        let mut tx = program.database.db.write().await.unwrap();
        let acme = groups::find_by_path(&mut tx, "Acme").await.unwrap();
        let role = roles::find_named(&mut tx, Some(&acme), "User").await.unwrap();
        let by = By::operator(1_800_000_000_000);
        for n in 0..1100 {
            let (login, group) = (Login::parse(&format!("u{n:04}")).unwrap(), Some(&acme));
            let new = NewUser { login: &login, name: None, email: None, group, role: &role, password_hash: Some("$argon2id$none") };
            users::add(&mut tx, new, &by, &mut entropy()).await.unwrap();
        }
        tx.commit().await.unwrap();
        let writing = program.database.db.write().await.unwrap();
        let output = program.run(&["group", "set", "Acme", "--two-factor", "on"], "");
        drop(writing);
        let said = text(&output.stdout);
        let more = "u0006, u0007 and 1,092 more: `countersign user list --group Acme --filter no-address`.";
        assert!(output.status.code() == Some(1) && said.contains(more), "{said}{}", text(&output.stderr));
        let shown = program.must_json(&["group", "show", "Acme", "--json"]);
        assert_eq!((&shown["no_address_count"], shown["no_address"].as_array().map(Vec::len)), (&json!(1100), Some(8)));
        let last = ["user", "list", "--group", "Acme", "--filter", "no-address", "--after", "u1098", "--json"];
        assert_eq!(program.must_json(&last)[0]["login"], "u1099");
    }

    /// A file may be a pipe that nobody writes to yet.
    async fn whoever_waits_for_a_file_of_keys_keeps_nobody_from_changing_the_app(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        let add = ["client", "add", "App", "--redirect-uri", "https://app.example.org/cb", "--json"];
        let id = program.must_json(&add)["client_id"].as_str().unwrap().to_owned();
        let pipe = program.path("keys.json");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let set = ["client", "set", &id, "--jwks-file", pipe.to_str().unwrap(), "--auth-method", "private_key_jwt"];
        std::thread::scope(|threads| {
            let waiting = threads.spawn(|| program.must(&set, ""));
            // Opens once the other end is open.
            let mut keys = std::fs::File::options().write(true).open(&pipe).unwrap();
            program.must(&["client", "set", &id, "--name", "Another name"], "");
            let key = josekit::jwk::Jwk::generate_ec_key(josekit::jwk::alg::ec::EcCurve::P256).unwrap();
            let published = json!({ "keys": [key.to_public_key().unwrap()] });
            keys.write_all(published.to_string().as_bytes()).unwrap();
            drop(keys);
            assert!(waiting.join().unwrap().contains("Changed"));
        });
        let shown = program.must_json(&["client", "show", &id, "--json"]);
        assert_eq!(shown["client_name"], "Another name");
        assert_eq!(shown["jwks"]["keys"].as_array().unwrap().len(), 1, "{shown}");
    }

    async fn switching_two_factor_on_names_who_is_locked_out_and_waits_for_a_yes(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        program.must(&["user", "add", "nia", "--group", "Acme", "--role", "User", "--password-stdin"], &format!("{PASSWORD}\n"));
        program.must(&["user", "add", "ivy", "--group", "Acme", "--role", "User"], "");
        let on = ["group", "set", "Acme", "--two-factor", "on"];
        let output = program.run(&on, "");
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stdout);
        for sentence in [
            "for want of an email address: nia.",
            "Have not chosen a password yet, and need a code once they have: ivy.",
            "by override_2fa: ada.",
            "A Manager may switch two-factor on and has no override",
        ] {
            assert!(said.contains(sentence), "{sentence:?} is not in:\n{said}");
        }
        let shown = || program.must_json(&["group", "show", "Acme", "--json"]);
        assert_eq!((&shown()["two_factor"], &shown()["no_address"]), (&json!("off"), &json!(["nia"])));
        program.must(&[&on[..], &["--yes"]].concat(), "");
        assert_eq!(shown()["two_factor"], "on");
        program.must(&["user", "set", "nia", "--email", "nia@example.org"], "");
        program.must(&["group", "set", "Acme", "--two-factor", "off"], "");
        program.must(&on, "");
    }

    /// Where nobody could get in to repair it, or no code would arrive, it takes whoever runs the site to insist.
    async fn two_factor_waits_for_an_override_and_for_mail_that_works(database) {
        let mut smtp = Smtp::start().await;
        let program = Program::new(database, &smtp);
        program.init();
        program.must(&["group", "add", "Acme"], "");
        let on = ["group", "set", "Acme", "--two-factor", "on"];
        program.must(&on, "");
        program.must(&["group", "set", "Acme", "--two-factor", "off"], "");
        let add = |login: &str, role: &str| {
            let email = format!("{login}@example.org");
            let user = ["user", "add", login, "--group", "Acme", "--role", role, "--email", &email, "--password-stdin"];
            program.must(&user, &format!("{PASSWORD}\n"));
        };
        add("ned", "User");
        let said = refused(&program, &on, "");
        assert!(said.contains("nobody active here holds override_2fa") && said.contains("--yes"), "{said}");
        add("ada", "Top manager");
        smtp.close().await;
        let said = refused(&program, &on, "");
        assert!(said.contains("mail does not work at this moment") && !said.contains("override"), "{said}");
        program.must(&["group", "set", "Acme", "--two-factor", "rehearse"], "");
        program.must(&[&on[..], &["--yes"]].concat(), "");
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

    /// `countersign user list > /mnt/full/people`
    async fn a_disk_without_room_for_the_output_is_told_and_what_was_to_be_printed_once(database) {
        let smtp = Smtp::start().await;
        let program = with_acme(database, &smtp);
        let id = program.add_app().client_id;
        let add = ["user", "add", "ned", "--group", "Acme", "--role", "User"];
        let invite_app = ["client", "add", "Other", "--redirect-uri", "https://other.example.org/"];
        for (arguments, lost) in [
            (&["client", "list"][..], ""),
            (&["--help"], ""),
            (&["client", "rotate-secret", &id], "rotate-secret"),
            (&["client", "rotate-secret", &id, "--json"], "rotate-secret"),
            (&invite_app, "the secret of "),
            (&["client", "invite"], "client invite makes another one"),
            (&add, "countersign user link ned --print makes another one"),
            (&["user", "link", "ada", "--print", "--json"], "countersign user link ada --print makes another one"),
            (&["user", "code", "ada"], "countersign user code ada makes another one"),
        ] {
            let output = program.run_into_a_full_disk(arguments);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
            let said = said.lines().last().unwrap_or_default();
            assert!(said.starts_with("countersign: cannot write the output: No space left on device"), "{said}");
            assert!(said.contains(lost) && said.contains("lost") != lost.is_empty(), "{arguments:?}: {said}");
        }
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
