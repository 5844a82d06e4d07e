//! A VM that goes on from a state, as another.

use std::path::Path;
use std::time::Duration;

use super::folder::WarmFolder;
use super::{ColdReason, WarmKey, WarmState, WarmStates};
use crate::guest::identity::Identity;
use crate::host::{self, LockMode};
use crate::image::{LocalImage, copy_unsynced};
use crate::libvirt::{self, Affects, Domain, DomainSpec, FirstStart, Pool};
use crate::manager::claim::{Claim, Subject};
use crate::manager::guest::identity::{Helper, IdentityFault};
use crate::manager::guest::{AgentError, GuestAccess, GuestAgent};
use crate::manager::power::Power;
use crate::manager::{Error, VmSpec, WaitFor};
use crate::model::{Condition, InterfaceSpec, Uuid};
use crate::seed::CloudInit;

/// How long QEMU may take to load a state; under load its start alone may take ten seconds.
const RESTORE: Duration = Duration::from_secs(60);
/// How long the guest may take to put its identity in place.
const IDENTITY: Duration = Duration::from_secs(30);
/// Between two looks for the helper in the guest.
const PAUSE: Duration = Duration::from_millis(50);
/// How long its ssh server may take to answer then.
const ANSWER: Duration = Duration::from_secs(60);
/// The room that a copy of a state leaves to others.
const SPARE_BYTES: u64 = 64 << 20;

/// Whether a VM is started from a state.
pub(in crate::manager) enum WarmStart {
    /// Nobody asked for it.
    NotAsked,
    /// It is booted, for this reason.
    Cold(ColdReason),
    /// It goes on from this state.
    From(Box<Chosen>),
}

/// A state that a VM goes on from, and a claim under which it stays.
pub(in crate::manager) struct Chosen {
    state: WarmState,
    folder: WarmFolder,
    identity: Identity,
    claim: Claim,
}

/// A VM that is to be started, as far as a state for it depends on that.
pub(in crate::manager) struct Wanted<'a> {
    pub(in crate::manager) spec: &'a VmSpec,
    pub(in crate::manager) interfaces: &'a [InterfaceSpec],
    pub(in crate::manager) image: Option<&'a LocalImage>,
    pub(in crate::manager) domain: &'a DomainSpec,
    pub(in crate::manager) cloud_init: Option<&'a CloudInit>,
    pub(in crate::manager) disk_size_bytes: u64,
    pub(in crate::manager) pool: &'a Pool,
}

impl WarmStart {
    /// What the record of the VM says of it.
    pub(in crate::manager) fn record(&self) -> Option<FirstStart> {
        match self {
            Self::NotAsked => None,
            Self::Cold(reason) => Some(FirstStart::Cold { reason: reason.name().to_owned() }),
            Self::From(chosen) => Some(FirstStart::Warm { key: chosen.state.key.to_string() }),
        }
    }

    /// The disk that the VM's own stands on, instead of its image's.
    pub(in crate::manager) fn base(&self) -> Option<&str> {
        match self {
            Self::From(chosen) => Some(&chosen.state.disk.path),
            _ => None,
        }
    }
}

impl WarmStates<'_> {
    /// The state that the VM goes on from, if it was asked for and there is one. With `act` the directory of the states is
    /// made if it isn't there.
    ///
    /// # Errors
    /// When libvirt can't be asked, or the user interrupts.
    pub(in crate::manager) async fn choose(
        &self,
        wanted: &Wanted<'_>,
        act: bool,
    ) -> Result<WarmStart, Error> {
        if !wanted.spec.warm {
            return Ok(WarmStart::NotAsked);
        }
        if !wanted.spec.start {
            return Ok(WarmStart::Cold(ColdReason::NotStarted));
        }
        let (folder, key) = match self.place(wanted, act).await? {
            Ok(place) => place,
            Err(reason) => return Ok(WarmStart::Cold(reason)),
        };
        let Some(claim) = self.op.claim_now(Subject::Warm(key.as_str()), LockMode::Shared)? else {
            return Ok(WarmStart::Cold(ColdReason::Busy));
        };
        let state = match folder.load(&key) {
            Ok(Some(state)) => state,
            Ok(None) => return Ok(WarmStart::Cold(ColdReason::NoState)),
            Err(reason) => return Ok(WarmStart::Cold(reason)),
        };
        // One whose making was cut off at its end.
        if self.has_maker(&state).await? {
            return Ok(WarmStart::Cold(ColdReason::NoState));
        }
        let Some(identity) = wanted.cloud_init.and_then(|new| identity(new, wanted.domain.uuid, &state))
        else {
            return Ok(WarmStart::Cold(ColdReason::BadState));
        };
        Ok(WarmStart::From(Box::new(Chosen { state, folder, identity, claim })))
    }

    /// Where the VM's state is, or would be; else why there can be none.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub(super) async fn place(
        &self,
        wanted: &Wanted<'_>,
        act: bool,
    ) -> Result<Result<(WarmFolder, WarmKey), ColdReason>, Error> {
        if let Some(reason) = self.obstacle(wanted.spec, wanted.interfaces) {
            return Ok(Err(reason));
        }
        let (Some(image), Some(cloud_init)) = (wanted.image, wanted.cloud_init) else {
            return Ok(Err(ColdReason::NotCloudInit));
        };
        let Some(folder) = WarmFolder::of(wanted.pool) else { return Ok(Err(ColdReason::StoragePool)) };
        let usable = if act { folder.ready() } else { folder.is_usable() };
        if let Err(reason) = usable {
            return Ok(Err(reason));
        }
        let key = self.key(image, wanted.domain, cloud_init, wanted.disk_size_bytes).await?;
        Ok(Ok((folder, key)))
    }

    /// Whether the VM that the state was made of is still there.
    pub(super) async fn has_maker(&self, state: &WarmState) -> Result<bool, Error> {
        let Some(uuid) = state.uuid() else { return Ok(false) };
        match self.op.client().domains().name_of(uuid).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Starts the VM, which is defined and has its disks, from the state. It returns once the guest is who it is to be,
    /// and with a `wait` once its ssh server answers.
    ///
    /// # Errors
    /// Why that failed, in [`Ok`]: then the VM may run, or not. Only an interrupt, or a connection that is gone, is an
    /// error.
    pub(in crate::manager) async fn resume(
        &self,
        chosen: &Chosen,
        uuid: Uuid,
        wait: Option<&WaitFor>,
    ) -> Result<Result<(), ColdReason>, Error> {
        let domain = self.op.client().definitions().stored(uuid).await?;
        let copy = match self.copy(chosen, &domain).await? {
            Ok(copy) => copy,
            Err(reason) => return Ok(Err(reason)),
        };
        let restored = self.op.client().domains().restore(&copy.path, RESTORE).await;
        drop(copy);
        match restored {
            // On a host with too much to do; nothing speaks against the state.
            Err(libvirt::Error::TimedOut { .. }) => return Ok(Err(ColdReason::TimedOut)),
            Err(error) if error.is_connection() => return Err(error.into()),
            Err(error) => {
                log::debug!("restoring {}: {error}", domain.name);
                return Ok(Err(ColdReason::RestoreFailed));
            }
            Ok(()) => {}
        }
        self.op.check()?;
        if !self.give_identity(&domain, &chosen.identity).await? {
            return Ok(Err(ColdReason::IdentityFailed));
        }
        self.op.check()?;
        if let Err(error) = self.plug_in(&domain).await {
            log::debug!("plugging in the interfaces of {}: {error}", domain.name);
            return Ok(Err(ColdReason::Unreachable));
        }
        let running = self.op.client().definitions().current(uuid).await?;
        Power::of(self.op).forward_by_slirp(&running).await?;
        match wait {
            Some(wait) => self.answers(&running, wait.timeout).await,
            None => Ok(Ok(())),
        }
    }

    /// Plugs the interfaces in. Their links are connected once the guest has brought them up: Linux before 6.11 reports a
    /// link that was there before then only with its next report, up to a second later (net/core/link_watch.c).
    ///
    /// # Errors
    /// When libvirt or QEMU refuses.
    pub(in crate::manager) async fn plug_in(&self, domain: &Domain) -> Result<(), libvirt::Error> {
        let hardware = self.op.client().hardware();
        for interface in domain.unlinked_interfaces() {
            hardware.attach(domain.uuid, &interface, Affects::Running).await?;
        }
        GuestAgent::of(self.op).await_interfaces(domain.uuid).await;
        for interface in &domain.interfaces {
            hardware.set_link(domain.uuid, &interface.mac, true).await?;
        }
        Ok(())
    }

    async fn answers(&self, domain: &Domain, timeout: Duration) -> Result<Result<(), ColdReason>, Error> {
        let wait = WaitFor { conditions: vec![Condition::Ssh], timeout: ANSWER.min(timeout) };
        match GuestAccess::of(self.op).wait_for(domain, &wait).await {
            Ok(()) => Ok(Ok(())),
            Err(Error::Wait(error)) => {
                log::debug!("{}: {error}", domain.name);
                Ok(Err(ColdReason::Unreachable))
            }
            Err(error) => Err(error),
        }
    }

    /// Tells the guest who it is; it has no way out yet, and nobody has seen it. Gives whether it has taken all of it.
    async fn give_identity(&self, domain: &Domain, identity: &Identity) -> Result<bool, Error> {
        let agent = GuestAgent::of(self.op);
        let mut retry = self.op.retry(IDENTITY).every(PAUSE);
        loop {
            match agent.give_identity(domain.uuid, identity, Helper::Waits, IDENTITY).await {
                Ok(()) => return Ok(true),
                // libvirt learns only from an event of QEMU's that the helper has the channel open, which may come
                // after the restore has ended.
                Err(IdentityFault::Manager(Error::Agent(AgentError::Absent { .. })))
                    if retry.again().await? => {}
                Err(error) => {
                    log::debug!("the identity of {}: {error}", domain.name);
                    return Ok(false);
                }
            }
        }
    }

    /// Notes that a start from the state has failed: one that fails twice, or is of no use at all, is removed.
    pub(in crate::manager) async fn note_failure(&self, chosen: Box<Chosen>, reason: ColdReason) {
        let Chosen { state, folder, claim, .. } = *chosen;
        if !reason.is_states_fault() {
            return;
        }
        let is_bad = reason == ColdReason::BadState || folder.note_failure(&state.key);
        drop(claim);
        if is_bad {
            let _ = self.remove(&state.key).await;
        }
    }

    /// A copy of the state, with the VM's own definition in front.
    async fn copy(&self, chosen: &Chosen, domain: &Domain) -> Result<Result<Copy, ColdReason>, Error> {
        let definition = match domain.resumed_from(&chosen.state.image.domain) {
            Ok(definition) => definition,
            Err(mismatch) => {
                log::debug!("{}: {mismatch}", chosen.state.file.display());
                return Ok(Err(ColdReason::BadState));
            }
        };
        let failed = |error: &dyn std::fmt::Display| {
            log::debug!("copying {}: {error}", chosen.state.file.display());
            Ok(Err(ColdReason::CopyFailed))
        };
        // QEMU holds VMs whose disks have no room to grow.
        let needed = chosen.state.size_bytes() + SPARE_BYTES;
        if host::disk_free(&chosen.state.file).is_ok_and(|free| free < needed) {
            return failed(&"there is not enough free space for it");
        }
        let (file, path) = match chosen.folder.new_copy(domain.uuid) {
            Ok(made) => made,
            Err(error) => return failed(&error),
        };
        let copy = Copy { path: path.to_string_lossy().into_owned() };
        let (from, to) = match (chosen.state.opened().try_clone(), file.try_clone()) {
            (Ok(from), Ok(to)) => (from, to),
            (Err(error), _) | (_, Err(error)) => return failed(&error),
        };
        if let Err(error) = self.op.blocking(move |given_up| copy_unsynced(&from, &to, given_up)).await? {
            return failed(&error);
        }
        match chosen.state.image.write_to(&file, &definition) {
            Ok(()) => Ok(Ok(copy)),
            Err(error) => failed(&error),
        }
    }
}

/// The file of a copy, removed on drop.
struct Copy {
    path: String,
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(Path::new(&self.path));
    }
}

/// Who the guest of a state becomes, but for what is made anew at each start.
fn identity(new: &CloudInit, uuid: Uuid, state: &WarmState) -> Option<Identity> {
    let key = new.host_key.as_ref()?;
    Some(Identity {
        seed: String::new(),
        time: 0.0,
        hostname: new.hostname.split('.').next().unwrap_or_default().to_owned(),
        fqdn: new.hostname.clone(),
        old_hostname: state.key.maker(),
        machine_id: uuid.simple().to_string(),
        host_key: key.private.clone(),
        host_key_public: format!("{}\n", key.public),
        user: new.user.clone(),
        authorized_keys: new.authorized_keys.clone(),
        password: new.password.as_ref().map(|hash| hash.as_str().to_owned()),
        macs: new.mac_addresses.iter().map(|mac| mac.to_ascii_lowercase()).collect(),
        old_macs: vec![state.key.mac().to_string()],
        instance_id: new.instance_id.clone(),
        old_instance_id: format!("vmtools-{}", state.uuid()?),
    })
}
