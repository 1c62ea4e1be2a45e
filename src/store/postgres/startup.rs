//! How does a connection begin? TLS where it is wanted, then who we are, until the server is ready.

use std::path::Path;
use std::pin::Pin;

use fallible_iterator::FallibleIterator as _;
use openssl::ssl::{Ssl, SslConnector, SslMethod, SslRef, SslVerifyMode};
use openssl::x509::{X509, X509VerifyResult};
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;
use sqlx::postgres::PgSslMode;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_openssl::SslStream;

use super::address::{Address, Place, Tls};
use super::fault::Fault;
use super::wire::Wire;

/// What the bytes go over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// Goes to a server, and is let in.
///
/// # Errors
/// Why not.
pub(super) async fn connect(address: &Address) -> Result<Wire, Fault> {
    let mut wire = Wire::over(reach(address).await?);
    introduce(&mut wire, address)?;
    wire.flush().await?;
    loop {
        match wire.receive().await? {
            Message::AuthenticationOk | Message::BackendKeyData(_) => {}
            Message::AuthenticationCleartextPassword => {
                frontend::password_message(address.password.0.as_bytes(), wire.outgoing())?;
            }
            Message::AuthenticationMd5Password(asked) => {
                let (user, password) = (address.user.as_bytes(), address.password.0.as_bytes());
                let hashed = md5_hash(user, password, asked.salt());
                frontend::password_message(hashed.as_bytes(), wire.outgoing())?;
            }
            Message::AuthenticationSasl(offered) => prove(&mut wire, address, &offered).await?,
            Message::ReadyForQuery(_) => return Ok(wire),
            Message::ErrorResponse(body) => return Err(Fault::said(&body)),
            _ => return Err(Fault::Strange("it lets people in in a way that we do not know".to_owned())),
        }
        wire.flush().await?;
    }
}

fn introduce(wire: &mut Wire, address: &Address) -> Result<(), Fault> {
    let always = [
        ("client_encoding", "UTF8"),
        ("application_name", address.application.as_str()),
        ("user", address.user.as_str()),
    ];
    let database = address.database.as_deref().map(|name| ("database", name));
    let options = address.options.as_deref().map(|options| ("options", options));
    let parameters = always.into_iter().chain(database).chain(options);
    Ok(frontend::startup_message(parameters, wire.outgoing())?)
}

/// Proves that we know the password without telling it (SCRAM-SHA-256), and has the server prove that it knew it before.
async fn prove(wire: &mut Wire, address: &Address, offered: &AuthenticationSaslBody) -> Result<(), Fault> {
    if !offered.mechanisms().any(|name| Ok(name == SCRAM_SHA_256))? {
        return Err(Fault::Strange("it offers no SCRAM-SHA-256".to_owned()));
    }
    let mut scram = ScramSha256::new(address.password.0.as_bytes(), ChannelBinding::unsupported());
    frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), wire.outgoing())?;
    wire.flush().await?;
    loop {
        match wire.receive().await? {
            Message::AuthenticationSaslContinue(said) => {
                scram.update(said.data())?;
                frontend::sasl_response(scram.message(), wire.outgoing())?;
                wire.flush().await?;
            }
            Message::AuthenticationSaslFinal(said) => return Ok(scram.finish(said.data())?),
            Message::ErrorResponse(body) => return Err(Fault::said(&body)),
            _ => return Err(Fault::Strange("it does not prove that it knows us".to_owned())),
        }
    }
}

async fn reach(address: &Address) -> Result<Box<dyn Stream>, Fault> {
    match &address.place {
        // Nobody else listens there.
        Place::Socket(path) => Ok(Box::new(UnixStream::connect(path).await?)),
        Place::Tcp(host, port) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            secured(stream, host, &address.tls).await
        }
    }
}

/// Asks for TLS where it may be had, or must be.
async fn secured<S: Stream + 'static>(
    mut stream: S,
    host: &str,
    tls: &Tls,
) -> Result<Box<dyn Stream>, Fault> {
    if matches!(tls.mode, PgSslMode::Disable | PgSslMode::Allow) {
        return Ok(Box::new(stream));
    }
    let mut request = bytes::BytesMut::new();
    frontend::ssl_request(&mut request);
    stream.write_all(&request).await?;
    match (stream.read_u8().await?, tls.mode) {
        (b'S', _) => {}
        (b'N', PgSslMode::Prefer) => return Ok(Box::new(stream)),
        (b'N', _) => return Err(Fault::Tls("the server does not support TLS".to_owned())),
        _ => return Err(Fault::Strange("it does not know of TLS".to_owned())),
    }
    let mut secured = SslStream::new(handshake(host, tls)?, stream)?;
    match Pin::new(&mut secured).connect().await {
        Ok(()) => Ok(Box::new(secured)),
        Err(e) => Err(Fault::Tls(no_tls(host, secured.ssl(), &e))),
    }
}

/// Why there is no TLS.
fn no_tls(host: &str, ssl: &SslRef, e: &openssl::ssl::Error) -> String {
    let verified = ssl.verify_result();
    if ssl.verify_mode().contains(SslVerifyMode::PEER) && verified != X509VerifyResult::OK {
        return format!("the certificate of {host} is not believed: {}", verified.error_string());
    }
    let reason = e.ssl_error().and_then(|stack| stack.errors().first()?.reason());
    reason.map_or_else(|| e.to_string(), |reason| format!("no TLS is agreed on: {reason}"))
}

/// What TLS is begun with. As libpq has it, only `verify-ca` asks who the server is, and only `verify-full` by which name.
fn handshake(host: &str, tls: &Tls) -> Result<Ssl, Fault> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    let verified = matches!(tls.mode, PgSslMode::VerifyCa | PgSslMode::VerifyFull);
    if !verified {
        builder.set_verify(SslVerifyMode::NONE);
    }
    let system = openssl_probe::probe();
    let folders = system.cert_dir.iter().map(|folder| (None, Some(folder.as_path())));
    for (file, folder) in system.cert_file.iter().map(|file| (Some(file.as_path()), None)).chain(folders) {
        // What cannot be read is not believed.
        let _ = builder.load_verify_locations(file, folder);
    }
    if let Some(authority) = &tls.authority {
        for certificate in X509::stack_from_pem(&pem(authority)?)? {
            builder.cert_store_mut().add_cert(certificate)?;
        }
    }
    if let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) {
        let mut chain = X509::stack_from_pem(&pem(certificate)?)?.into_iter();
        if let Some(own) = chain.next() {
            builder.set_certificate(&own)?;
        }
        for above in chain {
            builder.add_extra_chain_cert(above)?;
        }
        let key = openssl::pkey::PKey::private_key_from_pem(&pem(key)?)?;
        builder.set_private_key(&key)?;
    }
    let mut connection = builder.build().configure()?;
    connection.set_verify_hostname(matches!(tls.mode, PgSslMode::VerifyFull));
    Ok(connection.into_ssl(host)?)
}

/// What is in a file, unless it is the text itself.
fn pem(named: &str) -> Result<Vec<u8>, Fault> {
    if named.starts_with("-----BEGIN") {
        return Ok(named.as_bytes().to_vec());
    }
    std::fs::read(Path::new(named)).map_err(|e| Fault::Tls(format!("{named}: {e}")))
}
