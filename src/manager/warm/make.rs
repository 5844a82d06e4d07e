//! Making a state: a VM of its own is booted, prepared, saved and forgotten.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::folder::WarmFolder;
use super::{ColdReason, WarmKey, WarmStates};
use crate::guest::{self, identity};
use crate::host;
use crate::libvirt::{Domain, InterfaceKind, UndefineOptions};
use crate::manager::claim::Subject;
use crate::manager::create::{Built, Creation, Wiring};
use crate::manager::guest::GuestAccess;
use crate::manager::image::ImageStatus;
use crate::manager::power::Power;
use crate::manager::storage::Storage;
use crate::manager::undo::UndoStack;
use crate::manager::{Already, Error, Event, KeySource, Left, Place, Step, StorageError, VmSpec, WaitFor};
use crate::model::{DiskSize, InterfaceSpec, MacAddress, VmName};

/// How long the guest may take to boot and to be set up, where the user says nothing.
const BOOT: Duration = Duration::from_secs(1200);
/// How long the helper may take to start in the guest.
const PREPARE: Duration = Duration::from_secs(180);
/// How long its ssh server may refuse connections.
const SSH_AGAIN: Duration = Duration::from_secs(30);
/// Between two tries.
const SSH_PAUSE: Duration = Duration::from_secs(1);
/// How long the guest may take to release its network interface.
const UNPLUG: Duration = Duration::from_secs(60);
/// How long the removal of the VM's other files may take.
const REMOVAL: Duration = Duration::from_secs(60);
/// The least memory that a guest keeps while the rest is taken from it, in MiB.
const LEAST_MIB: u64 = 180;
/// How long the balloon may take to fill, and to empty.
const BALLOON: Duration = Duration::from_secs(20);

/// Why no state was made.
#[derive(Debug, thiserror::Error)]
pub enum WarmError {
    /// A VM like that can't be started from a state.
    #[error("{name} cannot be started from a warm state")]
    NotPossible {
        /// The image or template.
        name: String,
        /// Why not.
        reason: ColdReason,
    },
    /// The guest can't be prepared for it.
    #[error("the guest cannot be prepared for warm starts: {said}")]
    NotPrepared {
        /// What the script in the guest said.
        said: String,
    },
    /// The guest does not release its network interface.
    #[error("the guest does not release its network interface")]
    InterfaceStays,
    /// Its image of the name `warm-..` is of no use any more.
    #[error("the state that was made cannot be used")]
    Unusable {
        /// Why not.
        reason: ColdReason,
    },
}

impl WarmKey {
    /// The hardware address of the VM that makes the state: a copied guest's files are searched for it.
    pub(super) fn mac(&self) -> MacAddress {
        let digit = |at: usize| u8::from_str_radix(self.as_str().get(at..at + 2).unwrap_or("00"), 16);
        let byte = |at: usize| digit(at).unwrap_or(0);
        MacAddress::of_qemu([byte(0), byte(2), byte(4)])
    }
}

impl WarmStates<'_> {
    /// Makes the state from which VMs as the spec says are started, unless there is one. The spec's name is one of
    /// those VMs', and none is made.
    ///
    /// # Errors
    /// [`WarmError`]; those of a create, and of a wait. All that was made is rolled back then.
    pub async fn make(&self, spec: &VmSpec) -> Result<ImageStatus, Error> {
        let creation = Creation::of(self.op);
        let anonymous = VmSpec { start: true, warm: true, ..spec.clone() };
        let wanted = creation.prepare_for_state(&anonymous).await?;
        let interfaces = Wiring::of(self.op).interfaces_of(&anonymous);
        let place = self.place(&wanted.as_wanted(&anonymous, &interfaces), true).await?;
        let (folder, key) = place.map_err(|reason| WarmError::NotPossible { name: of(spec), reason })?;
        let pool = wanted.as_wanted(&anonymous, &[]).pool;
        let (available, needed) = (Storage::of(self.op).room_in(pool), spec.memory.mib() << 20);
        if available < needed {
            let (place, size) = (Place::Pool(pool.name.clone()), DiskSize::from_bytes);
            let (available, needed) = (size(available), size(needed));
            return Err(StorageError::NoSpace { place, available, needed }.into());
        }
        drop(wanted);
        // Two at once make one; the other waits for it.
        let _claim = self.op.claim_exclusive_waiting(Subject::Warm(key.as_str()), &key.name()).await?;
        match folder.load(&key) {
            Ok(Some(state)) if !self.has_maker(&state).await? => {
                self.op.report(Event::AlreadySo { name: &key.name(), what: Already::UpToDate });
                return self.status(&folder, &key).await;
            }
            Ok(None) => {}
            _ => self.remove_claimed(&folder, &key).await?,
        }
        let mut undo = UndoStack::new(self.op);
        let spec = maker(spec, &key, interfaces)?;
        match self.make_steps(&spec, &folder, &key, &mut undo).await {
            Ok(()) => self.status(&folder, &key).await,
            Err(error) => Err(undo.unwind(error).await),
        }
    }

    async fn make_steps(
        &self,
        spec: &VmSpec,
        folder: &WarmFolder,
        key: &WarmKey,
        undo: &mut UndoStack<'_>,
    ) -> Result<(), Error> {
        let vm = spec.name.as_str();
        let Built { uuid, disk, others } = Creation::of(self.op).build(spec, undo).await?;
        self.step(vm, Step::Start)?;
        undo.will_start(uuid);
        Power::of(self.op).power_on(uuid).await?;
        let domain = self.op.client().definitions().current(uuid).await?;
        let timeout = spec.wait.as_ref().map_or(BOOT, |wait| wait.timeout.max(BOOT));
        let wait = WaitFor { conditions: Vec::new(), timeout };
        GuestAccess::of(self.op).wait_for(&domain, &wait).await?;
        self.step(vm, Step::PrepareGuest)?;
        self.op.race(self.prepare_guest(&domain)).await?;
        if !self.unplug(&domain).await? {
            return Err(WarmError::InterfaceStays.into());
        }
        self.shrink(&domain).await?;
        self.step(vm, Step::SaveState)?;
        let file = folder.state_file(key);
        let path = file.to_string_lossy().into_owned();
        undo.will(vec![Left::File { path: path.clone() }], async move {
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    Err(StorageError::NotRemoved { name: file.display().to_string() }.into())
                }
                _ => Ok(()),
            }
        });
        self.op.client().domains().save(uuid, &path).await?;
        if let Err(reason) = folder.load(key) {
            return Err(WarmError::Unusable { reason }.into());
        }
        // Nobody is to write to it any more, not even QEMU. Where that can't be had, a later time of its last write tells.
        let _ = std::fs::set_permissions(&disk.path, std::fs::Permissions::from_mode(0o400));
        // The state is whole once the VM is forgotten; its disk is not the VM's any more.
        let deadline = Instant::now() + REMOVAL;
        let all = UndefineOptions::default();
        let removed = Storage::of(self.op).remove_domain(uuid, &others, false, all, deadline).await;
        host::remove_vm_sockets(uuid);
        let not_removed = || StorageError::NotRemoved { name: vm.to_owned() };
        removed.map(drop).map_err(|left| Error::LeftBehind { cause: Box::new(not_removed().into()), left })
    }

    fn step(&self, vm: &str, step: Step) -> Result<(), Error> {
        self.op.check()?;
        self.op.report(Event::Step { vm, step });
        Ok(())
    }

    /// Starts the helper in the guest. By ssh, as any cloud image lets its user in; an agent few of them have.
    async fn prepare_guest(&self, domain: &Domain) -> Result<(), Error> {
        let access = GuestAccess::of(self.op);
        let target = access.ssh_target(&domain.name, None).await?;
        let mut retry = self.op.retry(SSH_AGAIN).every(SSH_PAUSE);
        let output = loop {
            match guest::run(&target, &identity::prepare_script(), PREPARE).await {
                // With a lot to do a guest refuses a connection now and then.
                Err(guest::Error::Unreachable { .. }) if retry.again().await? => {}
                ended => break ended?,
            }
        };
        if output.status == 0 {
            return Ok(());
        }
        let said = output.stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason given");
        Err(WarmError::NotPrepared { said: said.trim().to_owned() }.into())
    }

    /// Takes the network interfaces out of the running machine: each VM gets some of its own. False when the guest does
    /// not release them.
    pub(in crate::manager) async fn unplug(&self, domain: &Domain) -> Result<bool, Error> {
        let hardware = self.op.client().hardware();
        for interface in &domain.interfaces {
            let kind: &InterfaceKind = &interface.kind;
            hardware
                .detach_interface(domain.uuid, kind, &interface.mac, crate::libvirt::Affects::Running)
                .await?;
        }
        let mut retry = self.op.retry(UNPLUG);
        while !self.op.client().definitions().current(domain.uuid).await?.interfaces.is_empty() {
            if !retry.again().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Has the guest give back the memory that it does not need, and take it again: what it does not use is no part of
    /// the state then. A guest without a balloon driver keeps it.
    async fn shrink(&self, domain: &Domain) -> Result<(), Error> {
        let full = domain.current_memory_mib;
        if full <= LEAST_MIB {
            return Ok(());
        }
        for (mib, reached) in [
            (LEAST_MIB, (|now, wanted| now <= wanted + 16) as fn(u64, u64) -> bool),
            (full, |now, wanted| now >= wanted),
        ] {
            self.op
                .client()
                .hardware()
                .set_memory(domain.uuid, mib, crate::libvirt::Affects::Running)
                .await?;
            let mut retry = self.op.retry(BALLOON);
            loop {
                let stats = self.op.client().statistics().of(domain.uuid).await?;
                if stats.memory_mib().is_some_and(|now| reached(now, mib)) || !retry.again().await? {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The VM that the state is made of.
fn maker(spec: &VmSpec, key: &WarmKey, interfaces: Vec<InterfaceSpec>) -> Result<VmSpec, Error> {
    let name: VmName = key.maker().parse()?;
    let networks =
        interfaces.into_iter().map(|interface| InterfaceSpec { mac: Some(key.mac()), ..interface }).collect();
    Ok(VmSpec {
        name,
        replace: false,
        networks,
        publish: Vec::new(),
        ssh_keys: vec![KeySource::OwnAlone],
        password: None,
        hostname: None,
        labels: Vec::new(),
        ttl: None,
        start: true,
        warm: false,
        ..spec.clone()
    })
}

/// What the user calls the VMs of that kind.
fn of(spec: &VmSpec) -> String {
    spec.template.as_deref().or(spec.image.as_deref()).unwrap_or(spec.name.as_str()).to_owned()
}
