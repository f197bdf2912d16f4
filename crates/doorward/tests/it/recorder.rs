//! A server on this machine that records what it is asked: plain http, TLS, requests to a proxy, and the requests inside of tunnels, whose
//! TLS it ends with a certificate of its own.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The folder of certificates for tests.
pub(crate) const CERTIFICATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls");

/// One request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct SeenRequest {
    /// The request line.
    pub(crate) line: String,
    /// The access key that signed it; empty without a signature.
    pub(crate) signer: String,
}

/// The answer to every request that is not one for instance metadata or container credentials.
#[derive(Clone)]
struct CannedAnswer {
    status: u16,
    code: &'static str,
    message: &'static str,
}

/// The server. Its threads end with the test.
pub(crate) struct Recorder {
    pub(crate) url: String,
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    seen: Mutex<Vec<SeenRequest>>,
    /// Tunnels that were asked for.
    tunnels: Mutex<Vec<String>>,
    /// What was sent to log in to the proxy.
    logins: Mutex<Vec<String>>,
    /// TLS connections that were begun.
    handshakes: AtomicUsize,
    answer: CannedAnswer,
    /// The status of every tunnel that is asked for.
    tunnel_status: u16,
    tls: Arc<ServerConfig>,
}

impl Recorder {
    pub(crate) fn start(status: u16, code: &'static str, message: &'static str) -> Self {
        Self::with(CannedAnswer { status, code, message }, "server", 200)
    }

    /// Answers that access is denied, over TLS with this certificate.
    pub(crate) fn presenting(certificate: &str) -> Self {
        Self::with(CannedAnswer { status: 403, code: "AccessDenied", message: "enough" }, certificate, 200)
    }

    /// A proxy that refuses every tunnel.
    pub(crate) fn refusing(tunnel_status: u16) -> Self {
        Self::with(CannedAnswer { status: 403, code: "", message: "" }, "server", tunnel_status)
    }

    fn with(answer: CannedAnswer, certificate: &str, tunnel_status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            tunnels: Mutex::default(),
            logins: Mutex::default(),
            handshakes: AtomicUsize::new(0),
            answer,
            tunnel_status,
            tls: tls(certificate),
        });
        let kept = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || kept.connection(stream));
            }
        });
        Self { url: format!("http://127.0.0.1:{port}"), port, shared }
    }

    pub(crate) fn seen(&self) -> Vec<SeenRequest> {
        self.shared.seen.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|request| request.line).collect()
    }

    pub(crate) fn signers(&self) -> Vec<String> {
        self.seen().into_iter().map(|request| request.signer).filter(|signer| !signer.is_empty()).collect()
    }

    pub(crate) fn tunnels(&self) -> Vec<String> {
        self.shared.tunnels.lock().unwrap().clone()
    }

    pub(crate) fn logins(&self) -> Vec<String> {
        self.shared.logins.lock().unwrap().clone()
    }

    pub(crate) fn handshakes(&self) -> usize {
        self.shared.handshakes.load(Ordering::SeqCst)
    }
}

fn tls(certificate: &str) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(format!("{CERTIFICATES}/{certificate}.pem")).unwrap();
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{CERTIFICATES}/server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

impl Shared {
    /// Serves a connection; the first byte tells TLS from plain text.
    fn connection(&self, stream: TcpStream) {
        let mut first = [0];
        if stream.peek(&mut first).unwrap_or(0) == 0 {
            return;
        }
        if first == [0x16] {
            self.handshakes.fetch_add(1, Ordering::SeqCst);
            let connection = ServerConnection::new(Arc::clone(&self.tls)).unwrap();
            let mut reader = BufReader::new(StreamOwned::new(connection, stream));
            while let Some(line) = self.request(&mut reader) {
                if line.starts_with("CONNECT ") {
                    // A proxy that is asked over TLS: the tunnel is in it.
                    let connection = ServerConnection::new(Arc::clone(&self.tls)).unwrap();
                    let mut reader = BufReader::new(StreamOwned::new(connection, reader.into_inner()));
                    while self.request(&mut reader).is_some() {}
                    return;
                }
            }
            return;
        }
        let raw = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some(line) = self.request(&mut reader) {
            if line.starts_with("CONNECT ") {
                if self.tunnel_status == 200 {
                    self.connection(raw);
                }
                return;
            }
        }
    }

    /// Reads a request and answers it. None at the end of the connection.
    fn request(&self, reader: &mut BufReader<impl Read + Write>) -> Option<String> {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        let line = line.trim().to_owned();
        let (mut length, mut signer, mut header) = (0, String::new(), String::new());
        while reader.read_line(&mut header).unwrap_or(0) > 2 {
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if let Some((name, login)) = header.split_once(": ")
                && name.eq_ignore_ascii_case("proxy-authorization")
            {
                self.logins.lock().unwrap().push(login.trim().to_owned());
            }
            if let Some((_, rest)) = header.split_once("Credential=") {
                signer = rest.split('/').next().unwrap_or_default().to_owned();
            }
            header.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let answer = if let Some(rest) = line.strip_prefix("CONNECT ") {
            let place = rest.split(' ').next().unwrap_or_default().to_owned();
            self.tunnels.lock().unwrap().push(place);
            format!("HTTP/1.1 {} X\r\n\r\n", self.tunnel_status)
        } else {
            self.seen.lock().unwrap().push(SeenRequest { line: line.clone(), signer });
            self.answer_to(&line)
        };
        reader.get_mut().write_all(answer.as_bytes()).ok()?;
        reader.get_mut().flush().ok()?;
        Some(line)
    }

    fn answer_to(&self, line: &str) -> String {
        let keys = |key: &str| {
            format!(
                r#"{{"Code":"Success","AccessKeyId":"{key}","SecretAccessKey":"s","Token":"t","Expiration":"2036-01-01T00:00:00Z"}}"#
            )
        };
        let (status, body) = if line.contains("/latest/api/token") {
            (200, "TOKEN".to_owned())
        } else if line.contains("/placement/region") {
            (200, "eu-west-1".to_owned())
        } else if line.contains("security-credentials/ ") {
            (200, "role".to_owned())
        } else if line.contains("security-credentials/") {
            (200, keys("INSTANCE"))
        } else if line.contains("/container") {
            (200, keys("CONTAINER"))
        } else if line.contains("/services/") {
            (200, "ok".to_owned())
        } else {
            let CannedAnswer { status, code, message } = &self.answer;
            let error = format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>");
            (*status, format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"))
        };
        let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let ttl = "X-aws-ec2-metadata-token-ttl-seconds: 21600";
        format!("HTTP/1.1 {status} X\r\nDate: {date}\r\n{ttl}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }
}
