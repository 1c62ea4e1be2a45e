//! A backup with any contents, sealed as `src/backup` says that it is: written anew here, from the documentation.

use countersign::keys::Vault;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::{Cipher, encrypt_aead};

/// A backup that this master key opens. What is inside should be packed.
pub fn seal(vault: &Vault, inside: &[u8]) -> Vec<u8> {
    let salt = [3; 32];
    let mut file = b"COUNTERSIGN BACKUP\n\x01\x01".to_vec();
    file.extend(salt);
    file.extend([0; 12]);
    let base = vault.mac_bytes("backup", &[&salt]).expect("a key");
    let key = hmac(&base, &[b"content\0", file.as_slice()].concat());
    let check = hmac(&base, &[b"check\0", file.as_slice()].concat());
    file.extend(check.iter().take(16));
    let mut parts: Vec<&[u8]> = inside.chunks(64 * 1024).collect();
    if parts.is_empty() {
        parts.push(&[]);
    }
    let last = parts.len() - 1;
    for (at, part) in parts.into_iter().enumerate() {
        let mut frame = vec![u8::from(at == last)];
        frame.extend(u32::try_from(part.len()).expect("a short part").to_be_bytes());
        let nonce = [&[0; 4][..], &(at as u64).to_be_bytes()].concat();
        let mut tag = [0; 16];
        let sealed = encrypt_aead(Cipher::aes_256_gcm(), &key, Some(&nonce), &frame, part, &mut tag);
        file.extend(frame);
        file.extend(sealed.expect("a sealed part"));
        file.extend(tag);
    }
    file
}

/// As zlib packs it that packs nothing (RFC 1950, RFC 1951 §3.2.4).
pub fn packed(plain: &[u8]) -> Vec<u8> {
    let mut packed = vec![0x78, 0x01];
    for block in plain.chunks(0xffff) {
        let length = u16::try_from(block.len()).expect("a short block");
        packed.push(0);
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(block);
    }
    packed.extend([1, 0, 0, 0xff, 0xff]);
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in plain {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    packed.extend((b << 16 | a).to_be_bytes());
    packed
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let key = PKey::hmac(key).expect("a key");
    let signer = Signer::new(MessageDigest::sha256(), &key);
    signer.and_then(|mut signer| signer.sign_oneshot_to_vec(message)).expect("a mac")
}
