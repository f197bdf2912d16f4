//! Policy documents: parses IAM's JSON and finds the statements that apply to a call.

use serde_json::Value;

use super::pattern::Pattern;

/// The request context that a policy is evaluated in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) region: &'a str,
    pub(crate) principal_arn: &'a str,
    pub(crate) principal_account: &'a str,
    /// Organization of the caller; empty when its account is in none.
    pub(crate) organization: &'a str,
    /// Account that the resource is in, when it is known.
    pub(crate) resource_account: Option<&'a str>,
    /// Organization that the resource is in, when it is in one.
    pub(crate) resource_organization: Option<&'a str>,
    /// Further condition keys of the request, in lower case, with their values.
    pub(crate) request: &'a [(&'static str, String)],
}

impl<'a> Context<'a> {
    fn value(&self, key: &str) -> Option<&'a str> {
        let key = key.to_ascii_lowercase();
        if let Some((_, value)) = self.request.iter().find(|(name, _)| *name == key) {
            return Some(value);
        }
        Some(match key.as_str() {
            "aws:requestedregion" => self.region,
            "aws:principalarn" => self.principal_arn,
            "aws:principalaccount" => self.principal_account,
            "aws:principalorgid" if !self.organization.is_empty() => self.organization,
            "aws:resourceaccount" => return self.resource_account,
            "aws:resourceorgid" => return self.resource_organization,
            _ => return None,
        })
    }
}

/// A policy document: an ordered list of statements.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    pub(crate) statements: Vec<Statement>,
}

/// One statement of a policy.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) deny: bool,
    pub(crate) actions: Set,
    pub(crate) resources: Set,
    pub(crate) conditions: Vec<Condition>,
}

/// A list of patterns, or everything but that list (`NotAction`, `NotResource`).
#[derive(Debug, Clone)]
pub(crate) struct Set {
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) inverted: bool,
}

impl Set {
    pub(crate) fn actions<S: AsRef<str>>(list: &[S], inverted: bool) -> Self {
        Self { patterns: list.iter().map(|item| Pattern::action(item.as_ref())).collect(), inverted }
    }

    pub(crate) fn resources<S: AsRef<str>>(list: &[S], inverted: bool) -> Self {
        Self { patterns: list.iter().map(|item| Pattern::exact_case(item.as_ref())).collect(), inverted }
    }

    pub(crate) fn everything() -> Self {
        Self::resources(&["*"], false)
    }

    fn holds(&self, value: &str, context: &Context<'_>) -> bool {
        self.patterns.iter().any(|pattern| fits(pattern, value, context)) != self.inverted
    }
}

/// Whether a value matches a pattern whose variables are filled in; a variable without a value matches nothing.
fn fits(pattern: &Pattern, value: &str, context: &Context<'_>) -> bool {
    if !pattern.has_variables() {
        return pattern.matches(value);
    }
    pattern.filled(|key| context.value(key)).is_some_and(|pattern| pattern.matches(value))
}

/// One `operator: {key: values}` line of a condition block.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) key: String,
    pub(crate) values: Vec<Pattern>,
    pub(crate) negated: bool,
    pub(crate) if_exists: bool,
}

impl Condition {
    /// `aws:RequestedRegion` is (not) one of `regions`.
    pub(crate) fn region<S: AsRef<str>>(regions: &[S], negated: bool) -> Self {
        Self {
            key: "aws:RequestedRegion".to_owned(),
            values: regions.iter().map(|region| Pattern::exact_case(region.as_ref())).collect(),
            negated,
            if_exists: false,
        }
    }

    fn holds(&self, context: &Context<'_>) -> bool {
        match context.value(&self.key) {
            Some(value) => self.values.iter().any(|pattern| fits(pattern, value, context)) != self.negated,
            None => self.negated || self.if_exists,
        }
    }
}

impl Statement {
    fn applies_to(&self, context: &Context<'_>) -> bool {
        self.actions.holds(context.action, context)
            && self.resources.holds(context.resource, context)
            && self.conditions.iter().all(|condition| condition.holds(context))
    }
}

impl Policy {
    /// Allows `actions` on everything.
    pub(crate) fn allowing<S: AsRef<str>>(actions: &[S]) -> Self {
        Self {
            statements: vec![Statement {
                deny: false,
                actions: Set::actions(actions, false),
                resources: Set::everything(),
                conditions: Vec::new(),
            }],
        }
    }

    /// Some statement denies the call explicitly.
    pub(crate) fn denies(&self, context: &Context<'_>) -> bool {
        self.statements.iter().any(|statement| statement.deny && statement.applies_to(context))
    }

    /// Some statement allows the call (explicit denies not considered).
    pub(crate) fn allows(&self, context: &Context<'_>) -> bool {
        self.statements.iter().any(|statement| !statement.deny && statement.applies_to(context))
    }

    /// Reads an IAM policy document; the error names what is malformed.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let statements = match document.get("Statement") {
            Some(Value::Array(list)) => list.iter().map(statement).collect::<Result<_, _>>()?,
            Some(single @ Value::Object(_)) => vec![statement(single)?],
            _ => return Err("the document has no Statement".to_owned()),
        };
        Ok(Self { statements })
    }
}

fn statement(value: &Value) -> Result<Statement, String> {
    let deny = match value.get("Effect").and_then(Value::as_str) {
        Some("Allow") => false,
        Some("Deny") => true,
        _ => return Err("a statement needs Effect Allow or Deny".to_owned()),
    };
    let actions = match (strings(value.get("Action"))?, strings(value.get("NotAction"))?) {
        (Some(list), None) => Set::actions(&list, false),
        (None, Some(list)) => Set::actions(&list, true),
        _ => return Err("a statement needs exactly one of Action and NotAction".to_owned()),
    };
    let resources = match (strings(value.get("Resource"))?, strings(value.get("NotResource"))?) {
        (Some(list), None) => Set::resources(&list, false),
        (None, Some(list)) => Set::resources(&list, true),
        _ => return Err("a statement needs exactly one of Resource and NotResource".to_owned()),
    };
    let conditions = value.get("Condition").map(conditions).transpose()?.unwrap_or_default();
    Ok(Statement { deny, actions, resources, conditions })
}

/// A trust policy: the principals that may assume a role, and the conditions.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustPolicy {
    statements: Vec<(Vec<Pattern>, Vec<Condition>)>,
}

impl TrustPolicy {
    /// Reads the trust policy of a role for other accounts; the error names what is malformed.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let list =
            document.get("Statement").and_then(Value::as_array).ok_or("the document has no list of statements")?;
        let statements = list.iter().map(|statement| {
            let of = |key: &str| statement.get(key).and_then(Value::as_str);
            let action = strings(statement.get("Action"))?.unwrap_or_default();
            if of("Effect") != Some("Allow") || action != ["sts:AssumeRole"] {
                return Err("only trust policies that allow sts:AssumeRole alone are supported".to_owned());
            }
            let principals = strings(statement.pointer("/Principal/AWS"))?.ok_or("a statement needs Principal AWS")?;
            let principals = principals.iter().map(|arn| Pattern::literal(arn)).collect();
            let conditions = statement.get("Condition").map(conditions).transpose()?.unwrap_or_default();
            Ok((principals, conditions))
        });
        Ok(Self { statements: statements.collect::<Result<_, String>>()? })
    }

    /// Whether it admits a principal.
    pub(crate) fn admits(&self, context: &Context<'_>) -> bool {
        self.statements.iter().any(|(principals, conditions)| {
            principals.iter().any(|one| one.matches(context.principal_arn))
                && conditions.iter().all(|condition| condition.holds(context))
        })
    }
}

/// Reads a condition block.
fn conditions(block: &Value) -> Result<Vec<Condition>, String> {
    let mut conditions = Vec::new();
    let block = block.as_object().ok_or("Condition must be an object")?;
    for (operator, keys) in block {
        let (base, if_exists) = match operator.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (operator.as_str(), false),
        };
        let negated = match base {
            "StringEquals" | "StringLike" | "ArnLike" | "ArnEquals" => false,
            "StringNotEquals" | "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => true,
            other => return Err(format!("condition operator {other} is not supported")),
        };
        for (key, values) in keys.as_object().ok_or("a condition operator must hold an object")? {
            let values = strings(Some(values))?.unwrap_or_default();
            let equal = base.starts_with("String") && base.ends_with("Equals");
            let pattern = if equal { Pattern::literal } else { Pattern::exact_case };
            let values = values.iter().map(|value| pattern(value)).collect();
            conditions.push(Condition { key: key.clone(), values, negated, if_exists });
        }
    }
    Ok(conditions)
}

/// A string or a list of strings, as IAM allows in most places.
fn strings(value: Option<&Value>) -> Result<Option<Vec<String>>, String> {
    match value {
        None => Ok(None),
        Some(Value::String(one)) => Ok(Some(vec![one.clone()])),
        Some(Value::Array(list)) => list
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| "expected text in a list".to_owned()))
            .collect::<Result<Vec<_>, _>>()
            .map(Some),
        Some(_) => Err("expected text or a list of text".to_owned()),
    }
}
