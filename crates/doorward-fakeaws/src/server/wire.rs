//! The connection itself, under orders: lets an answer end in a reset or in the middle of its body.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// Orders; 0 is none.
const RESET: u8 = 1;
const CUT: u8 = 2;

/// Orders from a handler to the connection that carries its answer.
#[derive(Debug, Default)]
pub(super) struct Orders(AtomicU8);

impl Orders {
    /// Close with RST as soon as the connection is dropped.
    pub(super) fn reset(&self) {
        self.0.store(RESET, Ordering::SeqCst);
    }

    /// End the stream (FIN) after what is buffered now.
    fn cut(&self) {
        self.0.store(CUT, Ordering::SeqCst);
    }

    fn is(&self, order: u8) -> bool {
        self.0.load(Ordering::SeqCst) == order
    }
}

/// A TCP connection that obeys [`Orders`].
pub(super) struct Line {
    io: TokioIo<TcpStream>,
    orders: Arc<Orders>,
}

impl Line {
    pub(super) fn new(stream: TcpStream, orders: Arc<Orders>) -> Self {
        Self { io: TokioIo::new(stream), orders }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.orders.is(RESET) {
            // A zero linger turns the close into RST; a failure only means that the peer is gone already.
            let _ = self.io.inner().set_zero_linger();
        }
    }
}

impl Read for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        if self.orders.is(CUT) {
            std::task::ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, "cut by a fault")));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}

/// How a body is sent. The length that the headers announce is always the full one.
enum Manner {
    Whole,
    /// Only this many bytes, then the end of the connection.
    Cut(usize, Arc<Orders>),
    /// Pieces of this size, one per interval.
    Drip(usize, Duration, Option<Pin<Box<Sleep>>>),
}

/// The body of an answer.
pub(super) struct Sent {
    rest: Bytes,
    manner: Manner,
}

impl Sent {
    pub(super) fn whole(body: impl Into<Bytes>) -> Self {
        Self { rest: body.into(), manner: Manner::Whole }
    }

    pub(super) fn cut(body: impl Into<Bytes>, after: usize, orders: Arc<Orders>) -> Self {
        Self { rest: body.into(), manner: Manner::Cut(after, orders) }
    }

    pub(super) fn drip(body: impl Into<Bytes>, bytes: usize, interval: Duration) -> Self {
        Self { rest: body.into(), manner: Manner::Drip(bytes.max(1), interval, None) }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Self { rest, manner } = &mut *self;
        if rest.is_empty() {
            return Poll::Ready(None);
        }
        let size = match manner {
            Manner::Whole => rest.len(),
            Manner::Cut(left, orders) => {
                if *left == 0 {
                    // The dispatcher flushes after a pending body, and the line ends the stream there.
                    orders.cut();
                    return Poll::Pending;
                }
                std::mem::take(left)
            }
            Manner::Drip(bytes, interval, sleep) => {
                let pause = sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(*interval)));
                std::task::ready!(pause.as_mut().poll(cx));
                *sleep = None;
                *bytes
            }
        };
        let piece = rest.split_to(size.min(rest.len()));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
