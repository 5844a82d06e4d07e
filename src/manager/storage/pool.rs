//! Storage pools made ready for use.

use std::path::Path;
use std::time::Duration;

use crate::config::Config;
use crate::host;
use crate::libvirt::{self, Object, Pool, PoolKind};
use crate::manager::storage::Storage;
use crate::manager::{Error, StorageError};

/// How long a pool may take to become active, be it by another process.
const START: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(100);

impl Storage<'_> {
    /// The pool for VMs' disks; with `act` it is made if there is none.
    pub(in crate::manager) async fn storage_pool(&self, act: bool) -> Result<Pool, Error> {
        let name = self.op.config().storage.pool.as_str();
        if let Some(pool) = self.running_pool(name).await? {
            return Ok(pool);
        }
        // Only the usual pool is made unasked: a name that somebody chose may be mistyped.
        if name != Config::default().storage.pool && self.op.config().storage.path.is_none() {
            return Err(StorageError::NoPool { name: name.to_owned() }.into());
        }
        let folder = match &self.op.config().storage.path {
            Some(path) => path.to_string_lossy().into_owned(),
            None if self.op.locality().is_session() => {
                self.op.paths().data_folder().join("disks").to_string_lossy().into_owned()
            }
            None => format!("/var/lib/libvirt/images/{name}"),
        };
        if act {
            self.op.client().pools().define_folder(name, &folder).await?;
            let gone = || libvirt::Error::missing(Object::Pool, name.to_owned());
            return Ok(self.running_pool(name).await?.ok_or_else(gone)?);
        }
        Ok(Pool {
            name: name.to_owned(),
            path: folder,
            kind: PoolKind::Dir,
            active: false,
            available_bytes: u64::MAX,
        })
    }

    /// The free bytes of a pool.
    pub(in crate::manager) fn room_in(&self, pool: &Pool) -> u64 {
        // What root alone may fill does not count; libvirt does count it.
        let free =
            self.op.locality().is_here().then(|| host::disk_free(Path::new(&pool.path)).ok()).flatten();
        pool.available_bytes.min(free.unwrap_or(u64::MAX))
    }

    /// The pool of this name, active; `None` when it is not defined. One that is not active is started, and one
    /// that another process is just making or starting is waited for, 20 s at most.
    ///
    /// # Errors
    /// When it can't be started, or the connection fails; [`Error::Interrupted`].
    pub(in crate::manager) async fn running_pool(&self, name: &str) -> Result<Option<Pool>, Error> {
        let pools = self.op.client().pools();
        let mut retry = self.op.retry(START);
        let (mut built, mut pause) = (false, Duration::ZERO);
        loop {
            let pool = match pools.find(name).await? {
                Some(pool) if !pool.active => pool,
                other => return Ok(other),
            };
            let started = match pools.start(&pool, &mut built).await {
                Err(error @ (libvirt::Error::WrongState { .. } | libvirt::Error::Busy { .. })) => Err(error),
                other => Ok(other?),
            };
            // Once it is active at once; else another process is at it.
            if !retry.again_after(pause).await? {
                let still_inactive = || libvirt::Error::Unexpected {
                    command: format!("virsh pool-start {name}"),
                    reason: "the pool is not active after it was started".into(),
                };
                return Err(started.err().unwrap_or_else(still_inactive).into());
            }
            pause = PAUSE;
        }
    }
}
