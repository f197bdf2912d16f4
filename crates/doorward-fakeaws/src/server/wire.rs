//! The TCP connection, which a fault can end in a reset or in the middle of a body.

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

/// Values of [`ConnectionCommands`]; 0 is none.
const RESET: u8 = 1;
const CUT: u8 = 2;

/// A command from a handler to the connection that carries its response.
#[derive(Debug, Default)]
pub(super) struct ConnectionCommands(AtomicU8);

impl ConnectionCommands {
    /// Close with RST as soon as the connection is dropped.
    pub(super) fn reset(&self) {
        self.0.store(RESET, Ordering::SeqCst);
    }

    /// End the stream (FIN) after what is buffered now.
    fn cut(&self) {
        self.0.store(CUT, Ordering::SeqCst);
    }

    fn is(&self, command: u8) -> bool {
        self.0.load(Ordering::SeqCst) == command
    }
}

/// A TCP connection that executes [`ConnectionCommands`].
pub(super) struct Connection {
    io: TokioIo<TcpStream>,
    commands: Arc<ConnectionCommands>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, commands: Arc<ConnectionCommands>) -> Self {
        Self { io: TokioIo::new(stream), commands }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.commands.is(RESET) {
            // A zero linger turns the close into RST; a failure only means that the peer has closed the connection.
            let _ = self.io.inner().set_zero_linger();
        }
    }
}

impl Read for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        if self.commands.is(CUT) {
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

/// How a body is sent. The `content-length` header always announces the full length.
enum Delivery {
    Whole,
    /// Only this many bytes, then the end of the connection.
    Cut(usize, Arc<ConnectionCommands>),
    /// Pieces of this size, one per interval.
    Drip(usize, Duration, Option<Pin<Box<Sleep>>>),
}

/// The body of a response.
pub(super) struct ResponseBody {
    rest: Bytes,
    delivery: Delivery,
}

impl ResponseBody {
    pub(super) fn whole(body: impl Into<Bytes>) -> Self {
        Self { rest: body.into(), delivery: Delivery::Whole }
    }

    pub(super) fn cut(body: impl Into<Bytes>, after: usize, commands: Arc<ConnectionCommands>) -> Self {
        Self { rest: body.into(), delivery: Delivery::Cut(after, commands) }
    }

    pub(super) fn drip(body: impl Into<Bytes>, bytes: usize, interval: Duration) -> Self {
        Self { rest: body.into(), delivery: Delivery::Drip(bytes.max(1), interval, None) }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Self { rest, delivery } = &mut *self;
        if rest.is_empty() {
            return Poll::Ready(None);
        }
        let size = match delivery {
            Delivery::Whole => rest.len(),
            Delivery::Cut(left, commands) => {
                if *left == 0 {
                    // hyper flushes after a pending body; the connection ends the stream after that flush.
                    commands.cut();
                    return Poll::Pending;
                }
                std::mem::take(left)
            }
            Delivery::Drip(bytes, interval, sleep) => {
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
