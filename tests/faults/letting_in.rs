//! Whom does PostgreSQL let in, and whom do we believe that it is? In TLS and without, by each way in which it asks for a password.

use std::path::Path;

use countersign::store::{Cause, Db, Error, Options};

use super::postgres::Postgres;
use super::support::ca::{Authority, authority};
use super::support::program::free_port;

/// Who may come, and how they prove it.
const RULES: &str = "
local   all all                       trust
hostssl all modern     127.0.0.1/32   scram-sha-256
hostssl all old        127.0.0.1/32   md5
hostssl all plain      127.0.0.1/32   password
hostssl all certified  127.0.0.1/32   cert
host    all nobody     127.0.0.1/32   trust
";

const PASSWORD: &str = "p@ss: w\u{f6}rd";

/// A server in TLS, which its authority says is 127.0.0.1, and its port.
fn server() -> (Postgres, u16) {
    let server = Postgres::start();
    for (name, encryption) in [("modern", "scram-sha-256"), ("old", "md5"), ("plain", "scram-sha-256")] {
        server.ask(&format!(
            "SET password_encryption = '{encryption}'; CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"
        ));
    }
    server.ask("CREATE ROLE certified LOGIN; CREATE ROLE nobody LOGIN");
    server.stop();
    let (certificate, key) = authority().issue("127.0.0.1");
    server.put("data/server.crt", &certificate);
    server.put("data/server.key", &key);
    server.put("data/ca.crt", &authority().pem());
    server.put("data/pg_hba.conf", RULES.as_bytes());
    let port = free_port();
    server
        .start_with(&format!("-c listen_addresses=127.0.0.1 -c port={port} -c ssl=on -c ssl_ca_file=ca.crt"));
    (server, port)
}

/// Why nobody is let in there; none for a good end.
async fn refused(port: u16, login: &str, options: &str) -> Option<Cause> {
    let url = format!("postgres://{login}@127.0.0.1:{port}/postgres?{options}");
    match Db::open(&Options { url, max_connections: 1 }).await {
        Ok(db) => {
            db.schema_state().await.expect("an answer");
            db.close().await;
            None
        }
        Err(Error::Open { cause, .. }) => Some(cause),
        Err(other) => panic!("{other}"),
    }
}

fn file(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_asks_who_comes_in_each_of_its_ways() {
    let (server, port) = server();
    let right = "p%40ss%3A%20w%C3%B6rd";
    for name in ["modern", "old", "plain"] {
        for options in ["", "sslmode=require"] {
            assert_eq!(refused(port, &format!("{name}:{right}"), options).await, None, "{name} {options}");
        }
        let wrong = refused(port, &format!("{name}:wrong"), "").await;
        assert_eq!(wrong, Some(Cause::Password), "{name}");
        let open = refused(port, &format!("{name}:{right}"), "sslmode=disable").await;
        assert!(matches!(open, Some(Cause::Denied(_))), "{name} {open:?}");
    }
    let client = authority().issue_client("certified");
    let (certificate, key) =
        (server.put("client.crt", &client.pem()), server.put("client.key", &client.key_pem()));
    let shown = format!("sslcert={}&sslkey={}", file(&certificate), file(&key));
    assert_eq!(refused(port, "certified", &shown).await, None);
    assert!(matches!(refused(port, "certified", "").await, Some(Cause::Denied(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_asked_to_verify_does() {
    let (server, port) = server();
    let known = server.put("known.pem", &authority().pem());
    let other = server.put("other.pem", &Authority::new().pem());
    let with = |mode: &str, authority: &Path| format!("sslmode={mode}&sslrootcert={}", file(authority));
    assert_eq!(refused(port, "nobody", &with("verify-full", &known)).await, None);
    assert_eq!(refused(port, "nobody", &with("require", &other)).await, None);
    for options in [with("verify-full", &other), with("verify-ca", &other), "sslmode=verify-full".to_owned()]
    {
        let Some(Cause::Tls(said)) = refused(port, "nobody", &options).await else { panic!("{options}") };
        assert!(said.starts_with("the certificate of 127.0.0.1 is not believed: "), "{options}: {said}");
    }
    server.stop();
    let (certificate, key) = authority().issue("elsewhere.example");
    server.put("data/server.crt", &certificate);
    server.put("data/server.key", &key);
    server
        .start_with(&format!("-c listen_addresses=127.0.0.1 -c port={port} -c ssl=on -c ssl_ca_file=ca.crt"));
    let of_another = refused(port, "nobody", &with("verify-full", &known)).await;
    let mismatch = "the certificate of 127.0.0.1 is not believed: IP address mismatch";
    assert_eq!(of_another, Some(Cause::Tls(mismatch.to_owned())));
    assert_eq!(refused(port, "nobody", &with("verify-ca", &known)).await, None);
    server.stop();
    server.start_with(&format!("-c listen_addresses=127.0.0.1 -c port={port} -c ssl=off"));
    assert_eq!(refused(port, "nobody", "sslmode=prefer").await, None);
    assert!(matches!(refused(port, "nobody", "sslmode=require").await, Some(Cause::Tls(_))));
}
