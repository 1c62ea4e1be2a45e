//! Do the pages and mails say what was agreed, to people, to their password managers and to screen readers?
#![cfg(test)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use axum::body::to_bytes;
use axum::extract;
use countersign::clock::Moment;
use countersign::web::samples::{app, code, password};
use countersign::web::{
    AddressLeftMail, AppCard, ChoosePasswordMail, CodeMail, CodePage, CodesStoppedMail, ConsentPage,
    ErrorText, Language, MailPage, MailParts, OverrideMail, PasswordChangedMail, ResetMail,
    ResetWithoutAddressMail, TestMail,
};
use support::Database;
use support::html::{forms, text_of};
use support::samples::{html, pages, samples};
use support::site::Site;

const ATTACK: &str = "\"><script>alert('x')</script>&amp;";

/// The sentences of a refused step, by the source that chooses them.
const STEPS: &str = include_str!("../src/signin/pages.rs");
const OTHERS: [&str; 3] = [
    include_str!("../src/oidc/logout/hint.rs"),
    include_str!("../src/oidc/device/page.rs"),
    include_str!("../src/signin/new_password.rs"),
];

fn mail<M: MailPage>(mail: &M) -> MailParts {
    pages().mail(mail, Language::default()).unwrap()
}

fn code_mail(app: &str, login: &str) -> MailParts {
    mail(&CodeMail {
        app: app.to_owned(),
        code: "123456".to_owned(),
        reference: "K7QM".to_owned(),
        minutes: 10,
        when: Moment::new(1_795_529_100, None),
        login: login.to_owned(),
    })
}

fn mails() -> Vec<(&'static str, MailParts)> {
    let (who, when) = ("Ada Byron".to_owned(), || Moment::new(1_795_529_100, None));
    let repair = "https://login.example.org/console/repair".to_owned();
    let over =
        OverrideMail { who, login: "ada".to_owned(), app: "Time Tracker".to_owned(), when: when(), repair };
    let link = || "https://login.example.org/reset/abc".to_owned();
    let (login, network) = (|| "ned".to_owned(), "192.0.2.7".to_owned());
    let stranded =
        ResetWithoutAddressMail { who: "Nia Nash".to_owned(), login: "nia".to_owned(), when: when() };
    vec![
        ("code", code_mail("Time Tracker", "ned")),
        ("override", mail(&over)),
        ("codes_stopped", mail(&CodesStoppedMail { login: "ned".to_owned(), when: when() })),
        (
            "choose_password",
            mail(&ChoosePasswordMail { login: login(), link: link(), hours: 24, another: false }),
        ),
        ("reset", mail(&ResetMail { login: login(), link: link(), minutes: 60, when: when() })),
        ("password_changed", mail(&PasswordChangedMail { login: login(), network, when: when() })),
        (
            "address_left",
            mail(&AddressLeftMail { login: login(), changer: "Max Manager".to_owned(), when: when() }),
        ),
        ("reset_without_address", mail(&stranded)),
        ("test", mail(&TestMail { when: when() })),
    ]
}

/// What stands between straight quotes, where it looks like the key of a sentence.
fn quoted(source: &'static str) -> impl Iterator<Item = &'static str> {
    let is_key = |text: &&str| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
    };
    source.split('"').skip(1).step_by(2).filter(is_key)
}

/// Every sentence that a step can be refused with, and the one that says what to do.
fn errors() -> Vec<ErrorText> {
    let (_, body) = STEPS.split_once("fn error_text(").unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let others = OTHERS.into_iter().flat_map(str::lines).filter(|line| line.contains("ErrorText {"));
    let found: Vec<ErrorText> = body
        .lines()
        .filter(|line| line.contains("=> (\""))
        .chain(others)
        .filter_map(|line| {
            let mut keys = quoted(line);
            Some(ErrorText { what: keys.next()?, then: keys.next(), n: 3 })
        })
        .collect();
    assert!(found.len() >= 17, "only {} were found", found.len());
    found
}

/// The agreed sentences stand on the pages to the letter, where a program looks for them.
#[test]
fn refusals_are_told_in_the_agreed_words() {
    let pages = pages();
    let alert = |html: String| {
        assert!(html.contains("<div id=\"error\" role=\"alert\">"), "{html}");
        text_of(&html, "error").unwrap()
    };
    let at_login = |what, then| alert(html(&pages, &password("ned", Some(ErrorText { what, then, n: 0 }))));
    for (key, then, sentence) in [
        ("incorrect", Some("incorrect-then"), "Incorrect login or password."),
        ("no-address", Some("no-address-then"), "No email associated with this login."),
        ("mail-failed", None, "The code could not be sent. Try again later, or ask a manager."),
    ] {
        assert!(at_login(key, then).starts_with(sentence), "{sentence}");
        let page = html(&pages, &password("ned", Some(ErrorText { what: key, then, n: 0 })));
        assert!(page.contains(&format!("<strong>{sentence}</strong>")), "{page}");
    }
    let refused = html(&pages, &password("ned", errors().first().copied()));
    assert!(refused.contains("<title>Error: Sign in"), "a screen reader says the title first");
    let at_code = |n| {
        let error = Some(ErrorText { what: "invalid-code", then: Some("attempts-left"), n });
        alert(html(&pages, &CodePage { error, ..code("ned") }))
    };
    assert_eq!(at_code(4), "Invalid 2FA code. 4 attempts left.");
    assert_eq!(at_code(1), "Invalid 2FA code. 1 attempt left.");
}

#[test]
fn every_refusal_of_a_step_has_its_words() {
    let pages = pages();
    for error in errors() {
        let page = html(&pages, &password("ned", Some(error)));
        assert!(text_of(&page, "error").is_some_and(|text| text.ends_with('.')), "{error:?}");
        html(&pages, &CodePage { error: Some(error), ..code("ned") });
    }
}

#[test]
fn a_page_without_a_refusal_alerts_nobody() {
    for page in [html(&pages(), &password("", None)), html(&pages(), &code("ned"))] {
        assert!(!page.contains("role=\"alert\""), "{page}");
        assert_eq!(text_of(&page, "error"), None);
    }
}

/// What password managers and telephones go by.
#[test]
fn fields_have_their_names_and_say_what_belongs_into_them() {
    let input = |html: &str, id: &str| {
        let start = html.find(&format!("<input id=\"{id}\"")).unwrap_or_else(|| panic!("no {id}: {html}"));
        html[start..].split_inclusive('>').next().unwrap().to_owned()
    };
    let page = html(&pages(), &password("", None));
    for (id, attributes) in [
        ("login", &["name=\"login\"", "autocomplete=\"username\"", "autocapitalize=\"none\""][..]),
        ("password", &["name=\"password\"", "type=\"password\"", "autocomplete=\"current-password\""]),
    ] {
        let input = input(&page, id);
        assert!(attributes.iter().all(|a| input.contains(a)), "{input}");
        assert!(page.contains(&format!("<label for=\"{id}\">")), "{page}");
    }
    let page = html(&pages(), &code("ned"));
    for (id, attributes) in [
        ("login", &["value=\"ned\"", "readonly", "autocomplete=\"username\""][..]),
        (
            "code",
            &["name=\"code\"", "type=\"text\"", "inputmode=\"numeric\"", "autocomplete=\"one-time-code\""],
        ),
        ("password", &["name=\"password\"", "type=\"password\"", "autocomplete=\"current-password\""]),
    ] {
        let input = input(&page, id);
        assert!(attributes.iter().all(|a| input.contains(a)), "{input}");
        assert!(page.contains(&format!("<label for=\"{id}\">")), "{page}");
    }
    let alone = html(&pages(), &CodePage { ask_password: false, ..code("ned") });
    assert!(!alone.contains("id=\"password\""), "{alone}");
}

/// A code is pasted with spaces or a hyphen, so the field itself refuses neither.
#[test]
fn the_code_field_takes_whatever_is_pasted() {
    let page = html(&pages(), &code("ned"));
    assert!(!page.contains("pattern=") && !page.contains("type=\"number\""), "{page}");
}

#[test]
fn every_form_posts_and_its_main_button_is_submit() {
    for (name, page) in samples() {
        let forms = forms(&page);
        // The console's pages have searches, and several forms of one weight.
        if name.starts_with("console-") {
            let main = forms.iter().flat_map(|form| &form.buttons).filter(|[id, ..]| id == "submit").count();
            assert!(main <= 1, "{name}: {forms:?}");
            continue;
        }
        assert!(forms.iter().all(|form| form.method == "post"), "{name}: {forms:?}");
        assert!(forms.iter().all(|form| !form.buttons.is_empty()), "{name}: {forms:?}");
        let buttons = forms.iter().flat_map(|form| &form.buttons).filter(|[id, ..]| id == "submit").count();
        assert_eq!(buttons, usize::from(!forms.is_empty()), "{name}");
        assert!(forms.first().is_none_or(|f| f.buttons[0][0] == "submit"), "{name}: {forms:?}");
    }
}

/// The content security policy would stop it anyway: then the page must not need it.
#[test]
fn no_page_holds_script_or_style_of_its_own() {
    for (name, page) in samples() {
        let page = page.to_lowercase();
        let scripts = page.split("<script").skip(1);
        let ours =
            |script: &str| script.starts_with(" src=\"&#x2f;assets&#x2f;") && script.contains("\"></script>");
        assert!(scripts.into_iter().all(ours), "{name}: a script of the page's own");
        // Only apps' own pages for signing out are framed, and those may not lead away.
        let frames = page.matches("<iframe hidden").count();
        assert_eq!(frames, usize::from(name == "signed-out-goes-on"), "{name}");
        assert_eq!(frames, page.matches(" sandbox=\"allow-scripts allow-same-origin\"").count(), "{name}");
        let page = page.replace("<iframe hidden", "");
        for inline in ["<style", " style=", "javascript:", "<iframe", "<base"] {
            assert!(!page.contains(inline), "{name}: {inline}");
        }
        let handlers = page.split(" on").skip(1).filter(|rest| {
            rest.split_once('=').is_some_and(|(event, _)| event.chars().all(|c| c.is_ascii_lowercase()))
        });
        assert_eq!(handlers.count(), 0, "{name}");
    }
}

#[tokio::test]
async fn every_page_is_light() {
    let assets = pages().assets().clone();
    let mut first_visit = 0;
    for (path, kind, most) in [
        (assets.stylesheet_path(), "text/css; charset=utf-8", 8_000),
        (assets.page_path(), "text/javascript; charset=utf-8", 2_000),
        (assets.icon_path(), "image/svg+xml", 500),
    ] {
        let name = path.rsplit('/').next().unwrap().to_owned();
        let response = assets.serve(&extract::Path(name.clone()));
        assert_eq!(response.headers()["content-type"], kind);
        let bytes = to_bytes(response.into_body(), 100_000).await.unwrap().len();
        assert!(bytes < most, "{path} has {bytes} bytes");
        first_visit += bytes;
        for (page, html) in samples() {
            // Apps load the page for programs in a frame that nobody sees.
            assert!(html.contains(&name) || page == "session-check", "{page} has no {path}");
        }
    }
    let mut console = 0;
    for (path, most) in [(assets.console_stylesheet_path(), 9_400), (assets.console_script_path(), 4_500)] {
        let name = path.rsplit('/').next().unwrap().to_owned();
        let response = assets.serve(&extract::Path(name));
        let bytes = to_bytes(response.into_body(), 100_000).await.unwrap().len();
        assert!(bytes < most, "{path} has {bytes} bytes");
        console += bytes;
    }
    for (name, page) in samples() {
        if name.starts_with("console-") {
            let total = page.len() + first_visit + console;
            assert!(total < 40_000, "{name}: {total} bytes, {} of them the page", page.len());
            continue;
        }
        let total = page.len() + first_visit;
        let most = if name.starts_with("password") || name.starts_with("code") { 12_000 } else { 20_000 };
        assert!(total < most, "{name}: {total} bytes, {} of them the page", page.len());
    }
}

/// Names come from apps, logins from anybody.
#[test]
fn whatever_a_name_holds_is_text() {
    let pages = pages();
    let app = || AppCard { name: ATTACK.to_owned(), ..app() };
    let consent = ConsentPage {
        app: app(),
        action: "/authorize/x/consent".to_owned(),
        another: "/authorize/x/another".to_owned(),
        login: ATTACK.to_owned(),
        user_code: Some(ATTACK.to_owned()),
        scopes: vec!["openid"],
    };
    let drawn = [
        html(&pages, &countersign::web::PasswordPage { app: app(), ..password(ATTACK, None) }),
        html(&pages, &CodePage { app: app(), sent_to: Some(ATTACK.to_owned()), ..code(ATTACK) }),
        html(&pages, &consent),
        code_mail(ATTACK, ATTACK).html,
    ];
    for page in drawn {
        assert!(!page.contains("<script>"), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
    }
    // Plain text is plain: nobody is to read `&lt;` there.
    assert!(code_mail(ATTACK, "ned").text.contains(ATTACK));
}

#[test]
fn the_code_mail_says_all_that_matters() {
    let MailParts { subject, text, html } = code_mail("Time Tracker", "ned");
    assert_eq!(subject, "Your code for Time Tracker (K7QM)");
    for part in [text, html] {
        for said in
            ["123456", "K7QM", "Not you?", "Time Tracker", "ned", "2026-11-24 14:05 UTC", "10 minutes"]
        {
            assert!(part.contains(said), "{said} is not in\n{part}");
        }
    }
}

#[test]
fn every_mail_has_a_subject_of_one_line_and_two_parts_that_say_the_same() {
    for (name, MailParts { subject, text, html }) in mails() {
        assert!(!subject.is_empty() && !subject.contains('\n'), "{name}: {subject}");
        assert!(!html.contains("<script") && !html.contains("<img"), "{name}");
        let read = support::html::text(&html);
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            assert!(read.contains(line), "{name}: {line}\nis not in\n{read}");
        }
    }
}

/// The keys of the catalogue, from all of its files.
fn keys() -> BTreeSet<String> {
    let files =
        fs::read_dir("locales/en").unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let keys: BTreeSet<String> = files
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_once(" = ").map(|(key, _)| key.to_owned()))
        .collect();
    assert!(keys.len() > 80, "only {} keys were found", keys.len());
    keys
}

fn text_below(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { text_below(&path) } else { fs::read_to_string(path).unwrap() })
        .collect()
}

/// A sentence that nobody says is work for every translator.
#[test]
fn every_sentence_is_said_somewhere() {
    let (templates, sources) = (text_below(Path::new("templates")), text_below(Path::new("src")));
    let named = |text: &str| sources.contains(&format!("\"{text}\""));
    let unused: Vec<String> = keys()
        .into_iter()
        .filter(|key| {
            let of_a_problem =
                ["-title", "-what-to-do"].iter().any(|end| key.strip_suffix(end).is_some_and(named));
            let of_a_scope = key.strip_prefix("scope-").is_some_and(named);
            let whole = templates.contains(&format!("\"{key}\"")) || named(key);
            !(whole || is_composed(key, &templates, &sources) || of_a_problem || of_a_scope)
        })
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

/// The audit log tells what happened, and not by the names that programs know.
#[test]
fn every_event_of_the_audit_log_has_its_sentence() {
    let (keys, sources) = (keys(), text_below(Path::new("src")));
    let recorded: BTreeSet<&str> = ["Event::new(\"", ".event(\""]
        .iter()
        .flat_map(|begin| sources.split(begin).skip(1))
        .filter_map(|rest| rest.split_once('"'))
        .map(|(name, _)| name)
        .filter(|name| name.contains('.') && !name.contains(' '))
        .collect();
    assert!(recorded.len() > 30, "only {} were found: {recorded:?}", recorded.len());
    let untold: Vec<&&str> = recorded
        .iter()
        .filter(|name| !keys.contains(&format!("audit-is-{}", name.replace(['.', '_'], "-"))))
        .collect();
    assert!(untold.is_empty(), "{untold:?}");
}

/// Whether a sentence is asked for by the word of a state, a right or an outcome: `t("two-factor-" ~ setting)`.
fn is_composed(key: &str, templates: &str, sources: &str) -> bool {
    key.match_indices('-').any(|(at, _)| {
        let (begin, word) = (&key[..=at], key[at + 1..].trim_end_matches("-what"));
        let asked =
            templates.contains(&format!("\"{begin}\" ~")) || sources.contains(&format!("\"{begin}{{"));
        asked && sources.contains(&format!("\"{word}\""))
    })
}

#[test]
fn every_sentence_that_a_page_asks_for_is_there() {
    let (keys, templates) = (keys(), text_below(Path::new("templates")));
    let asked: BTreeSet<&str> =
        templates.split("t(\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(key, _)| key).collect();
    // `scope-` and the like are put together with what the page knows.
    let missing: Vec<&&str> =
        asked.iter().filter(|key| !key.ends_with('-') && !keys.contains(**key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let scopes = ["openid", "profile", "email", "groups", "offline_access"];
    assert!(scopes.iter().all(|scope| keys.contains(&format!("scope-{scope}"))));
}

/// Somebody follows them word by word, once, on a Friday evening.
#[tokio::test]
async fn every_page_of_ours_that_the_documents_send_people_to_is_there() {
    let site = Site::on(Database::sqlite().await).await;
    let documents = text_below(Path::new("docs")) + &fs::read_to_string("README.md").unwrap();
    let paths: BTreeSet<&str> = documents
        .split("https://login.example.org/")
        .skip(1)
        .map(|rest| rest.split(|c: char| !(c.is_ascii_alphanumeric() || "/-_.".contains(c))).next().unwrap())
        .map(|path| path.trim_end_matches('.'))
        .collect();
    assert!(paths.contains("console"), "{paths:?}");
    for path in paths {
        let page = site.browser().open(&format!("/{path}")).await.page().clone();
        assert_ne!(page.status, 404, "https://login.example.org/{path}");
    }
}
