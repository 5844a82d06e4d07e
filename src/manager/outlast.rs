//! Work that goes on when the daemon is restarted under it.

use std::time::{Duration, Instant};

use super::stop::{AWAY, is_away};
use super::{Error, VmManager};

/// Each try starts a virsh.
const PAUSE: Duration = Duration::from_millis(750);

impl VmManager {
    /// Does it again while the daemon is away, for a while. Only for what may be done twice: whether libvirt did it
    /// before it went can't be told.
    ///
    /// # Errors
    /// The work's own; when the daemon stays away; [`Error::Interrupted`], then.
    pub(super) async fn outlast<T, W>(&self, work: impl Fn() -> W) -> Result<T, Error>
    where
        W: Future<Output = Result<T, Error>>,
    {
        let mut away_since = None;
        loop {
            match work().await {
                Err(Error::Libvirt(error))
                    if is_away(&error) && away_since.get_or_insert_with(Instant::now).elapsed() < AWAY =>
                {
                    self.interrupt.check()?;
                    tokio::time::sleep(PAUSE).await;
                }
                other => return other,
            }
        }
    }
}
