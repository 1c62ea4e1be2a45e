//! What do the pages about keys, apps and the audit log look like in each of their states?

use super::app::{AppPage, Refused};
use super::app_people::{AppPeoplePage, COLUMNS, Line as UserLine, Party as User};
use super::app_secrets::{SecretPage, keep_field};
use super::app_slips::{Harm, Mistake, words};
use super::app_try::{self, Got, Line as Claim, TryPage};
use super::apps::{AppsPage, Line, NewAppPage};
use super::audit::{self, AuditPage, Line as Event, Party, TOLD};
use super::audit_verify;
use super::field::{Field, Kind, Said, Summed};
use super::keys::{KeysPage, Line as KeyLine};
use super::listing::{Column, Table};
use super::samples::console;
use crate::audit::chain::{Break, Report};
use crate::clock::Moment;
use crate::oidc::clients::recipe::RECIPES;
use crate::oidc::shared::scopes::Scope;
use crate::oidc::shared::slip::Slip;
use crate::oidc::tryout::Why;
use crate::web::samples::{Drawing, LONG, MOMENT};
use crate::web::{Hint, TemplateError};

/// All of them.
pub(super) fn all(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    keys(drawing)?;
    apps(drawing)?;
    new_app(drawing)?;
    app(drawing)?;
    tried(drawing)?;
    people(drawing)?;
    verified(drawing)?;
    audit(drawing)
}

fn at(seconds: i64) -> Moment {
    Moment::new(MOMENT + seconds, Some("Europe/Berlin"))
}

fn keys(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let key = |kind: &str, algorithms: &str, does, until: Option<i64>| KeyLine {
        kid: "b8Zc0vN2mJ8Q5xT1rYwK7uE3sHgLdPaF9oCiBnVe4Xk".to_owned(),
        kind: kind.to_owned(),
        algorithms: algorithms.to_owned(),
        does,
        at: until.map(at),
        made: at(-86_400),
    };
    let rsa = "RS256, RS384, RS512, PS256, PS384, PS512";
    let column = |label| Column {
        label,
        link: Some("/console/keys?sort=kind".to_owned()),
        sorted: None,
        number: false,
    };
    let quiet = KeysPage {
        next: None,
        table: Table {
            caption: "keys-title",
            columns: ["keys-kind", "keys-does", "keys-made"].map(column).to_vec(),
            first: None,
            next: None,
        },
        keys: vec![key("RSA", rsa, "keys-signing", None), key("P-256", "ES256", "keys-signing", None)],
        ahead: 10,
        errors: Vec::new(),
    };
    console(drawing, "console-keys", &quiet)?;
    let many = KeysPage {
        next: Some(at(600)),
        keys: vec![
            key("RSA", rsa, "keys-signing-until", Some(600)),
            key("RSA", rsa, "keys-announced", Some(600)),
            key("P-256", "ES256", "keys-retired", Some(3600)),
            key("Ed25519", "EdDSA", "keys-gone", Some(-60)),
        ],
        errors: vec![Summed::new("", Said::new("keys-too-many").counting(80))],
        ..quiet
    };
    console(drawing, "console-keys-many", &many)
}

fn apps(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let column = |label| Column { label, link: None, sorted: None, number: false };
    let table = Table {
        caption: "apps-title",
        columns: ["apps-name", "apps-kind", "apps-groups", "apps-state"].map(column).to_vec(),
        first: None,
        next: Some("/console/apps?after=x".to_owned()),
    };
    let line = |name: &str, kind, who, state| Line {
        id: "01HZX3N6W8Q4T2V7K9B5C1D0EF".to_owned(),
        name: name.to_owned(),
        kind: Said::new(kind),
        who,
        state,
    };
    let apps = vec![
        line("Time Tracker", "apps-kind-secret", Said::new("apps-for-all"), Said::new("apps-state-well")),
        line(
            LONG,
            "apps-kind-public",
            Said::new("apps-for-groups").counting(3),
            Said::new("apps-lacks-secret"),
        ),
        line(
            "=1+1",
            "apps-kind-itself",
            Said::new("apps-for-all"),
            Said::new("apps-state-refused").counting(2),
        ),
    ];
    let empty = AppsPage {
        lead: Said::new("apps-well"),
        q: String::new(),
        told: Said::new("apps-told"),
        table: table.clone(),
        apps: Vec::new(),
        more: false,
    };
    console(drawing, "console-apps", &empty)?;
    console(
        drawing,
        "console-apps-many",
        &AppsPage {
            lead: Said::new("apps-failing").counting(2),
            q: LONG.to_owned(),
            apps,
            more: true,
            ..empty
        },
    )
}

fn new_app(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let choosing = NewAppPage {
        kinds: RECIPES.iter().map(|recipe| (recipe.name, recipe.title)).collect(),
        chosen: None,
        fields: Vec::new(),
        errors: Vec::new(),
    };
    console(drawing, "console-new-app", &choosing)?;
    let said = Said::new("apps-wrong-no-address");
    let mut fields = form(true);
    if let Some(field) = fields.get_mut(1) {
        *field = Field {
            editable: true,
            error: Some(said.clone()),
            ..Field::new("address", "apps-address", Kind::Text, "").hint("apps-address-hint").required()
        };
    }
    let errors = vec![Summed::new("address", said)];
    let chosen = Some(("grafana", "Grafana"));
    console(drawing, "console-new-app-wrong", &NewAppPage { chosen, fields, errors, ..choosing })
}

fn form(editable: bool) -> Vec<Field> {
    let all = [
        Field::new("name", "apps-name", Kind::Text, LONG).hint("apps-name-hint").required(),
        Field::new(
            "redirect_uris",
            "apps-redirect-uris",
            Kind::Lines,
            "https://app.example.org/login/generic_oauth",
        )
        .hint("apps-redirect-uris-hint"),
        Field::new(
            "post_logout_redirect_uris",
            "apps-after-sign-out",
            Kind::Lines,
            "https://app.example.org/",
        )
        .hint("apps-after-sign-out-hint"),
        Field::new("backchannel_logout_uri", "apps-heard", Kind::Text, "https://app.example.org/signed-out")
            .hint("apps-heard-hint"),
        Field::new("groups", "apps-groups", Kind::Lines, "Acme\nAcme/Design").hint("apps-groups-hint"),
        Field::new("require_two_factor", "apps-two-factor", Kind::Check, "on").hint("apps-two-factor-hint"),
        Field::new("consent", "apps-consent", Kind::Check, "").hint("apps-consent-hint"),
    ];
    all.into_iter().map(|field| Field { editable, ..field }).collect()
}

fn mistake(slip: Slip) -> Mistake {
    let (is_near, is_sent) =
        (slip == Slip::RedirectUriNear, matches!(slip, Slip::RedirectUri | Slip::RedirectUriNear));
    let (sent, told) =
        if is_sent { ("https://app.example.org/login/generic_oauth/", "") } else { ("", LONG) };
    let value = "https://app.example.org/login/generic_oauth".to_owned();
    let (key, remedy) = words(slip);
    Mistake {
        key,
        remedy,
        n: 3,
        last: at(-600),
        sent: sent.to_owned(),
        told: told.to_owned(),
        hint: is_near.then_some(Hint { key: "redirect-differs-slash", value }),
        mended: slip == Slip::RedirectUri,
        harm: if slip.keeps_out() { Harm::KeepsOut } else { Harm::None },
    }
}

fn app(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let refused = |login: &str, why| Refused {
        at: at(-600),
        login: login.to_owned(),
        path: Some("/console/users/x".to_owned()),
        why,
    };
    let quiet = AppPage {
        id: "01HZX3N6W8Q4T2V7K9B5C1D0EF".to_owned(),
        name: LONG.to_owned(),
        lead: Said::new("apps-lead-well"),
        kind: Said::new("apps-kind-secret"),
        method: "client_secret_basic",
        scope: None,
        people: Said::new("apps-used-by").counting(0),
        elsewhere: false,
        since: at(-86_400),
        refused: Vec::new(),
        mistakes: Vec::new(),
        old_used: None,
        fields: form(false),
        version: "0123456789abcdef".to_owned(),
        keep: None,
        secrets: "0123456789abcdef".to_owned(),
        old_until: None,
        recipes: RECIPES.iter().map(|recipe| (recipe.name, recipe.title, false)).collect(),
        setup: None,
        errors: Vec::new(),
    };
    console(drawing, "console-app", &quiet)?;
    let setup =
        "OIDC_ISSUER=https://login.example.org\nOIDC_CLIENT_ID=01HZX3N6W8Q4T2V7K9B5C1D0EF\n".to_owned();
    let refused = vec![
        refused("nia", Said::new("apps-refused-two-factor")),
        refused(LONG, Said::new("apps-refused-denied")),
        refused("", Said::new("apps-refused-other").about("invalid_target")),
    ];
    let mistakes: Vec<Mistake> =
        Slip::ALL.into_iter().filter(|slip| *slip != Slip::OldSecret).map(mistake).collect();
    let busy = AppPage {
        lead: Said::new("apps-lead-refused").counting(3),
        people: Said::new("apps-used-by-many").counting(10_000),
        scope: Some("openid profile email".to_owned()),
        elsewhere: true,
        refused,
        mistakes,
        old_used: Some(at(-600)),
        fields: form(true),
        keep: Some(keep_field(true)),
        secrets: "0123456789abcdef".to_owned(),
        old_until: Some(at(3600)),
        setup: Some(setup.clone()),
        errors: vec![Summed::new("", Said::new("apps-meanwhile"))],
        ..quiet
    };
    console(drawing, "console-app-busy", &busy)?;
    secrets(drawing, busy, setup)
}

fn tried(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let claim = |name: &str, value: Option<&str>, why: Why| Claim {
        name: name.to_owned(),
        value: value.map(str::to_owned),
        why: app_try::why(why),
    };
    let claims = vec![
        claim("sub", Some("\"b8Zc0vN2mJ8Q5xT1rYwK7uE3sHgLdPaF9oCiBnVe4Xk\""), Why::Pairwise),
        claim("jti", None, Why::Always),
        claim("amr", Some("[\"pwd\",\"otp\",\"mfa\"]"), Why::SignIn),
        claim("at_hash", None, Why::Bound),
        claim("sid", None, Why::Logout),
        claim("name", Some(LONG), Why::Setting(Scope::Profile)),
        claim("groups", Some("[\"Acme/Design\",\"Acme\"]"), Why::Scope(Scope::Groups)),
    ];
    let text =
        |name, label, value: &str| Field { editable: true, ..Field::new(name, label, Kind::Text, value) };
    let got = Got {
        scopes: "openid profile groups".to_owned(),
        ignored: "moon".to_owned(),
        id_token: claims.clone(),
        signed_with: "RS256",
        userinfo: Vec::new(),
        empty: "middle_name, birthdate".to_owned(),
    };
    let page = TryPage {
        id: "01HZX3N6W8Q4T2V7K9B5C1D0EF".to_owned(),
        name: "Time Tracker".to_owned(),
        lead: Said::new("try-gets-in").about(LONG),
        because: vec![Said::new("explained-code").about("n•••@example.org"), Said::new("try-asks")],
        fields: vec![
            text("user", "try-user", "ned").hint("try-user-hint"),
            text("scope", "try-scope", "openid profile groups moon").hint("try-scope-hint"),
        ],
        errors: Vec::new(),
        got: Some(got),
        front_page: Some("https://app.example.org/".to_owned()),
    };
    console(drawing, "console-app-try", &page)?;
    let lead = Said::new("try-not-admitted").about("Nia Nash");
    console(drawing, "console-app-try-kept-out", &TryPage { lead, got: None, front_page: None, ..page })
}

fn people(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let party =
        |name: &str, link: Option<&str>| User { name: name.to_owned(), link: link.map(str::to_owned) };
    let line = |name: &str, login: Option<&str>| UserLine {
        who: party(name, Some("/console/users/x")),
        login: login.map(str::to_owned),
        last: at(-600),
        barred: login.is_some(),
    };
    let columns = COLUMNS.map(|one| Column { label: one.label, link: None, sorted: None, number: false });
    let table = Table { caption: "app-people-title", columns: columns.to_vec(), first: None, next: None };
    let nobody = AppPeoplePage {
        id: "01HZX3N6W8Q4T2V7K9B5C1D0EF".to_owned(),
        name: "Time Tracker".to_owned(),
        lead: Said::new("apps-used-by").counting(0),
        barred: None,
        groups: None,
        unseen: 0,
        table,
        people: Vec::new(),
    };
    console(drawing, "console-app-people-none", &nobody)?;
    let some = AppPeoplePage {
        lead: Said::new("apps-used-by").counting(1),
        barred: Some(Said::new("app-people-others-barred").counting(1)),
        groups: Some(vec![party("Acme/Design", Some("/console/groups/x")), party(LONG, None)]),
        unseen: 2,
        people: vec![line(LONG, Some("ned")), line("nia", None)],
        ..nobody
    };
    console(drawing, "console-app-people", &some)
}

fn verified(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned();
    let report = Report { from: 1, upto: 4711, hash, waiting: 2, broken: None };
    console(drawing, "console-audit-verified", &audit_verify::page(report.clone(), false))?;
    let broken = Some(Break::Removed { seq: 815 });
    console(drawing, "console-audit-broken", &audit_verify::page(Report { broken, ..report }, true))
}

fn secrets(drawing: &mut Drawing<'_>, app: AppPage, setup: String) -> Result<(), TemplateError> {
    let secret = SecretPage {
        id: app.id,
        name: app.name,
        issuer: "https://login.example.org".to_owned(),
        secret: Some("Tk1pb7Wz3xQfR9sLhVdYcN5mJgAe2UoK8iXtB4rEvPq".to_owned()),
        old_until: None,
        redirect_uris: vec!["https://app.example.org/login/generic_oauth".to_owned()],
        setup: Some(setup),
        is_new: true,
    };
    console(drawing, "console-app-secret", &secret)?;
    let renewed = SecretPage { old_until: Some(at(86_400)), is_new: false, setup: None, ..secret.clone() };
    console(drawing, "console-app-renewed", &renewed)?;
    console(drawing, "console-app-public", &SecretPage { secret: None, setup: None, is_new: false, ..secret })
}

fn audit(drawing: &mut Drawing<'_>) -> Result<(), TemplateError> {
    let text = |name, label| Field { editable: true, ..Field::new(name, label, Kind::Text, "") };
    let empty = AuditPage {
        lead: Said::new("audit-lead"),
        fields: vec![text("user", "audit-user").hint("audit-user-hint"), text("since", "audit-since")],
        errors: Vec::new(),
        filtered: false,
        table: Table { caption: "audit-title", columns: audit::columns(), first: None, next: None },
        events: Vec::new(),
        export: ["/console/audit/export?format=csv", "/console/audit/export?format=jsonl"].map(str::to_owned),
    };
    console(drawing, "console-audit", &empty)?;
    let party = |name: &str, link: Option<&str>| Party {
        said: None,
        name: name.to_owned(),
        link: link.map(str::to_owned),
    };
    let events =
        TOLD.into_iter().map(|(event, _)| event).take(12).chain(["moon.landed"]).map(|event| Event {
            at: at(-600),
            who: Party { said: Some(Said::new("audit-by-operator")), ..party("", None) },
            what: audit::told(event),
            about: vec![party("nia", Some("/console/users/x")), party(LONG, None)],
            network: Some("2001:db8:1234:5678:9abc:def0:1234:5678".to_owned()),
            facts: vec![
                ("email".to_owned(), "– → nia@example.org".to_owned()),
                ("name".to_owned(), LONG.to_owned()),
            ],
        });
    let mut fields = empty.fields.clone();
    let said = Said::new("audit-wrong-day");
    if let Some(field) = fields.last_mut() {
        field.error = Some(said.clone());
    }
    let many = AuditPage {
        fields,
        errors: vec![Summed::new("since", said)],
        filtered: true,
        table: Table { next: Some("/console/audit?after=x".to_owned()), ..empty.table.clone() },
        events: events.collect(),
        ..empty
    };
    console(drawing, "console-audit-many", &many)
}
