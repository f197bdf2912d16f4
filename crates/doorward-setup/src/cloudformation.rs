//! CloudFormation: the role for a StackSet, and a stack for the management account, which no service-managed StackSet reaches.

use std::fmt::Write as _;

use doorward_model::{ACCOUNT, Grant, PARTITION};

use super::capability::Role;
use super::{AGAIN, Ask, Document, label, usage};
use crate::exit::Failure;

/// The role's template, and the stack that deploys it to the whole organization.
pub(super) fn documents(role: &Role, ask: &Ask) -> Result<Vec<Document>, Failure> {
    let (path, name) = placed(role)?;
    let template = template(role, ask, &path, &name);
    let organization = organization(role, ask, &path, &name, &template);
    Ok(vec![
        Document { name: role.file("stackset.yaml"), text: template },
        Document { name: role.file("organization.yaml"), text: organization },
    ])
}

/// Path and name of the role, the path with slashes at both ends.
pub(super) fn placed(role: &Role) -> Result<(String, String), Failure> {
    let Some(name) = &role.name else {
        let capability = label(role.capability);
        return Err(usage(&format!(
            "--for {capability}: the base identity does that itself; `doorward setup iam --for {capability}` prints its policy"
        )));
    };
    if name.contains(ACCOUNT) {
        return Err(usage(&format!(
            "the role name {name:?} holds the account's id, which a template cannot put there; say --role-name NAME"
        )));
    }
    let (path, name) =
        name.rsplit_once('/').map_or(("/".to_owned(), name.as_str()), |(path, name)| (format!("/{path}/"), name));
    Ok((path, name.to_owned()))
}

fn template(role: &Role, ask: &Ask, path: &str, name: &str) -> String {
    format!(
        r#"# {AGAIN}
# Deploy as a service-managed StackSet to every account. Service-managed StackSets leave the management account out:
# {organization} deploys both. One Region is enough, because roles are global.
AWSTemplateFormatVersion: "2010-09-09"
Description: The role by which Doorward {purpose}.

Parameters:
{parameters}{rules}
Conditions:
{CONDITIONS}
Resources:
{resource}
Outputs:
  RoleArn:
    Value: !GetAtt Role.Arn
"#,
        rules = rules(ask),
        organization = role.file("organization.yaml"),
        purpose = role.purpose,
        parameters = parameters(role, ask, name),
        resource = resource(role, path, name),
    )
}

const CONDITIONS: &str = r#"  HasExternalId: !Not [!Equals [!Ref ExternalId, ""]]
  HasOrganizationId: !Not [!Equals [!Ref OrganizationId, ""]]
  HasCondition: !Or [!Condition HasExternalId, !Condition HasOrganizationId]
"#;

/// A stack that would trust the caller from anywhere is refused before anything is made.
fn rules(ask: &Ask) -> &'static str {
    if ask.without_organization {
        return "";
    }
    r#"
Rules:
  Admission:
    Assertions:
      - Assert: !Not [!And [!Equals [!Ref ExternalId, ""], !Equals [!Ref OrganizationId, ""]]]
        AssertDescription: Give OrganizationId or ExternalId. Without both, the role would trust the caller under no condition.
"#
}

/// The parameters of both templates; what was asked for is their default.
fn parameters(role: &Role, ask: &Ask, name: &str) -> String {
    let caller = ask.caller_arn.as_ref().map(|arn| format!("    Default: \"{arn}\"\n")).unwrap_or_default();
    let external_id = ask.external_id.as_deref().unwrap_or_default();
    let organization_id = ask.organization_id.as_deref().unwrap_or_default();
    let setting = match role.capability {
        crate::cli::Capability::Scan => " (access.role_name)",
        crate::cli::Capability::Traffic | crate::cli::Capability::Athena | crate::cli::Capability::Metrics => {
            " (traffic.role_name)"
        }
        crate::cli::Capability::Publish => " (publish.role_name)",
        crate::cli::Capability::Change => " (change.role_name)",
        crate::cli::Capability::Notify => "",
    };
    format!(
        r#"  CallerArn:
    Type: String
{caller}    Description: ARN of the base identity (role or user) that runs Doorward.
    AllowedPattern: "^arn:aws[a-z-]*:iam::[0-9]{{12}}:(role|user)/.+$"
  ExternalId:
    Type: String
    Default: "{external_id}"
    Description: External id that the caller has to give. Needed where OrganizationId is empty.
    AllowedPattern: "^([A-Za-z0-9_+=,.@:/-]{{2,1224}})?$"
  OrganizationId:
    Type: String
    Default: "{organization_id}"
    Description: Organization that the caller has to belong to (o-...). Needed where ExternalId is empty.
    AllowedPattern: "^(o-[a-z0-9]{{10,32}})?$"
  RoleName:
    Type: String
    Default: {name}
    Description: Name of the role{setting}.
  MaxSessionDuration:
    Type: Number
    Default: 3600
    MinValue: 3600
    MaxValue: 43200
    Description: Longest session in seconds (at least access.session_duration).
"#
    )
}

fn resource(role: &Role, path: &str, name: &str) -> String {
    let statements = role.grants.iter().fold(String::new(), |mut text, grant| {
        text.push_str(&yaml(grant));
        text
    });
    format!(
        r#"  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Ref RoleName
      Path: {path}
      Description: The role by which Doorward {purpose}
      MaxSessionDuration: !Ref MaxSessionDuration
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              AWS: !Ref CallerArn
            Action: sts:AssumeRole
            Condition: !If
              - HasCondition
              - StringEquals:
                  sts:ExternalId: !If [HasExternalId, !Ref ExternalId, !Ref AWS::NoValue]
                  aws:PrincipalOrgID: !If [HasOrganizationId, !Ref OrganizationId, !Ref AWS::NoValue]
              - !Ref AWS::NoValue
      Policies:
        - PolicyName: {name}
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
{statements}"#,
        purpose = role.purpose,
    )
}

fn yaml(grant: &Grant) -> String {
    let effect = if grant.deny { "Deny" } else { "Allow" };
    let mut text =
        format!("              - Sid: {}\n                Effect: {effect}\n                Action:\n", grant.sid);
    for action in &grant.actions {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "                  - {action}");
    }
    if grant.resources == ["*"] {
        text.push_str("                Resource: \"*\"\n");
    } else {
        text.push_str("                Resource:\n");
        for resource in &grant.resources {
            let here = resource.replace(PARTITION, "${AWS::Partition}").replace(ACCOUNT, "${AWS::AccountId}");
            let sub = if here.contains("${") { "!Sub " } else { "" };
            let _ = writeln!(text, "                  - {sub}\"{here}\"");
        }
    }
    if !grant.conditions.is_empty() {
        text.push_str("                Condition:\n");
    }
    for condition in &grant.conditions {
        let _ = writeln!(text, "                  {}:\n                    {}:", condition.operator, condition.key);
        for value in &condition.values {
            // The account's id is put in here; what begins with `aws:` is put in by IAM.
            let here = match value.contains(ACCOUNT) {
                true => {
                    format!("!Sub \"{}\"", value.replace("${aws:", "${!aws:").replace(ACCOUNT, "${AWS::AccountId}"))
                }
                false => format!("\"{value}\""),
            };
            let _ = writeln!(text, "                      - {here}");
        }
    }
    text
}

/// The StackSet for all accounts but the management account, and the role for that one.
fn organization(role: &Role, ask: &Ask, path: &str, name: &str, template: &str) -> String {
    let body = template.lines().fold(String::new(), |mut text, line| {
        let indent = if line.is_empty() { "" } else { "        " };
        let _ = writeln!(text, "{indent}{line}");
        text
    });
    format!(
        r#"# {AGAIN}
# Deploy as a plain stack in the management account, in one Region, with CAPABILITY_NAMED_IAM. It makes the role there, where
# no service-managed StackSet reaches, and a StackSet that makes it in every other account, also in those that join later.
# From a delegated administrator, deploy {stackset} as a StackSet instead, and as a plain stack in the management account.
AWSTemplateFormatVersion: "2010-09-09"
Description: The role by which Doorward {purpose}, in every account of the organization.

Parameters:
  OrganizationalUnitIds:
    Type: CommaDelimitedList
    Description: The units whose accounts get the role; the root (r-...) for all.
{parameters}{rules}
Conditions:
{CONDITIONS}
Resources:
{resource}
  Members:
    Type: AWS::CloudFormation::StackSet
    Properties:
      StackSetName: !Ref RoleName
      Description: The role by which Doorward {purpose}
      PermissionModel: SERVICE_MANAGED
      AutoDeployment:
        Enabled: true
        RetainStacksOnAccountRemoval: false
      Capabilities:
        - CAPABILITY_NAMED_IAM
      OperationPreferences:
        FailureTolerancePercentage: 100
        MaxConcurrentPercentage: 100
      Parameters:
        - ParameterKey: CallerArn
          ParameterValue: !Ref CallerArn
        - ParameterKey: ExternalId
          ParameterValue: !Ref ExternalId
        - ParameterKey: OrganizationId
          ParameterValue: !Ref OrganizationId
        - ParameterKey: RoleName
          ParameterValue: !Ref RoleName
        - ParameterKey: MaxSessionDuration
          ParameterValue: !Ref MaxSessionDuration
      StackInstancesGroup:
        - DeploymentTargets:
            OrganizationalUnitIds: !Ref OrganizationalUnitIds
          Regions:
            - !Ref AWS::Region
      TemplateBody: |
{body}"#,
        rules = rules(ask),
        stackset = role.file("stackset.yaml"),
        purpose = role.purpose,
        parameters = parameters(role, ask, name),
        resource = resource(role, path, name),
    )
}
