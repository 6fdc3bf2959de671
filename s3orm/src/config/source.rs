//! Options from files and the environment, in layers.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use super::DbBuilder;
use super::options::{Given, Origin};
use crate::db::Db;
use crate::error::{Error, Result, did_you_mean};
use crate::url;

/// What our variables begin with.
const VARIABLES: &str = "S3ORM_";
/// Variables that are no options: the test suite's.
const NOT_OURS: &str = "S3ORM_TEST_";

/// Options from files and the environment: of one connection, and of named profiles.
///
/// Sources are layers; where two say the same option, the later wins. The options are those of
/// [`DbBuilder`] by the same names, and `url`, the connection string:
///
/// | | the connection | a profile | a table | a header |
/// |---|---|---|---|---|
/// | TOML | `timeout = "10s"` | `[profiles.main]` `timeout = "10s"` | `[tables.people]` `retries = 5` | `[header]` `x-tenant = "a"` |
/// | variable | `S3ORM_TIMEOUT` | `S3ORM_PROFILES__MAIN__TIMEOUT` | `S3ORM_TABLES__PEOPLE__RETRIES` | `S3ORM_HEADER__X_TENANT` |
///
/// A name that is no option is an error, in a variable too: what is misspelt would else be
/// missing. Variables that begin with `S3ORM_TEST_` are left alone.
///
/// What a connection comes to is decided by, from the strongest: methods of [`DbBuilder`], the
/// connection string's parameters, and these layers from the last to the first.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> s3orm::Result<()> {
/// use s3orm::Config;
///
/// let variables = [("S3ORM_URL", "memory:"), ("S3ORM_RETRIES", "5")];
/// let config = Config::new().variables(variables)?;        // or `.file("s3orm.toml")?.env()?`
/// let db = config.builder()?.max_attempts(10).connect().await?;
/// # let _ = db;
/// let error = Config::new().variables([("S3ORM_RETIRES", "5")]).unwrap_err();
/// assert!(error.to_string().ends_with("did you mean `S3ORM_RETRIES`?"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Config {
    connection: Layer,
    profiles: BTreeMap<String, Layer>,
}

/// The options of one connection, by their names.
#[derive(Debug, Clone, Default)]
struct Layer(BTreeMap<String, Entry>);

/// An option's text, which may be a secret.
#[derive(Clone)]
struct Entry {
    text: String,
    origin: Origin,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(f)
    }
}

impl Config {
    /// Nothing is set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Over the sources so far: a TOML file. With the cargo feature `toml`.
    ///
    /// Secrets do not stand in it, but where they are: `file:///path` or `env:NAME`. Paths are
    /// relative to the program's folder, not to the file's.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): the file cannot be read, is no TOML, or has a name
    /// that is no option.
    #[cfg(feature = "toml")]
    pub fn file(self, path: impl AsRef<std::path::Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::config(
                format!("`{}` cannot be read", path.display()),
                "name a TOML file",
            )
            .with_source(error)
        })?;
        self.toml(&path.display().to_string(), &text)
    }

    /// Over the sources so far: the text of a TOML file, with a name for errors. With the cargo
    /// feature `toml`.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    #[cfg(feature = "toml")]
    pub fn toml(mut self, name: &str, text: &str) -> Result<Self> {
        for (path, text, origin) in super::toml::read(name, text)? {
            self.add(path, text, origin)?;
        }
        Ok(self)
    }

    /// Over the sources so far: the environment's variables that begin with `S3ORM_`.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): one of them is no option.
    pub fn env(self) -> Result<Self> {
        self.variables(std::env::vars_os())
    }

    /// Over the sources so far: variables from elsewhere, such as a `.env` file. Those that do not
    /// begin with `S3ORM_` are passed over.
    ///
    /// # Errors
    /// As [`env`](Self::env).
    pub fn variables<K: Into<OsString>, V: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self> {
        for (name, text) in variables {
            let Ok(name) = name.into().into_string() else {
                continue;
            };
            let Some(option) = name.strip_prefix(VARIABLES) else {
                continue;
            };
            if name.starts_with(NOT_OURS) {
                continue;
            }
            let text = text.into().into_string().map_err(|_| {
                let detail = format!("the variable `{}` is not UTF-8", url::shown(&name));
                Error::config(detail, "write it in UTF-8")
            })?;
            self.add(variable_path(option), text, Origin::Variable(name))?;
        }
        Ok(self)
    }

    /// The connection that the sources name by `url`, with their options.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): no source says `url`, or an option cannot have the
    /// value that it has.
    pub fn builder(&self) -> Result<DbBuilder> {
        self.connection.own_builder(Ok).map_err(connecting)
    }

    /// This connection, with the sources' options under its parameters; their `url` is not used.
    ///
    /// # Errors
    /// As [`builder`](Self::builder).
    pub fn builder_for(&self, connection: &str) -> Result<DbBuilder> {
        let layer = &self.connection;
        layer.builder(connection, Ok).map_err(connecting)
    }

    /// Connects as [`builder`](Self::builder) says. No request is made.
    ///
    /// # Errors
    /// As [`builder`](Self::builder) and [`Db::connect`].
    pub async fn connect(&self) -> Result<Db> {
        self.builder()?.connect().await
    }

    /// The names of the profiles that the sources have.
    pub fn profiles(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// A profile's connection, for [`Profiles::start`](crate::Profiles::start) and
    /// [`Profiles::update`](crate::Profiles::update): its `url` and options, over the defaults of
    /// [`Profiles::builder`](crate::Profiles::builder). It has nothing of the other connection's.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config): there is no such profile, it has no `url`, or an
    /// option cannot have the value that it has.
    pub fn profile(&self, name: &str) -> Result<DbBuilder> {
        let Some(layer) = self.profiles.get(name) else {
            let known = self.profiles.keys().map(String::as_str);
            return Err(connecting(no_profile(name, known)));
        };
        let builder = layer.own_builder(|builder| Ok(builder.for_profile()));
        builder.map_err(connecting)
    }

    fn add(&mut self, mut path: Vec<String>, text: String, origin: Origin) -> Result<()> {
        let mut layer = &mut self.connection;
        if path.first().is_some_and(|first| first == "profiles") && path.len() > 2 {
            let rest = path.split_off(2);
            let name = path.pop().unwrap_or_default();
            layer = self.profiles.entry(name).or_default();
            path = rest;
        }
        layer.add(path.join("."), text, origin)
    }
}

impl Layer {
    fn add(&mut self, name: String, text: String, origin: Origin) -> Result<()> {
        if name != "url" {
            let given = Given {
                name: &name,
                text: &text,
                origin: &origin,
            };
            given.check().map_err(connecting)?;
        }
        self.0.insert(name, Entry { text, origin });
        Ok(())
    }

    /// `below` sets what is under every source.
    fn own_builder(&self, below: impl FnOnce(DbBuilder) -> Result<DbBuilder>) -> Result<DbBuilder> {
        let Some(url) = self.0.get("url") else {
            return Err(Error::config(
                "no source says where the rows are",
                "set `url` in the file or S3ORM_URL, such as `s3://bucket/prefix`",
            ));
        };
        self.builder(&url.text, below)
    }

    fn builder(
        &self,
        connection: &str,
        below: impl FnOnce(DbBuilder) -> Result<DbBuilder>,
    ) -> Result<DbBuilder> {
        url::parse_over(connection, |builder| {
            let options = self.0.iter().filter(|(name, _)| *name != "url");
            options.fold(below(builder), |builder, (name, entry)| {
                let given = Given {
                    name,
                    text: &entry.text,
                    origin: &entry.origin,
                };
                given.set(builder?)
            })
        })
    }
}

/// There is no profile of this name among those that are known.
pub(crate) fn no_profile<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.collect();
    let detail = format!("there is no profile `{}`", url::shown(name));
    match did_you_mean(name, known.iter().copied()) {
        Some(near) => Error::config(detail, format!("did you mean `{near}`?")),
        None if known.is_empty() => Error::config(detail, "there are none"),
        None => Error::config(detail, format!("there are `{}`", known.join("`, `"))),
    }
}

fn connecting(error: Error) -> Error {
    error.during("connect", "")
}

/// `TABLES__PEOPLE__RETRIES` is `tables.people.retries`. A header has `-` where a variable's name
/// can only have `_`.
fn variable_path(name: &str) -> Vec<String> {
    let mut path: Vec<String> = name.split("__").map(str::to_ascii_lowercase).collect();
    let family = path.iter().rev().nth(1).map(String::as_str);
    if matches!(family, Some("header" | "upload_header"))
        && let Some(header) = path.last_mut()
    {
        *header = header.replace('_', "-");
    }
    path
}
