use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, ChildStdout};

use super::{Assembler, Notice};
use crate::libvirt::Error;
use crate::libvirt::client::Client;
use crate::libvirt::client::command::QUESTION;
use crate::libvirt::error::classify;
use crate::system::process::{Guard, Invocation, LOG_TARGET, Piped};

/// How long virsh may be silent amid an event that has several lines: it writes them at one go.
const SILENCE: Duration = Duration::from_millis(50);
/// How long virsh may take until it listens, if it doesn't say so.
const LISTENS: Duration = Duration::from_secs(10);
/// How much of virsh's error output is kept, in bytes.
const WORDS: usize = 4096;
/// The most that one line may have, in bytes.
const LINE: usize = 1 << 20;
/// The last kind of event, by number, that the oldest libvirt which is supported (9.0) has.
const LAST_KIND: u32 = 26;
const COMMAND: &str = "virsh event --all --loop --timestamp";

/// All domains' events, as they come. Dropped, its virsh is killed.
///
/// virsh doesn't say when it has begun to listen. libvirt's library does, in its log, when virsh asks it for
/// each kind of event in turn: a kind before the last one asked for is listened to. That goes to stderr, as
/// does a line for each event, which is passed over. Held on virsh 11.3.0. One whose log has other words is taken to
/// listen after 10 s; that its daemon answers shows by what is asked of it next.
pub struct EventFeed {
    uri: String,
    stdout: ChildStdout,
    stderr: ChildStderr,
    /// What has been read of a line that is not whole yet.
    line: Vec<u8>,
    /// The same of stderr; `None` at its end.
    log: Option<Vec<u8>>,
    complaint: String,
    asked_for: Option<u32>,
    assembler: Assembler,
    // Killed with its process session when this is dropped.
    _process: Guard,
}

impl Client {
    /// Starts a virsh that tells of all domains' events; returns when it listens.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn listen(&self) -> Result<EventFeed, Error> {
        let started = Instant::now();
        let uri = self.uri().to_string();
        let Piped { child, stdin: _, stdout, stderr } = Invocation::new("virsh", QUESTION)
            .args(["-c", &uri, "event", "--all", "--loop", "--timestamp"])
            // It would listen for ever after a SIGKILL of this process.
            .tied_to_parent()
            .env("LIBVIRT_LOG_FILTERS", "1:libvirt.domain")
            .env("LIBVIRT_LOG_OUTPUTS", "1:stderr")
            .env("TZ", "UTC")
            .spawn_piped()?;
        let mut feed = EventFeed {
            uri,
            stdout,
            stderr,
            line: Vec::new(),
            log: Some(Vec::new()),
            complaint: String::new(),
            asked_for: None,
            assembler: Assembler::default(),
            _process: child,
        };
        let listens = tokio::time::timeout(LISTENS, feed.until_it_listens()).await;
        log::debug!(target: LOG_TARGET, "{COMMAND} ({} ms)", started.elapsed().as_millis());
        listens.unwrap_or(Ok(())).map(|()| feed)
    }
}

impl EventFeed {
    /// The next event. One that is cancelled can be asked again. While nobody asks, some hundred events wait in the
    /// pipe; then virsh waits, and libvirt breaks with a virsh that gave no sign of life for half a minute.
    ///
    /// # Errors
    /// [`Error::Lost`] when the daemon or virsh has gone; there is nothing more then.
    pub async fn next(&mut self) -> Result<Notice, Error> {
        let mut read = Ok(());
        loop {
            if let Some(notice) = self.assembler.next() {
                return Ok(notice);
            }
            read?;
            read = self.read().await;
        }
    }

    async fn until_it_listens(&mut self) -> Result<(), Error> {
        while self.asked_for.is_none_or(|kind| kind < LAST_KIND) {
            self.read().await?;
        }
        Ok(())
    }

    /// Takes in what virsh prints next.
    async fn read(&mut self) -> Result<(), Error> {
        let mut none = Vec::new();
        let goes_on = self.log.is_some();
        let log = self.log.as_mut().unwrap_or(&mut none);
        tokio::select! {
            read = self.stdout.read_buf(&mut self.line) => {
                if let Ok(1..) = read {
                    return self.take_lines();
                }
            }
            read = self.stderr.read_buf(log), if goes_on => {
                match read {
                    Ok(1..) => self.take_log(),
                    Ok(0) | Err(_) => self.log = None,
                }
                return Ok(());
            }
            () = tokio::time::sleep(SILENCE), if self.assembler.is_open() => {
                self.assembler.complete();
                return Ok(());
            }
        }
        self.end().await
    }

    fn take_lines(&mut self) -> Result<(), Error> {
        while let Some(line) = take_line(&mut self.line) {
            self.assembler.push(&line);
        }
        if self.line.len() > LINE {
            let reason = format!("a line of more than {LINE} bytes");
            return Err(Error::Unexpected { command: COMMAND.into(), reason });
        }
        Ok(())
    }

    fn take_log(&mut self) {
        while let Some(line) = self.log.as_mut().and_then(take_line) {
            self.asked_for = self.asked_for.max(kind_asked_for(&line));
            // What is not virsh's own is the library's log, and begins with a time.
            if line.starts_with("error: ") && self.complaint.len() < WORDS {
                self.complaint.push_str(&line);
                self.complaint.push('\n');
            }
        }
        if let Some(log) = self.log.as_mut().filter(|log| log.len() > LINE) {
            log.clear();
        }
    }

    /// What is left at virsh's end: events, then why it ended.
    async fn end(&mut self) -> Result<(), Error> {
        self.assembler.complete();
        let rest = async {
            while let Some(log) = self.log.as_mut() {
                match self.stderr.read_buf(log).await {
                    Ok(1..) => self.take_log(),
                    Ok(0) | Err(_) => self.log = None,
                }
            }
        };
        // A grandchild, such as the ssh of a remote URI, may hold it open.
        let _ = tokio::time::timeout(Duration::from_secs(1), rest).await;
        match classify(&self.uri, COMMAND, &self.complaint) {
            error @ (Error::Unreachable { .. } | Error::Denied { .. }) => Err(error),
            _ => {
                let message = self.complaint.lines().next().unwrap_or_default();
                let message = message.trim_start_matches("error: ").to_owned();
                Err(Error::Lost { uri: self.uri.clone(), command: COMMAND.into(), message })
            }
        }
    }
}

fn take_line(bytes: &mut Vec<u8>) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line: Vec<u8> = bytes.drain(..=end).collect();
    Some(String::from_utf8_lossy(&line[..end]).into_owned())
}

/// The kind of event, by number, that virsh asks the library for in this line of its log.
fn kind_asked_for(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once(": virConnectDomainEventRegisterAny:")?;
    let (_, rest) = rest.split_once(" eventID=")?;
    rest.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_virsh_asks_for_is_seen_in_the_librarys_log() {
        // virsh 11.3.0 with LIBVIRT_LOG_FILTERS=1:libvirt.domain
        let line = "2026-11-25 22:07:10.860+0000: 193: debug : virConnectDomainEventRegisterAny:10146 : dom=(nil), (VM: name=<null>, uuid=), conn=0x5639f7379070, eventID=10, cb=0x5639e6521b70, opaque=0x5639f7382220, freecb=(nil)";
        assert_eq!(kind_asked_for(line), Some(10));
        for other in [
            "2026-11-25 22:07:12.762+0000: 195: debug : virDomainGetName:1892 : domain=0x5639f73816e0",
            "2026-11-25 22:07:21.389+0000: 193: debug : virConnectDomainEventDeregisterAny:10203 : conn=0x5639f7379070, callbackID=23",
            "error: failed to connect to the hypervisor",
        ] {
            assert_eq!(kind_asked_for(other), None, "{other}");
        }
    }

    #[test]
    fn lines_are_taken_whole() {
        let mut bytes = b"one\ntw".to_vec();
        assert_eq!(take_line(&mut bytes).as_deref(), Some("one"));
        assert_eq!(take_line(&mut bytes), None);
        assert_eq!(bytes, b"tw");
    }
}
