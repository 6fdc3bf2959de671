//! The profiles of `~/.aws/config` and `~/.aws/credentials`: what the chain's providers do not read
//! themselves (the region, and roles to assume).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::config::Variables;

/// The settings of one profile, of both files; the credentials file is the stronger.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Profile(BTreeMap<String, String>);

impl Profile {
    /// Reads the files. What cannot be read is not there.
    pub(super) fn load(name: &str, variable: Variables<'_>, home: Option<&Path>) -> Self {
        let mut profile = Self::default();
        if let Some(text) = read(&CONFIG, variable, home) {
            profile.0.extend(Self::parse(&text, name, true).0);
        }
        if let Some(text) = read(&CREDENTIALS, variable, home) {
            profile.0.extend(Self::parse(&text, name, false).0);
        }
        profile
    }

    /// The settings of an SSO session, which profiles name by `sso_session`.
    pub(super) fn session(name: &str, variable: Variables<'_>, home: Option<&Path>) -> Self {
        let text = read(&CONFIG, variable, home).unwrap_or_default();
        Self::parse(&text, &format!("sso-session {name}"), false)
    }

    /// The section `name`; in the configuration file all but `default` are called `profile name`.
    pub(super) fn parse(text: &str, name: &str, config_file: bool) -> Self {
        let mut settings = BTreeMap::new();
        let mut inside = false;
        for line in text.lines() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                continue;
            }
            if let Some(section) = trimmed.strip_prefix('[') {
                let section = section.split(']').next().unwrap_or(section).trim();
                let profile = section.strip_prefix("profile ").map(str::trim);
                inside = match profile {
                    Some(profile) => config_file && profile == name,
                    None => section == name && (!config_file || name == "default"),
                };
            } else if inside && !line.starts_with([' ', '\t']) {
                // An indented line belongs to a setting with settings of its own (`s3 =`).
                if let Some((key, value)) = trimmed.split_once('=') {
                    settings.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
                }
            }
        }
        Self(settings)
    }

    pub(super) fn get(&self, setting: &str) -> Option<&str> {
        self.0
            .get(setting)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

/// A file's variable, and where it is in the home without that.
type Place = (&'static str, &'static str);
const CONFIG: Place = ("AWS_CONFIG_FILE", ".aws/config");
const CREDENTIALS: Place = ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");

fn read(place: &Place, variable: Variables<'_>, home: Option<&Path>) -> Option<String> {
    let path = match variable(place.0) {
        Some(path) => match path.strip_prefix("~/") {
            Some(rest) => home?.join(rest),
            None => PathBuf::from(path),
        },
        None => home?.join(place.1),
    };
    std::fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\
# a comment
[default]
region = eu-west-1
s3 =
  region = not-this-one

[profile work]
Region=us-east-2
role_arn = arn:aws:iam::1:role/x

[work]
region = wrong
";

    #[test]
    fn sections_are_told_apart() {
        let region = |name, config| {
            Profile::parse(CONFIG, name, config)
                .get("region")
                .map(str::to_owned)
        };
        assert_eq!(region("default", true).as_deref(), Some("eu-west-1"));
        assert_eq!(region("work", true).as_deref(), Some("us-east-2"));
        assert_eq!(region("work", false).as_deref(), Some("wrong"));
        assert_eq!(region("other", true), None);
    }

    #[test]
    fn files_that_are_not_there_are_empty_profiles() {
        let missing = |_: &str| Some("/nonexistent/file".to_owned());
        assert_eq!(Profile::load("default", &missing, None), Profile::default());
    }
}
