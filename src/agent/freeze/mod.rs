use std::time::Duration;

use tokio::time::Instant;

use super::client::Agent;
use super::command::{FsfreezeFreeze, FsfreezeThaw};
use super::error::Error;
use super::transport::{Failsafe, Transport};

/// How often thawing is tried, and how long each time: a guest whose file systems stay frozen is lost to its user.
const THAW_TRIES: u32 = 3;
const THAW_WITHIN: Duration = Duration::from_secs(5);

impl<T: Transport> Agent<T> {
    /// Freezes the guest's file systems for `at_most` that time, from now on. The agent may take as long as there is
    /// to be written.
    ///
    /// Whatever happens from here on, they are thawed: when this future or the result is dropped, and when this process
    /// is killed, the transport's [failsafe](Transport::arm) does it. It is armed before they are frozen, and disarmed
    /// only after the agent has confirmed that they are thawed.
    ///
    /// # Errors
    /// When the agent is not there, refuses, or takes too long. An agent that gave no answer may have frozen them, or
    /// be about to: it is asked to thaw them.
    pub async fn freeze(&self, at_most: Duration) -> Result<Frozen<'_, T>, NotFrozen<T::Error>> {
        let not_begun = |error| NotFrozen { error, certain: true };
        let failsafe = self.arm(&FsfreezeThaw, at_most + THAW_WITHIN * THAW_TRIES).map_err(not_begun)?;
        let until = Instant::now() + at_most;
        match self.ask_within(&FsfreezeFreeze, at_most).await {
            Ok(file_systems) => Ok(Frozen { client: self, failsafe, file_systems, until }),
            Err(error) => {
                // A refusal leaves them as they were: thawed, or frozen by somebody else, who relies on it.
                let as_before = matches!(error, Error::Absent { .. } | Error::Refused { .. });
                let certain = as_before || self.thaw().await.is_ok();
                if certain {
                    failsafe.disarm().await;
                }
                Err(NotFrozen { error, certain })
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

/// File systems of a guest that are frozen. Dropped, they are thawed by the transport's failsafe, without anybody
/// learning whether that worked: [`thaw`](Self::thaw) and [`during`](Self::during) tell.
#[must_use = "the guest's file systems are frozen until this is dropped"]
pub struct Frozen<'a, T: Transport> {
    client: &'a Agent<T>,
    failsafe: T::Failsafe,
    file_systems: u64,
    until: Instant,
}

/// Why file systems were not frozen.
#[derive(Debug)]
pub struct NotFrozen<E: std::error::Error + 'static> {
    /// Why.
    pub error: Error<E>,
    /// Whether they aren't for certain. An agent that went silent over it may have frozen them, or do so later.
    pub certain: bool,
}

/// How file systems were thawed.
#[derive(Debug)]
pub struct Thaw<E: std::error::Error + 'static> {
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

    /// Thaws them. Where the agent does not confirm it, the failsafe tries once more.
    pub async fn thaw(self) -> Thaw<T::Error> {
        let thawed = self.client.thaw().await;
        if thawed.is_ok() {
            self.failsafe.disarm().await;
        }
        Thaw { in_time: true, thawed }
    }

    /// Does `work` and thaws them, when it is done or when they have been frozen for as long as they may, whichever
    /// comes first. Work that takes longer is not cancelled.
    pub async fn during<O>(self, work: impl Future<Output = O>) -> (O, Thaw<T::Error>) {
        tokio::pin!(work);
        let until = self.until;
        tokio::select! {
            biased;
            outcome = &mut work => (outcome, self.thaw().await),
            () = tokio::time::sleep_until(until) => {
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
