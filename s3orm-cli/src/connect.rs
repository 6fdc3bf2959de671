//! Where the rows are: `--url`, a profile, or the environment.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use s3orm::{Config, Db, DbBuilder};

use crate::exit::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::stop::Stop;

/// Our own variables, which are no options of the connection.
const CONFIG: &str = "S3ORM_CONFIG";
const PROFILE: &str = "S3ORM_PROFILE";

/// The options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Where the rows are: `s3://bucket/prefix?region=…`, `file:./folder`
    #[arg(
        long,
        short = 'u',
        global = true,
        value_name = "URL",
        long_help = "\
Where the rows are: `s3://bucket/prefix?region=…`, `s3://bucket?endpoint=http://localhost:9000`, `file:./folder`. \
Without it: a profile, then S3ORM_URL, then `url` of the configuration file. \
Secrets do not belong in it: they come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS's own files, or a profile"
    )]
    pub(crate) url: Option<String>,

    /// A profile of the configuration file; or `S3ORM_PROFILE`
    #[arg(
        long,
        short = 'p',
        global = true,
        value_name = "NAME",
        conflicts_with = "url"
    )]
    pub(crate) profile: Option<String>,

    /// The configuration file (TOML); or `S3ORM_CONFIG`, or `s3orm/config.toml` in your configuration folder
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The region, over what the connection says
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// The server, over what the connection says: `http://localhost:9000`
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint: Option<String>,

    /// Print JSON, an object a line; it is what is printed where nobody looks on
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Print tables for people, also where the output is no terminal
    #[arg(
        long = "table",
        id = "as_table",
        global = true,
        conflicts_with = "json"
    )]
    pub(crate) as_table: bool,

    /// Colours: `auto` looks at the terminal and at `NO_COLOR`
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true
    )]
    pub(crate) color: clap::ColorChoice,

    /// Say nothing but results and errors
    #[arg(long, short = 'q', global = true)]
    pub(crate) quiet: bool,

    /// Print a line for each request
    #[arg(long, short = 'v', global = true)]
    pub(crate) verbose: bool,
}

/// What a command works with.
pub(crate) struct Context<'a> {
    global: Global,
    pub(crate) output: &'a Output,
    pub(crate) stop: &'a Stop,
}

impl<'a> Context<'a> {
    pub(crate) fn new(global: Global, output: &'a Output, stop: &'a Stop) -> Self {
        Self {
            global,
            output,
            stop,
        }
    }

    /// The database. No request.
    pub(crate) async fn db(&self) -> Result<Db, Failure> {
        Ok(self.builder()?.connect().await?)
    }

    /// Another database, with the options of this one where its connection does not say otherwise.
    pub(crate) async fn other_db(&self, url: &str) -> Result<Db, Failure> {
        let builder = self.config()?.builder_for(url)?;
        Ok(self.with_options(builder).connect().await?)
    }

    pub(crate) fn is_verbose(&self) -> bool {
        self.global.verbose
    }

    /// A bar or a counter, where somebody looks on.
    pub(crate) fn progress(&self, what: &'static str, total: Option<u64>) -> Progress {
        Progress::new(self.output.shows_progress(), what, total)
    }

    /// The file, and the environment over it.
    fn config(&self) -> Result<Config, Failure> {
        let mut config = Config::new();
        let named = self.global.config.clone();
        let named = named.or_else(|| variable(CONFIG).map(PathBuf::from));
        let own = || own_file().filter(|file| file.exists());
        if let Some(file) = named.or_else(own) {
            config = config.file(file)?;
        }
        let ours = |name: &OsString| name == CONFIG || name == PROFILE;
        Ok(config.variables(std::env::vars_os().filter(|(name, _)| !ours(name)))?)
    }

    fn builder(&self) -> Result<DbBuilder, Failure> {
        let config = self.config()?;
        let named = match &self.global.profile {
            Some(profile) => Some(profile.clone()),
            // Who sets S3ORM_URL for one command means it.
            None if variable("S3ORM_URL").is_some() => None,
            None => variable(PROFILE).and_then(|name| name.into_string().ok()),
        };
        let builder = match (&self.global.url, named) {
            (Some(url), _) => config.builder_for(url)?,
            (None, Some(profile)) => config.profile(&profile)?,
            (None, None) => config.builder().map_err(|error| {
                Failure::from(error).help("name the place with `--url`, S3ORM_URL or `--profile`; try `--url file:./data`")
            })?,
        };
        Ok(self.with_options(builder))
    }

    fn with_options(&self, mut builder: DbBuilder) -> DbBuilder {
        if let Some(region) = &self.global.region {
            builder = builder.region(region);
        }
        if let Some(endpoint) = &self.global.endpoint {
            builder = builder.endpoint(endpoint);
        }
        if self.global.verbose {
            builder = builder.verbose(true);
        }
        builder
    }
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|text| !text.is_empty())
}

/// The user's own configuration file.
fn own_file() -> Option<PathBuf> {
    let folder = std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty());
    let folder = match folder {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".config"),
    };
    Some(folder.join("s3orm").join("config.toml"))
}
