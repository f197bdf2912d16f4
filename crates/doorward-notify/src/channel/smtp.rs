//! E-mail over SMTP.

use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::{Again, SendFailure};
use doorward_aws::Time;

use crate::channels_config::{Post, SettingsError};
use crate::render::mail::Mail;
use crate::secret::Environment;
use crate::settings::SmtpTls;

/// A mail server and the addresses of a channel.
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    timeout: Duration,
}

impl Mailer {
    pub(super) fn new(
        post: &Post,
        to: &[Mailbox],
        environment: &Environment,
        timeout: Duration,
    ) -> Result<Self, SettingsError> {
        let parameters = || {
            TlsParameters::new(post.host.clone())
                .map_err(|_| SettingsError::new("notify.smtp.host", "is not a valid host name for a certificate"))
        };
        let tls = match post.tls {
            SmtpTls::Implicit => Tls::Wrapper(parameters()?),
            SmtpTls::Starttls => Tls::Required(parameters()?),
            SmtpTls::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&post.host)
            .port(post.port)
            .tls(tls)
            .timeout(Some(timeout));
        if let Some((user, place)) = &post.login {
            let password = place.read("notify.smtp.password_file", environment)?;
            builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        Ok(Self { transport: builder.build(), from: post.from.clone(), to: to.to_vec(), timeout })
    }

    /// Sends one message, one try. Its message id is the digest's, so that mailboxes drop what they have already.
    pub(super) async fn send(&self, id: &str, mail: &Mail, time: &Time) -> Result<(), SendFailure> {
        let message = self
            .message(id, mail, time)
            .map_err(|_| SendFailure::refused("the message could not be built; `--dry-run` shows its content"))?;
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(judge(&error)),
            Err(_) => Err(SendFailure::unclear(format!(
                "the mail server did not finish within {} seconds; the next run tries again",
                self.timeout.as_secs()
            ))),
        }
    }

    fn message(&self, id: &str, mail: &Mail, time: &Time) -> Result<Message, lettre::error::Error> {
        let domain = self.from.email.domain();
        let builder = self.to.iter().fold(Message::builder().from(self.from.clone()), |b, to| b.to(to.clone()));
        let mut message = builder
            .subject(mail.subject.clone())
            .date(SystemTime::from(time.now()))
            .message_id(Some(format!("<doorward-{id}@{domain}>")))
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))?;
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Ok(message)
    }
}

/// The effect of a failure on the message. The server's words are left out: they may quote the log-in.
fn judge(error: &lettre::transport::smtp::Error) -> SendFailure {
    let code = error.status().map(u16::from);
    match code {
        Some(code) if error.is_transient() => {
            SendFailure::lost(format!("the mail server deferred the message ({code}); the next run tries again"))
        }
        Some(530 | 534 | 535 | 538) => {
            SendFailure::refused("the mail server refused the login; check notify.smtp.user and its password")
                .of_channel()
        }
        Some(code) => SendFailure::refused(format!(
            "the mail server refused the message ({code}); check notify.smtp.from and the channel's addresses"
        )),
        // The words are those of the TLS library on this machine, not of the server.
        None if error.is_tls() => SendFailure {
            again: Again::Soon,
            ..SendFailure::lost(format!(
                "the TLS connection to the mail server failed ({}); check notify.smtp.host, port and tls, or set \
                 SSL_CERT_FILE to the certificate of its authority",
                innermost(error)
            ))
        },
        None if refused(error) => SendFailure {
            again: Again::Soon,
            ..SendFailure::lost("the mail server could not be reached; check notify.smtp.host, port and tls")
        },
        None if error.is_client() => SendFailure::refused(
            "the mail server does not support what the settings require; check notify.smtp.tls and \
                 notify.smtp.user",
        )
        .of_channel(),
        None => SendFailure::unclear("the connection to the mail server broke; the next run tries again"),
    }
}

/// The last of the causes of an error.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// Whether there was no connection at all.
fn refused(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = error.source();
    }
    false
}
