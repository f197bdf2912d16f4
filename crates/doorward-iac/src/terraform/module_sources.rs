//! Modules that are not installed: whether they can create a load balancer, by their source, name and arguments.
//!
//! A module that is on the list of public modules without load balancers, that the settings name, or whose provider has no
//! load balancers of AWS is only counted. One whose source, name or arguments speak of a load balancer is not read. Any other
//! is unknown: it is named in one notice.

use super::module::File;
use super::section::Section;
use super::syntax::Expression;
use crate::{Deployment, ParseOutput, Unexamined, UnexaminedReason, UnreadPart};

pub(crate) mod words;

/// The list of public modules without load balancers.
const WITHOUT: &str = include_str!("module_sources/without_load_balancers.tsv");

/// Registries that serve the same public modules.
const REGISTRIES: [&str; 2] = ["registry.terraform.io", "registry.opentofu.org"];

/// Providers in the address of a registry module that cannot create a load balancer of AWS.
const OTHER_PROVIDERS: [&str; 24] = [
    "alicloud",
    "azure",
    "azuread",
    "azurerm",
    "cloudflare",
    "datadog",
    "digitalocean",
    "github",
    "gitlab",
    "google",
    "hcloud",
    "ibm",
    "linode",
    "mongodbatlas",
    "newrelic",
    "oci",
    "okta",
    "openstack",
    "pagerduty",
    "random",
    "snowflake",
    "template",
    "tfe",
    "vsphere",
];

/// What is known of a module that is not installed.
#[derive(Debug, PartialEq, Eq)]
enum ModuleContent {
    NoLoadBalancer,
    MayBeLoadBalancer,
    OtherResources,
    Unknown,
}

/// Records a call of a module that is not installed. `empty` is the folder of a local module without configuration.
pub(super) fn record(
    address: String,
    (file, section): (&File<'_>, &Section),
    source: Option<&str>,
    empty: Option<&str>,
    deployment: &Deployment,
    output: &mut ParseOutput,
) {
    let place = file.text.place(section.head.clone());
    let reason = match source {
        Some(source) => match content(source, section, file, deployment) {
            ModuleContent::NoLoadBalancer => Some(UnexaminedReason::ModuleWithoutLoadBalancers),
            ModuleContent::OtherResources => Some(UnexaminedReason::ModuleOfOtherResources),
            ModuleContent::Unknown => Some(UnexaminedReason::UnknownModule),
            ModuleContent::MayBeLoadBalancer => None,
        },
        None => None,
    };
    if let (Some(reason), Some(source)) = (reason, source) {
        output.unexamined.push(Unexamined { address, place, reason, detail: source.to_owned() });
        return;
    }
    let because = match empty {
        Some(empty) => format!("The module's folder {empty:?} contains no readable configuration."),
        None => {
            let source = source.unwrap_or("a source that is not a literal");
            format!(
                "The module comes from {source:?}, which is not among the files, and may create a load balancer; run \
                 `terraform init` first, or check the plan. If it creates none, name its source in \
                 check.modules_without_load_balancers."
            )
        }
    };
    output.unread.push(UnreadPart { address, place, because });
}

fn content(source: &str, section: &Section, file: &File<'_>, deployment: &Deployment) -> ModuleContent {
    if deployment.modules_without_load_balancers.iter().any(|pattern| pattern.matches(source)) {
        return ModuleContent::NoLoadBalancer;
    }
    let raw = section.inside.clone().and_then(|inside| file.text.text.get(inside)).unwrap_or_default();
    if crate::signs::of_controller(raw) {
        return ModuleContent::MayBeLoadBalancer;
    }
    if is_listed(source) || is_of_another_provider(source) {
        return ModuleContent::NoLoadBalancer;
    }
    let last = last_part(source);
    // A folder of the same project that is missing is a defect of the project.
    let is_other = words::speaks_of_another(&last);
    if !is_other && (source.starts_with('.') || source.starts_with('/')) {
        return ModuleContent::MayBeLoadBalancer;
    }
    let name = section.labels.first().map(String::as_str).unwrap_or_default();
    let arguments = section.arguments.iter().filter(|argument| !matches!(argument.value, Expression::Null));
    let blocks = section.sections.iter().map(|section| section.name.as_str());
    let inputs: Vec<&str> = arguments.map(|argument| argument.name.as_str()).chain(blocks).collect();
    if may_be(&last, name, &inputs) {
        ModuleContent::MayBeLoadBalancer
    } else if is_other {
        ModuleContent::OtherResources
    } else {
        ModuleContent::Unknown
    }
}

/// Whether the last part of a module's source, its name or its arguments speak of a load balancer.
fn may_be(last: &str, name: &str, inputs: &[&str]) -> bool {
    words::speaks_of_one(last, name) || inputs.iter().any(|input| words::configures_one(input))
}

/// The module of a private registry, `HOST/NAMESPACE/NAME/PROVIDER`: its name and provider.
fn of_private_registry(source: &str) -> Option<(&str, &str)> {
    let address = source.split_once("//").map_or(source, |(address, _)| address);
    match address.split('/').collect::<Vec<_>>().as_slice() {
        [host, _, name, provider] if host.contains('.') && !host.contains(':') && !host.starts_with('.') => {
            let is_repository = ["github.com", "bitbucket.org"].iter().any(|known| known.eq_ignore_ascii_case(host));
            (!is_repository && !provider.contains('.')).then_some((name, provider))
        }
        _ => None,
    }
}

/// The last part of a source: the folder within the repository, or the name of the module. The owner and the host of a module
/// say nothing about it.
fn last_part(source: &str) -> String {
    let path = source.split('?').next().unwrap_or_default();
    if let Some((name, _)) = of_private_registry(path) {
        // The folder within the module decides, unless the module as a whole is one for load balancers.
        return match path.split_once("//").filter(|_| !words::names_one(name)) {
            Some((_, below)) => below.to_owned(),
            None => name.to_owned(),
        };
    }
    let repository = path.trim_end_matches('/').trim_end_matches(".git");
    let without_scheme = repository.split_once("://").map_or(repository, |(_, rest)| rest);
    match without_scheme.split_once("//") {
        Some((_, below)) if !below.is_empty() && registry_address(source).is_none() => below.to_owned(),
        Some((repository, "")) => repository.rsplit('/').next().unwrap_or_default().to_owned(),
        _ => registry_address(source).map_or_else(
            || repository.rsplit('/').next().unwrap_or_default().to_owned(),
            |(address, below)| format!("{} {below}", address.split('/').nth(1).unwrap_or_default()),
        ),
    }
}

/// Whether a source is on the list of public modules without load balancers.
fn is_listed(source: &str) -> bool {
    let Some((address, below)) = registry_address(source).or_else(|| repository(source)) else { return false };
    WITHOUT.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('\t').next()).any(|listed| {
        match listed.split_once("//") {
            None => listed == address,
            Some((listed, part)) => listed == address && part == below,
        }
    })
}

fn is_of_another_provider(source: &str) -> bool {
    if let Some((_, provider)) = of_private_registry(source) {
        return OTHER_PROVIDERS.contains(&provider);
    }
    let address = registry_address(source);
    address.is_some_and(|(address, _)| {
        address.rsplit('/').next().is_some_and(|provider| OTHER_PROVIDERS.contains(&provider))
    })
}

/// The registry address `NAMESPACE/NAME/PROVIDER` of a source, and the folder below it. The repository
/// `github.com/NAMESPACE/terraform-PROVIDER-NAME` is that of the registry address.
fn registry_address(source: &str) -> Option<(String, String)> {
    let path = source.split('?').next()?;
    let of_registry = |path: &str| {
        let (address, below) = path.split_once("//").unwrap_or((path, ""));
        let mut parts: Vec<&str> = address.split('/').collect();
        if parts.len() == 4 && REGISTRIES.iter().any(|host| host.eq_ignore_ascii_case(parts[0])) {
            parts.remove(0);
        }
        let is_plain =
            |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        (parts.len() == 3 && parts.iter().all(is_plain)).then(|| (parts.join("/"), below.to_owned()))
    };
    if let Some(found) = of_registry(path) {
        return Some(found);
    }
    let (repository, below) = repository(source)?;
    let (owner, name) = repository.strip_prefix("github.com/")?.split_once('/')?;
    let (provider, name) = name.strip_prefix("terraform-")?.split_once('-')?;
    of_registry(&format!("{owner}/{name}/{provider}")).map(|(address, _)| (address, below))
}

/// The repository `github.com/OWNER/NAME` of a source, and the folder below it.
fn repository(source: &str) -> Option<(String, String)> {
    let path = source.split('?').next()?;
    let address = path.strip_prefix("git::").unwrap_or(path);
    let web = ["https://", "ssh://git@", "ssh://"].iter().find_map(|scheme| address.strip_prefix(scheme));
    let (host, rest) = match (web, address.strip_prefix("git@")) {
        (Some(rest), _) => rest.split_once('/')?,
        (None, Some(rest)) => rest.split_once(':')?,
        (None, None) => address.split_once('/')?,
    };
    if !host.eq_ignore_ascii_case("github.com") {
        return None;
    }
    let (repository, below) = rest.split_once("//").unwrap_or((rest, ""));
    let (owner, name) = repository.split_once('/').filter(|(_, name)| !name.contains('/'))?;
    let name = name.strip_suffix(".git").unwrap_or(name);
    Some((format!("github.com/{owner}/{name}"), below.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_sources() {
        for source in [
            "terraform-aws-modules/vpc/aws",
            "registry.terraform.io/terraform-aws-modules/vpc/aws",
            "registry.opentofu.org/terraform-aws-modules/iam/aws//modules/iam-role",
            "git::https://github.com/terraform-aws-modules/terraform-aws-vpc.git?ref=v5.0.0",
            "git::ssh://git@github.com/cloudposse/terraform-null-label.git?ref=0.25.0",
            "git@github.com:terraform-aws-modules/terraform-aws-security-group.git",
            "github.com/terraform-aws-modules/terraform-aws-iam//modules/iam-policy?ref=v5",
            "terraform-aws-modules/ecs/aws",
            "terraform-aws-modules/ecs/aws//modules/service",
            "github.com/cds-snc/terraform-modules//ecs?ref=v1",
            "git::https://github.com/cds-snc/terraform-modules.git//S3?ref=v1",
        ] {
            assert!(is_listed(source), "{source}");
        }
        for source in [
            "terraform-aws-modules/alb/aws",
            "terraform-aws-modules/atlantis/aws",
            "terraform-aws-modules/ecs/aws//modules/express-service",
            "cloudposse/alb/aws",
            "acme/vpc/aws",
            "registry.example.com/terraform-aws-modules/vpc/aws",
            "git::https://evil.example/terraform-aws-modules/terraform-aws-vpc.git",
            "git::https://github.com.evil.example/terraform-aws-modules/terraform-aws-vpc.git",
            "./terraform-aws-modules/vpc/aws",
            "terraform-aws-modules/vpc/aws/extra",
            "github.com/acme/terraform-modules//ecs",
            "git::https://evil.example/github.com/cds-snc/terraform-modules//ecs",
            "",
        ] {
            assert!(!is_listed(source), "{source}");
        }
        for line in WITHOUT.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            assert!(
                fields.len() == 4
                    && fields[2].len() == 40
                    && registry_address(fields[0]).or(repository(fields[0])).is_some(),
                "{line}"
            );
        }
        assert!(is_of_another_provider("terraform-google-modules/network/google"));
        assert!(is_of_another_provider("app.terraform.io/acme/lb/azurerm"));
        assert!(!is_of_another_provider("acme/network/aws"));
    }

    #[test]
    fn signs_of_a_load_balancer() {
        for (source, name, inputs, expected) in [
            ("cloudposse/alb/aws", "x", &[][..], true),
            ("acme/loadbalancer/aws", "x", &[], true),
            ("acme/load-balancer/aws", "x", &[], true),
            ("git::https://git.example/infra/terraform-aws-ecs-web-app.git?ref=1", "x", &[], true),
            ("git::https://git.example/modules.git//elb/public?ref=1", "x", &[], true),
            ("app.terraform.io/acme/alb/aws", "x", &[], true),
            ("app.terraform.io/acme/alb/aws//modules/x", "x", &[], true),
            ("registry.example.com/acme/kms/aws//modules/key", "x", &[], false),
            ("app.terraform.io/acme/infrastructure-sensitive/acme//modules/variables", "x", &[], false),
            ("acme/x/aws", "public_alb", &[], true),
            ("acme/x/aws", "website", &[], true),
            ("acme/x/aws", "x", &["load_balancer_type"], true),
            ("acme/x/aws", "x", &["desync_mitigation_mode"], true),
            ("acme/x/aws", "x", &["alb_subnets"], true),
            ("acme/x/aws", "x", &["create_lb"], true),
            ("acme/x/aws", "x", &["https_listeners"], true),
            ("acme/x/aws", "x", &[], false),
            ("acme/x/aws", "x", &["alb_arn", "lb_security_group_id", "vpc_id", "subnet_ids"], false),
            ("acme/security-group/aws", "alb_sg", &[], false),
            ("acme/s3-bucket/aws", "alb_logs", &["bucket"], false),
            ("acme/iam-role/aws", "app_role", &[], false),
            ("git::https://git.alb.example/elb-team/terraform-aws-kms.git", "keys", &[], false),
            ("acme/route53-record/aws", "alb_dns", &["alb_dns_name", "alb_zone_id"], false),
        ] {
            assert_eq!(may_be(&last_part(source), name, inputs), expected, "{source} {name} {inputs:?}");
        }
    }
}
