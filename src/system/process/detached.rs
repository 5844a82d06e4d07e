use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use process_wrap::std::{CommandWrap, ProcessSession};

use super::{Error, not_started, quoted};

/// Starts a program that goes on when this process has ended, and whatever ends its terminal. It has nothing to read, and
/// what it prints goes to `log`.
///
/// # Errors
/// When it can't be started.
pub fn start_detached(program: &Path, arguments: &[OsString], log: File) -> Result<(), Error> {
    let words = arguments.iter().map(|word| quoted(&word.to_string_lossy()));
    let command = [quoted(&program.to_string_lossy())].into_iter().chain(words).collect::<Vec<_>>().join(" ");
    let stdout = log.try_clone().map_err(|source| Error::Io { command: command.clone(), source })?;
    let mut wrap = CommandWrap::with_new(program, |child| {
        child.args(arguments).stdin(Stdio::null()).stdout(stdout).stderr(log);
    });
    wrap.wrap(ProcessSession);
    wrap.spawn().map(drop).map_err(|source| not_started(program.as_os_str(), command, source))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn it_has_a_session_of_its_own_and_its_words_are_kept() {
        let folder = tempfile::tempdir().expect("folder");
        let log = folder.path().join("log");
        let script = "echo out; echo err >&2; cut -d' ' -f6 /proc/$$/stat; echo $$";
        let arguments = ["-c", script].map(OsString::from);
        start_detached(Path::new("sh"), &arguments, File::create(&log).expect("makes")).expect("starts");
        let read = || std::fs::read_to_string(&log).unwrap_or_default();
        let deadline = Instant::now() + Duration::from_secs(20);
        while read().lines().count() < 4 && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let text = read();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["out", "err"], "{text}");
        // The session's id is that of the process that began it.
        assert_eq!(lines[2], lines[3], "{text}");
    }
}
