//! Every option that text can say: one name, wherever it is written.
//!
//! The same names are the parameters of connection strings, the keys of TOML files and, in upper
//! case behind `S3ORM_`, environment variables. `docs/configuration.md` has them with their
//! meanings; a test compares.

use std::fmt;
use std::sync::Arc;

use super::DbBuilder;
#[cfg(feature = "s3")]
use super::values::{acl, client, ip, path, style};
use super::values::{boolean, dollars, duration, encryption, expected, kms, number, size};
use crate::error::{Error, Result, did_you_mean};
use crate::settings::Settings;
use crate::url::{no_secrets, shown};

type Setter = fn(DbBuilder, &str) -> Result<DbBuilder>;

/// Options of a connection: what [`DbBuilder`] has methods for and text can say.
const OPTIONS: &[(&str, Setter)] = &[
    ("verbose", |builder, value| {
        Ok(builder.verbose(boolean(value)?))
    }),
    #[cfg(feature = "cache")]
    ("cache_bytes", |builder, value| {
        Ok(builder.cache_bytes(number(value)?))
    }),
    #[cfg(not(feature = "cache"))]
    ("cache_bytes", |_, _| {
        Err(expected("enable the cargo feature `cache` of s3orm"))
    }),
    #[cfg(feature = "encrypt")]
    (
        "row_keys",
        |builder, value| Ok(builder.row_keys_from(value)),
    ),
    #[cfg(not(feature = "encrypt"))]
    ("row_keys", |_, _| {
        Err(expected("enable the cargo feature `encrypt` of s3orm"))
    }),
    ("transaction_lease", |builder, value| {
        Ok(builder.transaction_lease(duration(value)?))
    }),
    #[cfg(feature = "s3")]
    ("region", |builder, value| Ok(builder.region(value))),
    #[cfg(feature = "s3")]
    ("endpoint", |builder, value| Ok(builder.endpoint(value))),
    #[cfg(feature = "s3")]
    ("style", |builder, value| Ok(builder.style(style(value)?))),
    #[cfg(feature = "s3")]
    ("profile", |builder, value| Ok(builder.profile(value))),
    #[cfg(feature = "s3")]
    ("access_key_id", |builder, value| {
        Ok(builder.access_key_id(value))
    }),
    #[cfg(feature = "s3")]
    ("secret_access_key", |builder, value| {
        Ok(builder.secret_access_key(value))
    }),
    #[cfg(feature = "s3")]
    ("session_token", |builder, value| {
        Ok(builder.session_token(value))
    }),
    #[cfg(feature = "s3")]
    ("allow_http", |builder, value| {
        Ok(builder.allow_http(boolean(value)?))
    }),
    #[cfg(feature = "s3")]
    ("connect_timeout", |builder, value| {
        Ok(builder.connect_timeout(duration(value)?))
    }),
    #[cfg(feature = "s3")]
    ("timeout", |builder, value| {
        Ok(builder.timeout(duration(value)?))
    }),
    #[cfg(feature = "s3")]
    ("pool_size", |builder, value| {
        Ok(builder.pool_size(number(value)?))
    }),
    #[cfg(feature = "s3")]
    ("ip", |builder, value| Ok(builder.ip(ip(value)?))),
    #[cfg(feature = "s3")]
    ("tls_ca", |builder, value| Ok(builder.tls_ca(path(value)))),
    #[cfg(feature = "s3")]
    ("tls_cert", |builder, value| {
        Ok(builder.tls_cert(path(value)))
    }),
    #[cfg(feature = "s3")]
    ("tls_key", |builder, value| Ok(builder.tls_key(path(value)))),
    #[cfg(feature = "s3")]
    ("acl", |builder, value| Ok(builder.acl(acl(value)?))),
    #[cfg(feature = "s3")]
    ("customer_key", |builder, value| {
        Ok(builder.customer_key(value))
    }),
    #[cfg(feature = "s3")]
    ("expected_bucket_owner", |builder, value| {
        Ok(builder.expected_bucket_owner(value))
    }),
    #[cfg(feature = "s3")]
    ("client", client),
];

/// Options whose names have a part of the user's.
const FAMILIES: &[&str] = &[
    #[cfg(feature = "s3")]
    "header",
    #[cfg(feature = "s3")]
    "upload_header",
    "tables",
];

type SettingSetter = fn(Settings, &str) -> Result<Settings>;

/// What a task and a table can say, too.
const SETTINGS: &[(&str, SettingSetter)] = &[
    ("max_row_bytes", |settings, value| {
        Ok(settings.max_row_bytes(number(value)?))
    }),
    ("max_attempts", |settings, value| {
        Ok(settings.max_attempts(number(value)?))
    }),
    ("retries", |settings, value| {
        Ok(settings.retries(number(value)?))
    }),
    ("concurrency", |settings, value| {
        Ok(settings.concurrency(number(value)?))
    }),
    ("max_requests", |settings, value| {
        Ok(settings.max_requests(number(value)?))
    }),
    ("max_cost", |settings, value| {
        Ok(settings.max_cost(dollars(value)?))
    }),
    ("min_part_size", |settings, value| {
        Ok(settings.min_part_size(size(value)?))
    }),
    ("max_part_size", |settings, value| {
        Ok(settings.max_part_size(size(value)?))
    }),
    ("parallel_parts", |settings, value| {
        Ok(settings.parallel_parts(number(value)?))
    }),
    ("encryption", encryption),
    ("kms_key_id", |settings, value| {
        kms(settings, |key| key.id = Some(value.into()))
    }),
    ("kms_context", |settings, value| {
        let context = serde_json::from_str(value);
        let context = context.map_err(|_| expected("write a JSON object of texts"))?;
        kms(settings, |key| key.context = Arc::new(context))
    }),
    ("bucket_key", |settings, value| {
        let enabled = boolean(value)?;
        kms(settings, |key| key.bucket_key = Some(enabled))
    }),
];

/// Options that are secrets: text that others may see names where they are.
const SECRET: &[&str] = &[
    "secret_access_key",
    "session_token",
    "customer_key",
    "row_keys",
];

/// Words that are secrets or their names in other libraries' connection strings.
const SECRETS: &[&str] = &["key", "secret", "password", "token", "credential"];

/// Where text was written.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// In a connection string.
    Parameter,
    /// In this environment variable.
    Variable(String),
    /// In this line of this file.
    #[cfg_attr(
        not(feature = "toml"),
        expect(dead_code, reason = "files are the feature's")
    )]
    File(Arc<str>, usize),
}

/// An option as it was written.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    /// Its name, families with their dots: `tables.people.retries`.
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
    pub(crate) origin: &'a Origin,
}

/// An option without its text, which may be a secret.
impl fmt::Display for Given<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = shown(self.name);
        match self.origin {
            Origin::Parameter => write!(f, "the parameter `{name}`"),
            Origin::Variable(variable) => write!(f, "the variable `{}`", shown(variable)),
            Origin::File(file, line) => write!(f, "`{name}` (`{}`, line {line})", shown(file)),
        }
    }
}

/// What an option sets.
enum Target {
    Connection(Setter),
    Setting(SettingSetter),
    TableSetting(String, SettingSetter),
    #[cfg(feature = "s3")]
    Header(String),
    #[cfg(feature = "s3")]
    UploadHeader(String),
}

impl Given<'_> {
    /// Sets the option.
    pub(crate) fn set(self, builder: DbBuilder) -> Result<DbBuilder> {
        let target = self.target()?;
        let set = match target {
            #[cfg(feature = "s3")]
            Target::Header(name) => return Ok(builder.header(name, self.text)),
            #[cfg(feature = "s3")]
            Target::UploadHeader(name) => return Ok(builder.upload_header(name, self.text)),
            Target::Connection(set) => set(builder, self.text),
            Target::Setting(set) => {
                let settings = builder.options.settings.clone();
                set(settings, self.text).map(|settings| builder.settings(settings))
            }
            Target::TableSetting(table, set) => {
                let settings = builder.options.tables.get(&table).cloned();
                set(settings.unwrap_or_default(), self.text)
                    .map(|settings| builder.table_settings(table, settings))
            }
        };
        set.map_err(|error| {
            let help = error.help().unwrap_or_default().to_owned();
            if SECRET.contains(&self.name) {
                return Error::config(format!("{self} cannot be used"), help);
            }
            Error::config(format!("{self} cannot be `{}`", shown(self.text)), help)
        })
    }

    /// Whether there is such an option, and this is a place for it.
    pub(crate) fn check(self) -> Result<()> {
        self.target().map(drop)
    }

    fn target(self) -> Result<Target> {
        let target = self.named()?;
        if self.text.is_empty() {
            let help = "give it a value, or leave it out";
            return Err(Error::config(format!("{self} is empty"), help));
        }
        let kept_elsewhere = self.text.starts_with("file://") || self.text.starts_with("env:");
        if SECRET.contains(&self.name) && !kept_elsewhere {
            match self.origin {
                Origin::Variable(_) => {}
                Origin::Parameter => {
                    return Err(no_secrets("the connection string has a secret in it"));
                }
                Origin::File(..) => {
                    return Err(Error::config(
                        format!("{self} is the secret itself"),
                        "say where it is: `file:///path` or `env:NAME`",
                    ));
                }
            }
        }
        Ok(target)
    }

    fn named(self) -> Result<Target> {
        if let Some((_, set)) = OPTIONS.iter().find(|(name, _)| *name == self.name) {
            return Ok(Target::Connection(*set));
        }
        if let Some((_, set)) = SETTINGS.iter().find(|(name, _)| *name == self.name) {
            return Ok(Target::Setting(*set));
        }
        match self.name.split_once('.') {
            #[cfg(feature = "s3")]
            Some(("header", name)) => Ok(Target::Header(name.to_owned())),
            #[cfg(feature = "s3")]
            Some(("upload_header", name)) => Ok(Target::UploadHeader(name.to_owned())),
            Some(("tables", rest)) => self.of_table(rest),
            _ => Err(self.unknown()),
        }
    }

    fn of_table(self, rest: &str) -> Result<Target> {
        let (table, setting) = rest.rsplit_once('.').unwrap_or((rest, ""));
        crate::dynamic::check_table(table)?;
        if let Some((_, set)) = SETTINGS.iter().find(|(name, _)| *name == setting) {
            return Ok(Target::TableSetting(table.to_owned(), *set));
        }
        Err(self.none_of(setting, SETTINGS.iter().map(|(name, _)| *name), ""))
    }

    fn unknown(self) -> Error {
        let name = self.name.to_ascii_lowercase();
        if matches!(&*name, "host" | "port" | "scheme") {
            let help = "write `endpoint`, with all of them: `https://s3.example.com:9000`";
            return Error::config(format!("{self} is no option"), help);
        }
        match self.origin {
            Origin::Parameter if SECRETS.iter().any(|word| name.contains(word)) => {
                no_secrets("the connection string has a parameter for a secret")
            }
            Origin::Parameter => self.none_of(&name, names(), ""),
            // What a connection string is, or cannot hold.
            Origin::File(..) => match name.split_once('.') {
                Some((family, _)) => self.none_of(family, families().chain(["profiles"]), ""),
                None => self.none_of(&name, names().chain(["url"]), ""),
            },
            Origin::Variable(_) => {
                self.none_of(&name, names().chain(["url", "profiles"]), "S3ORM_")
            }
        }
    }

    /// A name that is none of those that there are, with the nearest.
    fn none_of(
        self,
        name: &str,
        known: impl Iterator<Item = &'static str> + Clone,
        before: &str,
    ) -> Error {
        let written = |name: &str| match before {
            "" => name.to_owned(),
            before => format!("{before}{}", name.to_ascii_uppercase()),
        };
        let detail = format!("{self} is no option");
        if let Some(near) = did_you_mean(name, known.clone()) {
            return Error::config(detail, format!("did you mean `{}`?", written(near)));
        }
        let known: Vec<String> = known.map(written).collect();
        Error::config(detail, format!("there are `{}`", known.join("`, `")))
    }
}

/// Every name.
fn names() -> impl Iterator<Item = &'static str> + Clone {
    let options = OPTIONS.iter().map(|(name, _)| *name);
    let settings = SETTINGS.iter().map(|(name, _)| *name);
    options.chain(settings).chain(families())
}

fn families() -> impl Iterator<Item = &'static str> + Clone {
    FAMILIES.iter().copied()
}
