//! Programs that write declarations: applications of the AWS CDK, of the CDK for Terraform, of Pulumi and of SST, and files of
//! the Serverless Framework in a programming language.
//!
//! Their sources are not evaluated. One that speaks of load balancers is listed as not read, unless what it writes is among the
//! checked files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use doorward_iac::{SourceRange, UnreadPart};

use super::{Gathered, ends, shown};

/// The endings of the languages that the tools have.
const LANGUAGES: [&str; 14] =
    [".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".py", ".java", ".kt", ".cs", ".fs", ".vb", ".go"];
/// The files of a program in YAML, besides the settings.
const OF_YAML: [&str; 2] = ["main.yaml", "main.yml"];
/// Words of a program that creates a load balancer, as the libraries of the tools spell them.
const WORDS: [&str; 11] = [
    "LoadBalancer",
    "LoadBalanced",
    "elasticloadbalancing",
    "load_balanced",
    "elbv2",
    "aws:lb/",
    "provider-aws/lib/lb",
    "provider_aws.lb",
    "provider-aws/lib/alb",
    "alb.ingress.kubernetes.io/",
    "ingress.k8s.aws/",
];
/// The maximum number of files of one program, and of bytes of one file, that are searched. Larger ones are generated.
const MAX_FILES: usize = 5_000;
const MAX_BYTES: u64 = 1 << 20;

/// The tool whose program a file belongs to.
fn tool(path: &Path) -> Option<(&'static str, &'static str)> {
    match path.file_name()?.to_str()? {
        "cdk.json" => Some(("AWS CDK", "run `cdk synth` and check cdk.out")),
        "cdktf.json" => Some(("the CDK for Terraform", "run `cdktf synth` and check cdktf.out")),
        "serverless.ts" | "serverless.js" | "serverless.mjs" => {
            Some(("the Serverless Framework", "run `serverless package` and check .serverless"))
        }
        "sst.config.ts" => Some(("SST", "check the load balancers after deployment")),
        "Pulumi.yaml" | "Pulumi.yml" => Some(("Pulumi", "check the preview: `pulumi preview --json > preview.json`")),
        _ => None,
    }
}

/// Whether a file is the settings of such a program.
pub(super) fn is_program(path: &Path) -> bool {
    tool(path).is_some()
}

/// Lists the programs that speak of load balancers.
pub(super) fn list(settings: &BTreeSet<PathBuf>, gathered: &mut Gathered) {
    let has_preview = gathered.sources.iter().any(|source| source.text.contains("urn:pulumi:"));
    for path in settings {
        let (Some((tool, step)), Some(folder)) = (tool(path), path.parent()) else { continue };
        // Its output is checked, or stands beside it for a check of its own.
        let is_written = match tool {
            "Pulumi" => has_preview,
            "AWS CDK" => folder.join("cdk.out").is_dir(),
            "the CDK for Terraform" => folder.join("cdktf.out").is_dir(),
            _ => false,
        };
        if is_written {
            continue;
        }
        // Of the Serverless Framework, the file itself is the program.
        let is_itself = tool == "the Serverless Framework";
        let found = if is_itself { sign_in(path) } else { sign(folder, settings) };
        if let Some((file, line)) = found {
            let label = shown(&file);
            let place = SourceRange { line, end_line: line, ..SourceRange::at_start(label) };
            let because = format!("The program of {tool} speaks of load balancers; {step}.");
            gathered.unread.push(UnreadPart { address: shown(path), place, because });
        }
    }
}

/// The first file and line of a program that speaks of a load balancer. Programs below it are listed on their own.
fn sign(folder: &Path, settings: &BTreeSet<PathBuf>) -> Option<(PathBuf, usize)> {
    let is_other = |below: &Path| below != folder && settings.iter().any(|path| path.parent() == Some(below));
    let visible = |entry: &walkdir::DirEntry| {
        entry.depth() == 0
            || (super::search::is_visible(entry.path()) && !(entry.file_type().is_dir() && is_other(entry.path())))
    };
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(visible).flatten();
    let files = entries.filter(|entry| entry.file_type().is_file() && ends_in_a_language(entry.path()));
    files.take(MAX_FILES).find_map(|entry| sign_in(entry.path()))
}

/// The first line of a file that speaks of a load balancer.
fn sign_in(path: &Path) -> Option<(PathBuf, usize)> {
    if path.metadata().map_or(true, |metadata| metadata.len() > MAX_BYTES) {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    // SST's components create one by an argument.
    let is_of_sst = path.file_name().is_some_and(|name| name == "sst.config.ts");
    let speaks = |line: &str| speaks_of_one(line) || (is_of_sst && line.contains("loadBalancer"));
    let line = text.lines().position(speaks)?;
    Some((path.to_owned(), line + 1))
}

/// Whether a line contains a word of a program that creates a load balancer. An IAM action and the name of the service, as policies
/// contain them, create nothing.
fn speaks_of_one(line: &str) -> bool {
    let is_end = |c: char| c.is_whitespace() || ['"', '\'', '`', ','].contains(&c);
    let is_permission = |part: &&str| {
        let part = part.to_ascii_lowercase();
        part.starts_with("elasticloadbalancing:") || part == "elasticloadbalancing.amazonaws.com"
    };
    let mut parts = line.split(is_end).filter(|part| !is_permission(part));
    parts.any(|part| WORDS.iter().any(|word| part.contains(word)))
}

fn ends_in_a_language(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_declaration = name.ends_with(".d.ts");
    let is_of_yaml = OF_YAML.contains(&name.to_ascii_lowercase().as_str());
    (ends(path, &LANGUAGES) || is_of_yaml || is_program(path)) && !is_declaration
}

#[cfg(test)]
mod tests {
    use super::speaks_of_one;

    #[test]
    fn permissions_create_no_load_balancer() {
        for (line, expected) in [
            ("            'elasticloadbalancing:CreateLoadBalancer',", false),
            ("actions=[\"elasticloadbalancing:DescribeLoadBalancers\", \"ec2:DescribeVpcs\"]", false),
            ("new ServicePrincipal(\"elasticloadbalancing.amazonaws.com\")", false),
            ("from aws_cdk import aws_elasticloadbalancingv2 as elbv2", true),
            ("new elbv2.ApplicationLoadBalancer(this, 'Lb', { vpc })", true),
            ("a = ['elasticloadbalancing:*']; new ApplicationLoadBalancedFargateService(this, 'S')", true),
        ] {
            assert_eq!(speaks_of_one(line), expected, "{line}");
        }
    }
}
