//! Starting other programs, the one place.
//!
//! [`Invocation`] describes a run; [`Invocation::output`] waits for it within its deadline, and
//! [`Invocation::spawn_piped`] gives the three pipes of one that is kept open; a [`Failsafe`] runs when this process
//! can't any more. What makes every run safe is done here once:
//!
//! - its own process session (`setsid`): without a controlling terminal virsh can't open /dev/tty and
//!   start a polkit text agent that waits for ever, and a Ctrl-C meant for vmtools doesn't hit the tool;
//! - messages in English, in UTF-8: `LC_ALL=C.UTF-8` (plain `C` mangles names that are not ASCII);
//! - no variables that would turn a tool's debug output on or send it to another connection;
//! - killed, with its whole session, when the deadline passes or the future is dropped;
//! - what it prints is bounded.

mod attached;
mod detached;
mod error;
mod failsafe;
mod keyboard;
mod parent;
mod piped;
mod quote;

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessSession};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

pub use attached::{AtKeyboard, Attached};
pub use detached::start_detached;
pub use error::{Error, Failure};
pub use failsafe::Failsafe;
pub use keyboard::Keyboard;
pub(crate) use piped::Guard;
pub use piped::Piped;
pub use quote::quoted;

use error::not_started;

/// The most that a run may print on one stream, in bytes, if nothing else is said.
pub const OUTPUT_LIMIT: usize = 64 << 20;

/// The log target of the calls that `-v` shows.
pub const LOG_TARGET: &str = "vmtools::call";

/// A program with its arguments, and how long it may take.
#[derive(Debug, Clone)]
pub struct Invocation {
    program: OsString,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    stdin: Vec<u8>,
    deadline: Duration,
    output_limit: usize,
    tied_to_parent: bool,
}

/// What a program that succeeded has printed.
#[derive(Debug, Clone)]
pub struct Output {
    /// Standard output, as it came.
    pub stdout: Vec<u8>,
    /// Standard error, as text.
    pub stderr: String,
}

impl Invocation {
    /// A run of `program` (looked up in `PATH`) that may take `deadline`.
    pub fn new(program: impl AsRef<OsStr>, deadline: Duration) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            envs: Vec::new(),
            stdin: Vec::new(),
            deadline,
            output_limit: OUTPUT_LIMIT,
            tied_to_parent: false,
        }
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// With an environment variable set.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.envs.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// With `bytes` to read from standard input.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// With another bound on what it may print on one stream.
    #[must_use]
    pub fn output_limit(mut self, bytes: usize) -> Self {
        self.output_limit = bytes;
        self
    }

    /// Ended when this process is killed, as far as the system can do that. It has to be started by a thread that lives
    /// as long as it: when that ends, so does the program.
    #[must_use]
    pub fn tied_to_parent(mut self) -> Self {
        self.tied_to_parent = true;
        self
    }

    /// The command as one would type it in a shell.
    pub fn to_command_line(&self) -> String {
        std::iter::once(&self.program)
            .chain(&self.args)
            .map(|word| quoted(&word.to_string_lossy()))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// Every status but 0 is [`Error::Failed`]; past the deadline the program is killed.
    pub async fn output(self) -> Result<Output, Error> {
        self.output_with(|_| {}).await
    }

    /// As [`Invocation::output`], and tells each piece of standard output when it comes.
    ///
    /// # Errors
    /// Those of [`Invocation::output`].
    pub async fn output_with(self, on_stdout: impl FnMut(&[u8])) -> Result<Output, Error> {
        let started = Instant::now();
        let result = match tokio::time::timeout(self.deadline, self.collect(on_stdout)).await {
            Ok(result) => result,
            Err(_) => Err(Error::TimedOut { command: self.to_command_line(), deadline: self.deadline }),
        };
        log::debug!(target: LOG_TARGET, "{} ({} ms)", self.to_command_line(), started.elapsed().as_millis());
        let (status, stdout, stderr) = result?;
        log::trace!(target: LOG_TARGET, "stdout: {}", String::from_utf8_lossy(&stdout));
        log::trace!(target: LOG_TARGET, "stderr: {}", String::from_utf8_lossy(&stderr));
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        if status.success() {
            return Ok(Output { stdout, stderr });
        }
        Err(Error::Failed(Failure {
            command: self.to_command_line(),
            status: status.code(),
            signal: status.signal(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr,
        }))
    }

    /// Starts it, to be spoken with over its pipes. The deadline is the caller's to keep.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_piped(&self) -> Result<Piped, Error> {
        let mut child = self.spawn(Stdio::piped())?;
        match (child.stdin().take(), child.stdout().take(), child.stderr().take()) {
            (Some(stdin), Some(stdout), Some(stderr)) => {
                Ok(Piped { child: Guard(Some(child)), stdin, stdout, stderr })
            }
            _ => Err(self.io(std::io::ErrorKind::BrokenPipe.into())),
        }
    }

    async fn collect(&self, on_stdout: impl FnMut(&[u8])) -> Result<(ExitStatus, Vec<u8>, Vec<u8>), Error> {
        let stdin = if self.stdin.is_empty() { Stdio::null() } else { Stdio::piped() };
        let mut child = self.spawn(stdin)?;
        let pipe = child.stdin().take();
        let (stdout, stderr) = (child.stdout().take(), child.stderr().take());
        let feed = async {
            if let Some(mut pipe) = pipe {
                // A program that doesn't read its input to the end is its own affair.
                let _ = pipe.write_all(&self.stdin).await;
            }
        };
        let mut child = Guard(Some(child));
        let ((), stdout, stderr) =
            tokio::join!(feed, self.drain(stdout, on_stdout), self.drain(stderr, |_| {}));
        let (stdout, stderr) = (stdout?, stderr?);
        let status = child.wait().await.map_err(|source| self.io(source))?;
        Ok((status, stdout, stderr))
    }

    async fn drain(
        &self,
        stream: Option<impl AsyncRead + Unpin>,
        mut on_stdout: impl FnMut(&[u8]),
    ) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let Some(mut stream) = stream else { return Ok(bytes) };
        let limit = self.output_limit;
        loop {
            let done = bytes.len();
            if stream.read_buf(&mut bytes).await.map_err(|source| self.io(source))? == 0 {
                return Ok(bytes);
            }
            if bytes.len() > limit {
                return Err(Error::TooMuchOutput { command: self.to_command_line(), limit });
            }
            on_stdout(&bytes[done..]);
        }
    }

    fn spawn(&self, stdin: Stdio) -> Result<Box<dyn ChildWrapper>, Error> {
        let mut command = self.wrapped(stdin, Stdio::piped);
        command.wrap(KillOnDrop).wrap(ProcessSession);
        self.start(command)
    }

    fn wrapped(&self, stdin: Stdio, output: fn() -> Stdio) -> CommandWrap {
        let (program, args) = match self.tied_to_parent {
            true => parent::tied(&self.program, &self.args),
            false => (self.program.clone(), self.args.clone()),
        };
        CommandWrap::with_new(program, |command| {
            command.args(args).stdin(stdin).stdout(output()).stderr(output());
            for name in unwanted_variables() {
                command.env_remove(name);
            }
            command.env("LC_ALL", "C.UTF-8").env("LANGUAGE", "");
            command.envs(self.envs.iter().map(|(name, value)| (name, value)));
        })
    }

    fn start(&self, mut command: CommandWrap) -> Result<Box<dyn ChildWrapper>, Error> {
        command.spawn().map_err(|source| not_started(&self.program, self.to_command_line(), source))
    }

    fn io(&self, source: std::io::Error) -> Error {
        Error::Io { command: self.to_command_line(), source }
    }
}

/// Replaces this process by a program that is to have its terminal, its environment and its exit status.
/// Returns only when that failed.
#[expect(clippy::disallowed_methods, reason = "this is the one place that starts programs")]
pub fn exec(program: &str, arguments: &[OsString]) -> Error {
    use std::os::unix::process::CommandExt;
    let source = std::process::Command::new(program).args(arguments).exec();
    not_started(OsStr::new(program), program.to_owned(), source)
}

/// Variables of the caller's environment that change what a tool prints or speaks to.
fn unwanted_variables() -> impl Iterator<Item = OsString> {
    std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        ["VIRSH_", "LIBVIRT_", "LC_", "LANG"].iter().any(|prefix| name.starts_with(prefix))
    })
}

#[cfg(test)]
mod tests;
