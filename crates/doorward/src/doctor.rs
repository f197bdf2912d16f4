//! `doorward doctor`: connects to AWS, runs the doctor's probes and prints the diagnosis.

use std::cell::Cell;

use doorward_assemble::known_ahead;
use doorward_aws::access::Access;
use doorward_aws::{Clock, Stop, WayInLine};
use doorward_core::{discover, normalize, run_of};
use doorward_ledger::{Ledger, OpenOptions, Preflight, is_shared};
use doorward_model::{Inventory, Run};
use doorward_setup::doctor::{
    Conclusion, Diagnosis, ExitMeaning, PlacedGap, Stage, TrafficPlan, TrafficProbe, json, json_without_access,
    of_scan, optional_permissions, probe_security_hub, probe_traffic, rehearse_scan, table, way_in_table,
};
use doorward_traffic::Source;
use jiff::Timestamp;

use crate::cli::{Cli, DoctorArguments, ListFormat, Part};
use crate::exit::{Exit, Failure};
use crate::io::{answer_json, answer_lines, runtime};
use crate::progress::Progress;
use crate::scan::{unmatched, warn_unmatched};
use crate::settings::Settings;
use crate::signals;
use doorward_traffic::{Reaches, key, log_bucket};

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
        let rehearsed = self.scan(&access, &stop, started).await;
        let (inventory, optional) = rehearsed.map_err(|failure| signal.or(failure))?;
        let interrupted = inventory.run.interrupted;
        let scan = normalize(inventory, &settings.normalize());

        let mut gaps = of_scan(&scan, &access);
        gaps.extend(optional);
        let mut diagnosis = Diagnosis {
            at: started,
            way_in,
            scan,
            security_hub: None,
            traffic: None,
            gaps,
            ledger,
            requests: 0,
            seconds: 0,
        };
        let traffic = self.traffic(&access, &diagnosis, &stop);
        let (traffic, security_hub) = tokio::join!(traffic, self.security_hub(&access, &diagnosis, &stop));
        if let Some((probe, gaps)) = traffic {
            diagnosis.traffic = Some(probe);
            diagnosis.gaps.extend(gaps);
        }
        if let Some((count, gaps)) = security_hub {
            diagnosis.security_hub = Some(count);
            diagnosis.gaps.extend(gaps);
        }
        if !self.arguments.wants(Part::Scan) {
            diagnosis.gaps.retain(|gap| !matches!(gap.stage, Stage::Scan | Stage::Optional));
        }
        diagnosis.requests = access.requests();
        diagnosis.seconds = (self.clock)().duration_since(started).as_secs();
        Ok((diagnosis, signal.exit().filter(|_| interrupted || stop.is_stopped())))
    }

    /// Discovers the organization and rehearses a scan of it.
    async fn scan(
        &self,
        access: &Access,
        stop: &Stop,
        started: Timestamp,
    ) -> Result<(Inventory, Vec<PlacedGap>), Failure> {
        let settings = self.settings;
        let progress = Progress::start("accounts entered", self.cli.quiet);
        let ledger =
            settings.ledger.path().ok().filter(|path| settings.ledger.enabled && (path.exists() || is_shared(path)));
        let known = ledger.map(|path| known_ahead(&path)).unwrap_or_default();
        let plan = discover(access, &settings.discover(), &known, stop, &|done, all| progress.at(done, all)).await;
        progress.finish();
        let plan = plan?;
        let mut unfound = unmatched(settings, &plan);
        for (n, rule) in settings.policy.rules.iter().enumerate() {
            unfound.extend(plan.unmatched_in(&format!("policy.rules.{n}.accounts"), &rule.accounts, &[]));
            unfound.extend(plan.unmatched_in(&format!("policy.rules.{n}.ous"), &[], &rule.ous));
        }
        let ous: Vec<String> = settings.owner.ous.keys().cloned().collect();
        unfound.extend(plan.unmatched_in("owner.ous", &[], &ous));
        warn_unmatched(&unfound);

        let progress = Progress::start("account-Regions read", self.cli.quiet);
        let all = plan.targets.len();
        let at = |done| progress.at(done, all);
        let read = rehearse_scan(access, settings.collect, plan.targets.clone(), stop, &at).await;
        progress.finish();
        let mut cells = plan.settled;
        cells.extend(read);
        let interrupted = cells.iter().any(|cell| stop.left_out(cell));
        let optional = if self.arguments.wants(Part::Scan) && !interrupted {
            optional_permissions(access, settings.collect, &plan.accounts, &cells, &plan.targets, stop).await
        } else {
            Vec::new()
        };
        let run = Run { id: "doctor".to_owned(), interrupted, unmatched: unfound, ..run_of(access, started) };
        let (organization, accounts, accounts_listing) = (plan.organization, plan.accounts, plan.accounts_listing);
        Ok((Inventory { run, organization, accounts, accounts_listing, cells }, optional))
    }

    async fn traffic(
        &self,
        access: &Access,
        diagnosis: &Diagnosis,
        stop: &Stop,
    ) -> Option<(TrafficProbe, Vec<PlacedGap>)> {
        let settings = &self.settings.traffic;
        if !self.arguments.wants(Part::Traffic) {
            return None;
        }
        let load_balancers: Vec<_> =
            diagnosis.scan.load_balancers.iter().filter(|lb| lb.kind.can_parse_http()).collect();
        let source = Source::new(Reaches::of_logs(settings, &load_balancers).provider(access));
        let mut plan = TrafficPlan::new(settings.role(), settings.log_account.clone());
        load_balancers.into_iter().for_each(|lb| plan.add(lb, key(lb), log_bucket(lb)));
        Some(probe_traffic(&source, plan, access, stop, &self.clock).await)
    }

    async fn security_hub(
        &self,
        access: &Access,
        diagnosis: &Diagnosis,
        stop: &Stop,
    ) -> Option<(usize, Vec<PlacedGap>)> {
        let publish = &self.settings.publish;
        if !self.arguments.wants(Part::Publish) {
            return None;
        }
        let security_hubs = publish.security_hubs(&diagnosis.scan.load_balancers);
        let purpose = publish.purpose();
        let aws = access.provider(purpose.clone()).with_share(publish.share_of_quotas);
        let gaps = probe_security_hub(&aws, &security_hubs, &purpose, access, stop).await;
        Some((security_hubs.len(), gaps))
    }
}
