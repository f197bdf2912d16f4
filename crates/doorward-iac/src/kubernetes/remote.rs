//! Manifests in other repositories: whether they can create a load balancer, by their address.
//!
//! They are judged as modules of Terraform that are not installed: known ones are counted, those whose repository or path speaks of a
//! load balancer, or of an application that comes with one, are not read, and any other is unknown.

use std::collections::{BTreeMap, BTreeSet};

use doorward_model::Pattern;

use super::Manifests;
use crate::indirect::is_named_after_other_kinds;
use crate::source_text::SourceFile;
use crate::terraform::module_sources::words;
use crate::tree::{Data, Node};
use crate::{ParseOutput, SourceRange, Unexamined, UnexaminedReason, UnreadPart};

/// The list of public repositories without load balancers.
const WITHOUT: &str = include_str!("remote/without_load_balancers.tsv");

/// The last parts of an address that stand for one file of a repository at a version: `/releases/download/TAG/FILE`.
const OF_A_VERSION: [(&str, usize); 5] = [("releases", 3), ("raw", 2), ("blob", 2), ("tree", 2), ("archive", 2)];

/// The parts of an address: the repository `HOST/OWNER/NAME`, and the path within it.
#[derive(Debug, PartialEq, Eq)]
struct RemoteAddress {
    repository: String,
    path: String,
}

impl RemoteAddress {
    /// Parses the forms that kustomize and Argo CD accept:
    /// <https://github.com/kubernetes-sigs/kustomize/blob/master/examples/remoteBuild.md>
    fn of(address: &str) -> Self {
        let address = address.split(['?', '#']).next().unwrap_or_default();
        let address = address.strip_prefix("git::").unwrap_or(address);
        let has_scheme = address.contains("://");
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        let rest = match rest.split_once('@') {
            Some((user, host)) if !user.contains('/') => host,
            _ => rest,
        };
        // The form of ssh: `git@HOST:OWNER/NAME`.
        let rest = if has_scheme { rest.to_owned() } else { rest.replacen(':', "/", 1) };
        let mut parts = rest.split('/').filter(|part| !part.is_empty());
        let host = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (owner, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let below: Vec<&str> = parts.collect();
        let (host, below) = match host.as_str() {
            "raw.githubusercontent.com" => ("github.com".to_owned(), below.get(1..).unwrap_or_default()),
            _ => {
                let versioned = OF_A_VERSION.iter().find(|(first, _)| below.first() == Some(first));
                (host, versioned.and_then(|(_, skipped)| below.get(*skipped..)).unwrap_or(&below))
            }
        };
        let name = name.strip_suffix(".git").unwrap_or(name);
        Self { repository: format!("{host}/{owner}/{name}"), path: below.join("/") }
    }

    fn is_listed(&self) -> bool {
        let mut listed =
            WITHOUT.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('\t').next());
        listed.any(|repository| repository.eq_ignore_ascii_case(&self.repository))
    }

    /// Whether the address speaks of a load balancer. The owner and the host say nothing about it.
    fn speaks_of_one(&self) -> bool {
        let name = self.repository.rsplit('/').next().unwrap_or_default();
        [name, &self.path].into_iter().any(|text| words::names_one(text) || words::names_application(text))
    }

    /// Whether the last part of the path is named after objects that create no load balancer, such as `crds`.
    fn is_of_other_kinds(&self) -> bool {
        let last = self.path.rsplit('/').next().unwrap_or_default();
        is_named_after_other_kinds(last.split('.').next().unwrap_or_default())
    }
}

/// Records manifests of another repository. `user` are the sources that the settings name as ones without load balancers.
pub(super) fn record(
    (address, place): (String, SourceRange),
    remote: &str,
    user: &[Pattern],
    output: &mut ParseOutput,
) {
    let parsed = RemoteAddress::of(remote);
    let reason = if parsed.is_listed() || user.iter().any(|pattern| pattern.matches(remote)) {
        UnexaminedReason::RemoteManifestsWithoutLoadBalancers
    } else if parsed.is_of_other_kinds() {
        UnexaminedReason::ManifestOfOtherKinds
    } else if !parsed.speaks_of_one() {
        UnexaminedReason::RemoteManifests
    } else {
        let because = format!(
            "The manifests come from {remote:?}, which is not among the files, and may create a load balancer; check what is \
             deployed (`kubectl kustomize`). If they create none, name the source in check.modules_without_load_balancers."
        );
        output.unread.push(UnreadPart { address, place, because });
        return;
    };
    output.unexamined.push(Unexamined { address, place, reason, detail: remote.to_owned() });
}

/// Lists the manifests that objects of Argo CD and Flux deploy from folders that are not among the files:
/// <https://argo-cd.readthedocs.io/en/stable/operator-manual/application.yaml>,
/// <https://fluxcd.io/flux/components/kustomize/kustomizations/#path>
pub(crate) fn mark_deployed(
    manifests: &Manifests<'_>,
    sources: &[SourceFile],
    user: &[Pattern],
    output: &mut ParseOutput,
) {
    let roots = || manifests.documents.iter().map(|(text, document, _)| (*text, &document.root));
    let is_of =
        |root: &Node, group: &str| root.text_at(&["apiVersion"]).is_some_and(|version| version.starts_with(group));
    // The addresses of repositories that Flux reads, by name.
    let of_flux = roots().filter(|(_, root)| is_of(root, "source.toolkit.fluxcd.io/"));
    let of_flux =
        of_flux.filter_map(|(_, root)| Some((root.text_at(&["metadata", "name"])?, root.text_at(&["spec", "url"])?)));
    let of_flux: BTreeMap<&str, &str> = of_flux.collect();
    let folders: BTreeSet<String> = sources.iter().map(|source| format!("/{}/", source.folder())).collect();
    for (text, root) in roots() {
        let kind = root.text_at(&["kind"]).unwrap_or_default();
        let mut found = Vec::new();
        match kind {
            "Application" | "ApplicationSet" if is_of(root, "argoproj.io/") => deployed_by_argo(root, &mut found),
            "Kustomization" if is_of(root, "kustomize.toolkit.fluxcd.io/") => {
                let source = root.text_at(&["spec", "sourceRef", "name"]).unwrap_or_default();
                if let (Some(path), Some(url)) = (root.at(&["spec", "path"]), of_flux.get(source)) {
                    found.push((*url, path));
                }
            }
            _ => {}
        }
        let name = root.text_at(&["metadata", "name"]).unwrap_or("(unnamed)");
        for (repository, path) in found {
            let below = path.as_str().unwrap_or_default().trim_start_matches("./").trim_matches('/');
            if folders.iter().any(|folder| is_within(folder, below)) {
                continue;
            }
            let place = text.place(path.span.clone());
            record((format!("{kind} {name}"), place), &format!("{repository}//{below}"), user, output);
        }
    }
}

/// The repositories of an object of Argo CD with their paths.
fn deployed_by_argo<'n>(node: &'n Node, found: &mut Vec<(&'n str, &'n Node)>) {
    match &*node.data {
        Data::Scalar { .. } => {}
        Data::Seq(nodes) => nodes.iter().for_each(|node| deployed_by_argo(node, found)),
        Data::Map(pairs) => {
            if let (Some(repository), Some(path)) = (node.text_at(&["repoURL"]), node.get("path"))
                && path.as_str().is_some()
            {
                found.push((repository, path));
            }
            pairs.iter().for_each(|(_, value)| deployed_by_argo(value, found));
        }
    }
}

/// Whether a folder, `/a/b/`, is that of a path within some repository, or below it. The repository may be checked from above or from
/// within.
fn is_within(folder: &str, path: &str) -> bool {
    // The folder as a whole, or a path that is composed when it is deployed.
    if path.is_empty() || path == "." || path.contains("{{") || path.contains("${") {
        return false;
    }
    folder.match_indices(path).any(|(at, _)| folder[..at].ends_with('/') && folder[at + path.len()..].starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_repository() {
        for address in [
            "https://github.com/acme/Deploy//web/prod?ref=v1",
            "https://github.com/acme/Deploy/web/prod?ref=v1",
            "https://github.com/acme/Deploy.git//web/prod",
            "github.com/acme/Deploy/web/prod",
            "git@github.com:acme/Deploy//web/prod?ref=v1",
            "git@github.com:acme/Deploy.git/web/prod",
            "ssh://git@github.com/acme/Deploy.git//web/prod",
            "git::https://token@GitHub.com/acme/Deploy//web/prod",
            "https://raw.githubusercontent.com/acme/Deploy/v1/web/prod",
            "https://github.com/acme/Deploy/raw/v1/web/prod",
            "https://github.com/acme/Deploy/releases/download/v1/web/prod",
        ] {
            let expected =
                RemoteAddress { repository: "github.com/acme/Deploy".to_owned(), path: "web/prod".to_owned() };
            assert_eq!(RemoteAddress::of(address), expected, "{address}");
        }
        for line in WITHOUT.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            assert!(fields.len() == 3 && fields[2].len() == 40 && RemoteAddress::of(fields[0]).is_listed(), "{line}");
        }
    }

    #[test]
    fn folders_of_a_path() {
        for (folder, path, expected) in [
            ("apps/web", "apps/web", true),
            ("apps/web/base", "apps/web", true),
            ("clusters/apps/web", "apps/web", true),
            ("apps/website", "apps/web", false),
            ("apps", "apps/web", false),
            ("apps", ".", false),
            ("apps", "", false),
            ("apps", "{{path}}", false),
        ] {
            assert_eq!(is_within(&format!("/{folder}/"), path), expected, "{folder} {path}");
        }
    }

    #[test]
    fn what_is_known_of_an_address() {
        for (remote, expected) in [
            ("https://github.com/cert-manager/cert-manager/releases/download/v1/cert-manager.yaml", Some("known")),
            ("https://raw.githubusercontent.com/argoproj/argo-cd/v2.9.3/manifests/install.yaml", Some("known")),
            ("https://github.com.evil.example/cert-manager/cert-manager", Some("unknown")),
            ("https://evil.example/github.com/argoproj/argo-cd", Some("unknown")),
            ("https://gitlab.com/acme/base//overlays/prod?ref=v1", Some("unknown")),
            ("git@github.com:acme/base", Some("unknown")),
            ("https://github.com/acme/elb//base?ref=v1", None),
            ("https://github.com/acme/base//ingress/public", None),
            ("github.com/acme/web-app//k8s?ref=v1", None),
            ("https://github.com/elb/base//web", None),
            ("https://github.com/elb/base", Some("unknown")),
            ("github.com/aws/eks-charts/stable/aws-load-balancer-controller//crds?ref=master", Some("other")),
            ("https://github.com/allowed/ingress//base", Some("known")),
            ("", Some("unknown")),
        ] {
            let mut output = ParseOutput::default();
            let user = [Pattern::from("https://github.com/allowed/*")];
            let place = SourceRange::at_start("kustomization.yaml".to_owned());
            record(("kustomization.yaml".to_owned(), place), remote, &user, &mut output);
            let found = output.unexamined.first().map(|one| match one.reason {
                UnexaminedReason::RemoteManifestsWithoutLoadBalancers => "known",
                UnexaminedReason::ManifestOfOtherKinds => "other",
                UnexaminedReason::RemoteManifests => "unknown",
                _ => "",
            });
            assert_eq!((found, output.unread.len()), (expected, usize::from(expected.is_none())), "{remote}");
        }
    }
}
