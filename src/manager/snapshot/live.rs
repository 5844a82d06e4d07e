//! The disks of a VM that runs, kept at one moment.

use std::time::Instant;

use super::create::{Leaves, Quiesce, Unmade, milliseconds};
use super::{SnapshotError, Snapshots};
use crate::host::Creator;
use crate::libvirt::{self, Domain, LiveImage, NewSnapshot, SnapshotChange, SnapshotMade};
use crate::manager::guest::GuestAgent;
use crate::manager::vm::Vm;
use crate::manager::{Error, Event, FreezeFault, Warning};
use crate::model::{Timestamp, VmState};

impl Snapshots<'_> {
    /// Makes a snapshot of a running or paused VM's disks.
    pub(super) async fn take_disks(
        &self,
        vm: &Vm,
        mut new: NewSnapshot,
        quiesce: Quiesce,
    ) -> Result<(), Unmade> {
        let (uuid, running) = (vm.id.uuid, vm.current());
        let snapshots = self.op.client().snapshots();
        let nothing = |error| Unmade { error, leaves: Leaves::Nothing };
        let document = |error| Unmade { error, leaves: Leaves::Document };
        let images = snapshots.images(uuid).await.map_err(|error| nothing(error.into()))?;
        let nodes = nodes(running, &new, &images).map_err(nothing)?;
        // From here on a process that is killed leaves something, which the mark tells.
        new.record.maker = Creator::current().map(|creator| creator.to_string());
        snapshots.record(uuid, &new, Timestamp::now()).await.map_err(Unmade::by_libvirt)?;
        self.op.check().map_err(document)?;
        let taken = self.take_frozen(vm, quiesce, snapshots.take(uuid, &new.name, &nodes)).await;
        let made = taken.map_err(|fault| match fault {
            // All of the transaction, or nothing: a QEMU that is killed may have done it, and nobody has its answer.
            TakeFault::Libvirt(error) if error.is_connection() => Unmade::wholly(error.into()),
            TakeFault::Libvirt(error) => Unmade { error: error.into(), leaves: Leaves::DocumentAndDisks },
            TakeFault::NotFrozen(reason) => document(not_frozen(vm, reason).into()),
            TakeFault::ThawedBefore(reason) => Unmade::wholly(not_frozen(vm, reason).into()),
        })?;
        let change = SnapshotChange { made: Some(made), ..SnapshotChange::default() };
        let changed = snapshots.change(uuid, &new.name, &change).await;
        changed.map_err(|error| Unmade::wholly(error.into()))
    }

    async fn take_frozen(
        &self,
        vm: &Vm,
        quiesce: Quiesce,
        take: impl Future<Output = Result<(), libvirt::Error>>,
    ) -> Result<SnapshotMade, TakeFault> {
        let running = vm.current();
        let tries = match quiesce {
            Quiesce::No => false,
            Quiesce::Yes => true,
            // One without an agent is asked for nothing.
            Quiesce::Auto => running.agent_connected && vm.state == VmState::Running,
        };
        if !tries {
            let begun = Instant::now();
            take.await.map_err(TakeFault::Libvirt)?;
            let frozen = (vm.state == VmState::Running).then_some(false);
            return Ok(SnapshotMade { frozen, held_ms: milliseconds(begun.elapsed()) });
        }
        let is_required = quiesce == Quiesce::Yes;
        let done = GuestAgent::of(self.op).work_frozen(running, is_required, take).await;
        let done = done.map_err(TakeFault::NotFrozen)?;
        done.outcome.map_err(TakeFault::Libvirt)?;
        let frozen = Some(done.fault.is_none());
        match done.fault {
            // Whether it was taken before they were thawed nobody can tell.
            Some(reason) if is_required => return Err(TakeFault::ThawedBefore(reason)),
            Some(reason) => {
                let vm = vm.id.name.clone();
                self.op.report(Event::Warning(Warning::SnapshotNotFrozen { vm, reason }));
            }
            None => {}
        }
        Ok(SnapshotMade { frozen, held_ms: milliseconds(done.took) })
    }
}

/// Why the disks were not kept as they were to be.
enum TakeFault {
    Libvirt(libvirt::Error),
    /// Nothing was done.
    NotFrozen(FreezeFault),
    /// The disks have the snapshot.
    ThawedBefore(FreezeFault),
}

fn not_frozen(vm: &Vm, reason: FreezeFault) -> SnapshotError {
    SnapshotError::NotFrozen { vm: vm.id.name.clone(), reason }
}

/// QEMU's nodes of the disks that are kept, and of the firmware's variables, which libvirt reverts along with them.
fn nodes(running: &Domain, new: &NewSnapshot, images: &[LiveImage]) -> Result<Vec<String>, Error> {
    let unexpected = |reason: String| libvirt::Error::Unexpected { command: "query-block".into(), reason };
    let mut nodes = Vec::new();
    for (target, _) in new.disks.iter().filter(|(_, is_kept)| *is_kept) {
        let alias = running.disk(target).and_then(|disk| disk.alias.as_deref());
        let image = images.iter().find(|image| image.alias.is_some() && image.alias.as_deref() == alias);
        let image = image.ok_or_else(|| unexpected(format!("there is no node of the disk {target}")))?;
        if image.has(&new.name) {
            let (vm, name) = (running.name.clone(), new.name.clone());
            return Err(SnapshotError::ExistsInDisk { vm, target: target.clone(), name }.into());
        }
        nodes.push(image.node.clone());
    }
    let nvram = running.nvram().filter(|_| running.nvram_format() == Some("qcow2"));
    if let Some(path) = nvram {
        let image = images.iter().find(|image| image.file == path && !image.read_only);
        let image = image.ok_or_else(|| unexpected(format!("there is no node of {path}")))?;
        if image.has(&new.name) {
            let (vm, name) = (running.name.clone(), new.name.clone());
            return Err(SnapshotError::ExistsInDisk { vm, target: path, name }.into());
        }
        nodes.push(image.node.clone());
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libvirt::SnapshotRecord;

    fn image(alias: Option<&str>, node: &str, file: &str, snapshots: &[&str]) -> LiveImage {
        LiveImage {
            alias: alias.map(str::to_owned),
            node: node.into(),
            driver: "qcow2".into(),
            file: file.into(),
            read_only: false,
            snapshots: snapshots.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn running(os: &str) -> Domain {
        let disk = |target: &str, number: u32| {
            format!(
                "<disk type='file'><driver type='qcow2'/><source file='/p/{target}'/><target dev='{target}'/>\
                 <alias name='virtio-disk{number}'/></disk>"
            )
        };
        let devices = disk("vda", 0) + &disk("vdb", 1) + "<disk><target dev='vdc'/></disk>";
        let document = format!("<domain><name>web</name>{os}<devices>{devices}</devices></domain>");
        Domain::parse(&document).expect("parses")
    }

    fn new() -> NewSnapshot {
        let disks = [("vda", true), ("vdb", true), ("vdc", false)];
        NewSnapshot {
            name: "s1".into(),
            description: None,
            record: SnapshotRecord::default(),
            disks: disks.map(|(target, is_kept)| (target.to_owned(), is_kept)).to_vec(),
        }
    }

    #[test]
    fn every_disk_that_is_kept_has_its_node() {
        let images = [
            image(Some("virtio-disk1"), "n1", "/p/vdb", &["other"]),
            image(Some("virtio-disk0"), "n0", "/p/vda", &[]),
            image(None, "flash", "/p/VARS", &[]),
        ];
        assert_eq!(nodes(&running(""), &new(), &images).expect("has them"), ["n0", "n1"]);
        let firmware = "<os><nvram format='qcow2'>/p/VARS</nvram></os>";
        assert_eq!(nodes(&running(firmware), &new(), &images).expect("has them"), ["n0", "n1", "flash"]);
        assert!(nodes(&running(firmware), &new(), &images[..2]).is_err());
        assert!(nodes(&running(""), &new(), &images[1..]).is_err());
    }

    #[test]
    fn a_name_that_a_disk_has_already_is_refused() {
        let images =
            [image(Some("virtio-disk0"), "n0", "", &[]), image(Some("virtio-disk1"), "n1", "", &["s1"])];
        let error = nodes(&running(""), &new(), &images).expect_err("it is there");
        assert!(
            matches!(error, Error::Snapshot(SnapshotError::ExistsInDisk { target, .. }) if target == "vdb")
        );
    }
}
