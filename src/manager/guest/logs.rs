//! What a guest prints on its serial console.

use std::fs::File;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use super::serial_log::SerialLog;
use crate::libvirt::{Domain, OwnedVolume, Scope};
use crate::manager::guest::GuestAccess;
use crate::manager::retry::Retry;
use crate::manager::storage::Storage;
use crate::manager::{ConsoleError, Error};
use crate::model::Uuid;

/// How often a log is looked at that is followed.
const PAUSE: Duration = Duration::from_millis(250);
/// How often it is asked whether the VM is still there.
const CHECK: Duration = Duration::from_secs(2);
/// How long libvirt may be away while a log is followed: its daemon may be restarted.
const PATIENCE: Duration = Duration::from_secs(60);

/// What of a serial log is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRequest {
    /// Just the last lines of what is there, so many.
    pub lines: Option<usize>,
    /// Also what comes later, until the VM is removed.
    pub follow: bool,
}

impl GuestAccess<'_> {
    /// Gives the VM's serial log to `out`, piece by piece, until that returns false. One that is followed goes on
    /// over restarts of the VM.
    ///
    /// # Errors
    /// [`ConsoleError::NoLog`], [`ConsoleError::LogUnreadable`], or libvirt's.
    pub async fn logs(
        &self,
        name: &str,
        request: LogRequest,
        out: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), Error> {
        let id = self.op.client().domains().resolve(name).await?;
        let domain = self.op.client().definitions().current(id.uuid).await?;
        let mut log = self.serial_log(&domain).await?;
        if !log.so_far(request.lines, out).await? || !request.follow {
            return Ok(());
        }
        let mut retry = Retry::endless(self.op.interrupt()).every(PAUSE);
        let (mut checked, mut answered) = (Instant::now(), Instant::now());
        loop {
            // Before the last look: what it printed until its end is wanted too.
            let removed = match checked.elapsed() >= CHECK {
                true => {
                    checked = Instant::now();
                    self.is_removed(id.uuid).await
                }
                false => Ok(false),
            };
            let gone = removed.as_ref().is_ok_and(|removed| *removed);
            let looked = match log.news(out).await {
                Ok(false) => return Ok(()),
                // The log goes with its VM.
                Err(_) if gone => return Ok(()),
                other => removed.and(other.map(drop)),
            };
            match looked {
                Ok(()) if gone => return Ok(()),
                Ok(()) => answered = Instant::now(),
                Err(Error::Libvirt(error)) if error.is_connection() && answered.elapsed() < PATIENCE => {}
                Err(error) => return Err(error),
            }
            // Nothing new is written for nobody.
            if !out(b"") {
                return Ok(());
            }
            retry.again().await?;
        }
    }

    async fn is_removed(&self, uuid: Uuid) -> Result<bool, Error> {
        match self.op.client().domains().state(uuid).await {
            Ok(_) => Ok(false),
            // virsh hides why a look-up failed; the list tells.
            Err(_) => {
                Ok(!self.op.client().domains().list(Scope::All).await?.iter().any(|id| id.uuid == uuid))
            }
        }
    }

    async fn serial_log(&self, domain: &Domain) -> Result<SerialLog<'_>, Error> {
        let Some(path) = domain.serial_log.as_deref() else {
            return Err(ConsoleError::NoLog { name: domain.name.clone() }.into());
        };
        let closed = if self.op.locality().is_here() {
            match File::open(path) {
                Err(error) if error.kind() == ErrorKind::PermissionDenied => error,
                _ => return Ok(SerialLog::of_file(path.into())),
            }
        } else {
            std::io::Error::new(ErrorKind::PermissionDenied, "it is on another host, in no storage pool")
        };
        match self.log_volume(domain, path).await? {
            Some(OwnedVolume { pool, volume, .. }) => {
                Ok(SerialLog::of_volume(self.op.client(), pool, volume))
            }
            None => Err(ConsoleError::LogUnreadable { path: path.to_owned(), source: closed }.into()),
        }
    }

    /// The volume that the log is for libvirt: in the pool of vmtools' record, else in any.
    async fn log_volume(&self, domain: &Domain, path: &str) -> Result<Option<OwnedVolume>, Error> {
        let record = domain.metadata.as_ref().map(|record| record.owned.as_slice()).unwrap_or_default();
        if let Some(owned) = record.iter().find(|owned| owned.path == path) {
            return Ok(Some(owned.clone()));
        }
        Ok(Storage::of(self.op).volume_at(path).await?.map(|(found, _)| found))
    }
}
