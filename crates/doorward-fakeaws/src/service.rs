//! What a service is: how it is addressed, its operations with their limits, and the input of an operation.

use std::cell::RefCell;

use jiff::Timestamp;

use crate::failure::{Failure, RawResponse};
use crate::iam::policy::Context;
use crate::iam::session::{Principal, Sessions};
use crate::quota::Rate;
use crate::request::Params;
use crate::world::World;
use crate::world::organization::Account;

/// A service: how it is addressed and what it can do.
pub(crate) struct Service {
    /// Its name in the call log and in faults.
    pub(crate) label: &'static str,
    /// Name in the credential scope.
    pub(crate) signing: &'static str,
    /// Prefix of its IAM actions.
    pub(crate) prefix: &'static str,
    pub(crate) protocol: Protocol,
    /// Error code when throttling.
    pub(crate) throttle: &'static str,
    /// Error code for parameters that are missing or out of range.
    pub(crate) invalid: &'static str,
    /// One endpoint for all Regions, so that the Region of the signature has no meaning.
    pub(crate) global: bool,
    pub(crate) operations: &'static [Operation],
}

/// The wire protocol of a service.
pub(crate) enum Protocol {
    /// Form in, XML out; the `Version` parameter selects the service.
    Query { version: &'static str, namespace: &'static str },
    /// JSON both ways; `X-Amz-Target: target.Action`.
    Json { target: &'static str },
    /// JSON both ways; method and path are the action.
    Rest,
    /// XML answers; method and path are the action.
    RestXml { namespace: &'static str },
    /// CBOR both ways; `POST /service/target/operation/Action`.
    Cbor { target: &'static str },
    /// S3's own: bucket and key in host and path, XML for lists and errors, bytes for objects.
    Storage,
}

/// One operation of a service.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// Method and path of a REST operation, such as `POST /findings` or `GET /v2/apis/{ApiId}/integrations`; empty otherwise.
    pub(crate) path: &'static str,
    /// The name in its IAM action, where it is not the operation's own.
    pub(crate) permission: Option<&'static str>,
    /// The resources of a call, for policies and faults; empty means `*`.
    pub(crate) resources: fn(&Params, &Scene<'_>) -> Vec<String>,
    /// Token buckets that each call takes a token from.
    pub(crate) limits: &'static [Limit],
    /// Whether it needs no permission.
    pub(crate) open: bool,
    pub(crate) handle: Handler,
}

impl Operation {
    /// An operation that answers with a document.
    pub(crate) const fn new(
        name: &'static str,
        handle: fn(&Call<'_>) -> Result<String, Failure>,
        resources: fn(&Params, &Scene<'_>) -> Vec<String>,
        limits: &'static [Limit],
    ) -> Self {
        Self { name, path: "", permission: None, resources, limits, open: false, handle: Handler::Document(handle) }
    }

    /// An operation that answers with status, headers and body of its own.
    pub(crate) const fn raw(
        name: &'static str,
        handle: fn(&Call<'_>) -> Result<RawResponse, Failure>,
        resources: fn(&Params, &Scene<'_>) -> Vec<String>,
        limits: &'static [Limit],
    ) -> Self {
        Self { name, path: "", permission: None, resources, limits, open: false, handle: Handler::Raw(handle) }
    }

    /// The same operation at a method and path.
    pub(crate) const fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    /// The same operation with a permission of another name.
    pub(crate) const fn permitted_as(self, permission: &'static str) -> Self {
        Self { permission: Some(permission), ..self }
    }

    /// The parts of a path that the operation's own path names in braces; none if the request is for another operation.
    pub(crate) fn placed(&self, method: &str, path: &str) -> Option<Vec<(String, String)>> {
        let (own_method, own_path) = self.path.split_once(' ')?;
        let (own, asked): (Vec<&str>, Vec<&str>) = (own_path.split('/').collect(), path.split('/').collect());
        if own_method != method || own.len() != asked.len() {
            return None;
        }
        let mut named = Vec::new();
        for (own, asked) in own.into_iter().zip(asked) {
            match own.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => named.push((name.to_owned(), asked.to_owned())),
                None if own == asked => {}
                None => return None,
            }
        }
        Some(named)
    }
}

/// The function that implements an operation.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// Returns a document, which the protocol wraps.
    Document(fn(&Call<'_>) -> Result<String, Failure>),
    /// Returns status, headers and body.
    Raw(fn(&Call<'_>) -> Result<RawResponse, Failure>),
}

/// A token bucket of a service.
pub(crate) struct Limit {
    pub(crate) bucket: &'static str,
    pub(crate) rate: Rate,
    pub(crate) scope: LimitScope,
}

impl Limit {
    /// A bucket of each account in each Region.
    pub(crate) const fn regional(bucket: &'static str, burst: f64, per_second: f64) -> Self {
        Self { bucket, rate: Rate { burst, per_second }, scope: LimitScope::AccountRegion }
    }
}

/// The callers that share a bucket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitScope {
    AccountRegion,
    Account,
    Organization,
}

/// Partition, account and Region of a call, from which ARNs are built.
pub(crate) struct Scene<'a> {
    pub(crate) partition: &'a str,
    /// Empty if the caller is unknown.
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) world: &'a World,
}

/// A call that a service makes on behalf of its caller.
pub(crate) struct DelegatedCall {
    pub(crate) action: &'static str,
    pub(crate) resource: String,
    /// Condition keys of the request.
    pub(crate) request: Vec<(&'static str, String)>,
    pub(crate) allowed: bool,
}

impl DelegatedCall {
    pub(crate) fn new(action: &'static str, resource: String) -> Self {
        Self { action, resource, request: Vec::new(), allowed: false }
    }

    pub(crate) fn listing(bucket: String, prefix: &str) -> Self {
        Self { request: vec![("s3:prefix", prefix.to_owned())], ..Self::new("s3:ListBucket", bucket) }
    }
}

/// An authorized call: the input of an operation.
pub(crate) struct Call<'a> {
    pub(crate) world: &'a World,
    pub(crate) sessions: &'a Sessions,
    pub(crate) principal: &'a Principal,
    pub(crate) account: &'a Account,
    /// Index and name of the Region; global services get the home Region's.
    pub(crate) region: u16,
    pub(crate) region_name: &'a str,
    pub(crate) params: &'a Params,
    /// The body as it arrived; S3's objects are not in the parameters.
    pub(crate) body: &'a [u8],
    pub(crate) now: Timestamp,
    /// Set by a fault: AssumeRole returns a session of another account.
    pub(crate) misdirect: bool,
    /// Set by a fault: a batch operation fails for some of its items.
    pub(crate) fail_some: bool,
    /// Set by a fault: a finding whose id contains this is invalid.
    pub(crate) forbidden: Option<&'a str>,
    /// Calls on behalf of the caller, for the call log.
    pub(crate) delegated_calls: &'a RefCell<Vec<DelegatedCall>>,
}

/// The request context in which policies are evaluated.
pub(crate) fn context<'a>(
    world: &'a World,
    principal: &'a Principal,
    region: &'a str,
    action: &'a str,
    resource: &'a str,
    request: &'a [(&'static str, String)],
) -> Context<'a> {
    let owner = world.owner(resource);
    Context {
        action,
        resource,
        region,
        principal_arn: &principal.arn,
        principal_account: world.account(principal.account).map_or("", |account| account.id.as_str()),
        organization: world.organization_of(principal.account),
        resource_account: owner.and_then(|index| world.account(index)).map(|account| account.id.as_str()),
        resource_organization: owner.map(|index| world.organization_of(index)),
        request,
    }
}

impl Call<'_> {
    /// The request context of an action of the caller.
    pub(crate) fn context<'b>(
        &'b self,
        action: &'b str,
        resource: &'b str,
        request: &'b [(&'static str, String)],
    ) -> Context<'b> {
        context(self.world, self.principal, self.region_name, action, resource, request)
    }

    pub(crate) fn partition(&self) -> &str {
        &self.world.organization.partition
    }

    /// Position of the account-Region that the call addresses.
    pub(crate) fn cell(&self) -> usize {
        self.world.cell(self.principal.account, self.region)
    }

    /// A required text parameter.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Failure> {
        self.params.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            Failure::Invalid(format!(
                "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }
}

/// No resource, so that policies have to allow the operation on `*`.
pub(crate) fn anything(_: &Params, _: &Scene<'_>) -> Vec<String> {
    Vec::new()
}
