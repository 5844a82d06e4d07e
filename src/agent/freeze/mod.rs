use std::time::Duration;

use tokio::time::Instant;

use super::client::Client;
use super::command::{FsfreezeFreeze, FsfreezeThaw};
use super::error::Error;
use super::transport::Transport;

/// How often thawing is tried, and how long each time: a guest whose file systems stay frozen is lost to its user.
const THAW_TRIES: usize = 3;
const THAW_WITHIN: Duration = Duration::from_secs(5);

impl<T: Transport> Client<T> {
    /// Freezes the guest's file systems, which its agent has to do within that time. It may take as long as what is
    /// waiting to be written.
    ///
    /// # Errors
    /// When the agent is not there, refuses, or takes too long. An agent that gave no answer may have frozen them, or
    /// be about to: it is asked to thaw them.
    pub async fn freeze(&self, within: Duration) -> Result<Frozen<'_, T>, Error<T::Error>> {
        let asked = Instant::now();
        match self.ask_within(&FsfreezeFreeze, within).await {
            Ok(file_systems) => Ok(Frozen { client: self, file_systems, since: asked }),
            Err(error) => {
                // A refusal leaves them as they were: thawed, or frozen by somebody else, who relies on it.
                let as_before = matches!(error, Error::Absent { .. } | Error::Refused { .. });
                if !as_before {
                    let _ = self.thaw().await;
                }
                Err(error)
            }
        }
    }

    /// Thaws the guest's file systems, whoever has frozen them, and gives their number.
    ///
    /// # Errors
    /// When the agent does not do it, having been asked several times.
    pub async fn thaw(&self) -> Result<u64, Error<T::Error>> {
        let mut tries = 1;
        loop {
            match self.ask_within(&FsfreezeThaw, THAW_WITHIN).await {
                Err(error) if error.is_no_answer() && tries < THAW_TRIES => tries += 1,
                other => return other,
            }
        }
    }
}

/// File systems of a guest that are frozen. They stay so until they are [thawed](Self::thaw), even when this is
/// dropped.
#[derive(Debug)]
#[must_use = "the guest's file systems stay frozen until they are thawed"]
pub struct Frozen<'a, T> {
    client: &'a Client<T>,
    file_systems: u64,
    since: Instant,
}

/// How file systems were thawed.
#[derive(Debug)]
pub struct Thaw<E: std::error::Error + 'static> {
    /// How long they were frozen at most.
    pub held: Duration,
    /// Whether they were frozen until the work was done.
    pub in_time: bool,
    /// Whether they are thawed: how many, or why they may be still frozen.
    pub thawed: Result<u64, Error<E>>,
}

impl<T: Transport> Frozen<'_, T> {
    /// How many file systems are frozen. Where there are none that can be, as with FAT alone, that is 0.
    pub fn file_systems(&self) -> u64 {
        self.file_systems
    }

    /// Thaws them.
    pub async fn thaw(self) -> Thaw<T::Error> {
        let thawed = self.client.thaw().await;
        Thaw { held: self.since.elapsed(), in_time: true, thawed }
    }

    /// Does `work` and thaws them, when it is done or when they have been frozen for `at_most`, whichever comes first.
    /// Work that takes longer is not given up.
    pub async fn during<O>(self, at_most: Duration, work: impl Future<Output = O>) -> (O, Thaw<T::Error>) {
        tokio::pin!(work);
        let limit = self.since + at_most;
        tokio::select! {
            biased;
            outcome = &mut work => (outcome, self.thaw().await),
            () = tokio::time::sleep_until(limit) => {
                let thaw = async { Thaw { in_time: false, ..self.thaw().await } };
                // Both at once: the guest is not to wait for the work any longer.
                let (thaw, outcome) = tokio::join!(thaw, work);
                (outcome, thaw)
            }
        }
    }
}

#[cfg(test)]
mod tests;
