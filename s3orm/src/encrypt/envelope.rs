//! An encrypted text with its own key, wrapped. The format is on buckets, and does not change:
//!
//! ```text
//! e5 's' '3' 01 | length of the key's name (1 byte) | its name | length of the wrapped key (2 bytes) | wrapped key |
//! ciphertext of XChaCha20-Poly1305 with a nonce of zeros | tag (16 bytes)
//! ```
//!
//! The nonce may be the same each time, because no key encrypts twice. Authenticated are all bytes before the
//! ciphertext, and the context: each of its texts behind its length in 4 bytes. Numbers are big-endian.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};

use super::provider::{DataKey, KeyFailure, KeyId, KeyProvider};
use crate::body::BodyError;
use crate::env::Env;
use crate::error::ErrorKind;

/// No text and no row begins with it: it is no UTF-8. The last byte is the format's version.
const MAGIC: [u8; 4] = [0xe5, b's', b'3', 1];
const MAX_WRAPPED: usize = 1024;

pub(super) fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.into())
}

fn nonce() -> XNonce {
    XNonce::default()
}

/// Encrypts a text with a key of its own.
pub(super) fn seal(
    keys: &dyn KeyProvider,
    env: &Env,
    context: &[&str],
    plain: &[u8],
) -> Result<Vec<u8>, BodyError> {
    let id = keys.current();
    let key = DataKey::generate(env);
    let wrapped = keys.wrap(&id, &key, env);
    let wrapped = wrapped.map_err(|failure| failure.into_error(&id))?;
    if wrapped.is_empty() || wrapped.len() > MAX_WRAPPED {
        let (length, max) = (wrapped.len(), MAX_WRAPPED);
        let detail =
            format!("the provider of keys made a wrapped key of {length} bytes, of 1 to {max}");
        return Err(BodyError::of(ErrorKind::Config, detail));
    }
    let mut out = Vec::with_capacity(128 + wrapped.len() + plain.len());
    out.extend_from_slice(&MAGIC);
    push(&mut out, 1, id.as_str().as_bytes());
    push(&mut out, 2, &wrapped);
    let aad = authenticated(&out, context);
    let payload = Payload {
        msg: plain,
        aad: &aad,
    };
    let sealed = cipher(key.bytes()).encrypt(&nonce(), payload);
    let sealed = sealed
        .map_err(|_| BodyError::of(ErrorKind::LimitExceeded, "it is too long to be encrypted"))?;
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// The text again, if it is whole, and in its place.
pub(super) fn open(
    keys: &dyn KeyProvider,
    context: &[&str],
    sealed: &[u8],
) -> Result<Vec<u8>, BodyError> {
    let broken = || BodyError::new("it is not what s3orm has encrypted: it was changed or cut");
    let rest = sealed.strip_prefix(&MAGIC).ok_or_else(|| {
        match sealed.strip_prefix(&MAGIC[..3]).and_then(<[u8]>::first) {
            Some(version) => {
                BodyError::new(format!("it is encrypted in a format of version {version}"))
                    .with_help("a newer s3orm reads it")
            }
            None => broken(),
        }
    })?;
    let (id, rest) = take(rest, 1).ok_or_else(broken)?;
    let (wrapped, ciphertext) = take(rest, 2).ok_or_else(broken)?;
    let id = std::str::from_utf8(id)
        .ok()
        .and_then(|id| KeyId::new(id).ok());
    let id = id.ok_or_else(broken)?;
    if wrapped.is_empty() || wrapped.len() > MAX_WRAPPED {
        return Err(broken());
    }
    let key = keys.unwrap(&id, wrapped);
    let key = key.map_err(|failure| failure.into_error(&id))?;
    let aad = authenticated(&sealed[..sealed.len() - ciphertext.len()], context);
    let payload = Payload {
        msg: ciphertext,
        aad: &aad,
    };
    let plain = cipher(key.bytes()).decrypt(&nonce(), payload);
    plain.map_err(|_| KeyFailure::Wrong.into_error(&id))
}

/// Which of them it is, nobody can tell.
pub(super) fn does_not_open(id: &KeyId) -> BodyError {
    BodyError::new(format!("the key `{id}` does not open it")).with_help(
        "it was changed, or moved here from another key or table, or the key is not the one that has encrypted it",
    )
}

fn push(out: &mut Vec<u8>, size: usize, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    out.extend_from_slice(&length[4 - size..]);
    out.extend_from_slice(bytes);
}

fn take(bytes: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(size)?;
    let length = length
        .iter()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}

fn authenticated(header: &[u8], context: &[&str]) -> Vec<u8> {
    let mut out = header.to_vec();
    for text in context {
        push(&mut out, 4, text.as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::StaticKeys;
    use super::*;

    const CONTEXT: [&str; 2] = ["row", "notes/1.json"];

    const GOLDEN: &str = "e5733301026b310048\
        54743dc5e24d2a413b159584c1226df6eccfc4caa8cd7b635b76f9683c5753337cedf851d6118244c6c3cb30d54f7aa42475fd7464b932ce3e4faa70ecf80216a74e0eaaaa250979\
        d8e49ef96fb20678bfdd933ee4d33c3c8d76df1a0461";

    fn keys() -> StaticKeys {
        StaticKeys::from_bytes("k1", [7; 32]).unwrap()
    }

    /// It is on buckets, where every later version has to read it.
    #[test]
    fn the_format() {
        let digits = GOLDEN.as_bytes().chunks(2);
        let golden =
            digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap());
        let golden: Vec<u8> = golden.collect();
        assert_eq!(open(&keys(), &CONTEXT, &golden).unwrap(), b"secret");
        let sealed = seal(&keys(), &Env::system(), &CONTEXT, b"secret").unwrap();
        assert_eq!((&sealed[..9], sealed.len()), (&golden[..9], golden.len()));
        assert_ne!(sealed[9..], golden[9..], "each has a key of its own");
    }

    #[test]
    fn what_was_changed_cut_or_moved_does_not_open() {
        let keys = keys();
        let sealed = seal(&keys, &Env::seeded(2), &CONTEXT, b"secret").unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut other = sealed.clone();
                other[at] ^= 1 << bit;
                open(&keys, &CONTEXT, &other).unwrap_err();
            }
            open(&keys, &CONTEXT, &sealed[..at]).unwrap_err();
        }
        let longer = [&sealed[..], b"!"].concat();
        open(&keys, &CONTEXT, &longer).unwrap_err();
        for context in [
            &["row", "notes/2.json"][..],
            &["rownotes/1.json"],
            &["row", "notes/1.json", ""],
            &["row"],
            &[],
        ] {
            let error = open(&keys, context, &sealed).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        }
        let other = StaticKeys::from_bytes("k1", [8; 32]).unwrap();
        assert_eq!(
            open(&other, &CONTEXT, &sealed).unwrap_err().kind(),
            ErrorKind::Decode
        );
        let other = StaticKeys::from_bytes("k2", [7; 32]).unwrap();
        assert_eq!(
            open(&other, &CONTEXT, &sealed).unwrap_err().kind(),
            ErrorKind::Denied
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes(mut bytes: Vec<u8>) {
            proptest::prop_assert!(open(&keys(), &CONTEXT, &bytes).is_err());
            bytes.splice(0..0, MAGIC);
            proptest::prop_assert!(open(&keys(), &CONTEXT, &bytes).is_err());
        }

        #[test]
        fn any_text(plain: Vec<u8>) {
            let sealed = seal(&keys(), &Env::system(), &CONTEXT, &plain).unwrap();
            proptest::prop_assert_eq!(open(&keys(), &CONTEXT, &sealed).unwrap(), plain);
        }
    }
}
