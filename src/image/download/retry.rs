use super::fetch::Client;
use crate::image::Error;

/// However much comes in between, a server that fails so often is given up.
const MAX_RETRIES: u32 = 100;

/// How often a server that fails is asked again, and after which pauses.
pub(super) struct Retry<'a> {
    client: &'a Client,
    allowed: u32,
    in_a_row: u32,
    total: u32,
}

impl<'a> Retry<'a> {
    /// `allowed` times in a row.
    pub(super) fn new(client: &'a Client, allowed: u32) -> Self {
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
        if !error.may_pass() || self.in_a_row >= self.allowed || self.total >= MAX_RETRIES {
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
