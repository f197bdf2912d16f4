//! Converts our findings to the SDK's types.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_securityhub::types as sdk;

use crate::asff::{Asff, AsffResource};

fn hash(map: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!map.is_empty()).then(|| map.clone().into_iter().collect())
}

fn some<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

/// The finding as it is sent.
pub(crate) fn outward(finding: &Asff) -> sdk::AwsSecurityFinding {
    let recommendation = &finding.remediation.recommendation;
    let provided = &finding.finding_provider_fields;
    let reasons = finding.compliance.status_reasons.iter().map(|reason| {
        sdk::StatusReason::builder().reason_code(&reason.reason_code).description(&reason.description).build()
    });
    sdk::AwsSecurityFinding::builder()
        .schema_version(&finding.schema_version)
        .id(&finding.id)
        .product_arn(&finding.product_arn)
        .product_name(&finding.product_name)
        .company_name(&finding.company_name)
        .generator_id(&finding.generator_id)
        .aws_account_id(&finding.aws_account_id)
        .set_aws_account_name(finding.aws_account_name.clone())
        .first_observed_at(&finding.first_observed_at)
        .last_observed_at(&finding.last_observed_at)
        .created_at(&finding.created_at)
        .updated_at(&finding.updated_at)
        .title(&finding.title)
        .description(&finding.description)
        .remediation(
            sdk::Remediation::builder()
                .recommendation(
                    sdk::Recommendation::builder()
                        .text(&recommendation.text)
                        .set_url(recommendation.url.clone())
                        .build(),
                )
                .build(),
        )
        .set_product_fields(hash(&finding.product_fields))
        .set_resources(Some(finding.resources.iter().map(resource_outward).collect()))
        .compliance(
            sdk::Compliance::builder()
                .status(sdk::ComplianceStatus::from(finding.compliance.status.as_str()))
                .set_related_requirements(some(&finding.compliance.related_requirements))
                .set_status_reasons(Some(reasons.collect()))
                .build(),
        )
        .record_state(sdk::RecordState::from(finding.record_state.as_str()))
        .finding_provider_fields(
            sdk::FindingProviderFields::builder()
                .severity(
                    sdk::FindingProviderSeverity::builder()
                        .label(sdk::SeverityLabel::from(provided.severity.label.as_str()))
                        .set_original(provided.severity.original.clone())
                        .build(),
                )
                .set_types(some(&provided.types))
                .build(),
        )
        .build()
}

fn resource_outward(resource: &AsffResource) -> sdk::Resource {
    let mut details = sdk::ResourceDetails::builder();
    if let Some(v2) = &resource.details.v2 {
        let zones = v2.availability_zones.iter();
        let zones: Vec<_> =
            zones.map(|zone| sdk::AvailabilityZone::builder().zone_name(&zone.zone_name).build()).collect();
        let attributes: Vec<_> = v2
            .load_balancer_attributes
            .iter()
            .map(|a| sdk::AwsElbv2LoadBalancerAttribute::builder().key(&a.key).value(&a.value).build())
            .collect();
        details = details.aws_elbv2_load_balancer(
            sdk::AwsElbv2LoadBalancerDetails::builder()
                .set_availability_zones(some(&zones))
                .set_created_time(v2.created_time.clone())
                .set_dns_name(v2.dns_name.clone())
                .set_scheme(v2.scheme.clone())
                .set_security_groups(some(&v2.security_groups))
                .set_state(v2.state.as_ref().map(|s| sdk::LoadBalancerState::builder().code(&s.code).build()))
                .set_type(v2.kind.clone())
                .set_vpc_id(v2.vpc_id.clone())
                .set_load_balancer_attributes(some(&attributes))
                .build(),
        );
    }
    if let Some(classic) = &resource.details.classic {
        let attributes = classic.load_balancer_attributes.as_ref().map(|attributes| {
            let all = attributes.additional_attributes.iter();
            let all =
                all.map(|a| sdk::AwsElbLoadBalancerAdditionalAttribute::builder().key(&a.key).value(&a.value).build());
            sdk::AwsElbLoadBalancerAttributes::builder().set_additional_attributes(Some(all.collect())).build()
        });
        details = details.aws_elb_load_balancer(
            sdk::AwsElbLoadBalancerDetails::builder()
                .set_availability_zones(some(&classic.availability_zones))
                .set_created_time(classic.created_time.clone())
                .set_dns_name(classic.dns_name.clone())
                .set_load_balancer_name(classic.load_balancer_name.clone())
                .set_scheme(classic.scheme.clone())
                .set_security_groups(some(&classic.security_groups))
                .set_vpc_id(classic.vpc_id.clone())
                .set_load_balancer_attributes(attributes)
                .build(),
        );
    }
    sdk::Resource::builder()
        .r#type(&resource.kind)
        .id(&resource.id)
        .set_partition(resource.partition.as_deref().map(sdk::Partition::from))
        .set_region(resource.region.clone())
        .set_tags(hash(&resource.tags))
        .details(details.build())
        .build()
}
