//! Small questions about processes and programs, by /proc and the shell alone.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where programs are looked for, in tests and in the program under test.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The program of that name in [`PATH`].
pub fn find_program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(OsStr::new(PATH)).map(|dir| dir.join(name)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Whether this process is root's.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

/// The first child of a process, as `/proc` has it.
pub fn child_of(parent: u32) -> Option<u32> {
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        (parent_of(pid)? == parent).then_some(pid)
    })
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "pid (name) state ppid": the name may hold blanks and brackets.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Sends a signal, by name (`INT`), to a process or with a negative id to a group. Whether it took.
pub fn send_signal(signal: &str, target: i64) -> bool {
    Command::new("sh")
        .args(["-c", "kill -s \"$0\" -- \"$1\"", signal, &target.to_string()])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether a process has no signal before it that it has not handled yet, and waits itself.
pub fn has_seen_its_signals(pid: u32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return true };
    let value = |key: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .map(|value| value.trim_start_matches(':').trim())
    };
    let is_none = |mask: Option<&str>| mask.is_some_and(|mask| mask.chars().all(|digit| digit == '0'));
    is_none(value("SigPnd"))
        && is_none(value("ShdPnd"))
        && value("State").is_some_and(|it| it.starts_with('S'))
}
