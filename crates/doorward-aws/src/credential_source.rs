//! Which credentials are used: the first source of the chain that is configured, in the order of botocore and the AWS CLI.
//!
//! A profile that a flag or a setting names comes before keys in the environment; a profile that `AWS_PROFILE` names comes after
//! them, as in the AWS CLI. A source that is configured and broken is an error: nothing behind it is tried, because that would be
//! another identity than the one that was meant.

use std::path::PathBuf;

use crate::shared_config::{Located, SelectedProfile, SharedConfig};
use crate::variables::{ValueOrigin, Variables};

mod base_provider;
mod described;
mod local_endpoints;

pub(crate) use base_provider::{BaseProvider, metadata_client};

/// A secret of credentials. It is not printed.
#[derive(Clone)]
pub(crate) struct Hidden(pub(crate) String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}

/// Where the base credentials come from.
#[derive(Debug, Clone)]
pub(crate) enum CredentialSource {
    /// Keys as they are.
    Keys { id: String, secret: Hidden, token: Option<Hidden>, token_origin: Option<ValueOrigin>, origin: ValueOrigin },
    /// A role that is assumed with other credentials.
    Role {
        arn: String,
        external_id: Option<Hidden>,
        session_name: Option<String>,
        seconds: Option<i32>,
        from: Box<CredentialSource>,
        origin: ValueOrigin,
    },
    /// A role that is assumed with a token in a file (IRSA).
    WebIdentity { token_file: PathBuf, arn: String, session_name: Option<String>, origin: ValueOrigin },
    /// IAM Identity Center.
    Sso {
        profile: String,
        session: Option<String>,
        start_url: String,
        region: String,
        account: String,
        role: String,
        origin: ValueOrigin,
    },
    /// A command that prints credentials.
    Process { command: Hidden, origin: ValueOrigin },
    /// The credentials endpoint of ECS, or of EKS Pod Identity.
    Container { url: String, token: Option<Hidden>, token_file: Option<PathBuf>, origin: ValueOrigin },
    /// The role of the instance.
    Metadata { endpoint: String, origin: ValueOrigin },
}

/// Why no source can be used: one sentence that names the variable, or the file and line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CredentialProblem(pub(crate) String);

impl CredentialProblem {
    fn at(origin: &ValueOrigin, problem: impl std::fmt::Display) -> Self {
        Self(format!("{origin}: {problem}"))
    }
}

type Found = Result<Option<CredentialSource>, CredentialProblem>;

/// The variables, files and settings from which the source of credentials is chosen.
pub(crate) struct Chain<'a> {
    pub(crate) variables: &'a Variables,
    pub(crate) config: &'a SharedConfig,
}

impl Chain<'_> {
    /// The source that the profile and the environment lead to.
    pub(crate) fn choose(&self, profile: &SelectedProfile) -> Result<CredentialSource, CredentialProblem> {
        let name = profile.name.as_str();
        let explicit = profile.is_explicit();
        // Behind a profile that is named explicitly the variables are not even read: half a key in them is no fault.
        let keys = if explicit { None } else { self.keys_of_environment()? };
        if let Some(keys) = keys {
            return Ok(keys);
        }
        if self.is_role(name) {
            return self.role(name, &mut vec![name.to_owned()]);
        }
        let found = match self.of_profile(name, !explicit)? {
            Some(found) => Some(found),
            None => self.container()?.or_else(|| self.metadata(name)),
        };
        found.ok_or_else(|| {
            let profile = if self.config.get(name, "sso_session").is_some() {
                format!("the profile `{name}` has an sso_session, but neither sso_account_id nor sso_role_name")
            } else if self.config.has(name) {
                format!("the profile `{name}` ({}) has none", profile.origin)
            } else {
                format!("there is no profile `{name}`")
            };
            let unreadable = self.config.unreadable();
            CredentialProblem(format!(
                "no source of credentials is configured: AWS_ACCESS_KEY_ID is {}, {profile}, no container or web identity variable \
                 is set, and AWS_EC2_METADATA_DISABLED turns instance metadata off; set AWS_PROFILE, sign in, or run where a role is \
                 attached{unreadable}",
                if explicit { "not used because a profile is named" } else { "not set" }
            ))
        })
    }

    /// The access key of the environment.
    fn keys_of_environment(&self) -> Found {
        let origin = ValueOrigin::variable("AWS_ACCESS_KEY_ID");
        let Some(id) = self.variables.get("AWS_ACCESS_KEY_ID") else { return Ok(None) };
        let secret = self.variables.get("AWS_SECRET_ACCESS_KEY").ok_or_else(|| {
            CredentialProblem::at(&origin, "is set, but AWS_SECRET_ACCESS_KEY is not; set both or neither")
        })?;
        let token = self.variables.first(&["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"]);
        check_id(&origin, id)?;
        if let Some((name, token)) = token {
            check_header(&ValueOrigin::variable(name), "the session token", token)?;
        }
        let token_origin = token.map(|(name, _)| ValueOrigin::variable(name));
        let token = token.map(|(_, token)| Hidden(token.to_owned()));
        let (id, secret) = (id.to_owned(), Hidden(secret.to_owned()));
        Ok(Some(CredentialSource::Keys { id, secret, token, token_origin, origin }))
    }

    fn text(&self, profile: &str, name: &str) -> Option<String> {
        self.config.get(profile, name).map(|located| located.text.clone())
    }

    /// Whether a profile assumes a role with other credentials.
    fn is_role(&self, profile: &str) -> bool {
        self.config.get(profile, "role_arn").is_some() && self.config.get(profile, "web_identity_token_file").is_none()
    }

    fn has_keys(&self, profile: &str) -> bool {
        ["aws_access_key_id", "aws_secret_access_key"].iter().any(|name| self.config.get(profile, name).is_some())
    }

    fn role(&self, profile: &str, visited: &mut Vec<String>) -> Result<CredentialSource, CredentialProblem> {
        let Some(arn) = self.config.get(profile, "role_arn") else {
            return Err(CredentialProblem(format!("the profile `{profile}` has no role_arn")));
        };
        let origin = arn.origin();
        if let Some(device) = self.config.get(profile, "mfa_serial") {
            return Err(CredentialProblem::at(
                &device.origin(),
                format!(
                    "the profile `{profile}` asks for an MFA code, which Doorward cannot ask for; sign in with another tool and \
                     pass its session, for example `credential_process = aws configure export-credentials --profile {profile}`"
                ),
            ));
        }
        let from = match (self.config.get(profile, "source_profile"), self.config.get(profile, "credential_source")) {
            (Some(_), Some(source)) => Err(CredentialProblem::at(
                &source.origin(),
                format!("the profile `{profile}` has both source_profile and credential_source; keep one"),
            )),
            (None, None) => Err(CredentialProblem::at(
                &origin,
                format!(
                    "the profile `{profile}` has a role_arn, but neither source_profile nor credential_source; add one"
                ),
            )),
            (None, Some(source)) => self.named_source(profile, source),
            (Some(source), None) => self.source_profile(profile, source, visited),
        }?;
        let seconds = match self.config.get(profile, "duration_seconds") {
            Some(located) => Some(located.text.parse().map_err(|_| {
                CredentialProblem::at(&located.origin(), format!("duration_seconds `{}` is not a number", located.text))
            })?),
            None => None,
        };
        Ok(CredentialSource::Role {
            arn: arn.text.clone(),
            external_id: self.text(profile, "external_id").map(Hidden),
            session_name: self.text(profile, "role_session_name"),
            seconds,
            from: Box::new(from),
            origin,
        })
    }

    fn named_source(&self, profile: &str, source: &Located) -> Result<CredentialSource, CredentialProblem> {
        let origin = source.origin();
        let found = match source.text.to_ascii_lowercase().as_str() {
            "environment" => self.keys_of_environment()?,
            "ecscontainer" => self.container()?,
            "ec2instancemetadata" => self.metadata(profile),
            _ => {
                let problem = format!(
                    "credential_source `{}` of the profile `{profile}` is not Environment, EcsContainer or Ec2InstanceMetadata",
                    source.text
                );
                return Err(CredentialProblem::at(&origin, problem));
            }
        };
        found.ok_or_else(|| {
            let problem = format!(
                "credential_source `{}` of the profile `{profile}` provides no credentials on this machine",
                source.text
            );
            CredentialProblem::at(&origin, problem)
        })
    }

    fn source_profile(
        &self,
        profile: &str,
        source: &Located,
        visited: &mut Vec<String>,
    ) -> Result<CredentialSource, CredentialProblem> {
        let (name, origin) = (source.text.as_str(), source.origin());
        if !self.config.has(name) {
            return Err(CredentialProblem::at(
                &origin,
                format!("the profile `{profile}` names the source_profile `{name}`, which does not exist"),
            ));
        }
        let is_known = visited.iter().any(|seen| seen == name);
        // A profile may name itself, for a role and its keys in one place.
        if is_known && (name != profile || !self.has_keys(name)) {
            return Err(CredentialProblem::at(
                &origin,
                format!("the source_profile chain {} leads back to `{name}`", visited.join(" -> ")),
            ));
        }
        if self.has_keys(name) || !self.is_role(name) {
            return self.of_profile(name, false)?.ok_or_else(|| {
                CredentialProblem::at(&origin, format!("the source_profile `{name}` has no credentials"))
            });
        }
        visited.push(name.to_owned());
        self.role(name, visited)
    }

    /// The credentials of one profile, and with `environment` also of the web identity variables.
    fn of_profile(&self, profile: &str, environment: bool) -> Found {
        if let Some(found) = self.web_identity(profile, environment)? {
            return Ok(Some(found));
        }
        if let Some(found) = self.sso(profile)? {
            return Ok(Some(found));
        }
        let in_credentials_file = |name: &str| self.config.in_credentials_file(profile, name);
        if let Some(found) = keys(profile, in_credentials_file)? {
            return Ok(Some(found));
        }
        if let Some(session) = self.config.get(profile, "login_session") {
            return Err(CredentialProblem::at(
                &session.origin(),
                format!(
                    "the profile `{profile}` is one of `aws login`, whose sessions only the AWS CLI can read; add a profile with \
                     `credential_process = aws configure export-credentials --profile {profile} --format process` and name that one"
                ),
            ));
        }
        if let Some(command) = self.config.get(profile, "credential_process") {
            // Over several lines it is still one command.
            let (text, origin) = (command.text.replace('\n', " "), command.origin());
            return Ok(Some(CredentialSource::Process { command: Hidden(text), origin }));
        }
        keys(profile, |name| self.config.in_config_file(profile, name))
    }

    fn web_identity(&self, profile: &str, environment: bool) -> Found {
        let value = |variable: &str, name: &str| {
            let of_variable = self.variables.get(variable).filter(|_| environment);
            match of_variable {
                Some(text) => Some((text.to_owned(), ValueOrigin::variable(variable))),
                None => self.config.get(profile, name).map(|located| (located.text.clone(), located.origin())),
            }
        };
        let Some((file, origin)) = value("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file") else {
            return Ok(None);
        };
        let (arn, _) = value("AWS_ROLE_ARN", "role_arn").ok_or_else(|| {
            CredentialProblem::at(
                &origin,
                "names a web identity token, but no role to assume with it; set AWS_ROLE_ARN or role_arn",
            )
        })?;
        let session_name = value("AWS_ROLE_SESSION_NAME", "role_session_name").map(|(name, _)| name);
        Ok(Some(CredentialSource::WebIdentity { token_file: self.variables.expand(&file), arn, session_name, origin }))
    }

    fn sso(&self, profile: &str) -> Found {
        let (account, role) = (self.config.get(profile, "sso_account_id"), self.config.get(profile, "sso_role_name"));
        let Some(origin) = account.or(role).map(Located::origin) else { return Ok(None) };
        let session = self.config.get(profile, "sso_session");
        let value = |name: &str| -> Result<String, CredentialProblem> {
            let own = self.config.get(profile, name);
            let shared = match session {
                Some(session) => self.config.sso_session(&session.text, name).ok_or_else(|| {
                    CredentialProblem::at(
                        &session.origin(),
                        format!("there is no section [sso-session {}]", session.text),
                    )
                })?,
                None => None,
            };
            if let (Some(own), Some(shared)) = (own, shared)
                && own.text != shared.text
            {
                let problem = format!("{name} differs from the value at {}", shared.origin());
                return Err(CredentialProblem::at(&own.origin(), problem));
            }
            own.or(shared).map(|located| located.text.clone()).ok_or_else(|| {
                CredentialProblem::at(
                    &origin,
                    format!("the profile `{profile}` uses IAM Identity Center, but has no {name}"),
                )
            })
        };
        Ok(Some(CredentialSource::Sso {
            profile: profile.to_owned(),
            start_url: value("sso_start_url")?,
            region: value("sso_region")?,
            account: value("sso_account_id")?,
            role: value("sso_role_name")?,
            session: session.map(|located| located.text.clone()),
            origin,
        }))
    }
}

/// The keys that one of the files has for a profile.
fn keys<'a>(profile: &str, get: impl Fn(&str) -> Option<&'a Located>) -> Found {
    let Some(id) = get("aws_access_key_id") else { return Ok(None) };
    let origin = id.origin();
    let secret = get("aws_secret_access_key").ok_or_else(|| {
        CredentialProblem::at(
            &origin,
            format!("the profile `{profile}` has an aws_access_key_id, but no aws_secret_access_key"),
        )
    })?;
    let token = get("aws_session_token").or_else(|| get("aws_security_token"));
    check_id(&origin, &id.text)?;
    if let Some(token) = token {
        check_header(&token.origin(), "the session token", &token.text)?;
    }
    Ok(Some(CredentialSource::Keys {
        id: id.text.clone(),
        secret: Hidden(secret.text.clone()),
        token: token.map(|token| Hidden(token.text.clone())),
        token_origin: token.map(Located::origin),
        origin,
    }))
}

/// Refuses an access key id that cannot be one. Quotes are kept by tools that read `.env` files, and belong to the value then.
fn check_id(origin: &ValueOrigin, id: &str) -> Result<(), CredentialProblem> {
    if id.contains(['"', '\'']) {
        let problem = "the access key id contains a quote; write it and the secret key without quotes";
        return Err(CredentialProblem::at(origin, problem));
    }
    check_header(origin, "the access key id", id)
}

/// Refuses a value that a request cannot carry: it is sent in a header.
fn check_header(origin: &ValueOrigin, what: &str, value: &str) -> Result<(), CredentialProblem> {
    if value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Ok(());
    }
    Err(CredentialProblem::at(
        origin,
        format!(
            "{what} contains a character that a request cannot contain (a line end, another control character, or \
             not ASCII); set it again"
        ),
    ))
}
