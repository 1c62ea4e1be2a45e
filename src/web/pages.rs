//! How does a page come to be: a typed context, a template, a language.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, HtmlEscape, State, UndefinedBehavior, context};
use serde::Serialize;

use super::assets::Assets;
use super::language::{Argument, BadCatalogue, Catalogue, Language};
use super::origin::path_of;
use crate::config;
use crate::trace::request_id;

/// The templates that are built in, by name.
const TEMPLATES: &[(&str, &str)] = &[
    ("base.html", include_str!("../../templates/base.html")),
    ("error.html", include_str!("../../templates/error.html")),
    ("app_links.html", include_str!("../../templates/app_links.html")),
    ("password.html", include_str!("../../templates/password.html")),
    ("code.html", include_str!("../../templates/code.html")),
    ("mail/code_by_hand.html", include_str!("../../templates/mail/code_by_hand.html")),
    ("mail/code_by_hand.txt", include_str!("../../templates/mail/code_by_hand.txt")),
    ("mail/help.html", include_str!("../../templates/mail/help.html")),
    ("mail/help.txt", include_str!("../../templates/mail/help.txt")),
    ("consent.html", include_str!("../../templates/consent.html")),
    ("rehearsal.html", include_str!("../../templates/rehearsal.html")),
    ("device.html", include_str!("../../templates/device.html")),
    ("device_over.html", include_str!("../../templates/device_over.html")),
    ("problem.html", include_str!("../../templates/problem.html")),
    ("form_post.html", include_str!("../../templates/form_post.html")),
    ("protocol_error.html", include_str!("../../templates/protocol_error.html")),
    ("answered.html", include_str!("../../templates/answered.html")),
    ("expired.html", include_str!("../../templates/expired.html")),
    ("logout.html", include_str!("../../templates/logout.html")),
    ("signed_out.html", include_str!("../../templates/signed_out.html")),
    ("session_check.html", include_str!("../../templates/session_check.html")),
    ("choose_password.html", include_str!("../../templates/choose_password.html")),
    ("password_chosen.html", include_str!("../../templates/password_chosen.html")),
    ("reset.html", include_str!("../../templates/reset.html")),
    ("reset_sent.html", include_str!("../../templates/reset_sent.html")),
    ("front.html", include_str!("../../templates/front.html")),
    ("console/base.html", include_str!("../../templates/console/base.html")),
    ("console/field.html", include_str!("../../templates/console/field.html")),
    ("console/summary.html", include_str!("../../templates/console/summary.html")),
    ("console/table_head.html", include_str!("../../templates/console/table_head.html")),
    ("console/search.html", include_str!("../../templates/console/search.html")),
    ("console/filters.html", include_str!("../../templates/console/filters.html")),
    ("console/pager.html", include_str!("../../templates/console/pager.html")),
    ("console/home.html", include_str!("../../templates/console/home.html")),
    ("console/apps.html", include_str!("../../templates/console/apps.html")),
    ("console/app.html", include_str!("../../templates/console/app.html")),
    ("console/new_app.html", include_str!("../../templates/console/new_app.html")),
    ("console/app_secret.html", include_str!("../../templates/console/app_secret.html")),
    ("console/app_try.html", include_str!("../../templates/console/app_try.html")),
    ("console/app_people.html", include_str!("../../templates/console/app_people.html")),
    ("console/audit_verified.html", include_str!("../../templates/console/audit_verified.html")),
    ("console/audit.html", include_str!("../../templates/console/audit.html")),
    ("console/party.html", include_str!("../../templates/console/party.html")),
    ("console/keys.html", include_str!("../../templates/console/keys.html")),
    ("console/repair.html", include_str!("../../templates/console/repair.html")),
    ("console/broken.html", include_str!("../../templates/console/broken.html")),
    ("console/answer.html", include_str!("../../templates/console/answer.html")),
    ("console/mail.html", include_str!("../../templates/console/mail.html")),
    ("console/mail_settings.html", include_str!("../../templates/console/mail_settings.html")),
    ("console/message.html", include_str!("../../templates/console/message.html")),
    ("console/groups.html", include_str!("../../templates/console/groups.html")),
    ("console/group.html", include_str!("../../templates/console/group.html")),
    ("console/advanced.html", include_str!("../../templates/console/advanced.html")),
    ("console/told.html", include_str!("../../templates/console/told.html")),
    ("console/stopped.html", include_str!("../../templates/console/stopped.html")),
    ("console/roles.html", include_str!("../../templates/console/roles.html")),
    ("console/role.html", include_str!("../../templates/console/role.html")),
    ("console/users.html", include_str!("../../templates/console/users.html")),
    ("console/user.html", include_str!("../../templates/console/user.html")),
    ("console/several.html", include_str!("../../templates/console/several.html")),
    ("console/plan.html", include_str!("../../templates/console/plan.html")),
    ("console/attempt.html", include_str!("../../templates/console/attempt.html")),
    ("console/sign_ins.html", include_str!("../../templates/console/sign_ins.html")),
    ("console/sessions.html", include_str!("../../templates/console/sessions.html")),
    ("console/hand_code.html", include_str!("../../templates/console/hand_code.html")),
    ("console/new_user.html", include_str!("../../templates/console/new_user.html")),
    ("console/not_now.html", include_str!("../../templates/console/not_now.html")),
    ("console/sent.html", include_str!("../../templates/console/sent.html")),
    ("console/kept.html", include_str!("../../templates/console/kept.html")),
    ("console/confirm.html", include_str!("../../templates/console/confirm.html")),
    ("console/stranger.html", include_str!("../../templates/console/stranger.html")),
    ("mail/base.html", include_str!("../../templates/mail/base.html")),
    ("mail/code.html", include_str!("../../templates/mail/code.html")),
    ("mail/code.txt", include_str!("../../templates/mail/code.txt")),
    ("mail/override.html", include_str!("../../templates/mail/override.html")),
    ("mail/override.txt", include_str!("../../templates/mail/override.txt")),
    ("mail/codes_stopped.html", include_str!("../../templates/mail/codes_stopped.html")),
    ("mail/codes_stopped.txt", include_str!("../../templates/mail/codes_stopped.txt")),
    ("mail/choose_password.html", include_str!("../../templates/mail/choose_password.html")),
    ("mail/choose_password.txt", include_str!("../../templates/mail/choose_password.txt")),
    ("mail/reset.html", include_str!("../../templates/mail/reset.html")),
    ("mail/reset.txt", include_str!("../../templates/mail/reset.txt")),
    ("mail/address_left.html", include_str!("../../templates/mail/address_left.html")),
    ("mail/address_left.txt", include_str!("../../templates/mail/address_left.txt")),
    ("mail/password_changed.html", include_str!("../../templates/mail/password_changed.html")),
    ("mail/password_changed.txt", include_str!("../../templates/mail/password_changed.txt")),
    ("mail/reset_without_address.html", include_str!("../../templates/mail/reset_without_address.html")),
    ("mail/reset_without_address.txt", include_str!("../../templates/mail/reset_without_address.txt")),
    ("mail/test.html", include_str!("../../templates/mail/test.html")),
    ("mail/test.txt", include_str!("../../templates/mail/test.txt")),
];

/// What a page of ours may load: our own stylesheet and scripts, and pictures. There is no `form-action`: browsers apply it to every
/// redirect that follows a form, and the last of those goes to the app, and on to wherever the app sends it.
pub const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; \
     base-uri 'none'; frame-ancestors 'none'";

/// What a page of the console may do besides: its script fetches from us, and its forms come back to us.
pub const CONSOLE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What a page is drawn from.
pub trait Page: Serialize {
    /// The template's name.
    const TEMPLATE: &'static str;
}

/// What a mail is drawn from: `mail/NAME.txt`, `mail/NAME.html` and the sentence `mail-NAME-subject`.
pub trait MailPage: Serialize {
    /// The templates' name, with `_` between words.
    const NAME: &'static str;
}

/// A mail, ready to be addressed.
#[derive(Clone)]
pub struct MailParts {
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// What draws pages and mails; cheap to clone.
#[derive(Clone)]
pub struct Pages {
    /// What they are drawn from, for all clones until it is replaced.
    inner: Arc<RwLock<Arc<Inner>>>,
    /// The path of the issuer, which stands before every address of ours; empty where it has none.
    base: Arc<str>,
}

struct Inner {
    catalogue: Arc<Catalogue>,
    templates: Environment<'static>,
    brand: String,
    assets: Arc<Assets>,
}

/// Why the templates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A catalogue does not parse.
    #[error(transparent)]
    Catalogue(#[from] BadCatalogue),
    /// A template does not parse, or asks for what its page does not have.
    #[error("template {0}")]
    Template(#[from] Error),
    /// A file cannot be read.
    #[error("{file}: {source}")]
    File {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pages(…)")
    }
}

impl Pages {
    /// The built-in templates, less those that the folder of `[templates]` replaces, in the colours of `[brand]`.
    ///
    /// # Errors
    /// When a template or a file of the brand cannot be read.
    pub fn new(brand: &config::Brand, own: &config::Templates) -> Result<Self, TemplateError> {
        let catalogue = Arc::new(Catalogue::built_in()?);
        let sentences = Arc::clone(&catalogue);
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?;
        templates.set_syntax(syntax);
        templates.set_auto_escape_callback(|name| {
            let html = Path::new(name).extension().is_some_and(|extension| extension == "html");
            if html { AutoEscape::Html } else { AutoEscape::None }
        });
        templates.add_function("t", move |state: &State<'_, '_>, key: &str, args: Kwargs| {
            translate(&sentences, state, key, &args)
        });
        templates.add_filter("time", time);
        templates.add_filter("countdown", countdown);
        templates.add_filter("when", when);
        templates.add_filter("number", number);
        let sentences = Arc::clone(&catalogue);
        templates
            .add_filter("said", move |state: &State<'_, '_>, said: Value| tell(&sentences, state, &said));
        let replaced = |name: &str| own.dir.as_deref().map_or(Ok(None), |dir| replacement(dir, name));
        for (name, _) in TEMPLATES {
            if let Some(text) = replaced(name)? {
                templates.add_template_owned(*name, text)?;
            }
        }
        // Those that are built in are known to be right, and compiled takes ten times their length: only what is drawn is.
        templates.set_loader(|wanted| {
            let found = TEMPLATES.iter().find(|(name, _)| *name == wanted);
            Ok(found.map(|(_, text)| *text))
        });
        let assets = Assets::new(brand, replaced("style.css")?)
            .map_err(|(file, source)| TemplateError::File { file: file.display().to_string(), source })?;
        let (brand, assets) = (brand.name.clone(), Arc::new(assets));
        let inner = Arc::new(Inner { catalogue, templates, brand, assets });
        Ok(Self { inner: Arc::new(RwLock::new(inner)), base: "".into() })
    }

    /// The same for the issuer of this address.
    #[must_use]
    pub fn of_issuer(self, issuer: &str) -> Self {
        Self { base: path_of(issuer).into(), ..self }
    }

    /// Draws from what another one has been made of, from now on.
    pub fn take_over(&self, other: &Self) {
        let inner = other.inner();
        *self.inner.write().unwrap_or_else(PoisonError::into_inner) = inner;
    }

    fn inner(&self) -> Arc<Inner> {
        Arc::clone(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What stands before the path of every page of ours, as a browser sees it.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The brand's name.
    #[must_use]
    pub fn brand(&self) -> String {
        self.inner().brand.clone()
    }

    /// A sentence that takes no arguments, outside any page; its key where there is none.
    #[must_use]
    pub fn sentence(&self, key: &str, language: Language) -> String {
        self.inner().catalogue.sentence(language, key, &[]).unwrap_or_else(|| key.to_owned())
    }

    /// What the pages link to.
    #[must_use]
    pub fn assets(&self) -> Arc<Assets> {
        Arc::clone(&self.inner().assets)
    }

    /// A page as text.
    ///
    /// # Errors
    /// When the template asks for what the page does not have.
    pub fn html<P: Page>(&self, page: &P, language: Language) -> Result<String, TemplateError> {
        self.render(P::TEMPLATE, Value::from(Serde(page)), language)
    }

    /// A page as a response.
    #[must_use]
    pub fn respond<P: Page>(&self, status: StatusCode, page: &P, language: Language) -> Response {
        self.response(status, P::TEMPLATE, Value::from(Serde(page)), language)
    }

    // Once for all kinds of page, and not once for each: that would be a megabyte.
    fn response(
        &self,
        status: StatusCode,
        template: &'static str,
        page: Value,
        language: Language,
    ) -> Response {
        match self.render(template, page, language) {
            Ok(html) => {
                let headers = [
                    (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                    (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
                ];
                (status, headers, html).into_response()
            }
            Err(error) => {
                tracing::error!(template, %error, "a page could not be drawn");
                (StatusCode::INTERNAL_SERVER_ERROR, "This page could not be drawn.").into_response()
            }
        }
    }

    /// A mail.
    ///
    /// # Errors
    /// When a template asks for what the mail does not have.
    pub fn mail<M: MailPage>(&self, mail: &M, language: Language) -> Result<MailParts, TemplateError> {
        self.parts(M::NAME, Value::from(Serde(mail)), language)
    }

    fn parts(&self, name: &str, mail: Value, language: Language) -> Result<MailParts, TemplateError> {
        let html = self.render(&format!("mail/{name}.html"), mail.clone(), language)?;
        let text = self.render(&format!("mail/{name}.txt"), mail, language)?;
        // The subject is the text's first line, so that whoever replaces a template has all of it in one place.
        let (subject, text) = text.split_once('\n').unwrap_or((&text, ""));
        Ok(MailParts { subject: subject.trim().to_owned(), text: text.trim_start().to_owned(), html })
    }

    fn render(&self, name: &str, page: Value, language: Language) -> Result<String, TemplateError> {
        let (inner, base) = (self.inner(), &*self.base);
        let below = |path: String| format!("{base}{path}");
        let site = context! {
            lang => language.tag(),
            dir => language.direction(),
            brand => inner.brand.as_str(),
            base => base,
            stylesheet => below(inner.assets.stylesheet_path()),
            icon => below(inner.assets.icon_path()),
            logo => inner.assets.logo_path().map(below),
            page_script => below(inner.assets.page_path()),
            console_stylesheet => below(inner.assets.console_stylesheet_path()),
            console_script => below(inner.assets.console_script_path()),
            submit_script => below(inner.assets.submit_path()),
            leave_script => below(inner.assets.leave_path()),
            session_check_script => below(inner.assets.session_check_path()),
            request => request_id().map(|id| id.to_string()),
        };
        Ok(inner.templates.get_template(name)?.render(context! { page, ..site })?)
    }
}

fn replacement(dir: &Path, name: &str) -> Result<Option<String>, TemplateError> {
    let file = dir.join(name);
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TemplateError::File { file: file.display().to_string(), source }),
    }
}

/// The time of day of a [`Moment`](crate::clock::Moment) as an element, so that our script can tell it in the reader's own zone.
fn time(moment: &Value) -> Result<Value, Error> {
    let part = |name| moment.get_attr(name).map(|value| HtmlEscape(&value.to_string()).to_string());
    Ok(Value::from_safe_string(format!("<time datetime=\"{}\">{}</time>", part("iso")?, part("clock")?)))
}

/// Date and time of day of a [`Moment`](crate::clock::Moment) as an element, which our script tells in the reader's own zone.
fn when(moment: &Value) -> Result<Value, Error> {
    let part = |name| moment.get_attr(name).map(|value| HtmlEscape(&value.to_string()).to_string());
    let (iso, date) = (part("iso")?, part("date")?);
    Ok(Value::from_safe_string(format!("<time data-when datetime=\"{iso}\">{date}</time>")))
}

/// A number that stands by itself, as the page's language has it.
fn number(state: &State<'_, '_>, number: i64) -> String {
    let tag = state.lookup("lang").map(|lang| lang.to_string()).unwrap_or_default();
    Language::of_group(Some(&tag)).number(number)
}

/// A sentence that a page names by a value: its `key`, with a `name` and a number `n` in it; or, in place of the name, with links to the
/// `people` whom it stands for.
fn tell(catalogue: &Catalogue, state: &State<'_, '_>, said: &Value) -> Result<Value, Error> {
    let key = said.get_attr("key")?.to_string();
    let people = said.get_attr("people")?;
    let name = match people.len() {
        Some(1..) => links(state, &people, said.get_attr("more")?.is_true())?,
        _ => said.get_attr("name")?,
    };
    let arguments: Kwargs = [("name", name), ("n", said.get_attr("n")?)].into_iter().collect();
    translate(catalogue, state, &key, &arguments)
}

/// Names that lead somewhere, and a sign that there are more.
fn links(state: &State<'_, '_>, people: &Value, more: bool) -> Result<Value, Error> {
    let base = state.lookup("base").map(|base| base.to_string()).unwrap_or_default();
    let mut links = Vec::new();
    for one in people.try_iter()? {
        let path = format!("{base}{}", one.get_attr("path")?);
        let (path, name) = (HtmlEscape(&path).to_string(), one.get_attr("name")?.to_string());
        links.push(format!("<a href=\"{path}\">{}</a>", HtmlEscape(&name)));
    }
    links.extend(more.then(|| "…".to_owned()));
    Ok(Value::from_safe_string(links.join(", ")))
}

/// Seconds as `m:ss`, as an element that our script counts down.
fn countdown(seconds: i64) -> Value {
    let seconds = seconds.max(0);
    let (minutes, rest) = (seconds / 60, seconds % 60);
    Value::from_safe_string(format!("<span data-left=\"{seconds}\">{minutes}:{rest:02}</span>"))
}

/// Stands for an element within a sentence until the sentence itself has been escaped; no sentence of ours has it.
const PLACE: char = '\u{e000}';

fn translate(catalogue: &Catalogue, state: &State<'_, '_>, key: &str, args: &Kwargs) -> Result<Value, Error> {
    let tag = state.lookup("lang").map(|lang| lang.to_string()).unwrap_or_default();
    let (mut arguments, mut element) = (Vec::new(), None);
    for name in args.args() {
        let value: Value = args.get(name)?;
        let argument = match (value.kind(), i64::try_from(value.clone())) {
            (ValueKind::Number, Ok(number)) => Argument::Number(number),
            _ if value.is_safe() => {
                element = Some(value.to_string());
                Argument::Text(PLACE.to_string())
            }
            _ => Argument::Text(value.to_string().replace(PLACE, "")),
        };
        arguments.push((name.to_owned(), argument));
    }
    let language = Language::of_group(Some(&tag));
    let sentence = catalogue.sentence(language, key, &arguments).ok_or_else(|| {
        Error::new(ErrorKind::InvalidOperation, format!("no sentence {key} in {tag} for these arguments"))
    })?;
    Ok(match element {
        Some(element) => {
            let escaped = HtmlEscape(&sentence).to_string();
            Value::from_safe_string(escaped.replace(PLACE, &element))
        }
        None => Value::from(sentence),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_that_is_built_in_compiles() {
        let pages = Pages::new(&config::Brand::default(), &config::Templates::default()).unwrap();
        let inner = pages.inner();
        for (name, _) in TEMPLATES {
            assert!(inner.templates.get_template(name).is_ok(), "{name}");
        }
        assert!(inner.templates.get_template("mail/nothing.txt").is_err());
    }
}
