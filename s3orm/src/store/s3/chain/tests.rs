//! Each source of the chain: files of a home, and AWS's services, which are played by this file.

use std::collections::HashMap;
use std::fs;
use std::sync::{Mutex, PoisonError};

use reqsign_core::StaticEnv;
use tempfile::TempDir;

use super::*;

const ROLE: &str = "arn:aws:iam::123456789012:role/rows";
/// The name that the token of `START` is kept under: its SHA-1.
const TOKEN: &str = ".aws/sso/cache/0c54b6c27e90660baa89eaad85ac1d5dae26cb7d.json";
/// That of the session `work`.
const SHARED: &str = ".aws/sso/cache/e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json";
const START: &str = "https://d-1.awsapps.com/start";
const LATE: &str = "2099-01-01T00:00:00Z";

/// What AWS has beside a program. Each gives a key of its own.
#[derive(Debug, Clone, Default)]
struct Services {
    asked: Arc<Mutex<Vec<String>>>,
    /// Whether the token service refuses.
    refuses: bool,
}

impl Services {
    fn answer(&self, request: &http::Request<Bytes>) -> (u16, String) {
        let uri = request.uri().to_string();
        let asked = format!("{uri} {}", String::from_utf8_lossy(request.body()));
        let keys = |key: &str| {
            format!(
                r#"{{"Code":"Success","AccessKeyId":"{key}","SecretAccessKey":"s","Token":"t","Expiration":"{LATE}"}}"#
            )
        };
        if uri.starts_with("https://sts.") && self.refuses {
            return (
                403,
                "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"
                    .to_owned(),
            );
        }
        if asked.contains("Action=AssumeRoleWithWebIdentity")
            && asked.contains("WebIdentityToken=who-i-am")
        {
            return (
                200,
                assumed("AssumeRoleWithWebIdentity", "ASIAWEBIDENTITY00"),
            );
        }
        if asked.contains("Action=AssumeRole&") && request.headers().contains_key("authorization") {
            return (200, assumed("AssumeRole", "ASIAASSUMEDROLE00"));
        }
        if uri.starts_with("https://portal.sso.eu-north-1.amazonaws.com/") {
            let bearer = request.headers().get("x-amz-sso_bearer_token");
            assert_eq!(bearer.map(HeaderValue::as_bytes), Some(&b"bearer"[..]));
            let keys = r#"{"roleCredentials":{"accessKeyId":"ASIASSOSESSION000","secretAccessKey":"s","sessionToken":"t","expiration":4070908800000}}"#;
            return (200, keys.to_owned());
        }
        match &*uri {
            "http://169.254.170.2/v2/credentials/task" => (200, keys("ASIACONTAINER0000")),
            "http://169.254.169.254/latest/api/token" => (200, "imds-token".to_owned()),
            "http://169.254.169.254/latest/meta-data/iam/security-credentials/" => {
                (200, "machine".to_owned())
            }
            "http://169.254.169.254/latest/meta-data/iam/security-credentials/machine" => {
                (200, keys("ASIAINSTANCE00000"))
            }
            _ => (404, String::new()),
        }
    }
}

fn assumed(action: &str, key: &str) -> String {
    format!(
        "<{action}Response><{action}Result><Credentials><AccessKeyId>{key}</AccessKeyId>\
         <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>{LATE}</Expiration></Credentials></{action}Result></{action}Response>"
    )
}

impl HttpSend for Services {
    async fn http_send(
        &self,
        request: http::Request<Bytes>,
    ) -> reqsign_core::Result<http::Response<Bytes>> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(request.uri().to_string());
        let (status, body) = self.answer(&request);
        let mut response = http::Response::new(Bytes::from(body));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        Ok(response)
    }
}

/// A program that prints keys.
#[derive(Debug)]
struct Printer;

impl CommandExecute for Printer {
    async fn command_execute<'a>(
        &'a self,
        program: &'a str,
        args: &'a [&'a str],
    ) -> reqsign_core::Result<CommandOutput> {
        assert_eq!((program, args), ("print-keys", &["--for", "rows"][..]));
        let keys = r#"{"Version":1,"AccessKeyId":"ASIAPROCESS000000","SecretAccessKey":"s"}"#;
        Ok(CommandOutput {
            status: 0,
            stdout: keys.into(),
            stderr: Vec::new(),
        })
    }
}

/// A machine with a home and an environment, and no metadata service unless it says so.
struct Machine {
    home: TempDir,
    variables: HashMap<String, String>,
    services: Services,
}

impl Machine {
    fn new() -> Self {
        let nowhere = ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned());
        Self {
            home: tempfile::tempdir().unwrap(),
            variables: HashMap::from([nowhere]),
            services: Services::default(),
        }
    }

    fn on_ec2(mut self) -> Self {
        self.variables.remove("AWS_EC2_METADATA_DISABLED");
        self
    }

    fn with(mut self, variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter();
        let owned = variables.map(|&(name, value)| (name.to_owned(), value.to_owned()));
        self.variables.extend(owned);
        self
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.home.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    async fn asks(&self, named: Option<&str>) -> Result<Credentials, String> {
        let env = StaticEnv {
            home_dir: Some(self.home.path().to_owned()),
            envs: self.variables.clone(),
        };
        let context = Context::new()
            .with_env(env)
            .with_file_read(Files)
            .with_command_execute(Printer)
            .with_http_send(self.services.clone());
        let chain = Chain::over(Env::system(), context, "eu-north-1", named);
        chain.provide().await.map_err(|error| error.to_string())
    }

    /// The id of the key that is found.
    async fn finds(&self, named: Option<&str>) -> String {
        self.asks(named).await.unwrap().access_key
    }
}

const ENVIRONMENT: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT00"),
    ("AWS_SECRET_ACCESS_KEY", "s"),
];
const KEYS: &str = "[default]\naws_access_key_id = AKIAPROFILE000000\naws_secret_access_key = s\n\
                    [base]\naws_access_key_id = AKIABASE000000000\naws_secret_access_key = s\n";

fn container() -> Machine {
    let uri = (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "/v2/credentials/task",
    );
    Machine::new().with(&[uri])
}

#[tokio::test]
async fn every_source_is_asked() {
    let environment = Machine::new().with(&ENVIRONMENT);
    assert_eq!(environment.finds(None).await, "AKIAENVIRONMENT00");

    let files = Machine::new().file(".aws/credentials", KEYS);
    assert_eq!(files.finds(None).await, "AKIAPROFILE000000");
    assert_eq!(files.finds(Some("base")).await, "AKIABASE000000000");
    let by_variable = files.with(&[("AWS_PROFILE", "base")]);
    assert_eq!(by_variable.finds(None).await, "AKIABASE000000000");

    let role = format!("[profile rows]\nrole_arn = {ROLE}\nsource_profile = base\n");
    let role = Machine::new()
        .file(".aws/config", &role)
        .file(".aws/credentials", KEYS);
    let found = role.asks(Some("rows")).await.unwrap();
    assert_eq!(found.access_key, "ASIAASSUMEDROLE00");
    assert!(found.session_token.is_some() && found.expires.is_some());
    assert!(role.services.asked.lock().unwrap()[0].starts_with("https://sts.eu-north-1."));

    let account = "sso_account_id = 123456789012\nsso_role_name = rows";
    let config =
        format!("[default]\nsso_start_url = {START}\nsso_region = eu-north-1\n{account}\n");
    let token = format!(r#"{{"accessToken":"bearer","expiresAt":"{LATE}"}}"#);
    let sso = Machine::new()
        .file(".aws/config", &config)
        .file(TOKEN, &token);
    assert_eq!(sso.finds(None).await, "ASIASSOSESSION000");
    let session = "[sso-session work]\nsso_region = eu-north-1\n";
    let config = format!("[profile rows]\nsso_session = work\n{account}\n{session}");
    let sso = Machine::new()
        .file(".aws/config", &config)
        .file(SHARED, &token);
    assert_eq!(sso.finds(Some("rows")).await, "ASIASSOSESSION000");

    let process = "[default]\ncredential_process = print-keys --for rows\n";
    let process = Machine::new().file(".aws/config", process);
    assert_eq!(process.finds(None).await, "ASIAPROCESS000000");

    let web = Machine::new().file("token", "who-i-am\n");
    let token = web.home.path().join("token").display().to_string();
    let web = web.with(&[
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &token),
    ]);
    assert_eq!(web.finds(None).await, "ASIAWEBIDENTITY00");

    assert_eq!(container().finds(None).await, "ASIACONTAINER0000");
    assert_eq!(
        Machine::new().on_ec2().finds(None).await,
        "ASIAINSTANCE00000"
    );
}

/// Of several the first in the documented order; a profile that is named comes before the environment.
#[tokio::test]
async fn the_first_that_has_any_is_taken() {
    let all = container()
        .on_ec2()
        .with(&ENVIRONMENT)
        .file(".aws/credentials", KEYS);
    assert_eq!(all.finds(None).await, "AKIAENVIRONMENT00");
    assert_eq!(all.finds(Some("default")).await, "AKIAPROFILE000000");
    assert!(all.services.asked.lock().unwrap().is_empty());
    let elsewhere = container().on_ec2();
    assert_eq!(elsewhere.finds(None).await, "ASIACONTAINER0000");
}

/// Another identity than the one that was asked for may do other things.
#[tokio::test]
async fn a_role_that_is_refused_becomes_no_other_identity() {
    let role = format!("[profile rows]\nrole_arn = {ROLE}\nsource_profile = base\n");
    let mut machine = container()
        .file(".aws/config", &role)
        .file(".aws/credentials", KEYS);
    machine.services.refuses = true;
    let error = machine.asks(Some("rows")).await.unwrap_err();
    assert!(error.starts_with("the role of profile `rows`: "), "{error}");
}

#[tokio::test]
async fn where_nothing_is_found_it_says_where_it_looked() {
    let error = Machine::new().asks(None).await.unwrap_err();
    for part in [
        "profile `default`",
        "the environment",
        "a web identity",
        "AWS_ACCESS_KEY_ID",
    ] {
        assert!(error.contains(part), "{error}");
    }
}
