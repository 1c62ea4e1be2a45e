//! Who is at the other end of an https connection? The handshake, and the certificate that a client may have shown in it.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use anyhow::{Context as _, anyhow, bail};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    Ssl, SslAcceptor, SslAcceptorBuilder, SslMethod, SslOptions, SslRef, SslSessionCacheMode, SslVerifyMode,
    SslVersion,
};
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyParam;
use openssl::x509::{X509, X509PurposeId, X509Ref, X509StoreContext, X509StoreContextRef};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use crate::clock::Clock;
use crate::config;
use crate::web::certificate::ClientCertificate;

/// What is left of TLS 1.2 once forward secrecy and authenticated encryption are asked for (BCP 195, RFC 9325 §4.2; FAPI 2.0
/// Security Profile §5.2.2). All suites of TLS 1.3 have both.
const SUITES: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
                      ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/// The handshakes of `[tls]`, whose files may be renewed while connections come in.
#[derive(Debug)]
pub struct Renewable {
    settings: config::Tls,
    clock: Clock,
    current: RwLock<Arc<Acceptor>>,
    /// What the files looked like when they were last read.
    read: Mutex<Vec<Look>>,
}

/// What tells a file from its successor: where it is, how long, and since when.
type Look = Option<(u64, u64, u64, i64, i64)>;

impl Renewable {
    /// What the files hold now.
    ///
    /// # Errors
    /// When a file cannot be read or used: one line that names the setting and the file.
    pub fn new(settings: &config::Tls, clock: Clock) -> anyhow::Result<Self> {
        let read = Mutex::new(look_at(settings));
        let current = RwLock::new(Arc::new(Acceptor::new(settings, clock.clone())?));
        Ok(Self { settings: settings.clone(), clock, current, read })
    }

    /// Takes the files up if others are there than when they were last read. What cannot be used is said, and what was there before
    /// serves on: a certificate and its key may be written one after the other.
    pub fn renew(&self) {
        let (seen, mut read) =
            (look_at(&self.settings), self.read.lock().unwrap_or_else(PoisonError::into_inner));
        if *read == seen {
            return;
        }
        *read = seen;
        match Acceptor::new(&self.settings, self.clock.clone()) {
            Ok(renewed) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(renewed);
                tracing::info!("the files of [tls] have changed: new connections get the new certificate");
            }
            Err(error) => {
                let why = format!("{error:#}");
                tracing::error!(
                    why,
                    "the files of [tls] have changed and cannot be used: the old certificate is served on"
                );
            }
        }
    }

    pub(super) fn current(&self) -> Arc<Acceptor> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn look_at(settings: &config::Tls) -> Vec<Look> {
    let files = [Some(&settings.certificate), Some(&settings.key), settings.client_ca.as_ref()];
    let looks = files.into_iter().flatten().map(|file| {
        let found = std::fs::metadata(file).ok()?;
        Some((found.dev(), found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
    });
    looks.collect()
}

/// Makes the handshakes of `[tls]`.
pub struct Acceptor {
    tls: SslAcceptor,
    authorities: Vec<X509>,
    until: i64,
    clock: Clock,
}

impl Acceptor {
    /// One for these settings; `clock` says whether a client's certificate is in its time.
    ///
    /// # Errors
    /// When a file cannot be read or used: one line that names the setting and the file.
    pub fn new(settings: &config::Tls, clock: Clock) -> anyhow::Result<Self> {
        let chain = certificates("tls.certificate", &settings.certificate)?;
        let key = private_key(&settings.key)?;
        let mut chain = chain.into_iter();
        let leaf = chain.next().context("tls.certificate: no certificate")?;
        let fits = leaf.public_key().is_ok_and(|public| public.public_eq(&key));
        if !fits {
            let (key, certificate) = (settings.key.display(), settings.certificate.display());
            bail!(
                "tls.key: {key} is not the key of the first certificate in {certificate} (tls.certificate)"
            );
        }
        if let Some(curve) = unspoken_curve(&key) {
            bail!(
                "tls.certificate: {} cannot be served: its key is on the curve {curve}, which neither browsers nor other programs take in TLS: \
                 get a certificate for a key on P-256 or P-384, or for RSA of 2048 bits",
                settings.certificate.display()
            );
        }
        let mut builder = protocol().context("tls: OpenSSL does not start")?;
        let used = builder.set_certificate(&leaf).and_then(|()| builder.set_private_key(&key));
        used.and_then(|()| chain.try_for_each(|above| builder.add_extra_chain_cert(above))).map_err(|e| {
            let reason = e.errors().first().and_then(openssl::error::Error::reason);
            let (file, why) = (settings.certificate.display(), reason.unwrap_or("OpenSSL does not say why"));
            anyhow!("tls.certificate: {file} cannot be served: {why}")
        })?;
        if settings.client_certificates {
            ask_for_certificates(&mut builder);
        }
        let until = ClientCertificate::of_x509(&leaf, false).map_or(0, |read| read.not_after);
        let authorities = settings.client_ca.as_deref().map(|file| certificates("tls.client_ca", file));
        let authorities = authorities.transpose()?.unwrap_or_default();
        Ok(Self { tls: builder.build(), authorities, until, clock })
    }

    /// Until when its certificate holds, in seconds since 1970; 0 where that cannot be read.
    pub(super) const fn until(&self) -> i64 {
        self.until
    }

    /// Makes a handshake: the connection, and the certificate if the client has shown one.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<(SslStream<TcpStream>, Option<ClientCertificate>), openssl::ssl::Error> {
        let mut stream = SslStream::new(Ssl::new(self.tls.context())?, stream)?;
        Pin::new(&mut stream).accept().await?;
        let certificate = self.certificate(stream.ssl());
        Ok((stream, certificate))
    }

    fn certificate(&self, ssl: &SslRef) -> Option<ClientCertificate> {
        let shown = ssl.peer_certificate()?;
        let verified = !self.authorities.is_empty()
            && self.verifies(&shown, ssl).unwrap_or_else(|error| {
                tracing::warn!(%error, "a client's certificate could not be verified");
                false
            });
        let read = ClientCertificate::of_x509(&shown, verified);
        if read.is_none() {
            tracing::debug!("a client's certificate could not be read");
        }
        read
    }

    /// Whether it chains to `client_ca` now, for use as a client's.
    fn verifies(&self, shown: &X509Ref, ssl: &SslRef) -> Result<bool, ErrorStack> {
        let store = self.store()?;
        let mut between = Stack::new()?;
        // What the client has sent above its own certificate.
        for certificate in ssl.peer_cert_chain().into_iter().flatten() {
            between.push(certificate.to_owned())?;
        }
        let verifies =
            X509StoreContext::new()?.init(&store, shown, &between, X509StoreContextRef::verify_cert);
        // A wrong signature leaves errors behind on this thread, which the next read of any connection would take for its own.
        drop(ErrorStack::get());
        verifies
    }

    fn store(&self) -> Result<X509Store, ErrorStack> {
        let mut store = X509StoreBuilder::new()?;
        for authority in &self.authorities {
            store.add_cert(authority.clone())?;
        }
        let mut terms = X509VerifyParam::new()?;
        terms.set_time(self.clock.now());
        terms.set_purpose(X509PurposeId::SSL_CLIENT)?;
        store.set_param(&terms)?;
        Ok(store.build())
    }
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acceptor").field("authorities", &self.authorities.len()).finish_non_exhaustive()
    }
}

fn protocol() -> Result<SslAcceptorBuilder, ErrorStack> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_cipher_list(SUITES)?;
    Ok(builder)
}

/// The curve of a key that nobody takes in a certificate, although OpenSSL serves it (RFC 8446 §4.2.3 and RFC 8422 §5.1.1 know three).
fn unspoken_curve(key: &PKey<Private>) -> Option<&'static str> {
    let curve = key.ec_key().ok()?.group().curve_name();
    match curve {
        Some(Nid::X9_62_PRIME256V1 | Nid::SECP384R1 | Nid::SECP521R1) => None,
        Some(other) => Some(other.short_name().unwrap_or("of another kind")),
        None => Some("of its own making"),
    }
}

/// Any certificate will do for the handshake, and none as well.
fn ask_for_certificates(builder: &mut SslAcceptorBuilder) {
    builder.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
    // A resumed session would bring the certificate without its chain, and without proof that its key is still at hand.
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_options(SslOptions::NO_TICKET);
}

fn read(setting: &str, file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("{setting}: {}", file.display()))
}

fn certificates(setting: &str, file: &Path) -> anyhow::Result<Vec<X509>> {
    let read = X509::stack_from_pem(&read(setting, file)?).unwrap_or_default();
    if read.is_empty() {
        bail!("{setting}: expected certificates in PEM (BEGIN CERTIFICATE) in {}", file.display());
    }
    Ok(read)
}

fn private_key(file: &Path) -> anyhow::Result<PKey<Private>> {
    let pem = read("tls.key", file)?;
    // Without a callback OpenSSL would ask on the terminal.
    let key = PKey::private_key_from_pem_callback(&pem, |_| Ok(0));
    let name = file.display();
    key.map_err(|_| {
        // In PKCS#8 and in what was before it (RFC 7468 §11, RFC 1421 §4.6.1.1), whatever the cipher.
        if pem.windows(9).any(|word| word == b"ENCRYPTED") {
            anyhow!("tls.key: expected a key without a passphrase in {name}")
        } else {
            anyhow!("tls.key: expected a private key in PEM (PKCS#8, PKCS#1 or SEC1) in {name}")
        }
    })
}
