//! Starting other programs, the one place.
//!
//! [`Invocation`] describes a run; [`Invocation::output`] waits for it within its deadline, and
//! [`Invocation::spawn_piped`] gives the three pipes of one that is kept open. What makes every run safe
//! is done here once:
//!
//! - its own process session (`setsid`): without a controlling terminal virsh can't open /dev/tty and
//!   start a polkit text agent that waits for ever, and a Ctrl-C meant for vmtools doesn't hit the tool;
//! - messages in English, in UTF-8: `LC_ALL=C.UTF-8` (plain `C` mangles names that are not ASCII);
//! - no variables that would turn a tool's debug output on or send it to another connection;
//! - killed, with its whole session, when the deadline passes or the future is dropped;
//! - what it prints is bounded.

mod attached;
mod keyboard;
mod parent;

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop, ProcessSession};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

pub use attached::{AtKeyboard, Attached};
pub use keyboard::Keyboard;

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

/// A program that ran and failed: all that is known of it.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The command as one would type it.
    pub command: String,
    /// Its exit status; `None` when a signal ended it.
    pub status: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` ", self.command)?;
        match (self.status, self.signal) {
            (Some(status), _) => write!(f, "exited with status {status}")?,
            (None, Some(signal)) => write!(f, "was ended by signal {signal}")?,
            (None, None) => write!(f, "ended")?,
        }
        let said = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        match said.trim() {
            "" => Ok(()),
            said => write!(f, ": {said}"),
        }
    }
}

/// Why a program gave no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such program in `PATH`.
    #[error("the program {program} is not installed")]
    Missing {
        /// The program's name.
        program: String,
    },
    /// It could not be started, or its pipes broke.
    #[error("cannot run `{command}`")]
    Io {
        /// The command as one would type it.
        command: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It was killed because its time was over.
    #[error("`{command}` gave no answer within {}", humantime::format_duration(*.deadline))]
    TimedOut {
        /// The command as one would type it.
        command: String,
        /// The time that it had.
        deadline: Duration,
    },
    /// It was killed because it printed without end.
    #[error("`{command}` printed more than {limit} bytes")]
    TooMuchOutput {
        /// The command as one would type it.
        command: String,
        /// The bound, in bytes.
        limit: usize,
    },
    /// It ran and failed.
    #[error("{0}")]
    Failed(Failure),
}

/// A program that is kept open, with its three pipes. It and its whole session are killed on drop.
pub struct Piped {
    /// Keeps the program alive; dropping it kills.
    pub(crate) child: Guard,
    /// What the program reads.
    pub stdin: ChildStdin,
    /// What the program prints.
    pub stdout: ChildStdout,
    /// What the program complains.
    pub stderr: ChildStderr,
}

impl Piped {
    /// Closes the program's input and waits for its end, at most `grace`, then kills it.
    pub async fn close(self, grace: Duration) {
        let Self { mut child, stdin, stdout, stderr } = self;
        drop((stdin, stdout, stderr));
        let _ = tokio::time::timeout(grace, child.wait()).await;
    }

    /// Kills the program and its session.
    pub fn kill(&mut self) {
        self.child.kill();
    }
}

/// A child that is killed on drop together with its session, unless its end was seen.
pub(crate) struct Guard(Option<Box<dyn ChildWrapper>>);

impl Guard {
    pub(crate) async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let Some(child) = self.0.as_mut() else {
            return Err(std::io::ErrorKind::NotFound.into());
        };
        let status = child.wait().await?;
        // Its id may be another process' from here on.
        self.0 = None;
        Ok(status)
    }

    fn kill(&mut self) {
        if let Some(child) = self.0.as_mut() {
            let _ = child.start_kill();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.kill();
    }
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
        self.output_telling(|_| {}).await
    }

    /// As [`Invocation::output`], and tells each piece of standard output when it comes.
    ///
    /// # Errors
    /// Those of [`Invocation::output`].
    pub async fn output_telling(self, told: impl FnMut(&[u8])) -> Result<Output, Error> {
        let started = Instant::now();
        let result = match tokio::time::timeout(self.deadline, self.collect(told)).await {
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

    async fn collect(&self, told: impl FnMut(&[u8])) -> Result<(ExitStatus, Vec<u8>, Vec<u8>), Error> {
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
        let ((), stdout, stderr) = tokio::join!(feed, self.drain(stdout, told), self.drain(stderr, |_| {}));
        let (stdout, stderr) = (stdout?, stderr?);
        let status = child.wait().await.map_err(|source| self.io(source))?;
        Ok((status, stdout, stderr))
    }

    async fn drain(
        &self,
        stream: Option<impl AsyncRead + Unpin>,
        mut told: impl FnMut(&[u8]),
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
            told(&bytes[done..]);
        }
    }

    fn spawn(&self, stdin: Stdio) -> Result<Box<dyn ChildWrapper>, Error> {
        let (program, args) = match self.tied_to_parent {
            true => parent::tied(&self.program, &self.args),
            false => (self.program.clone(), self.args.clone()),
        };
        let mut command = CommandWrap::with_new(program, |command| {
            command.args(args).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
            for name in unwanted_variables() {
                command.env_remove(name);
            }
            command.env("LC_ALL", "C.UTF-8").env("LANGUAGE", "");
            command.envs(self.envs.iter().map(|(name, value)| (name, value)));
        });
        command.wrap(KillOnDrop).wrap(ProcessSession);
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

/// What it means that `program` could not be started. A folder in `PATH` that this user may not look into
/// hides behind "permission denied" that there is no such program.
fn not_started(program: &OsStr, command: String, source: std::io::Error) -> Error {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = || std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing = match source.kind() {
        std::io::ErrorKind::NotFound => true,
        std::io::ErrorKind::PermissionDenied => !there(),
        _ => false,
    };
    if missing {
        return Error::Missing { program: program.to_string_lossy().into_owned() };
    }
    Error::Io { command, source }
}

/// Variables of the caller's environment that change what a tool prints or speaks to.
fn unwanted_variables() -> impl Iterator<Item = OsString> {
    std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        ["VIRSH_", "LIBVIRT_", "LC_", "LANG"].iter().any(|prefix| name.starts_with(prefix))
    })
}

/// `word` as a POSIX shell takes it, on one line: control characters are written as escapes, in the `$'..'` of
/// bash, zsh and POSIX.1-2024.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    // zsh takes a word that begins with "=" for the path of a program.
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(plain) {
        return word.to_owned();
    }
    if word.contains(char::is_control) {
        let escape = |c: char| match c {
            '\\' | '\'' => format!("\\{c}"),
            c if c.is_control() => {
                c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\{byte:03o}")).collect()
            }
            c => c.to_string(),
        };
        return format!("$'{}'", word.chars().map(escape).collect::<String>());
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(invocation: Invocation) -> Result<Output, Error> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("runtime")
            .block_on(invocation.output())
    }

    fn shell(script: &str) -> Invocation {
        Invocation::new("sh", Duration::from_secs(20)).arg("-c").arg(script)
    }

    #[test]
    fn input_and_both_outputs_pass() {
        let output = run(shell("cat; echo oops >&2").stdin("hello")).expect("runs");
        assert_eq!((output.stdout.as_slice(), output.stderr.as_str()), (&b"hello"[..], "oops\n"));
    }

    #[test]
    fn output_is_told_while_it_comes() {
        let folder = tempfile::tempdir().expect("folder");
        let pipe = folder.path().join("pipe");
        let script = format!("mkfifo {0}; echo one; cat {0}", pipe.display());
        let mut seen = Vec::new();
        let work = shell(&script).output_telling(|piece| {
            // The program goes on only once the first piece was told.
            if seen.is_empty() {
                std::fs::write(&pipe, "two").expect("the program reads");
            }
            seen.extend_from_slice(piece);
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let output = runtime.block_on(work).expect("runs");
        assert_eq!((output.stdout.as_slice(), seen.as_slice()), (&b"one\ntwo"[..], &b"one\ntwo"[..]));
    }

    #[test]
    fn a_failure_tells_all() {
        let Err(Error::Failed(failure)) = run(shell("echo why >&2; exit 7")) else { panic!("should fail") };
        assert_eq!((failure.status, failure.signal), (Some(7), None));
        assert_eq!(failure.to_string(), "`sh -c 'echo why >&2; exit 7'` exited with status 7: why");
    }

    #[test]
    fn a_missing_program_is_told_apart() {
        let result = run(Invocation::new("no-such-program-here", Duration::from_secs(5)));
        assert!(matches!(result, Err(Error::Missing { program }) if program == "no-such-program-here"));
    }

    #[test]
    fn past_the_deadline_the_whole_session_is_gone() {
        let marker = tempfile::NamedTempFile::new().expect("temporary file");
        let script = format!("(sleep 60; true) & echo $! > {}; wait", marker.path().display());
        let invocation = Invocation::new("sh", Duration::from_millis(300)).arg("-c").arg(script);
        assert!(matches!(run(invocation), Err(Error::TimedOut { .. })));
        let pid = std::fs::read_to_string(marker.path()).expect("pid was written");
        let deadline = Instant::now() + Duration::from_secs(10);
        let stat = format!("/proc/{}/stat", pid.trim());
        // Gone, or a zombie that its adopter has yet to reap.
        while std::fs::read_to_string(&stat).is_ok_and(|text| !text.contains(") Z ")) {
            assert!(Instant::now() < deadline, "the grandchild still runs");
            std::thread::yield_now();
        }
    }

    #[test]
    fn endless_output_is_cut_off() {
        let result = run(shell("yes").output_limit(1000));
        assert!(matches!(result, Err(Error::TooMuchOutput { limit: 1000, .. })));
    }

    #[test]
    fn the_locale_is_ours_and_there_is_no_terminal() {
        let output =
            run(shell("echo $LC_ALL; (: < /dev/tty) 2>/dev/null && echo tty || echo none")).expect("runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "C.UTF-8\nnone\n");
    }

    #[test]
    fn quoting_is_a_shells() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("a\t'\u{9b}"), r"$'a\011\'\302\233'");
        assert_eq!(quoted("--size=4G"), "--size=4G");
    }

    #[test]
    fn a_shell_reads_a_quoted_word_as_it_was() {
        let words = ["it's", "$(id)", "a  b", "\"`x`\"", "a\tb\\", "a\n'b", "=ls", "*", "~", "ä;b", "-x", ""];
        let script = format!("printf '%s|' -- {}", words.map(quoted).join(" "));
        let output =
            run(Invocation::new("bash", Duration::from_secs(20)).arg("-c").arg(script)).expect("runs");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!("--|{}", words.map(|word| format!("{word}|")).concat())
        );
    }
}
