//! AWS Lambda: each invocation is an event, and a scheduled one is a scan.
//!
//! One process serves many invocations. Nothing is kept from one to the next but the settings: access, ledger, lease, register
//! and clients are made anew, because a frozen process may thaw an hour later. What could not be done is an error of the
//! invocation, so that Lambda tries again and at last hands it to the dead-letter queue.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use doorward_core::Stop;
use doorward_model::GapReason;
use doorward_notify::ChannelsConfig;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};

use super::Work;
use super::envelope::{self, Heard};
use super::metrics::Figures;
use crate::exit::{Exit, Failure};
use crate::io::runtime;
use crate::places::Places;
use crate::publish;
use crate::scan::{self, ScanRequest, Scanned};
use crate::scan_source::AssembledScan;
use crate::{notify, plain};

/// What Lambda tells every function. The runtime does not start without them.
const GIVEN: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

/// Kept back from the time that an invocation has, for recording what was read and giving the lease back.
const RESERVE: Duration = Duration::from_secs(10);

/// Serves invocations until the process is ended.
pub(super) fn serve(work: &Work<'_>) -> Result<Exit, Failure> {
    let lacking = |name: &&&str| match std::env::var(name) {
        Ok(text) => **name == "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" && text.parse::<i32>().is_err(),
        Err(_) => true,
    };
    if let Some(name) = GIVEN.iter().find(lacking) {
        let problem = format!("--lambda: {name} is not as AWS Lambda sets it; without Lambda, give the event on stdin");
        return Err(Failure::new(Exit::Usage, problem));
    }
    runtime()?.block_on(async {
        let invocation = service_fn(async |invocation: LambdaEvent<Value>| answer(work, invocation).await);
        let served = lambda_runtime::run(invocation).await;
        served.map_err(|e| Failure::new(Exit::Internal, format!("the Lambda runtime API could not be served: {e}")))
    })?;
    Ok(Exit::Clean)
}

/// Answers one invocation, and logs what came of it, for people and as metrics.
async fn answer(work: &Work<'_>, invocation: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let (_timer, stop) = within(&invocation.context);
    let mut figures = Figures::default();
    let (told, exit, log) = match take(work, &invocation.payload, &stop, &mut figures).await {
        Ok((document, exit, text)) => (Ok(document), exit, text),
        Err(failure) => {
            let sentence = plain::harmless(&failure.to_string()).into_owned();
            (Err(diagnostic(failure.exit(), sentence.clone())), failure.exit(), sentence)
        }
    };
    crate::io::log(&plain::harmless(log.trim_end()));
    // Whoever cannot write to stdout has nowhere to say so.
    let _ = crate::io::answer(&figures.line(&invocation.context.env_config.function_name, (work.clock)(), exit));
    told
}

fn diagnostic(exit: Exit, error_message: String) -> Diagnostic {
    Diagnostic { error_type: format!("Doorward.Exit{}", exit.code()), error_message }
}

/// What came of an invocation, as a document and in words. An outcome that another try may better is a failure.
async fn take(
    work: &Work<'_>,
    payload: &Value,
    stop: &Stop,
    figures: &mut Figures,
) -> Result<(Value, Exit, String), Failure> {
    let heard = envelope::understand(payload).map_err(|problem| Failure::new(Exit::Usage, problem))?;
    if heard.contains(&Heard::Schedule) {
        figures.finished = Some(false);
        return scheduled(work, stop, figures).await;
    }
    let document = work.take(heard, stop).await?;
    let text = document.text();
    if work.publish || work.notify {
        figures.delivery(document.exit() != Exit::Sink);
    }
    if !matches!(document.exit(), Exit::Clean | Exit::Findings) {
        return Err(Failure::new(document.exit(), text));
    }
    let json = serde_json::to_value(&document).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
    Ok((json, document.exit(), text))
}

/// A scan, and then everybody is told. Findings and gaps are its result, not its failure.
async fn scheduled(work: &Work<'_>, stop: &Stop, figures: &mut Figures) -> Result<(Value, Exit, String), Failure> {
    let settings = work.settings;
    let formats = settings.event.formats().map_err(|problem| Failure::new(Exit::Usage, problem))?;
    let request = ScanRequest {
        places: Places::of(settings),
        settings,
        formats: &formats,
        save: None,
        traffic: work.traffic,
        declarations: None,
        resume: false,
        quiet: true,
        emulator: None,
        clock: work.clock.clone(),
        stop: Some(stop.clone()),
    };
    let Scanned { mut exit, recorded } = scan::execute(request, false).await?;
    figures.scanned(exit);
    if work.publish || work.notify {
        // Until it is known to be accepted.
        figures.delivered = Some(false);
    }
    let mut text = format!("scanned; exit code {}: {}\n", exit.code(), exit.meaning());
    let mut document = json!({"format": "event-v1", "scanned": {"exit_code": exit.code()}});
    if !recorded {
        // The newest scan in the ledger is an older one. To deliver it again would make it look like today's.
        text.push_str("The scan was stopped before its end, so nothing is delivered.\n");
        return Err(Failure::new(exit.and(Exit::Coverage), text));
    }
    let mut accepted = true;
    if work.publish {
        let told = publish::recorded(settings, &work.ledger, work.clock.clone()).await?;
        let _ = write!(text, "{}", told.text);
        document["published"] = told.json;
        accepted &= told.exit != Exit::Sink;
        exit = exit.and(told.exit);
    }
    if work.notify {
        let directory = ChannelsConfig::new(settings.notify.clone());
        let directory = directory.map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
        let report = AssembledScan::of(None, settings, &work.ledger)?.report;
        let (said, json, told) = notify::said(&notify::tell(settings, directory, &work.ledger, &report).await?);
        text.push_str(&said);
        document["notified"] = json;
        accepted &= told != Exit::Sink;
        exit = if told == Exit::Clean { exit } else { told };
    }
    figures.delivered = (work.publish || work.notify).then_some(accepted);
    match exit {
        Exit::Clean | Exit::Findings | Exit::Coverage | Exit::FindingsAndCoverage => Ok((document, exit, text)),
        exit => Err(Failure::new(exit, text)),
    }
}

/// Ends with the invocation, whatever it waited for.
struct Timer(tokio::task::JoinHandle<()>);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A stop for when the time of the invocation is nearly over. It ends with the timer.
fn within(context: &Context) -> (Timer, Stop) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_millis(context.deadline).saturating_sub(now).saturating_sub(RESERVE);
    let (stopper, stop) = Stop::new();
    let timer = tokio::spawn(async move {
        tokio::time::sleep(left).await;
        stopper.stop(GapReason::TimedOut);
    });
    (Timer(timer), stop)
}
