//! Reads planned objects: several in flight, each into a bounded pipe that a thread of its own empties, so that downloads and
//! parsing overlap and neither runs ahead of the other.
//!
//! An object that is cut off goes on where it was cut, by range, as long as it is still the same object. An object that cannot be
//! read to its end counts as not read at all: the count of a part of its lines would mean nothing.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, BufRead, Read};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::{Buf, Bytes};
use futures::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use doorward_aws::{CallFailure, Operation, RetryAction, with_credentials};
use doorward_model::{Gap, GapReason};

use super::Source;
use super::plan::{LogPlan, Planned, UnreadLogs};
use crate::buffers::LineBuffers;
use crate::protected::ProtectedClients;
use crate::read::{Limits, Reader};
use crate::tally::Tally;
use crate::window::Window;

/// Pieces of an object that wait for its thread, at most; a piece is what the network brought at once.
const PIECES: usize = 4;

/// A message to the thread that reads an object.
enum Piece {
    Bytes(Bytes),
    /// The object is complete.
    End,
    /// The rest could not be read.
    Lost(String),
}

/// The bytes of an object as they arrive. Reading blocks until there are more, and fails where they cannot be read.
pub struct Body {
    pieces: mpsc::Receiver<Piece>,
    current: Bytes,
    ended: bool,
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_empty() && !self.ended {
            match self.pieces.blocking_recv() {
                Some(Piece::Bytes(bytes)) => self.current = bytes,
                Some(Piece::End) => self.ended = true,
                Some(Piece::Lost(why)) => return Err(io::Error::other(why)),
                None => return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the download was abandoned")),
            }
        }
        Ok(&self.current)
    }

    fn consume(&mut self, count: usize) {
        self.current.advance(count.min(self.current.len()));
    }
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

/// The count of the objects of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// The count of those that were read to their end.
    pub tally: Tally,
    /// Logs that could not be listed or read; the count does not include them.
    pub missed: Vec<UnreadLogs>,
}

impl Counted {
    /// A plan that so far contains only the places that could not be listed.
    pub(super) fn begin(plan: &LogPlan) -> Self {
        let mut counted = Self { tally: Tally::default(), missed: plan.missed.clone() };
        counted.tally.reading.listed = plan.listed.clone();
        for UnreadLogs { what, gap, .. } in &plan.missed {
            counted.tally.reading.unread.add(|| format!("{what}*: {gap}"));
        }
        counted
    }

    /// Records an object that could not be read.
    pub(super) fn miss(&mut self, planned: &Planned, gap: Gap) {
        let what = format!("s3://{}/{}", planned.bucket, planned.key);
        self.tally.reading.unread.add(|| format!("{what}: {gap}"));
        *self.tally.incomplete.entry(planned.object.load_balancer.clone()).or_default() += 1;
        self.missed.push(UnreadLogs { load_balancer: planned.object.load_balancer.clone(), what, gap });
    }
}

/// Counts objects, one after the other.
type Counter = Box<dyn FnMut(&Planned, &mut Body) -> Tally + Send>;

/// Logs are six to eight times as long as they are stored; what is longer is read in pieces.
const GROWTH: usize = 9;

/// Makes what counts objects, for each thread.
pub(super) fn counter(window: Option<Window>, protected: &Arc<ProtectedClients>) -> impl Fn() -> Counter + use<> {
    let (buffers, protected) = (LineBuffers::of_run(), Arc::clone(protected));
    move || {
        let mut reader = Reader::protecting(Limits::default(), window, Arc::clone(&protected));
        let buffers = Arc::clone(&buffers);
        Box::new(move |planned, body| {
            let bytes = usize::try_from(planned.bytes).unwrap_or(usize::MAX);
            let buffer = bytes.checked_mul(1 + GROWTH).and_then(|room| buffers.take(room));
            let Some(mut buffer) = buffer else { return reader.read_stream(&planned.key, body) };
            let (stored, out) = buffer.split_at_mut(bytes);
            // The task that downloads knows of an error, and discards this count.
            let _ = body.read_exact(stored);
            reader.read_with(&planned.key, stored, out)
        })
    }
}

/// An object on its way to a thread, and the way back for what the thread makes of it.
struct Job<T> {
    planned: Arc<Planned>,
    body: Body,
    done: oneshot::Sender<T>,
}

/// A task that is aborted when its waiter is dropped.
struct Running<T>(JoinHandle<T>);

impl<T> Future for Running<T> {
    type Output = Result<T, tokio::task::JoinError>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Source {
    /// Counts every object of a plan on `threads` threads. The order of the plan is the order of counting, so that two runs give
    /// the same. `each` sees every object's own count or gap as it is added: for progress, and for remembering it by its tag.
    pub async fn count_logs(
        &self,
        plan: &LogPlan,
        threads: usize,
        window: Option<Window>,
        mut each: impl FnMut(&Planned, Result<&Tally, &Gap>),
    ) -> Counted {
        let mut counted = Counted::begin(plan);
        self.read_logs(plan, threads, counter(window, &self.protected), |planned, result| {
            each(planned, result.as_ref());
            match result {
                Ok(tally) => counted.tally.merge(&tally),
                Err(gap) => counted.miss(planned, gap),
            }
        })
        .await;
        counted
    }

    /// Reads every object of a plan on `threads` threads, each with a parser that `parser` makes for it, and hands the results to
    /// `each` one after another in the order of the plan. An object that could not be read to its end gives a gap; a place that refuses one object for want of a
    /// permission is not asked for its others.
    ///
    /// Memory is bounded by the limit of concurrency: as many objects are in flight, with a few pieces of each.
    pub async fn read_logs<T, Parse>(
        &self,
        plan: &LogPlan,
        threads: usize,
        parser: impl Fn() -> Parse,
        mut each: impl FnMut(&Planned, Result<T, Gap>),
    ) where
        T: Send + 'static,
        Parse: FnMut(&Planned, &mut Body) -> T + Send + 'static,
    {
        let (queue, jobs) = mpsc::channel::<Job<T>>(self.concurrency);
        let jobs = Arc::new(Mutex::new(jobs));
        let threads: Vec<_> = (0..threads.max(1))
            .map(|_| {
                let (jobs, parse) = (Arc::clone(&jobs), parser());
                tokio::task::spawn_blocking(move || work(&jobs, parse))
            })
            .collect();
        // Only the threads hold the receiver now: a send fails, instead of waiting, when all of them are gone.
        drop(jobs);
        let closed = Arc::new(Mutex::new(BTreeMap::new()));
        let objects = plan.objects.iter().cloned().map(Arc::new);
        let running = objects.map(|planned| {
            let (source, queue, closed) = (self.clone(), queue.clone(), Arc::clone(&closed));
            // Tasks start when the stream below takes them, which it does only as far as the limit goes.
            async move {
                let object = Arc::clone(&planned);
                let task = tokio::spawn(async move { source.read_object(&object, queue, &closed).await });
                (planned, Running(task).await)
            }
        });
        let mut results = stream::iter(running).buffered(self.concurrency);
        while let Some((planned, result)) = results.next().await {
            match result {
                Ok(result) => each(&planned, result),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => each(&planned, Err(interrupted())),
            }
        }
        drop(results);
        drop(queue);
        for thread in threads {
            if let Err(error) = thread.await
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }

    async fn read_object<T: Send + 'static>(
        &self,
        planned: &Arc<Planned>,
        queue: mpsc::Sender<Job<T>>,
        closed: &Mutex<BTreeMap<usize, Gap>>,
    ) -> Result<T, Gap> {
        let known = closed.lock().unwrap_or_else(PoisonError::into_inner).get(&planned.place).cloned();
        if let Some(gap) = known {
            return Err(gap);
        }
        let (pieces, receiver) = mpsc::channel(PIECES);
        let (done, result) = oneshot::channel();
        let body = Body { pieces: receiver, current: Bytes::new(), ended: false };
        // The object is queued before its first byte is requested, so that objects in flight are read in this order.
        queue.send(Job { planned: Arc::clone(planned), body, done }).await.map_err(|_| interrupted())?;
        let outcome = self.download(planned, &pieces).await;
        let last = match &outcome {
            Ok(()) => Piece::End,
            Err(gap) => Piece::Lost(gap.to_string()),
        };
        // The thread may have stopped reading before the end.
        let _ = pieces.send(last).await;
        drop(pieces);
        let parsed = result.await;
        if let Err(gap) = &outcome
            && matches!(gap.reason, GapReason::AccessDenied | GapReason::DeniedByOrganizationPolicy)
        {
            closed.lock().unwrap_or_else(PoisonError::into_inner).insert(planned.place, gap.clone());
        }
        outcome?;
        parsed.map_err(|_| interrupted())
    }

    /// Downloads an object, each byte once and in order, over as many requests as needed. A request that is cut off is resumed at
    /// its byte; an object without a new byte for the number of tries of a call is given up.
    async fn download(&self, planned: &Planned, pieces: &mpsc::Sender<Piece>) -> Result<(), Gap> {
        let operation = Operation::GetObject;
        let (client, caller) = (self.s3(&planned.reader.region), self.aws.caller());
        let (mut got, mut stalls) = (0, 0);
        while got < planned.bytes {
            let before = got;
            let opened = self.aws.call(&planned.reader, operation, |credentials| {
                let request = client
                    .get_object()
                    .bucket(&planned.bucket)
                    .key(&planned.key)
                    .if_match(&planned.etag)
                    .set_request_payer(self.payer())
                    .set_range((before > 0).then(|| format!("bytes={before}-")))
                    .customize()
                    .config_override(with_credentials!(aws_sdk_s3, credentials));
                async move {
                    let answer = request.send().await.map_err(|error| CallFailure::of(operation, &error))?;
                    checked(answer, planned, before)
                }
            });
            let stream =
                opened.await.map_err(|failure| self.with_remedy(failure.gap, &planned.bucket, &planned.key))?;
            let Err(failure) = self.drain(stream, planned, pieces, &mut got).await else { return Ok(()) };
            // Only tries without a new byte count: a long object may be cut often.
            stalls = if got > before { 0 } else { stalls + 1 };
            if failure.action == RetryAction::Stop || stalls >= caller.tries() {
                return Err(failure.gap);
            }
            caller.back_off(stalls + 1).await;
        }
        Ok(())
    }

    /// Passes on the bytes of a stream, until the object is complete or its thread has stopped reading.
    async fn drain(
        &self,
        mut stream: ByteStream,
        planned: &Planned,
        pieces: &mpsc::Sender<Piece>,
        got: &mut u64,
    ) -> Result<(), CallFailure> {
        let operation = Operation::GetObject;
        loop {
            let next = timeout(self.aws.caller().attempt_timeout(), stream.next()).await;
            let bytes = match next {
                Err(_) => return Err(CallFailure::timed_out(operation)),
                Ok(Some(Ok(bytes))) => bytes,
                Ok(Some(Err(_)) | None) if *got < planned.bytes => {
                    return Err(CallFailure::malformed(operation, "the object was cut off before its end"));
                }
                Ok(_) => return Ok(()),
            };
            *got += bytes.len() as u64;
            if *got > planned.bytes {
                let mut failure = CallFailure::malformed(operation, "the object is longer than in the list");
                failure.action = RetryAction::Stop;
                return Err(failure);
            }
            if pieces.send(Piece::Bytes(bytes)).await.is_err() || *got == planned.bytes {
                return Ok(());
            }
        }
    }
}

/// The stream of an answer that is about this object, from this byte to its end.
fn checked(answer: GetObjectOutput, planned: &Planned, from: u64) -> Result<ByteStream, CallFailure> {
    let wanted = planned.bytes - from;
    let same = answer.e_tag() == Some(planned.etag.as_str());
    // A proxy may leave the length out; the bytes are counted in any case.
    let long = answer.content_length().is_none_or(|length| u64::try_from(length) == Ok(wanted));
    let begins = from == 0 || answer.content_range().is_some_and(|range| range.starts_with(&format!("bytes {from}-")));
    if same && long && begins {
        Ok(answer.body)
    } else {
        Err(CallFailure::malformed(Operation::GetObject, "the response is not the requested object or part of it"))
    }
}

fn interrupted() -> Gap {
    Gap::new(GapReason::Interrupted, Operation::GetObject.action())
}

/// One thread: takes objects in the order in which they were lined up, until there are none.
fn work<T>(jobs: &Mutex<mpsc::Receiver<Job<T>>>, mut parse: impl FnMut(&Planned, &mut Body) -> T) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(Job { planned, mut body, done }) = job else { return };
        // The waiter may be gone.
        let _ = done.send(parse(&planned, &mut body));
    }
}
