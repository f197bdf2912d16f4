//! Runs a program that the user names: no shell, no search in `PATH`, no variables but those that are given.
//!
//! [`run`] feeds stdin, keeps a bounded part of stdout and the end of stderr, and ends the program with its process group
//! when the time is over. Nothing that the program does (it forks, ignores SIGTERM, writes without end, closes or never reads its
//! stdin) makes the call last longer than the timeout and [`LONGEST_END`], or use more memory.
//!
//! The process group of the program is ended. A process that leaves the group (`setsid`) is not known any more, and goes on.
//! [`open_written`] opens what the program was asked to write.
//!
//! What it deliberately does not do: decide whether a run succeeded, or make text from outside safe to print.

use std::ffi::OsStr;
use std::future::Future;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Notify;

mod shell_word;
mod written_file;

pub use shell_word::is_shell_word;
pub use written_file::open_written;

/// How much of the end of stderr is kept, in bytes.
pub const STDERR_BYTES: usize = 4096;
/// How long ending a program may take after its time is over: SIGTERM, then SIGKILL, then what is left in its pipes.
pub const LONGEST_END: Duration = Duration::from_secs(2);
/// The time between SIGTERM and SIGKILL.
const TERM_GRACE: Duration = Duration::from_millis(700);
/// How long pipes that another process still holds are waited for.
const PIPE_GRACE: Duration = Duration::from_millis(300);

/// What a program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// The time from its start to its end.
    pub timeout: Duration,
    /// The most bytes that it may write to stdout.
    pub stdout_bytes: usize,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code.
    Code(i32),
    /// By a signal that Doorward did not send.
    Signal,
    /// Its time was over, and it was ended.
    TimedOut,
    /// It wrote more to stdout than it may, and it was ended.
    TooMuchOutput,
}

/// A run that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub ended: Ended,
    /// What it wrote to stdout.
    pub stdout: Vec<u8>,
    /// The end of what it wrote to stderr, at most [`STDERR_BYTES`]. Text from outside.
    pub stderr: String,
    /// Whether everything was written to its stdin.
    pub fed: bool,
    /// Whether it went on after SIGTERM and was killed.
    pub forced: bool,
}

/// A program with its arguments and the only variables that it sees, ready for [`run`].
pub fn command<N: AsRef<OsStr>, V: AsRef<OsStr>>(
    program: &Path,
    arguments: &[String],
    environment: impl IntoIterator<Item = (N, V)>,
) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(environment);
    command
}

/// Runs a program to its end. `feed` writes to its stdin; the pipe closes when the future is done.
///
/// # Errors
///
/// The program cannot be started, or the operating system loses it.
pub async fn run<F>(mut command: Command, limits: RunLimits, feed: impl FnOnce(ChildStdin) -> F) -> io::Result<Finished>
where
    F: Future<Output = io::Result<()>> + Send,
{
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn()?;
    let group = Group::of(&child);
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other("the program has no pipes"));
    };
    let out = Reader::start(stdout, Keep::Start(limits.stdout_bytes));
    let err = Reader::start(stderr, Keep::End(STDERR_BYTES));
    let mut feeding = Box::pin(feed(stdin));
    let mut timeout = std::pin::pin!(tokio::time::sleep(limits.timeout));
    let mut fed = None;
    let ended = loop {
        tokio::select! {
            biased;
            status = child.wait() => break how(status?),
            () = out.overflow.notified() => break Ended::TooMuchOutput,
            result = &mut feeding, if fed.is_none() => fed = Some(result),
            () = &mut timeout => break Ended::TimedOut,
        }
    };
    let mut forced = false;
    if matches!(ended, Ended::TimedOut | Ended::TooMuchOutput) {
        group.terminate();
        forced = tokio::time::timeout(TERM_GRACE, child.wait()).await.is_err();
    }
    // What the program started and left behind in its group ends with it.
    drop(group);
    let _ = child.start_kill();
    let _ = tokio::time::timeout(PIPE_GRACE, child.wait()).await;
    if fed.is_none() {
        // The program may be gone while its pipe still holds what it has not read.
        fed = tokio::time::timeout(PIPE_GRACE, feeding).await.ok();
    }
    let stdout = out.end().await;
    let stderr = String::from_utf8_lossy(&err.end().await).into_owned();
    Ok(Finished { ended, stdout, stderr, fed: fed.is_some_and(|result| result.is_ok()), forced })
}

fn how(status: ExitStatus) -> Ended {
    status.code().map_or(Ended::Signal, Ended::Code)
}

/// The process group of a program; everything in it is killed when this is dropped.
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    #[cfg(unix)]
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self { leader: id.and_then(rustix::process::Pid::from_raw) }
    }

    #[cfg(not(unix))]
    fn of(_: &Child) -> Self {
        Self {}
    }

    /// Asks it to end.
    fn terminate(&self) {
        #[cfg(unix)]
        self.send(rustix::process::Signal::TERM);
    }

    #[cfg(unix)]
    fn send(&self, signal: rustix::process::Signal) {
        if let Some(leader) = self.leader {
            // A group that has ended already is what is wanted.
            let _ = rustix::process::kill_process_group(leader, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        self.send(rustix::process::Signal::KILL);
    }
}

/// Which part of an output is kept.
#[derive(Clone, Copy)]
enum Keep {
    /// The first bytes; more is an overflow.
    Start(usize),
    /// The last bytes.
    End(usize),
}

/// Reads an output to its end and keeps a part of it.
struct Reader {
    kept: Arc<Mutex<Vec<u8>>>,
    overflow: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

impl Reader {
    fn start(mut pipe: impl AsyncRead + Unpin + Send + 'static, keep: Keep) -> Self {
        let (kept, overflow) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let (into, full) = (Arc::clone(&kept), Arc::clone(&overflow));
        let task = tokio::spawn(async move {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(read) = pipe.read(&mut buffer).await {
                let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
                let mut kept = lock(&into);
                match keep {
                    Keep::Start(most) => {
                        let free = most.saturating_sub(kept.len());
                        kept.extend(bytes.iter().take(free));
                        if bytes.len() > free {
                            full.notify_one();
                        }
                    }
                    Keep::End(most) => {
                        kept.extend_from_slice(bytes);
                        let excess = kept.len().saturating_sub(most);
                        kept.drain(..excess);
                    }
                }
            }
        });
        Self { kept, overflow, task }
    }

    /// What was kept. A pipe that a process outside of the group still holds is not waited for.
    async fn end(mut self) -> Vec<u8> {
        if tokio::time::timeout(PIPE_GRACE, &mut self.task).await.is_err() {
            self.task.abort();
        }
        std::mem::take(&mut *lock(&self.kept))
    }
}

fn lock(kept: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
