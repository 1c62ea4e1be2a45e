//! How does the sample app look? Its pages as text; `time_tracker` decides which of them is shown.

use openidconnect::LocalizedClaim;

use super::html::{escape, time_of_day};
use super::relying_party::{Settings, SignedIn, TWO_FACTORS};

/// What to try, and what then happens.
const PEOPLE: [(&str, &str, &str); 4] = [
    ("ned", "User", "is emailed a code. Look into the inbox for it."),
    ("nia", "User without an email address", "cannot be sent a code, and is told so."),
    (
        "ada",
        "Top manager",
        "may override two-factor: she gets in without a code, and Tom, the other Top manager, is told by email.",
    ),
    ("max", "Manager", "is emailed a code too: managing others is no reason to skip it."),
];

/// The front page for somebody who has not signed in.
#[must_use]
pub fn signed_out(settings: &Settings) -> String {
    let people = PEOPLE.map(|(login, role, what)| {
        format!("<li><p><b>{login}</b> <span>{role}</span></p><p>{what}</p></li>")
    });
    let people = people.concat();
    whole(
        "Welcome",
        &format!(
            "<h1>Whose time is it?</h1>\
             <p class=\"lead\">This is a sample app. It knows no passwords: it sends you to Countersign to sign in, and learns who you are.</p>\
             <p><a class=\"button\" id=\"sign-in\" href=\"/sign-in\">Sign in</a></p>\
             <h2>What to try</h2><p>Everyone is in the group Acme, which asks for two factors. The password is always <code>correct horse battery</code>.</p>\
             <ul class=\"people\">{people}</ul>\
             <p>Mails arrive in the <a href=\"{}\" target=\"_blank\" rel=\"noopener\">inbox (a new window)</a>.</p>\
             <h2>What managers can repair</h2>\
             <p>Open the <a id=\"console\" href=\"{}/console\">managers' console</a>:</p><ul>\
             <li>as <b>ada</b>, who comes in without a code and lands in Repair: Nia cannot sign in before somebody gives her an address;</li>\
             <li>as <b>max</b>, a Manager: the invitation of Ina, who is new, did not arrive. Find out why, give her another address, and send it again;</li>\
             <li>as <b>root</b>, the site administrator, who sees all groups and apps: try other mail settings, and see where they fail.</li></ul>",
            escape(settings.inbox_url.as_str()),
            escape(&settings.issuer)
        ),
    )
}

/// The front page for somebody who has.
#[must_use]
pub fn signed_in(settings: &Settings, who: &SignedIn, refreshed_at: Option<i64>) -> String {
    let name = display_name(who);
    let refreshed = refreshed_at.map_or_else(String::new, |at| {
        format!(
            "<p class=\"good\" role=\"status\">Refreshed at {}: new tokens, without asking you anything.</p>",
            time_of_day(at)
        )
    });
    whole(
        "Signed in",
        &format!(
            "<h1>Hello, {}</h1><p class=\"lead\">{}</p>{refreshed}\
             <h2>What the app has learned</h2><dl>{}</dl>\
             <div class=\"row\"><form method=\"post\" action=\"/refresh\"><button id=\"refresh\">Refresh the tokens</button></form>\
             <form method=\"post\" action=\"/sign-out\"><button id=\"sign-out\">Sign out</button></form></div>\
             <h2>What to try</h2><ul>\
             <li><a id=\"sign-in-again\" href=\"/sign-in/again\">Sign in again</a>: the app asks for every proof anew (<code>prompt=login</code>).</li>\
             <li><a id=\"two-factors\" href=\"/sign-in/two-factors\">Ask for two factors</a>: the app demands them (an essential <code>acr</code>), and only what is missing is asked for.</li>\
             <li><a href=\"{}\" target=\"_blank\" rel=\"noopener\">The inbox (a new window)</a></li></ul>",
            escape(&name),
            how(who),
            facts(who),
            escape(settings.inbox_url.as_str())
        ),
    )
}

/// The provider has answered with an error (RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6).
#[must_use]
pub fn refused(error: &str, description: &str) -> String {
    let words = match error {
        "access_denied" => "You were not let in, or you turned back.",
        "unmet_authentication_requirements" => {
            "The app asked for two factors, and there is no address that a code could be sent to."
        }
        "login_required" | "interaction_required" | "account_selection_required" => {
            "You have to sign in first."
        }
        "consent_required" => "You have not agreed that the app may know who you are.",
        "server_error" | "temporarily_unavailable" => {
            "The provider has trouble of its own. Try again in a moment."
        }
        _ => "The provider did not like the app's request.",
    };
    alert(&format!(
        "<p>{words}</p><p class=\"small\"><code>{}</code> {}</p>",
        escape(error),
        escape(description)
    ))
}

/// An answer came that this browser has not asked for.
#[must_use]
pub fn foreign_answer() -> String {
    alert("<p>This answer belongs to no sign-in that this browser has begun here, or it was used before.</p>")
}

/// Something failed between app and provider.
#[must_use]
pub fn trouble(words: &str) -> String {
    alert(&format!("<p>{}</p>", escape(words)))
}

/// There is no such page.
#[must_use]
pub fn not_found() -> String {
    whole("Not found", "<h1>There is nothing here</h1><p><a href=\"/\">Back to the front page</a></p>")
}

fn alert(inside: &str) -> String {
    whole(
        "Not signed in",
        &format!(
            "<h1>That did not work</h1><div role=\"alert\" id=\"error\">{inside}</div>\
             <p><a class=\"button\" id=\"sign-in\" href=\"/sign-in\">Sign in</a></p><p><a href=\"/\">Back to the front page</a></p>"
        ),
    )
}

fn display_name(who: &SignedIn) -> String {
    let name = who.user.name().and_then(plain);
    let login = who.user.preferred_username().map(|login| login.as_str());
    name.or(login).unwrap_or("you").to_owned()
}

/// A claim in no particular language.
fn plain<T: std::ops::Deref<Target = String>>(claim: &LocalizedClaim<T>) -> Option<&str> {
    claim.get(None).map(|claim| claim.as_str())
}

fn how(who: &SignedIn) -> &'static str {
    let two = who.claims.auth_context_ref().is_some_and(|acr| acr.as_str() == TWO_FACTORS);
    let overrides = who.user.additional_claims().rights.iter().any(|right| right == "override_2fa");
    match (two, overrides) {
        (true, _) => "You signed in with your password and an emailed code.",
        (false, true) => {
            "You signed in with your password alone, as your right to override two-factor allows. The other Top managers have been told."
        }
        (false, false) => "You signed in with your password alone.",
    }
}

fn facts(who: &SignedIn) -> String {
    let (claims, user, work) = (&who.claims, &who.user, who.user.additional_claims());
    let amr = claims.auth_method_refs().into_iter().flatten();
    let amr: Vec<&str> = amr.map(|method| method.as_str()).collect();
    let acr = claims.auth_context_ref().map(|acr| acr.as_str().to_owned());
    let rows = [
        ("Name", "name", user.name().and_then(plain).map(str::to_owned)),
        ("Login", "preferred_username", user.preferred_username().map(|login| login.to_string())),
        ("Email", "email", user.email().map(|email| email.to_string())),
        ("Subject", "sub", Some(claims.subject().as_str().to_owned())),
        ("Proofs", "amr", Some(amr.join(" "))),
        ("Class", "acr", acr),
        (
            "Signed in at",
            "auth_time",
            claims.auth_time().map(|at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string()),
        ),
        ("Groups", "groups", Some(work.groups.join(", "))),
        ("Role", "role", work.role.clone()),
        ("Rights", "rights", Some(work.rights.join(" "))),
    ];
    rows.into_iter().map(|(label, claim, value)| row(label, claim, value.as_deref())).collect()
}

fn row(label: &str, claim: &str, value: Option<&str>) -> String {
    let shown = match value.filter(|value| !value.is_empty()) {
        Some(value) => escape(value),
        None => "<i>none</i>".to_owned(),
    };
    format!("<div><dt>{label} <code>{claim}</code></dt><dd id=\"{claim}\">{shown}</dd></div>")
}

fn whole(title: &str, main: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} · Time Tracker</title>\n\
         <link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n\
         <header><p><span aria-hidden=\"true\"></span>Time Tracker</p></header>\n<main>\n{main}\n</main>\n\
         <footer><p>A sample app of the Countersign demo</p></footer>\n</body>\n</html>\n"
    )
}

/// Warm paper and indigo, so that nobody takes the app for the provider.
pub const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#2c261d;--soft:#675c4b;--paper:#f8f2e6;--card:#fffdf7;--line:#e3d8c3;--accent:#3f3a94;--on-accent:#fff;--good:#1d5b38;--good-bg:#e4f1e2;--bad:#8c1f1f;--bad-bg:#fae4de}
@media (prefers-color-scheme:dark){:root{--ink:#efe7d8;--soft:#bcae97;--paper:#1a1712;--card:#242019;--line:#3c3529;--accent:#b9b5f7;--on-accent:#1c1944;--good:#a6dbb5;--good-bg:#1d3125;--bad:#ffb4a6;--bad-bg:#3a1c18}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.55 Charter,\"Bitstream Charter\",\"Iowan Old Style\",Georgia,\"Noto Serif\",serif}
header,main,footer{max-inline-size:40rem;margin-inline:auto;padding-inline:1rem}
header p{display:flex;align-items:center;gap:.6rem;margin:1.5rem 0 2rem;font-weight:700;letter-spacing:.01em}
header span{inline-size:1.6rem;block-size:1.6rem;border:.2rem solid var(--accent);border-radius:50%;position:relative}
header span::after{content:\"\";position:absolute;inset:.22rem .2rem .42rem .48rem;border:solid var(--accent);border-width:0 0 .16rem .16rem}
footer p{margin:3rem 0 2rem;padding-block-start:1rem;border-block-start:1px solid var(--line);font-size:.9375rem;color:var(--soft)}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .5rem;letter-spacing:-.01em;text-wrap:balance;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2rem 0 .5rem}
.lead{color:var(--soft);font-size:1.125rem;margin:.5rem 0 1.25rem}
.small{font-size:.9375rem}
a{color:var(--accent);text-underline-offset:.15em}
.button,button{display:inline-block;min-block-size:3rem;padding:.6rem 1.5rem;font:inherit;font-weight:700;text-decoration:none;color:var(--on-accent);background:var(--accent);border:2px solid var(--accent);border-radius:.4rem;cursor:pointer}
#sign-out{color:var(--accent);background:transparent}
.button:hover,button:hover{text-decoration:underline}
:focus-visible{outline:3px solid var(--accent);outline-offset:3px}
.row{display:flex;flex-wrap:wrap;gap:.75rem}
ul{padding-inline-start:1.25rem}
.people{list-style:none;padding:0;display:grid;gap:.75rem}
.people li,dl{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem;margin:0}
.people p{margin:0}
.people span,dt,dd i{color:var(--soft)}
dl{margin-block-end:1.25rem;padding-block:.25rem}
dl div{display:grid;grid-template-columns:minmax(9rem,2fr) 3fr;gap:.25rem 1rem;padding:.45rem 0;border-block-end:1px solid var(--line)}
dl div:last-child{border:0}
dt code{display:block;font-size:.8125rem}
dd{margin:0;overflow-wrap:anywhere}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.9em;overflow-wrap:anywhere}
.good,[role=alert]{margin:1rem 0;padding:.75rem 1rem;border-radius:.4rem;border-inline-start:.3rem solid}
.good{color:var(--good);background:var(--good-bg)}
[role=alert]{color:var(--bad);background:var(--bad-bg)}
[role=alert] p{margin:.25rem 0}
@media (max-width:28rem){dl div{grid-template-columns:1fr}h1{font-size:1.6rem}}
";
