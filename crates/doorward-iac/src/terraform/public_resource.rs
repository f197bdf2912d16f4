//! The load balancers of the public modules, from the arguments of their calls.

use doorward_model::{Listener, Observed};

use super::evaluation::{Evaluated, Scope};
use super::providers::Providers;
use super::resource::{MODE, Resource, builder, defaults, fix, scalar, set_tags};
use super::set_arguments;
use super::value::ConfigValue;
use crate::builder::{DROP_INVALID, listener};
use crate::{Declared, Deployment};

impl<'a> Resource<'a> {
    /// The load balancer of the public module; `None` if `create` is false:
    /// <https://github.com/terraform-aws-modules/terraform-aws-alb>
    pub(super) fn declare_public(
        &self,
        prefix: &str,
        scope: &Scope<'a>,
        tags: Option<&Evaluated<'a>>,
        providers: Option<&Providers>,
        deployment: &Deployment,
    ) -> Option<Declared> {
        // `create_lb` is the name of the argument up to version 8.
        for name in ["create", "create_lb"] {
            if scalar(&self.argument(scope, name), self) == Observed::Known("false".to_owned()) {
                return None;
            }
        }
        let text = &self.file().text;
        let mode = self.argument(scope, MODE);
        let value = |path: &[&str]| match path {
            [MODE] => scalar(&mode, self),
            [outer, inner] => member(&self.argument(scope, outer), inner, self),
            [name] => scalar(&self.argument(scope, name), self),
            _ => Observed::Absent,
        };
        let head = self.meta().head.clone();
        let mut builder = builder(text, format!("{prefix}aws_lb.this[0]"), head, &mode);
        set_arguments(&mut builder, false, &value);
        // The module's default differs from the provider's.
        builder.attributes.entry(DROP_INVALID.to_owned()).and_modify(|value| {
            if *value == Observed::Absent {
                *value = Observed::Known("true".to_owned());
            }
        });
        defaults(&mut builder);
        self.set_outcomes(&mut builder, scope, &mode);
        let target = providers.map(|providers| providers.for_resource(None)).unwrap_or_default();
        (builder.region, builder.match_hints.account) = (target.region, target.account);
        set_tags(&mut builder, &self.argument(scope, "tags"), tags);
        builder.mode_instruction = format!("In {}, set {MODE} to", prefix.trim_end_matches('.'));
        builder.fix = fix(&mode, self.file(), self.meta());
        Some(builder.finish(deployment))
    }

    /// The classic load balancer of the public module, which takes no mode: <https://github.com/terraform-aws-modules/terraform-aws-elb>
    pub(super) fn declare_classic(
        &self,
        prefix: &str,
        scope: &Scope<'a>,
        tags: Option<&Evaluated<'a>>,
        providers: Option<&Providers>,
        deployment: &Deployment,
    ) -> Option<Declared> {
        if scalar(&self.argument(scope, "create_elb"), self) == Observed::Known("false".to_owned()) {
            return None;
        }
        let text = &self.file().text;
        let value = |path: &[&str]| match path {
            [MODE] => Observed::Absent,
            [outer, inner] => member(&self.argument(scope, outer), inner, self),
            [name] => scalar(&self.argument(scope, name), self),
            _ => Observed::Absent,
        };
        let address = format!("{prefix}module.elb.aws_elb.this[0]");
        let mut builder = builder(text, address, self.meta().head.clone(), &Evaluated::absent());
        set_arguments(&mut builder, true, &value);
        defaults(&mut builder);
        builder.listeners = self.listeners_of_argument(scope);
        let target = providers.map(|providers| providers.for_resource(None)).unwrap_or_default();
        (builder.region, builder.match_hints.account) = (target.region, target.account);
        set_tags(&mut builder, &self.argument(scope, "tags"), tags);
        builder.without_setting("The module terraform-aws-modules/elb/aws has no argument for the mode");
        builder.fix = Err("the module has no argument for the mode".to_owned());
        Some(builder.finish(deployment))
    }

    /// The listeners of a list of objects.
    fn listeners_of_argument(&self, scope: &Scope<'a>) -> Observed<Vec<Listener>> {
        let argument = self.argument(scope, "listener");
        let list = match &argument.value {
            ConfigValue::List(list) => list.clone(),
            ConfigValue::Unknown(unknown) => {
                return Observed::Unread(argument.gap(&unknown.cause, &self.file().text, &self.meta().head));
            }
            _ => return Observed::Absent,
        };
        let mut listeners = Vec::new();
        for one in &list.items {
            let value = |name: &str| match super::path::attribute(one, name) {
                Ok(value) => scalar(&argument.part(value), self),
                Err(_) => Observed::Absent,
            };
            match value("lb_protocol") {
                Observed::Known(protocol) => {
                    listeners.push(listener(&protocol, value("lb_port").known().map(String::as_str)));
                }
                Observed::Unread(gap) => return Observed::Unread(gap),
                Observed::Absent => return Observed::Absent,
            }
        }
        Observed::Known(listeners)
    }
}

/// The value of a key of an argument that is a map.
fn member<'a>(evaluated: &Evaluated<'a>, name: &str, resource: &Resource<'a>) -> Observed<String> {
    match &evaluated.value {
        ConfigValue::Map(map) => match (map.entries.get(name), &map.rest, name) {
            (Some(value), ..) => scalar(&evaluated.part(value.clone()), resource),
            (None, Some(cause), _) => resource.unread(evaluated, cause),
            // The module enables logs by default if the map is set.
            (None, None, "enabled") => Observed::Known("true".to_owned()),
            (None, None, _) => Observed::Absent,
        },
        ConfigValue::Unknown(unknown) => resource.unread(evaluated, &unknown.cause),
        _ => Observed::Absent,
    }
}
