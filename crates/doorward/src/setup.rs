//! `doorward setup`: writes templates of roles and guardrails. It reads settings and a saved scan, and calls no AWS API.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use doorward_notify::ChannelSettings;
use doorward_remote_file::{ObjectUrl, RemoteFileSettings};
use doorward_setup::{
    EventBusRequest, GeneratedFile, PackRequest, Role, RoleRequest, RoleSettings, SetupError, alb_rule_notice,
    conformance_pack, deployment_gate, distributed, eventbridge, iam_documents, stackset, terraform,
};

use crate::cli::{Cli, SetupCommand, SetupPack, SetupRoles};
use crate::exit::{Exit, Failure};
use crate::io::answer;
use crate::settings::Settings;
use doorward_file::{Readers, write_file};
use doorward_traffic::log_bucket;

/// Runs `doorward setup`.
pub(crate) fn run(cli: &Cli, command: &SetupCommand) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &[])?;
    let (files, out) = match command {
        SetupCommand::Iam(arguments) => (roles(cli, arguments, &settings, iam_documents)?, &arguments.out),
        SetupCommand::Stackset(arguments) => (roles(cli, arguments, &settings, stackset)?, &arguments.out),
        SetupCommand::Terraform(arguments) => (roles(cli, arguments, &settings, terraform)?, &arguments.out),
        SetupCommand::ConformancePack(arguments) => (pack(cli, arguments, &settings)?, &arguments.out),
        SetupCommand::Eventbridge(arguments) => {
            let request = EventBusRequest {
                bus_arn: arguments.bus_arn.clone(),
                organization_id: arguments.organization_id.clone(),
            };
            (eventbridge(&request)?, &arguments.out)
        }
        SetupCommand::Distributed(arguments) => {
            (distributed(&RoleRequest::default(), &role_settings(&settings, false))?, &arguments.out)
        }
        SetupCommand::Gate(arguments) => {
            let gate = deployment_gate(arguments.language, &settings.policy)?;
            if !cli.quiet {
                gate.notes.iter().for_each(|text| note(text));
            }
            (vec![gate.file], &arguments.out)
        }
    };
    match out {
        Some(folder) => {
            let mut places = settings.places();
            files.iter().for_each(|file| places.file("--out", &folder.join(&file.name)));
            places.check()?;
            write(cli, folder, &files)
        }
        None => print(&files),
    }
}

/// The files of every purpose in `--for`.
fn roles(
    cli: &Cli,
    arguments: &SetupRoles,
    settings: &Settings,
    generate: fn(&Role, &RoleRequest) -> Result<Vec<GeneratedFile>, SetupError>,
) -> Result<Vec<GeneratedFile>, Failure> {
    if arguments.role_name.is_some() && arguments.purposes.len() > 1 {
        let problem = "--role-name: several roles cannot have one name; pass one --for at a time";
        return Err(Failure::new(Exit::Usage, problem));
    }
    let request = request(arguments, settings)?;
    request.validate()?;
    let role_settings = role_settings(settings, arguments.without_organization);
    let mut files = Vec::new();
    for purpose in &arguments.purposes {
        files.extend(generate(&Role::of(*purpose, &request, &role_settings)?, &request)?);
    }
    if request.caller_arn.is_none() && !cli.quiet {
        note(
            "without --caller-arn, a template asks for the caller when it is deployed, and no trust policy is written",
        );
    }
    Ok(files)
}

/// What the flags ask for; the external id comes from the settings by default.
fn request(arguments: &SetupRoles, settings: &Settings) -> Result<RoleRequest, Failure> {
    let mut buckets: BTreeSet<String> = arguments.buckets.iter().cloned().collect();
    if let Some(path) = &arguments.scan {
        buckets.extend(log_buckets(path)?);
    }
    Ok(RoleRequest {
        role_name: arguments.role_name.clone(),
        caller_arn: arguments.caller_arn.clone(),
        external_id: arguments.external_id.clone().or_else(|| settings.access.external_id.clone()),
        organization_id: arguments.organization_id.clone(),
        buckets,
        topics: arguments.topics.clone(),
        without_organization: arguments.without_organization,
        partition: arguments.partition.clone(),
    })
}

fn role_settings(settings: &Settings, without_organization: bool) -> RoleSettings {
    let topics = settings.notify.channels.values().filter_map(|channel| match channel {
        ChannelSettings::Sns { topic, .. } => Some(topic.clone()),
        _ => None,
    });
    RoleSettings {
        scan_role: settings.access.role_name.clone(),
        traffic_role: settings.traffic.role_name.clone(),
        publish_role: settings.publish.role_name.clone(),
        change_role: settings.change.role_name.clone(),
        athena: settings.traffic.athena.reach(!without_organization),
        topics: topics.collect(),
        ledger: shared_ledger(settings),
    }
}

/// The ledger of the settings, if it is in S3.
fn shared_ledger(settings: &Settings) -> Option<(ObjectUrl, RemoteFileSettings)> {
    let url = ObjectUrl::of_path(settings.ledger.path.as_deref()?).ok()??;
    Some((url, settings.s3.clone()))
}

/// The buckets that the load balancers of a saved scan write access logs to.
fn log_buckets(path: &Path) -> Result<BTreeSet<String>, Failure> {
    let (kept, criteria) = doorward_saved_scan::read(path)?;
    let scan = doorward_core::normalize(kept.inventory, &criteria.normalize);
    Ok(scan.load_balancers.iter().filter_map(|lb| Some(log_bucket(lb)?.0.to_owned())).collect())
}

fn pack(cli: &Cli, arguments: &SetupPack, settings: &Settings) -> Result<Vec<GeneratedFile>, Failure> {
    let request = PackRequest {
        required_mode: settings.policy.required_mode,
        regions: arguments.regions.clone(),
        excluded_accounts: arguments.excluded.clone(),
    };
    let files = conformance_pack(&request)?;
    if !cli.quiet {
        for notice in request.regions.iter().filter_map(alb_rule_notice) {
            note(&notice);
        }
    }
    Ok(files)
}

/// Prints one file as it is, several with their names before them.
fn print(files: &[GeneratedFile]) -> Result<Exit, Failure> {
    if let [file] = files {
        return answer(&file.text);
    }
    let each = files.iter().map(|file| format!("==> {} <==\n{}", file.name, file.text));
    answer(&each.collect::<Vec<_>>().join("\n"))
}

fn write(cli: &Cli, folder: &Path, files: &[GeneratedFile]) -> Result<Exit, Failure> {
    let failed = |path: &Path, error: &std::io::Error| Failure::writing(&path.display().to_string(), error);
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    for file in files {
        let path = folder.join(&file.name);
        write_file(&path, Readers::Umask, |out| out.write_all(file.text.as_bytes()))
            .map_err(|error| failed(&path, &error))?;
        if !cli.quiet {
            let _ = writeln!(std::io::stderr(), "{}", path.display());
        }
    }
    Ok(Exit::Clean)
}

fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "note: {text}");
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        Self::new(if error.is_internal() { Exit::Internal } else { Exit::Usage }, error.to_string())
    }
}
