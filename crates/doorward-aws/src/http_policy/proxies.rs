//! The proxies of the environment.

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::{HttpPolicyError, serves_credentials};
use crate::variables::{ValueOrigin, Variables};

/// A proxy: its URL, which may contain a password, and the variable that names it.
#[derive(Clone)]
pub(crate) struct Proxy {
    url: String,
    origin: ValueOrigin,
}

impl Proxy {
    /// The URL with its password, for the client that uses it.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The variable that names it.
    pub(super) fn origin(&self) -> &ValueOrigin {
        &self.origin
    }

    /// Host and port, without user and password.
    pub(crate) fn shown(&self) -> String {
        format!("{} ({})", without_user(&self.url), self.origin)
    }
}

/// A URL without user and password.
fn without_user(url: &str) -> String {
    let uri: Uri = url.parse().unwrap_or_default();
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{}://{host}", uri.scheme_str().unwrap_or("http"))
}

/// The proxies, and the hosts that are asked directly.
#[derive(Clone)]
pub(crate) struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    exempt: String,
    /// The variable that lists the hosts.
    exempt_by: &'static str,
    matcher: std::sync::Arc<Matcher>,
}

impl Default for Proxies {
    fn default() -> Self {
        Self::of(None, None, ("NO_PROXY", ""))
    }
}

impl Proxies {
    /// The proxies that the variables name. The spelling in lower case comes first, as in the AWS CLI. A value that is no proxy URL is an
    /// error: without it, requests would go out directly.
    pub(crate) fn new(variables: &Variables) -> Result<Self, HttpPolicyError> {
        let proxy = |names: [&'static str; 2]| -> Result<Option<Proxy>, HttpPolicyError> {
            variables.first(&names).map(|(name, url)| read(name, url)).transpose()
        };
        let https = proxy(["https_proxy", "HTTPS_PROXY"])?;
        // A CGI server sets HTTP_PROXY from a header of the request ("httpoxy").
        let http = if variables.get("REQUEST_METHOD").is_some() { None } else { proxy(["http_proxy", "HTTP_PROXY"])? };
        // Where both have a proxy of their own, one for all others does not matter, and may be of a kind that is not supported.
        let all = if http.is_some() && https.is_some() { None } else { proxy(["all_proxy", "ALL_PROXY"])? };
        let exempt = variables.first(&["no_proxy", "NO_PROXY"]).unwrap_or(("NO_PROXY", ""));
        Ok(Self::of(http.or_else(|| all.clone()), https.or(all), exempt))
    }

    fn of(http: Option<Proxy>, https: Option<Proxy>, (exempt_by, listed): (&'static str, &str)) -> Self {
        let url = |proxy: &Option<Proxy>| proxy.as_ref().map(|proxy| proxy.url.clone()).unwrap_or_default();
        let exempt = exemptions(listed);
        let matcher = Matcher::builder().http(url(&http)).https(url(&https)).no(exempt.clone()).build();
        Self { http, https, exempt, exempt_by, matcher: std::sync::Arc::new(matcher) }
    }

    pub(super) fn for_http(&self) -> Option<&Proxy> {
        self.http.as_ref()
    }

    pub(super) fn for_https(&self) -> Option<&Proxy> {
        self.https.as_ref()
    }

    /// Hosts that are asked directly, as `NO_PROXY` lists them.
    pub(super) fn exempt(&self) -> &str {
        &self.exempt
    }

    fn of_scheme(&self, uri: &Uri) -> Option<&Proxy> {
        if uri.scheme_str() == Some("https") { self.https.as_ref() } else { self.http.as_ref() }
    }

    /// The proxy that a request goes through; none where it goes directly.
    pub(crate) fn proxy(&self, uri: &Uri) -> Option<&Proxy> {
        self.intercept(uri)?;
        self.of_scheme(uri)
    }

    /// How a request goes, in words.
    pub(crate) fn way(&self, uri: &Uri) -> String {
        match (self.proxy(uri), self.of_scheme(uri)) {
            (Some(proxy), _) => format!("through the proxy {}", proxy.shown()),
            (None, Some(_)) if !serves_credentials(uri) => format!("directly, because {} names it", self.exempt_by),
            (None, _) => "directly".to_owned(),
        }
    }

    /// Why a request goes through no proxy, as advice for a host whose name cannot be resolved.
    pub(super) fn absence(&self, uri: &Uri) -> String {
        match (self.of_scheme(uri), &self.http) {
            (Some(proxy), _) => format!("{} exempts it from the proxy of {}", self.exempt_by, proxy.origin),
            (None, Some(http)) => {
                format!("the proxy of {} is for plain http only; behind a proxy, set HTTPS_PROXY too", http.origin)
            }
            (None, None) => "no proxy applies to it; behind a proxy, set HTTPS_PROXY".to_owned(),
        }
    }

    pub(super) fn intercept(&self, uri: &Uri) -> Option<Intercept> {
        if serves_credentials(uri) { None } else { self.matcher.intercept(uri) }
    }
}

/// The hosts of `NO_PROXY` as the matcher takes them. Other tools accept blanks between hosts, `*.example.com`, ports, and `*` for
/// addresses too.
fn exemptions(listed: &str) -> String {
    let hosts = listed.split([',', ' ', '\t', ';']).filter(|host| !host.is_empty());
    let hosts = hosts.map(|host| match host.strip_prefix("*.") {
        _ if host == "*" => "*,0.0.0.0/0,::/0".to_owned(),
        Some(domain) => format!(".{}", without_port(domain)),
        None => without_port(host).to_owned(),
    });
    hosts.collect::<Vec<_>>().join(",")
}

/// A host without its port. Every port of a host is asked directly.
fn without_port(host: &str) -> &str {
    let is_port = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (name.ends_with(']') || !name.contains(':')) => {
            name.trim_matches(['[', ']'])
        }
        _ => host.trim_matches(['[', ']']),
    }
}

fn read(name: &'static str, url: &str) -> Result<Proxy, HttpPolicyError> {
    let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let origin = ValueOrigin::variable(name);
    let uri: Option<Uri> = whole.parse().ok();
    let is_fit = uri.as_ref().is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    if is_fit {
        return Ok(Proxy { url: whole, origin });
    }
    // A value that is no URL is not repeated: it may contain a password.
    let problem = match uri.as_ref().and_then(|uri| uri.scheme_str()) {
        Some(scheme) if scheme.starts_with("socks") => {
            let shown = without_user(&whole);
            format!("names a SOCKS proxy, {shown}, which is not supported; name an HTTP proxy")
        }
        _ => "is not the URL of a proxy, such as http://proxy.example.com:8080; correct it".to_owned(),
    };
    Err(HttpPolicyError::Proxy { name, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(pairs: &[(&str, &str)]) -> Result<Proxies, HttpPolicyError> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Proxies::new(&Variables::new(pairs))
    }

    #[test]
    fn requests_go_where_the_variables_say() {
        let set = [
            ("HTTPS_PROXY", " http://user:secret@proxy:8080\n"),
            ("http_proxy", "plain:3128"),
            ("NO_PROXY", "internal, 10.0.0.0/8,.corp *.wild.example\tported.example:8443,[::1]:80"),
        ];
        let proxies = proxies(&set).unwrap_or_else(|error| panic!("{error}"));
        for (url, expected) in [
            ("https://sts.amazonaws.com/", Some("http://proxy:8080 (HTTPS_PROXY)")),
            ("http://example.com/", Some("http://plain:3128 (http_proxy)")),
            ("https://a.internal/", None),
            ("https://10.1.2.3/", None),
            ("https://x.corp/", None),
            ("https://a.wild.example/", None),
            ("https://notwild.example/", Some("http://proxy:8080 (HTTPS_PROXY)")),
            ("https://ported.example:8443/", None),
            ("https://[::1]/", None),
            ("http://169.254.169.254/latest", None),
            ("http://169.254.170.2/v2", None),
            ("http://[fd00:ec2::254]/", None),
        ] {
            let shown = proxies.proxy(&url.parse().expect(url)).map(Proxy::shown);
            assert_eq!(shown.as_deref(), expected, "{url}");
            assert_eq!(proxies.intercept(&url.parse().expect(url)).is_some(), expected.is_some(), "{url}");
        }
    }

    #[test]
    fn a_value_that_is_no_proxy_is_an_error_that_names_the_variable_alone() {
        for (name, value) in
            [("HTTPS_PROXY", "http://u:secret@"), ("ALL_PROXY", "socks5://u:secret@h:1"), ("http_proxy", "se cret")]
        {
            let text = proxies(&[(name, value)]).err().expect("refused").to_string();
            assert!(text.contains(name) && !text.contains("secret"), "{text}");
        }
        assert!(proxies(&[("HTTPS_PROXY", " ")]).is_ok());
        let socks = proxies(&[("ALL_PROXY", "socks5h://me:secret@relay:1080")]).err().expect("refused").to_string();
        assert!(socks.starts_with("ALL_PROXY names a SOCKS proxy, socks5h://relay:1080, which"), "{socks}");
        // It would not be used.
        let own = [("HTTPS_PROXY", "a:1"), ("HTTP_PROXY", "b:1"), ("ALL_PROXY", "socks5://c:1")];
        assert!(proxies(&own).is_ok());
    }

    #[test]
    fn lower_case_comes_first_and_a_star_exempts_every_host() {
        let set = [("https_proxy", "lower:1"), ("HTTPS_PROXY", "upper:2")];
        let aws = "https://sts.amazonaws.com/".parse().expect("a URL");
        let found = proxies(&set).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(found.way(&aws), "through the proxy http://lower:1 (https_proxy)");
        for list in ["*", "other.example, *"] {
            let found = proxies(&[set[0], ("NO_PROXY", list)]).unwrap_or_else(|error| panic!("{error}"));
            for url in ["https://sts.amazonaws.com/", "https://127.0.0.1:1/", "https://[2001:db8::1]/"] {
                let way = found.way(&url.parse().expect(url));
                assert_eq!(way, "directly, because NO_PROXY names it", "{list} {url}");
            }
            assert_eq!(found.absence(&aws), "NO_PROXY exempts it from the proxy of https_proxy");
        }
    }
}
