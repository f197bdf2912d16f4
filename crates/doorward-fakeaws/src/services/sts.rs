//! Security Token Service: GetCallerIdentity and AssumeRole.

use jiff::{SignedDuration, Timestamp};

use crate::failure::Failure;
use crate::iam::policy::Policy;
use crate::iam::session::Principal;
use crate::request::Params;
use crate::service::{Call, Operation, Protocol, Scene, Service, anything};
use crate::world::organization::{Account, Role};
use crate::xml::Xml;

pub(crate) const SERVICE: Service = Service {
    label: "sts",
    signing: "sts",
    prefix: "sts",
    protocol: Protocol::Query { version: "2011-06-15", namespace: "https://sts.amazonaws.com/doc/2011-06-15/" },
    throttle: "Throttling",
    invalid: "ValidationError",
    global: false,
    operations: &[
        // Needs no permission: AWS answers it for every valid key.
        Operation { open: true, ..Operation::new("GetCallerIdentity", get_caller_identity, anything, &[]) },
        Operation::new("AssumeRole", assume_role, role_arn, &[]),
    ],
};

/// Longest inline session policy, in characters.
const POLICY_LIMIT: usize = 2048;

fn role_arn(params: &Params, _: &Scene<'_>) -> Vec<String> {
    params.get("RoleArn").map(str::to_owned).into_iter().collect()
}

fn get_caller_identity(call: &Call<'_>) -> Result<String, Failure> {
    let mut xml = Xml::with_capacity(300);
    xml.text("Arn", &call.principal.arn);
    xml.text("UserId", &call.principal.user_id);
    xml.text("Account", &call.account.id);
    Ok(xml.finish())
}

/// The parts of an AssumeRole request, within their published limits.
struct AssumeRoleRequest<'a> {
    role_arn: &'a str,
    name: &'a str,
    seconds: u64,
    external_id: Option<&'a str>,
    source_identity: Option<&'a str>,
    policy: Option<Policy>,
    /// Share of the packed size limit that the policy takes, in percent.
    packed: Option<usize>,
}

fn assume_role(call: &Call<'_>) -> Result<String, Failure> {
    let request = read(call)?;
    let (index, account, role) = admitted(call, &request)?;
    if request.seconds > role.max_session {
        return Err(Failure::Invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".to_owned(),
        ));
    }
    let (index, account) =
        if call.misdirect { elsewhere(call, index).unwrap_or((index, account)) } else { (index, account) };
    let source_identity = call.principal.source_identity.clone().or_else(|| request.source_identity.map(str::to_owned));
    let minted = call.sessions.mint(request.role_arn);
    let seconds = call.world.organization.session_seconds.map_or(request.seconds, |limit| limit.min(request.seconds));
    let expires = later(call.now, seconds);
    let announced = if call.world.organization.announce_expiry { expires } else { later(call.now, request.seconds) };
    let role_name = role_name(request.role_arn).unwrap_or_default();
    let arn = format!("arn:{}:sts::{}:assumed-role/{role_name}/{}", call.partition(), account.id, request.name);
    let user_id = format!("{}:{}", minted.role_id, request.name);

    let mut xml = Xml::with_capacity(1200);
    xml.within("AssumedRoleUser", |xml| {
        xml.text("AssumedRoleId", &user_id);
        xml.text("Arn", &arn);
    });
    xml.within("Credentials", |xml| {
        xml.text("AccessKeyId", &minted.access_key);
        xml.text("SecretAccessKey", &minted.secret);
        xml.text("SessionToken", &minted.token);
        xml.text("Expiration", &format!("{announced:.0}"));
    });
    if let Some(packed) = request.packed {
        xml.text("PackedPolicySize", &packed.to_string());
    }
    if let Some(source_identity) = &source_identity {
        xml.text("SourceIdentity", source_identity);
    }
    call.sessions.insert(Principal {
        account: index,
        arn,
        user_id,
        access_key: minted.access_key,
        token: Some(minted.token),
        expires: Some(expires),
        identity: std::sync::Arc::clone(&role.policy),
        session: request.policy.map(std::sync::Arc::new),
        assumed: true,
        source_identity,
    });
    Ok(xml.finish())
}

fn read<'a>(call: &Call<'a>) -> Result<AssumeRoleRequest<'a>, Failure> {
    let params = call.params;
    let text = |name: &str, least: usize, most: usize, extra: &str| -> Result<Option<&'a str>, Failure> {
        let Some(value) = params.get(name) else { return Ok(None) };
        let length = value.chars().count();
        let spelled = value.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) || extra.contains(c));
        if length < least || length > most || !spelled {
            return Err(violation(
                name,
                value,
                &format!("Member must have {least} to {most} characters of the allowed kind"),
            ));
        }
        Ok(Some(value))
    };
    let missing = |name: &str| violation(name, "null", "Member must not be null");
    let role_arn = text("RoleArn", 20, 2048, ":/")?.ok_or_else(|| missing("roleArn"))?;
    if role_name(role_arn).is_none() {
        return Err(Failure::Invalid(format!("{role_arn} is invalid")));
    }
    let name = text("RoleSessionName", 2, 64, "")?.ok_or_else(|| missing("roleSessionName"))?;
    let seconds = match params.number("DurationSeconds") {
        None => 3600,
        Some(Ok(seconds @ 900..=43_200)) => seconds.unsigned_abs(),
        Some(other) => {
            let shown = other.map_or_else(|()| "text".to_owned(), |number| number.to_string());
            return Err(violation("durationSeconds", &shown, "Member must have value between 900 and 43200"));
        }
    };
    if call.principal.assumed && seconds > 3600 {
        return Err(Failure::Invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
                .to_owned(),
        ));
    }
    let (policy, packed) = match params.get("Policy") {
        None => (None, None),
        Some(document) => {
            let length = document.chars().count();
            if length > POLICY_LIMIT {
                return Err(Failure::own(
                    "PackedPolicyTooLarge",
                    format!(
                        "Serialized token too large for session: policy of {length} characters, limit {POLICY_LIMIT}"
                    ),
                ));
            }
            let policy = Policy::parse(document)
                .map_err(|why| Failure::own("MalformedPolicyDocument", format!("Syntax errors in policy: {why}")))?;
            (Some(policy), Some(length * 100 / POLICY_LIMIT))
        }
    };
    Ok(AssumeRoleRequest {
        role_arn,
        name,
        seconds,
        external_id: text("ExternalId", 2, 1224, ":/")?,
        source_identity: text("SourceIdentity", 2, 64, "")?,
        policy,
        packed,
    })
}

fn violation(name: &str, value: &str, rule: &str) -> Failure {
    Failure::Invalid(format!(
        "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {rule}"
    ))
}

/// The role behind the ARN, if it exists, its account is active, and its trust policy admits the caller.
///
/// AWS answers all refusals with the same sentence, so that no caller can find out which roles exist.
fn admitted<'a>(
    call: &Call<'a>,
    request: &AssumeRoleRequest<'_>,
) -> Result<(u32, &'a Account, std::sync::Arc<Role>), Failure> {
    let refused = |action: &str| {
        Failure::Denied(format!(
            "User: {} is not authorized to perform: {action} on resource: {}",
            call.principal.arn, request.role_arn
        ))
    };
    let target = account_of(request.role_arn, call.partition()).and_then(|id| call.world.account_by_id(id));
    let (index, account) = target.filter(|(_, account)| account.active()).ok_or_else(|| refused("sts:AssumeRole"))?;
    let role = role_name(request.role_arn).and_then(|name| account.roles.get(name));
    let role = role.ok_or_else(|| refused("sts:AssumeRole"))?;
    let admits = match &role.trust_policy {
        Some(policy) => {
            let keys: Vec<_> = request.external_id.map(|id| ("sts:externalid", id.to_owned())).into_iter().collect();
            policy.admits(&call.context("sts:AssumeRole", request.role_arn, &keys))
        }
        None => {
            let trusted = role.trusts.iter().any(|trust| trust.admits(&call.account.id, &call.principal.arn));
            trusted && (role.external_id.is_none() || role.external_id.as_deref() == request.external_id)
        }
    };
    if !admits {
        return Err(refused("sts:AssumeRole"));
    }
    let source_identity = request.source_identity.is_some() || call.principal.source_identity.is_some();
    if source_identity && !role.source_identity {
        return Err(refused("sts:SetSourceIdentity"));
    }
    if let (Some(fixed), Some(wanted)) = (call.principal.source_identity.as_deref(), request.source_identity)
        && fixed != wanted
    {
        return Err(refused("sts:SetSourceIdentity"));
    }
    let region = call.world.organization.region_state(account, call.region);
    if !region.usable() {
        return Err(Failure::with_status(
            403,
            "RegionDisabledException",
            format!(
                "STS is not activated in this region for account:{}. Your account administrator can activate STS in this region using the IAM Console.",
                account.id
            ),
        ));
    }
    Ok((index, account, std::sync::Arc::clone(role)))
}

/// The next active account after `index`, for the fault that answers for the wrong one.
fn elsewhere<'a>(call: &Call<'a>, index: u32) -> Option<(u32, &'a Account)> {
    let count = u32::try_from(call.world.accounts.len()).ok()?;
    (1..count)
        .map(|step| (index + step) % count)
        .find_map(|other| call.world.account(other).filter(|account| account.active()).map(|account| (other, account)))
}

fn account_of<'a>(arn: &'a str, partition: &str) -> Option<&'a str> {
    let rest = arn.strip_prefix("arn:")?.strip_prefix(partition)?.strip_prefix(":iam::")?;
    rest.split(':').next()
}

/// The name at the end of a role ARN, any path left out.
fn role_name(arn: &str) -> Option<&str> {
    let (_, resource) = arn.split_once(":role/")?;
    resource.rsplit('/').next().filter(|name| !name.is_empty())
}

fn later(now: Timestamp, seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}
