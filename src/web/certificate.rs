//! Which certificate has the client shown? From the TLS handshake, or in the header of a trusted proxy (RFC 8705, RFC 9440).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderName};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::x509::{X509, X509Ref};
use percent_encoding::percent_decode_str;

use super::distinguished_name::DistinguishedName;
use super::network::is_among;
use crate::config::Proxies;
use crate::keys::secret::{base64url, sha256};

/// The longest value of a proxy's header that is read, in bytes.
const LONGEST: usize = 32 * 1024;

/// A client's certificate, taken apart once. That the client holds its key has been proven in the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Its DER.
    pub der: Vec<u8>,
    /// `x5t#S256`: base64url of the SHA-256 of its DER (RFC 8705 §3.1).
    pub thumbprint: String,
    /// Its subject.
    pub subject: DistinguishedName,
    /// The other names of its subject (RFC 5280 §4.2.1.6).
    pub names: AlternativeNames,
    /// The DER of its `SubjectPublicKeyInfo`, to be compared with the client's registered keys.
    pub public_key: Vec<u8>,
    /// Whether it chains to an authority of `tls.client_ca`, or a trusted proxy has told it: they verify what they tell.
    pub verified: bool,
    /// The first second in which it holds, since 1970.
    pub not_before: i64,
    /// The last second in which it holds, since 1970.
    pub not_after: i64,
}

/// The alternative names of a certificate's subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlternativeNames {
    /// `dNSName`
    pub dns: Vec<String>,
    /// `uniformResourceIdentifier`
    pub uri: Vec<String>,
    /// `iPAddress`
    pub ip: Vec<IpAddr>,
    /// `rfc822Name`
    pub email: Vec<String>,
}

/// The subject that a client has registered for `tls_client_auth` (RFC 8705 §2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegisteredSubject {
    /// `tls_client_auth_subject_dn`
    Dn(DistinguishedName),
    /// `tls_client_auth_san_dns`
    Dns(String),
    /// `tls_client_auth_san_uri`
    Uri(String),
    /// `tls_client_auth_san_ip`
    Ip(IpAddr),
    /// `tls_client_auth_san_email`
    Email(String),
}

impl RegisteredSubject {
    /// The members of a client's metadata that can hold it.
    pub const MEMBERS: [&str; 5] = [
        "tls_client_auth_subject_dn",
        "tls_client_auth_san_dns",
        "tls_client_auth_san_uri",
        "tls_client_auth_san_ip",
        "tls_client_auth_san_email",
    ];

    /// Reads the value of one of those members; nothing when it cannot be one, or `member` is none of them.
    #[must_use]
    pub fn parse(member: &str, value: &str) -> Option<Self> {
        let text = || Some(value.to_owned()).filter(|text| !text.is_empty());
        match member {
            "tls_client_auth_subject_dn" => DistinguishedName::parse(value).map(Self::Dn),
            "tls_client_auth_san_dns" => text().map(Self::Dns),
            "tls_client_auth_san_uri" => text().map(Self::Uri),
            "tls_client_auth_san_ip" => value.parse().ok().map(Self::Ip),
            "tls_client_auth_san_email" => text().map(Self::Email),
            _ => None,
        }
    }
}

impl ClientCertificate {
    /// The client's certificate. A trusted proxy's word is taken when `header` names where it tells it, and nothing else from
    /// there: the certificate of its own connection is the proxy's. What cannot be read there is not believed.
    #[must_use]
    pub fn of(
        extensions: &Extensions,
        headers: &HeaderMap,
        trusted: &[Proxies],
        header: Option<&HeaderName>,
    ) -> Option<Arc<Self>> {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        if !peer.is_some_and(|peer| is_among(trusted, peer)) {
            return extensions.get::<Arc<Self>>().cloned();
        }
        let mut told = headers.get_all(header?).iter();
        let (Some(value), None) = (told.next(), told.next()) else { return None };
        let der = der_of_header(value.to_str().ok()?)?;
        Self::of_x509(X509::from_der(&der).ok()?.as_ref(), true).map(Arc::new)
    }

    /// Takes a certificate apart that somebody has registered (DER); nothing when its parts cannot be read.
    #[must_use]
    pub fn of_der(der: &[u8]) -> Option<Self> {
        Self::of_x509(X509::from_der(der).ok()?.as_ref(), false)
    }

    /// Takes a certificate apart; nothing when its parts cannot be read.
    #[must_use]
    pub fn of_x509(certificate: &X509Ref, verified: bool) -> Option<Self> {
        let der = certificate.to_der().ok()?;
        Some(Self {
            thumbprint: base64url(&sha256(&der)),
            der,
            subject: DistinguishedName::from_der(&certificate.subject_name().to_der().ok()?)?,
            names: AlternativeNames::of(certificate),
            public_key: certificate.public_key().ok()?.public_key_to_der().ok()?,
            verified,
            not_before: seconds(certificate.not_before())?,
            not_after: seconds(certificate.not_after())?,
        })
    }

    /// Whether it holds at `now` (seconds since 1970).
    #[must_use]
    pub fn is_in_its_time(&self, now: i64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    /// Whether it is the subject that a client has registered (RFC 8705 §2.1). Of host names the case does not count, of
    /// everything else it does. Says nothing about who vouches for it: see [`Self::verified`].
    #[must_use]
    pub fn matches(&self, registered: &RegisteredSubject) -> bool {
        match registered {
            RegisteredSubject::Dn(name) => self.subject == *name,
            RegisteredSubject::Dns(host) => self.names.dns.iter().any(|name| name.eq_ignore_ascii_case(host)),
            RegisteredSubject::Uri(uri) => self.names.uri.contains(uri),
            RegisteredSubject::Ip(ip) => self.names.ip.contains(ip),
            RegisteredSubject::Email(address) => {
                self.names.email.iter().any(|name| same_mailbox(name, address))
            }
        }
    }
}

impl AlternativeNames {
    fn of(certificate: &X509Ref) -> Self {
        let mut names = Self::default();
        for name in certificate.subject_alt_names().into_iter().flatten() {
            names.dns.extend(name.dnsname().map(str::to_owned));
            names.uri.extend(name.uri().map(str::to_owned));
            names.email.extend(name.email().map(str::to_owned));
            names.ip.extend(name.ipaddress().and_then(ip));
        }
        // A malformed extension leaves errors behind on this thread, which the next read of a connection would take for its own.
        drop(ErrorStack::get());
        names
    }
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)))).ok()
}

/// RFC 5280 §7.5: the case of the host does not count.
fn same_mailbox(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((name, host)), Some((other_name, other_host))) => {
            name == other_name && host.eq_ignore_ascii_case(other_host)
        }
        _ => false,
    }
}

fn seconds(time: &Asn1TimeRef) -> Option<i64> {
    let span = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Some(i64::from(span.days) * 86_400 + i64::from(span.secs))
}

/// `:base64:` (RFC 9440 §2.2, RFC 8941 §3.3.5), or PEM that is percent-encoded, as nginx has it.
fn der_of_header(value: &str) -> Option<Vec<u8>> {
    let value = value.trim();
    if value.len() > LONGEST {
        return None;
    }
    if let Some(encoded) = value.strip_prefix(':') {
        return BASE64_STANDARD.decode(encoded.strip_suffix(':')?).ok();
    }
    let pem = percent_decode_str(value).decode_utf8().ok()?;
    // Not OpenSSL's reader: it would ask on the terminal for the passphrase of a block that claims to be encrypted.
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    BASE64_STANDARD.decode(body.split_ascii_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use openssl::x509::X509Name;
    use openssl::x509::extension::SubjectAlternativeName;
    use proptest::prelude::*;

    const PROXY: &str = "10.0.0.1";

    fn certificate() -> X509 {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut name = X509Name::builder().unwrap();
        name.append_entry_by_text("O", "Acme, Ltd").unwrap();
        name.append_entry_by_text("CN", "app").unwrap();
        let name = name.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(1_700_000_000).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(1_900_000_000).unwrap()).unwrap();
        let mut names = SubjectAlternativeName::new();
        names.dns("app.example.org").uri("https://app.example.org/id").ip("192.0.2.7").ip("2001:db8::1");
        let names = names.email("app@example.org").build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(names).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        builder.build()
    }

    fn told(peer: &str, values: &[&str]) -> Option<Arc<ClientCertificate>> {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        let name = HeaderName::from_static("client-cert");
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::from_str(value).unwrap());
        }
        ClientCertificate::of(&extensions, &headers, &[PROXY.parse().unwrap()], Some(&name))
    }

    fn structured(certificate: &X509) -> String {
        format!(":{}:", BASE64_STANDARD.encode(certificate.to_der().unwrap()))
    }

    #[test]
    fn a_certificate_is_taken_apart() {
        let x509 = certificate();
        let read = ClientCertificate::of_x509(&x509, false).unwrap();
        assert_eq!(read.subject.to_string(), "CN=app,O=Acme\\, Ltd");
        assert_eq!(read.thumbprint, base64url(&sha256(&x509.to_der().unwrap())));
        assert_eq!((read.not_before, read.not_after), (1_700_000_000, 1_900_000_000));
        assert!(read.is_in_its_time(1_900_000_000) && !read.is_in_its_time(1_900_000_001));
        assert_eq!(read.public_key, x509.public_key().unwrap().public_key_to_der().unwrap());
    }

    #[test]
    fn a_subject_is_the_registered_one_or_not() {
        let read = ClientCertificate::of_x509(&certificate(), false).unwrap();
        let cases = [
            ("subject_dn", "CN=app,O=Acme\\, Ltd", true),
            ("subject_dn", "cn=app, o=Acme\\, Ltd", true),
            ("subject_dn", "O=Acme\\, Ltd,CN=app", false),
            ("subject_dn", "CN=app", false),
            ("san_dns", "APP.example.org", true),
            ("san_dns", "example.org", false),
            ("san_dns", "app@example.org", false),
            ("san_uri", "https://app.example.org/id", true),
            ("san_uri", "https://app.example.org/ID", false),
            ("san_ip", "192.0.2.7", true),
            ("san_ip", "2001:DB8:0:0::1", true),
            ("san_ip", "192.0.2.8", false),
            ("san_email", "app@EXAMPLE.org", true),
            ("san_email", "App@example.org", false),
        ];
        for (member, value, expected) in cases {
            let registered = RegisteredSubject::parse(&format!("tls_client_auth_{member}"), value).unwrap();
            assert_eq!(read.matches(&registered), expected, "{member} {value}");
        }
        for (member, value) in [("subject_dn", "app"), ("san_ip", "here"), ("san_dns", ""), ("san_x", "a")] {
            assert_eq!(RegisteredSubject::parse(&format!("tls_client_auth_{member}"), value), None);
        }
    }

    #[test]
    fn both_forms_of_the_header_are_read_from_a_trusted_proxy_alone() {
        let x509 = certificate();
        let expected = ClientCertificate::of_x509(&x509, true).map(Arc::new);
        let pem = String::from_utf8(x509.to_pem().unwrap()).unwrap();
        let escaped: String =
            form_urlencoded::byte_serialize(pem.as_bytes()).collect::<String>().replace('+', "%20");
        for value in [structured(&x509), escaped] {
            assert_eq!(told(PROXY, &[&value]), expected);
            assert_eq!(told("192.0.2.7", &[&value]), None);
            assert_eq!(told(PROXY, &[&value, &value]), None, "twice");
        }
        for odd in ["", ":", "::", ":AAAA:", "-----BEGIN CERTIFICATE-----", &structured(&x509)[1..]] {
            assert_eq!(told(PROXY, &[odd]), None, "{odd:?}");
        }
    }

    /// Behind a proxy the connection's certificate is the proxy's own.
    #[test]
    fn the_certificate_of_a_proxy_is_nobodys() {
        let read = Arc::new(ClientCertificate::of_x509(&certificate(), true).unwrap());
        let mut extensions = Extensions::new();
        extensions.insert(Arc::clone(&read));
        for (peer, expected) in [("192.0.2.7", Some(read)), (PROXY, None)] {
            extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
            let trusted = [PROXY.parse().unwrap()];
            assert_eq!(ClientCertificate::of(&extensions, &HeaderMap::new(), &trusted, None), expected);
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(value in "[ -~]{0,200}") {
            let _ = told(PROXY, &[&value]);
        }

        #[test]
        fn no_bytes_panic(at in 0usize..500, byte in any::<u8>()) {
            let mut der = certificate().to_der().unwrap();
            if let Some(there) = der.get_mut(at) {
                *there = byte;
            }
            let _ = told(PROXY, &[&format!(":{}:", BASE64_STANDARD.encode(der))]);
        }
    }
}
