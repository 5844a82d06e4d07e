//! A program that runs when nobody is left to keep it from doing so.

use std::process::Stdio;
use std::time::Duration;

use process_wrap::tokio::{ChildWrapper, ProcessSession};
use tokio::io::AsyncWriteExt;

use super::{Error, Invocation};

/// Waits for a word or the end of its input, then becomes the program, unless the word was `d`. That its session is
/// asked to end, as at a shutdown of the host's services, is no reason to leave the program out.
const SCRIPT: &str = r#"trap '' HUP INT TERM; [ "$(timeout -s KILL "$0" head -c 1)" = d ] || exec "$@""#;
/// How long one that is disarmed is waited for. It ends by itself all the same.
const END: Duration = Duration::from_secs(1);

/// A program that is about to run: when this is dropped, when this process ends, however it does, and after a time.
/// Only [`Failsafe::disarm`] prevents it.
///
/// It is for what has to be set right again even when this process is killed. A shell waits in a session of its own,
/// for the end of a pipe that this process alone holds open.
pub struct Failsafe {
    child: Box<dyn ChildWrapper>,
}

impl Failsafe {
    /// Arms it. After that time the program runs even if this process lives on without doing anything, as when it is
    /// stopped.
    ///
    /// # Errors
    /// When no process can be started. Whether there is such a program is not looked at.
    pub fn arm(program: &Invocation, after: Duration) -> Result<Self, Error> {
        let seconds = after.as_secs().max(1).to_string();
        let waiting = Invocation::new("sh", after)
            .args(["-c", SCRIPT, &seconds])
            .arg(&program.program)
            .args(&program.args);
        let waiting = Invocation { envs: program.envs.clone(), ..waiting };
        let mut command = waiting.wrapped(Stdio::piped(), Stdio::null);
        command.wrap(ProcessSession);
        Ok(Self { child: waiting.start(command)? })
    }

    /// The program is not run.
    pub async fn disarm(mut self) {
        let Some(mut pipe) = self.child.stdin().take() else { return };
        // A broken pipe: it has run already.
        if pipe.write_all(b"d").await.is_ok() {
            drop(pipe);
            let _ = tokio::time::timeout(END, self.child.wait()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn failsafe(file: &Path, after: Duration) -> Failsafe {
        let touch = Invocation::new("touch", LONG).arg(file);
        Failsafe::arm(&touch, after).expect("is armed")
    }

    fn appears(file: &Path) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && !file.exists() {
            std::thread::yield_now();
        }
        file.exists()
    }

    #[test]
    fn it_runs_unless_it_is_disarmed() {
        let folder = tempfile::tempdir().expect("folder");
        let file = |name| folder.path().join(name);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            failsafe(&file("disarmed"), LONG).disarm().await;
            drop(failsafe(&file("dropped"), LONG));
        });
        assert!(appears(&file("dropped")));
        // It was started before, and has ended.
        assert!(!file("disarmed").exists());
        let kept = runtime.block_on(async { failsafe(&file("late"), Duration::from_secs(1)) });
        assert!(appears(&file("late")));
        runtime.block_on(kept.disarm());
    }

    #[test]
    fn a_request_to_end_does_not_keep_it_from_running() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("ran");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let armed = failsafe(&file, LONG);
            let id = armed.child.id().expect("runs");
            // Once the shell has come so far that it waits.
            let children = format!("/proc/{id}/task/{id}/children");
            let deadline = Instant::now() + Duration::from_secs(20);
            while std::fs::read_to_string(&children).is_ok_and(|text| text.is_empty()) {
                assert!(Instant::now() < deadline, "the shell does not wait");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let group = format!("-{id}");
            Invocation::new("kill", LONG).args(["-s", "TERM", "--", &group]).output().await.expect("kills");
            drop(armed);
        });
        assert!(appears(&file));
    }
}
