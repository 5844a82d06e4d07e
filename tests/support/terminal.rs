//! A command on a terminal of its own, whose screen the test reads.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{self, PollFd, PollFlags, Timespec};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use super::run::Cmd;
use super::svg;
use super::wait::poll;

/// A terminal, and the command that runs on it. Dropped, that is killed.
pub struct Terminal {
    /// The end that a person would sit at. Shared with the thread that reads it.
    near: Arc<File>,
    child: Child,
    screen: Arc<Mutex<vt100::Parser>>,
    before: Termios,
    /// Nothing more is to be read.
    end: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Starts the command, which is to make the terminal its own (`setsid --ctty --wait ..`).
    pub fn start(command: &Cmd, size: (u16, u16)) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let near = openpt(flags).unwrap();
        unlockpt(&near).unwrap();
        let far = || File::from(ioctl_tiocgptpeer(&near, flags).unwrap());
        set_size(&near, size);
        let before = tcgetattr(&near).unwrap();
        let child = command.to_command().stdin(far()).stdout(far()).stderr(far()).spawn().unwrap();
        let near = Arc::new(File::from(near));
        let screen = Arc::new(Mutex::new(vt100::Parser::new(some(size.1), some(size.0), 0)));
        let (from, to) = (Arc::clone(&near), Arc::clone(&screen));
        let end = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&end);
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 8192];
            while !ended.load(Ordering::Relaxed) {
                let mut polled = [PollFd::new(&*from, PollFlags::IN)];
                let wait = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
                if event::poll(&mut polled, Some(&wait)) != Ok(1) {
                    continue;
                }
                let Ok(length @ 1..) = (&*from).read(&mut chunk) else { break };
                to.lock().unwrap().process(&chunk[..length]);
            }
        });
        Self { near, child, screen, before, end, reader: Some(reader) }
    }

    /// What stands on the screen.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// What stands on the screen, as an SVG of that title.
    pub fn svg(&self, title: &str) -> String {
        svg::draw(self.screen.lock().unwrap().screen(), title)
    }

    /// Waits until that stands on the screen.
    ///
    /// # Panics
    /// Past a minute, with what stands there.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        self.waits(text, |screen| screen.contains(text));
    }

    /// Waits until the screen is so.
    ///
    /// # Panics
    /// Past a minute, with what stands there.
    #[track_caller]
    pub fn waits(&self, what: &str, so: impl Fn(&str) -> bool) {
        let seen = poll(Duration::from_secs(60), || so(&self.text()).then_some(()));
        assert!(seen.is_some(), "waited in vain for {what:?}:\n{}\n---", self.text());
    }

    /// Types that.
    pub fn types(&self, keys: &str) {
        (&*self.near).write_all(keys.as_bytes()).unwrap();
    }

    /// Gives the terminal that size, in columns and rows.
    pub fn resize(&self, size: (u16, u16)) {
        self.screen.lock().unwrap().set_size(some(size.1), some(size.0));
        set_size(&*self.near, size);
    }

    /// Whether the alternate screen is up, as while a program has all of it.
    pub fn is_taken(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    /// Fails the test unless the terminal is as it was before.
    #[track_caller]
    pub fn is_as_before(&self) {
        let now = tcgetattr(&*self.near).unwrap();
        assert_eq!(format!("{now:?}"), format!("{:?}", self.before));
        assert!(!self.is_taken(), "{}", self.text());
        assert!(!self.screen.lock().unwrap().screen().hide_cursor(), "the cursor is hidden");
    }

    /// Closes the terminal, as one closes a window, and waits for the command's end.
    ///
    /// # Panics
    /// Past the deadline.
    #[track_caller]
    pub fn hangs_up(mut self, deadline: Duration) -> ExitStatus {
        self.end.store(true, Ordering::Relaxed);
        self.reader.take().unwrap().join().unwrap();
        // The last one that holds it.
        self.near = Arc::new(File::open("/dev/null").unwrap());
        self.ends(deadline)
    }

    /// Waits for the command's end.
    ///
    /// # Panics
    /// Past the deadline, with what stands on the screen.
    #[track_caller]
    pub fn ends(&mut self, deadline: Duration) -> ExitStatus {
        let ended = poll(deadline, || self.child.try_wait().unwrap());
        ended.unwrap_or_else(|| panic!("it does not end:\n{}\n---", self.text()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn some(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

fn set_size(terminal: impl std::os::fd::AsFd, (columns, rows): (u16, u16)) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).unwrap();
}
