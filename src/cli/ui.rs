//! Where words go: stdout is data; stderr is progress, hints, warnings, errors.

use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use colored::Colorize;
use indicatif::{ProgressBar, ProgressStyle};

use super::error::Complaint;
use super::exit_code::Code;
use crate::manager::{Event, Observer, UserDataWarning, Warning};

/// The user's terminal, or the files that stand in for it.
pub struct Ui {
    quiet: bool,
    json: bool,
    terminal: bool,
    progress: Mutex<Progress>,
    warned: Mutex<HashSet<String>>,
    write_failure: Mutex<Option<String>>,
    /// Lines that wait, while the terminal is not for them.
    held: Mutex<Option<Vec<String>>>,
}

#[derive(Default)]
struct Progress {
    bar: Option<(String, ProgressBar)>,
    last_line: Option<Instant>,
}

/// Without a terminal, a transfer gives a line this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

impl Ui {
    /// A user interface for this process' own streams.
    pub fn new(quiet: bool, json: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self {
            quiet,
            json,
            terminal,
            progress: Mutex::default(),
            warned: Mutex::default(),
            write_failure: Mutex::default(),
            held: Mutex::default(),
        }
    }

    /// Whether the result is to be one JSON document.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Whether somebody sits there who can be asked.
    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && self.terminal
    }

    /// Data for stdout. A pipe that was closed ends the program quietly; other failures count, see
    /// [`Ui::write_failure`].
    pub fn data(&self, text: &str) {
        self.data_bytes(text.as_bytes());
    }

    /// As [`Ui::data`]; false when nobody takes any more. Without bytes that alone is asked.
    pub fn data_bytes(&self, bytes: &[u8]) -> bool {
        let mut stdout = std::io::stdout().lock();
        if bytes.is_empty() {
            return !is_closed(&stdout);
        }
        let Err(error) = stdout.write_all(bytes).and_then(|()| stdout.flush()) else { return true };
        if error.kind() != std::io::ErrorKind::BrokenPipe
            && let Ok(mut failure) = self.write_failure.lock()
        {
            *failure = Some(error.to_string());
        }
        false
    }

    /// Why not all data could be written to stdout, if that was so.
    pub fn write_failure(&self) -> Option<Complaint> {
        let failure = self.write_failure.lock().ok()?.take()?;
        Some(Complaint::plain(Code::Failed, format!("cannot write to standard output: {failure}")))
    }

    /// A result as JSON.
    pub fn data_json<T: serde::Serialize + ?Sized>(&self, value: &T) {
        let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
        text.push('\n');
        self.data(&text);
    }

    /// A word for the user, unless he wants quiet.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.line(text);
        }
    }

    /// A warning, once however often it comes up.
    pub fn warn(&self, text: &str) {
        if self.warned.lock().is_ok_and(|mut warned| !warned.insert(text.to_owned())) {
            return;
        }
        if !self.keeps(text) {
            self.line(&format!("{} {text}", "warning:".yellow().bold()));
        }
    }

    /// A failure, with its hint; with `--json` its last line is one object.
    pub fn complain(&self, complaint: &Complaint) {
        self.finish();
        if self.json {
            self.line(&complaint.to_json().to_string());
            return;
        }
        self.line(&format!("{} {}", "error:".red().bold(), complaint.message));
        for cause in &complaint.cause {
            self.line(&format!("  because: {cause}"));
        }
        if let Some(log) = &complaint.serial_log {
            self.line("the end of the serial log:");
            for line in log.lines() {
                self.line(&format!("  | {line}"));
            }
        }
        if let Some(hint) = &complaint.hint {
            self.line(&format!("{} {hint}", "hint:".cyan().bold()));
        }
    }

    /// Asks for a new password, twice, without showing it.
    ///
    /// # Errors
    /// When there is no terminal to ask on, or the two differ.
    pub fn ask_new_password(&self) -> Result<String, Complaint> {
        if !self.can_ask() {
            return Err(Complaint::usage(
                "there is no terminal to ask for a password on",
                "--password-file FILE reads it from a file",
            ));
        }
        self.finish();
        let ask = |prompt: &str| {
            rpassword::prompt_password(prompt).map_err(|error| {
                Complaint::plain(Code::Failed, format!("cannot ask for the password: {error}"))
            })
        };
        let password = ask("Password: ")?;
        if ask("Once more: ")? != password {
            return Err(Complaint::plain(Code::Usage, "the two passwords differ"));
        }
        Ok(password)
    }

    /// From here on no line goes to the terminal; they wait for [`Ui::held`].
    pub fn hold(&self) {
        if let Ok(mut held) = self.held.lock() {
            held.get_or_insert_default();
        }
    }

    /// The lines that wait, once.
    pub fn held(&self) -> Vec<String> {
        self.held.lock().ok().and_then(|mut held| held.as_mut().map(std::mem::take)).unwrap_or_default()
    }

    /// Lines go to the terminal again, those that wait first.
    pub fn release(&self) {
        let waiting = self.held.lock().ok().and_then(|mut held| held.take());
        waiting.unwrap_or_default().iter().for_each(|line| write_line(line));
    }

    /// Whether the line has to wait.
    fn keeps(&self, text: &str) -> bool {
        let Ok(mut held) = self.held.lock() else { return false };
        held.as_mut().map(|lines| lines.push(text.to_owned())).is_some()
    }

    /// Takes a progress bar off the terminal.
    pub fn finish(&self) {
        if let Ok(mut progress) = self.progress.lock()
            && let Some((_, bar)) = progress.bar.take()
        {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        if self.keeps(text) {
            return;
        }
        if let Ok(progress) = self.progress.lock()
            && let Some((_, bar)) = &progress.bar
        {
            bar.suspend(|| write_line(text));
            return;
        }
        write_line(text);
    }

    fn transfer(&self, image: &str, done: u64, total: Option<u64>) {
        let Ok(mut progress) = self.progress.lock() else { return };
        if total == Some(done) {
            if let Some((_, bar)) = progress.bar.take() {
                bar.finish_and_clear();
            }
            return;
        }
        if self.terminal {
            if progress.bar.as_ref().is_none_or(|(name, _)| name != image) {
                progress.bar = Some((image.to_owned(), new_bar(image, done, total)));
            }
            if let Some((_, bar)) = &progress.bar {
                bar.set_position(done);
            }
        } else if progress.last_line.is_none_or(|at| at.elapsed() >= LINE_EVERY) {
            progress.last_line = Some(Instant::now());
            let total = total.map_or_else(String::new, |total| format!(" of {} MiB", total >> 20));
            write_line(&format!("{image}: {} MiB{total}", done >> 20));
        }
    }
}

impl Observer for Ui {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Warning(warning) => self.warn(&describe(&warning)),
            // At each time anew.
            Event::LibvirtAway { reason } => self.line(&format!(
                "{} libvirt went away, and is waited for: {reason}",
                "warning:".yellow().bold()
            )),
            _ if self.quiet => {}
            Event::Transfer { image, done_bytes, total_bytes } => {
                self.transfer(image, done_bytes, total_bytes)
            }
            Event::Step { vm, what } => {
                self.finish();
                self.line(&format!("{vm}: {what}"));
            }
            Event::Waiting { vm, condition, seen, elapsed } => {
                self.line(&format!("{vm}: waiting for {condition}: {seen} ({} s)", elapsed.as_secs()));
            }
            Event::AlreadySo { name, what } => self.line(&format!("{name} is already {what}")),
            Event::WasOff { name } => self.line(&format!("{name} was off; it is started")),
            Event::LibvirtBack => self.line("libvirt is back"),
            Event::NetworkStarted { name } => {
                self.line(&format!("the network {name} was off; it is started"))
            }
        }
    }
}

/// Whether the reader of a pipe is gone.
fn is_closed(stdout: &std::io::StdoutLock<'_>) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut polled = [PollFd::new(stdout, PollFlags::empty())];
    poll(&mut polled, Some(&Timespec::default())).is_ok() && polled[0].revents().contains(PollFlags::ERR)
}

fn write_line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A transfer that goes on from earlier begins at `done`, which says nothing of its rate.
fn new_bar(image: &str, done: u64, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => {
            (ProgressBar::new(total), "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left")
        }
        None => (ProgressBar::new_spinner(), "{msg} {spinner} {bytes} {bytes_per_sec}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(image.to_owned());
    bar.set_position(done);
    bar.reset_eta();
    bar
}

fn describe(warning: &Warning) -> String {
    match warning {
        Warning::Emulation { reason } => {
            format!(
                "KVM cannot be used ({reason}): the guest is emulated, ten times slower or more; `vmtools doctor` says how to mend it"
            )
        }
        Warning::Unverified { image } => {
            format!("nothing vouches for {image}: no checksum was given")
        }
        Warning::Unchecked { image, reason } => {
            format!("whether {image} is up to date is not known ({reason}); the one in the cache stays")
        }
        Warning::ReservationStays { reason } => {
            format!("its reserved address stays reserved ({reason}); `vmtools network unreserve` frees it")
        }
        Warning::Hung => {
            "some VM's QEMU does not answer: only names and states are told (the rest is 0 or empty); \
             `vmtools stop NAME --force` ends one that hangs"
                .to_owned()
        }
        Warning::MayLetGo { vm, target } => {
            format!("{vm} was asked to let go of {target}, and may do so yet: `vmtools disk list {vm}`")
        }
        Warning::MayGoOff { vm } => format!("{vm} was asked to go off, and may do so yet"),
        Warning::LeftOff { vm } => format!("{vm} is off and was not started again: `vmtools start {vm}`"),
        Warning::PartlySet { vm, done } => {
            let done: Vec<_> = done.iter().map(|setting| setting.name()).collect();
            format!("{vm}: this is changed all the same: {}", done.join(", "))
        }
        Warning::Hidden { vms } => format!(
            "{}: QEMU does not answer; what it uses is known by its files and its command line alone",
            vms.join(", ")
        ),
        Warning::CpusMany { wanted, host } => {
            format!("the VM has {wanted} virtual processors, and the host has {host}: they take turns")
        }
        Warning::MemoryShort { wanted, available } => {
            format!("the VM may use {wanted} of memory, and {available} are free")
        }
        Warning::DiskShort { wanted, available } => {
            format!("the disk may grow to {wanted}, and there is room for {available}")
        }
        Warning::NoPasst { reason } => format!("passt cannot be used ({reason}); QEMU's own slirp stands in"),
        Warning::NoVirtiofs { folder, reason } => {
            format!("{folder} goes to the guest by 9p, which not every guest's kernel knows ({reason})")
        }
        Warning::NotMounted { vm, folders } => {
            let commands: Vec<_> = folders.iter().map(|folder| folder.command()).collect();
            format!(
                "{vm} has no cloud-init to mount its folders; in the guest, as root: {}",
                commands.join("; ")
            )
        }
        Warning::NoCloudInit { vm } => format!("{vm} has no cloud-init, or it is switched off; ssh answers"),
        Warning::UserData(warning) => user_data(warning),
        Warning::SetupLeftOut { vm } => {
            format!("{vm} has no cloud-init: its template's packages, write_files and runcmd are left out")
        }
        Warning::IdentityKept { vm, ignition } => {
            let why =
                if *ignition { "Ignition runs once only" } else { "vmtools made no seed for its source" };
            format!(
                "the guest of {vm} keeps its source's host name, machine-id and ssh host keys ({why}); \
                 the machine's UUID and network addresses are new"
            )
        }
        Warning::NotHeld { vm } => format!(
            "the guest agent of {vm} does not answer: the copy is what a power cut would have left on its disks"
        ),
        Warning::StillHeld { vm } => format!(
            "the guest agent of {vm} answers no more, and its file systems may be held still: virsh domfsthaw {vm}"
        ),
        Warning::TpmLeftOut { vm } => {
            format!("{vm} gets a new TPM: what its source has sealed in its own does not open there")
        }
        Warning::DisksLeftOut { of, disks } => {
            format!("{of}: only its first disk is taken; left out: {}", disks.join(", "))
        }
        Warning::ImageUseUnknown { reason } => {
            format!("nobody knows what uses the images, nor what bases there are: {reason}")
        }
        Warning::StoppedVms { count } => {
            format!("no VM runs; `vmtools list --all` shows those that are off ({count})")
        }
        Warning::ElsewhereVms { uri, count } => format!("{count} VMs exist on {uri}: --connect {uri}"),
        Warning::Configuration(text) => text.clone(),
    }
}

fn user_data(warning: &UserDataWarning) -> String {
    use UserDataWarning as W;
    match warning {
        W::UnknownKey { key, line, nearest } => {
            let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
            let meant = nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default();
            format!("the user-data{line}: cloud-init does not know `{key}` and ignores it{meant}")
        }
        W::UnknownPart { number, content_type } => {
            format!("the user-data: cloud-init ignores part {number}, since it does not know {content_type}")
        }
        W::NoInterpreter { number } => {
            format!("the user-data: part {number} is a script without `#!INTERPRETER`, and will not run")
        }
        W::BrokenBoundary { line } => {
            format!(
                "the user-data, line {line}: a boundary needs `--` before it; this one is content of its part"
            )
        }
        W::TextBehindParts { line } => {
            format!("the user-data, line {line}: cloud-init ignores what follows the last boundary")
        }
        W::SshdConfig { user, path, directive } => {
            format!("{directive} in {path} may keep {user} out, as whom vmtools logs in (--user NAME)")
        }
        W::Shell { user, shell } => {
            format!("{user}, as whom vmtools logs in, gets the shell {shell} (--user NAME)")
        }
        W::PasswordExpires { user } => {
            format!(
                "the password of {user} expires at once (chpasswd.expire): ssh commands fail until it is changed"
            )
        }
    }
}
