//! AWS Config for the whole organization: managed rules, one by one or as a conformance pack.
//!
//! Config looks only where it is switched on, and AWS does not offer every rule in every Region; Doorward looks everywhere.

use std::fmt::Write as _;

use doorward_model::{Mode, Region};
use doorward_sink_securityhub::WITHOUT_CONFIG_RULE;

use super::{AGAIN, Document, usage};
use crate::cli::SetupRules;
use crate::exit::Failure;

/// The rule about application load balancers.
pub(super) const APPLICATION: &str = "ALB_DESYNC_MODE_CHECK";

const ALB: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const CLASSIC: &str = "AWS::ElasticLoadBalancing::LoadBalancer";

/// A managed rule.
struct Rule {
    resource: &'static str,
    name: &'static str,
    identifier: &'static str,
    says: &'static str,
    kinds: &'static [&'static str],
    /// Whether it takes the modes that pass.
    moded: bool,
}

const RULES: [Rule; 4] = [
    Rule {
        resource: "ApplicationMode",
        name: "doorward-alb-desync-mode",
        identifier: APPLICATION,
        says: "Application load balancers run in a desync mitigation mode that policy accepts.",
        kinds: &[ALB],
        moded: true,
    },
    Rule {
        resource: "ClassicMode",
        name: "doorward-clb-desync-mode",
        identifier: "CLB_DESYNC_MODE_CHECK",
        says: "Classic load balancers run in a desync mitigation mode that policy accepts.",
        kinds: &[CLASSIC],
        moded: true,
    },
    Rule {
        resource: "InvalidHeaders",
        name: "doorward-alb-drop-invalid-headers",
        identifier: "ALB_HTTP_DROP_INVALID_HEADER_ENABLED",
        says: "Application load balancers drop invalid header fields.",
        kinds: &[ALB],
        moded: false,
    },
    Rule {
        resource: "AccessLogs",
        name: "doorward-elb-logging",
        identifier: "ELB_LOGGING_ENABLED",
        says: "Application and classic load balancers write access logs.",
        kinds: &[ALB, CLASSIC],
        moded: false,
    },
];

/// The modes that pass where one is required, as the rules take them.
pub(super) fn modes(required: Mode) -> Result<&'static str, Failure> {
    match required {
        Mode::Defensive => Ok("defensive,strictest"),
        Mode::Strictest => Ok("strictest"),
        Mode::Monitor => Err(usage(
            "policy.required_mode is monitor, which every load balancer satisfies: a rule would never say anything",
        )),
    }
}

/// Whether AWS offers no rule about application load balancers in a Region.
pub(super) fn is_missing_in(region: &Region) -> bool {
    WITHOUT_CONFIG_RULE.contains(&region.as_str())
}

fn offered() -> String {
    let each = WITHOUT_CONFIG_RULE.map(|region| format!("    - !Not [!Equals [!Ref AWS::Region, {region}]]\n"));
    format!("  # AWS does not offer {APPLICATION} in these Regions.\n  Offered: !And\n{}", each.concat())
}

/// As a list of a property, empty without accounts.
fn excluded(arguments: &SetupRules, indent: &str) -> String {
    if arguments.excluded.is_empty() {
        return String::new();
    }
    arguments.excluded.iter().fold(format!("{indent}ExcludedAccounts:\n"), |mut text, account| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{indent}  - \"{account}\"");
        text
    })
}

fn where_to(arguments: &SetupRules, file: &str) -> String {
    if arguments.regions.is_empty() {
        return "# Config is Regional: deploy it to every Region in which Config records load balancers.\n".to_owned();
    }
    arguments.regions.iter().fold(String::new(), |mut text, region| {
        let _ = writeln!(
            text,
            "#   aws cloudformation deploy --region {region} --stack-name doorward-config --template-file {file}"
        );
        text
    })
}

/// The rules of the desync mode, each as a rule of the organization.
pub(super) fn organization(arguments: &SetupRules, modes: &str) -> Vec<Document> {
    let name = "desync.config-rules.yaml";
    let mut resources = String::new();
    for rule in RULES.iter().filter(|rule| rule.moded) {
        let condition = if rule.identifier == APPLICATION { "    Condition: Offered\n" } else { "" };
        let _ = write!(
            resources,
            r#"  {resource}:
    Type: AWS::Config::OrganizationConfigRule
{condition}    Properties:
      OrganizationConfigRuleName: {name}
{excluded}      OrganizationManagedRuleMetadata:
        Description: {says}
        RuleIdentifier: {identifier}
        InputParameters: '{{"desyncMode":"{modes}"}}'
        ResourceTypesScope:
{kinds}"#,
            resource = rule.resource,
            name = rule.name,
            excluded = excluded(arguments, "      "),
            says = rule.says,
            identifier = rule.identifier,
            kinds = rule.kinds.iter().map(|kind| format!("          - {kind}\n")).collect::<String>(),
        );
    }
    let text = format!(
        r#"# {AGAIN}
# AWS Config rules of the whole organization. Deploy from the management account or from a delegated administrator for
# config-multiaccountsetup.amazonaws.com. A load balancer that Config does not record is not looked at.
{where_to}AWSTemplateFormatVersion: "2010-09-09"
Description: AWS Config rules on the desync mitigation mode, in every account of the organization.

Conditions:
{offered}
Resources:
{resources}
Outputs:
  ApplicationLoadBalancers:
    Value: !If [Offered, checked by {APPLICATION}, NOT CHECKED because AWS Config does not offer {APPLICATION} in this Region]
"#,
        where_to = where_to(arguments, name),
        offered = offered(),
    );
    vec![Document { name: name.to_owned(), text }]
}

/// All rules as a conformance pack, and the stack that puts it into every account.
pub(super) fn pack(arguments: &SetupRules, modes: &str) -> Vec<Document> {
    let mut body = format!(
        "# {AGAIN}\n# A conformance pack: the desync mitigation mode and what belongs to it. Not for {}: AWS does not offer\n# {APPLICATION} there, and a pack is deployed whole or not at all.\nResources:\n",
        WITHOUT_CONFIG_RULE.join(", ")
    );
    for rule in &RULES {
        let _ = write!(
            body,
            "  {}:\n    Type: AWS::Config::ConfigRule\n    Properties:\n      ConfigRuleName: {}\n      Description: {}\n      Scope:\n        ComplianceResourceTypes:\n",
            rule.resource, rule.name, rule.says
        );
        for kind in rule.kinds {
            let _ = writeln!(body, "          - {kind}");
        }
        let _ = writeln!(body, "      Source:\n        Owner: AWS\n        SourceIdentifier: {}", rule.identifier);
        if rule.moded {
            let _ = writeln!(body, "      InputParameters:\n        desyncMode: {modes}");
        }
    }
    let file = "desync.conformance-pack.organization.yaml";
    let inner = body.lines().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "        {line}");
        text
    });
    let wrapper = format!(
        r#"# {AGAIN}
# The conformance pack in every account. Deploy from the management account or from a delegated administrator for
# config-multiaccountsetup.amazonaws.com.
{where_to}AWSTemplateFormatVersion: "2010-09-09"
Description: A conformance pack on the desync mitigation mode, in every account of the organization.

Conditions:
{offered}
Resources:
  Pack:
    Type: AWS::Config::OrganizationConformancePack
    Condition: Offered
    Properties:
      OrganizationConformancePackName: doorward-desync
{excluded}      TemplateBody: |
{inner}
Outputs:
  Pack:
    Value: !If [Offered, deployed, NOT DEPLOYED because AWS Config does not offer {APPLICATION} in this Region]
"#,
        where_to = where_to(arguments, file),
        offered = offered(),
        excluded = excluded(arguments, "      "),
    );
    vec![
        Document { name: "desync.conformance-pack.yaml".to_owned(), text: body },
        Document { name: file.to_owned(), text: wrapper },
    ]
}
