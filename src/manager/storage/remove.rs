//! Taking a VM away: stop, delete its own volumes, forget it. The definition goes last, so that a
//! removal which is cut off can be done again.

use std::time::Instant;

use crate::libvirt::{Error, OwnedVolume, UndefineOptions};
use crate::manager::network::Networks;
use crate::manager::retry::{Retry, is_passing};
use crate::manager::storage::Storage;
use crate::manager::{Event, Left, Remnant, Warning};
use crate::model::Uuid;

impl Storage<'_> {
    /// Stops the VM at once. Gives whether it was running; tries again until the deadline while libvirt is busy with
    /// something of it.
    pub(in crate::manager) async fn stop_domain(
        &self,
        uuid: Uuid,
        deadline: Instant,
    ) -> Result<bool, Vec<Remnant>> {
        let stop = async || self.op.client().domains().destroy(uuid).await;
        let stopped = Retry::regardless(deadline).while_busy(stop).await;
        stopped.map_err(|error| vec![Remnant::because(Left::RunningVm { uuid }, error)])
    }

    /// Deletes the volumes of a VM that is shut off, and forgets it. What isn't there is fine. Tries again until the
    /// deadline while libvirt is busy with something of it. What could not be removed is named. With `stopped` it was
    /// running until now. Gives whether it was there until now: of two removals at once one has done it.
    pub(in crate::manager) async fn remove_domain(
        &self,
        uuid: Uuid,
        volumes: &[OwnedVolume],
        stopped: bool,
        options: UndefineOptions,
        deadline: Instant,
    ) -> Result<bool, Vec<Remnant>> {
        let mut left = Vec::new();
        if let Err(volumes) = self.remove_volumes(volumes, deadline).await {
            left.extend(volumes);
        }
        let definition = Left::Definition { uuid };
        if !left.is_empty() {
            left.push(definition.into());
            return Err(left);
        }
        // Afterwards nothing tells whose they were. The VM is deleted even if libvirt refuses, but not if it is away.
        let release = async || Networks::of(self.op).release_reservations(uuid).await;
        match Retry::regardless(deadline).while_busy(release).await {
            Ok(_) => {}
            Err(error) if is_passing(&error) => return Err(vec![Remnant::because(definition, error)]),
            Err(error) => {
                let reason = error.to_string();
                self.op.report(Event::Warning(Warning::ReservationStays { reason }));
            }
        }
        let undefine = async || {
            match self.op.client().definitions().undefine(uuid, options).await {
                // Nothing was stored of it, so its end was all.
                Err(Error::WrongState { .. }) if stopped => Ok(()),
                other => other,
            }
        };
        match Retry::regardless(deadline).while_busy(undefine).await {
            // One that nothing was stored of is gone with its end.
            Ok(done) => Ok(done || stopped),
            Err(error) => Err(vec![Remnant::because(definition, error)]),
        }
    }

    /// Deletes the volumes, and the older pieces of those that are logs; what could not be deleted is named.
    pub(in crate::manager) async fn remove_volumes(
        &self,
        volumes: &[OwnedVolume],
        deadline: Instant,
    ) -> Result<(), Vec<Remnant>> {
        let mut left = Vec::new();
        let mut pools: Vec<&str> = volumes.iter().map(|volume| volume.pool.as_str()).collect();
        pools.dedup();
        let mut going = volumes.to_vec();
        for pool in pools {
            // The serial log was made behind libvirt's back. That a pool is busy or gone shows below.
            let _ = Retry::regardless(deadline)
                .while_busy(async || self.op.client().pools().refresh(pool).await)
                .await;
            going.extend(self.rotated_logs(pool, volumes).await);
        }
        for volume in &going {
            if let Err(error) = Retry::regardless(deadline)
                .while_busy(async || self.op.client().volumes().delete_recorded(volume).await)
                .await
            {
                left.push(Remnant::because(Left::File { path: volume.path.clone() }, error));
            }
        }
        if left.is_empty() { Ok(()) } else { Err(left) }
    }

    /// The older pieces of the logs among the volumes, as far as they are not among them.
    async fn rotated_logs(&self, pool: &str, volumes: &[OwnedVolume]) -> Vec<OwnedVolume> {
        let logs: Vec<_> =
            volumes.iter().filter(|log| log.pool == pool && log.volume.ends_with(".log")).collect();
        if logs.is_empty() {
            return Vec::new();
        }
        let names = self.op.client().volumes().names(pool).await.unwrap_or_default().into_iter();
        let new = names.filter(|name| volumes.iter().all(|known| known.volume != *name));
        let rotated = new.filter_map(|name| {
            let log = logs.iter().find(|log| is_rotated_log(&name, &log.volume))?;
            let path = format!("{}{}", log.path, name.strip_prefix(&log.volume)?);
            Some(OwnedVolume { pool: pool.to_owned(), volume: name, path })
        });
        rotated.collect()
    }
}

/// Whether a file of this name is an older piece of the serial log of that name, which virtlogd begins anew at 2 MiB.
pub(in crate::manager) fn is_rotated_log(name: &str, log: &str) -> bool {
    let number = name.strip_prefix(log).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
    log.ends_with(".log") && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::is_rotated_log;

    #[test]
    fn only_a_log_with_a_number_behind_is_a_piece() {
        for (name, expected) in [
            ("web-1a2b3c4d.log.0", true),
            ("web-1a2b3c4d.log.12", true),
            ("web-1a2b3c4d.log", false),
            ("web-1a2b3c4d.log.", false),
            ("web-1a2b3c4d.log.0.old", false),
            ("web-1a2b3c4d.log.-1", false),
            ("web-1a2b3c4d.log0", false),
            ("web2-1a2b3c4d.log.0", false),
        ] {
            assert_eq!(is_rotated_log(name, "web-1a2b3c4d.log"), expected, "{name}");
        }
        assert!(!is_rotated_log("web.qcow2.0", "web.qcow2"));
    }
}
