//! A guest with an agent in it, for tests: it has files, processes and a state of its own, and answers as qemu-ga does.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::transport::{Failsafe, Failure, Transport};

/// Why the fake transport gives no reply.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Lost(pub &'static str);

/// Runs it to its end.
pub fn wait<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// The guest.
#[derive(Default)]
pub struct FakeGuest {
    state: Rc<RefCell<State>>,
}

#[derive(Default)]
pub struct State {
    /// The commands that came, in order.
    pub asked: Vec<String>,
    pub files: BTreeMap<String, Vec<u8>>,
    pub open: BTreeMap<i64, OpenFile>,
    pub processes: BTreeMap<i64, FakeProcess>,
    /// Processes whose end was reported.
    pub gone: BTreeSet<i64>,
    pub frozen: u64,
    /// File systems that can be frozen.
    pub freezable: u64,
    /// Commands that the administrator has forbidden.
    pub disabled: Vec<&'static str>,
    /// The agent of 10.0 doesn't tell that it is frozen.
    pub recent: bool,
    pub windows: bool,
    /// Whether there is an agent.
    pub absent: bool,
    /// Commands that are carried out and not answered, so often.
    pub silent: BTreeMap<&'static str, u32>,
    /// A command whose answer takes a while. It is carried out before that, thawing after it.
    pub slow: &'static str,
    /// How long that is; a minute if nothing is said.
    pub slow_for: Option<Duration>,
    /// Whether no failsafe can be armed.
    pub unguarded: bool,
    /// The failsafes that were armed, and those of them that sent their request.
    pub armed: u32,
    pub fired: u32,
    /// After which time the last one would have sent it by itself.
    pub armed_for: Duration,
    /// The most that is written at a time, in bytes.
    pub disk_full_after: Option<usize>,
    ids: i64,
}

pub struct OpenFile {
    path: String,
    position: usize,
}

pub struct FakeProcess {
    /// How often it is asked about before it ends.
    pub rounds: u32,
    /// The signals that end it.
    pub ends_at: &'static [&'static str],
    pub signal: Option<i64>,
    pub printed: Vec<u8>,
    /// Whether what it prints is more than the transport carries.
    pub loud: bool,
}

type Answer = Result<Value, String>;

impl FakeGuest {
    pub fn new() -> Self {
        let guest = Self::default();
        guest.state.borrow_mut().freezable = 2;
        guest
    }

    pub fn state(&self) -> std::cell::RefMut<'_, State> {
        self.state.borrow_mut()
    }

    /// Whether the command came.
    pub fn was_asked(&self, command: &str) -> bool {
        self.state().asked.iter().any(|asked| asked == command)
    }
}

/// A request of a [`FakeGuest`] that is sent when this is dropped.
pub struct FakeFailsafe {
    state: Rc<RefCell<State>>,
    command: Option<String>,
}

impl Failsafe for FakeFailsafe {
    async fn disarm(mut self) {
        self.command = None;
    }
}

impl Drop for FakeFailsafe {
    fn drop(&mut self) {
        if let Some(command) = self.command.take() {
            let mut state = self.state.borrow_mut();
            state.fired += 1;
            let _ = state.answer(&command, &Value::Null);
        }
    }
}

fn parsed(request: &str) -> (String, Value) {
    let mut request: Value = serde_json::from_str(request).expect("a request is JSON");
    (request["execute"].as_str().expect("a command").to_owned(), request["arguments"].take())
}

impl Transport for FakeGuest {
    type Error = Lost;
    type Failsafe = FakeFailsafe;

    fn arm(&self, request: &str, after: Duration) -> Result<FakeFailsafe, Lost> {
        if self.state().unguarded {
            return Err(Lost("no process can be started"));
        }
        let mut state = self.state();
        (state.armed, state.armed_for) = (state.armed + 1, after);
        Ok(FakeFailsafe { state: Rc::clone(&self.state), command: Some(parsed(request).0) })
    }

    async fn exchange(&self, request: &str, _within: Duration) -> Result<String, Failure<Lost>> {
        assert!(request.len() <= super::REQUEST_LIMIT, "a request of {} bytes", request.len());
        assert!(request.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{request}");
        let (command, arguments) = parsed(request);
        let slow = self.state().slow == command;
        let a_while = self.state().slow_for.unwrap_or(Duration::from_secs(60));
        if slow && command == "guest-fsfreeze-thaw" {
            tokio::time::sleep(a_while).await;
        }
        let answer = self.reply(command, &arguments);
        if slow {
            tokio::time::sleep(a_while).await;
        }
        answer
    }
}

impl FakeGuest {
    fn reply(&self, command: String, arguments: &Value) -> Result<String, Failure<Lost>> {
        let mut state = self.state();
        if state.absent {
            return Err(Failure::Absent(Lost("QEMU guest agent is not connected")));
        }
        state.asked.push(command.clone());
        let answer = state.answer(&command, arguments);
        let silent = state.silent.get_mut(command.as_str()).filter(|times| **times > 0);
        if let Some(times) = silent {
            *times -= 1;
            return Err(Failure::Silent(Lost("guest agent didn't respond")));
        }
        match answer {
            Ok(Value::Null) => Err(Failure::ReplyTooLong),
            Ok(value) => Ok(json!({ "return": value }).to_string()),
            Err(message) => Err(Failure::Refused(message)),
        }
    }
}

impl State {
    fn answer(&mut self, command: &str, arguments: &Value) -> Answer {
        let always = ["guest-ping", "guest-info", "guest-fsfreeze-status", "guest-fsfreeze-thaw"];
        if self.frozen > 0 && !always.contains(&command) {
            let why = if self.recent { "the command is not allowed" } else { "the agent is in frozen state" };
            return Err(format!("Command {command} has been disabled: {why}"));
        }
        if self.disabled.contains(&command) {
            return Err(format!("Command {command} has been disabled: the command is not allowed"));
        }
        match command {
            "guest-ping" | "guest-shutdown" | "guest-set-time" => Ok(json!({})),
            "guest-fsfreeze-freeze" => {
                self.frozen = self.freezable;
                Ok(self.frozen.into())
            }
            "guest-fsfreeze-thaw" => Ok(std::mem::take(&mut self.frozen).into()),
            "guest-fsfreeze-status" => Ok(if self.frozen > 0 { "frozen" } else { "thawed" }.into()),
            "guest-exec" => self.exec(arguments),
            "guest-exec-status" => self.exec_status(arguments),
            _ if command.starts_with("guest-file-") => self.file(command, arguments),
            _ => Err(format!("The command {command} has not been found")),
        }
    }

    fn exec(&mut self, arguments: &Value) -> Answer {
        let path = arguments["path"].as_str().expect("a path");
        let words: Vec<&str> =
            arguments["arg"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let input = arguments["input-data"].as_str().map(|text| STANDARD.decode(text).expect("base64"));
        let process =
            |rounds, ends_at| FakeProcess { rounds, ends_at, signal: None, printed: Vec::new(), loud: false };
        let mut process = match path {
            "cat" => FakeProcess { printed: input.unwrap_or_default(), ..process(2, &[]) },
            "loud" => FakeProcess { loud: true, ..process(1, &["TERM"]) },
            "forever" => FakeProcess { printed: b"begun".to_vec(), ..process(u32::MAX, &["TERM", "KILL"]) },
            "loud-forever" => FakeProcess { loud: true, ..process(u32::MAX, &["TERM", "KILL"]) },
            "stubborn" => process(u32::MAX, &["KILL"]),
            "immortal" => process(u32::MAX, &[]),
            "sh" if !self.windows => {
                self.signal(words[words.len() - 2], words[words.len() - 1]);
                process(0, &[])
            }
            "taskkill" if self.windows => {
                self.signal(words[words.len() - 1], "KILL");
                process(0, &[])
            }
            _ if self.windows => {
                return Err("Failed to execute helper program (No such file or directory)".into());
            }
            _ => {
                return Err(format!(
                    "Failed to execute child process \u{201c}{path}\u{201d} (No such file or directory)"
                ));
            }
        };
        process.printed.splice(..0, words.join(" ").into_bytes());
        self.ids += 1;
        self.processes.insert(self.ids, process);
        Ok(json!({ "pid": self.ids }))
    }

    fn signal(&mut self, pid: &str, signal: &str) {
        let process = self.processes.get_mut(&pid.parse().expect("a number")).expect("it runs");
        if process.ends_at.contains(&signal) {
            process.rounds = 0;
            process.signal = Some(if signal == "TERM" { 15 } else { 9 });
        }
    }

    fn exec_status(&mut self, arguments: &Value) -> Answer {
        let pid = arguments["pid"].as_i64().expect("a number");
        self.processes.retain(|pid, _| !self.gone.contains(pid));
        let process = self.processes.get_mut(&pid).ok_or("Invalid parameter 'pid'")?;
        if process.rounds > 0 {
            process.rounds -= 1;
            return Ok(json!({ "exited": false }));
        }
        let process = self.processes.remove(&pid).expect("it is there");
        if process.loud {
            return Ok(Value::Null);
        }
        let out = STANDARD.encode(&process.printed);
        Ok(match process.signal {
            Some(signal) => json!({ "exited": true, "signal": signal, "out-data": out }),
            None => json!({ "exited": true, "exitcode": 0, "out-data": out }),
        })
    }

    fn file(&mut self, command: &str, arguments: &Value) -> Answer {
        if command == "guest-file-open" {
            let path = arguments["path"].as_str().expect("a path").to_owned();
            if arguments["mode"] == "w" {
                self.files.insert(path.clone(), Vec::new());
            } else if !self.files.contains_key(&path) {
                return Err(format!("failed to open file '{path}' (mode: 'r'): No such file or directory"));
            }
            self.ids += 1;
            self.open.insert(self.ids, OpenFile { path, position: 0 });
            return Ok(self.ids.into());
        }
        let handle = arguments["handle"].as_i64().expect("a handle");
        let missing = || format!("handle '{handle}' has not been found");
        if command == "guest-file-close" {
            self.open.remove(&handle).ok_or_else(missing)?;
            return Ok(json!({}));
        }
        let open = self.open.get_mut(&handle).ok_or_else(missing)?;
        let bytes = self.files.get_mut(&open.path).expect("it is there");
        if command == "guest-file-read" {
            let count = usize::try_from(arguments["count"].as_u64().expect("a count")).expect("fits");
            let end = bytes.len().min(open.position + count);
            let read = bytes[std::mem::replace(&mut open.position, end)..end].to_vec();
            return Ok(
                json!({ "count": read.len(), "buf-b64": STANDARD.encode(&read), "eof": read.len() < count }),
            );
        }
        let mut more = STANDARD.decode(arguments["buf-b64"].as_str().expect("data")).expect("base64");
        if let Some(room) = self.disk_full_after {
            more.truncate(room.saturating_sub(bytes.len()));
        }
        bytes.extend_from_slice(&more);
        Ok(json!({ "count": more.len(), "eof": false }))
    }
}
