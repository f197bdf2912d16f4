//! AWS Config: managed rules as a conformance pack, for one account or for the whole organization.
//!
//! AWS Config evaluates only the resources that it records, and does not offer every rule in every Region. A scan has neither limit.

use std::fmt::Write as _;

use doorward_model::{AccountId, Mode, Region};
use doorward_sink_securityhub::{
    ConfigRuleOffer, config_rule_list_date, config_rule_offer, regions_with_disputed_config_rule,
    regions_without_config_rule,
};

use crate::{GENERATED_BY, GeneratedFile, SetupError};

/// The managed rule that AWS Config does not offer in every Region.
pub const ALB_MODE_RULE: &str = "ALB_DESYNC_MODE_CHECK";

const ALB: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const CLASSIC: &str = "AWS::ElasticLoadBalancing::LoadBalancer";

/// Where a pack is deployed, and the mode that it requires.
#[derive(Debug, Clone)]
pub struct PackRequest {
    /// `policy.required_mode`
    pub required_mode: Mode,
    /// The Regions for which deployment commands are written.
    pub regions: Vec<Region>,
    /// Accounts of the organization that do not get the pack.
    pub excluded_accounts: Vec<AccountId>,
}

/// A managed rule.
struct ManagedRule {
    resource: &'static str,
    name: &'static str,
    identifier: &'static str,
    description: &'static str,
    resource_types: &'static [&'static str],
    /// Whether its parameter `desyncMode` lists the modes that pass.
    takes_modes: bool,
}

const RULES: [ManagedRule; 4] = [
    ManagedRule {
        resource: "ApplicationMode",
        name: "doorward-alb-desync-mode",
        identifier: ALB_MODE_RULE,
        description: "Application load balancers run in a desync mitigation mode that policy accepts.",
        resource_types: &[ALB],
        takes_modes: true,
    },
    ManagedRule {
        resource: "ClassicMode",
        name: "doorward-clb-desync-mode",
        identifier: "CLB_DESYNC_MODE_CHECK",
        description: "Classic load balancers run in a desync mitigation mode that policy accepts.",
        resource_types: &[CLASSIC],
        takes_modes: true,
    },
    ManagedRule {
        resource: "InvalidHeaders",
        name: "doorward-alb-drop-invalid-headers",
        identifier: "ALB_HTTP_DROP_INVALID_HEADER_ENABLED",
        description: "Application load balancers drop invalid header fields.",
        resource_types: &[ALB],
        takes_modes: false,
    },
    ManagedRule {
        resource: "AccessLogs",
        name: "doorward-elb-logging",
        identifier: "ELB_LOGGING_ENABLED",
        description: "Application and classic load balancers write access logs.",
        resource_types: &[ALB, CLASSIC],
        takes_modes: false,
    },
];

/// What to know before a pack is deployed to a Region in which AWS Config does not offer [`ALB_MODE_RULE`], or may not.
pub fn alb_rule_notice(region: &Region) -> Option<String> {
    let (date, rule) = (config_rule_list_date(), ALB_MODE_RULE);
    match config_rule_offer(region) {
        ConfigRuleOffer::Offered => None,
        ConfigRuleOffer::NotOffered => Some(format!(
            "{region}: AWS Config does not offer {rule} in this Region (as of {date}); a scan still reads the Region"
        )),
        ConfigRuleOffer::Unknown => Some(format!(
            "{region}: it is not known whether AWS Config offers {rule} in this Region (as of {date}); without the \
             rule, the pack is not deployed there. Check AWS's documentation of the rule first. A scan still reads \
             the Region"
        )),
    }
}

/// The pack, which is also a valid stack for one account, and the stack that deploys it to every account of the organization.
///
/// # Errors
/// The required mode is one that every load balancer satisfies.
pub fn conformance_pack(request: &PackRequest) -> Result<Vec<GeneratedFile>, SetupError> {
    let pack = pack(passing_modes(request.required_mode)?);
    let name = "desync.conformance-pack.organization.yaml";
    let organization = organization(request, name, &pack);
    Ok(vec![
        GeneratedFile { name: "desync.conformance-pack.yaml".to_owned(), text: pack },
        GeneratedFile { name: name.to_owned(), text: organization },
    ])
}

/// The modes that satisfy the required one, as the rules' parameter lists them.
fn passing_modes(required: Mode) -> Result<&'static str, SetupError> {
    match required {
        Mode::Defensive => Ok("defensive,strictest"),
        Mode::Strictest => Ok("strictest"),
        Mode::Monitor => Err(SetupError::NothingToCheck),
    }
}

fn pack(modes: &str) -> String {
    // Writing to a string cannot fail.
    let mut text = format!(
        "# {GENERATED_BY}\n# A conformance pack about the desync mitigation mode. For some accounts only, or with some of its rules, deploy this file as\n# a stack or StackSet. As of {}, AWS does not offer {ALB_MODE_RULE} in\n# {}: a pack is deployed there without that rule or not at all.\n# Its documentation differs about {}, and about Regions that are newer it is not known: check before you deploy.\nResources:\n",
        config_rule_list_date(),
        regions_without_config_rule().join(", "),
        regions_with_disputed_config_rule().join(", ")
    );
    for rule in &RULES {
        let _ = write!(
            text,
            "  {}:\n    Type: AWS::Config::ConfigRule\n    Properties:\n      ConfigRuleName: {}\n      Description: {}\n      Scope:\n        ComplianceResourceTypes:\n",
            rule.resource, rule.name, rule.description
        );
        for resource_type in rule.resource_types {
            let _ = writeln!(text, "          - {resource_type}");
        }
        let _ = writeln!(text, "      Source:\n        Owner: AWS\n        SourceIdentifier: {}", rule.identifier);
        if rule.takes_modes {
            let _ = writeln!(text, "      InputParameters:\n        desyncMode: {modes}");
        }
    }
    text
}

fn organization(request: &PackRequest, file_name: &str, pack: &str) -> String {
    let mut commands = String::new();
    for region in &request.regions {
        let _ = writeln!(
            commands,
            "#   aws cloudformation deploy --region {region} --stack-name doorward-config --template-file {file_name}"
        );
    }
    if commands.is_empty() {
        commands.push_str("# AWS Config is Regional: deploy to every Region in which it records load balancers.\n");
    }
    let mut excluded = String::new();
    for (index, account) in request.excluded_accounts.iter().enumerate() {
        let key = if index == 0 { "      ExcludedAccounts:\n" } else { "" };
        let _ = writeln!(excluded, "{key}        - \"{account}\"");
    }
    let offered = regions_without_config_rule()
        .iter()
        .map(|region| format!("    - !Not [!Equals [!Ref AWS::Region, {region}]]\n"));
    let body = pack.lines().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "        {line}");
        text
    });
    format!(
        r#"# {GENERATED_BY}
# The conformance pack in every account. Deploy from the management account or from a delegated administrator for
# config-multiaccountsetup.amazonaws.com.
{commands}AWSTemplateFormatVersion: "2010-09-09"
Description: A conformance pack about the desync mitigation mode, in every account of the organization.

Conditions:
  # AWS does not offer {ALB_MODE_RULE} in these Regions, as of {date}.
  Offered: !And
{offered}
Resources:
  Pack:
    Type: AWS::Config::OrganizationConformancePack
    Condition: Offered
    Properties:
      OrganizationConformancePackName: doorward-desync
{excluded}      TemplateBody: |
{body}
Outputs:
  Pack:
    Value: !If [Offered, deployed, NOT DEPLOYED because AWS Config does not offer {ALB_MODE_RULE} in this Region]
"#,
        offered = offered.collect::<String>(),
        date = config_rule_list_date(),
    )
}
