use std::time::Duration;

use tokio::time::Instant;

use super::client::{ANSWER_WITHIN, Agent};
use super::command::{Exec, ExecState, ExecStatus};
use super::error::Error;
use super::refusal::RefusalKind;
use super::transport::Transport;

/// The most that a program can be given to read, in bytes: in base64 it is a third longer, and its arguments have to
/// fit into [`REQUEST_LIMIT`](super::REQUEST_LIMIT), too.
pub const INPUT_LIMIT: usize = 128 << 10;

/// Whether a program has ended is asked first after that, then ever less often, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// How long a program may take to end when it is asked to, and then when it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// Sends a signal to a process of the guest and what it has started.
const SIGNAL_TREE: &str = r#"tree() {
    for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do tree "$child"; done
    echo "$1"
}
kill -s "$2" $(tree "$1")"#;

/// How a program ended, and what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// How it ended; `None` when it has, and that is lost (see [`Process::wait`]).
    pub status: Option<ExitStatus>,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it printed on standard error.
    pub stderr: Vec<u8>,
    /// Whether the agent kept only the beginning of what it printed.
    pub truncated: bool,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself, with this status.
    Code(i64),
    /// By this signal; on Windows, by this unhandled exception.
    Signal(i64),
}

impl ExitStatus {
    /// As a shell tells it: 128 and the signal's number when one ended it; 255 for what is larger, as Windows has it.
    pub fn shell_status(self) -> u8 {
        let status = match self {
            Self::Code(code) => code,
            Self::Signal(signal) => signal.saturating_add(128),
        };
        u8::try_from(status).unwrap_or(u8::MAX)
    }
}

/// Why a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, or by somebody in the guest.
    Exited,
    /// Its time was over, and it was ended.
    TimedOut,
    /// The caller wanted it to end, and it was ended.
    Stopped,
}

/// A program that was run to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// How it ended; `None` when it may still run, since it could not be ended.
    pub exit: Option<Exit>,
    /// Why it ended.
    pub end: End,
}

impl<T: Transport> Agent<T> {
    /// Starts a program.
    ///
    /// # Errors
    /// [`RefusalKind::NoSuchProgram`], [`RefusalKind::CannotStart`], [`RefusalKind::Disabled`], or when the agent does
    /// not answer.
    pub async fn start(&self, exec: &Exec) -> Result<Process<'_, T>, Error<T::Error>> {
        self.start_within(exec, ANSWER_WITHIN).await
    }

    async fn start_within(&self, exec: &Exec, within: Duration) -> Result<Process<'_, T>, Error<T::Error>> {
        let started = self.ask_within(exec, within).await?;
        Ok(Process { client: self, pid: started.pid })
    }

    /// Runs a program to its end. Past `timeout`, or when `stop` completes, it is ended with what it has started, and
    /// what it printed until then is given.
    ///
    /// When this is dropped midway, the program runs on in the guest.
    ///
    /// # Errors
    /// As [`start`](Self::start) and [`Process::wait`].
    pub async fn run(
        &self,
        exec: &Exec,
        timeout: Option<Duration>,
        stop: impl Future<Output = ()>,
    ) -> Result<Run, Error<T::Error>> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let within = timeout.map_or(ANSWER_WITHIN, |timeout| timeout.min(ANSWER_WITHIN));
        let process = self.start_within(exec, within).await?;
        let ended = tokio::select! {
            biased;
            () = stop => End::Stopped,
            ended = process.wait_until(deadline) => match ended? {
                Some(exit) => return Ok(Run { exit: Some(exit), end: End::Exited }),
                None => End::TimedOut,
            },
        };
        Ok(Run { exit: process.terminate(GRACE).await, end: ended })
    }
}

/// A program that was started in the guest. Dropped, it runs on.
#[derive(Debug)]
pub struct Process<'a, T> {
    client: &'a Agent<T>,
    pid: i64,
}

impl<T: Transport> Process<'_, T> {
    /// Its id in the guest.
    pub fn pid(&self) -> i64 {
        self.pid
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// [`Error::ReplyTooLong`] when it printed more than the transport carries: it has ended, and its status is lost.
    /// Else when the agent does not answer.
    pub async fn wait(&self) -> Result<Exit, Error<T::Error>> {
        loop {
            if let Some(exit) = self.wait_until(None).await? {
                return Ok(exit);
            }
        }
    }

    /// Waits for its end; `None` when the deadline passed before.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub async fn wait_until(&self, deadline: Option<Instant>) -> Result<Option<Exit>, Error<T::Error>> {
        let mut pause = FIRST_PAUSE;
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            // One last answer is worth a moment past the deadline.
            let within = left.map_or(ANSWER_WITHIN, |left| left.clamp(Duration::from_secs(1), ANSWER_WITHIN));
            let state = self.client.ask_within(&ExecStatus { pid: self.pid }, within).await?;
            if state.exited {
                return Ok(Some(state.into()));
            }
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
            tokio::time::sleep(left.map_or(pause, |left| pause.min(left))).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Ends it and what it has started: asks it to, and kills it when it takes longer than `grace`. `None` when it may
    /// still run after as long again, or the agent does not answer any more.
    pub async fn terminate(&self, grace: Duration) -> Option<Exit> {
        for signal in ["TERM", "KILL"] {
            self.signal(signal).await?;
            match self.wait_until(Some(Instant::now() + grace)).await {
                Ok(None) => {}
                Ok(exit) => return exit,
                Err(Error::ReplyTooLong { .. }) => return Some(Exit::lost()),
                // A question that was cancelled got the answer.
                Err(error) if error.refusal() == Some(RefusalKind::NoSuchProcess) => {
                    return Some(Exit::lost());
                }
                Err(_) => return None,
            }
        }
        None
    }

    async fn signal(&self, signal: &str) -> Option<()> {
        let pid = self.pid.to_string();
        let started = self.client.ask(&Exec::shell(SIGNAL_TREE, [pid.as_str(), signal])).await;
        match started {
            // Windows has no `sh`, nor anything gentler for a program without a window.
            Err(error) if error.refusal() == Some(RefusalKind::NoSuchProgram) => {
                let kill = Exec::new("taskkill").args(["/F", "/T", "/PID", pid.as_str()]);
                self.client.ask(&kill).await.ok().map(drop)
            }
            started => started.ok().map(drop),
        }
    }
}

impl Exit {
    /// Of a program that has ended, and printed more than can be reported.
    fn lost() -> Self {
        Self { status: None, stdout: Vec::new(), stderr: Vec::new(), truncated: true }
    }
}

impl From<ExecState> for Exit {
    fn from(state: ExecState) -> Self {
        let status = match (state.signal, state.exitcode) {
            (Some(signal), _) => ExitStatus::Signal(signal),
            (None, code) => ExitStatus::Code(code.unwrap_or(0)),
        };
        Self {
            status: Some(status),
            stdout: state.out_data,
            stderr: state.err_data,
            truncated: state.out_truncated || state.err_truncated,
        }
    }
}

#[cfg(test)]
mod tests;
