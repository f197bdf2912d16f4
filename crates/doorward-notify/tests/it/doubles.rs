//! What stands in for the world: a memory that a kill stops, a clock that pauses move, and a receiver with faults.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use doorward_aws::{Pause, Time};
use doorward_notify::{DeliveryStore, DeliveryStoreError, DigestState, StoredDigest};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::bed::day;

/// Something that others can see, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// The receiver has the message.
    Taken(String),
    /// The memory knows that a digest of this id arrived.
    Acknowledged(String),
}

/// The order of things.
pub(crate) type Events = Arc<Mutex<Vec<Event>>>;

type Pages = BTreeMap<(String, String), DigestState>;

/// A memory that outlives its process. The process can be killed at its n-th step; nothing it does after has an effect.
#[derive(Clone)]
pub(crate) struct Book {
    pages: Arc<Mutex<Pages>>,
    left: Arc<AtomicI64>,
    pub(crate) killed: Arc<Notify>,
    pub(crate) events: Events,
}

impl Book {
    pub(crate) fn new() -> Self {
        let pages = Arc::default();
        let (killed, events) = (Arc::default(), Arc::default());
        Self { pages, left: Arc::new(AtomicI64::new(i64::MAX)), killed, events }
    }

    /// The same memory for a process that dies at its n-th step.
    pub(crate) fn mortal(&self, steps: i64) -> Self {
        Self { left: Arc::new(AtomicI64::new(steps)), killed: Arc::default(), ..self.clone() }
    }

    pub(crate) fn page(&self, audience: &str, channel: &str) -> DigestState {
        let pages = self.pages.lock().expect("no panic");
        pages.get(&(audience.to_owned(), channel.to_owned())).cloned().unwrap_or_default()
    }

    /// Whether its process is dead.
    pub(crate) fn is_dead(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }

    fn act(&self, audience: &str, channel: &str, act: impl FnOnce(&mut DigestState)) -> Result<(), DeliveryStoreError> {
        let alive = || self.left.fetch_sub(1, Ordering::SeqCst) > 0;
        let dead = || {
            self.killed.notify_one();
            DeliveryStoreError { verb: "written", problem: "killed".to_owned() }
        };
        // Steps before and after: a crash may come between an act and the knowledge of it.
        if !alive() {
            return Err(dead());
        }
        act(self.pages.lock().expect("no panic").entry((audience.to_owned(), channel.to_owned())).or_default());
        if alive() { Ok(()) } else { Err(dead()) }
    }
}

impl DeliveryStore for Book {
    fn recall(&self, audience: &str, channel: &str) -> Result<DigestState, DeliveryStoreError> {
        Ok(self.page(audience, channel))
    }

    fn intend(&self, audience: &str, channel: &str, intent: &StoredDigest) -> Result<(), DeliveryStoreError> {
        self.act(audience, channel, |page| {
            (page.open, page.failure) = (Some(intent.clone()), None);
            page.attempts += 1;
        })
    }

    fn acknowledge(&self, audience: &str, channel: &str, id: &str, at: Timestamp) -> Result<(), DeliveryStoreError> {
        self.act(audience, channel, |page| {
            if let Some(open) = page.open.take_if(|open| open.id == id) {
                self.events.lock().expect("no panic").push(Event::Acknowledged(id.to_owned()));
                *page = DigestState { delivered: Some(StoredDigest { at, ..open }), ..DigestState::default() };
            }
        })
    }

    fn fail(
        &self,
        audience: &str,
        channel: &str,
        open: Option<&StoredDigest>,
        reason: &str,
    ) -> Result<(), DeliveryStoreError> {
        self.act(audience, channel, |page| (page.open, page.failure) = (open.cloned(), Some(reason.to_owned())))
    }
}

/// A clock that only pauses move; how long they were together is counted.
pub(crate) fn time() -> (Time, Arc<AtomicI64>) {
    let waited = Arc::new(AtomicI64::new(0));
    let (reported, moved) = (Arc::clone(&waited), Arc::clone(&waited));
    let now = Arc::new(move || day(100) + SignedDuration::from_millis(reported.load(Ordering::SeqCst)));
    let pause = move |length: std::time::Duration| -> Pause {
        moved.fetch_add(i64::try_from(length.as_millis()).expect("short"), Ordering::SeqCst);
        Box::pin(tokio::task::yield_now())
    };
    (Time::with_pauses(now, Arc::new(pause)), waited)
}

/// What the receiver does with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// Takes it and says so.
    Take,
    /// Answers with a status and further head lines, and does not take it.
    Confirmation(u16, &'static str),
    /// Takes it, and answers with a status.
    TakeAndAnswer(u16),
    /// Ends the connection before reading.
    Hangup,
    /// Takes it, and ends the connection without an answer.
    TakeAndHangup,
    /// Takes it, and ends the connection within the answer.
    TakeAndCut,
    /// Takes it, and never answers.
    TakeAndSleep,
}

impl Act {
    fn takes(&self) -> bool {
        !matches!(self, Self::Confirmation(..) | Self::Hangup)
    }
}

type Script = Box<dyn FnMut() -> Act + Send>;

/// An HTTP server that plays the chat service.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    /// Path and body of everything it took.
    pub(crate) taken: Arc<Mutex<Vec<(String, Value)>>>,
    /// How many requests there were.
    pub(crate) requests: Arc<AtomicI64>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// Starts one that acts by a script; events of what it takes go where reported.
    pub(crate) async fn start(events: Events, script: impl FnMut() -> Act + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (taken, requests) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicI64::new(0)));
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let (kept, counted) = (Arc::clone(&taken), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let act = (script.lock().expect("no panic"))();
                let (kept, events) = (Arc::clone(&kept), Arc::clone(&events));
                tokio::spawn(async move { serve(stream, act, kept, events).await });
            }
        });
        Self { port, taken, requests, task }
    }

    /// One that takes everything.
    pub(crate) async fn kind() -> Self {
        Self::start(Arc::default(), || Act::Take).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/services/T0/B0/sEcReT", self.port)
    }

    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.taken.lock().expect("no panic").iter().map(|(_, body)| body.clone()).collect()
    }
}

async fn serve(mut stream: TcpStream, act: Act, taken: Arc<Mutex<Vec<(String, Value)>>>, events: Events) {
    if act == Act::Hangup {
        return;
    }
    let Some((path, body)) = request(&mut stream).await else { return };
    if act.takes() {
        events.lock().expect("no panic").push(Event::Taken(digest_of(&body)));
        taken.lock().expect("no panic").push((path, body));
    }
    let answer = |status: u16, head: &str, body: &str| {
        format!("HTTP/1.1 {status} x\r\n{head}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
    };
    let text = match act {
        Act::Take => answer(200, "", "ok"),
        Act::Confirmation(status, head) => answer(status, head, ""),
        Act::TakeAndAnswer(status) => answer(status, "", "no"),
        Act::Hangup | Act::TakeAndHangup => return,
        Act::TakeAndCut => "HTTP/1.1 200 x\r\nContent-Length: 2\r\n\r\no".to_owned(),
        Act::TakeAndSleep => return std::future::pending().await,
    };
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn request(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())?;
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let path = head.split_whitespace().nth(1)?.to_owned();
    Some((path, serde_json::from_slice(&bytes[end..end + length]).expect("JSON")))
}

/// The digest that a message names at its end.
pub(crate) fn digest_of(body: &Value) -> String {
    let text = body.to_string();
    text.rsplit_once("Digest ").and_then(|(_, rest)| rest.get(..12)).unwrap_or_default().to_owned()
}
