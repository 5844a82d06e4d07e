//! What a clone is made of, settled before anything is done.

mod disks;
mod identity;
mod ports;

use std::collections::HashMap;
use std::time::SystemTime;

pub(in crate::manager) use disks::is_encrypted;

use super::copying::Folders;
use super::{CloneMode, CloneRequest};
use crate::host;
use crate::libvirt::{
    self, CopiedFile, Disk, DiskSource, Domain, DomainCopy, Element, FirstStart, Metadata, OwnedVolume,
    Parent, Pool, SshAccess,
};
use crate::manager::clone::Cloning;
use crate::manager::host_checks::HostChecks;
use crate::manager::storage::{Storage, file_mark};
use crate::manager::{CloneError, Error, Event, Warning};
use crate::model::{MacAddress, PortPublish, Timestamp, Uuid};
use crate::seed::CloudInit;

/// What a clone takes beside its disks: tables of overlays, a seed, a log.
const FIRST_FILES: u64 = 4 << 20;

/// All that is settled before the first act.
pub(super) struct ClonePlan {
    pub(super) copy: DomainCopy,
    pub(super) new_files: Vec<NewFile>,
    /// The serial logs, which QEMU makes.
    pub(super) logs: Vec<OwnedVolume>,
    /// Whether the pool is a directory, and of this host, so that files can be made in it without libvirt.
    pub(super) is_folder_here: bool,
    /// Where the files are.
    pub(super) pool: Pool,
    /// Who the guest is, where vmtools decides that.
    pub(super) identity: Option<CloudInit>,
}

/// A file that the clone gets.
pub(super) struct NewFile {
    /// The file of the source's that it stands for.
    pub(super) from: String,
    pub(super) to: OwnedVolume,
    pub(super) format: String,
    pub(super) kind: Kind,
}

impl NewFile {
    fn copied(&self) -> CopiedFile {
        CopiedFile { path: self.to.path.clone(), format: self.format.clone() }
    }
}

/// How a file comes about.
pub(super) enum Kind {
    /// As an empty overlay on the source's, with its capacity.
    Overlay { capacity_bytes: u64, below: String },
    /// As a copy of a disk, which stands on the same file as that if it is not flattened.
    Copy { volume: OwnedVolume, capacity_bytes: u64, flatten: bool, below: Option<(String, String)> },
    /// Empty, to be filled by the running source's QEMU.
    Backup { target: String, capacity_bytes: u64 },
    /// As a copy of a small file.
    Small,
    /// Of these bytes.
    Bytes(Vec<u8>),
}

/// Names for the clone's volumes: its own name is in them for people, a part of its UUID so that they never meet
/// another VM's.
struct Names<'a> {
    pool: &'a Pool,
    stem: String,
}

impl Names<'_> {
    fn volume(&self, suffix: &str) -> OwnedVolume {
        let volume = format!("{}{suffix}", self.stem);
        OwnedVolume { pool: self.pool.name.clone(), path: format!("{}/{volume}", self.pool.path), volume }
    }

    fn disk(&self, number: usize, format: &str) -> OwnedVolume {
        let end = if format == "raw" { "img" } else { "qcow2" };
        match number {
            0 => self.volume(&format!(".{end}")),
            _ => self.volume(&format!("-disk{}.{end}", number + 1)),
        }
    }

    fn log(&self, number: usize) -> OwnedVolume {
        match number {
            0 => self.volume(".log"),
            _ => self.volume(&format!("-{}.log", number + 1)),
        }
    }
}

/// The clone's record, but for its files.
fn record_of(
    source: &Domain,
    mode: CloneMode,
    ssh: Option<SshAccess>,
    ports: &HashMap<u16, u16>,
) -> Metadata {
    let record = source.metadata.clone().unwrap_or_default();
    let parent = || Parent { uuid: source.uuid, name: source.name.clone() };
    let new_port = |port: u16| ports.get(&port).copied().unwrap_or(port);
    Metadata {
        created: Some(Timestamp::now()),
        expires: None,
        ssh: ssh.map(|ssh| SshAccess { forwarded_port: ssh.forwarded_port.map(new_port), ..ssh }),
        published: record
            .published
            .iter()
            .map(|port| PortPublish { host: new_port(port.host), ..*port })
            .collect(),
        parent: (mode == CloneMode::Linked).then(parent),
        first_start: (mode == CloneMode::Fork).then(|| FirstStart::Fork { of: parent() }),
        creator: host::Creator::current().map(|creator| creator.to_string()),
        ..record
    }
}

impl Cloning<'_> {
    pub(super) async fn plan_clone(
        &self,
        request: &CloneRequest,
        source: &Domain,
        folders: &mut Folders,
    ) -> Result<ClonePlan, Error> {
        let pool = Storage::of(self.op).storage_pool(true).await?;
        let uuid = Uuid::new_v4();
        let names = Names { pool: &pool, stem: format!("{}-{}", request.name, file_mark(uuid)) };
        let needs = DomainCopy::needs(source);
        if !needs.refused.is_empty() {
            let cause = libvirt::NotCopyable { obstacles: needs.refused };
            return Err(CloneError::NotClonable { name: source.name.clone(), cause }.into());
        }
        let (mut new_files, needed) = self.disk_files(request, source, &names, folders).await?;
        let memory = if request.mode == CloneMode::Fork { source.memory_mib << 20 } else { 0 };
        self.check_clone_room(&pool, needed + memory + FIRST_FILES)?;
        let macs = macs(request, source);
        let record = source.metadata.as_ref();
        let published = record.map(|record| record.published.as_slice()).unwrap_or_default();
        let ports = self.new_ports(&needs.ports, published)?;
        let mut ssh = record.and_then(|record| record.ssh.clone());
        let identity = self.identity_file(request, source, &names, uuid, &macs, &mut ssh, &mut new_files)?;
        let nvram = self.nvram_file(source, &names, &mut new_files).await?;
        let logs: Vec<(String, OwnedVolume)> = log_files(&source.tree)
            .into_iter()
            .enumerate()
            .map(|(number, file)| (file, names.log(number)))
            .collect();
        let (disks, files) = (copied_volumes(source, &new_files), copied_files(&new_files, &logs));
        let logs: Vec<OwnedVolume> = logs.into_iter().map(|(_, to)| to).collect();
        let owned = new_files.iter().map(|new_file| &new_file.to).chain(&logs).cloned().collect();
        let metadata = Metadata { owned, ..record_of(source, request.mode, ssh, &ports) };
        if source.hardware().tpm {
            self.op.report(Event::Warning(Warning::TpmLeftOut { vm: request.name.to_string() }));
        }
        let checks = HostChecks::of(self.op);
        let qmp_socket = source.qmp_socket.as_ref().and_then(|_| checks.qmp_socket(uuid));
        let copy = DomainCopy {
            name: request.name.clone(),
            uuid,
            metadata,
            files,
            disks,
            nvram,
            macs,
            ports,
            qmp_socket,
            vnc_socket: checks.vnc_socket(uuid),
        };
        let is_folder_here = self.op.locality().is_here() && pool.kind.has_files();
        Ok(ClonePlan { copy, new_files, logs, is_folder_here, pool, identity })
    }

    /// When the disks that are copied were last written to.
    pub(super) async fn traces(&self, plan: &ClonePlan) -> Result<Vec<Option<SystemTime>>, Error> {
        let mut traces = Vec::new();
        for new_file in &plan.new_files {
            if let Kind::Copy { volume, .. } = &new_file.kind {
                traces.push(Storage::of(self.op).volume_now(volume).await?.modified);
            }
        }
        Ok(traces)
    }
}

/// The hardware addresses of its interfaces: the source's own where it takes that one's place.
fn macs(request: &CloneRequest, source: &Domain) -> Vec<String> {
    let interfaces = source.interfaces.iter();
    match request.keep_identity {
        true => interfaces.map(|interface| interface.mac.clone()).collect(),
        false => interfaces.map(|_| MacAddress::random().to_string()).collect(),
    }
}

/// The disks that are volumes, by device: they have no path in the definition.
fn copied_volumes(source: &Domain, new_files: &[NewFile]) -> HashMap<String, CopiedFile> {
    let volumes = source.disks.iter().filter(|disk| matches!(disk.source, DiskSource::Volume { .. }));
    let new_file_of =
        |disk: &Disk| new_files.iter().find(|new_file| Some(&new_file.from) == disk.path.as_ref());
    volumes.filter_map(|disk| Some((disk.target.clone(), new_file_of(disk)?.copied()))).collect()
}

/// What stands in the clone for each file of the source's.
fn copied_files(new_files: &[NewFile], logs: &[(String, OwnedVolume)]) -> HashMap<String, CopiedFile> {
    let of_new_files = new_files.iter().map(|new_file| (new_file.from.clone(), new_file.copied()));
    let of_log = |to: &OwnedVolume| CopiedFile { path: to.path.clone(), format: "raw".into() };
    of_new_files.chain(logs.iter().map(|(from, to)| (from.clone(), of_log(to)))).collect()
}

/// The files that character devices write their logs to, each once.
fn log_files(tree: &Element) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    let devices = tree.find("devices").into_iter().flat_map(Element::elements);
    for file in devices.filter_map(|device| device.find_attribute("log", "file")) {
        if !files.iter().any(|known| known == file) {
            files.push(file.to_owned());
        }
    }
    files
}
