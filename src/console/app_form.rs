//! What is typed about a relying app, and what is wrong with it?

use super::Visit;
use super::field::{self, Field, Kind, Said, Wrong};
use super::trouble;
use crate::directory::Error as DirectoryError;
use crate::directory::groups;
use crate::directory::proof::ManageRelyingApps;
use crate::oidc::clients::recipe::Recipe;
use crate::oidc::clients::{self, Client, Invalid, Metadata};
use crate::store::Conn;
use crate::web::Problem;
use crate::web::form::Form;

/// The longest name, and the longest list, in characters.
const LONGEST: (usize, usize) = (100, 6000);

/// The most lines of a list.
const MOST: usize = 50;

/// The field of where people come back to once they have signed out, as it is registered (OpenID Connect RP-Initiated Logout 1.0 §3.1).
const AFTER_SIGN_OUT: &str = "post_logout_redirect_uris";

/// The field of where the app is told that somebody has signed out, as it is registered (OpenID Connect Back-Channel Logout 1.0 §2.2).
const TOLD: &str = "backchannel_logout_uri";

/// The longest address, in characters.
const LONGEST_ADDRESS: usize = 2000;

/// What was typed, read.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) name: String,
    pub(super) redirect_uris: Vec<String>,
    /// None where the form has no such field.
    post_logout_redirect_uris: Option<Vec<String>>,
    /// None where the form has no such field; empty where the app is not told.
    backchannel_logout_uri: Option<String>,
    pub(super) groups: Vec<String>,
    pub(super) require_two_factor: bool,
    pub(super) consent: bool,
}

impl Typed {
    /// Reads the form of an app whose name is `now`, or of a new one. A `callback` stands behind the app's address, where that is asked for
    /// instead of the redirect URIs.
    pub(super) async fn read(
        visit: &Visit,
        conn: &mut Conn,
        (recipe, now): (Option<&Recipe>, &str),
    ) -> Result<Result<Self, Wrong>, Problem> {
        let form = &visit.form;
        let plain = || {
            let name = field::name(form, "name", LONGEST.0, now)?;
            if name.is_empty() {
                return Err(Wrong::new("name", Said::new("apps-wrong-no-name")));
            }
            let redirect_uris = match recipe.and_then(|recipe| recipe.callback) {
                Some(callback) => {
                    let address = field::line(form, "address", LONGEST.0)?.trim_end_matches('/');
                    if address.is_empty() {
                        return Err(Wrong::new("address", Said::new("apps-wrong-no-address")));
                    }
                    vec![format!("{address}{callback}")]
                }
                None => lines(form, "redirect_uris")?,
            };
            let after = form.has(AFTER_SIGN_OUT).then(|| lines(form, AFTER_SIGN_OUT)).transpose()?;
            let told = form.has(TOLD).then(|| field::line(form, TOLD, LONGEST_ADDRESS)).transpose()?;
            Ok((name.to_owned(), redirect_uris, after, told.map(str::to_owned), lines(form, "groups")?))
        };
        let (name, redirect_uris, post_logout_redirect_uris, backchannel_logout_uri, paths) = match plain() {
            Ok(read) => read,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let mut groups = Vec::new();
        for path in paths {
            match group(visit, conn, &path).await? {
                // Typed twice, it is there once.
                Some(id) if groups.contains(&id) => {}
                Some(id) => groups.push(id),
                None => return Ok(Err(Wrong::new("groups", Said::new("wrong-no-group").about(&path)))),
            }
        }
        let on = |name| form.field(name) == "on";
        let (require_two_factor, consent) = (on("require_two_factor"), on("consent"));
        Ok(Ok(Self {
            name,
            redirect_uris,
            post_logout_redirect_uris,
            backchannel_logout_uri,
            groups,
            require_two_factor,
            consent,
        }))
    }

    /// Writes it into what is registered. Groups that the person does not see stay.
    pub(super) fn into(self, metadata: &mut Metadata, unseen: Vec<String>) {
        metadata.client_name = self.name;
        metadata.redirect_uris = self.redirect_uris;
        if let Some(uris) = self.post_logout_redirect_uris {
            metadata.post_logout_redirect_uris = uris;
        }
        if let Some(uri) = self.backchannel_logout_uri {
            metadata.backchannel_logout_uri = Some(uri).filter(|uri| !uri.is_empty());
        }
        metadata.allowed_groups = self.groups;
        metadata.allowed_groups.extend(unseen);
        metadata.require_two_factor = self.require_two_factor;
        metadata.consent = self.consent;
    }
}

/// The fields of an app.
pub(super) async fn fields(visit: &Visit, conn: &mut Conn, client: &Client) -> Result<Vec<Field>, Problem> {
    let metadata = &client.metadata;
    let (mut paths, _) = seen(visit, conn, metadata).await?;
    paths.sort();
    let all = [
        Field::new("name", "apps-name", Kind::Text, metadata.client_name.as_str())
            .hint("apps-name-hint")
            .required(),
        redirect_uris(metadata.redirect_uris.join("\n")),
        Field::new(
            AFTER_SIGN_OUT,
            "apps-after-sign-out",
            Kind::Lines,
            metadata.post_logout_redirect_uris.join("\n"),
        )
        .hint("apps-after-sign-out-hint")
        .longest(LONGEST.1),
        Field::new(
            TOLD,
            "apps-heard",
            Kind::Text,
            metadata.backchannel_logout_uri.clone().unwrap_or_default(),
        )
        .hint("apps-heard-hint")
        .longest(LONGEST_ADDRESS),
        Field::new("groups", "apps-groups", Kind::Lines, paths.join("\n"))
            .hint("apps-groups-hint")
            .longest(LONGEST.1),
        check("require_two_factor", "apps-two-factor", metadata.require_two_factor)
            .hint("apps-two-factor-hint"),
        check("consent", "apps-consent", metadata.consent).hint("apps-consent-hint"),
    ];
    Ok(all.into_iter().map(|field| editable(visit, field)).collect())
}

/// The fields of an app that is to be added.
pub(super) fn new_fields(visit: &Visit, recipe: Option<&Recipe>) -> Vec<Field> {
    let title = recipe.map_or("", |recipe| recipe.title);
    let place = match recipe.and_then(|recipe| recipe.callback) {
        Some(_) => Field::new("address", "apps-address", Kind::Text, "").hint("apps-address-hint").required(),
        None => redirect_uris(String::new()),
    };
    let all = [
        Field::new("name", "apps-name", Kind::Text, title)
            .hint("apps-name-hint")
            .required()
            .longest(LONGEST.0),
        place,
        Field::new("groups", "apps-groups", Kind::Lines, "").hint("apps-groups-hint").longest(LONGEST.1),
        check("require_two_factor", "apps-two-factor", false).hint("apps-two-factor-hint"),
        check("consent", "apps-consent", false).hint("apps-consent-hint"),
    ];
    all.into_iter().map(|field| editable(visit, field)).collect()
}

fn redirect_uris(value: String) -> Field {
    Field::new("redirect_uris", "apps-redirect-uris", Kind::Lines, value)
        .hint("apps-redirect-uris-hint")
        .longest(LONGEST.1)
}

fn check(name: &'static str, label: &'static str, on: bool) -> Field {
    Field::new(name, label, Kind::Check, if on { "on" } else { "" })
}

fn editable(visit: &Visit, field: Field) -> Field {
    field.editable(visit, &visit.prove::<ManageRelyingApps>().map(drop))
}

/// The groups for which an app is, as far as the person sees them, by their paths; and the ids of the others.
pub(super) async fn seen(
    visit: &Visit,
    conn: &mut Conn,
    metadata: &Metadata,
) -> Result<(Vec<String>, Vec<String>), Problem> {
    let (mut paths, mut unseen) = (Vec::new(), Vec::new());
    for id in &metadata.allowed_groups {
        if visit.tree.group(conn, id).await?.is_some() {
            paths.push(groups::path(conn, id).await?);
        } else {
            unseen.push(id.clone());
        }
    }
    Ok((paths, unseen))
}

/// The id of the group of this path, if the person sees it.
async fn group(visit: &Visit, conn: &mut Conn, path: &str) -> Result<Option<String>, Problem> {
    match groups::find_by_path(conn, path).await {
        Ok(found) => Ok(visit.tree.group(conn, &found.id).await?.map(|group| group.id)),
        Err(DirectoryError::Store(e)) => Err(e.into()),
        Err(_) => Ok(None),
    }
}

/// Several lines, each as [`field::line`] takes it; empty ones do not count.
fn lines(form: &Form, name: &'static str) -> Result<Vec<String>, Wrong> {
    let mut read = Vec::new();
    for typed in form.field(name).lines() {
        let one = Form::from_iter([(name.to_owned(), typed.to_owned())]);
        match field::line(&one, name, LONGEST_ADDRESS)? {
            "" => {}
            line if read.len() < MOST => read.push(line.to_owned()),
            _ => {
                let most = i64::try_from(MOST).unwrap_or(i64::MAX);
                return Err(Wrong::new(name, Said::new("apps-wrong-too-many").counting(most)));
            }
        }
    }
    Ok(read)
}

/// What is wrong with an app that may not be registered so; or a problem that no typing mends.
pub(super) fn wrong(error: clients::Error) -> Result<Wrong, Problem> {
    match error {
        // So far that stands for one thing alone: there is none.
        clients::Error::Invalid(Invalid::Field { field: "redirect_uris", .. }) => {
            Ok(Wrong::new("redirect_uris", Said::new("apps-wrong-no-redirect")))
        }
        clients::Error::Invalid(invalid) => {
            let field = match &invalid {
                Invalid::RedirectUri { field, .. } => field,
                Invalid::Field { field: "client_name", .. } => "name",
                Invalid::Field { field: TOLD, .. } => TOLD,
                _ => "",
            };
            Ok(Wrong::new(field, Said::new("apps-wrong").about(&invalid.to_string())))
        }
        clients::Error::Unknown(_) => Err(Problem::Gone),
        clients::Error::Store(e) => Err(e.into()),
        clients::Error::Directory(e) => trouble::wrong(e),
        other => Err(Problem::Internal(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_line_by_line() {
        let form = |typed: &str| Form::from_iter([("groups".to_owned(), typed.to_owned())]);
        assert_eq!(lines(&form(" Acme \r\n\r\nAcme/Design\n"), "groups").unwrap(), ["Acme", "Acme/Design"]);
        assert!(lines(&form(""), "groups").unwrap().is_empty());
        for (typed, key) in
            [("a\n\u{202e}b".to_owned(), "wrong-hidden"), ("x\n".repeat(MOST + 1), "apps-wrong-too-many")]
        {
            assert_eq!(lines(&form(&typed), "groups").unwrap_err().said.key, key);
        }
    }
}
