//! Telling a guest that was copied while it ran who it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rand_core::{OsRng, RngCore};

use crate::agent::{AwaitInterfaces, Exec, Exit, ExitStatus, GiveIdentity, Run};
use crate::guest::identity::{self, Identity};
use crate::manager::Error;
use crate::manager::guest::GuestAgent;
use crate::model::Uuid;

/// As many random bytes as the kernel's generator has state, twice.
const SEED_BYTES: usize = 64;

/// The helper answers within a second; how long one that has ended may hold up what follows.
const INTERFACES: Duration = Duration::from_secs(2);

/// Where vmtools' helper is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::manager) enum Helper {
    /// In the guest's memory, in the place of the agent.
    Waits,
    /// Nowhere yet: the agent starts it.
    ByAgent,
}

/// Why a guest is not who it is to be.
#[derive(Debug, thiserror::Error)]
pub(in crate::manager) enum IdentityFault {
    /// It did not answer.
    #[error(transparent)]
    Manager(#[from] Error),
    /// The helper says so.
    #[error("{said}")]
    Said {
        /// Its words.
        said: String,
    },
}

impl GuestAgent<'_> {
    /// Tells the guest who it is, with a new seed of random numbers and the time. It has no way out yet, and nobody has
    /// seen it.
    ///
    /// # Errors
    /// When it does not confirm all of it within that time.
    pub(in crate::manager) async fn give_identity(
        &self,
        uuid: Uuid,
        identity: &Identity,
        helper: Helper,
        within: Duration,
    ) -> Result<(), IdentityFault> {
        let mut seed = [0; SEED_BYTES];
        OsRng.fill_bytes(&mut seed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let identity = Identity { seed: BASE64.encode(seed), time: now.as_secs_f64(), ..identity.clone() };
        let agent = self.secret_client(uuid);
        if helper == Helper::Waits {
            let given = agent.ask_within(&GiveIdentity(&identity), within).await.map_err(Error::from)?;
            return if given.applied { Ok(()) } else { Err(said("")) };
        }
        let mut line = serde_json::to_vec(&identity).map_err(|error| said(&error.to_string()))?;
        line.push(b'\n');
        let program = Exec::new("python3").args(["-I", "-c", identity::helper()]).input(line);
        let run =
            agent.run(&program, Some(within), self.op.interrupt().asked()).await.map_err(Error::from)?;
        self.op.check()?;
        confirmed(&run)
    }

    /// Returns once the guest has brought its new interfaces up, or after a second or two.
    pub(in crate::manager) async fn await_interfaces(&self, uuid: Uuid) {
        let asked = self.client(uuid).ask_within(&AwaitInterfaces, INTERFACES).await;
        // What has to be known shows when the guest is waited for.
        log::debug!("the interfaces of {uuid}: {asked:?}");
    }
}

fn confirmed(run: &Run) -> Result<(), IdentityFault> {
    let Some(Exit { status: Some(ExitStatus::Code(0)), stdout, .. }) = &run.exit else {
        let stderr = run.exit.as_ref().map(|exit| String::from_utf8_lossy(&exit.stderr).into_owned());
        return Err(said(&stderr.unwrap_or_default()));
    };
    match serde_json::from_slice::<crate::agent::IdentityGiven>(stdout) {
        Ok(given) if given.applied => Ok(()),
        _ => Err(said("")),
    }
}

/// The last line that tells something.
fn said(text: &str) -> IdentityFault {
    let line = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it did not confirm it in time");
    IdentityFault::Said { said: line.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::End;

    fn run(status: i64, stdout: &str, stderr: &str) -> Run {
        let status = Some(ExitStatus::Code(status));
        let exit = Exit { status, stdout: stdout.into(), stderr: stderr.into(), truncated: false };
        Run { exit: Some(exit), end: End::Exited }
    }

    #[test]
    fn only_what_the_helper_confirms_is_done() {
        assert!(confirmed(&run(0, "{\"applied\": true, \"old_machine_id\": \"\"}\n", "")).is_ok());
        for other in [
            run(0, "", ""),
            run(0, "{\"applied\": false}\n", ""),
            run(1, "{\"applied\": true}\n", ""),
            Run { exit: None, end: End::TimedOut },
        ] {
            assert!(confirmed(&other).is_err(), "{other:?}");
        }
        let failed = confirmed(&run(1, "", "Traceback:\n  line\nOSError: no space\n\n"));
        assert_eq!(failed.map_err(|error| error.to_string()), Err("OSError: no space".into()));
    }
}
