//! Terraform: the role of one account.

use std::fmt::Write as _;

use super::capability::{ACCOUNT, PARTITION, Role, Statement};
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
    let arns = || role.statements.iter().flat_map(|statement| &statement.resources);
    let mut data = String::new();
    for (part, source) in [(PARTITION, "aws_partition"), (ACCOUNT, "aws_caller_identity")] {
        if arns().any(|arn| arn.contains(part)) {
            // Writing to a string cannot fail.
            let _ = writeln!(data, "data \"{source}\" \"current\" {{}}\n");
        }
    }
    let statements = role.statements.iter().map(statement).collect::<Vec<_>>().join("\n");
    format!(
        r#"# {AGAIN}
# The role by which Doorward {purpose}. Apply it in every account, the management account included.

variable "caller_arn" {{
  description = "ARN of the base identity (role or user) that runs Doorward."
  type        = string{caller}
}}

variable "external_id" {{
  description = "External id that the caller has to give. Null for none."
  type        = string
  default     = {external_id}
}}

variable "organization_id" {{
  description = "Organization that the caller has to belong to (o-...). Null for any."
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
}}

resource "aws_iam_role_policy" "{own}" {{
  name   = "{name}"
  role   = aws_iam_role.{own}.id
  policy = data.aws_iam_policy_document.{own}.json
}}

output "role_arn" {{
  value = aws_iam_role.{own}.arn
}}
"#,
        purpose = role.purpose,
        external_id = or_null(&ask.external_id),
        organization_id = or_null(&ask.organization_id),
    )
}

fn statement(statement: &Statement) -> String {
    let list = |texts: Vec<String>| texts.iter().fold(String::new(), |text, one| text + &format!("      \"{one}\",\n"));
    let here = |resource: &String| {
        resource
            .replace(PARTITION, "${data.aws_partition.current.partition}")
            .replace(ACCOUNT, "${data.aws_caller_identity.current.account_id}")
    };
    let resources = if statement.resources == ["*"] {
        "    resources = [\"*\"]\n".to_owned()
    } else {
        format!("    resources = [\n{}    ]\n", list(statement.resources.iter().map(here).collect()))
    };
    let effect = if statement.effect == "Allow" { "" } else { "    effect = \"Deny\"\n" };
    format!(
        "  statement {{\n    sid = \"{}\"\n{effect}    actions = [\n{}    ]\n{resources}  }}\n",
        statement.sid,
        list(statement.actions.clone())
    )
}
