//! A virsh that is kept open and spoken with over its pipes.
//!
//! A virsh process costs 13 to 17 ms, mostly the linking of its 63 libraries; a further command in one
//! that is open costs 0.2 ms. With its input on a pipe, virsh reads commands by lines and prints a
//! prompt and the line it read before each one's output. Its exit status says nothing, so each command
//! is framed on both streams with `echo`, on a line of its own: a line that virsh can't parse is not run at all.
//!
//! ```text
//! domstate --domain '...'              stdout: virsh # domstate ...         <- the echoed line
//!                                              running                      <- the output
//!                                                                           <- a line break of virsh's own
//! echo --err NONCE17;echo NONCE17      stdout: virsh # echo --err NONCE17;echo NONCE17
//!                                                                           <- one for each command of the line
//!                                              NONCE17
//!                                      stderr: error: NONCE17
//! ```
//!
//! The echoed line never looks like the marker, for the prompt stands before it (a line over 80 columns is echoed
//! shortened, beginning with `virsh # \r<`). What stands on stderr before its marker is the command's complaint; none
//! means success. Held on virsh 9.0.0 and 11.3.0.
//!
//! virsh reads its input by single bytes and redraws the line at each, so a line's length costs more than most
//! commands do. Documents, of which there are many at a time, are therefore framed by their echoed lines alone, which
//! end with the nonce in a comment, and by one marker behind the last.
//!
//! ```text
//! dumpxml UUID #NONCE18                stdout: virsh # dumpxml UUID #NONCE18
//!                                              <domain> ...
//! dumpxml UUID #NONCE19                stdout: virsh # dumpxml UUID #NONCE19
//! ```

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::time::timeout;

use super::command::{Command, QUESTION};
use super::record::{Broken, Records};
use crate::libvirt::Error;
use crate::model::{ConnectionUri, Uuid};
use crate::system::process::{Invocation, Piped};

const PROMPT: &[u8] = b"virsh # ";
/// How long stderr may stay behind stdout, which virsh writes to later.
const STDERR_DELAY: Duration = Duration::from_secs(5);

/// What one command printed.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) stdout: Vec<u8>,
    /// Empty when the command succeeded.
    pub(super) stderr: String,
}

pub(super) struct Session {
    // Killed with its process session when this is dropped: first, for at the end of its input virsh writes a history,
    // and to be killed at that leaves a `history-PID.tmp` of readline's.
    _process: crate::system::process::Guard,
    stdin: ChildStdin,
    stdout: Records<ChildStdout>,
    stderr: Records<ChildStderr>,
    nonce: String,
    count: u64,
}

/// Why commands got no replies. The session is no use then.
pub(super) enum RunError {
    Error(Error),
    Broken(Broken),
    /// The command of this index gave no answer in time.
    TimedOut(usize),
}

impl From<Broken> for RunError {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl Session {
    /// Starts virsh. Whether it gets a connection shows at the first command.
    pub(super) fn open(uri: &ConnectionUri) -> Result<Self, Error> {
        let Piped { child, stdin, stdout, stderr } = virsh(uri, QUESTION)
            // Line editing for a dumb terminal: no control sequences in what it echoes.
            .env("TERM", "dumb")
            // No history file for these commands.
            .env("VIRSH_HISTSIZE", "0")
            // It tells the ends of DHCP leases in local time.
            .env("TZ", "UTC")
            .spawn_piped()?;
        Ok(Self {
            stdin,
            stdout: Records::new(stdout),
            stderr: Records::new(stderr),
            nonce: new_nonce(),
            count: 0,
            _process: child,
        })
    }

    /// Runs the commands in order and gives each one's reply when it comes. They are written ahead of their
    /// replies, so many cost hardly more than one. Each has its own deadline, from the reply before it on.
    pub(super) async fn run(
        &mut self,
        commands: &[Command],
        mut each: impl FnMut(usize, Reply),
    ) -> Result<(), RunError> {
        let mut script = String::new();
        let mut markers = Vec::with_capacity(commands.len());
        for command in commands {
            let line = command.line().map_err(RunError::Error)?;
            let marker = self.next_marker();
            script.push_str(&format!("{line}\necho --err {marker};echo {marker}\n"));
            markers.push(marker);
        }
        let Self { stdin, stdout, stderr, .. } = self;
        let read = async {
            for (index, (command, marker)) in commands.iter().zip(&markers).enumerate() {
                let error_marker = format!("error: {marker}");
                let both = async {
                    let out = stdout.until(|line| line == marker.as_bytes());
                    let err = stderr.until(|line| line == error_marker.as_bytes());
                    tokio::join!(out, err)
                };
                let both = timeout(command.deadline(), both).await;
                let (out, err) = both.map_err(|_| RunError::TimedOut(index))?;
                // Why virsh has ended stands on stderr.
                let (err, out) = (err?, out?);
                each(index, Reply { stdout: strip_prompts(out.to_vec()), stderr: text(err) });
            }
            Ok(())
        };
        beside(write(stdin, &script), read).await
    }

    /// Runs commands that print a document each, and gives each document when it comes; nothing for those that
    /// failed. `within` is the time for each, from the one before it on.
    pub(super) async fn run_documents(
        &mut self,
        commands: &[Command],
        within: Duration,
        mut each: impl FnMut(usize, &[u8]),
    ) -> Result<(), RunError> {
        let mut script = String::new();
        let mut markers = Vec::with_capacity(commands.len());
        for command in commands {
            let line = command.line().map_err(RunError::Error)?;
            let marker = self.next_marker();
            script.push_str(&format!("{line} #{marker}\n"));
            markers.push(format!("#{marker}"));
        }
        let last = self.next_marker();
        script.push_str(&format!("echo --err {last};echo {last}\n"));
        let Self { stdin, stdout, stderr, .. } = self;
        let documents = async {
            for (index, marker) in markers.iter().enumerate() {
                let is_next = |line: &[u8]| line.starts_with(PROMPT) && line.ends_with(marker.as_bytes());
                // What stands before a command's own line is the document before it.
                let before = timeout(within, stdout.until(is_next)).await;
                let before = before.map_err(|_| RunError::TimedOut(index.saturating_sub(1)))??;
                if let Some(previous) = index.checked_sub(1) {
                    each(previous, before.trim_ascii_end());
                }
            }
            let previous = markers.len().saturating_sub(1);
            let rest = timeout(within, stdout.until(|line| line == last.as_bytes())).await;
            let rest = rest.map_err(|_| RunError::TimedOut(previous))??;
            each(previous, strip_last_prompt(rest).trim_ascii_end());
            Ok(())
        };
        let error_marker = format!("error: {last}");
        let errors = async { stderr.until(|line| line == error_marker.as_bytes()).await.map(drop) };
        beside(write(stdin, &script), beside_errors(documents, errors)).await
    }

    fn next_marker(&mut self) -> String {
        self.count += 1;
        format!("{}{}", self.nonce, self.count)
    }
}

/// virsh on this connection, not started yet.
pub(super) fn virsh(uri: &ConnectionUri, deadline: Duration) -> Invocation {
    let virsh = Invocation::new("virsh", deadline).args(["-c", uri.as_str()]);
    // Each reply would set the timer of its keepalives again, which wakes virsh's second thread: that is a twentieth of what
    // a list with definitions costs. A socket of this host needs none to show that its daemon is gone.
    if uri.is_local() { virsh.args(["--keepalive-interval", "0"]) } else { virsh }
}

/// Ten random digits, which no output can guess.
pub(super) fn new_nonce() -> String {
    let mut nonce = Uuid::new_v4().simple().to_string();
    nonce.truncate(10);
    nonce
}

async fn write(stdin: &mut ChildStdin, script: &str) {
    // When virsh has ended, its own last words say more than a broken pipe.
    let _ = stdin.write_all(script.as_bytes()).await;
    let _ = stdin.flush().await;
}

/// Does both until the reading ends.
async fn beside<T>(write: impl Future<Output = ()>, read: impl Future<Output = T>) -> T {
    tokio::pin!(write, read);
    tokio::select! {
        result = &mut read => return result,
        () = &mut write => {}
    }
    read.await
}

/// Reads documents and, beside them, standard error up to its marker: virsh waits when nobody reads that.
pub(super) async fn beside_errors(
    documents: impl Future<Output = Result<(), RunError>>,
    errors: impl Future<Output = Result<(), Broken>>,
) -> Result<(), RunError> {
    tokio::pin!(documents, errors);
    let mut ended = None;
    let result = loop {
        tokio::select! {
            result = &mut errors, if ended.is_none() => ended = Some(result),
            result = &mut documents => break result,
        }
    };
    if let Err(RunError::TimedOut(_)) = result {
        return result;
    }
    let ended = match ended {
        Some(ended) => ended,
        None => timeout(STDERR_DELAY, errors).await.unwrap_or(Ok(())),
    };
    // Why virsh has ended stands on stderr.
    ended.map_err(RunError::Broken).and(result)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// Takes the echoed command off the front, with the line break before it, and the prompt with the echoed markers, and
/// the line break that virsh adds behind a command's output, off the end.
fn strip_prompts(mut record: Vec<u8>) -> Vec<u8> {
    record.truncate(strip_last_prompt(&record).len());
    if record.last() == Some(&b'\n') {
        record.pop();
    }
    let prompt = find(&record, PROMPT).unwrap_or(0);
    let line = record[prompt..].iter().position(|byte| *byte == b'\n');
    record.drain(..line.map_or(record.len(), |at| prompt + at + 1));
    record
}

fn strip_last_prompt(record: &[u8]) -> &[u8] {
    let end = record.windows(PROMPT.len()).rposition(|window| window == PROMPT);
    &record[..end.unwrap_or(record.len())]
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Recorded from virsh 11.3.0 in its interactive mode, between the markers' lines.
    #[test]
    fn only_the_output_stays() {
        let record = b"\nvirsh # uri\nqemu:///system\n\nvirsh # echo --err N2;echo N2\n\n".to_vec();
        assert_eq!(strip_prompts(record), b"qemu:///system\n");
    }

    #[test]
    fn a_command_without_output_gives_none() {
        let banner = "Welcome to virsh, the virtualization interactive terminal.\n\nType:  'help' for help with commands\n       'quit' to quit\n\n";
        let record = format!("{banner}virsh # list --all --uuid --name\n\nvirsh # echo --err N1;echo N1\n\n");
        assert_eq!(strip_prompts(record.into_bytes()), b"");
        // One that virsh could not parse.
        assert_eq!(strip_prompts(b"\nvirsh # nonsense\nvirsh # echo --err N1;echo N1\n\n".to_vec()), b"");
    }

    #[test]
    fn a_long_line_is_echoed_shortened() {
        let record = b"\nvirsh # \r<1-4d3c-8a33-3a6d5f9f0b11' --source lease\nout\n\nvirsh # echo --err N2;echo N2\n\n".to_vec();
        assert_eq!(strip_prompts(record), b"out\n");
    }

    #[test]
    fn output_without_a_last_line_break_keeps_its_bytes() {
        let record = b"\nvirsh # vol-download x\nabc\nvirsh # echo --err N2;echo N2\n\n".to_vec();
        assert_eq!(strip_prompts(record), b"abc");
    }
}
