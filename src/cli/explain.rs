//! `explain LOGIN [--client ID]`.

use clap::Args;

use super::operator::find_user;
use super::{Operator, input};
use crate::oidc::clients::{self, Error};
use crate::signin::decide::Demand;
use crate::signin::explain::explain;

/// The settings of `explain`.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Whose sign-in.
    login: String,
    /// To which app.
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(super) async fn run(self, operator: &Operator) -> anyhow::Result<()> {
        let db = operator.db().await?;
        let mut conn = db.read().await?;
        let client = match &self.client {
            None => None,
            Some(id) => Some(clients::find(&mut conn, id).await?.ok_or_else(|| Error::Unknown(id.clone()))?),
        };
        let insists = client.as_ref().is_some_and(|client| client.metadata.require_two_factor);
        let demand = if insists { Demand::TwoFactors } else { Demand::Whatever };
        let person = find_user(&mut conn, &self.login).await?;
        let attempts = i64::from(operator.config.signin.code_attempts);
        let mut explanation = explain(&mut conn, &person, demand, attempts, operator.clock.now()).await?;
        if let Some(client) = &client
            && !clients::admits(&mut conn, client, &person).await?
        {
            if explanation.outcome.starts_with("password") {
                explanation.outcome = "access_denied";
            }
            explanation.because.push(format!(
                "{} is for other groups (see `countersign client show {}`): once they are in, it is told access_denied.",
                client.metadata.client_name, client.id
            ));
        }
        if self.json {
            return input::print_json(&explanation);
        }
        print!("{explanation}");
        Ok(())
    }
}
