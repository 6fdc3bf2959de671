//! The credential chain of a machine: `reqsign`'s providers over this crate's connections.
//!
//! The providers read the environment, files, a process, and the services that AWS runs beside a
//! program. This file decides their order, gives them their I/O, and says where it looked.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri, header};
use http_body_util::Full;
use reqsign_aws_v4::{
    AssumeRoleCredentialProvider, AssumeRoleWithWebIdentityCredentialProvider, Credential,
    ECSCredentialProvider, EnvCredentialProvider, IMDSv2CredentialProvider,
    ProcessCredentialProvider, ProfileCredentialProvider, RequestSigner, SSOCredentialProvider,
};
use reqsign_core::{
    CommandExecute, CommandOutput, Context, Error, FileRead, HttpSend, OsEnv, ProvideCredentialDyn,
    Signer,
};

use super::config::TlsConfig;
use super::connect::{Reach, connector, tls_config};
use super::credentials::{CredentialFuture, CredentialProvider, Credentials};
use super::gate::Gate;
use super::profile::Profile;
use super::secret::Secret;
use super::transport::{Limits, MAX_XML, Pool};
use crate::env::Env;

type Source = (
    &'static str,
    Box<dyn ProvideCredentialDyn<Credential = Credential>>,
);
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How long one source may take: the metadata service of a machine that has none does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks one source after the other.
#[derive(Debug)]
pub(super) struct Chain {
    env: Env,
    context: Context,
    profile: String,
    sources: Vec<Source>,
}

impl Chain {
    /// `named` is the profile that the configuration names: it comes before the environment.
    pub(super) fn new(env: Env, tls: TlsConfig, region: &str, named: Option<&str>) -> Self {
        let context = Context::new()
            .with_env(OsEnv)
            .with_file_read(Files)
            .with_command_execute(Processes { env: env.clone() })
            .with_http_send(Http {
                env: env.clone(),
                tls,
            });
        Self::over(env, context, region, named)
    }

    fn over(env: Env, context: Context, region: &str, named: Option<&str>) -> Self {
        let name = named
            .map(str::to_owned)
            .or_else(|| {
                context
                    .env_var("AWS_PROFILE")
                    .filter(|name| !name.is_empty())
            })
            .unwrap_or_else(|| "default".to_owned());
        let mut sources: Vec<Source> = Vec::new();
        if named.is_none() {
            sources.push(("the environment", Box::new(EnvCredentialProvider::new())));
        }
        if let Some(role) = assumed_role(&context, &name, region) {
            sources.push(("the profile's role", Box::new(role)));
        }
        let keys = ProfileCredentialProvider::new().with_profile(name.clone());
        sources.push(("the profile's keys", Box::new(keys)));
        sources.push(("its SSO session", Box::new(session(&context, &name))));
        let process = ProcessCredentialProvider::new().with_profile(name.clone());
        sources.push(("its process", Box::new(process)));
        let web = AssumeRoleWithWebIdentityCredentialProvider::new();
        sources.push(("a web identity", Box::new(web)));
        sources.push(("the ECS container", Box::new(ECSCredentialProvider::new())));
        sources.push((
            "the EC2 instance",
            Box::new(IMDSv2CredentialProvider::new()),
        ));
        Self {
            env,
            context,
            profile: name,
            sources,
        }
    }

    async fn first(&self) -> Result<Credentials, BoxError> {
        let mut looked = Vec::new();
        for (name, source) in &self.sources {
            let asked = source.provide_credential_dyn(&self.context);
            match self.env.timeout(PATIENCE, asked).await {
                Some(Ok(Some(found))) => return Ok(taken(found)),
                Some(Ok(None)) => looked.push(format!("{name}: none")),
                // A role that was asked for and refused must not become another identity.
                Some(Err(error)) if *name == "the profile's role" => {
                    return Err(format!("the role of profile `{}`: {error}", self.profile).into());
                }
                Some(Err(error)) => looked.push(format!("{name}: {}", one_line(&error))),
                None => looked.push(format!("{name}: no answer")),
            }
        }
        Err(format!(
            "looked with profile `{}` in {}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            self.profile,
            looked.join(", ")
        )
        .into())
    }
}

impl CredentialProvider for Chain {
    fn provide(&self) -> CredentialFuture<'_> {
        Box::pin(self.first())
    }
}

/// Takes the strings over rather than copying them, so that they are wiped with their owner.
fn taken(found: Credential) -> Credentials {
    Credentials {
        access_key: found.access_key_id,
        secret_key: Secret::from(found.secret_access_key),
        session_token: found.session_token.map(Secret::from),
        expires: found
            .expires_in
            .map(reqsign_core::time::Timestamp::as_system_time),
    }
}

fn one_line(error: &Error) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The role that a profile assumes with the credentials of another (`source_profile`) or of the
/// machine (`credential_source`).
fn assumed_role(
    context: &Context,
    name: &str,
    region: &str,
) -> Option<AssumeRoleCredentialProvider> {
    let profile = Profile::load(
        name,
        &|name| context.env_var(name),
        context.home_dir().as_deref(),
    );
    let role = profile.get("role_arn")?.to_owned();
    let own = ProfileCredentialProvider::new();
    let signer = RequestSigner::new("sts", region).with_standard_session_token();
    let signer = match (
        profile.get("source_profile"),
        profile.get("credential_source"),
    ) {
        (Some(source), _) => Signer::new(context.clone(), own.with_profile(source), signer),
        (None, Some("Environment")) => {
            Signer::new(context.clone(), EnvCredentialProvider::new(), signer)
        }
        (None, Some("EcsContainer")) => {
            Signer::new(context.clone(), ECSCredentialProvider::new(), signer)
        }
        (None, Some("Ec2InstanceMetadata")) => {
            Signer::new(context.clone(), IMDSv2CredentialProvider::new(), signer)
        }
        _ => return None,
    };
    let mut provider = AssumeRoleCredentialProvider::new(role, signer)
        .with_role_session_name("s3orm".to_owned())
        .with_region(region.to_owned())
        .with_regional_sts_endpoint();
    if let Some(session) = profile.get("role_session_name") {
        provider = provider.with_role_session_name(session.to_owned());
    }
    if let Some(id) = profile.get("external_id") {
        provider = provider.with_external_id(id.to_owned());
    }
    if let Some(seconds) = profile
        .get("duration_seconds")
        .and_then(|text| text.parse().ok())
    {
        provider = provider.with_duration_seconds(seconds);
    }
    Some(provider)
}

/// The SSO session of a profile: one of its own, or one that profiles share (`sso_session`).
fn session(context: &Context, name: &str) -> SSOCredentialProvider {
    let own = SSOCredentialProvider::new().with_profile(name);
    let (home, variable) = (context.home_dir(), |name: &str| context.env_var(name));
    let profile = Profile::load(name, &variable, home.as_deref());
    let Some(shared) = profile.get("sso_session") else {
        return own;
    };
    let session = Profile::session(shared, &variable, home.as_deref());
    let (account, role) = (profile.get("sso_account_id"), profile.get("sso_role_name"));
    match (account, role, session.get("sso_region")) {
        (Some(account), Some(role), Some(region)) => own
            .with_account_id(account)
            .with_role_name(role)
            .with_region(region)
            // Nothing is asked there: the token's file is named by it, and by the session if it is shared.
            .with_start_url(shared),
        _ => own,
    }
}

#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> reqsign_core::Result<Vec<u8>> {
        tokio::fs::read(path)
            .await
            .map_err(|error| Error::config_invalid("the file cannot be read").with_source(error))
    }
}

#[derive(Debug)]
struct Processes {
    env: Env,
}

impl CommandExecute for Processes {
    async fn command_execute<'a>(
        &'a self,
        program: &'a str,
        args: &'a [&'a str],
    ) -> reqsign_core::Result<CommandOutput> {
        let mut command = Command::new(program);
        command.args(args);
        let output = self
            .env
            .spawn_blocking(move || command.output())
            .await
            .map_err(|error| Error::unexpected("the process was given up").with_source(error))?
            .map_err(|error| Error::config_invalid("the process fails").with_source(error))?;
        Ok(CommandOutput {
            status: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }
}

/// One connection a request: these are made once an hour.
#[derive(Debug)]
struct Http {
    env: Env,
    tls: TlsConfig,
}

impl Http {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, BoxError> {
        let (mut parts, body) = request.into_parts();
        let uri = parts.uri;
        let authority = uri.authority().ok_or("the request names no host")?.clone();
        let https = uri.scheme_str() == Some("https");
        let origin = Uri::builder()
            .scheme(uri.scheme_str().unwrap_or("https"))
            .authority(authority.clone())
            .path_and_query("/")
            .build()?;
        let target = uri.path_and_query().cloned();
        parts.uri = Uri::from(target.unwrap_or_else(|| PathAndQuery::from_static("/")));
        parts
            .headers
            .insert(header::HOST, HeaderValue::from_str(authority.as_str())?);
        // The client's certificate is for S3; the authorities are those of every host.
        let tls = TlsConfig {
            ca_file: self.tls.ca_file.clone(),
            ..TlsConfig::default()
        };
        let limits = Limits {
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
            idle: 0,
            idle_timeout: Duration::ZERO,
        };
        let connector = connector(
            tls_config(&tls, https)?,
            Reach::Everything,
            None,
            limits.connect_timeout,
        );
        let pool = Pool::new(self.env.clone(), origin, connector, limits, &Gate::new());
        let request = http::Request::from_parts(parts, Full::new(body));
        let answer = pool.exchange(request, MAX_XML).await?;
        let mut response = http::Response::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

impl HttpSend for Http {
    async fn http_send(
        &self,
        request: http::Request<Bytes>,
    ) -> reqsign_core::Result<http::Response<Bytes>> {
        self.send(request)
            .await
            .map_err(|error| Error::unexpected(error.to_string()))
    }
}

/// The chain behind a store, as [`super::CredentialSource::Chain`] asks for it.
pub(super) fn machine(
    env: &Env,
    tls: &TlsConfig,
    region: &str,
    named: Option<&str>,
) -> Arc<dyn CredentialProvider> {
    Arc::new(Chain::new(env.clone(), tls.clone(), region, named))
}

#[cfg(test)]
mod tests;
