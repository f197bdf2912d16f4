//! Terraform: the role of one account.

use std::fmt::Write as _;

use doorward_model::{ACCOUNT, Grant, PARTITION};

use super::capability::Role;
use super::cloudformation::placed;
use super::{AGAIN, Ask, Document, label};
use crate::exit::Failure;

/// The role's file.
pub(super) fn documents(role: &Role, ask: &Ask) -> Result<Vec<Document>, Failure> {
    let (path, name) = placed(role)?;
    Ok(vec![Document { name: role.file("tf"), text: file(role, ask, &path, &name) }])
}

fn file(role: &Role, ask: &Ask, path: &str, name: &str) -> String {
    let own = format!("doorward_{}", label(role.capability));
    let or_null = |value: &Option<String>| value.as_ref().map_or_else(|| "null".to_owned(), |v| format!("\"{v}\""));
    let caller = ask.caller_arn.as_ref().map(|arn| format!("\n  default     = \"{arn}\"")).unwrap_or_default();
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
        r#"# {AGAIN}
# The role by which Doorward {purpose}. Apply it in every account, the management account included.

variable "caller_arn" {{
  description = "ARN of the base identity (role or user) that runs Doorward."
  type        = string{caller}
}}

variable "external_id" {{
  description = "External id that the caller has to give. Needed where organization_id is null."
  type        = string
  default     = {external_id}
}}

variable "organization_id" {{
  description = "Organization that the caller has to belong to (o-...). Needed where external_id is null."
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
  description          = "The role by which Doorward {purpose}"
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
        admission = admission(ask),
        purpose = role.purpose,
        external_id = or_null(&ask.external_id),
        organization_id = or_null(&ask.organization_id),
    )
}

/// A role that would trust the caller from anywhere is refused before it is made.
fn admission(ask: &Ask) -> &'static str {
    if ask.without_organization {
        return "";
    }
    r#"
  lifecycle {
    precondition {
      condition     = var.external_id != null || var.organization_id != null
      error_message = "Give organization_id or external_id. Without both, the role would trust the caller under no condition."
    }
  }
"#
}

fn statement(grant: &Grant) -> String {
    let list = |texts: Vec<String>| texts.iter().fold(String::new(), |text, one| text + &format!("      \"{one}\",\n"));
    // What begins with `aws:` is put in by IAM.
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
