//! Is the certificate that the client has shown the one that it is registered with? (RFC 8705 §2)

use super::super::clients::TlsClientAuth;
use crate::web::certificate::{ClientCertificate, RegisteredSubject};

/// `tls_client_auth` (RFC 8705 §2.1): a known authority vouches for the registered subject.
///
/// # Errors
/// What is wrong with the certificate, as a sentence.
pub(super) fn by_authority(
    registered: &TlsClientAuth,
    certificate: Option<&ClientCertificate>,
    now: i64,
) -> Result<(), String> {
    let certificate = shown(certificate, now)?;
    if !certificate.verified {
        let reason = "no authority that is trusted here (tls.client_ca) has signed the client's certificate";
        return Err(reason.to_owned());
    }
    let (member, value) = named(registered)
        .ok_or("the client has registered no subject for its certificate (RFC 8705 section 2.1.2)")?;
    let subject = RegisteredSubject::parse(member, value)
        .ok_or_else(|| format!("the registered {member} {value} cannot be read"))?;
    if certificate.matches(&subject) {
        return Ok(());
    }
    let shown = &certificate.subject;
    Err(format!("the certificate is for {shown}, and registered is {member} {value} (RFC 8705 section 2.1)"))
}

/// The certificate, if there is one and it holds now.
fn shown(certificate: Option<&ClientCertificate>, now: i64) -> Result<&ClientCertificate, String> {
    let certificate = certificate.ok_or(
        "the client proves itself by a certificate, and has shown none in the TLS handshake (RFC 8705)",
    )?;
    if certificate.is_in_its_time(now) {
        Ok(certificate)
    } else {
        Err("the client's certificate has expired, or does not hold yet".to_owned())
    }
}

/// The one member of RFC 8705 §2.1.2 that is registered, and its value.
fn named(registered: &TlsClientAuth) -> Option<(&'static str, &str)> {
    let values = [
        &registered.tls_client_auth_subject_dn,
        &registered.tls_client_auth_san_dns,
        &registered.tls_client_auth_san_uri,
        &registered.tls_client_auth_san_ip,
        &registered.tls_client_auth_san_email,
    ];
    RegisteredSubject::MEMBERS
        .into_iter()
        .zip(values)
        .find_map(|(member, value)| Some((member, value.as_deref()?)))
}
