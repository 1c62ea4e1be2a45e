//! How does a person get from the app and back? A browser that keeps cookies, follows redirects and fills the forms that the profile
//! names.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::forms::{Button, Form, forms};
use super::http::{Ask, Connection, beginning};
use super::jar::Jar;
use super::origin::Place;
use super::profile::{Person, Step};
use super::provider::Provider;
use super::sink::Letter;

/// No sign-in takes more pages, or more redirects between two.
const MOST: usize = 12;

/// A mail that has not come by then does not come.
const MAIL_PATIENCE: Duration = Duration::from_secs(20);

/// A browser with a connection of its own.
#[derive(Debug)]
pub struct Browser {
    provider: Provider,
    connection: Connection,
    jar: Jar,
}

/// Where a browser has come to.
enum Stop {
    /// A page of the provider: its path and text.
    Page(String, String),
    /// The app.
    Left(String),
}

/// A page came where the browser was to be sent on at once.
#[derive(Debug)]
pub struct PageBetween {
    path: String,
    words: String,
}

impl std::fmt::Display for PageBetween {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a page came in between, {}: {}", self.path, self.words)
    }
}

impl std::error::Error for PageBetween {}

/// How a sign-in went.
#[derive(Debug)]
pub struct Signed {
    /// Where the app got its answer.
    pub arrived: String,
    /// From the password sent to the message handed over, where there was one.
    pub mailed: Option<Duration>,
}

impl Browser {
    /// A browser that has never been anywhere.
    #[must_use]
    pub fn new(provider: &Provider, connection: Connection) -> Self {
        Self { provider: provider.clone(), connection, jar: Jar::default() }
    }

    /// The connection of a browser that is closed.
    #[must_use]
    pub fn closed(self) -> Connection {
        self.connection
    }

    /// The same connection, for what the app asks itself.
    pub const fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Opens an address of the provider that is to lead to the app with no question asked.
    ///
    /// # Errors
    /// When it leads to a page.
    pub async fn pass(&mut self, path: &str) -> anyhow::Result<String> {
        match self.go(Ask::get(path)).await? {
            Stop::Left(address) => Ok(address),
            Stop::Page(path, html) => bail!(PageBetween { path, words: beginning(&html) }),
        }
    }

    /// Opens an address of the provider and fills whatever pages come, until it leads to the app.
    ///
    /// # Errors
    /// When a page comes for which the profile has no step, or again the one that was just filled.
    pub async fn sign_in(&mut self, path: &str, person: &Person) -> anyhow::Result<Signed> {
        let mut reached = self.go(Ask::get(path)).await?;
        let (mut mailed, mut code, mut taken) = (None, None, None);
        for _ in 0..MOST {
            let (page, html) = match reached {
                Stop::Left(arrived) => return Ok(Signed { arrived, mailed }),
                Stop::Page(page, html) => (page, html),
            };
            let (which, step, form, button) = self
                .fitting(&html)
                .with_context(|| format!("no [[step]] of the profile fits {page}: {}", beginning(&html)))?;
            if taken.replace(which) == Some(which) {
                bail!("the same page came again, {page}: {}", beginning(&html));
            }
            let ask = self.submission(&page, &form, &step.typed(person, code.as_deref()), button.as_ref())?;
            let letter = match &person.address {
                Some(address) if step.types("{password}") && !step.types("{code}") => {
                    Some(self.provider.sink()?.expect(address))
                }
                _ => None,
            };
            let sent = Instant::now();
            reached = self.go(ask).await?;
            if let Some(letter) = letter {
                let letter = tokio::time::timeout(MAIL_PATIENCE, letter).await;
                let letter: Letter = letter.context("no message came")?.context("another waits for it")?;
                mailed = Some(letter.at.duration_since(sent));
                code = Some(letter.code().context("the message has no code")?);
            }
        }
        bail!("{MOST} pages, and no end")
    }

    /// Which step it is, the step, the form that it fits, and the button to press.
    fn fitting(&self, html: &str) -> Option<(usize, Step, Form, Option<Button>)> {
        let forms = forms(html);
        let steps = &self.provider.profile().steps;
        steps.iter().enumerate().find_map(|(which, step)| {
            let form = forms.iter().find(|form| fits(step, form))?;
            let button = step.button.as_deref().and_then(|name| form.button(name));
            Some((which, step.clone(), form.clone(), button.cloned()))
        })
    }

    fn submission(
        &self,
        page: &str,
        form: &Form,
        typed: &[(String, String)],
        button: Option<&Button>,
    ) -> anyhow::Result<Ask> {
        let body = form.filled(typed, button);
        let Place::Here(path) = self.provider.origin().resolve(page, &form.action) else {
            bail!("a form of {page} goes to {}", form.action)
        };
        let origin = format!("http://{}", self.provider.origin().authority);
        Ok(if form.post {
            Ask::post(path, body).with("origin", origin).with("sec-fetch-site", "same-origin".to_owned())
        } else {
            Ask::get(format!("{}?{body}", path.split('?').next().unwrap_or_default()))
        })
    }

    async fn go(&mut self, ask: Ask) -> anyhow::Result<Stop> {
        let mut ask = ask;
        for _ in 0..MOST {
            let page = ask.path.clone();
            if let Some(cookies) = self.jar.header(&page) {
                ask = ask.with("cookie", cookies);
            }
            let answer = self.connection.send(&ask).await?;
            for cookie in answer.headers.get_all("set-cookie") {
                self.jar.keep(cookie.to_str().unwrap_or_default(), &page);
            }
            match (answer.status, answer.header("location")) {
                (300..=399, Some(location)) => match self.provider.origin().resolve(&page, location) {
                    Place::Here(path) => ask = Ask::get(path),
                    Place::Elsewhere(address) => return Ok(Stop::Left(address)),
                },
                (200..=299, _) => return Ok(Stop::Page(page, answer.text())),
                _ => bail!(answer.refused(&page)),
            }
        }
        bail!("{MOST} redirects, and no end")
    }
}

fn fits(step: &Step, form: &Form) -> bool {
    step.fields.keys().all(|name| form.has(name))
        && step.action.as_ref().is_none_or(|part| form.action.contains(part.as_str()))
        && step.button.as_ref().is_none_or(|which| form.button(which).is_some())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::forms::forms;
    use super::super::profile::Step;
    use super::fits;

    #[test]
    fn a_step_fits_a_form_that_has_all_it_names() {
        let page =
            "<form action='/in/password'><input name=login><input name=password><button id=submit></form>";
        let form = &forms(page)[0];
        let step = |fields: &[&str], action: Option<&str>, button: Option<&str>| Step {
            fields: fields.iter().map(|name| ((*name).to_owned(), String::new())).collect::<BTreeMap<_, _>>(),
            action: action.map(str::to_owned),
            button: button.map(str::to_owned),
        };
        let cases = [
            (step(&["login", "password"], None, None), true),
            (step(&["login", "code"], None, None), false),
            (step(&["login"], Some("/password"), Some("submit")), true),
            (step(&["login"], Some("/code"), None), false),
            (step(&[], None, Some("cancel")), false),
        ];
        for (step, expected) in cases {
            assert_eq!(fits(&step, form), expected, "{step:?}");
        }
    }
}
