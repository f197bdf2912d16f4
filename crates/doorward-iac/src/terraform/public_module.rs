//! Whether the source of a module is one of the public modules for load balancers: terraform-aws-modules/alb/aws, and
//! terraform-aws-modules/elb/aws for classic ones.
//!
//! The whole address is compared: a fork or a repository on another host may have the same ending and other content.
//! <https://developer.hashicorp.com/terraform/language/modules/sources>

const OWNER: &str = "terraform-aws-modules";
const REGISTRIES: [&str; 2] = ["registry.terraform.io", "registry.opentofu.org"];
const HOST: &str = "github.com";

/// Whether a source is the public module for application load balancers, by a registry or by its repository.
pub(super) fn is_public_alb(source: &str) -> bool {
    is_registry(source, "alb") || is_repository(source, "alb")
}

/// Whether a source is the public module for classic load balancers.
pub(super) fn is_public_elb(source: &str) -> bool {
    is_registry(source, "elb") || is_repository(source, "elb")
}

fn is_registry(source: &str, name: &str) -> bool {
    let registry = format!("{OWNER}/{name}/aws");
    let on_host = |(host, path): (&str, &str)| {
        path == registry && REGISTRIES.iter().any(|registry| registry.eq_ignore_ascii_case(host))
    };
    source == registry || source.split_once('/').is_some_and(on_host)
}

fn is_repository(source: &str, name: &str) -> bool {
    let (address, query) = source.split_once('?').unwrap_or((source, ""));
    // Other parameters, such as `archive`, change which content is fetched.
    let keys = query.split('&').filter(|part| !part.is_empty()).map(|part| part.split('=').next().unwrap_or_default());
    if !keys.into_iter().all(|key| key == "ref" || key == "depth") {
        return false;
    }
    let address = address.strip_prefix("git::").unwrap_or(address);
    let web = address.strip_prefix("https://").or_else(|| address.strip_prefix("ssh://git@"));
    let web = web.or_else(|| address.strip_prefix("ssh://"));
    let (host, path) = match (web, address.strip_prefix("git@")) {
        (Some(rest), _) => rest.split_once('/').unwrap_or((rest, "")),
        // The scp-like form of `git clone`, which Terraform accepts as a shorthand.
        (None, Some(rest)) => rest.split_once(':').unwrap_or((rest, "")),
        (None, None) => address.split_once('/').unwrap_or((address, "")),
    };
    // An empty subfolder is the repository itself.
    let path = path.strip_suffix("//").unwrap_or(path);
    host.eq_ignore_ascii_case(HOST)
        && path.strip_suffix(".git").unwrap_or(path) == format!("{OWNER}/terraform-aws-{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        for source in [
            "terraform-aws-modules/alb/aws",
            "registry.terraform.io/terraform-aws-modules/alb/aws",
            "Registry.Terraform.io/terraform-aws-modules/alb/aws",
            "registry.opentofu.org/terraform-aws-modules/alb/aws",
            "github.com/terraform-aws-modules/terraform-aws-alb",
            "github.com/terraform-aws-modules/terraform-aws-alb?ref=v9.1.0",
            "git::https://github.com/terraform-aws-modules/terraform-aws-alb.git?ref=v9.1.0",
            "git::https://github.com/terraform-aws-modules/terraform-aws-alb.git//?ref=v9.1.0",
            "git::https://GitHub.com/terraform-aws-modules/terraform-aws-alb?depth=1&ref=v9.1.0",
            "https://github.com/terraform-aws-modules/terraform-aws-alb.git",
            "git::ssh://git@github.com/terraform-aws-modules/terraform-aws-alb.git?ref=master",
            "ssh://github.com/terraform-aws-modules/terraform-aws-alb",
            "git@github.com:terraform-aws-modules/terraform-aws-alb.git",
            "git::git@github.com:terraform-aws-modules/terraform-aws-alb.git?ref=v8.7.0",
        ] {
            assert!(is_public_alb(source), "{source}");
            assert!(!is_public_elb(source), "{source}");
            let classic = source.replace("/alb/", "/elb/").replace("-alb", "-elb");
            assert!(is_public_elb(&classic) && !is_public_alb(&classic), "{classic}");
        }
        for source in [
            "",
            "git::https://evil.example/terraform-aws-modules/terraform-aws-alb.git",
            "git::https://github.com.evil.example/terraform-aws-modules/terraform-aws-alb.git",
            "git::https://evil.example/github.com/terraform-aws-modules/terraform-aws-alb.git",
            "git::https://github.com@evil.example/terraform-aws-modules/terraform-aws-alb.git",
            "git::https://evil.example@github.com/terraform-aws-modules/terraform-aws-alb.git",
            "git::https://github.com:8443/terraform-aws-modules/terraform-aws-alb.git",
            "git::http://github.com/terraform-aws-modules/terraform-aws-alb.git",
            "git::file:///tmp/terraform-aws-modules/terraform-aws-alb",
            "git::https://github.com/acme/terraform-aws-modules/terraform-aws-alb.git",
            "git::https://github.com/terraform-aws-modules/terraform-aws-alb.git.git",
            "git::https://github.com/terraform-aws-modules/terraform-aws-alb/../../acme/alb",
            "git::https://github.com/terraform-aws-modules/terraform-aws-alb.git//modules/lb_trust_store",
            "git::https://github.com/terraform-aws-modules/terraform-aws-alb.git?archive=zip",
            "https://github.com/terraform-aws-modules/terraform-aws-alb/archive/refs/heads/master.zip",
            "git@gitlab.com:terraform-aws-modules/terraform-aws-alb.git",
            "git@github.com:acme/terraform-aws-modules/terraform-aws-alb.git",
            "gitlab.com/terraform-aws-modules/terraform-aws-alb",
            "acme/terraform-aws-modules/terraform-aws-alb",
            "../terraform-aws-modules/terraform-aws-alb",
            "registry.example.com/terraform-aws-modules/alb/aws",
            "registry.terraform.io/acme/alb/aws",
            "terraform-aws-modules/alb/aws//modules/lb_trust_store",
            "terraform-aws-modules/alb/aws?x=y",
            "terraform-aws-modules/alb/azurerm",
        ] {
            assert!(!is_public_alb(source), "{source}");
        }
    }
}
