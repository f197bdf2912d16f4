//! Policy documents: reads the IAM JSON and says which statements bear on a call.

use serde_json::Value;

use super::pattern::Pattern;

/// What a call looks like to a policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) region: &'a str,
    pub(crate) principal_arn: &'a str,
    pub(crate) principal_account: &'a str,
    pub(crate) organization: &'a str,
}

impl Context<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        Some(match key.to_ascii_lowercase().as_str() {
            "aws:requestedregion" => self.region,
            "aws:principalarn" => self.principal_arn,
            "aws:principalaccount" => self.principal_account,
            "aws:principalorgid" => self.organization,
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

    fn holds(&self, value: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(value)) != self.inverted
    }
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
            Some(value) => self.values.iter().any(|pattern| pattern.matches(value)) != self.negated,
            None => self.negated || self.if_exists,
        }
    }
}

impl Statement {
    fn bears_on(&self, context: &Context<'_>) -> bool {
        self.actions.holds(context.action)
            && self.resources.holds(context.resource)
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
        self.statements.iter().any(|statement| statement.deny && statement.bears_on(context))
    }

    /// Some statement allows the call (explicit denies not considered).
    pub(crate) fn allows(&self, context: &Context<'_>) -> bool {
        self.statements.iter().any(|statement| !statement.deny && statement.bears_on(context))
    }

    /// Reads an IAM policy document; the error says what is malformed.
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
    let mut conditions = Vec::new();
    if let Some(block) = value.get("Condition") {
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
                let values = values.iter().map(|value| Pattern::exact_case(value)).collect();
                conditions.push(Condition { key: key.clone(), values, negated, if_exists });
            }
        }
    }
    Ok(Statement { deny, actions, resources, conditions })
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
