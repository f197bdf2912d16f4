//! Load balancers of the provider `awscc` in configuration. Its arguments are the properties of CloudFormation, so that an attribute
//! which is not set keeps its value: <https://registry.terraform.io/providers/hashicorp/awscc/latest/docs/resources/elasticloadbalancingv2_load_balancer>

use doorward_model::{GapReason, Kind, Manager, Observed};

use super::evaluation::Evaluated;
use super::module::Instance;
use super::path;
use super::resource::{Resource, builder, scalar};
use super::value::ConfigValue;
use crate::attributes::Attributes;
use crate::builder::{gap, scheme};
use crate::{Declared, Deployment};

const ATTRIBUTES: &str = "load_balancer_attributes";

impl<'a> Resource<'a> {
    /// The load balancer of an `awscc_elasticloadbalancingv2_load_balancer`.
    pub(super) fn declare_cloud_control(
        &self,
        prefix: &str,
        instance: Instance<'a>,
        deployment: &Deployment,
    ) -> Option<Declared> {
        let section = self.meta();
        let [kind, name] = section.labels.as_slice() else { return None };
        let Instance { suffix, scope } = instance;
        let text = &self.file().text;
        let list = self.argument(&scope, ATTRIBUTES);
        let value = |name: &str| scalar(&self.argument(&scope, name), self);
        let mut builder = builder(text, format!("{prefix}{kind}.{name}{suffix}"), section.head.clone(), &list);
        builder.set_kind(value("type"));
        if builder.kind_gap.is_some() {
            builder.kind_outcomes = vec![Kind::Application, Kind::Network, Kind::Gateway];
        }
        builder.name = value("name");
        builder.scheme = scheme(value("scheme"));
        let mode = builder.kind.mode_attribute();
        let (attributes, outcomes) = self.attributes(&list, mode);
        builder.attributes = attributes.named;
        builder.incomplete = attributes.incomplete;
        if !outcomes.is_empty() {
            builder.outcomes.insert(mode.to_owned(), outcomes);
        }
        if self.ignores(ATTRIBUTES) && !deployment.new {
            let message = "lifecycle.ignore_changes lets an existing load balancer keep its attributes";
            builder.incomplete = Some(gap(text, GapReason::KeepsLiveValue, section.head.clone(), message));
            builder.attributes.clear();
            builder.outcomes.clear();
        }
        builder.deliveries = self.deliveries;
        builder.managed_by = Observed::Known(Manager::Terraform(builder.address.clone()));
        let message = "the configuration shows no tags of the provider";
        builder.more_tags = Some(builder.gap(GapReason::Undeclared, builder.head.clone(), message));
        for (key, value) in self.attributes(&self.argument(&scope, "tags"), "").0.named {
            if let Observed::Known(value) = value {
                builder.tags.insert(key, value);
            }
        }
        builder.mode_instruction = format!("In {ATTRIBUTES} of {}, set the value of {mode} to", builder.address);
        builder.logs_instruction = format!("In {ATTRIBUTES} of {}, enable access_logs.s3.enabled.", builder.address);
        builder.fix = Err("the mode is an element of a list; change it there".to_owned());
        Some(builder.finish(deployment))
    }

    /// A list of objects with `key` and `value`, and the possible values of one key, if they are few.
    fn attributes(&self, list: &Evaluated<'a>, wanted: &str) -> (Attributes, Vec<Observed<String>>) {
        let (mut attributes, mut outcomes) = (Attributes::default(), Vec::new());
        let (text, span) = match &list.source {
            Some(source) => (source.text, source.span.clone()),
            None => (&self.file().text, self.meta().head.clone()),
        };
        let unknown = |cause: &str| Some(list.gap(cause, text, &span));
        let items = match &list.value {
            ConfigValue::List(items) => items.items.as_slice(),
            ConfigValue::Unknown(open) => {
                attributes.incomplete = unknown(&open.cause);
                &[]
            }
            ConfigValue::Null => &[],
            _ => {
                attributes.incomplete = unknown("the attributes are not a list");
                &[]
            }
        };
        for item in items {
            let member = |name: &str| path::attribute(item, name).unwrap_or(ConfigValue::Null);
            let key = member("key");
            let Some(key) = key.scalar_text() else {
                let cause = key.cause().map_or("an attribute has no literal key", |cause| &**cause);
                attributes.incomplete = unknown(cause);
                continue;
            };
            let value = member("value");
            if let (true, ConfigValue::Unknown(open)) = (key == wanted, &value) {
                let texts = open.outcomes.iter().map(ConfigValue::scalar_text).collect::<Option<Vec<_>>>();
                outcomes = texts.unwrap_or_default().into_iter().map(Observed::Known).collect();
            }
            attributes.set(text, &key, scalar(&list.part(value), self), span.clone());
        }
        (attributes, outcomes)
    }
}
