//! The words by which a module's source, name and arguments are judged.

/// Words that mean a load balancer, or something that comes with one.
const STRONG: [&str; 22] = [
    "alb",
    "albs",
    "atlantis",
    "balancer",
    "balancers",
    "beanstalk",
    "elb",
    "elbs",
    "elbv2",
    "elb2",
    "fargate",
    "ingress",
    "ingresses",
    "lb",
    "lbs",
    "lbv2",
    "loadbalance",
    "loadbalancer",
    "loadbalancers",
    "loadbalancing",
    "nlb",
    "webapp",
];

/// Words of applications and platforms, which often come with a load balancer.
const WEAK: [&str; 44] = [
    "airflow",
    "api",
    "app",
    "application",
    "applications",
    "apps",
    "backend",
    "cluster",
    "consul",
    "ecs",
    "eks",
    "environment",
    "frontend",
    "gateway",
    "gitlab",
    "grafana",
    "helm",
    "infra",
    "infrastructure",
    "jenkins",
    "k8s",
    "keycloak",
    "kubernetes",
    "metabase",
    "microservice",
    "nexus",
    "nomad",
    "platform",
    "portal",
    "proxy",
    "server",
    "servers",
    "service",
    "services",
    "site",
    "sonarqube",
    "stack",
    "vault",
    "web",
    "webserver",
    "webservers",
    "website",
    "wordpress",
    "workload",
];

/// Words of [`WEAK`] that names of manifests contain whatever they are about.
const OF_ANY_CLUSTER: [&str; 19] = [
    "app",
    "application",
    "applications",
    "apps",
    "cluster",
    "eks",
    "environment",
    "helm",
    "infra",
    "infrastructure",
    "k8s",
    "kubernetes",
    "platform",
    "server",
    "servers",
    "service",
    "services",
    "stack",
    "workload",
];

/// Words of other resources: a module of these is about that resource, even if it belongs to a load balancer.
const OTHER: [&str; 97] = [
    "account",
    "acl",
    "acm",
    "alarm",
    "alarms",
    "alert",
    "alerts",
    "ami",
    "aurora",
    "backup",
    "bucket",
    "buckets",
    "budget",
    "cert",
    "certificate",
    "certificates",
    "certs",
    "cidr",
    "cloudfront",
    "cloudtrail",
    "cloudwatch",
    "cognito",
    "config",
    "context",
    "dashboard",
    "dashboards",
    "database",
    "db",
    "dns",
    "dynamodb",
    "ebs",
    "ecr",
    "efs",
    "elasticache",
    "firewall",
    "glue",
    "group",
    "guardduty",
    "iam",
    "irsa",
    "kafka",
    "key",
    "keys",
    "kms",
    "label",
    "labels",
    "lambda",
    "lambdas",
    "log",
    "logging",
    "logs",
    "monitoring",
    "msk",
    "mysql",
    "naming",
    "nat",
    "network",
    "observability",
    "oidc",
    "opensearch",
    "peering",
    "policies",
    "policy",
    "postgres",
    "postgresql",
    "queue",
    "rds",
    "record",
    "records",
    "redis",
    "redshift",
    "role",
    "roles",
    "route53",
    "s3",
    "secret",
    "secrets",
    "security",
    "sg",
    "sns",
    "sqs",
    "ssm",
    "subnet",
    "subnets",
    "tags",
    "team",
    "teams",
    "tgw",
    "transit",
    "user",
    "vpc",
    "vpn",
    "waf",
    "wafs",
    "workspace",
    "workspacer",
    "workspaces",
];

/// Arguments that configure a load balancer.
const INPUTS: [&str; 12] = [
    "access_logs",
    "desync_mitigation_mode",
    "drop_invalid_header_fields",
    "enable_http2",
    "enable_load_balancer",
    "http_tcp_listeners",
    "https_listeners",
    "idle_timeout",
    "listeners",
    "load_balancer",
    "load_balancer_type",
    "preserve_host_header",
];

/// Endings of arguments that pass a property of a load balancer which exists elsewhere.
const PROPERTIES: [&str; 18] = [
    "alarm", "alarms", "arn", "arns", "bucket", "cidr", "cidrs", "dns", "domain", "group", "groups", "id", "ids",
    "name", "sg", "suffix", "url", "zone",
];

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase)
}

/// Whether a text contains a word that means a load balancer.
pub(crate) fn names_one(text: &str) -> bool {
    words(text).any(|word| STRONG.contains(&word.as_str()))
}

/// Whether the address of manifests contains a word of an application, which often comes with a load balancer.
pub(crate) fn names_application(text: &str) -> bool {
    words(text).any(|word| WEAK.contains(&word.as_str()) && !OF_ANY_CLUSTER.contains(&word.as_str()))
}

/// Whether the last part of a module's source, or its name, speaks of a load balancer.
pub(super) fn speaks_of_one(source: &str, name: &str) -> bool {
    let among = |text: &str, list: &[&str]| words(text).any(|word| list.contains(&word.as_str()));
    // "load-balancer" is the word "balancer"; "ecs-alb" of a module for security groups is about the group.
    let by_source = among(source, &STRONG) && !among(source, &OTHER);
    let by_name = among(name, &STRONG) && !among(name, &OTHER) && !among(source, &OTHER);
    let weakly = (among(source, &WEAK) || among(name, &WEAK)) && !among(source, &OTHER) && !among(name, &OTHER);
    by_source || by_name || weakly
}

/// Whether the last part of a module's source is the name of other resources.
pub(crate) fn speaks_of_another(source: &str) -> bool {
    words(source).any(|word| OTHER.contains(&word.as_str()))
}

/// Whether an argument configures a load balancer, and does not only pass a property of one.
pub(super) fn configures_one(input: &str) -> bool {
    if INPUTS.contains(&input) {
        return true;
    }
    let words: Vec<String> = words(input).collect();
    let is_one = |word: &String| STRONG[..].contains(&word.as_str()) && word != "ingress" && word != "fargate";
    let is_property = words.last().is_some_and(|last| PROPERTIES.contains(&last.as_str()));
    words.iter().any(is_one) && !is_property
}
