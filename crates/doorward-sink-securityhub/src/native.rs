//! Reads the findings of Security Hub's own controls ELB.12 and ELB.14, and of Config.1, which reports whether AWS Config records.

use aws_sdk_securityhub::types::{AwsSecurityFindingFilters, StringFilter, StringFilterComparison};
use serde::Deserialize;

use doorward_aws::{ClientProvider, Operation};
use doorward_model::AccountRegion;

use crate::deliver::{Closed, SecurityHub};
use crate::reconcile::all;

/// The control about application load balancers.
pub const APPLICATION: &str = "ELB.12";
/// The control about classic load balancers.
pub const CLASSIC: &str = "ELB.14";
/// The control that passes where AWS Config records everything that the enabled controls look at.
pub const CONFIG: &str = "Config.1";

/// The product that Security Hub's own findings are of; other products may name a control too.
const PRODUCT: &str = "::product/aws/securityhub";

/// A finding of one of these controls about one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeFinding {
    /// The control's id, as `ELB.12`.
    pub control: String,
    /// The account that it is about.
    pub account: String,
    /// The Region that it is about; of a finding without one, that of its product.
    pub region: String,
    /// The resource: a load balancer's ARN, or `AWS::::Account:ID`.
    pub resource: String,
    /// `PASSED`, `FAILED`, `WARNING` or `NOT_AVAILABLE`, verbatim.
    pub status: String,
    /// Reason codes of a status, verbatim.
    pub reasons: Vec<String>,
    /// Whether it is suppressed.
    pub suppressed: bool,
    /// When it was last changed, verbatim.
    pub updated_at: String,
}

/// Reads what these controls say now in one Security Hub: of its own account-Region, and where the Security Hub aggregates, of others too.
/// A finding for each resource of each, as many as there are standards where findings are not consolidated.
///
/// # Errors
/// Why nothing can be read there.
pub async fn native(aws: &ClientProvider, place: &AccountRegion) -> Result<Vec<NativeFinding>, Closed> {
    let security_hub = SecurityHub { place, aws };
    let equals = |value: &str| StringFilter::builder().value(value).comparison(StringFilterComparison::Equals).build();
    let filters = AwsSecurityFindingFilters::builder()
        .compliance_security_control_id(equals(APPLICATION))
        .compliance_security_control_id(equals(CLASSIC))
        .compliance_security_control_id(equals(CONFIG))
        .record_state(equals("ACTIVE"))
        .build();
    let raw: Vec<RawFinding> = all(&security_hub, &filters).await?;
    Ok(raw.into_iter().filter(|raw| raw.product_arn.ends_with(PRODUCT)).flat_map(RawFinding::findings).collect())
}

/// The IAM action that it takes.
pub const NATIVE_ACTION: &str = Operation::GetFindings.action();

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawFinding {
    product_arn: String,
    aws_account_id: String,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    resources: Vec<AsffResource>,
    compliance: Compliance,
    #[serde(default)]
    workflow: Workflow,
    updated_at: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AsffResource {
    id: String,
    #[serde(default)]
    region: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Compliance {
    #[serde(default)]
    status: String,
    security_control_id: String,
    #[serde(default)]
    status_reasons: Vec<Reason>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reason {
    reason_code: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Workflow {
    status: String,
}

impl RawFinding {
    fn findings(self) -> Vec<NativeFinding> {
        let product = self.product_arn.split(':').nth(3).unwrap_or_default().to_owned();
        let region = self.region.unwrap_or(product);
        let reasons: Vec<String> =
            self.compliance.status_reasons.into_iter().map(|reason| reason.reason_code).collect();
        let resources = self.resources.into_iter();
        resources
            .map(|resource| NativeFinding {
                control: self.compliance.security_control_id.clone(),
                account: self.aws_account_id.clone(),
                region: resource.region.unwrap_or_else(|| region.clone()),
                resource: resource.id,
                status: self.compliance.status.clone(),
                reasons: reasons.clone(),
                suppressed: self.workflow.status == "SUPPRESSED",
                updated_at: self.updated_at.clone(),
            })
            .collect()
    }
}
