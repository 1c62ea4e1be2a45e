//! How do traces reach the operator's collector? Wherever it is: nobody but the operator has named its address.

use std::time::Duration;

use reqwest::{Certificate, Client, StatusCode, header};
use url::Url;

use super::{OutboundSettingsError, authorities_of};
use crate::config;
use crate::trace;

/// How long the collector may take for one request.
const PATIENCE: Duration = Duration::from_secs(5);

/// A collector that understands OTLP over HTTP.
#[derive(Clone, Debug)]
pub struct Collector {
    client: Client,
    address: Url,
}

impl Collector {
    /// The one at this endpoint (`/v1/traces` comes behind it); certificates of the authorities of `[outbound]` are good as well.
    ///
    /// # Errors
    /// When a file of `extra_ca` cannot be used, or no client can be made.
    pub fn new(endpoint: &str, settings: &config::Outbound) -> Result<Self, OutboundSettingsError> {
        let wrong = |reason: String| OutboundSettingsError::Collector { reason };
        let address = Url::parse(&format!("{}/v1/traces", endpoint.trim_end_matches('/')));
        let address = address.map_err(|e| wrong(e.to_string()))?;
        let builder = Client::builder()
            .use_native_tls()
            .no_proxy()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")));
        let further: Vec<Certificate> = authorities_of(settings)?;
        let builder = further.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
        let client = builder.build().map_err(|e| wrong(e.to_string()))?;
        Ok(Self { client, address })
    }

    /// Whether it takes what we hand over, by handing over nothing.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn probe(&self) -> Result<(), String> {
        self.hand_over("{\"resourceSpans\":[]}".to_owned()).await
    }

    async fn hand_over(&self, body: String) -> Result<(), String> {
        let request = self.client.post(self.address.clone());
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        let answer = request.send().await.map_err(|e| e.without_url().to_string())?;
        match answer.status() {
            StatusCode::OK | StatusCode::ACCEPTED | StatusCode::NO_CONTENT => Ok(()),
            other => Err(format!("it answered {other}")),
        }
    }
}

impl trace::Collector for Collector {
    async fn take(&self, request: String) -> Result<(), String> {
        self.hand_over(request).await
    }
}
