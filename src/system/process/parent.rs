//! Programs that are not to outlive this process, even if it is killed.
//!
//! What this process starts has a session of its own and is killed when it is dropped, which a SIGKILL prevents. The
//! kernel sends a process a signal when its parent ends if that asked for it (`PR_SET_PDEATHSIG`); to ask between fork and
//! exec takes unsafe code, so util-linux' `setpriv` does it. It costs a millisecond, so it is for programs that would
//! otherwise run for ever: one that reads its standard input ends with that.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::LazyLock;

/// Runs a program; ends the whole process group, which it began, on SIGTERM, and as the program ended otherwise.
const GROUP: &str = "trap 'trap - TERM; kill -TERM 0' TERM; \"$@\" & wait $!; status=$?; trap - TERM
[ $status -le 128 ] || kill -$((status - 128)) $$ 2>/dev/null; exit $status";

static SETPRIV: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
    let path = find_in_path("setpriv".as_ref())?;
    // Busybox has one without that option.
    let real = path.canonicalize().ok()?;
    (real.file_name() == Some("setpriv".as_ref())).then_some(path)
});

/// The program and its arguments so that it gets SIGTERM when the thread that starts it has ended; unchanged where
/// there is no `setpriv`, or no such program.
pub(super) fn tied(program: &OsStr, arguments: &[OsString]) -> (OsString, Vec<OsString>) {
    match &*SETPRIV {
        // Else its absence would be setpriv's to tell.
        Some(setpriv) if find_in_path(program).is_some() => {
            let options = ["--pdeathsig", "TERM", "--"].map(OsString::from);
            let words = options.into_iter().chain([program.to_owned()]).chain(arguments.iter().cloned());
            (setpriv.clone().into_os_string(), words.collect())
        }
        _ => (program.to_owned(), arguments.to_vec()),
    }
}

/// As [`tied`], with all that the program starts and that stays in its process group.
pub(super) fn tied_with_children(program: &OsStr, arguments: &[OsString]) -> (OsString, Vec<OsString>) {
    if SETPRIV.is_none() || find_in_path(program).is_none() {
        return (program.to_owned(), arguments.to_vec());
    }
    let mut words: Vec<OsString> = ["-c", GROUP, "sh"].map(OsString::from).to_vec();
    words.push(program.to_owned());
    words.extend(arguments.iter().cloned());
    tied("sh".as_ref(), &words)
}

fn find_in_path(program: &OsStr) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
