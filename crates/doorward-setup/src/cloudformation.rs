//! CloudFormation: the role for a StackSet, and a stack for the management account, which service-managed StackSets do not reach.

use std::fmt::Write as _;

use doorward_model::{ACCOUNT, Grant, PARTITION};

use crate::{GENERATED_BY, GeneratedFile, Role, RoleRequest, SetupError};

/// The template of the role for a StackSet, and the stack that deploys it to the whole organization.
///
/// # Errors
/// The purpose has no role, or a name that a template cannot contain.
pub fn stackset(role: &Role, request: &RoleRequest) -> Result<Vec<GeneratedFile>, SetupError> {
    let (path, name) = role.path_and_name()?;
    let template = template(role, request, &path, &name);
    let organization = organization(role, request, &path, &name, &template);
    Ok(vec![
        GeneratedFile { name: role.file_name("stackset.yaml"), text: template },
        GeneratedFile { name: role.file_name("organization.yaml"), text: organization },
    ])
}

fn template(role: &Role, request: &RoleRequest, path: &str, name: &str) -> String {
    format!(
        r#"# {GENERATED_BY}
# Deploy as a service-managed StackSet to every account, in one Region, because roles are global. Service-managed StackSets do
# not deploy to the management account; {organization} deploys to all accounts.
AWSTemplateFormatVersion: "2010-09-09"
Description: The role with which Doorward {purpose}.

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
        rules = admission_rule(request),
        organization = role.file_name("organization.yaml"),
        purpose = role.purpose.description(),
        parameters = parameters(role, request, name),
        resource = role_resource(role, path, name),
    )
}

const CONDITIONS: &str = r#"  HasExternalId: !Not [!Equals [!Ref ExternalId, ""]]
  HasOrganizationId: !Not [!Equals [!Ref OrganizationId, ""]]
  HasCondition: !Or [!Condition HasExternalId, !Condition HasOrganizationId]
"#;

/// Lets CloudFormation refuse a stack whose role would trust the caller under no condition, before it creates a resource.
fn admission_rule(request: &RoleRequest) -> &'static str {
    if request.without_organization {
        return "";
    }
    r#"
Rules:
  Admission:
    Assertions:
      - Assert: !Not [!And [!Equals [!Ref ExternalId, ""], !Equals [!Ref OrganizationId, ""]]]
        AssertDescription: Set OrganizationId or ExternalId. Without either, the role would trust the caller unconditionally.
"#
}

/// The parameters of both templates, with the values of the request as defaults.
fn parameters(role: &Role, request: &RoleRequest, name: &str) -> String {
    let caller = request.caller_arn.as_ref().map(|arn| format!("    Default: \"{arn}\"\n")).unwrap_or_default();
    let external_id = request.external_id().unwrap_or_default();
    let organization_id = request.organization_id.as_deref().unwrap_or_default();
    let setting = role.purpose.role_setting().map(|key| format!(" ({key})")).unwrap_or_default();
    format!(
        r#"  CallerArn:
    Type: String
{caller}    Description: ARN of the base identity (role or user) that runs Doorward.
    AllowedPattern: "^arn:aws[a-z-]*:iam::[0-9]{{12}}:(role|user)/.+$"
  ExternalId:
    Type: String
    Default: "{external_id}"
    Description: External id that the caller must pass. Required if OrganizationId is empty.
    AllowedPattern: "^([A-Za-z0-9_+=,.@:/-]{{2,1224}})?$"
  OrganizationId:
    Type: String
    Default: "{organization_id}"
    Description: Organization to which the caller must belong (o-...). Required if ExternalId is empty.
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

fn role_resource(role: &Role, path: &str, name: &str) -> String {
    let statements = role.grants.iter().fold(String::new(), |mut text, grant| {
        text.push_str(&statement(grant));
        text
    });
    format!(
        r#"  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Ref RoleName
      Path: {path}
      Description: The role with which Doorward {purpose}
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
        purpose = role.purpose.description(),
    )
}

pub(crate) fn statement(grant: &Grant) -> String {
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
            // CloudFormation fills in the account id, IAM the variables that begin with `aws:`.
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

/// The role of the management account, and the StackSet for all other accounts.
fn organization(role: &Role, request: &RoleRequest, path: &str, name: &str, template: &str) -> String {
    let body = template.lines().fold(String::new(), |mut text, line| {
        let indent = if line.is_empty() { "" } else { "        " };
        let _ = writeln!(text, "{indent}{line}");
        text
    });
    format!(
        r#"# {GENERATED_BY}
# Deploy as a stack in the management account, in one Region, with CAPABILITY_NAMED_IAM. It creates the role in that account,
# which service-managed StackSets do not reach, and a StackSet that creates it in every other account, including those that join
# later. From a delegated administrator, deploy {stackset} as a StackSet, and as a stack in the management account.
AWSTemplateFormatVersion: "2010-09-09"
Description: The role with which Doorward {purpose}, in every account of the organization.

Parameters:
  OrganizationalUnitIds:
    Type: CommaDelimitedList
    Description: The organizational units (OUs) whose accounts get the role; the root (r-...) for all accounts.
{parameters}{rules}
Conditions:
{CONDITIONS}
Resources:
{resource}
  Members:
    Type: AWS::CloudFormation::StackSet
    Properties:
      StackSetName: !Ref RoleName
      Description: The role with which Doorward {purpose}
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
        rules = admission_rule(request),
        stackset = role.file_name("stackset.yaml"),
        purpose = role.purpose.description(),
        parameters = parameters(role, request, name),
        resource = role_resource(role, path, name),
    )
}
