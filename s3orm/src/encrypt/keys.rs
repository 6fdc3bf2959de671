//! Keys that the program holds.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead as _, Payload};
use zeroize::{Zeroize as _, Zeroizing};

use super::envelope::cipher;
use super::provider::{DataKey, KeyFailure, KeyId, KeyProvider};
use crate::env::Env;
use crate::error::{Error, Result};
use crate::store::s3::SecretSource;

const NONCE: usize = 24;
/// What a wrapped key says of itself, so that it is taken for nothing else.
const PURPOSE: &[u8] = b"s3orm wrapped key 1 ";

/// Keys of 256 bits that the program holds: one to write with, and old ones to read with.
///
/// A key is 64 hexadecimal digits or base64 of 32 random bytes (`openssl rand -base64 32`): here, in a file
/// that its owner alone may read (`file:///run/secrets/rows`), or in a variable (`env:ROW_KEY`). Its memory is
/// wiped when it is dropped, and `Debug` shows the names alone.
///
/// ```
/// use s3orm::encrypt::{KeyProvider as _, StaticKeys};
///
/// # fn main() -> s3orm::Result<()> {
/// # let (new, old) = ("11".repeat(32), "22".repeat(32));
/// // To rotate: a new key to write with, the old one to read what it has encrypted.
/// let keys = StaticKeys::new("2026-11", new)?.and("2025-06", old)?;
/// assert_eq!(keys.current().as_str(), "2026-11");
/// assert_eq!(format!("{keys:?}"), r#"StaticKeys ["2026-11", "2025-06"]"#);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct StaticKeys(Vec<(KeyId, Zeroizing<[u8; 32]>)>);

impl StaticKeys {
    /// The key to write with, under a name that no other key ever gets. Reads a file or a variable now.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): the name or the key is not one, or others may read its file.
    pub fn new(id: impl Into<String>, key: impl Into<SecretSource>) -> Result<Self> {
        Self(Vec::new()).and(id, key)
    }

    /// A ring of keys, from where it is kept: one key a line, its name, a space, and the key. The first is
    /// the one to write with. Empty lines, and those that begin with `#`, are left out; in place of a line's end there
    /// may be a comma. Reads a file or a variable now.
    ///
    /// ```text
    /// # written with since November
    /// 2026-11 kX0m…=
    /// 2025-06 Zm9y…=
    /// ```
    ///
    /// ```
    /// use s3orm::encrypt::{KeyProvider as _, StaticKeys};
    ///
    /// # fn main() -> s3orm::Result<()> {
    /// # let text = format!("2026-11 {}\n2025-06 {}\n", "11".repeat(32), "22".repeat(32));
    /// let keys = StaticKeys::ring(text)?; // or "file:///run/secrets/row-keys", or "env:ROW_KEYS"
    /// assert_eq!(keys.current().as_str(), "2026-11");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): there is no key in it, or a line is not a name and a key, a name is there
    /// twice, or others may read its file.
    pub fn ring(source: impl Into<SecretSource>) -> Result<Self> {
        let text = source.into().read("row_keys")?;
        let mut keys = Self(Vec::new());
        let lines = text.expose().split(['\n', ',']).map(str::trim);
        for (at, line) in lines.enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // What cannot be read might be a key: it is not shown.
            let wrong = || {
                let detail = format!(
                    "`row_keys`: line {} is not the name of a key and a key",
                    at + 1
                );
                let help = "write a name, a space, and 64 hexadecimal digits or base64 of 32 bytes: `2026-11 Zm9y...`";
                Error::config(detail, help)
            };
            let (id, key) = line.split_once([' ', '\t']).ok_or_else(wrong)?;
            let key = parse(key.trim()).ok_or_else(wrong)?;
            if KeyId::new(id).is_err() {
                return Err(wrong());
            }
            keys = keys.with(id.to_owned(), key)?;
        }
        if keys.0.is_empty() {
            let help = "write one a line: a name, a space, and the key";
            return Err(Error::config("`row_keys`: there is no key", help));
        }
        Ok(keys)
    }

    /// As [`new`](Self::new), from the bytes.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): the name is not one.
    pub fn from_bytes(id: impl Into<String>, key: [u8; 32]) -> Result<Self> {
        Self(Vec::new()).and_bytes(id, key)
    }

    /// With another key, to read with alone.
    ///
    /// # Errors
    /// As [`new`](Self::new), and if the name is there already.
    pub fn and(self, id: impl Into<String>, key: impl Into<SecretSource>) -> Result<Self> {
        let (id, source) = (id.into(), key.into());
        let text = source.read("row_keys")?;
        let key = parse(text.expose().trim()).ok_or_else(|| {
            let detail = format!("the key `{}` is no key of 256 bits", id.escape_debug());
            let help =
                "write 64 hexadecimal digits, or base64 of 32 bytes: `openssl rand -base64 32`";
            Error::config(detail, help)
        })?;
        self.with(id, key)
    }

    /// As [`and`](Self::and), from the bytes.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): the name is not one, or is there already.
    pub fn and_bytes(self, id: impl Into<String>, key: [u8; 32]) -> Result<Self> {
        self.with(id.into(), Zeroizing::new(key))
    }

    fn with(mut self, id: String, key: Zeroizing<[u8; 32]>) -> Result<Self> {
        let id = KeyId::new(id)?;
        if self.key(&id).is_ok() {
            let detail = format!("there are two keys of the name `{id}`");
            return Err(Error::config(detail, "a key has a name of its own"));
        }
        self.0.push((id, key));
        Ok(self)
    }

    fn key(&self, id: &KeyId) -> Result<&[u8; 32], KeyFailure> {
        let found = self.0.iter().find(|(own, _)| own == id);
        found.map(|(_, key)| &**key).ok_or(KeyFailure::Unknown)
    }
}

fn parse(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    if text.len() == 64 {
        for (at, byte) in key.iter_mut().enumerate() {
            let digits = text.get(2 * at..2 * at + 2)?;
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        return Some(key);
    }
    let mut bytes = STANDARD.decode(text).ok()?;
    let is_key = bytes.len() == key.len();
    if is_key {
        key.copy_from_slice(&bytes);
    }
    bytes.zeroize();
    is_key.then_some(key)
}

fn purpose(id: &KeyId) -> Vec<u8> {
    [PURPOSE, id.as_str().as_bytes()].concat()
}

impl KeyProvider for StaticKeys {
    fn current(&self) -> KeyId {
        self.0[0].0.clone()
    }

    /// With a random nonce of 192 bits: as many times as one likes.
    fn wrap(&self, id: &KeyId, key: &DataKey, env: &Env) -> Result<Vec<u8>, KeyFailure> {
        let nonce: [u8; NONCE] = env.random_bytes();
        let aad = purpose(id);
        let payload = Payload {
            msg: key.bytes(),
            aad: &aad,
        };
        let wrapped = cipher(self.key(id)?).encrypt(&XNonce::from(nonce), payload);
        let wrapped = wrapped.map_err(|error| KeyFailure::Refused(error.to_string().into()))?;
        Ok([&nonce[..], &wrapped].concat())
    }

    fn unwrap(&self, id: &KeyId, wrapped: &[u8]) -> Result<DataKey, KeyFailure> {
        let own = cipher(self.key(id)?);
        let (nonce, msg) = wrapped
            .split_first_chunk::<NONCE>()
            .ok_or(KeyFailure::Wrong)?;
        let aad = purpose(id);
        let key = own.decrypt(&XNonce::from(*nonce), Payload { msg, aad: &aad });
        let key = Zeroizing::new(key.map_err(|_| KeyFailure::Wrong)?);
        let key: &[u8; 32] = key[..].try_into().map_err(|_| KeyFailure::Wrong)?;
        Ok(DataKey::new(*key))
    }
}

impl fmt::Debug for StaticKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StaticKeys ")?;
        f.debug_list()
            .entries(self.0.iter().map(|(id, _)| id.as_str()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn keys_as_texts() {
        let hex = "0f".repeat(32);
        let base64 = STANDARD.encode([15; 32]);
        for text in [&hex, &base64, &format!("{base64}\n")] {
            let keys = StaticKeys::new("a", text.as_str()).unwrap();
            assert_eq!(keys.key(&keys.current()).unwrap(), &[15; 32]);
            assert!(!format!("{keys:?}").contains("15"), "{keys:?}");
        }
        for wrong in [
            "",
            "0f",
            &hex[..62],
            &format!("{}é", &hex[..62]),
            &STANDARD.encode([15; 31]),
            &"g".repeat(64),
        ] {
            let error = StaticKeys::new("canary", wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(
                wrong.is_empty() || !format!("{error:?}").contains(wrong),
                "{error:?}"
            );
        }
    }

    #[test]
    fn rings_of_keys() {
        let (one, two) = ("0f".repeat(32), STANDARD.encode([7; 32]));
        for text in [
            format!("b {one}\na {two}"),
            format!("# keys\n\n  b \t{one} \r\na {two}\n"),
            format!("b {one},a {two},"),
        ] {
            let keys = StaticKeys::ring(text).unwrap();
            assert_eq!(keys.current().as_str(), "b");
            let known = |id: &str| *keys.key(&KeyId::new(id).unwrap()).unwrap();
            assert_eq!((known("b"), known("a")), ([15; 32], [7; 32]));
        }
        for wrong in [
            one.clone(),
            format!("a{one}"),
            format!("a {}", &one[1..]),
            format!("a {one} b"),
            format!("{one} a"),
            format!("a {one}\na {two}"),
            format!("ä {one}"),
            "# none\n".to_owned(),
        ] {
            let error = StaticKeys::ring(wrong.as_str()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            let shown = format!("{error:?}");
            assert!(
                !shown.contains(&one[1..]) && !shown.contains(&two),
                "{shown}"
            );
        }
    }

    #[test]
    fn names_of_keys() {
        for wrong in ["", "a b", "é", "a\n", &"a".repeat(65)] {
            assert!(StaticKeys::from_bytes(wrong, [0; 32]).is_err(), "{wrong}");
        }
        let twice = StaticKeys::from_bytes("a", [1; 32])
            .unwrap()
            .and_bytes("a", [2; 32]);
        assert!(twice.unwrap_err().to_string().contains("two keys"));
    }
}
