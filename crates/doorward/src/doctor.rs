//! `doorward doctor`: connects to AWS, runs the doctor's probes and prints the diagnosis.

use std::cell::Cell;
use std::sync::OnceLock;

use doorward_assemble::known_ahead;
use doorward_aws::access::Access;
use doorward_aws::{Clock, WayInLine};
use doorward_core::discover::KnownOrganization;
use doorward_ledger::{Ledger, OpenOptions, Preflight, is_shared};
use doorward_model::UnmatchedSetting;
use doorward_setup::doctor::{
    Conclusion, Diagnosis, Examination, ExaminationObserver, ExitMeaning, json, json_without_access, table,
    way_in_table,
};

use crate::cli::{Cli, DoctorArguments, ListFormat, Part};
use crate::exit::{Exit, Failure};
use crate::io::{answer_json, answer_lines, runtime};
use crate::progress::Progress;
use crate::scan::warn_unmatched;
use crate::settings::Settings;
use crate::signals;

/// Runs `doorward doctor`.
pub(crate) fn run(cli: &Cli, arguments: &DoctorArguments) -> Result<Exit, Failure> {
    let settings = Settings::load(cli.config.as_deref(), &arguments.overrides())?;
    // An exception register that cannot be read stops a scan before it starts.
    settings.exceptions.read()?.register()?;
    let clock_offset = Cell::new(None);
    let doctor = Doctor { cli, arguments, settings: &settings, clock: crate::clock::system(), clock_offset };
    let ledger = doctor.ledger()?;
    let runtime = runtime()?;
    let way_in = runtime.block_on(Access::way_in(&settings.access));
    let (diagnosis, stopped) = match runtime.block_on(doctor.examine(ledger, way_in.clone())) {
        Ok(examined) => examined,
        Err(failure) => {
            let clock = WayInLine::of_clock(doctor.clock_offset.get());
            return doctor.without_access(&[way_in, vec![clock]].concat(), failure);
        }
    };
    let exit = stopped.unwrap_or_else(|| exit_of(diagnosis.conclusion()));
    let meaning = stopped.map_or_else(|| diagnosis.conclusion().meaning(), Exit::meaning);
    let meaning = ExitMeaning { code: exit.code(), meaning };
    match arguments.format {
        ListFormat::Table => answer_lines(&table(&diagnosis, meaning, cli.colour_on_stdout()))?,
        ListFormat::Json => answer_json(&json(&diagnosis, meaning))?,
    };
    Ok(exit)
}

fn exit_of(conclusion: Conclusion) -> Exit {
    match conclusion {
        Conclusion::Complete => Exit::Clean,
        Conclusion::Incomplete => Exit::Coverage,
        Conclusion::CannotStart => Exit::Preflight,
    }
}

/// What the probes have in common.
struct Doctor<'a> {
    cli: &'a Cli,
    arguments: &'a DoctorArguments,
    settings: &'a Settings,
    clock: Clock,
    /// Seconds by which the clock is ahead of AWS's, once AWS has answered.
    clock_offset: Cell<Option<i64>>,
}

impl Doctor<'_> {
    /// Whether a scan could open its ledger; none if it would not record.
    fn ledger(&self) -> Result<Option<Result<Preflight, String>>, Failure> {
        let ledger = &self.settings.ledger;
        if !ledger.enabled {
            return Ok(None);
        }
        let options = OpenOptions { force_network: ledger.force_network };
        let prospect = Ledger::preflight(&ledger.path()?, options, (self.clock)());
        Ok(Some(prospect.map_err(|error| error.to_string())))
    }

    /// Prints how AWS would be called, before the failure ends the command: most failures have their cause there.
    fn without_access(&self, way_in: &[WayInLine], failure: Failure) -> Result<Exit, Failure> {
        match self.arguments.format {
            ListFormat::Table => {
                let head = format!("Doorward {} · doctor\n\n", env!("CARGO_PKG_VERSION"));
                answer_lines(&(head + &way_in_table(way_in, self.cli.colour_on_stdout())))?
            }
            ListFormat::Json => {
                let meaning = ExitMeaning { code: failure.exit().code(), meaning: failure.exit().meaning() };
                let at = (self.clock)();
                let value = json_without_access(env!("CARGO_PKG_VERSION"), at, way_in, &failure.to_string(), meaning);
                answer_json(&value)?
            }
        };
        Err(failure)
    }

    /// Reads from AWS. The exit code is that of the signal that stopped it, if one did.
    async fn examine(
        &self,
        ledger: Option<Result<Preflight, String>>,
        way_in: Vec<WayInLine>,
    ) -> Result<(Diagnosis, Option<Exit>), Failure> {
        let (settings, clock) = (self.settings, self.clock.clone());
        let (stop, signal) = signals::listen(settings.scan.deadline.0);
        let started = clock();
        let access = Access::connect(settings.access.clone(), settings.calls.clone(), clock, None, &stop);
        let access = access.await.map_err(|error| {
            self.clock_offset.set(error.clock_offset());
            signal.or(error.into())
        })?;
        self.clock_offset.set(access.clock_offset());
        let examination = Examination {
            access: &access,
            overrides: &settings.access.overrides,
            discover: settings.discover(),
            collect: settings.collect,
            normalize: settings.normalize(),
            policy: &settings.policy,
            owner_ous: settings.owner.ous.keys().cloned().collect(),
            known: self.known(),
            scan: self.arguments.wants(Part::Scan),
            traffic: self.arguments.wants(Part::Traffic).then_some(&settings.traffic),
            publish: self.arguments.wants(Part::Publish).then_some(&settings.publish),
        };
        let shown = Shown {
            entered: Progress::start("accounts entered", self.cli.quiet),
            read: OnceLock::new(),
            quiet: self.cli.quiet,
        };
        let examined = examination.run((way_in, ledger), started, &stop, &shown).await;
        shown.finish();
        let (diagnosis, interrupted) = examined.map_err(|error| signal.or(error.into()))?;
        Ok((diagnosis, signal.exit().filter(|_| interrupted)))
    }

    /// The organizations of the newest recorded scans.
    fn known(&self) -> Vec<KnownOrganization> {
        let ledger = &self.settings.ledger;
        let path = ledger.path().ok().filter(|path| ledger.enabled && (path.exists() || is_shared(path)));
        path.map(|path| known_ahead(&path)).unwrap_or_default()
    }
}

/// Progress on the terminal.
struct Shown {
    entered: Progress,
    read: OnceLock<Progress>,
    quiet: bool,
}

impl Shown {
    fn finish(&self) {
        self.entered.finish();
        self.read.get().into_iter().for_each(Progress::finish);
    }
}

impl ExaminationObserver for Shown {
    fn entered(&self, done: usize, all: usize) {
        self.entered.at(done, all);
    }

    fn discovered(&self, unmatched: &[UnmatchedSetting]) {
        self.entered.finish();
        warn_unmatched(unmatched);
    }

    fn read(&self, done: usize, all: usize) {
        self.read.get_or_init(|| Progress::start("account-Regions read", self.quiet)).at(done, all);
    }
}
