//! The parts of a request that show its source: shapes of paths, domains, and texts cut to a length.

/// At most this many parts of a path are kept.
const PARTS: usize = 6;

/// The first bytes of a text, made valid UTF-8; an ellipsis shows that there was more.
pub(crate) fn excerpt(text: &[u8], most: usize) -> String {
    if text.len() <= most {
        return String::from_utf8_lossy(text).into_owned();
    }
    // Not in the middle of a character.
    let cut = (most.saturating_sub(3)..=most).rev().find(|at| text[*at] & 0xc0 != 0x80).unwrap_or(most);
    String::from_utf8_lossy(&text[..cut]).into_owned() + "…"
}

/// The method and the shape of the path, without what differs from request to request: `GET /orders/*`.
pub(crate) fn shape(request: &[u8]) -> String {
    let (method, url, _) = parts(request);
    let method = if method.len() <= 16 && method.iter().all(u8::is_ascii_alphanumeric) && !method.is_empty() {
        String::from_utf8_lossy(method).into_owned()
    } else {
        "?".to_owned()
    };
    let path = path(url);
    let end = path.iter().position(|byte| matches!(byte, b'?' | b'#' | b';')).unwrap_or(path.len());
    let mut shape = method + " ";
    let mut names = path[..end].split(|byte| *byte == b'/').skip(1);
    for name in names.by_ref().take(PARTS) {
        shape.push('/');
        if varies(name) {
            shape.push('*');
        } else {
            shape.push_str(&String::from_utf8_lossy(name));
        }
    }
    if names.next().is_some() {
        shape.push_str("/**");
    }
    shape
}

/// Whether a part of a path is rather an identifier than a name.
fn varies(part: &[u8]) -> bool {
    let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
    let plain = part.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~'));
    !plain || part.len() > 32 || (digits > 0 && (digits == part.len() || part.len() >= 8))
}

/// The domain of the TLS handshake, or the host of the URL.
pub(crate) fn domain<'a>(domain: &'a [u8], request: &'a [u8]) -> &'a [u8] {
    if !matches!(domain, b"" | b"-") {
        return domain;
    }
    let (_, url, _) = parts(request);
    let Some(start) = memchr::memmem::find(url, b"://") else { return b"-" };
    let host = &url[start + 3..];
    let end = host.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(host.len());
    let host = &host[..end];
    match memchr::memrchr(b':', host) {
        Some(colon) if host[colon + 1..].iter().all(u8::is_ascii_digit) => &host[..colon],
        _ => host,
    }
}

/// Method, URL and version. The URL may have spaces in it; method and version do not.
fn parts(request: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let request = request.trim_ascii_end();
    let Some(first) = memchr::memchr(b' ', request) else { return (request, b"", b"") };
    let (method, rest) = (&request[..first], &request[first + 1..]);
    match memchr::memrchr(b' ', rest) {
        Some(last) => (method, &rest[..last], &rest[last + 1..]),
        None => (method, rest, b""),
    }
}

fn path(url: &[u8]) -> &[u8] {
    let Some(start) = memchr::memmem::find(url, b"://") else { return url };
    let host = &url[start + 3..];
    memchr::memchr(b'/', host).map_or(b"", |slash| &host[slash..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_leave_out_what_varies() {
        for (request, wanted) in [
            ("GET http://www.example.com:80/ HTTP/1.1", "GET /"),
            ("GET https://a.example:443/orders/8812/items?page=2 HTTP/1.1", "GET /orders/*/items"),
            (
                "POST https://a.example/api/v2/users/550e8400-e29b-41d4-a716-446655440000 HTTP/2.0",
                "POST /api/v2/users/*",
            ),
            ("GET https://a.example:443/a b/c HTTP/1.1", "GET /*/c"),
            ("GET https://a.example:443/1/2/3/4/5/6/7 HTTP/1.1", "GET /*/*/*/*/*/*/**"),
            ("- http://a.example:80- -", "? "),
            ("nonsense", "nonsense "),
            ("", "? "),
        ] {
            assert_eq!(shape(request.as_bytes()), wanted, "{request}");
        }
    }

    #[test]
    fn domains_are_the_handshake_or_the_host() {
        for (name, request, wanted) in [
            ("www.example.com", "GET https://x:443/ HTTP/1.1", "www.example.com"),
            ("-", "GET http://shop.example:80/a?b=c HTTP/1.1", "shop.example"),
            ("-", "GET http://[2001:db8::1]:80/ HTTP/1.1", "[2001:db8::1]"),
            ("-", "GET / HTTP/1.1", "-"),
        ] {
            assert_eq!(domain(name.as_bytes(), request.as_bytes()), wanted.as_bytes(), "{request}");
        }
    }

    #[test]
    fn excerpts_are_cut_between_characters() {
        assert_eq!(excerpt("äöü".as_bytes(), 6), "äöü");
        assert_eq!(excerpt("äöü".as_bytes(), 5), "äö…");
        assert_eq!(excerpt(&[0xff; 4], 2), "\u{fffd}\u{fffd}…");
    }
}
