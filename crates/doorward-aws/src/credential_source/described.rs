//! Sources of credentials in words, without any secret.

use std::fmt;

use super::CredentialSource;
use crate::variables::ValueOrigin;

impl CredentialSource {
    /// The source, and what names it.
    pub(crate) fn described(&self) -> (String, ValueOrigin) {
        match self {
            Self::Keys { id, token_origin, origin, .. } => {
                let end: String = id.chars().skip(id.chars().count().saturating_sub(4)).collect();
                let text = match token_origin {
                    Some(token) => format!("a session with the token of {token}, whose id ends in {end}"),
                    None => format!("an access key whose id ends in {end}"),
                };
                (text, origin.clone())
            }
            Self::Role { arn, from, origin, .. } => (format!("the role {arn}, assumed with {from}"), origin.clone()),
            Self::WebIdentity { token_file, arn, origin, .. } => {
                let file = token_file.display();
                (format!("the role {arn}, assumed with the web identity token in {file}"), origin.clone())
            }
            Self::Sso { account, role, start_url, origin, .. } => {
                (format!("IAM Identity Center at {start_url}: {role} in {account}"), origin.clone())
            }
            Self::Process { origin, .. } => ("the output of the credential_process".to_owned(), origin.clone()),
            Self::Container { url, origin, .. } => {
                (format!("the container's role at {url}, asked directly"), origin.clone())
            }
            Self::Metadata { endpoint, origin } => {
                let text = format!("the instance's role at {endpoint}, asked directly: nothing else is configured");
                (text, origin.clone())
            }
        }
    }
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, origin) = self.described();
        write!(f, "{text} ({origin})")?;
        match self {
            Self::Keys { origin: ValueOrigin::Variable(_), .. } => {
                f.write_str(", its secret key is in AWS_SECRET_ACCESS_KEY")
            }
            _ => Ok(()),
        }
    }
}
