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

    /// Host and port, without user and password.
    pub(crate) fn shown(&self) -> String {
        let uri: Uri = self.url.parse().unwrap_or_default();
        let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        format!("{}://{host} ({})", uri.scheme_str().unwrap_or("http"), self.origin)
    }
}

/// The proxies, and the hosts that are asked directly.
#[derive(Clone)]
pub(crate) struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    exempt: String,
    matcher: std::sync::Arc<Matcher>,
}

impl Default for Proxies {
    fn default() -> Self {
        Self::of(None, None, String::new())
    }
}

impl Proxies {
    /// The proxies that the variables name. A value that is no proxy URL is an error: without it, requests would go out directly.
    pub(crate) fn new(variables: &Variables) -> Result<Self, HttpPolicyError> {
        let proxy = |names: [&'static str; 2]| -> Result<Option<Proxy>, HttpPolicyError> {
            variables.first(&names).map(|(name, url)| read(name, url)).transpose()
        };
        let all = proxy(["ALL_PROXY", "all_proxy"])?;
        let https = proxy(["HTTPS_PROXY", "https_proxy"])?.or_else(|| all.clone());
        // A CGI server sets HTTP_PROXY from a header of the request ("httpoxy").
        let http = if variables.get("REQUEST_METHOD").is_some() { None } else { proxy(["HTTP_PROXY", "http_proxy"])? };
        let exempt = variables.first(&["NO_PROXY", "no_proxy"]).map(|(_, hosts)| hosts.to_owned()).unwrap_or_default();
        Ok(Self::of(http.or(all), https, exempt))
    }

    fn of(http: Option<Proxy>, https: Option<Proxy>, exempt: String) -> Self {
        let url = |proxy: &Option<Proxy>| proxy.as_ref().map(|proxy| proxy.url.clone()).unwrap_or_default();
        let matcher = Matcher::builder().http(url(&http)).https(url(&https)).no(exempt.clone()).build();
        Self { http, https, exempt, matcher: std::sync::Arc::new(matcher) }
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

    /// The proxy that a request goes through; none where it goes directly.
    pub(crate) fn proxy(&self, uri: &Uri) -> Option<&Proxy> {
        self.intercept(uri)?;
        if uri.scheme_str() == Some("https") { self.https.as_ref() } else { self.http.as_ref() }
    }

    pub(super) fn intercept(&self, uri: &Uri) -> Option<Intercept> {
        if serves_credentials(uri) { None } else { self.matcher.intercept(uri) }
    }
}

fn read(name: &'static str, url: &str) -> Result<Proxy, HttpPolicyError> {
    let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let origin = ValueOrigin::variable(name);
    let uri: Option<Uri> = whole.parse().ok();
    let is_fit = uri.as_ref().is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    });
    // The value is not repeated: it may contain a password.
    let problem = match uri.as_ref().and_then(|uri| uri.scheme_str()) {
        Some(scheme) if scheme.starts_with("socks") => {
            "names a SOCKS proxy, which is not supported; name an HTTP proxy"
        }
        _ => "is not the URL of a proxy, such as http://proxy.example.com:8080",
    };
    if is_fit { Ok(Proxy { url: whole, origin }) } else { Err(HttpPolicyError::Proxy { name, problem }) }
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
            ("NO_PROXY", "internal, 10.0.0.0/8,.corp"),
        ];
        let proxies = proxies(&set).unwrap_or_else(|error| panic!("{error}"));
        for (url, expected) in [
            ("https://sts.amazonaws.com/", Some("http://proxy:8080 (HTTPS_PROXY)")),
            ("http://example.com/", Some("http://plain:3128 (http_proxy)")),
            ("https://a.internal/", None),
            ("https://10.1.2.3/", None),
            ("https://x.corp/", None),
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
            [("HTTPS_PROXY", "http://u:secret@"), ("ALL_PROXY", "socks5://secret:1"), ("http_proxy", "se cret")]
        {
            let text = proxies(&[(name, value)]).err().expect("refused").to_string();
            assert!(text.contains(name) && !text.contains("secret"), "{text}");
        }
        assert!(proxies(&[("HTTPS_PROXY", " ")]).is_ok());
    }
}
