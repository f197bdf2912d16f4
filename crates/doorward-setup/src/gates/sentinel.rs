//! Sentinel for HCP Terraform: <https://developer.hashicorp.com/sentinel/docs/terraform>

use super::{Requirements, head, table};

/// The policy over `tfplan/v2`.
pub(super) fn text(requirements: &Requirements, notes: &[String]) -> String {
    let mut text = head("#", notes);
    text.push_str(&format!(
        r#"
import "tfplan/v2" as tfplan
import "strings"

weak_modes = {{
	"application": {application},
	"classic": {classic},
}}

scheme = func(rc) {{
	if rc.change.after_unknown.internal else false is true {{
		return "unknown"
	}}
	if rc.change.after.internal else false is true {{
		return "internal"
	}}
	return "internet-facing"
}}

mode = func(rc) {{
	return rc.change.after.desync_mitigation_mode else ""
}}

load_balancers = filter tfplan.resource_changes as _, rc {{
	rc.mode is "managed" and rc.change.actions is not ["delete"]
}}

application = filter load_balancers as _, rc {{
	rc.type in ["aws_lb", "aws_alb"] and
	(rc.change.after.load_balancer_type else "application") is "application" and
	mode(rc) in weak_modes.application[scheme(rc)]
}}

# The mode has an effect only on HTTP listeners.
classic = filter load_balancers as _, rc {{
	rc.type is "aws_elb" and
	mode(rc) in weak_modes.classic[scheme(rc)] and
	(any (rc.change.after.listener else []) as _, listener {{
		strings.to_lower(listener.lb_protocol else "") in ["http", "https"]
	}})
}}

main = rule {{
	length(application) is 0 and length(classic) is 0
}}
"#,
        application = table(&requirements.of_application),
        classic = table(&requirements.of_classic),
    ));
    text
}
