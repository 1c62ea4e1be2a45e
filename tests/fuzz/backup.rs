//! What may be in a file that somebody calls a backup? Anything: nothing that was not sealed so is handed out, and what was sealed by
//! somebody who has the key is read with care.

use std::sync::LazyLock;

use countersign::backup::{Contents, Error, Header, Secret};
use countersign::keys::Vault;
use zeroize::Zeroizing;

use super::filled::{packed, seal};

static VAULT: LazyLock<Vault> =
    LazyLock::new(|| Vault::parse("AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=").expect("a master key"));

/// As a file, as what was packed, and as the lines that are inside.
pub fn run(data: &[u8]) {
    let whole = seal(&VAULT, &packed(LINES.as_bytes()));
    assert!(read(&whole).is_ok(), "what the seeds begin with is read");
    let as_file = read(data);
    assert!(as_file.is_err(), "nobody but us can have sealed it");
    let _ = (read(&seal(&VAULT, data)), read(&seal(&VAULT, &packed(data))));
    // A good one, in which something has been changed.
    if let [at, by, ..] = data
        && *by > 0
    {
        let mut changed = whole.clone();
        let place = usize::from(*at) * changed.len() / 256;
        changed[place] ^= by;
        assert!(read(&changed).is_err(), "byte {place} was changed, and nobody has seen it");
    }
}

const LINES: &str = concat!(
    r#"{"head":{"made_at":1,"countersign":"0.1.0","database":"SQLite","issuer":"x","migrations":[],"master_key":null}}"#,
    "\n",
    r#"{"table":{"name":"versions","columns":[["name","text"],["version","number"]]}}"#,
    "\n[\"clients\",1]\n{\"rows\":1}\n{\"end\":1}\n"
);

fn read(mut bytes: &[u8]) -> Result<u64, Error> {
    let header = Header::read(&mut bytes)?;
    let words = Zeroizing::new("a passphrase".to_owned());
    let secret = match header.lock {
        countersign::backup::Lock::Master => Secret::Master(&VAULT),
        // What it may cost is bounded; a fuzzer has no time for it.
        countersign::backup::Lock::Passphrase(cost) if cost.memory_kib > 4096 || cost.passes > 2 => {
            return Err(Error::Foreign);
        }
        countersign::backup::Lock::Passphrase(_) => Secret::Passphrase(&words),
    };
    Contents::open(bytes, &header, secret)?.read_through()
}
