//! The registry of outputs: one row for each, which the command line, its help, the demo and the tests iterate over.
//!
//! To add an output to stdout or a file, write a module with a [`Render`] function and add a row. An output that needs more, such
//! as a folder or a delivery, implements [`Sink`] itself.

use std::io::{self, Write};
use std::path::Path;

use doorward_aws::{Access, Clock};
use doorward_ledger::LeasedLedger;
use doorward_model::{
    DeclarationSettings, Frameworks, LoadBalancer, Policy, ReportFilter, ScanReport, Sink, SinkContext, SinkShape,
    Skipped,
};
use doorward_notify::Environment;
use doorward_rules::exceptions::Register;
use doorward_sink_evidence::EvidenceSettings;
use doorward_sink_owners::OwnersSettings;
use doorward_sink_securityhub::PublishSettings;
use doorward_sink_text::{FlatContext, TextStyle, inventory_csv, json, ndjson, table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod csv;
mod error;
mod evidence;
mod filtered;
mod format;
mod notify;
mod oscal;
mod owners;
mod page;
mod parquet_output;
mod plugin_output;
mod securityhub;
mod stream;

pub use csv::{CsvSettings, Separator};
pub use error::OutputError;
pub use filtered::check_filter;
pub use format::Format;
pub use notify::channels;
pub use plugin_output::{DeliveryLedger, PluginInputs};

/// Delivery to Security Hub.
pub const SECURITY_HUB: DeliveryRow = DeliveryRow {
    command: "doorward publish",
    call: "securityhub:BatchImportFindings",
    member: "published",
    calls_aws: |_| true,
    make: securityhub::deliver,
};

/// Digests to owners, leadership and FinOps.
pub const NOTIFY: DeliveryRow = DeliveryRow {
    command: "doorward notify",
    call: "notify",
    member: "notified",
    calls_aws: notify::calls_aws,
    make: notify::deliver,
};

/// Every output, in the order in which help lists them.
pub const REGISTRY: &[Output] = &[
    Output {
        name: "table",
        help: "for people",
        demo: Some("scan.txt"),
        make: Make::Stream(|out, report, inputs, _| {
            let OutputOptions { style, width, .. } = inputs.options;
            Ok(table::write(out, report, inputs.filter, style, width)?.into())
        }),
    },
    Output {
        name: "json-v1",
        help: "the whole report as one JSON document",
        demo: Some("scan.json"),
        make: Make::Stream(|out, report, inputs, context| {
            Ok(json::write(out, report, &inputs.flat(report, context), context.exit_code)?.into())
        }),
    },
    Output {
        name: "ndjson-v1",
        help: "the whole report as JSON lines",
        demo: Some("scan.ndjson"),
        make: Make::Stream(|out, report, inputs, context| {
            Ok(ndjson::write(out, report, &inputs.flat(report, context), context.exit_code)?.into())
        }),
    },
    Output {
        name: "html",
        help: "one self-contained page for browsers",
        demo: Some("scan.html"),
        make: Make::Stream(page::write),
    },
    Output {
        name: "posture",
        help: "one page for leadership, to print on A4",
        demo: Some("posture.html"),
        make: Make::Stream(page::write_sheet),
    },
    Output { name: "owners", help: "a page per owner", demo: Some("owners"), make: Make::Folder(owners::make) },
    Output {
        name: "csv",
        help: "findings for spreadsheets; no text runs as a formula",
        demo: Some("scan.csv"),
        make: Make::Stream(csv::write_excel),
    },
    Output {
        name: "csv-raw",
        help: "findings with every text verbatim, including formulas: for programs only",
        demo: None,
        make: Make::Stream(csv::write_raw),
    },
    Output {
        name: "csv-inventory",
        help: "one row for each load balancer, for spreadsheets and queries",
        demo: Some("scan-inventory.csv"),
        make: Make::Stream(|out, report, inputs, context| {
            Ok(inventory_csv::write(out, report, &inputs.flat(report, context))?.into())
        }),
    },
    Output {
        name: "evidence",
        help: "a folder of evidence packs for auditors, one per scan",
        demo: Some("evidence"),
        make: Make::Folder(evidence::make),
    },
    Output {
        name: "asff",
        help: "findings in the format of Security Hub (ASFF)",
        demo: Some("scan.asff.json"),
        make: Make::Stream(securityhub::write_asff),
    },
    Output {
        name: "ocsf",
        help: "findings as OCSF 1.6 lines, the version that Security Hub uses",
        demo: Some("scan.ocsf.ndjson"),
        make: Make::Stream(securityhub::write_ocsf),
    },
    Output {
        name: "ocsf-1.3",
        help: "findings as OCSF 1.3 lines, for custom sources of Security Lake",
        demo: None,
        make: Make::Stream(securityhub::write_ocsf_for_security_lake),
    },
    Output {
        name: "oscal",
        help: "OSCAL 1.1 assessment results",
        demo: Some("scan.oscal.json"),
        make: Make::Stream(oscal::write),
    },
    Output {
        name: "parquet",
        help: "a folder of Parquet files by day: load balancers, findings, coverage, runs",
        demo: None,
        make: Make::Folder(parquet_output::make),
    },
    Output {
        name: "securityhub",
        help: "Security Hub, each finding once",
        demo: None,
        make: Make::Delivery(SECURITY_HUB),
    },
    Output {
        name: "notify",
        help: "digests for owners, leadership and FinOps, to the configured channels",
        demo: None,
        make: Make::Delivery(NOTIFY),
    },
];

/// A row of the registry.
#[derive(Debug)]
pub struct Output {
    /// The name, as in `--format`. Machine formats carry their version in it.
    pub name: &'static str,
    /// The description for the help.
    pub help: &'static str,
    /// The file or folder that `doorward demo` writes; none where the demo leaves the output out.
    pub demo: Option<&'static str>,
    /// How its sink is made.
    make: Make,
}

/// How a sink is made.
#[derive(Debug, Clone, Copy)]
enum Make {
    /// To stdout or a file, by a function.
    Stream(Render),
    /// To a folder.
    Folder(MakeFolder),
    /// To a service, by a command of its own: a delivery needs the ledger, and access to AWS or a channel.
    Delivery(DeliveryRow),
}

/// How a delivery is named and made.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryRow {
    /// The command that delivers, for messages.
    pub command: &'static str,
    /// The call that a stop interrupts.
    pub call: &'static str,
    /// The member of `event-v1` that holds what it reports.
    pub member: &'static str,
    /// Whether it needs access to AWS, by the channels of notifications.
    pub calls_aws: fn(&doorward_notify::Settings) -> bool,
    /// Makes its sink.
    pub make: MakeDelivery,
}

/// Makes the sink of a delivery.
type MakeDelivery = for<'a> fn(&DeliveryInputs<'a>) -> Result<Box<dyn Sink + 'a>, OutputError>;

/// The inputs for deliveries.
pub struct DeliveryInputs<'a> {
    /// The variables that may hold secrets of channels, and name proxies and certificates.
    pub environment: &'a Environment,
    /// How findings are delivered to Security Hub.
    pub publish: &'a PublishSettings,
    /// The channels and their audiences.
    pub notify: &'a doorward_notify::Settings,
    /// The exceptions.
    pub register: &'a Register,
    /// The frameworks whose controls findings name.
    pub frameworks: &'a Frameworks,
    /// The required modes.
    pub policy: &'a Policy,
    /// The load balancers of the report.
    pub load_balancers: &'a [LoadBalancer],
    /// Tag keys that name a cost centre.
    pub cost_centre_tags: &'a [String],
    /// Whether changes of modes are recorded for other load balancers.
    pub changes_elsewhere: bool,
    /// Access to AWS, if the delivery calls it.
    pub access: Option<&'a Access>,
    /// The ledger under its lease: it remembers what was delivered.
    pub held: &'a LeasedLedger,
    /// The time.
    pub clock: &'a Clock,
}

/// Writes a report and returns the number of findings that it wrote.
type Render = fn(&mut dyn Write, &ScanReport, &SinkInputs<'_>, &SinkContext<'_>) -> io::Result<Written>;

/// Makes the sink of a folder.
type MakeFolder = for<'a> fn(&Path, SinkInputs<'a>) -> Result<Box<dyn Sink + 'a>, OutputError>;

impl Output {
    /// The destination of the output.
    pub fn shape(&self) -> SinkShape {
        match self.make {
            Make::Stream(_) => SinkShape::Stream,
            Make::Folder(_) => SinkShape::Folder,
            Make::Delivery(_) => SinkShape::Remote,
        }
    }
}

/// The findings that a stream wrote, and those that it left out.
pub struct Written {
    findings: usize,
    skipped: Vec<Skipped>,
}

impl From<usize> for Written {
    fn from(findings: usize) -> Self {
        Self { findings, skipped: Vec::new() }
    }
}

/// The inputs for sinks: everything that is known before the report exists.
#[derive(Clone, Copy)]
pub struct SinkInputs<'a> {
    /// The required modes.
    pub policy: &'a Policy,
    /// The exceptions.
    pub register: &'a Register,
    /// The settings of the sinks.
    pub settings: &'a SinkSettings,
    /// All settings as text, which evidence quotes.
    pub settings_text: &'a str,
    /// The name of this build in evidence; the hash of the program if absent.
    pub build: Option<&'a str>,
    /// The part of the report that is written; absent where it is all of it.
    pub filter: Option<&'a ReportFilter>,
    /// The inputs for plugins; none if the command runs no plugins.
    pub plugins: Option<PluginInputs<'a>>,
    /// How the command writes.
    pub options: OutputOptions,
}

impl SinkInputs<'_> {
    /// The context for the scalars of load balancers.
    fn flat(&self, report: &ScanReport, context: &SinkContext<'_>) -> FlatContext {
        let required = doorward_rules::required_modes(&report.load_balancers, self.policy);
        FlatContext::new(report, required, context.history).filtered(self.filter)
    }
}

/// How a command writes reports.
#[derive(Clone, Copy)]
pub struct OutputOptions {
    /// How text on stdout is written.
    pub style: TextStyle,
    /// The width of text on stdout, in columns.
    pub width: usize,
    /// Prints what a person should know about an output that was written; prints nothing where stderr has to stay empty.
    pub notice: fn(&str),
}

/// The settings of the sinks, as they are kept with a saved scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SinkSettings {
    /// Scans that were saved before the setting existed have its default.
    #[serde(default)]
    pub csv: CsvSettings,
    /// Audit evidence.
    pub evidence: EvidenceSettings,
    /// Summaries per owner.
    pub owners: OwnersSettings,
    /// Findings as Security Hub takes them.
    pub publish: PublishSettings,
    /// The frameworks of the user, as they were read.
    #[serde(default, skip_serializing_if = "Frameworks::has_only_shipped")]
    pub frameworks: Frameworks,
    /// Files that declare load balancers.
    #[serde(default, skip_serializing_if = "DeclarationSettings::is_default")]
    pub declarations: DeclarationSettings,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_output_has_a_name_and_a_place_of_its_own_and_is_documented() {
        let catalogue = include_str!("../../../reports/README.md");
        let (mut names, mut places) = (BTreeSet::new(), BTreeSet::new());
        for output in REGISTRY {
            assert!(names.insert(output.name), "{} is registered twice", output.name);
            assert!(output.demo.is_none_or(|place| places.insert(place)), "{:?} is written twice", output.demo);
            let documented = ["`", "`, `"].iter().any(|before| {
                ["`", "="].iter().any(|after| catalogue.contains(&format!("{before}{}{after}", output.name)))
            });
            assert!(documented || output.shape() == SinkShape::Remote, "{} is not in reports/README.md", output.name);
        }
    }

    #[test]
    fn every_format_is_parsed_and_in_the_help() {
        for output in REGISTRY {
            let text = format!("{}=place", output.name);
            let parsed = text.parse::<Format>();
            assert_eq!(parsed.is_ok(), output.shape() != SinkShape::Remote, "{text}: {parsed:?}");
            let listed = Format::help().lines().any(|line| line.contains(output.name) && line.ends_with(output.help));
            assert_eq!(listed, output.shape() != SinkShape::Remote, "{}", output.name);
        }
    }
}
