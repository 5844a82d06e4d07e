//! Where words go: stdout is data; stderr is progress, hints, warnings, errors.

use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use colored::Colorize;
use indicatif::{ProgressBar, ProgressStyle};

use super::render::{visible, visible_json, visible_lines};
use crate::manager::{Event, Observer};
use crate::problem::{ErrorKind, Problem, event, warning};

/// The user's terminal, or the files that stand in for it.
pub struct Ui {
    quiet: bool,
    json: bool,
    terminal: bool,
    progress: Mutex<Progress>,
    warned: Mutex<HashSet<String>>,
    /// What a note has said to be so already.
    already: Mutex<HashSet<String>>,
    write_failure: Mutex<Option<Problem>>,
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
            already: Mutex::default(),
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

    /// Data for stdout, for people: what would do more to a terminal than show text is written out. A pipe that was
    /// closed ends the program quietly; other failures count, see [`Ui::write_failure`].
    pub fn data(&self, text: &str) {
        self.data_bytes(visible_lines(text).as_bytes());
    }

    /// As [`Ui::data`], exactly these bytes; false when nobody takes any more. Without bytes that alone is asked.
    pub fn data_bytes(&self, bytes: &[u8]) -> bool {
        let mut stdout = std::io::stdout().lock();
        if bytes.is_empty() {
            return !is_closed(&stdout);
        }
        let Err(error) = stdout.write_all(bytes).and_then(|()| stdout.flush()) else { return true };
        if let (Some(problem), Ok(mut failure)) = (unwritten(&error), self.write_failure.lock()) {
            *failure = Some(problem);
        }
        false
    }

    /// Why not all data could be written to stdout, if that was so.
    pub fn write_failure(&self) -> Option<Problem> {
        self.write_failure.lock().ok()?.take()
    }

    /// A sample or an event as one line of JSON; false when nobody takes any more.
    pub fn data_json_line<T: serde::Serialize + ?Sized>(&self, value: &T) -> bool {
        let mut text = visible_json(serde_json::to_string(value).unwrap_or_default());
        text.push('\n');
        self.data_bytes(text.as_bytes())
    }

    /// A result: for people as `render` has it, with `--json` the document itself.
    pub fn show<T: serde::Serialize + ?Sized>(&self, value: &T, render: impl FnOnce(&T) -> String) {
        if self.json {
            self.document(value);
        } else {
            self.data(&render(value));
        }
    }

    /// The line that says what `name` is now, for people; none where a note has just said that it is so already.
    pub fn outcome(&self, name: &str, line: String) -> String {
        let is_said = self.already.lock().is_ok_and(|already| already.contains(name));
        if is_said { String::new() } else { line }
    }

    /// The results of a verb that takes several names. With one name given (`single`) the document is its object,
    /// or nothing when it failed, else an array.
    pub fn show_all<T: serde::Serialize>(
        &self,
        values: &[T],
        single: bool,
        render: impl FnOnce(&[T]) -> String,
    ) {
        match values {
            [only] if single && self.json => self.document(only),
            [] if single => {}
            all => self.show(all, render),
        }
    }

    fn document<T: serde::Serialize + ?Sized>(&self, value: &T) {
        let mut text = visible_json(serde_json::to_string_pretty(value).unwrap_or_default());
        text.push('\n');
        self.data_bytes(text.as_bytes());
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
        if !self.keeps(&visible_lines(text)) {
            self.labelled(&"warning:".yellow().bold(), text);
        }
    }

    /// A failure, with its hint; with `--json` its last line is one object.
    pub fn error(&self, problem: &Problem) {
        self.finish();
        if self.json {
            self.raw_line(&visible_json(problem.to_json().to_string()));
            return;
        }
        if problem.declined {
            self.line(&problem.message);
            return;
        }
        self.labelled(&"error:".red().bold(), &problem.message);
        for cause in &problem.cause {
            self.line(&format!("  because: {cause}"));
        }
        if let Some(log) = &problem.serial_log {
            self.line("end of the serial log:");
            for line in log.lines() {
                self.line(&format!("  | {line}"));
            }
        }
        if let Some(hint) = &problem.hint {
            self.hint(hint);
        }
    }

    /// What to do next, below an error.
    pub fn hint(&self, hint: &str) {
        self.labelled(&"hint:".cyan().bold(), hint);
    }

    /// Asks for a new password, twice, without showing it.
    ///
    /// # Errors
    /// When there is no terminal to ask on, or the two differ.
    pub fn ask_new_password(&self) -> Result<String, Problem> {
        if !self.can_ask() {
            return Err(Problem::usage(
                "cannot prompt for a password without a terminal",
                "--password-file FILE reads it from a file",
            ));
        }
        self.finish();
        let ask = |prompt: &str| {
            rpassword::prompt_password(prompt)
                .map_err(|error| Problem::io("cannot read the password", &error))
        };
        let password = ask("Password: ")?;
        if ask("Repeat password: ")? != password {
            return Err(Problem::new(ErrorKind::Usage, "the passwords do not match"));
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

    /// Text of others may stand in it.
    fn line(&self, text: &str) {
        self.raw_line(&indented(&visible_lines(text)));
    }

    fn labelled(&self, label: &colored::ColoredString, text: &str) {
        self.raw_line(&format!("{label} {}", indented(&visible_lines(text))));
    }

    fn raw_line(&self, text: &str) {
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
            write_line(&format!("{}: {} MiB{total}", visible(image), done >> 20));
        }
    }
}

impl Observer for Ui {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Warning(warning) => self.warn(&warning::text(&warning)),
            // At each time anew.
            Event::LibvirtAway { reason } => self.labelled(
                &"warning:".yellow().bold(),
                &format!("libvirt stopped answering; waiting for it to return: {reason}"),
            ),
            _ if self.quiet => {}
            Event::Transfer { image, done_bytes, total_bytes } => {
                self.transfer(image, done_bytes, total_bytes)
            }
            Event::Step { vm, step } => {
                self.finish();
                self.line(&format!("{vm}: {}", event::step(step)));
            }
            Event::Waiting { vm, condition, seen, elapsed } => {
                let (seen, seconds) = (event::seen(seen), elapsed.as_secs());
                self.line(&format!("{vm}: waiting for {condition}: {seen} ({seconds}s)"));
            }
            Event::AlreadySo { name, what } => {
                self.line(&event::already(name, what));
                if let Ok(mut already) = self.already.lock() {
                    already.insert(name.to_owned());
                }
            }
            Event::WasOff { name } => self.line(&format!("{name} was shut off; starting it")),
            Event::AwaitsClaim { name } => {
                self.line(&format!("waiting for another vmtools command that is using {name}"))
            }
            Event::LibvirtBack => self.line("libvirt answers again"),
            Event::NetworkStarted { name } => {
                self.line(&format!("the network {name} was inactive; it was started"))
            }
        }
    }
}

/// That data could not be written to stdout. A reader of a pipe that has seen enough is no failure.
pub fn unwritten(error: &std::io::Error) -> Option<Problem> {
    let is_closed = error.kind() == std::io::ErrorKind::BrokenPipe;
    (!is_closed).then(|| Problem::new(ErrorKind::Failed, format!("cannot write to standard output: {error}")))
}

/// Whether the reader of a pipe is gone.
fn is_closed(stdout: &std::io::StdoutLock<'_>) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut polled = [PollFd::new(stdout, PollFlags::empty())];
    poll(&mut polled, Some(&Timespec::default())).is_ok() && polled[0].revents().contains(PollFlags::ERR)
}

/// The lines behind the first one stand to the right of it: no name can be taken for a line of ours.
fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n  ")
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
    bar.set_message(visible(image).into_owned());
    bar.set_position(done);
    bar.reset_eta();
    bar
}
