//! Who vouches for the test's servers and clients? A private authority, made anew by every test binary.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Name, X509NameRef};

/// A certification authority.
#[derive(Debug)]
pub struct Authority {
    certificate: X509,
    key: PKey<Private>,
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: X509,
    /// Its private key.
    pub key: PKey<Private>,
}

/// The one that every client of the tests trusts.
pub fn authority() -> &'static Authority {
    static COMMON: OnceLock<Authority> = OnceLock::new();
    COMMON.get_or_init(Authority::new)
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        Self::make().expect("OpenSSL makes an authority")
    }

    fn make() -> Result<Self, ErrorStack> {
        // OpenSSL finds an issuer by its name: two that are trusted side by side must not have the same.
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("Authority {} of the tests", COUNT.fetch_add(1, Ordering::SeqCst));
        let (key, name) = (new_key()?, common_name(&name)?);
        let mut builder = X509::builder()?;
        describe(&mut builder, &name, &name, &key)?;
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
        builder.sign(&key, MessageDigest::sha256())?;
        Ok(Self { certificate: builder.build(), key })
    }

    /// What others have to be given to trust it.
    pub fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().expect("PEM")
    }

    /// A server's certificate for this host (a name or an IP address) and its key, both in PEM.
    pub fn issue(&self, host: &str) -> (Vec<u8>, Vec<u8>) {
        let issued = self.make_issued(host, |names| match host.parse::<std::net::IpAddr>() {
            Ok(_) => drop(names.ip(host)),
            Err(_) => drop(names.dns(host)),
        });
        let issued = issued.expect("OpenSSL makes a certificate");
        (issued.pem(), issued.key_pem())
    }

    /// A client's certificate with `CN=name`, `DNS:name`, and `email:client@name`.
    pub fn issue_client(&self, name: &str) -> Issued {
        let names = |names: &mut SubjectAlternativeName| {
            names.dns(name).email(&format!("client@{name}"));
        };
        self.make_issued(name, names).expect("OpenSSL makes a certificate")
    }

    fn make_issued(
        &self,
        name: &str,
        names: impl FnOnce(&mut SubjectAlternativeName),
    ) -> Result<Issued, ErrorStack> {
        let (key, subject) = (new_key()?, common_name(name)?);
        let mut builder = X509::builder()?;
        describe(&mut builder, &subject, self.certificate.subject_name(), &key)?;
        builder.append_extension(BasicConstraints::new().build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().server_auth().client_auth().build()?)?;
        let mut alternative = SubjectAlternativeName::new();
        names(&mut alternative);
        let alternative = alternative.build(&builder.x509v3_context(Some(&self.certificate), None))?;
        builder.append_extension(alternative)?;
        builder.sign(&self.key, MessageDigest::sha256())?;
        Ok(Issued { certificate: builder.build(), key })
    }
}

impl Issued {
    /// A certificate with `CN=name` that nobody has signed but itself.
    pub fn self_signed(name: &str) -> Self {
        Self::self_signed_with(name, new_key().expect("a key"))
    }

    /// The same with a key of the test's own.
    pub fn self_signed_with(name: &str, key: PKey<Private>) -> Self {
        let make = || {
            let subject = common_name(name)?;
            let mut builder = X509::builder()?;
            describe(&mut builder, &subject, &subject, &key)?;
            builder.sign(&key, MessageDigest::sha256())?;
            Ok::<_, ErrorStack>(Self { certificate: builder.build(), key })
        };
        make().expect("OpenSSL makes a certificate")
    }

    /// The certificate in PEM.
    pub fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().expect("PEM")
    }

    /// The key in PEM, as PKCS#8.
    pub fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().expect("PEM")
    }

    /// The certificate in DER.
    pub fn der(&self) -> Vec<u8> {
        self.certificate.to_der().expect("DER")
    }

    /// What a client of `reqwest` shows.
    pub fn identity(&self) -> reqwest::Identity {
        reqwest::Identity::from_pkcs8_pem(&self.pem(), &self.key_pem()).expect("an identity")
    }
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    PKey::from_ec_key(EcKey::generate(EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?.as_ref())?)
}

fn common_name(name: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509Name::builder()?;
    builder.append_entry_by_text("CN", name)?;
    Ok(builder.build())
}

/// From 2026 to the end of 2029: clients go by the machine's clock, sites by their own, which starts in 2027.
fn describe(
    builder: &mut openssl::x509::X509Builder,
    subject: &X509NameRef,
    issuer: &X509NameRef,
    key: &PKey<Private>,
) -> Result<(), ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(120, MsbOption::ONE, false)?;
    builder.set_version(2)?;
    builder.set_serial_number(serial.to_asn1_integer()?.as_ref())?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(Asn1Time::from_str("20260101000000Z")?.as_ref())?;
    builder.set_not_after(Asn1Time::from_str("20300101000000Z")?.as_ref())
}
