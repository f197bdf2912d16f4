//! The way in: everything that decides how AWS is called, resolved from the settings, the environment and the AWS configuration before
//! any call is made. What is wrong in it is an error that names the variable, or the file and line.

use std::collections::BTreeMap;

use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use doorward_model::Region;
use hyper::Uri;

use crate::access::AccessSettings;
use crate::credential_source::{Chain, CredentialProblem, CredentialSource};
use crate::http_policy::{EndpointHints, HttpPolicy, HttpPolicyError, Proxies, TrustStore, bundle_of};
use crate::shared_config::{SelectedProfile, SharedConfig, SharedConfigError};
use crate::variables::{ValueOrigin, VariableNotText, Variables};

mod lines;

pub use lines::WayInLine;
pub(crate) use lines::lines;

/// The services that Doorward calls, as the SDK names them.
pub(crate) const SERVICES: [&str; 15] = [
    "STS",
    "Organizations",
    "Account",
    "Elastic Load Balancing v2",
    "Elastic Load Balancing",
    "CloudWatch Logs",
    "CloudWatch",
    "S3",
    "Athena",
    "SecurityHub",
    "SNS",
    "SSO",
    "SSO OIDC",
    "CloudFront",
    "ApiGatewayV2",
];

const ENDPOINT: (&str, &str) = ("AWS_ENDPOINT_URL", "endpoint_url");

/// Why there is no way in.
#[derive(Debug, thiserror::Error)]
pub enum WayInError {
    /// The AWS configuration cannot be read.
    #[error(transparent)]
    Config(#[from] SharedConfigError),
    /// A profile that is named does not exist.
    #[error("{0}")]
    Profile(String),
    /// A variable that is not text.
    #[error(transparent)]
    Variable(#[from] VariableNotText),
    /// A value of a variable or of the AWS configuration cannot be used.
    #[error("{origin} is {value:?}, which is not {expected}")]
    Value {
        /// The variable, or the file and line.
        origin: ValueOrigin,
        /// The value, which is not secret.
        value: String,
        /// The expected form.
        expected: &'static str,
    },
    /// FIPS or dual-stack endpoints are on, and the endpoint of one service is set.
    #[error(
        "{flag} turns on {kind} endpoints, but {endpoint} sets the endpoint of {service}, which may be of another \
         kind; unset one of the two"
    )]
    TwoEndpoints {
        /// The origin of the flag.
        flag: ValueOrigin,
        /// `FIPS` or `dual-stack`.
        kind: &'static str,
        /// The origin of the endpoint.
        endpoint: ValueOrigin,
        /// The service.
        service: &'static str,
    },
    /// No setting, variable or profile names a Region, and instance metadata is turned off.
    #[error(
        "no Region to start from: set `access.home_region`, AWS_REGION, or a region in the AWS profile{unreadable}"
    )]
    Region {
        /// Files that cannot be read, each as a clause.
        unreadable: String,
    },
    /// Proxies or certificates.
    #[error(transparent)]
    Http(#[from] HttpPolicyError),
    /// The credentials.
    #[error("no AWS credentials: {0}")]
    Credentials(#[from] CredentialProblem),
}

/// Everything that decides how AWS is called.
pub(crate) struct WayIn {
    pub(crate) region: Option<Sourced<Region>>,
    pub(crate) fips: Sourced<bool>,
    pub(crate) dual_stack: Sourced<bool>,
    pub(crate) endpoints: ServiceSettings,
    pub(crate) policy: HttpPolicy,
    pub(crate) source: CredentialSource,
    /// The endpoint of instance metadata; none where it is turned off.
    pub(crate) metadata: Option<(String, ValueOrigin)>,
}

/// A value and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) origin: ValueOrigin,
}

/// The parts that the others are resolved from.
pub(crate) struct Ground {
    variables: Variables,
    config: SharedConfig,
    profile: SelectedProfile,
}

impl Ground {
    /// # Errors
    /// The AWS configuration cannot be read, or a profile that is named does not exist.
    pub(crate) fn new(settings: &AccessSettings, variables: Variables) -> Result<Self, WayInError> {
        variables.check()?;
        let config = SharedConfig::load(&variables)?;
        let place = settings.origins.of("access.profile");
        let profile = SelectedProfile::placed(settings.profile.as_deref(), place, &variables);
        if profile.is_named() && !config.has(&profile.name) {
            return Err(WayInError::Profile(config.absence(&profile)));
        }
        Ok(Self { variables, config, profile })
    }

    /// The first of the variables that has a value, else the profile's.
    fn value(&self, variables: &[&'static str], key: &str) -> Option<Sourced<String>> {
        if let Some((name, text)) = self.variables.first(variables) {
            return Some(Sourced { value: text.to_owned(), origin: ValueOrigin::variable(name) });
        }
        let located = self.config.get(&self.profile.name, key)?;
        Some(Sourced { value: located.text.clone(), origin: located.origin() })
    }

    fn region(&self, settings: &AccessSettings) -> Result<Option<Sourced<Region>>, WayInError> {
        if let Some(region) = &settings.home_region {
            let key = "access.home_region";
            let origin = ValueOrigin::Setting { key, place: settings.origins.of(key) };
            return Ok(Some(Sourced { value: region.clone(), origin }));
        }
        let Some(Sourced { value, origin }) = self.value(&["AWS_REGION", "AWS_DEFAULT_REGION"], "region") else {
            return Ok(None);
        };
        match Region::new(&value) {
            Ok(region) => Ok(Some(Sourced { value: region, origin })),
            Err(_) => Err(WayInError::Value { origin, value, expected: "the name of a Region, such as eu-west-1" }),
        }
    }

    fn flag(&self, variable: &'static str, key: &str) -> Result<Sourced<bool>, WayInError> {
        let Some(Sourced { value, origin }) = self.value(&[variable], key) else {
            return Ok(Sourced { value: false, origin: ValueOrigin::Default });
        };
        match value.to_ascii_lowercase().as_str() {
            "true" => Ok(Sourced { value: true, origin }),
            "false" => Ok(Sourced { value: false, origin }),
            _ => Err(WayInError::Value { origin, value, expected: "true or false" }),
        }
    }

    fn fips(&self) -> Result<Sourced<bool>, WayInError> {
        self.flag("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")
    }

    fn dual_stack(&self) -> Result<Sourced<bool>, WayInError> {
        self.flag("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")
    }

    /// Whether FIPS and dual-stack endpoints are used. An endpoint for every service replaces those of either kind, as in botocore.
    fn kinds(&self, endpoints: &ServiceSettings) -> Result<[Sourced<bool>; 2], WayInError> {
        let kinds = [("FIPS", self.fips()?), ("dual-stack", self.dual_stack()?)];
        if endpoints.hosts().len() == SERVICES.len() {
            return Ok(kinds.map(|(_, flag)| Sourced { value: false, ..flag }));
        }
        let own = SERVICES.into_iter().find_map(|service| Some((service, endpoints.endpoint(service)?)));
        let on = kinds.iter().find(|(_, flag)| flag.value);
        match (on, own) {
            (Some((kind, flag)), Some((service, endpoint))) => Err(WayInError::TwoEndpoints {
                flag: flag.origin.clone(),
                kind,
                endpoint: endpoint.origin.clone(),
                service,
            }),
            _ => Ok(kinds.map(|(_, flag)| flag)),
        }
    }

    fn endpoints(&self) -> Result<ServiceSettings, WayInError> {
        let ignored = self.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")?.value;
        let services = SERVICES.map(|service| (service, self.find(service, ENDPOINT.0, ENDPOINT.1)));
        let services: BTreeMap<_, _> =
            services.into_iter().filter_map(|(service, found)| Some((service, found?))).collect();
        for Sourced { value, origin } in services.values().filter(|_| !ignored) {
            let uri: Option<Uri> = value.parse().ok();
            let is_url = uri.is_some_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
            });
            if !is_url {
                let expected = "a URL that begins with http:// or https:// and names a host";
                return Err(WayInError::Value { origin: origin.clone(), value: value.clone(), expected });
            }
        }
        let profile_settings = self.config.settings_of(&self.profile.name);
        Ok(ServiceSettings { ignored, services, variables: self.variables.clone(), profile_settings })
    }

    /// Settings of one service: its own variable, the general one, its own in `[services]`, and the profile's.
    fn find(&self, service: &str, variable: &str, key: &str) -> Option<Sourced<String>> {
        let words = service.replace([' ', '-'], "_");
        for name in [format!("{variable}_{}", words.to_ascii_uppercase()), variable.to_owned()] {
            if let Some(text) = self.variables.get(&name) {
                return Some(Sourced { value: text.to_owned(), origin: ValueOrigin::Variable(name) });
            }
        }
        let own = self.config.of_service(&self.profile.name, &words.to_ascii_lowercase(), key);
        let located = own.or_else(|| self.config.get(&self.profile.name, key))?;
        Some(Sourced { value: located.text.clone(), origin: located.origin() })
    }

    fn policy(&self, hints: EndpointHints) -> Result<HttpPolicy, WayInError> {
        let bundle = bundle_of(&self.variables, &self.config, &self.profile.name);
        let trust = TrustStore::of_aws(&self.variables, bundle)?;
        Ok(HttpPolicy::new(Proxies::new(&self.variables)?, trust, hints))
    }

    fn chain(&self) -> Chain<'_> {
        Chain { variables: &self.variables, config: &self.config }
    }

    fn source(&self) -> Result<CredentialSource, CredentialProblem> {
        self.chain().choose(&self.profile)
    }
}

impl WayIn {
    /// Resolves the way in. Makes no call, but for reading files.
    ///
    /// # Errors
    /// The first thing that cannot be used.
    pub(crate) fn new(settings: &AccessSettings, variables: Variables) -> Result<Self, WayInError> {
        let ground = Ground::new(settings, variables)?;
        let region = ground.region(settings)?;
        let metadata = ground.chain().metadata_endpoint(&ground.profile.name);
        if region.is_none() && metadata.is_none() {
            return Err(WayInError::Region { unreadable: ground.config.unreadable() });
        }
        let endpoints = ground.endpoints()?;
        let [fips, dual_stack] = ground.kinds(&endpoints)?;
        let on = |flag: &Sourced<bool>| flag.value.then(|| flag.origin.clone());
        let hints = EndpointHints {
            endpoints: endpoints.hosts(),
            fips: on(&fips),
            dual_stack: on(&dual_stack),
            region: region.as_ref().map(|region| (region.value.to_string(), region.origin.clone())),
        };
        Ok(Self {
            endpoints,
            policy: ground.policy(hints)?,
            source: ground.source()?,
            metadata,
            region,
            fips,
            dual_stack,
        })
    }
}

/// The settings of single services, as the SDK asks for them.
pub(crate) struct ServiceSettings {
    /// Whether configured endpoints are ignored.
    ignored: bool,
    services: BTreeMap<&'static str, Sourced<String>>,
    variables: Variables,
    profile_settings: BTreeMap<String, String>,
}

impl ServiceSettings {
    /// The endpoint that is configured for a service.
    pub(crate) fn endpoint(&self, service: &str) -> Option<&Sourced<String>> {
        self.services.get(service).filter(|_| !self.ignored)
    }

    /// The hosts and ports of the endpoints, with what names each.
    fn hosts(&self) -> Vec<(String, ValueOrigin)> {
        let hosts = self.services.values().filter(|_| !self.ignored).filter_map(|endpoint| {
            let host = endpoint.value.parse::<Uri>().ok()?.authority()?.to_string();
            Some((host, endpoint.origin.clone()))
        });
        hosts.collect()
    }
}

impl std::fmt::Debug for ServiceSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServiceSettings({:?})", self.services)
    }
}

impl LoadServiceConfig for ServiceSettings {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        if key.env() == ENDPOINT.0 {
            return self.endpoint(key.service_id()).map(|found| found.value.clone());
        }
        let of_profile = || self.profile_settings.get(key.profile()).cloned();
        self.variables.get(key.env()).map(str::to_owned).or_else(of_profile)
    }
}
