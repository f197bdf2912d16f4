//! AWS Lambda: each invocation is an event, and a scheduled one is a scan.
//!
//! One process serves many invocations. Only the settings are kept from one to the next: access, ledger, lease, register and clients
//! are created for each, because Lambda may freeze a process and resume it an hour later. A failure is an error of the invocation,
//! so that Lambda retries it and finally sends it to the dead-letter queue.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use doorward_aws::Stop;
use doorward_event::{InvocationMetrics, ParsedEvent, QueuedMessage, batch_answer, parse_json, queue_batch};
use doorward_model::{DeliveryResult, GapReason};
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};

use super::{EventHandler, report_copies, task};
use crate::delivery::DeliveryRun;
use crate::exit::{Exit, Failure};
use crate::io::runtime;
use crate::plain;
use crate::scan::{self, ScanRequest, Scanned};
use doorward_outputs::{NOTIFY, SECURITY_HUB};
use doorward_sink_text::TextStyle;

/// Variables that Lambda sets for every function. The runtime does not start without them.
const VARIABLES: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
];

/// Reserved at the end of an invocation's time, for recording what was read and releasing the lease.
const RESERVE: Duration = Duration::from_secs(10);

/// Serves invocations until the process is ended.
pub(super) fn serve(handler: &EventHandler<'_>) -> Result<Exit, Failure> {
    let unusable = |name: &&&str| match std::env::var(name) {
        Ok(text) => **name == "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" && text.parse::<i32>().is_err(),
        Err(_) => true,
    };
    if let Some(name) = VARIABLES.iter().find(unusable) {
        let problem = format!("--lambda: {name} is not as AWS Lambda sets it; outside Lambda, pass the event on stdin");
        return Err(Failure::new(Exit::Usage, problem));
    }
    runtime()?.block_on(async {
        let invocation = service_fn(async |invocation: LambdaEvent<Value>| answer(handler, invocation).await);
        let served = lambda_runtime::run(invocation).await;
        served.map_err(|e| Failure::new(Exit::Internal, format!("the Lambda runtime API could not be served: {e}")))
    })?;
    Ok(Exit::Clean)
}

/// Handles one invocation, and logs its result as text and as metrics.
async fn answer(handler: &EventHandler<'_>, invocation: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let (_timer, stop) = within(&invocation.context);
    let mut figures = InvocationMetrics::default();
    let (response, exit, log) = match take(handler, &invocation.payload, &stop, &mut figures).await {
        Ok((document, exit, text)) => (Ok(document), exit, text),
        Err(failure) => {
            let sentence = plain::harmless(&failure.to_string()).into_owned();
            (Err(diagnostic(failure.exit(), sentence.clone())), failure.exit(), sentence)
        }
    };
    crate::io::log(&plain::harmless(log.trim_end()));
    // If stdout cannot be written, there is no other place to report that.
    let _ =
        crate::io::answer(&figures.line(&invocation.context.env_config.function_name, (handler.clock)(), exit.code()));
    response
}

fn diagnostic(exit: Exit, error_message: String) -> Diagnostic {
    Diagnostic { error_type: format!("Doorward.Exit{}", exit.code()), error_message }
}

/// Runs an invocation; gives its result as JSON and as text. A result that a retry may improve is a failure.
async fn take(
    handler: &EventHandler<'_>,
    payload: &Value,
    stop: &Stop,
    figures: &mut InvocationMetrics,
) -> Result<(Value, Exit, String), Failure> {
    if task::is_task(payload) {
        return task::run(payload, figures).await;
    }
    if let Some(messages) = queue_batch(payload) {
        return queued(handler, messages, stop, figures).await;
    }
    let events = parse_json(payload).map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
    if events.contains(&ParsedEvent::Schedule) {
        figures.finished = Some(false);
        return scheduled(handler, stop, figures).await;
    }
    let (document, exit) = handler.handle(events, stop).await?;
    let text = document.text();
    if handler.publish || handler.notify {
        figures.delivery(exit != Exit::Sink);
    }
    if !matches!(exit, Exit::Clean | Exit::Findings) {
        return Err(Failure::new(exit, text));
    }
    let json = serde_json::to_value(&document).map_err(|e| Failure::new(Exit::Internal, e.to_string()))?;
    Ok((json, exit, text))
}

/// Handles a batch of a queue. The answer names the messages that failed, so that these and no others are received again: those that
/// cannot be parsed, and those of which a retry may read or deliver more.
async fn queued(
    handler: &EventHandler<'_>,
    messages: Vec<QueuedMessage>,
    stop: &Stop,
    figures: &mut InvocationMetrics,
) -> Result<(Value, Exit, String), Failure> {
    let (mut failed, mut ids, mut groups, mut texts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut exit, mut schedules) = (Exit::Clean, Vec::new());
    for QueuedMessage { id, events } in messages {
        match events {
            // The record of a scan that failed, out of the queue of failures.
            Ok(events) if events.contains(&ParsedEvent::Schedule) => schedules.push(id),
            Ok(events) => {
                ids.push(id);
                groups.push(events);
            }
            Err(problem) => {
                texts.push(format!("message {id}: {problem}\n"));
                exit = exit.and(Exit::Usage);
                failed.push(id);
            }
        }
    }
    for (id, handled) in ids.into_iter().zip(handler.handle_each(groups, stop).await?) {
        let (text, result) = match handled {
            Ok(lines) => {
                let (document, result) = super::concluded(lines);
                (document.text(), result)
            }
            Err(failure) => (format!("message {id}: {failure}\n"), failure.exit()),
        };
        texts.push(text);
        exit = of_batch(exit, result);
        if handler.publish || handler.notify {
            figures.delivery(result != Exit::Sink);
        }
        if !matches!(result, Exit::Clean | Exit::Findings) {
            failed.push(id);
        }
    }
    if !schedules.is_empty() {
        // One scan answers all of them.
        figures.finished = Some(false);
        let before = figures.delivered;
        let (text, result) = match scheduled(handler, stop, figures).await {
            Ok((_, result, text)) => (text, result),
            Err(failure) => {
                failed.append(&mut schedules);
                (failure.to_string(), failure.exit())
            }
        };
        // The scan's delivery does not replace that of a message that failed.
        if before == Some(false) {
            figures.delivery(false);
        }
        texts.push(text);
        exit = of_batch(exit, result);
    }
    Ok((batch_answer(failed.iter().map(String::as_str)), exit, texts.join("\n")))
}

/// The exit code of a batch after one more of its messages: a failure is not replaced by findings.
fn of_batch(earlier: Exit, later: Exit) -> Exit {
    match (earlier, later) {
        (Exit::Coverage, Exit::Findings) => Exit::FindingsAndCoverage,
        (earlier, Exit::Findings) if earlier != Exit::Clean => earlier,
        (earlier, later) => earlier.and(later),
    }
}

/// Runs a scan, and then publishes and notifies. Findings and gaps are its result, not a failure.
async fn scheduled(
    handler: &EventHandler<'_>,
    stop: &Stop,
    figures: &mut InvocationMetrics,
) -> Result<(Value, Exit, String), Failure> {
    let settings = handler.settings;
    let formats = settings.event.formats().map_err(|problem| Failure::new(Exit::Usage, problem))?;
    let costs = crate::cost_files::read(&settings.cost, None, true)?;
    let request = ScanRequest {
        places: settings.places(),
        settings,
        formats: &formats,
        save: None,
        traffic: handler.traffic,
        declarations: None,
        costs: Some(&costs),
        resume: false,
        quiet: true,
        emulator: None,
        clock: handler.clock.clone(),
        stop: Some(stop.clone()),
        merged: None,
    };
    let Scanned { mut exit, recorded } = scan::execute(request, TextStyle::default()).await?;
    figures.scanned(matches!(exit, Exit::Clean | Exit::Findings));
    if handler.publish || handler.notify {
        // Holds until the delivery is known to be accepted.
        figures.delivered = Some(false);
    }
    let mut text = format!("scanned; exit code {}: {}\n", exit.code(), exit.meaning());
    let mut document = json!({"format": "event-v1", "scanned": {"exit_code": exit.code()}});
    if !recorded {
        // The newest scan in the ledger is an older one; delivering it again would present it as today's.
        text.push_str("The scan was stopped before its end, so nothing is delivered.\n");
        return Err(Failure::new(exit.and(Exit::Coverage), text));
    }
    let mut accepted = true;
    let run = DeliveryRun { settings, ledger: &handler.ledger, clock: handler.clock.clone() };
    for (delivery, wanted) in [(SECURITY_HUB, handler.publish), (NOTIFY, handler.notify)] {
        if !wanted {
            continue;
        }
        let statement = run.newest(delivery).await?;
        text.push_str(&statement.text);
        document[delivery.member] = statement.document;
        accepted &= statement.result != DeliveryResult::Incomplete;
        exit = exit.and(statement.result.into());
    }
    figures.delivered = (handler.publish || handler.notify).then_some(accepted);
    if let Some(to) = settings.event.copy_to().map_err(|problem| Failure::new(Exit::Usage, problem))? {
        match report_copies::copy(handler, &formats, &to, stop).await {
            Ok(files) => text.push_str(&format!("{files} files of reports copied to {to}\n")),
            Err(failure) => {
                figures.delivery(false);
                text.push_str(&format!("{failure}\n"));
                exit = exit.and(Exit::Sink);
            }
        }
    }
    match exit {
        Exit::Clean | Exit::Findings | Exit::Coverage | Exit::FindingsAndCoverage => Ok((document, exit, text)),
        exit => Err(Failure::new(exit, text)),
    }
}

/// Aborts the timer of an invocation when the invocation ends.
struct Timer(tokio::task::JoinHandle<()>);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A stop that is triggered shortly before the time of the invocation is over.
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
