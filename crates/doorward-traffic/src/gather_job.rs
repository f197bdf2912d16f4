//! Gathering by settings: which sessions are used, what is asked, what is cached.

use std::path::Path;

use doorward_aws::{Access, Stop};
use doorward_model::LoadBalancer;
use jiff::Timestamp;

use crate::{
    CacheOptions, GatherError, GatherEvent, Reaches, Source, TrafficEvidence, TrafficRequest, TrafficSettings, Window,
    gather,
};

/// The traffic evidence to gather, by settings.
pub struct GatherJob<'a> {
    settings: &'a TrafficSettings,
    load_balancers: &'a [LoadBalancer],
    reaches: Reaches,
    with_athena: bool,
    /// The hours.
    pub window: Window,
    /// Read all logs, whatever the metrics say.
    pub all_logs: bool,
    /// The folder with cached counts of log files.
    pub state: Option<&'a Path>,
    /// Show what would be read, and read no log.
    pub dry_run: bool,
}

impl<'a> GatherJob<'a> {
    /// The traffic of load balancers in a window, counted here or by Athena.
    ///
    /// # Errors
    /// [`GatherError::NoAthena`]: the settings do not say how Athena is used.
    pub fn new(
        settings: &'a TrafficSettings,
        load_balancers: &'a [LoadBalancer],
        window: Window,
        with_athena: bool,
    ) -> Result<Self, GatherError> {
        let asked: Vec<&LoadBalancer> = load_balancers.iter().filter(|lb| lb.kind.can_parse_http()).collect();
        let reaches = match with_athena {
            false => Reaches::of_logs(settings, &asked),
            true => Reaches::of_athena(settings, &asked).map_err(GatherError::NoAthena)?,
        };
        let (all_logs, state, dry_run) = (false, None, false);
        Ok(Self { settings, load_balancers, reaches, with_athena, window, all_logs, state, dry_run })
    }

    /// Gathers it, with so many requests at once. None for a dry run.
    ///
    /// # Errors
    /// See [`GatherError`].
    pub async fn run(
        self,
        access: &Access,
        concurrency: usize,
        stop: &Stop,
        now: Timestamp,
        observe: &dyn Fn(GatherEvent),
    ) -> Result<Option<TrafficEvidence>, GatherError> {
        let settings = self.settings;
        let source = Source::new(self.reaches.provider(access))
            .with_concurrency(concurrency)
            .with_requester_pays(settings.requester_pays)
            .with_protected(&settings.thresholds.protected_clients);
        let cache = self.state.map(|folder| CacheOptions {
            folder: folder.to_owned(),
            days: settings.days,
            max_bytes: u64::from(settings.state_megabytes) * 1_000_000,
        });
        let request = TrafficRequest {
            load_balancers: self.load_balancers,
            window: self.window,
            all_logs: self.all_logs,
            log_account: settings.log_account.as_ref(),
            threads: settings.threads(),
            prices: settings.prices,
            athena: self.with_athena.then(|| settings.athena.options()),
            cache,
            dry_run: self.dry_run,
            now,
        };
        let stopped = async || stop.stopped("athena:GetQueryExecution").await;
        gather(&request, &source, stopped, observe).await
    }
}
