use super::Limits;
use super::fetch::Downloader;
use crate::image::Error;

/// However much comes in between, a server that fails so often is not asked again.
const MAX_RETRIES: u32 = 100;

/// How often a server that fails is asked again in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retries {
    /// When it answers, or can't be reached.
    failures: u32,
    /// When it hangs.
    stalls: u32,
}

impl Retries {
    /// Not at all.
    pub(super) const NONE: Self = Self { failures: 0, stalls: 0 };

    /// Of the only server, or of the last one.
    pub(super) fn of_last(limits: &Limits) -> Self {
        Self { failures: limits.retries, stalls: limits.retries.min(1) }
    }

    /// Where there is another server, it is tried soon.
    pub(super) fn before_another(limits: &Limits) -> Self {
        Self { failures: limits.retries.min(1), stalls: 0 }
    }
}

/// Whether a server that failed is asked again, and after which pause.
pub(super) struct ServerRetry<'a> {
    client: &'a Downloader,
    allowed: Retries,
    in_a_row: u32,
    total: u32,
}

impl<'a> ServerRetry<'a> {
    pub(super) fn new(client: &'a Downloader, allowed: Retries) -> Self {
        Self { client, allowed, in_a_row: 0, total: 0 }
    }

    /// Something has come: the count begins anew.
    pub(super) fn progressed(&mut self) {
        self.in_a_row = 0;
    }

    /// Waits a while after a failure that may pass.
    ///
    /// # Errors
    /// The failure, if it won't pass, or has been waited for long enough.
    pub(super) fn after(&mut self, error: Error) -> Result<(), Error> {
        let allowed = match error {
            Error::Stalled { .. } => self.allowed.stalls,
            _ => self.allowed.failures,
        };
        let over = self.in_a_row >= allowed || self.total >= MAX_RETRIES || self.client.is_out_of_patience();
        if over || !error.may_pass() {
            return Err(error);
        }
        let pause = self.client.limits().first_pause * (1 << self.in_a_row.min(6));
        self.in_a_row += 1;
        self.total += 1;
        log::warn!("{error}; trying again in {pause:?}");
        if self.client.pause(pause) { Ok(()) } else { Err(error) }
    }

    /// Does it until it succeeds or has failed often enough.
    pub(super) fn run<T>(mut self, mut work: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        loop {
            match work() {
                Ok(done) => return Ok(done),
                Err(error) => self.after(error)?,
            }
        }
    }
}
