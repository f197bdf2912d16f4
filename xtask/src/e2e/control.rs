//! The emulators' control interfaces: one small HTTP request at a time, to this machine only.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Sends a request and returns the body of a successful answer.
pub(super) fn request(port: u16, method: &str, path: &str, kind: &str, body: &str) -> Result<String> {
    let mut stream =
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("nothing listens on {port}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(|| format!("{method} {path} was not answered"))?;
    read(&answer).with_context(|| format!("{method} {path}"))
}

fn read(answer: &str) -> Result<String> {
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no end of headers")?;
    let status = head.split(' ').nth(1).context("the answer has no status")?;
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        bail!("the answer comes in chunks, which this client does not read");
    }
    if !status.starts_with('2') {
        bail!("answered {status}: {}", body.trim());
    }
    Ok(body.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_success_is_a_body() {
        assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").expect("reads"), "hi");
        for bad in [
            "HTTP/1.1 500 Oops\r\n\r\nno",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi",
            "HTTP/1.1 200 OK\r\n",
            "\r\n\r\n",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
