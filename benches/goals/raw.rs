//! What does an operation cost at least? One RSA signature, one password hash, one answer of axum with nothing behind it: measured in the
//! same run as the provider, since the goals are ratios and no two hours on a machine are alike.
#![expect(clippy::disallowed_methods, reason = "the time that passes is what is measured")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use axum::routing::get;
use axum::{Json, Router};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use serde_json::json;

use crate::load::process::spent_here;
use crate::load::profile::{Client, Process, Profile};
use crate::load::provider::Provider;
use crate::load::stats::median;

/// The word by which this program is asked to be the bare axum server.
pub const BARE: &str = "--bare-axum";

/// The raw costs; processor milliseconds each, but for rate and time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Raw {
    /// An RS256 signature with a key of 2048 bits.
    pub signature: f64,
    /// A password hash with the provider's parameters, on one thread, its memory reused.
    pub hash: f64,
    /// How long that takes, in milliseconds.
    pub hash_time: f64,
    /// The same on as many threads as there are cores.
    pub hash_together: f64,
    /// How many of those there are a second.
    pub hash_rate: f64,
}

impl Raw {
    /// Measures each for about so long.
    ///
    /// # Errors
    /// When OpenSSL or argon2 refuse.
    pub fn measure(lasting: Duration) -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism()?.get();
        let key = PKey::from_rsa(Rsa::generate(2048)?)?;
        let claims = [7; 300];
        let (signature, _, _) = each(1, lasting, || {
            let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
            signer.sign_oneshot_to_vec(&claims)?;
            Ok(())
        })?;
        let (hash, hash_time, _) = each(1, lasting, hasher()?)?;
        let (hash_together, _, hash_rate) = each(cores, lasting * 2, hasher()?)?;
        Ok(Self { signature, hash, hash_time, hash_together, hash_rate })
    }

    /// The median of each over some rounds. Nothing of none.
    #[must_use]
    pub fn medians(rounds: &[Self]) -> Option<Self> {
        let of = |figure: fn(&Self) -> f64| median(&rounds.iter().map(figure).collect::<Vec<_>>());
        Some(Self {
            signature: of(|raw| raw.signature)?,
            hash: of(|raw| raw.hash)?,
            hash_time: of(|raw| raw.hash_time)?,
            hash_together: of(|raw| raw.hash_together)?,
            hash_rate: of(|raw| raw.hash_rate)?,
        })
    }
}

/// The provider's hash: argon2id, 19456 KiB, 2 passes, 1 lane.
fn hasher() -> anyhow::Result<impl FnMut() -> anyhow::Result<()> + Clone + Send> {
    let params = Params::new(19_456, 2, 1, Some(32)).map_err(|error| anyhow::anyhow!("argon2: {error}"))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut memory = vec![Block::default(); argon2.params().block_count()];
    Ok(move || {
        let mut tag = [0; 32];
        let hashed =
            argon2.hash_password_into_with_memory(b"a password", b"a salt of 16 byt", &mut tag, &mut memory);
        hashed.map_err(|error| anyhow::anyhow!("argon2: {error}"))
    })
}

/// Does it on so many threads for so long: processor milliseconds each, milliseconds each took, how many a second.
fn each(
    threads: usize,
    lasting: Duration,
    once: impl FnMut() -> anyhow::Result<()> + Clone + Send,
) -> anyhow::Result<(f64, f64, f64)> {
    let (before, since) = (spent_here(), Instant::now());
    let done: u32 = std::thread::scope(|scope| {
        let start = |mut once: Box<dyn FnMut() -> anyhow::Result<()> + Send>| {
            scope.spawn(move || {
                let mut done = 0;
                while since.elapsed() < lasting {
                    once()?;
                    done += 1;
                }
                anyhow::Ok(done)
            })
        };
        let working: Vec<_> = (0..threads).map(|_| start(Box::new(once.clone()))).collect();
        working
            .into_iter()
            .map(|one| one.join().map_err(|_| anyhow::anyhow!("a thread is gone"))?)
            .sum::<anyhow::Result<u32>>()
    })?;
    let (spent, seconds) = (spent_here() - before, since.elapsed().as_secs_f64());
    let threads = f64::from(u32::try_from(threads)?);
    Ok((spent / f64::from(done), seconds * 1000.0 * threads / f64::from(done), f64::from(done) / seconds))
}

/// Another process of this program, which answers JSON by axum and does nothing else; it ends with this value.
pub struct Bare(Child);

impl Bare {
    /// Starts it; the answer is how it is loaded.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start() -> anyhow::Result<(Self, Provider)> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg(BARE).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let pipe = child.stdout.take().context("a pipe")?;
        let bare = Self(child);
        let mut line = String::new();
        BufReader::new(pipe).read_line(&mut line)?;
        let profile = Profile {
            name: "bare axum".to_owned(),
            issuer: format!("http://127.0.0.1:{}", line.trim()),
            redirect_uri: String::new(),
            scope: String::new(),
            authorize: std::collections::BTreeMap::new(),
            spread: false,
            server: Some(Process::Pid(bare.0.id())),
            database: None,
            app: Client {
                id: String::new(),
                secret: String::new(),
                auth: crate::load::profile::Auth::Basic,
                parameters: std::collections::BTreeMap::new(),
            },
            rs256: None,
            es256: None,
            steps: Vec::new(),
            people: None,
            coded: None,
            mail: None,
        };
        let provider = Provider::find(profile, None).await?;
        Ok((bare, provider))
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The bare server itself: it prints its port and answers until it is ended.
///
/// # Errors
/// When there is no port.
pub async fn serve() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // As much as a discovery document must say.
    let answer = async move || {
        let at = |path: &str| format!("http://{address}{path}");
        Json(json!({
            "issuer": at(""),
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"),
        }))
    };
    println!("{}", address.port());
    let router = Router::new().route("/.well-known/openid-configuration", get(answer));
    Ok(axum::serve(listener, router).await?)
}
