//! Target groups: what a load balancer forwards to, and the load balancers among the targets.

use super::super::paging::{page, size};
use super::{PAGE, arn};
use crate::digest::digest;
use crate::failure::Failure;
use crate::service::Call;
use crate::world::kind::Kind;
use crate::world::load_balancer::{LoadBalancer, TargetGroup};
use crate::xml::Xml;

/// The target groups of a load balancer. By default it has one of instances with its own name.
fn groups(load_balancer: &LoadBalancer) -> Vec<TargetGroup> {
    match (&load_balancer.target_groups, load_balancer.kind) {
        (Some(groups), _) => groups.to_vec(),
        (None, kind) => vec![TargetGroup {
            name: load_balancer.name.clone(),
            target_type: "instance".into(),
            version: (kind == Kind::Application).then(|| "HTTP1".into()),
        }],
    }
}

fn group_arn(call: &Call<'_>, group: &TargetGroup) -> String {
    let id = digest(&[&call.account.id, call.region_name, "targetgroup", &group.name]);
    let (partition, region, account) = (call.partition(), call.region_name, &call.account.id);
    format!("arn:{partition}:elasticloadbalancing:{region}:{account}:targetgroup/{}/{id:016x}", group.name)
}

pub(super) fn describe(call: &Call<'_>) -> Result<String, Failure> {
    let size = size(call.params.number("PageSize"), PAGE, call.world.organization.page_size, "pageSize")?;
    let cell = call.world.read(call.cell());
    let all: Vec<(String, TargetGroup)> = cell
        .current
        .values()
        .flat_map(|load_balancer| {
            let owner = arn(call, load_balancer);
            groups(load_balancer).into_iter().map(move |group| (owner.clone(), group))
        })
        .collect();
    let page = page(&all, call.params.get("Marker"), size, false)
        .ok_or_else(|| Failure::Invalid("Invalid marker".to_owned()))?;
    let mut xml = Xml::with_capacity(700 * page.items.len() + 100);
    xml.members("TargetGroups", page.items, |xml, (owner, group)| {
        xml.text("TargetGroupArn", &group_arn(call, group));
        xml.text("TargetGroupName", &group.name);
        xml.text("TargetType", &group.target_type);
        if let Some(version) = &group.version {
            xml.text("ProtocolVersion", version);
        }
        if &*group.target_type != "lambda" {
            xml.text("Protocol", if group.version.is_some() { "HTTP" } else { "TCP" });
            xml.text("Port", "80");
        }
        xml.members("LoadBalancerArns", [owner], |xml, owner| xml.raw(owner));
    });
    if let Some(next) = page.next {
        xml.text("NextMarker", &next);
    }
    Ok(xml.finish())
}

pub(super) fn health(call: &Call<'_>) -> Result<String, Failure> {
    let wanted = call.required("TargetGroupArn")?;
    let cell = call.world.read(call.cell());
    let mut owners = cell.current.values().flat_map(|owner| groups(owner).into_iter().map(move |group| (owner, group)));
    let found = owners.find(|(_, group)| group_arn(call, group) == wanted);
    let Some((owner, group)) = found else {
        return Err(Failure::own("TargetGroupNotFound", "One or more target groups not found"));
    };
    let targets: Vec<String> = match &*group.target_type {
        "alb" => {
            let named = |load_balancer: &&LoadBalancer| {
                load_balancer.kind == Kind::Application && owner.alb_targets.contains(&load_balancer.name)
            };
            cell.current.values().filter(named).map(|load_balancer| arn(call, load_balancer)).collect()
        }
        _ => vec!["i-0123456789abcdef0".to_owned()],
    };
    let mut xml = Xml::with_capacity(400 * targets.len() + 100);
    xml.members("TargetHealthDescriptions", targets, |xml, target| {
        xml.within("Target", |xml| {
            xml.text("Id", &target);
            xml.text("Port", "80");
        });
        xml.within("TargetHealth", |xml| xml.text("State", "healthy"));
    });
    Ok(xml.finish())
}
