//! Terraform: the role of one account.

use std::fmt::Write as _;

use doorward_model::{ACCOUNT, Grant, PARTITION};

use crate::{GENERATED_BY, GeneratedFile, Role, RoleRequest, SetupError};

/// The role's file.
///
/// # Errors
/// The purpose has no role, or a name that a file cannot contain.
pub fn terraform(role: &Role, request: &RoleRequest) -> Result<Vec<GeneratedFile>, SetupError> {
    let (path, name) = role.path_and_name()?;
    Ok(vec![GeneratedFile { name: role.file_name("tf"), text: file(role, request, &path, &name) }])
}

fn file(role: &Role, request: &RoleRequest, path: &str, name: &str) -> String {
    let own = format!("doorward_{}", role.purpose);
    let or_null = |value: Option<&str>| value.map_or_else(|| "null".to_owned(), |v| format!("\"{v}\""));
    let caller = request.caller_arn.as_ref().map(|arn| format!("\n  default     = \"{arn}\"")).unwrap_or_default();
    let values = |grant: &Grant| -> Vec<String> {
        let conditions = grant.conditions.iter().flat_map(|condition| condition.values.clone());
        grant.resources.iter().cloned().chain(conditions).collect()
    };
    let texts: Vec<String> = role.grants.iter().flat_map(values).collect();
    let mut data = String::new();
    for (part, source) in [(PARTITION, "aws_partition"), (ACCOUNT, "aws_caller_identity")] {
        if texts.iter().any(|text| text.contains(part)) {
            // Writing to a string cannot fail.
            let _ = writeln!(data, "data \"{source}\" \"current\" {{}}\n");
        }
    }
    let statements = role.grants.iter().map(statement).collect::<Vec<_>>().join("\n");
    format!(
        r#"# {GENERATED_BY}
# The role with which Doorward {purpose}. Apply it in every account, including the management account.

variable "caller_arn" {{
  description = "ARN of the base identity (role or user) that runs Doorward."
  type        = string{caller}
}}

variable "external_id" {{
  description = "External id that the caller must pass. Required if organization_id is null."
  type        = string
  default     = {external_id}
}}

variable "organization_id" {{
  description = "Organization to which the caller must belong (o-...). Required if external_id is null."
  type        = string
  default     = {organization_id}
}}

variable "role_name" {{
  description = "Name of the role."
  type        = string
  default     = "{name}"
}}

variable "max_session_duration" {{
  description = "Longest session in seconds (at least access.session_duration)."
  type        = number
  default     = 3600
}}

{data}data "aws_iam_policy_document" "{own}_trust" {{
  statement {{
    actions = ["sts:AssumeRole"]

    principals {{
      type        = "AWS"
      identifiers = [var.caller_arn]
    }}

    dynamic "condition" {{
      for_each = var.external_id == null ? [] : [var.external_id]
      content {{
        test     = "StringEquals"
        variable = "sts:ExternalId"
        values   = [condition.value]
      }}
    }}

    dynamic "condition" {{
      for_each = var.organization_id == null ? [] : [var.organization_id]
      content {{
        test     = "StringEquals"
        variable = "aws:PrincipalOrgID"
        values   = [condition.value]
      }}
    }}
  }}
}}

data "aws_iam_policy_document" "{own}" {{
{statements}}}

resource "aws_iam_role" "{own}" {{
  name                 = var.role_name
  path                 = "{path}"
  description          = "The role with which Doorward {purpose}"
  assume_role_policy   = data.aws_iam_policy_document.{own}_trust.json
  max_session_duration = var.max_session_duration
{admission}}}

resource "aws_iam_role_policy" "{own}" {{
  name   = "{name}"
  role   = aws_iam_role.{own}.id
  policy = data.aws_iam_policy_document.{own}.json
}}

output "role_arn" {{
  value = aws_iam_role.{own}.arn
}}
"#,
        admission = admission_precondition(request),
        purpose = role.purpose.description(),
        external_id = or_null(request.external_id()),
        organization_id = or_null(request.organization_id.as_deref()),
    )
}

/// Lets Terraform refuse a role that would trust the caller under no condition.
fn admission_precondition(request: &RoleRequest) -> &'static str {
    if request.without_organization {
        return "";
    }
    r#"
  lifecycle {
    precondition {
      condition     = var.external_id != null || var.organization_id != null
      error_message = "Set organization_id or external_id. Without either, the role would trust the caller unconditionally."
    }
  }
"#
}

fn statement(grant: &Grant) -> String {
    let list = |texts: Vec<String>| texts.iter().fold(String::new(), |text, one| text + &format!("      \"{one}\",\n"));
    // IAM fills in the variables that begin with `aws:`; for Terraform they are escaped.
    let here = |text: &String| {
        text.replace("${aws:", "$${aws:")
            .replace(PARTITION, "${data.aws_partition.current.partition}")
            .replace(ACCOUNT, "${data.aws_caller_identity.current.account_id}")
    };
    let resources = if grant.resources == ["*"] {
        "    resources = [\"*\"]\n".to_owned()
    } else {
        format!("    resources = [\n{}    ]\n", list(grant.resources.iter().map(here).collect()))
    };
    let conditions = grant.conditions.iter().fold(String::new(), |mut text, condition| {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n    condition {{\n      test     = \"{}\"\n      variable = \"{}\"\n      values   = [{}]\n    }}\n",
            condition.operator,
            condition.key,
            condition.values.iter().map(|value| format!("\"{}\"", here(value))).collect::<Vec<_>>().join(", ")
        );
        text
    });
    let effect = if grant.deny { "    effect = \"Deny\"\n" } else { "" };
    let actions = grant.actions.iter().map(|action| (*action).to_owned()).collect();
    format!(
        "  statement {{\n    sid = \"{}\"\n{effect}    actions = [\n{}    ]\n{resources}{conditions}  }}\n",
        grant.sid,
        list(actions)
    )
}
