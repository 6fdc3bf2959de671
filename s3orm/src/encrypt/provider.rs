//! Who has the keys.

use std::error::Error as StdError;
use std::fmt;

use zeroize::Zeroizing;

use crate::body::BodyError;
use crate::env::Env;
use crate::error::{Error, ErrorKind, Result};

/// The name of a key: 1 to 64 letters, digits and `-_.:/@`. It is stored beside what the key has
/// encrypted, and is no secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// From its text.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config): it has other characters, none, or too many.
    pub fn new(id: impl Into<String>) -> Result<Self> {
        let id = id.into();
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte);
        if (1..=64).contains(&id.len()) && id.bytes().all(known) {
            return Ok(Self(id));
        }
        let detail = format!("`{}` cannot be the name of a key", id.escape_debug());
        let help = "a name has 1 to 64 letters, digits and `-_.:/@`, such as `2026-11`";
        Err(Error::config(detail, help))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key of one row or one value: 256 random bits, wiped when it is dropped. `Debug` shows none of it.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// From its bytes, as a provider has unwrapped them.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn generate(env: &Env) -> Self {
        Self::new(env.random_bytes())
    }

    /// Its bytes, for a provider to wrap.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a provider wraps or unwraps no key.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyFailure {
    /// There is no key of this name.
    Unknown,
    /// The key has not wrapped this: it is another one, or the bytes were changed.
    Wrong,
    /// The provider could not, or would not. The error must not hold a key.
    Refused(Box<dyn StdError + Send + Sync>),
}

impl KeyFailure {
    pub(super) fn into_error(self, id: &KeyId) -> BodyError {
        match self {
            Self::Unknown => BodyError::of(
                ErrorKind::Denied,
                format!("it is encrypted with the key `{id}`, which the connection has not"),
            )
            .with_help(
                "give it that key, too: an old key is needed until no row is encrypted with it",
            ),
            Self::Wrong => super::envelope::does_not_open(id),
            Self::Refused(source) => BodyError::of(
                ErrorKind::Denied,
                format!("the provider of keys refused to use `{id}`"),
            )
            .with_source(source),
        }
    }
}

/// Has the keys with which the keys of rows are wrapped: [`StaticKeys`](super::StaticKeys), or one of
/// one's own over a hardware module or a key service.
///
/// Its methods are called for each row, or each encrypted value, that is written or read, in the
/// middle of asynchronous code: they must not block. A key service is asked once, before connecting,
/// for the keys that a `StaticKeys` then holds, or its answers are kept at hand.
///
/// ```
/// use s3orm::Env;
/// use s3orm::encrypt::{DataKey, KeyFailure, KeyId, KeyProvider, StaticKeys};
///
/// /// Keys of which only one may be used to write.
/// #[derive(Debug)]
/// struct Audited(StaticKeys);
///
/// impl KeyProvider for Audited {
///     fn current(&self) -> KeyId {
///         self.0.current()
///     }
///
///     fn wrap(&self, id: &KeyId, key: &DataKey, env: &Env) -> Result<Vec<u8>, KeyFailure> {
///         self.0.wrap(id, key, env)
///     }
///
///     fn unwrap(&self, id: &KeyId, wrapped: &[u8]) -> Result<DataKey, KeyFailure> {
///         if id.as_str().starts_with("retired/") {
///             return Err(KeyFailure::Refused("this key is retired".into()));
///         }
///         self.0.unwrap(id, wrapped)
///     }
/// }
/// # fn main() -> s3orm::Result<()> {
/// let keys = Audited(StaticKeys::from_bytes("now", [7; 32])?);
/// let (id, env) = (keys.current(), Env::system());
/// let wrapped = keys.wrap(&id, &DataKey::new([1; 32]), &env).unwrap();
/// assert_eq!(keys.unwrap(&id, &wrapped).unwrap().bytes(), &[1; 32]);
/// # Ok(()) }
/// ```
pub trait KeyProvider: fmt::Debug + Send + Sync {
    /// The key for what is written now.
    fn current(&self) -> KeyId;

    /// Encrypts a key with the key of this name, into 1 to 1,024 bytes that nobody can change unnoticed.
    /// Randomness is from `env`.
    ///
    /// # Errors
    /// See [`KeyFailure`].
    fn wrap(&self, id: &KeyId, key: &DataKey, env: &Env) -> Result<Vec<u8>, KeyFailure>;

    /// The key that was wrapped.
    ///
    /// # Errors
    /// See [`KeyFailure`].
    fn unwrap(&self, id: &KeyId, wrapped: &[u8]) -> Result<DataKey, KeyFailure>;
}
