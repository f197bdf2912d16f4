//! Our findings as the SDK's types, and back.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_securityhub::types as sdk;

use crate::asff::{
    Asff, Attribute, ClassicAttributes, ClassicDetails, Compliance, Details, ProviderFields, Recommendation,
    Remediation, Resource, Severity, State, StatusReason, V2Details, Zone,
};

fn hash(map: &BTreeMap<String, String>) -> Option<HashMap<String, String>> {
    (!map.is_empty()).then(|| map.clone().into_iter().collect())
}

fn tree(map: Option<&HashMap<String, String>>) -> BTreeMap<String, String> {
    map.map(|map| map.clone().into_iter().collect()).unwrap_or_default()
}

fn some<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn told(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
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

fn resource_outward(resource: &Resource) -> sdk::Resource {
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

/// The part of a received finding that is ours, in our own form. What is missing is empty.
pub(crate) fn inward(finding: &sdk::AwsSecurityFinding) -> Asff {
    let recommendation = finding.remediation().and_then(|remediation| remediation.recommendation());
    let compliance = finding.compliance();
    let provided = finding.finding_provider_fields();
    let severity = provided.and_then(|provided| provided.severity());
    let reasons = compliance.map(|compliance| compliance.status_reasons()).unwrap_or_default();
    Asff {
        schema_version: told(finding.schema_version()),
        id: told(finding.id()),
        product_arn: told(finding.product_arn()),
        product_name: told(finding.product_name()),
        company_name: told(finding.company_name()),
        generator_id: told(finding.generator_id()),
        aws_account_id: told(finding.aws_account_id()),
        aws_account_name: finding.aws_account_name().map(str::to_owned),
        first_observed_at: told(finding.first_observed_at()),
        last_observed_at: told(finding.last_observed_at()),
        created_at: told(finding.created_at()),
        updated_at: told(finding.updated_at()),
        title: told(finding.title()),
        description: told(finding.description()),
        remediation: Remediation {
            recommendation: Recommendation {
                text: told(recommendation.and_then(|r| r.text())),
                url: recommendation.and_then(|r| r.url()).map(str::to_owned),
            },
        },
        product_fields: tree(finding.product_fields()),
        resources: finding.resources().iter().map(resource_inward).collect(),
        compliance: Compliance {
            status: told(compliance.and_then(|c| c.status()).map(sdk::ComplianceStatus::as_str)),
            related_requirements: compliance.map(|c| c.related_requirements().to_vec()).unwrap_or_default(),
            status_reasons: reasons
                .iter()
                .map(|reason| StatusReason {
                    reason_code: told(reason.reason_code()),
                    description: told(reason.description()),
                })
                .collect(),
        },
        record_state: told(finding.record_state().map(sdk::RecordState::as_str)),
        finding_provider_fields: ProviderFields {
            severity: Severity {
                label: told(severity.and_then(|s| s.label()).map(sdk::SeverityLabel::as_str)),
                original: severity.and_then(|s| s.original()).map(str::to_owned),
            },
            types: provided.map(|provided| provided.types().to_vec()).unwrap_or_default(),
        },
    }
}

fn resource_inward(resource: &sdk::Resource) -> Resource {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let details = resource.details();
    let v2 = details.and_then(|d| d.aws_elbv2_load_balancer()).map(|v2| V2Details {
        availability_zones: v2
            .availability_zones()
            .iter()
            .map(|zone| Zone { zone_name: told(zone.zone_name()) })
            .collect(),
        created_time: owned(v2.created_time()),
        dns_name: owned(v2.dns_name()),
        scheme: owned(v2.scheme()),
        security_groups: v2.security_groups().to_vec(),
        state: v2.state().map(|state| State { code: told(state.code()) }),
        kind: owned(v2.r#type()),
        vpc_id: owned(v2.vpc_id()),
        load_balancer_attributes: v2
            .load_balancer_attributes()
            .iter()
            .map(|a| Attribute { key: told(a.key()), value: told(a.value()) })
            .collect(),
    });
    let classic = details.and_then(|d| d.aws_elb_load_balancer()).map(|classic| ClassicDetails {
        availability_zones: classic.availability_zones().to_vec(),
        created_time: owned(classic.created_time()),
        dns_name: owned(classic.dns_name()),
        load_balancer_name: owned(classic.load_balancer_name()),
        scheme: owned(classic.scheme()),
        security_groups: classic.security_groups().to_vec(),
        vpc_id: owned(classic.vpc_id()),
        load_balancer_attributes: classic.load_balancer_attributes().map(|attributes| ClassicAttributes {
            additional_attributes: attributes
                .additional_attributes()
                .iter()
                .map(|a| Attribute { key: told(a.key()), value: told(a.value()) })
                .collect(),
        }),
    });
    Resource {
        kind: told(resource.r#type()),
        id: told(resource.id()),
        partition: owned(resource.partition().map(sdk::Partition::as_str)),
        region: owned(resource.region()),
        tags: tree(resource.tags()),
        details: Details { v2, classic },
    }
}
