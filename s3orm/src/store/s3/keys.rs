//! Access keys from where they are kept: in the configuration, a file or a variable.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::credentials::{CredentialFuture, CredentialProvider, Credentials};
use super::secret::Secret;
use crate::env::Env;
use crate::error::{Error, Result};

/// No secret is longer.
const MAX_SECRET: u64 = 64 << 10;

/// Where the text of a secret is.
///
/// From text: `file:///run/secrets/key` is a file, `env:NAME` an environment variable, and anything
/// else the secret itself.
///
/// ```
/// use s3orm::store::s3::SecretSource;
///
/// assert_eq!(format!("{:?}", SecretSource::from("file:///run/key")), "file:///run/key");
/// assert_eq!(format!("{:?}", SecretSource::from("env:S3_KEY")), "env:S3_KEY");
/// assert_eq!(format!("{:?}", SecretSource::from("the secret")), "***");
/// ```
#[derive(Clone)]
pub enum SecretSource {
    /// Here.
    Text(Secret),
    /// In a file, which on Unix nobody but its owner may read (mode 600 or 400). Line breaks at its
    /// end are not the secret's.
    File(PathBuf),
    /// In an environment variable.
    Variable(String),
}

impl From<&str> for SecretSource {
    fn from(text: &str) -> Self {
        if let Some(path) = text.strip_prefix("file://") {
            Self::File(path.into())
        } else if let Some(name) = text.strip_prefix("env:") {
            Self::Variable(name.to_owned())
        } else {
            Self::Text(text.into())
        }
    }
}

impl From<String> for SecretSource {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Secret> for SecretSource {
    fn from(secret: Secret) -> Self {
        Self::Text(secret)
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(secret) => secret.fmt(f),
            Self::File(path) => write!(f, "file://{}", path.display()),
            Self::Variable(name) => write!(f, "env:{name}"),
        }
    }
}

impl SecretSource {
    /// The text, now.
    pub(crate) fn read(&self, option: &str) -> Result<Secret> {
        let text = match self {
            Self::Text(secret) => return Ok(secret.clone()),
            Self::File(path) => read_file(option, path)?,
            Self::Variable(name) => std::env::var(name).map(Secret::new).map_err(|_| {
                Error::config(
                    format!("`{option}`: there is no environment variable `{name}`"),
                    "set it, or name another",
                )
            })?,
        };
        if text.expose().is_empty() {
            return Err(Error::config(
                format!("`{option}`: {self:?} is empty"),
                "put the secret into it",
            ));
        }
        Ok(text)
    }
}

fn read_file(option: &str, path: &Path) -> Result<Secret> {
    let unreadable = |why: &dyn fmt::Display| {
        let path = path.display();
        Error::config(
            format!("`{option}`: the file `{path}` is not usable: {why}"),
            "write `file:///` and the path of a file that holds the secret alone",
        )
    };
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    if !metadata.is_file() || metadata.len() > MAX_SECRET {
        return Err(unreadable(&"it is no file of a secret's size"));
    }
    check_mode(option, path, &metadata)?;
    // Read whole, so that no copy is left behind by a buffer that grows.
    let mut text = String::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
    let read = file.take(MAX_SECRET).read_to_string(&mut text);
    let mut secret = Secret::new(text);
    read.map_err(|error| unreadable(&error.kind()))?;
    secret.trim_line_end();
    Ok(secret)
}

#[cfg(unix)]
fn check_mode(option: &str, path: &Path, metadata: &std::fs::Metadata) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let mode = metadata.mode() & 0o777;
    let others = mode & 0o077;
    if others == 0 {
        return Ok(());
    }
    let path = path.display();
    Err(Error::config(
        format!("`{option}`: others may use the file `{path}` (its mode is {mode:o})"),
        format!("a secret is its owner's: `chmod 600 {path}`"),
    ))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "there are no modes here")]
fn check_mode(_: &str, _: &Path, _: &std::fs::Metadata) -> Result<()> {
    Ok(())
}

/// An access key in its parts, each from where it is kept.
#[derive(Debug, Clone, Default)]
pub struct AccessKeys {
    /// The access key id.
    pub access_key_id: Option<SecretSource>,
    /// The secret access key.
    pub secret_access_key: Option<SecretSource>,
    /// The token of temporary credentials.
    pub session_token: Option<SecretSource>,
}

impl AccessKeys {
    /// Reads them, now.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config): one is missing, or is not where it should
    /// be, or others may read its file.
    pub(super) fn read(&self) -> Result<Credentials> {
        let (Some(id), Some(secret)) = (&self.access_key_id, &self.secret_access_key) else {
            return Err(Error::config(
                "an access key has an `access_key_id` and a `secret_access_key`",
                "set both, or neither to use the machine's credentials",
            ));
        };
        let token = self.session_token.as_ref();
        Ok(Credentials {
            access_key: id.read("access_key_id")?.expose().to_owned(),
            secret_key: secret.read("secret_access_key")?,
            session_token: token.map(|token| token.read("session_token")).transpose()?,
            expires: None,
        })
    }
}

/// Reads access keys whenever it is asked: once, and again after S3 has refused them, so that a
/// file whose secret was exchanged is noticed.
#[derive(Debug)]
pub(super) struct KeptKeys {
    pub(super) env: Env,
    pub(super) keys: AccessKeys,
}

impl CredentialProvider for KeptKeys {
    fn provide(&self) -> CredentialFuture<'_> {
        let keys = self.keys.clone();
        Box::pin(async { Ok(self.env.spawn_blocking(move || keys.read()).await??) })
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::error::ErrorKind;

    /// A file of this name and mode in the folder for temporary files.
    fn file(name: &str, text: &str, mode: u32) -> PathBuf {
        let name = format!("s3orm-keys-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("a file for the test");
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, mode).expect("a mode for it");
        path
    }

    fn keys(secret: &str) -> AccessKeys {
        AccessKeys {
            access_key_id: Some("id".into()),
            secret_access_key: Some(secret.into()),
            session_token: None,
        }
    }

    #[test]
    fn a_secret_is_read_from_its_owners_file() {
        for mode in [0o600, 0o400] {
            let path = file("good", "canary\r\n", mode);
            let read = keys(&format!("file://{}", path.display())).read().unwrap();
            assert_eq!(read.secret_key.expose(), "canary");
            assert!(!format!("{read:?}").contains("canary"));
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_secret_that_is_not_well_kept_is_refused_and_not_shown() {
        let (open, empty) = (file("open", "canary", 0o640), file("empty", "\n", 0o600));
        let long = file("long", &"canary".repeat(20_000), 0o600);
        let folder = std::env::temp_dir();
        for (source, expected) in [
            (format!("file://{}", open.display()), "its mode is 640"),
            (format!("file://{}", empty.display()), "is empty"),
            (
                format!("file://{}", long.display()),
                "no file of a secret's size",
            ),
            (
                format!("file://{}", folder.display()),
                "no file of a secret's size",
            ),
            (
                "file:///nonexistent".to_owned(),
                "`/nonexistent` is not usable",
            ),
            (
                "env:S3ORM_TEST_NOWHERE".to_owned(),
                "no environment variable",
            ),
        ] {
            let error = keys(&source).read().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.to_string().contains("`secret_access_key`"), "{error}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
        for path in [open, empty, long] {
            std::fs::remove_file(path).unwrap();
        }
        let half = AccessKeys {
            secret_access_key: None,
            ..keys("canary")
        };
        assert!(half.read().unwrap_err().to_string().contains("set both"));
        assert!(!format!("{:?}", keys("canary")).contains("canary"));
    }
}
