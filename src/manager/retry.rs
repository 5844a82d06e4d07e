//! How something is tried again: the one policy for every loop over libvirt or a guest.
//!
//! Each loop has a pause, a deadline and heeds the interrupt:
//!
//! ```text
//!   let mut retry = op.retry(PATIENCE);
//!   loop {
//!       look, and return when it is so
//!       if !retry.again().await? { return Err(timed out) }
//!   }
//! ```
//!
//! Nothing else in the manager sleeps; tests/architecture.rs holds the exceptions.

use std::time::{Duration, Instant};

use super::Error;
use super::operation::Operation;
use super::task::Interrupt;
use crate::libvirt;

/// The first pause; each later one is half as long again, up to [`Retry::at_most`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// What pauses grow to unless a loop says otherwise.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How long a daemon that is being restarted may be away.
pub(in crate::manager) const AWAY: Duration = Duration::from_secs(15);
/// Each try of a daemon that is away starts a virsh.
const AWAY_PAUSE: Duration = Duration::from_millis(750);

/// Tries of something, until a deadline. The pauses between them grow.
#[derive(Debug)]
pub(in crate::manager) struct Retry<'a> {
    interrupt: Option<&'a Interrupt>,
    deadline: Option<Instant>,
    pause: Duration,
    longest: Duration,
    /// Since when it is tried, where pauses are a share of that.
    began: Option<Instant>,
    /// The end of the pause that has begun. A pause that is cancelled and begun again ends when it would have.
    due: Option<Instant>,
}

impl<'a> Retry<'a> {
    /// Tries that end at the deadline, or when the user asks for it.
    pub(in crate::manager) fn until(deadline: Instant, interrupt: &'a Interrupt) -> Self {
        Self { interrupt: Some(interrupt), deadline: Some(deadline), ..Self::FIRST }
    }

    /// As [`Retry::until`], for what has to be finished though the user has asked for the end: a roll-back.
    pub(in crate::manager) fn regardless(deadline: Instant) -> Retry<'static> {
        Retry { deadline: Some(deadline), ..Retry::FIRST }
    }

    /// Tries that end only when the user asks for it: of what is followed for as long as it goes on.
    pub(in crate::manager) fn endless(interrupt: &'a Interrupt) -> Self {
        Self { interrupt: Some(interrupt), ..Self::FIRST }
    }

    /// Tries that go on for as long as the work beside which they are made: that heeds the interrupt, or must not.
    pub(in crate::manager) fn beside_work() -> Retry<'static> {
        Retry::FIRST
    }

    const FIRST: Self = Self {
        interrupt: None,
        deadline: None,
        pause: FIRST_PAUSE,
        longest: LONGEST_PAUSE,
        began: None,
        due: None,
    };

    /// With pauses that grow up to `longest`.
    #[must_use]
    pub(in crate::manager) fn at_most(self, longest: Duration) -> Self {
        Self { longest, pause: self.pause.min(longest), ..self }
    }

    /// With pauses that are a tenth of the time since then: a long wait costs little, and none takes much longer than it
    /// has to.
    #[must_use]
    pub(in crate::manager) fn since(self, began: Instant) -> Self {
        Self { began: Some(began), ..self }
    }

    /// Begins with short pauses anew, as what is waited for is near. Gives the time.
    pub(in crate::manager) fn restart(&mut self) -> Instant {
        let now = Instant::now();
        self.began = self.began.map(|_| now);
        self.pause = FIRST_PAUSE.min(self.longest);
        now
    }

    /// With pauses that are all as long.
    #[must_use]
    pub(in crate::manager) fn every(self, pause: Duration) -> Self {
        Self { longest: pause, pause, ..self }
    }

    /// Has so long from now on: what is waited for goes on.
    pub(in crate::manager) fn extend(&mut self, patience: Duration) {
        self.deadline = Some(Instant::now() + patience);
    }

    /// The time left; [`Duration::MAX`] of endless tries.
    pub(in crate::manager) fn left(&self) -> Duration {
        self.deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Pauses before the next try; false when the deadline has passed.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(in crate::manager) async fn again(&mut self) -> Result<bool, Error> {
        if let Some(began) = self.began {
            self.pause = (began.elapsed() / 10).clamp(FIRST_PAUSE.min(self.longest), self.longest);
        }
        let goes_on = self.again_after(self.pause).await?;
        self.pause = (self.pause * 3 / 2).min(self.longest);
        Ok(goes_on)
    }

    /// As [`Retry::again`], with a pause of this length.
    ///
    /// # Errors
    /// As there.
    pub(in crate::manager) async fn again_after(&mut self, pause: Duration) -> Result<bool, Error> {
        let left = self.left();
        if left.is_zero() {
            return Ok(false);
        }
        let due = *self.due.get_or_insert_with(|| Instant::now() + pause.min(left));
        let pause = async {
            tokio::time::sleep_until(due.into()).await;
            Ok(())
        };
        match self.interrupt {
            Some(interrupt) => interrupt.race(pause).await?,
            None => pause.await?,
        }
        self.due = None;
        Ok(true)
    }

    /// Does it again while libvirt is busy or away. That there is nothing to do it to, or that it is done
    /// already, is success, and then it is false, unless libvirt may have done it before it went away.
    ///
    /// # Errors
    /// The work's own; its last when the deadline has passed. [`libvirt::Error`] has no word for an interrupt:
    /// then it is the last error, too.
    pub(in crate::manager) async fn while_busy(
        mut self,
        work: impl AsyncFn() -> Result<(), libvirt::Error>,
    ) -> Result<bool, libvirt::Error> {
        let mut may_be_done = false;
        loop {
            let error = match work().await {
                Ok(()) => return Ok(true),
                Err(error) if is_done(&error) => return Ok(may_be_done),
                Err(error) => error,
            };
            may_be_done |= is_away(&error);
            if !is_passing(&error) || !matches!(self.again().await, Ok(true)) {
                return Err(error);
            }
        }
    }
}

impl<'a> Operation<'a> {
    /// Tries that end after `patience`, or when the user asks for it.
    pub(in crate::manager) fn retry(self, patience: Duration) -> Retry<'a> {
        Retry::until(Instant::now() + patience, self.interrupt())
    }

    /// Does it again while the daemon is away, for a while. Only for what may be done twice: whether libvirt
    /// did it before it went can't be known.
    ///
    /// # Errors
    /// The work's own; when the daemon stays away; [`Error::Interrupted`], then.
    pub(in crate::manager) async fn while_daemon_restarts<T>(
        self,
        work: impl AsyncFn() -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.while_daemon_is_away(AWAY, work).await
    }

    /// As [`Operation::while_daemon_restarts`], with a patience of its own from the first failure on.
    ///
    /// # Errors
    /// As there.
    pub(in crate::manager) async fn while_daemon_is_away<T>(
        self,
        patience: Duration,
        work: impl AsyncFn() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut retry: Option<Retry<'_>> = None;
        loop {
            match work().await {
                Err(Error::Libvirt(error)) if is_away(&error) => {
                    if !retry.get_or_insert_with(|| self.retry(patience).at_most(AWAY_PAUSE)).again().await? {
                        return Err(error.into());
                    }
                }
                other => return other,
            }
        }
    }
}

/// Whether the daemon is not there at the moment.
pub(in crate::manager) fn is_away(error: &libvirt::Error) -> bool {
    matches!(error, libvirt::Error::Lost { .. } | libvirt::Error::Unreachable { .. })
}

/// Of a file that is missing, another was faster.
fn is_done(error: &libvirt::Error) -> bool {
    use libvirt::Error as E;
    matches!(error, E::NotFound { .. } | E::WrongState { .. } | E::FileMissing { .. })
}

/// Whether the same may succeed a little later.
pub(in crate::manager) fn is_passing(error: &libvirt::Error) -> bool {
    matches!(error, libvirt::Error::Busy { .. }) || is_away(error)
}

#[cfg(test)]
mod tests {
    use super::super::interrupt_channel;
    use super::*;

    #[tokio::test]
    async fn tries_end_at_their_deadline() {
        let (_sender, interrupt) = interrupt_channel();
        let mut retry = Retry::until(Instant::now() + Duration::from_millis(20), &interrupt);
        while retry.left() > Duration::ZERO {
            assert!(retry.again().await.expect("nobody interrupts"));
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!retry.again().await.expect("nobody interrupts"));
    }

    #[tokio::test]
    async fn pauses_of_a_long_wait_are_short_again_where_it_is_restarted() {
        let (_sender, interrupt) = interrupt_channel();
        let long_ago = Instant::now() - Duration::from_secs(600);
        let mut retry = Retry::endless(&interrupt).at_most(Duration::from_secs(60)).since(long_ago);
        retry.restart();
        let again = tokio::time::timeout(Duration::from_secs(30), retry.again());
        assert!(again.await.expect("a short pause").expect("nobody interrupts"));
    }

    #[tokio::test]
    async fn a_pause_that_is_cancelled_goes_on_where_it_was() {
        let (_sender, interrupt) = interrupt_channel();
        let mut retry = Retry::endless(&interrupt).every(Duration::from_millis(400));
        let begin = Instant::now();
        // As where a stream of events is looked at now and then.
        for _ in 0..3 {
            let look = tokio::time::timeout(Duration::from_millis(100), retry.again());
            assert!(look.await.is_err(), "the pause was shorter than it should be");
        }
        assert!(retry.again().await.expect("nobody interrupts"));
        assert!(begin.elapsed() < Duration::from_millis(650), "it began anew: {:?}", begin.elapsed());
        // The next one is a whole one.
        assert!(tokio::time::timeout(Duration::from_millis(200), retry.again()).await.is_err());
    }

    #[tokio::test]
    async fn an_interrupt_ends_a_pause_but_not_that_of_a_roll_back() {
        let (sender, interrupt) = interrupt_channel();
        sender.send(true).expect("it listens");
        let soon = Instant::now() + Duration::from_secs(5);
        assert!(matches!(Retry::until(soon, &interrupt).again().await, Err(Error::Interrupted)));
        assert!(Retry::regardless(soon).again().await.expect("it pauses"));
    }

    #[tokio::test]
    async fn what_is_done_already_is_success_and_what_will_not_change_is_not_tried_again() {
        let soon = Instant::now() + Duration::from_secs(5);
        let wrong_state =
            async || Err(libvirt::Error::WrongState { command: "x".into(), message: "y".into() });
        assert!(!Retry::regardless(soon).while_busy(wrong_state).await.expect("it is so already"));
        let tries = std::cell::Cell::new(0);
        let refused = async || {
            tries.set(tries.get() + 1);
            Err(libvirt::Error::Refused {
                command: "x".into(),
                message: "y".into(),
                reason: libvirt::RefusalReason::Other,
            })
        };
        assert!(Retry::regardless(soon).while_busy(refused).await.is_err());
        assert_eq!(tries.get(), 1);
    }
}
