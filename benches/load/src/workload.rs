//! Which operations are measured, and what must be there before the first of each?

use std::time::Duration;

use anyhow::{Context as _, bail};

use super::browser::Browser;
use super::http::{Ask, Connection};
use super::operation::{self, client_credentials, is_signed_with, sign_in, single_sign_on, token};
use super::profile::Client;
use super::provider::Provider;

/// A workload: one kind of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workload {
    /// The discovery document.
    Discovery,
    /// The key set.
    Jwks,
    /// `/userinfo` with a token of a sign-in.
    Userinfo,
    /// Client credentials, the access token a JWT signed with RS256.
    CredentialsRs256,
    /// The same with ES256.
    CredentialsEs256,
    /// A refresh token exchanged for the next, and an ID token where the provider gives one.
    Refresh,
    /// `/authorize` by a session that is there, and the exchange of the code.
    Sso,
    /// A new browser, the password, and the exchange of the code.
    Signin,
    /// The same with an emailed code. The times are those from the right password sent to the message handed over.
    Code,
}

/// Who does it, again and again.
pub struct Worker {
    provider: Provider,
    task: Task,
}

/// Which of how many workers it is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its number, from 0.
    pub n: usize,
    /// How many there are.
    pub of: usize,
}

/// Each with what it needs.
enum Task {
    Get(Connection, Ask),
    Credentials(Connection, Client),
    Refresh(Connection, Client, String),
    Sso(Box<Browser>),
    /// The number of who signs in next, and how far the one after that is: no two workers are the same person at a time, of whom one
    /// password is checked at a time.
    Signin(Option<Connection>, usize, usize),
    Code(Option<Connection>),
}

impl Workload {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 9] = [
        Self::Discovery,
        Self::Jwks,
        Self::Userinfo,
        Self::CredentialsRs256,
        Self::CredentialsEs256,
        Self::Refresh,
        Self::Sso,
        Self::Signin,
        Self::Code,
    ];

    /// As the table and the command line call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::Jwks => "jwks",
            Self::Userinfo => "userinfo",
            Self::CredentialsRs256 => "cc-rs256",
            Self::CredentialsEs256 => "cc-es256",
            Self::Refresh => "refresh",
            Self::Sso => "sso",
            Self::Signin => "signin",
            Self::Code => "code",
        }
    }

    /// The workload of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn parse(name: &str) -> anyhow::Result<Self> {
        let found = Self::ALL.into_iter().find(|workload| workload.name() == name);
        let known = Self::ALL.map(Self::name).join(", ");
        found.with_context(|| format!("there is no workload {name}; there are {known}"))
    }

    /// How many do it at once, where so many are asked for. Codes go one by one: with more, the times tell how hashes queue.
    #[must_use]
    pub const fn at_once(self, asked: usize) -> usize {
        if matches!(self, Self::Code) { 1 } else { asked }
    }
}

impl Worker {
    /// The nth worker, with everything that the first operation needs.
    ///
    /// # Errors
    /// When the provider cannot do this, or its profile does not say how.
    pub async fn prepared(provider: &Provider, workload: Workload, place: Place) -> anyhow::Result<Self> {
        let n = place.n;
        let mut connection = provider.connection(n);
        let (endpoints, profile) = (provider.endpoints(), provider.profile());
        let task = match workload {
            Workload::Discovery => Task::Get(connection, Ask::get(&endpoints.discovery)),
            Workload::Jwks => Task::Get(connection, Ask::get(&endpoints.jwks)),
            Workload::Userinfo => {
                let path = endpoints.userinfo.clone().context("it has no userinfo_endpoint")?;
                let (browser, tokens) = signed_in(provider, connection, n).await?;
                let bearer = format!("Bearer {}", tokens.get("access_token")?);
                Task::Get(browser.closed(), Ask::get(path).with("authorization", bearer))
            }
            Workload::CredentialsRs256 | Workload::CredentialsEs256 => {
                let (client, algorithm) = match workload {
                    Workload::CredentialsRs256 => (&profile.rs256, "RS256"),
                    _ => (&profile.es256, "ES256"),
                };
                let client =
                    client.clone().with_context(|| format!("its profile has no client for {algorithm}"))?;
                let tokens = client_credentials(provider, &mut connection, &client).await?;
                is_signed_with(tokens.get("access_token")?, algorithm)?;
                Task::Credentials(connection, client)
            }
            Workload::Refresh => {
                let (browser, tokens) = signed_in(provider, connection, n).await?;
                let first = tokens.get("refresh_token")?.to_owned();
                Task::Refresh(browser.closed(), profile.app.clone(), first)
            }
            Workload::Sso => Task::Sso(Box::new(signed_in(provider, connection, n).await?.0)),
            Workload::Signin => {
                provider.people()?;
                Task::Signin(Some(connection), n, place.of)
            }
            Workload::Code => {
                provider.sink()?;
                Task::Code(Some(connection))
            }
        };
        Ok(Self { provider: provider.clone(), task })
    }

    /// Does it once. The answer is the time that counts, where that is not the whole.
    ///
    /// # Errors
    /// When any of it fails.
    pub async fn once(&mut self) -> anyhow::Result<Option<Duration>> {
        let provider = &self.provider;
        match &mut self.task {
            Task::Get(connection, ask) => operation::get(connection, ask).await?,
            Task::Credentials(connection, client) => {
                client_credentials(provider, connection, client).await?.get("access_token")?;
            }
            Task::Refresh(connection, client, kept) => {
                let form = [("grant_type", "refresh_token"), ("refresh_token", kept.as_str())];
                let tokens = token(provider, connection, client, &form).await?;
                let next = tokens.get("refresh_token")?;
                if next == kept {
                    bail!("the refresh token was not rotated");
                }
                next.clone_into(kept);
            }
            Task::Sso(browser) => drop(single_sign_on(provider, browser).await?),
            Task::Signin(kept, next, step) => {
                let person = provider.people()?.person(*next);
                *next += *step;
                // Another person at another machine would not reuse the connection; that costs little on loopback, and is not what is asked.
                let connection = kept.take().unwrap_or_else(|| provider.connection(provider.next_visit()));
                let mut browser = Browser::new(provider, connection);
                sign_in(provider, &mut browser, &person).await?;
                *kept = Some(browser.closed());
            }
            Task::Code(kept) => {
                let connection = kept.take().unwrap_or_else(|| provider.connection(provider.next_visit()));
                let mut browser = Browser::new(provider, connection);
                let (signed, _) = sign_in(provider, &mut browser, &provider.next_coded()?).await?;
                *kept = Some(browser.closed());
                return Ok(Some(signed.mailed.context("no code was asked for")?));
            }
        }
        Ok(None)
    }
}

async fn signed_in(
    provider: &Provider,
    connection: Connection,
    n: usize,
) -> anyhow::Result<(Browser, operation::Tokens)> {
    let mut browser = Browser::new(provider, connection);
    let (_, tokens) = sign_in(provider, &mut browser, &provider.people()?.person(n)).await?;
    Ok((browser, tokens))
}

#[cfg(test)]
mod tests {
    use super::Workload;

    #[test]
    fn a_workload_is_found_by_its_name() {
        for workload in Workload::ALL {
            assert_eq!(Workload::parse(workload.name()).unwrap(), workload);
        }
        let refused = Workload::parse("sing-in").unwrap_err().to_string();
        assert!(refused.contains("signin"), "{refused}");
    }
}
