//! A command that runs while the test goes on.

use std::io::{Read, Write};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::process::{child_of, has_seen_its_signals, send_signal};
use super::run::Run;
use super::wait::{poll, wait_for};

/// A running command. Dropped, it is killed.
pub struct Background {
    child: Child,
    command: String,
    /// It was started by way of nsenter, whose child it is.
    entered: bool,
    pid: Option<u32>,
    ended: Option<ExitStatus>,
    stdout: Pipe,
    stderr: Pipe,
    started: Instant,
}

impl Background {
    pub(super) fn new(mut child: Child, command: String, stdin: Vec<u8>, entered: bool) -> Self {
        let mut input = child.stdin.take().unwrap();
        // In a thread: a command that does not read must not block the test.
        std::thread::spawn(move || input.write_all(&stdin));
        let stdout = Pipe::new(child.stdout.take().unwrap());
        let stderr = Pipe::new(child.stderr.take().unwrap());
        Self { child, command, entered, pid: None, ended: None, stdout, stderr, started: Instant::now() }
    }

    /// The command's process id, as seen from outside of any sandbox.
    pub fn pid(&mut self) -> u32 {
        if !self.entered {
            return self.child.id();
        }
        if self.pid.is_none() {
            let nsenter = self.child.id();
            self.pid = poll(Duration::from_secs(10), || child_of(nsenter));
        }
        self.pid.unwrap_or_else(|| panic!("{} has no process any more", self.command))
    }

    /// Sends a signal by name: `INT`, `KILL`, `STOP`.
    pub fn signal(&mut self, signal: &str) {
        let pid = i64::from(self.pid());
        assert!(send_signal(signal, pid), "no {signal} to {}", self.command);
    }

    /// Sends a signal to it and its children that stayed in its process group, as a terminal's Ctrl-C does.
    pub fn signal_group(&mut self, signal: &str) {
        let group = -i64::from(self.pid());
        assert!(send_signal(signal, group), "no {signal} to the group of {}", self.command);
    }

    /// Waits until it has seen every signal that it was sent, and waits again itself, or has ended.
    #[track_caller]
    pub fn await_signals_seen(&mut self) {
        let pid = self.pid();
        wait_for("the signal to be seen", Duration::from_secs(10), || {
            (!self.is_running() || has_seen_its_signals(pid)).then_some(())
        });
    }

    /// Kills it, and only it, if it still runs; false when it had not begun yet, or has ended.
    pub fn kill_if_it_runs(&mut self) -> bool {
        let pid = if self.entered { child_of(self.child.id()) } else { Some(self.child.id()) };
        self.is_running() && pid.is_some_and(|pid| send_signal("KILL", i64::from(pid)))
    }

    /// Holds it, with all its threads, where it is.
    pub fn pause(&mut self) {
        self.signal("STOP");
    }

    /// Lets it go on. What entered the sandbox for it has stopped with it, whether it lives or was killed.
    pub fn go_on(&mut self) {
        for pid in [self.child.id(), self.pid()] {
            let _ = send_signal("CONT", i64::from(pid));
        }
    }

    /// What it has printed as data so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has printed as talk so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.status().is_none()
    }

    fn status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap();
        }
        self.ended
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// Past the deadline, with what it printed until then; it is killed.
    #[track_caller]
    pub fn wait(mut self, deadline: Duration) -> Run {
        let status = poll(deadline, || self.status());
        let took = self.started.elapsed();
        if status.is_none() {
            self.kill();
        }
        // A daemon that it left behind may hold the pipes: then what is there is all there is.
        poll(Duration::from_secs(1), || (self.stdout.at_end() && self.stderr.at_end()).then_some(()));
        let (stdout, stderr) = (self.stdout(), self.stderr());
        let Some(status) = status else {
            panic!(
                "timed out after {took:.1?}\n$ {}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---",
                self.command
            );
        };
        Run { command: self.command.clone(), status, stdout, stderr, took }
    }

    fn kill(&mut self) {
        if self.status().is_some() {
            return;
        }
        if self.entered
            && let Some(pid) = self.pid.or_else(|| child_of(self.child.id()))
        {
            send_signal("KILL", -i64::from(pid));
            send_signal("KILL", i64::from(pid));
        }
        let _ = self.child.kill();
        self.ended = self.child.wait().ok();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Collects what a pipe gives.
struct Pipe {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Pipe {
    fn new(mut from: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 8192];
            while let Ok(n @ 1..) = from.read(&mut chunk) {
                to.lock().unwrap().extend_from_slice(&chunk[..n]);
            }
        });
        Self { bytes, reader }
    }

    fn at_end(&self) -> bool {
        self.reader.is_finished()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }
}
