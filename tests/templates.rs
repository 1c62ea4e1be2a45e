//! Do the templates draw in every state and language, and can one's own take their place?
#![cfg(test)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use countersign::config::{Brand, Templates};
use countersign::web::samples::{self, Sample};
use countersign::web::{Language, Pages};
use support::samples::pages as built_in;

fn everything() -> Vec<Sample> {
    samples::all(&built_in()).unwrap()
}

fn page(name: &str) -> String {
    let drawn = samples::pages(&built_in(), Language::default()).unwrap();
    drawn.into_iter().find(|sample| sample.name == name).unwrap().text
}

/// Templates are strict: what they ask for and a page does not have is an error, so drawing is the test.
#[test]
fn every_template_is_drawn_by_a_sample() {
    let drawn: BTreeSet<String> = everything().into_iter().map(|sample| sample.template).collect();
    let shared = ["base.html", "error.html", "app_links.html", "mail/base.html"];
    for name in templates() {
        assert!(drawn.contains(&name) || shared.contains(&name.as_str()), "no sample draws {name}");
    }
}

#[test]
fn every_page_is_one_whole_document() {
    for Sample { name, template, text } in everything() {
        if template.starts_with("mail/") {
            continue;
        }
        assert!(!text.contains("data:"), "{name}: the content security policy takes no such picture");
        assert_eq!(text.matches("<h1>").count(), 1, "{name}");
        assert_eq!(text.matches("<main>").count(), 1, "{name}");
        assert!(text.contains("<html lang=\"en\" dir=\"ltr\">"), "{name}");
        assert!(!text.contains('\u{2068}'), "{name} has invisible marks");
        let mut ids: Vec<&str> =
            text.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name} has an id twice");
        for described in text.split(" aria-describedby=\"").skip(1).filter_map(|rest| rest.split('"').next())
        {
            for id in described.split(' ') {
                assert!(ids.contains(&id), "{name} is described by #{id}, which is not there");
            }
        }
    }
}

/// A code page for a code given by hand promises no mail, and one that may send no more offers none.
#[test]
fn only_a_code_by_mail_can_be_sent_again() {
    assert!(page("code").contains("id=\"resend\""));
    assert!(
        page("code-resend-too-soon").contains("id=\"resend\""),
        "without JavaScript nothing would bring it back"
    );
    for name in ["code-by-hand", "code-no-more"] {
        assert!(!page(name).contains("id=\"resend\""), "{name}");
    }
    assert!(page("code-by-hand").contains("given by hand"));
}

/// What is wrong is marked where it is, for who does not see the colour.
#[test]
fn a_refused_field_says_that_it_is_refused() {
    let refused = |name: &str, id: &str| {
        let html = page(name);
        let start = html.find(&format!("<input id=\"{id}\"")).unwrap_or_else(|| panic!("no {id}"));
        html[start..].split('>').next().unwrap().contains("aria-invalid=\"true\"")
    };
    assert!(refused("password-incorrect", "login") && refused("password-incorrect", "password"));
    assert!(!refused("password-busy", "login") && !refused("password-busy", "password"));
    assert!(refused("code-wrong", "code") && !refused("code-wrong", "password"));
    assert!(refused("code-incorrect", "password") && !refused("code-incorrect", "code"));
    assert!(refused("choose-password-short", "password") && !refused("choose-password", "password"));
}

#[test]
fn all_languages_have_the_same_sentences() {
    let folders: BTreeSet<String> = fs::read_dir("locales")
        .unwrap()
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, Language::available().map(str::to_owned).collect());
    for language in folders {
        assert_eq!(keys(&language), keys("en"), "{language}");
    }
}

#[test]
fn a_template_of_ones_own_replaces_the_built_in_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("mail")).unwrap();
    fs::write(folder.path().join("front.html"), "<h1>{{ brand }}: {{ page.issuer }}</h1>").unwrap();
    fs::write(folder.path().join("mail/test.txt"), "Hello\nWorld").unwrap();
    fs::write(folder.path().join("style.css"), "body{color:red}").unwrap();
    let own = Templates { dir: Some(folder.path().to_owned()) };
    let pages = Pages::new(&Brand { name: "A & B".to_owned(), ..Brand::default() }, &own).unwrap();
    let drawn = samples::pages(&pages, Language::default()).unwrap();
    let front = drawn.iter().find(|sample| sample.name == "front").unwrap();
    assert_eq!(front.text, "<h1>A &amp; B: https:&#x2f;&#x2f;login.example.org</h1>");
    assert_ne!(pages.assets().stylesheet_path(), built_in().assets().stylesheet_path());
}

/// `check` draws the samples, and so finds what would fail in front of a person.
#[test]
fn a_template_that_asks_for_what_is_not_there_is_found() {
    for wrong in ["{{ page.nothing }}", "{{ t(\"no-such-sentence\") }}", "{{ t(\"attempts-left\") }}"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("front.html"), wrong).unwrap();
        let own = Templates { dir: Some(folder.path().to_owned()) };
        let pages = Pages::new(&Brand::default(), &own).unwrap();
        let error = samples::pages(&pages, Language::default()).unwrap_err().to_string();
        assert!(error.contains("front.html"), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("front.html"), "{% if %}").unwrap();
    assert!(Pages::new(&Brand::default(), &Templates { dir: Some(folder.path().to_owned()) }).is_err());
}

/// The built-in templates, as their folder has them.
fn templates() -> Vec<String> {
    let names = |folder: &str| {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.filter(|path| path.extension().is_some_and(|e| e == "html" || e == "txt"));
        files.map(|path| path.strip_prefix("templates").unwrap().display().to_string()).collect::<Vec<_>>()
    };
    [names("templates"), names("templates/mail")].concat()
}

/// The keys of a language's catalogue.
fn keys(language: &str) -> BTreeSet<String> {
    let files = fs::read_dir(Path::new("locales").join(language)).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    texts
        .flat_map(|text| {
            let keys = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
            keys.filter_map(|line| line.split_once(" =")).map(|(key, _)| key.to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

/// Whoever writes a template puts `{{ base }}` before the path of a page of ours.
#[test]
fn every_address_of_ours_begins_with_the_path_of_the_issuer() {
    let pages = built_in().of_issuer("https://example.org/auth");
    let mut found = 0;
    for sample in samples::pages(&pages, Language::default()).unwrap() {
        let html = sample.text.replace("&#x2f;", "/");
        for start in ["href=\"/", "src=\"/", "action=\"/"] {
            for (at, _) in html.match_indices(start) {
                let rest = &html[at + start.len() - 1..];
                // The logo of an app is the app's.
                if !rest.starts_with("/assets/app.svg") {
                    assert!(rest.starts_with("/auth/"), "{}: {}", sample.name, rest.lines().next().unwrap());
                    found += 1;
                }
            }
        }
    }
    assert!(found > 50, "{found}");
}
