//! What a revert would do, and what keeps it from being done.

use serde::Serialize;

use super::{PowerAfter, RevertError, Reverts};
use crate::libvirt::{Disk, Domain, Snapshot, SnapshotDiskKind, SnapshotState};
use crate::manager::gc::Maker;
use crate::manager::inventory::Inventory;
use crate::manager::snapshot::{SnapshotError, Snapshots, maker_of, not_found};
use crate::manager::storage::Storage;
use crate::manager::vm::Vm;
use crate::manager::{Error, VmError};
use crate::model::{SnapshotName, Timestamp, VmState};

/// A VM to be brought back to a snapshot.
#[derive(Debug, Clone)]
pub struct RevertRequest {
    /// The VM.
    pub vm: String,
    /// The snapshot.
    pub snapshot: String,
    /// What the VM does then.
    pub power: PowerAfter,
    /// Whether its next start has the configuration that it has now, not the one of then.
    pub keeps_config: bool,
    /// Whether memory that libvirt saved of it may be lost.
    pub discards_saved: bool,
    /// Whether what is there now becomes a snapshot first, and its name; `None` for one by the time.
    pub save_first: Option<Option<SnapshotName>>,
}

/// What a revert would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RevertPlan {
    /// The VM.
    pub vm: String,
    /// The snapshot.
    pub snapshot: String,
    /// When it was made: what was written since is lost.
    pub created: Option<Timestamp>,
    /// What the VM does now.
    pub state: VmState,
    /// What it does then.
    pub state_after: VmState,
    /// `then` or `now`: which configuration it has then.
    pub config: &'static str,
    /// What of its configuration changes with it.
    pub changes: Vec<ConfigChange>,
    /// The disks that it has now and not then. Their files stay its own.
    pub detached: Vec<DetachedDisk>,
    /// The checkpoints of backups that are deleted, as QEMU demands: the next backup is a full one.
    pub checkpoints: Vec<String>,
    /// Whether memory that libvirt saved of it is lost.
    pub discards_saved: bool,
    /// Whether what is there now is kept as a snapshot.
    pub saves_first: bool,
}

/// A setting that is another one after a revert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigChange {
    /// Such as `memory_mib`.
    pub setting: &'static str,
    /// What it is now.
    pub now: String,
    /// What it will be.
    pub then: String,
}

/// A disk that a VM has now, and not after a revert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DetachedDisk {
    /// Its device.
    pub target: String,
    /// Its file, which stays.
    pub path: String,
}

/// A VM that was reverted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reverted {
    /// What was planned.
    pub plan: RevertPlan,
    /// What the VM does now.
    pub state: VmState,
    /// The snapshot of what was there before, if one was to be made.
    pub saved_as: Option<String>,
    /// Whether the guest's clock was set; `None` for one that booted, or is shut off.
    pub clock_set: Option<bool>,
}

impl Reverts<'_> {
    /// What [`Reverts::revert`] would do.
    ///
    /// # Errors
    /// As there.
    pub async fn plan(&self, request: &RevertRequest) -> Result<RevertPlan, Error> {
        let vm = self.op.load_vm(&request.vm).await?;
        Ok(self.check(&vm, request).await?.1)
    }

    /// The snapshot, and what a revert to it would do.
    ///
    /// # Errors
    /// As [`Reverts::revert`].
    pub(super) async fn check(
        &self,
        vm: &Vm,
        request: &RevertRequest,
    ) -> Result<(Snapshot, RevertPlan), Error> {
        let name = || vm.id.name.clone();
        let all = self.op.client().snapshots().list(vm.id.uuid).await?;
        let external: Vec<String> =
            all.iter().filter(|one| one.is_external()).map(|one| one.name.clone()).collect();
        let known: Vec<String> = all.iter().map(|snapshot| snapshot.name.clone()).collect();
        let snapshot = all.into_iter().find(|snapshot| snapshot.name == request.snapshot);
        let known = known.iter().map(String::as_str);
        let snapshot = snapshot.ok_or_else(|| not_found(&vm.id.name, &request.snapshot, known))?;
        if !external.is_empty() {
            return Err(SnapshotError::External { vm: name(), snapshots: external }.into());
        }
        match maker_of(&snapshot) {
            Maker::None => {}
            Maker::AtWork => {
                return Err(SnapshotError::BeingMade { vm: name(), name: snapshot.name }.into());
            }
            Maker::Gone => return Err(RevertError::Incomplete { vm: name(), name: snapshot.name }.into()),
        }
        let saved = vm.refuse_saved().is_err();
        if saved && !request.discards_saved {
            return Err(RevertError::Saved { vm: name() }.into());
        }
        Snapshots::of(self.op).refuse_busy(&vm.id, vm.state.is_active()).await?;
        let children = Inventory::of_disks(self.op).await?.children_of_any_kind(vm.id.uuid);
        if !children.is_empty() {
            return Err(VmError::HasChildren { name: name(), children }.into());
        }
        self.check_disks(vm, &snapshot, request.keeps_config).await?;
        let checkpoints = self.op.client().snapshots().checkpoints(vm.id.uuid).await?;
        let plan = plan(vm, &snapshot, request, saved, checkpoints);
        Ok((snapshot, plan))
    }

    /// Every disk that the VM will write to is a part of the snapshot, and has it.
    async fn check_disks(&self, vm: &Vm, snapshot: &Snapshot, keeps_config: bool) -> Result<(), Error> {
        let of = || (vm.id.name.clone(), snapshot.name.clone());
        let mut then = snapshot.domain();
        then.name.clone_from(&vm.id.name);
        let is_kept = |disk: &Disk| {
            let kept = snapshot.disks.iter().find(|kept| kept.target == disk.target);
            kept.is_some_and(|kept| kept.kind == SnapshotDiskKind::Internal)
        };
        let left_out = then.disks.iter().find(|disk| disk.is_own() && !is_kept(disk));
        let new = vm.stored.disks.iter().find(|disk| {
            let was = then.disk(&disk.target);
            disk.is_own() && was.is_none_or(|was| was.source != disk.source || !is_kept(was))
        });
        let refused =
            left_out.map(|disk| (disk, false)).or(new.filter(|_| keeps_config).map(|disk| (disk, true)));
        if let Some((disk, is_new)) = refused {
            let ((vm, name), target) = (of(), disk.target.clone());
            return Err(RevertError::DiskLeftOut { vm, name, target, is_new }.into());
        }
        for disk in then.disks.iter().filter(|disk| is_kept(disk)) {
            Storage::of(self.op).disk_file(&then, disk)?;
        }
        let snapshots = Snapshots::of(self.op);
        let tables = match vm.state.is_active() {
            true => snapshots.tables(&then).await?,
            false => snapshots.tables_by_any_means(&then).await?,
        };
        let kept = tables.iter().filter(|table| then.disk(&table.target).is_some_and(is_kept));
        let mut lacking = kept.filter(|table| table.has(&snapshot.name) == Some(false));
        match lacking.next() {
            Some(table) => {
                let ((vm, name), target) = (of(), table.target.clone());
                Err(RevertError::NotInDisk { vm, name, target }.into())
            }
            None => Ok(()),
        }
    }
}

fn plan(
    vm: &Vm,
    snapshot: &Snapshot,
    request: &RevertRequest,
    saved: bool,
    checkpoints: Vec<String>,
) -> RevertPlan {
    let then = match &snapshot.stored_domain {
        Some(stored) => Snapshot { domain: stored.clone(), ..snapshot.clone() }.domain(),
        None => snapshot.domain(),
    };
    let (changes, detached) = match request.keeps_config {
        true => (Vec::new(), Vec::new()),
        false => (changes(&vm.stored, &then), detached(&vm.stored, &then)),
    };
    RevertPlan {
        vm: vm.id.name.clone(),
        snapshot: snapshot.name.clone(),
        created: snapshot.created,
        state: vm.state,
        state_after: state_after(vm.state, snapshot, request.power),
        config: if request.keeps_config { "now" } else { "then" },
        changes,
        detached,
        checkpoints,
        discards_saved: saved,
        saves_first: request.save_first.is_some(),
    }
}

fn state_after(now: VmState, snapshot: &Snapshot, power: PowerAfter) -> VmState {
    match power {
        PowerAfter::Start => VmState::Running,
        PowerAfter::Off => VmState::Shutoff,
        PowerAfter::Auto if snapshot.has_memory => match snapshot.state {
            SnapshotState::Paused => VmState::Paused,
            _ => VmState::Running,
        },
        PowerAfter::Auto if now.is_active() => VmState::Running,
        PowerAfter::Auto => VmState::Shutoff,
    }
}

/// What two definitions differ in, as far as people look for it.
fn changes(now: &Domain, then: &Domain) -> Vec<ConfigChange> {
    type Setting = (&'static str, fn(&Domain) -> String);
    let settings: [Setting; 7] = [
        ("memory_mib", |domain| domain.current_memory_mib.to_string()),
        ("max_memory_mib", |domain| domain.memory_mib.to_string()),
        ("cpus", |domain| domain.cpus.to_string()),
        ("max_cpus", |domain| domain.max_cpus.to_string()),
        ("interfaces", |domain| {
            let each = domain.interfaces.iter().map(|interface| interface.mac.clone());
            each.collect::<Vec<_>>().join(", ")
        }),
        ("disks", |domain| {
            let own = domain.disks.iter().filter(|disk| disk.is_own());
            own.map(|disk| disk.target.clone()).collect::<Vec<_>>().join(", ")
        }),
        ("firmware", |domain| format!("{:?}", domain.firmware).to_lowercase()),
    ];
    let change = |(setting, value): Setting| {
        let (now, then) = (value(now), value(then));
        (now != then).then_some(ConfigChange { setting, now, then })
    };
    settings.into_iter().filter_map(change).collect()
}

fn detached(now: &Domain, then: &Domain) -> Vec<DetachedDisk> {
    let stays = |path: &str| then.disks.iter().any(|disk| disk.path.as_deref() == Some(path));
    let own = now.disks.iter().filter(|disk| disk.is_own());
    let with_path = own.filter_map(|disk| Some((disk.target.clone(), disk.path.clone()?)));
    let gone = with_path.filter(|(_, path)| !stays(path));
    gone.map(|(target, path)| DetachedDisk { target, path }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(memory: u32, devices: &str) -> Domain {
        let document = format!(
            "<domain><name>web</name><memory unit='MiB'>{memory}</memory><vcpu>1</vcpu><devices>{devices}</devices></domain>"
        );
        Domain::parse(&document).expect("parses")
    }

    fn disk(target: &str) -> String {
        format!(
            "<disk type='file'><driver type='qcow2'/><source file='/p/{target}'/><target dev='{target}'/></disk>"
        )
    }

    #[test]
    fn only_what_differs_is_told() {
        let then = domain(256, &disk("vda"));
        assert!(changes(&then, &then).is_empty() && detached(&then, &then).is_empty());
        let now = domain(300, &[disk("vda"), disk("vdb")].concat());
        let found = changes(&now, &then);
        let found: Vec<_> =
            found.iter().map(|change| (change.setting, &*change.now, &*change.then)).collect();
        assert_eq!(
            found,
            [("memory_mib", "300", "256"), ("max_memory_mib", "300", "256"), ("disks", "vda, vdb", "vda")]
        );
        let gone = DetachedDisk { target: "vdb".into(), path: "/p/vdb".into() };
        assert_eq!(detached(&now, &then), [gone]);
        assert!(detached(&then, &now).is_empty());
    }

    #[test]
    fn what_a_vm_does_afterwards_is_what_was_asked_for_or_what_fits() {
        use PowerAfter::{Auto, Off, Start};
        use VmState::{Paused, Running, Shutoff};
        let snapshot = |state: &str, memory: &str| {
            let document = format!(
                "<domainsnapshot><name>s</name><state>{state}</state><memory snapshot='{memory}'/></domainsnapshot>"
            );
            Snapshot::parse(&document).expect("parses")
        };
        for (now, state, memory, power, expected) in [
            (Shutoff, "running", "internal", Auto, Running),
            (Running, "paused", "internal", Auto, Paused),
            (Running, "paused", "internal", Start, Running),
            (Running, "running", "internal", Off, Shutoff),
            (Running, "shutoff", "no", Auto, Running),
            (Paused, "shutoff", "no", Auto, Running),
            (Shutoff, "shutoff", "no", Auto, Shutoff),
            (Shutoff, "shutoff", "no", Start, Running),
            (Running, "shutoff", "no", Off, Shutoff),
        ] {
            assert_eq!(
                state_after(now, &snapshot(state, memory), power),
                expected,
                "{now:?} {state} {power:?}"
            );
        }
    }
}
