//! Rules of AWS CloudFormation Guard: <https://docs.aws.amazon.com/cfn-guard/latest/ug/writing-rules.html>

use super::{ATTRIBUTE, SchemeModes, head, quoted};

/// The file of rules. Each rule selects only what it certainly denies, because Guard fails what it cannot compare.
pub(super) fn text(modes: &SchemeModes, notes: &[String]) -> String {
    let mut text = head("#", notes);
    text.push_str(
        "
let load_balancers = Resources.*[
    Type == 'AWS::ElasticLoadBalancingV2::LoadBalancer'
    Properties.LoadBalancerAttributes exists
    Properties.LoadBalancerAttributes is_list
]
",
    );
    let denied = modes.denied();
    if !denied.is_empty() {
        text.push_str(&rule("desync_mode", "", &denied));
    }
    if let Some((scheme, denied)) = modes.denied_in_one_scheme() {
        // CloudFormation's default is internet-facing.
        let unset = if scheme == "internet-facing" { "Properties.Scheme not exists OR " } else { "" };
        let condition = format!("\n        {unset}Properties.Scheme == '{scheme}'");
        text.push_str(&rule(&format!("desync_mode_{}", scheme.replace('-', "_")), &condition, &denied));
    }
    text
}

fn rule(name: &str, condition: &str, denied: &[&str]) -> String {
    let (list, last) = (quoted(denied, '\''), denied.last().copied().unwrap_or_default());
    format!(
        "
rule {name} when %load_balancers !empty
{{
    %load_balancers[
        Properties.Type not exists OR Properties.Type == 'application'{condition}
    ].Properties.LoadBalancerAttributes[
        Key == '{ATTRIBUTE}'
        Value is_string
    ].Value not in [{list}]
    <<The policy requires a desync mitigation mode above {last}.>>
}}
"
    )
}
