//! Public Helm charts that bring no Ingress for users: controllers, drivers, agents.

/// Names of charts, checked on 2026-11-30 by their purpose: they have no web interface, and their values have no Ingress.
const WITHOUT_INGRESS: [&str; 44] = [
    "appmesh-controller",
    "aws-cloudwatch-metrics",
    "aws-ebs-csi-driver",
    "aws-efs-csi-driver",
    "aws-for-fluent-bit",
    "aws-fsx-csi-driver",
    "aws-load-balancer-controller",
    "aws-mountpoint-s3-csi-driver",
    "aws-node-termination-handler",
    "aws-privateca-issuer",
    "aws-vpc-cni",
    "calico",
    "cert-manager",
    "cilium",
    "cluster-autoscaler",
    "cluster-proportional-autoscaler",
    "coredns",
    "datadog",
    "datadog-operator",
    "descheduler",
    "external-dns",
    "external-secrets",
    "fluent-bit",
    "gatekeeper",
    "ingress-nginx",
    "istio-base",
    "istiod",
    "karpenter",
    "karpenter-crd",
    "keda",
    "kube-state-metrics",
    "kyverno",
    "metrics-server",
    "nginx-ingress",
    "node-problem-detector",
    "nvidia-device-plugin",
    "prometheus-adapter",
    "prometheus-node-exporter",
    "promtail",
    "reloader",
    "secrets-store-csi-driver",
    "secrets-store-csi-driver-provider-aws",
    "tigera-operator",
    "velero",
];

/// Whether a chart, given as `NAME`, `REPOSITORY/NAME` or `oci://HOST/NAME`, is one of these.
pub(crate) fn is_without_ingress(chart: &str) -> bool {
    let is_local = chart.starts_with('.') || chart.starts_with('/') || chart.starts_with("${");
    !is_local && chart.rsplit('/').next().is_some_and(|name| WITHOUT_INGRESS.contains(&name))
}
