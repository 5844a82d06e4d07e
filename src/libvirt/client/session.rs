//! A virsh that is kept open and spoken with over its pipes.
//!
//! A virsh process costs 13 to 17 ms, mostly the linking of its 63 libraries; a further command in one
//! that is open costs 0.4 ms. With its input on a pipe, virsh reads commands by lines and prints a
//! prompt and the line it read before each one's output. Its exit status says nothing, so each command
//! is framed on both streams with `echo`:
//!
//! ```text
//! echo "NONCE"17B                 stdout: NONCE17B
//! domstate --domain '...'         stdout: virsh # domstate ...     <- the echoed line
//!                                         running                  <- the output
//!                                                                  <- one line break of virsh's own
//! echo "NONCE"17E                 stdout: virsh # echo "NONCE"17E
//!                                         NONCE17E
//! echo --err "NONCE"17E           stderr: error: NONCE17E
//! ```
//!
//! The quotes keep the echoed line from looking like the marker. What stands on stderr before its
//! marker is the command's complaint; none means success. Held on virsh 9.0.0 and 11.3.0.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

use super::command::{Command, QUESTION};
use crate::libvirt::Error;
use crate::model::ConnectionUri;
use crate::system::process::{Invocation, Piped};

const PROMPT: &[u8] = b"virsh # ";

/// What one command printed.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) stdout: Vec<u8>,
    /// Empty when the command succeeded.
    pub(super) stderr: String,
}

/// What ended a session.
#[derive(Debug)]
pub(super) enum Broken {
    /// virsh ended or its pipe broke, after it said this on stderr.
    Ended(String),
    /// It printed past any reason.
    Flood,
}

pub(super) struct Session {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    nonce: String,
    count: u64,
    /// How many commands of the present batch have been answered.
    answered: usize,
    // Killed with its process session when this is dropped.
    _process: crate::system::process::Guard,
}

impl Session {
    /// Starts virsh. Whether it gets a connection shows at the first command.
    pub(super) fn open(uri: &ConnectionUri) -> Result<Self, Error> {
        let Piped { child, stdin, stdout, stderr } = Invocation::new("virsh", QUESTION)
            .args(["-c", uri.as_str()])
            // Line editing for a dumb terminal: no control sequences in what it echoes.
            .env("TERM", "dumb")
            // No history file for these commands.
            .env("VIRSH_HISTSIZE", "0")
            // It tells the ends of DHCP leases in local time.
            .env("TZ", "UTC")
            .spawn_piped()?;
        Ok(Self {
            stdin,
            stdout: BufReader::new(stdout),
            stderr: BufReader::new(stderr),
            nonce: new_nonce(),
            count: 0,
            answered: 0,
            _process: child,
        })
    }

    /// How many commands of the last batch were answered.
    pub(super) fn answered(&self) -> usize {
        self.answered
    }

    /// Runs the commands in order and gives a reply for each. They are written ahead of their
    /// replies, so many cost hardly more than one.
    pub(super) async fn run(&mut self, commands: &[Command]) -> Result<Vec<Reply>, RunError> {
        let first = self.count;
        let mut script = String::new();
        for (number, command) in (first..).zip(commands) {
            let line = command.line().map_err(RunError::Error)?;
            let nonce = &self.nonce;
            script.push_str(&format!("echo \"{nonce}\"{number}B\n{line}\necho \"{nonce}\"{number}E\necho --err \"{nonce}\"{number}E\n"));
        }
        self.count += commands.len() as u64;
        self.answered = 0;
        let answered = &mut self.answered;
        let (stdin, stdout, stderr) = (&mut self.stdin, &mut self.stdout, &mut self.stderr);
        let nonce = self.nonce.as_str();
        let numbers = first..self.count;
        let write = async {
            // When virsh has ended, its own last words say more than a broken pipe.
            let _ = stdin.write_all(script.as_bytes()).await;
            let _ = stdin.flush().await;
        };
        let outs = async {
            let mut outs = Vec::new();
            for number in numbers.clone() {
                match read_stdout(stdout, nonce, number).await? {
                    Some(record) => outs.push(record),
                    None => break,
                }
                *answered = outs.len();
            }
            Ok::<_, Broken>(outs)
        };
        let errs = async {
            let mut errs = Vec::new();
            for number in numbers.clone() {
                let (record, whole) = read_stderr(stderr, &format!("error: {nonce}{number}E")).await?;
                errs.push(record);
                if !whole {
                    break;
                }
            }
            Ok::<_, Broken>(errs)
        };
        let ((), outs, errs) = tokio::join!(write, outs, errs);
        let (outs, errs) = (outs.map_err(RunError::Broken)?, errs.map_err(RunError::Broken)?);
        if outs.len() < commands.len() || errs.len() < commands.len() {
            return Err(RunError::Broken(Broken::Ended(errs.last().cloned().unwrap_or_default())));
        }
        Ok(outs.into_iter().zip(errs).map(|(stdout, stderr)| Reply { stdout, stderr }).collect())
    }
}

/// Twelve random digits: virsh reads its input by single bytes, so each of them costs time, three times a command.
fn new_nonce() -> String {
    let mut nonce = uuid::Uuid::new_v4().simple().to_string();
    nonce.truncate(12);
    nonce
}

/// Why commands got no replies.
pub(super) enum RunError {
    Error(Error),
    Broken(Broken),
}

const LIMIT: usize = crate::system::process::OUTPUT_LIMIT;

/// One command's output, between its markers; `None` when the stream ended before.
async fn read_stdout(
    stream: &mut BufReader<ChildStdout>,
    nonce: &str,
    number: u64,
) -> Result<Option<Vec<u8>>, Broken> {
    let begin = format!("{nonce}{number}B");
    let end = format!("{nonce}{number}E");
    let ended = |_| Broken::Ended(String::new());
    let mut line = Vec::new();
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await.map_err(ended)? == 0 {
            return Ok(None);
        }
        if line.trim_ascii_end() == begin.as_bytes() {
            break;
        }
    }
    let mut record = Vec::new();
    loop {
        let start = record.len();
        if stream.read_until(b'\n', &mut record).await.map_err(ended)? == 0 {
            return Ok(None);
        }
        if record[start..].trim_ascii_end() == end.as_bytes() {
            record.truncate(start);
            return Ok(Some(strip_prompts(record)));
        }
        if record.len() > LIMIT {
            return Err(Broken::Flood);
        }
    }
}

/// Takes the echoed command off the front, and the prompt with the echoed marker, and the line break
/// that virsh adds behind a command's output, off the end.
fn strip_prompts(mut record: Vec<u8>) -> Vec<u8> {
    if let Some(end) = record.windows(PROMPT.len()).rposition(|window| window == PROMPT) {
        record.truncate(end);
    }
    if record.last() == Some(&b'\n') {
        record.pop();
    }
    let first = record.iter().position(|byte| *byte == b'\n').map_or(record.len(), |at| at + 1);
    record.drain(..first);
    record
}

/// One command's complaint, and whether its marker came.
async fn read_stderr(stream: &mut BufReader<ChildStderr>, end: &str) -> Result<(String, bool), Broken> {
    let mut record = Vec::new();
    loop {
        let start = record.len();
        let read = stream.read_until(b'\n', &mut record).await.unwrap_or(0);
        let whole = record[start..].trim_ascii_end() == end.as_bytes();
        if whole {
            record.truncate(start);
        }
        if whole || read == 0 {
            return Ok((String::from_utf8_lossy(&record).trim().to_owned(), whole));
        }
        if record.len() > LIMIT {
            return Err(Broken::Flood);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Recorded from virsh 11.3.0: `virsh -c qemu:///system < script`, between the markers' lines.
    #[test]
    fn only_the_output_stays() {
        let record = b"virsh # uri\nqemu:///system\n\nvirsh # echo \"@@\"19E\n".to_vec();
        assert_eq!(strip_prompts(record), b"qemu:///system\n");
    }

    #[test]
    fn a_command_without_output_gives_none() {
        let record = b"virsh # list --all --uuid --name\n\nvirsh # echo \"@@\"17E\n".to_vec();
        assert_eq!(strip_prompts(record), b"");
    }

    #[test]
    fn output_without_a_last_line_break_keeps_its_bytes() {
        let record = b"virsh # vol-download x\nabc\nvirsh # echo \"@@\"17E\n".to_vec();
        assert_eq!(strip_prompts(record), b"abc");
    }
}
