use std::collections::HashMap;
use std::net::IpAddr;

use crate::host;
use crate::libvirt::DiskSource;
use crate::libvirt::{self, Disk, Domain, DomainDetails, DomainStats, Filesystem, FirstStart, Mounted};
use crate::manager::gc::GarbageCollection;
use crate::manager::guest::endpoint::{SSH_PORT, reachable, ssh_socket};
use crate::manager::inventory::VmDefinitions;
use crate::manager::storage::Storage;
use crate::manager::vms::Vms;
use crate::manager::{
    ColdReason, DiskStatus, Error, InterfaceStatus, MountStatus, SshStatus, VmDetails, VmError, VmStatus,
};
use crate::model::Uuid;

impl Vms<'_> {
    /// All there is to know of a VM.
    ///
    /// # Errors
    /// When there is no such VM, or libvirt can't be asked.
    pub async fn status(&self, name: &str) -> Result<VmStatus, Error> {
        let id = self.op.client().domains().resolve(name).await?;
        match self.status_of(id.uuid).await {
            // A daemon that knows its name still is not what hangs.
            Err(Error::Libvirt(libvirt::Error::TimedOut { .. }))
                if self.op.client().domains().name_of(id.uuid).await.is_ok() =>
            {
                Err(VmError::Hangs { name: id.name }.into())
            }
            other => other,
        }
    }

    /// The VM's UUID if it is there.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub async fn find(&self, name: &str) -> Result<Option<Uuid>, Error> {
        match self.op.client().domains().resolve(name).await {
            Ok(id) => Ok(Some(id.uuid)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(in crate::manager) async fn status_of(&self, uuid: Uuid) -> Result<VmStatus, Error> {
        let DomainDetails { stats, domain, autostart, snapshots, current_snapshot } =
            self.op.client().definitions().page(uuid).await?;
        let state = stats.state();
        let by_interface =
            if state.is_active() { self.addresses_by_interface(&domain).await? } else { Vec::new() };
        let interfaces = interfaces(&domain, &by_interface);
        let disks = self.disk_statuses(&domain, &stats).await?;
        let details = VmDetails::of(&(&domain).into(), autostart);
        let ips = match state.is_active() {
            true => reachable(&domain, by_interface.iter().map(|(mac, ip)| (mac.as_str(), *ip))),
            false => Vec::new(),
        };
        let local = self.op.locality().is_here() && state.is_active();
        let process = local.then(|| host::qemu_process(uuid)).flatten();
        let (parent, children) = self.parent_and_children(&domain).await?;
        let first_start = domain.metadata.as_ref().map(|record| record.first_start.as_ref());
        let mut forked_from = None;
        let (start, warm_reason, warm_state) = match first_start {
            None => (None, None, None),
            Some(Some(FirstStart::Fork { of })) => {
                forked_from = Some(of.name.clone());
                (Some("fork"), None, None)
            }
            Some(Some(FirstStart::Warm { key })) => (Some("warm"), None, Some(format!("warm-{key}"))),
            Some(Some(FirstStart::Cold { reason })) => (Some("cold"), ColdReason::from_name(reason), None),
            Some(None) => (Some("cold"), None, None),
        };
        Ok(VmStatus {
            name: domain.name.clone(),
            uuid: details.uuid,
            state,
            cpus: stats.cpus().unwrap_or(domain.cpus),
            max_cpus: domain.max_cpus,
            memory_mib: stats.memory_mib().unwrap_or(domain.current_memory_mib),
            max_memory_mib: domain.memory_mib,
            ssh: ssh_status(&domain, state.is_active(), &ips),
            ips,
            image: details.image,
            template: details.template,
            labels: details.labels,
            autostart,
            created: details.created,
            managed: details.managed,
            uri: self.op.uri().to_string(),
            uptime_seconds: process.map(|process| process.started.elapsed().as_secs()),
            // Of a VM that is off libvirt tells its own.
            cpu_time_seconds: stats
                .number("cpu.time")
                .filter(|_| state.is_active())
                .map(|nanoseconds| nanoseconds as f64 / 1e9),
            memory_used_mib: stats.memory_used_mib(),
            disks,
            interfaces,
            mounts: mounts(&domain),
            firmware: domain.firmware,
            accel: if domain.kvm { "kvm" } else { "tcg" },
            qmp: domain.qmp_socket.clone(),
            ttl_expires: details.ttl_expires,
            protected: details.protected,
            snapshots,
            current_snapshot,
            serial_log: domain.serial_log.clone(),
            parent,
            children,
            interrupted: GarbageCollection::of(self.op).is_interrupted(domain.uuid, domain.creator()).await?,
            published: domain.metadata.map(|record| record.published).unwrap_or_default(),
            start,
            warm_reason,
            warm_state,
            forked_from,
        })
    }

    /// The names, as they are now, of the VM that its disks stand on and of those whose disks stand on its.
    async fn parent_and_children(&self, domain: &Domain) -> Result<(Option<String>, Vec<String>), Error> {
        let parent = match domain.metadata.as_ref().and_then(|record| record.parent.as_ref()) {
            Some(parent) => match self.op.client().domains().name_of(parent.uuid).await {
                Ok(name) => Some(name),
                Err(error) if error.is_not_found() => Some(parent.name.clone()),
                Err(error) => return Err(error.into()),
            },
            None => None,
        };
        let children = if domain.is_parent() {
            VmDefinitions::load(self.op).await?.children_of(domain.uuid)
        } else {
            Vec::new()
        };
        Ok((parent, children))
    }

    /// libvirt counts the blocks of running VMs; of others it is asked for each disk. What a file takes is
    /// `physical`: `allocation` is the highest offset that was written since the start.
    pub(in crate::manager) async fn disk_statuses(
        &self,
        domain: &Domain,
        stats: &DomainStats,
    ) -> Result<Vec<DiskStatus>, Error> {
        let counted: HashMap<&str, (Option<u64>, Option<u64>)> =
            (0..stats.number("block.count").unwrap_or(0))
                .filter_map(|n| {
                    let field = |key: &str| stats.number(&format!("block.{n}.{key}"));
                    Some((stats.text(&format!("block.{n}.name"))?, (field("capacity"), field("physical"))))
                })
                .collect();
        // Of VMs that run libvirt knows the files below by their definitions.
        let may_have_more = |disk: &&Disk| disk.backing.is_empty() && disk.format.as_deref() != Some("raw");
        let unknown = domain.disks.iter().filter(may_have_more);
        let asked: Vec<&str> = unknown.filter_map(|disk| disk.path.as_deref()).collect();
        let mut backings = self.op.client().volumes().backings(&asked).await?.into_iter();
        let mut disks = Vec::with_capacity(domain.disks.len());
        for disk in &domain.disks {
            let sizes = counted.get(disk.target.as_str()).copied().unwrap_or_default();
            let (capacity_bytes, allocation_bytes) = match (sizes, &disk.path) {
                ((None, _) | (_, None), Some(_)) => {
                    Storage::of(self.op).disk_sizes(domain.uuid, disk).await?
                }
                _ => sizes,
            };
            let backing = match (disk.backing.first(), &disk.path) {
                (Some(path), _) => Some(path.clone()),
                (None, Some(_)) if may_have_more(&disk) => backings.next().flatten(),
                (None, _) => None,
            };
            disks.push(DiskStatus {
                target: disk.target.clone(),
                path: disk.path.clone(),
                source: source_of(disk),
                format: disk.format.clone(),
                capacity_bytes,
                allocation_bytes,
                backing,
                owned: disk.path.as_ref().is_some_and(|path| domain.owns(path)),
            });
        }
        Ok(disks)
    }
}

/// Where the disk's data is, for people.
pub(in crate::manager) fn source_of(disk: &Disk) -> Option<String> {
    (disk.source != DiskSource::Empty).then(|| disk.source.to_string())
}

fn interfaces(domain: &Domain, by_interface: &[(String, IpAddr)]) -> Vec<InterfaceStatus> {
    let of = |mac: &str| {
        let mut ips: Vec<IpAddr> =
            by_interface.iter().filter(|(interface, _)| interface == mac).map(|(_, ip)| *ip).collect();
        ips.sort_by_key(|ip| ip.is_ipv6());
        ips
    };
    domain
        .interfaces
        .iter()
        .map(|interface| InterfaceStatus {
            mac: interface.mac.clone(),
            kind: interface.kind.to_string(),
            source: interface.source.clone(),
            portgroup: interface.portgroup.clone(),
            model: interface.model.clone(),
            ips: of(&interface.mac),
        })
        .collect()
}

fn mounts(domain: &Domain) -> Vec<MountStatus> {
    let mounts: &[Mounted] = domain.metadata.as_ref().map_or(&[], |record| &record.mounts);
    let guest = |tag: &str| mounts.iter().find(|mount| mount.tag == tag).map(|mount| mount.guest.clone());
    let folders = domain.folders.iter().cloned();
    folders
        .map(|Filesystem { host, tag, read_only, driver }| MountStatus {
            guest: guest(&tag),
            host,
            tag,
            read_only,
            driver,
        })
        .collect()
}

fn ssh_status(domain: &Domain, active: bool, ips: &[IpAddr]) -> Option<SshStatus> {
    let access = domain.metadata.as_ref()?.ssh.as_ref()?;
    let socket = ssh_socket(domain, ips);
    Some(SshStatus {
        user: access.user.clone(),
        host: socket.filter(|_| active).map(|socket| socket.ip()),
        port: socket.map_or(SSH_PORT, |socket| socket.port()),
    })
}
