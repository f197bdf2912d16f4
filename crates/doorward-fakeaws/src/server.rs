//! The HTTP server: accepts connections on loopback and carries each request through the pipeline.

mod control;
mod gate;
mod pipeline;
mod state;
mod wire;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::calls::{CallCount, CallDetail, CallLog, CallRecord};
use crate::clock::Clock;
use crate::faults::{Fault, FaultPlan, What};
use crate::iam::session::Sessions;
use crate::quota::Quotas;
use crate::world::World;
use gate::CallGate;
pub use gate::WaitingCall;
use pipeline::Outgoing;
pub use state::RequestIds;
use state::{CallHook, State};
use wire::{Connection, ConnectionCommands, ResponseBody};

/// Largest request body, in bytes: above what every service takes that has a limit of its own, so that the service itself refuses
/// more, and enough for an object in S3.
const BODY_LIMIT: usize = 256 << 20;

/// Options of a server. `Options::default()` fits most tests.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port on 127.0.0.1; 0 (the default) takes a free one.
    pub port: u16,
    /// The clock; default the machine's.
    pub clock: Clock,
    /// Enforce the published quotas; `None` (the default) leaves it to the world.
    pub quotas: Option<bool>,
    /// How much of each call is kept; default everything.
    pub calls: CallDetail,
    /// Refuse requests signed more than five minutes from now; default true.
    pub check_dates: bool,
    /// Faults armed besides those of the world.
    pub faults: Vec<Fault>,
    /// How request ids are made; default unique.
    pub request_ids: RequestIds,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            clock: Clock::System,
            quotas: None,
            calls: CallDetail::Full,
            check_dates: true,
            faults: Vec::new(),
            request_ids: RequestIds::Unique,
        }
    }
}

/// A running emulator. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves `world` on 127.0.0.1, within the current Tokio runtime.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(world: impl Into<Arc<World>>, options: Options) -> io::Result<Self> {
        let world = world.into();
        let mut faults = world.faults.clone();
        faults.extend(options.faults);
        let state = Arc::new(State {
            quotas_on: options.quotas.unwrap_or(world.organization.quotas),
            world,
            clock: options.clock,
            sessions: Sessions::default(),
            quotas: Quotas::new(),
            check_dates: options.check_dates,
            request_ids: options.request_ids,
            calls: CallLog::new(options.calls),
            faults: RwLock::new(Arc::new(FaultPlan::new(faults))),
            after: RwLock::new(None),
            gate: RwLock::new(None),
            sequence: AtomicU64::new(0),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { address, state, accepting })
    }

    /// Address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Endpoint URL for SDKs (`AWS_ENDPOINT_URL`).
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The world being served; its load balancers can be changed while calls go on.
    #[must_use]
    pub fn world(&self) -> &Arc<World> {
        &self.state.world
    }

    /// Every call so far in order of arrival; empty with [`CallDetail::Counts`].
    #[must_use]
    pub fn calls(&self) -> Vec<CallRecord> {
        self.state.calls.records()
    }

    /// Calls so far by service, action and outcome.
    #[must_use]
    pub fn counts(&self) -> Vec<CallCount> {
        self.state.calls.counts()
    }

    /// Forgets all calls so far.
    pub fn clear_calls(&self) {
        self.state.calls.clear();
    }

    /// Replaces the armed faults, those of the world included. The plan tells how often each fired.
    pub fn set_faults(&self, faults: Vec<Fault>) -> Arc<FaultPlan> {
        self.state.set_faults(FaultPlan::new(faults));
        self.state.faults()
    }

    /// The armed faults and their counts; those of the world come first.
    #[must_use]
    pub fn faults(&self) -> Arc<FaultPlan> {
        self.state.faults()
    }

    /// From now on calls `act` for each call when it has taken effect and before its response is sent. A test uses it as another party
    /// that changes something at exactly that moment. Only with [`CallDetail::Full`].
    pub fn after_each_call(&self, act: impl Fn(&CallRecord, &World) + Send + Sync + 'static) {
        *self.state.after.write().unwrap_or_else(PoisonError::into_inner) = Some(CallHook::new(act));
    }

    /// From now on each request waits for `gate`, which may give it a fault. A test uses it to decide in which order the requests of
    /// several clients take effect.
    pub fn before_each_call<Waiting>(&self, gate: impl Fn(WaitingCall) -> Waiting + Send + Sync + 'static)
    where
        Waiting: Future<Output = Option<What>> + Send + 'static,
    {
        *self.state.gate.write().unwrap_or_else(PoisonError::into_inner) = Some(CallGate::new(gate));
    }

    /// Closes the port and every connection, and waits until that is done.
    pub async fn shutdown(mut self) {
        self.accepting.abort();
        // The task ends by the cancellation above, which is no error.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, Arc::clone(&state)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

fn serve(stream: TcpStream, state: Arc<State>) -> impl Future<Output = ()> + Send {
    let commands = Arc::new(ConnectionCommands::default());
    // Nagle's algorithm would collect the pieces of a slow response.
    let _ = stream.set_nodelay(true);
    let connection = Connection::new(stream, Arc::clone(&commands));
    let service = service_fn(move |request| handle(Arc::clone(&state), Arc::clone(&commands), request));
    async move {
        // A connection fails because of a fault or of its client; the call log has the outcome.
        let _ = http1::Builder::new().auto_date_header(false).serve_connection(connection, service).await;
    }
}

/// Why a request gets no response; the connection is closed instead.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("connection reset by a fault")]
    Reset,
    #[error("the request was not received completely")]
    Received,
    #[error(transparent)]
    Never(#[from] Infallible),
}

async fn handle(
    state: Arc<State>,
    commands: Arc<ConnectionCommands>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Unanswered> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(|_| Unanswered::Received)?.to_bytes();
    let path = parts.uri.path();
    if path.starts_with("/_fake/") {
        let (status, text) = control::control(&state, &parts.method, path, &body);
        return Ok(response(status, "application/json", ResponseBody::whole(text)));
    }
    let given = match state.gate() {
        Some(gate) => gate.pass(&parts).await,
        None => None,
    };
    let outgoing = pipeline::answer(&state, &parts, &body, given).await;
    send(outgoing, &commands).await
}

/// Turns a reply into an HTTP response, changed as a fault demands.
async fn send(outgoing: Outgoing, commands: &Arc<ConnectionCommands>) -> Result<Response<ResponseBody>, Unanswered> {
    let Outgoing { reply, request_id, now, fault } = outgoing;
    let page = "<html><head><title>Error</title></head><body><h1>Sorry, something went wrong</h1></body></html>";
    let part = |fraction: f64| ((reply.body.len() as f64) * fraction) as usize;
    let mut response = match fault {
        None => response(reply.status, reply.content_type, ResponseBody::whole(reply.body)),
        Some(What::Reset | What::LostAnswer) => {
            commands.reset();
            return Err(Unanswered::Reset);
        }
        Some(What::BlackHole) => return std::future::pending().await,
        Some(What::ServerError(status) | What::ErrorAfter(status)) => {
            response(status, "text/html", ResponseBody::whole(page))
        }
        Some(What::Malformed) => response(200, "text/html", ResponseBody::whole(page)),
        Some(What::EmptyBody) => response(200, reply.content_type, ResponseBody::whole("")),
        Some(What::Truncated(fraction)) => {
            let mut kept = reply.body.clone();
            kept.truncate(part(fraction));
            response(reply.status, reply.content_type, ResponseBody::whole(kept))
        }
        Some(What::HalfClose(fraction)) => {
            let after = part(fraction).min(reply.body.len().saturating_sub(1));
            response(reply.status, reply.content_type, ResponseBody::cut(reply.body, after, Arc::clone(commands)))
        }
        Some(What::SlowDrip { bytes, interval }) => {
            response(reply.status, reply.content_type, ResponseBody::drip(reply.body, bytes, interval))
        }
        // The pipeline has applied the others.
        Some(_) => response(reply.status, reply.content_type, ResponseBody::whole(reply.body)),
    };
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert("x-amzn-requestid", value);
    }
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    for (name, value) in reply.metadata {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    if let Some(value) = date.ok().and_then(|date| HeaderValue::from_str(&date).ok()) {
        headers.insert("date", value);
    }
    Ok(response)
}

fn response(status: u16, content_type: &'static str, body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
    response
}
