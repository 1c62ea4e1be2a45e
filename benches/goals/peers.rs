//! Who else is measured in the same run? npm's `oidc-provider`, if `npm ci --prefix benches/peers` has been run.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use crate::load::profile::Profile;
use crate::load::provider::Provider;

/// A peer that runs; it ends with this value.
pub struct Peer(Child);

/// Where its program and its modules are.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers");

impl Peer {
    /// Starts node-oidc-provider. Nothing, and why, where npm has not brought it.
    ///
    /// # Errors
    /// When it is there and does not start.
    pub async fn node() -> anyhow::Result<Result<(Self, Provider), String>> {
        let node = Path::new(FOLDER).join("node_modules/.bin/node");
        if !node.exists() {
            return Ok(Err("not installed: npm ci --prefix benches/peers".to_owned()));
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(node);
        command
            .current_dir(FOLDER)
            .args(["oidc-provider.mjs", &port.to_string()])
            .env("NODE_ENV", "production");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let pipe = child.stdout.take().context("a pipe")?;
        let peer = Self(child);
        let mut profile = String::new();
        for line in BufReader::new(pipe).lines() {
            let line = line?;
            if line == "# it serves" {
                let provider = Provider::find(Profile::parse(&profile)?, None).await?;
                return Ok(Ok((peer, provider)));
            }
            profile.push_str(&line);
            profile.push('\n');
        }
        bail!("benches/peers/oidc-provider.mjs has ended: run it by hand to see why")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
