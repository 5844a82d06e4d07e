//! What a clone is made of, settled before anything is done.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use super::copying::Folders;
use super::{CloneMode, CloneRequest};
use crate::host;
use crate::libvirt::{
    self, CopiedFile, Disk, DiskSource, Domain, DomainCopy, Element, Metadata, OwnedVolume, Parent, Pool,
    SshAccess,
};
use crate::manager::clone::Cloning;
use crate::manager::host_checks::HostChecks;
use crate::manager::storage::base;
use crate::manager::storage::{Storage, file_mark};
use crate::manager::{CloneError, CopyObstacle, DiskError, Error, Event, Place, StorageError, Warning};
use crate::model::{DiskSize, MacAddress, PortPublish, Protocol, Timestamp, Uuid};

/// What a clone takes beside its disks: tables of overlays, a seed, a log.
const FIRST_FILES: u64 = 4 << 20;

/// All that is settled before the first act.
pub(super) struct Settled {
    pub(super) copy: DomainCopy,
    pub(super) pieces: Vec<Piece>,
    /// The serial logs, which QEMU makes.
    pub(super) logs: Vec<OwnedVolume>,
    /// Whether the pool is a folder, and of this host, so that files can be made in it without libvirt.
    pub(super) is_folder_here: bool,
}

/// A file that the clone gets.
pub(super) struct Piece {
    /// The file of the source's that it stands for.
    pub(super) from: String,
    pub(super) to: OwnedVolume,
    pub(super) format: String,
    pub(super) kind: Kind,
}

/// How a file comes about.
pub(super) enum Kind {
    /// As an empty overlay on the source's, with its capacity.
    Overlay { capacity_bytes: u64, below: String },
    /// As a copy of a disk.
    Copy { volume: OwnedVolume, capacity_bytes: u64, flatten: bool },
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
        parent: (mode == CloneMode::Linked).then(|| Parent { uuid: source.uuid, name: source.name.clone() }),
        creator: host::Creator::current().map(|creator| creator.to_string()),
        ..record
    }
}

impl Cloning<'_> {
    pub(super) async fn settle_clone(
        &self,
        request: &CloneRequest,
        source: &Domain,
        folders: &mut Folders,
    ) -> Result<Settled, Error> {
        let pool = Storage::of(self.op).storage_pool(true).await?;
        let uuid = Uuid::new_v4();
        let names = Names { pool: &pool, stem: format!("{}-{}", request.name, file_mark(uuid)) };
        let needs = DomainCopy::needs(source);
        if !needs.refused.is_empty() {
            let cause = libvirt::NotCopyable { obstacles: needs.refused };
            return Err(CloneError::NotClonable { name: source.name.clone(), cause }.into());
        }
        let (mut pieces, needed) = self.disk_pieces(request, source, &names, folders).await?;
        self.check_clone_room(&pool, needed + FIRST_FILES)?;
        let macs: Vec<String> = match request.keep_identity {
            true => source.interfaces.iter().map(|card| card.mac.clone()).collect(),
            false => source.interfaces.iter().map(|_| MacAddress::random().to_string()).collect(),
        };
        let record = source.metadata.as_ref();
        let published = record.map(|record| record.published.as_slice()).unwrap_or_default();
        let ports = self.new_ports(&needs.ports, published)?;
        let mut ssh = record.and_then(|record| record.ssh.clone());
        self.identity_piece(request, source, &names, uuid, &macs, &mut ssh, &mut pieces)?;
        let nvram = self.nvram_piece(source, &names, &mut pieces).await?;
        let logs: Vec<(String, OwnedVolume)> = log_files(&source.tree)
            .into_iter()
            .enumerate()
            .map(|(number, file)| (file, names.log(number)))
            .collect();
        let taken = |from: &String, to: &OwnedVolume, format: &str| {
            (from.clone(), CopiedFile { path: to.path.clone(), format: format.to_owned() })
        };
        // A disk that is a volume has no path in the definition.
        let volumes = source.disks.iter().filter(|disk| matches!(disk.source, DiskSource::Volume { .. }));
        let piece_of = |disk: &Disk| pieces.iter().find(|piece| Some(&piece.from) == disk.path.as_ref());
        let disks = volumes
            .filter_map(|disk| {
                let piece = piece_of(disk)?;
                Some((disk.target.clone(), taken(&piece.from, &piece.to, &piece.format).1))
            })
            .collect();
        let of_pieces = pieces.iter().map(|piece| taken(&piece.from, &piece.to, &piece.format));
        let files = of_pieces.chain(logs.iter().map(|(from, to)| taken(from, to, "raw"))).collect();
        let logs: Vec<OwnedVolume> = logs.into_iter().map(|(_, to)| to).collect();
        let owned = pieces.iter().map(|piece| &piece.to).chain(&logs).cloned().collect();
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
        Ok(Settled { copy, pieces, logs, is_folder_here })
    }

    /// A piece for each disk that holds data of the source's alone, and the room that they need.
    async fn disk_pieces(
        &self,
        request: &CloneRequest,
        source: &Domain,
        names: &Names<'_>,
        folders: &mut Folders,
    ) -> Result<(Vec<Piece>, u64), Error> {
        let mut pieces = Vec::new();
        let mut needed = 0;
        for disk in source.disks.iter().filter(|disk| disk.is_own()) {
            let path = &Storage::of(self.op).disk_file(source, disk)?;
            if is_encrypted(source, disk) {
                let (name, disk) = (source.name.clone(), disk.target.clone());
                return Err(DiskError::NotCopyable { name, disk, reason: CopyObstacle::Encrypted }.into());
            }
            let format = disk.format.clone().unwrap_or_else(|| "raw".to_owned());
            let (kind, format) = match request.mode {
                CloneMode::Linked => {
                    let (capacity_bytes, _) = self.sizes(source, disk).await?;
                    (Kind::Overlay { capacity_bytes, below: format }, "qcow2".to_owned())
                }
                CloneMode::Live => {
                    let (capacity_bytes, allocation_bytes) = self.sizes(source, disk).await?;
                    // What is below is copied with it.
                    needed += self.chain_bytes(path).await?.max(allocation_bytes).min(capacity_bytes);
                    (Kind::Backup { target: disk.target.clone(), capacity_bytes }, "qcow2".to_owned())
                }
                CloneMode::Full => {
                    let (volume, _) = self.source_volume(&source.name, path, folders).await?;
                    let file = Storage::of(self.op).volume_to_copy(source, disk, &volume).await?;
                    let below = file.backing.as_deref();
                    let has_data_file = Storage::of(self.op).has_data_file(disk);
                    let stands_on_others = below.is_some_and(|below| !is_base(below));
                    let flatten = stands_on_others || has_data_file || !is_plain(&format);
                    needed += match flatten {
                        true => self.chain_bytes(&file.path).await?.min(file.capacity_bytes),
                        false => file.allocation_bytes,
                    };
                    let format = if is_plain(&format) { format } else { "qcow2".to_owned() };
                    (Kind::Copy { volume, capacity_bytes: file.capacity_bytes, flatten }, format)
                }
            };
            let to = names.disk(pieces.len(), &format);
            pieces.push(Piece { from: path.clone(), to, format, kind });
        }
        Ok((pieces, needed))
    }

    async fn sizes(&self, source: &Domain, disk: &Disk) -> Result<(u64, u64), Error> {
        let (capacity, allocation) = Storage::of(self.op).disk_sizes(source.uuid, disk).await?;
        let refuse = || DiskError::NotCopyable {
            name: source.name.clone(),
            disk: disk.target.clone(),
            reason: CopyObstacle::SizeUnknown,
        };
        Ok((capacity.ok_or_else(refuse)?, allocation.unwrap_or(0)))
    }

    /// What a file and those below it take on the disk.
    async fn chain_bytes(&self, path: &str) -> Result<u64, Error> {
        let (mut sum, mut at, mut seen) = (0, path.to_owned(), HashSet::new());
        while seen.insert(at.clone())
            && let Some((_, file)) = self.op.client().volumes().at_path(&at).await?
        {
            sum += file.allocation_bytes;
            match file.backing {
                Some(below) => at = below,
                None => break,
            }
        }
        Ok(sum)
    }

    fn check_clone_room(&self, pool: &Pool, needed: u64) -> Result<(), Error> {
        let available = Storage::of(self.op).room_in(pool);
        if available >= needed {
            return Ok(());
        }
        let size = DiskSize::from_bytes;
        Err(StorageError::NoSpace {
            place: Place::Pool(pool.name.clone()),
            available: size(available),
            needed: size(needed),
        }
        .into())
    }

    /// A free port of the host for each that leads to the source.
    fn new_ports(
        &self,
        needed: &[libvirt::HostPort],
        published: &[PortPublish],
    ) -> Result<HashMap<u16, u16>, Error> {
        let by_definition = needed.iter().map(|needed| needed.port);
        let mut ports: HashMap<u16, u16> = HashMap::new();
        for old in published.iter().map(|port| port.host).chain(by_definition) {
            if ports.contains_key(&old) {
                continue;
            }
            let is_fit = |port: &u16| {
                !ports.values().any(|other| other == port) && host::is_free(*port, Protocol::Udp)
            };
            let port = loop {
                let port = host::free_port()?;
                if is_fit(&port) {
                    break port;
                }
            };
            ports.insert(old, port);
        }
        Ok(ports)
    }

    /// What tells the guest who it is: made anew, or the source's own.
    #[expect(clippy::too_many_arguments, reason = "each is another's result")]
    fn identity_piece(
        &self,
        request: &CloneRequest,
        source: &Domain,
        names: &Names<'_>,
        uuid: Uuid,
        macs: &[String],
        ssh: &mut Option<SshAccess>,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), Error> {
        let ignition = source.has_ignition();
        // Ignition reads its configuration at the first boot only, and then the guest has it.
        for file in firmware_files(&source.tree).into_iter().filter(|file| source.owns(file)) {
            let to = names.volume(".ign");
            pieces.push(Piece { from: file, to, format: "raw".into(), kind: Kind::Small });
        }
        let seed = source.disks.iter().find(|disk| {
            disk.read_only
                && disk.device == "disk"
                && disk.path.as_ref().is_some_and(|path| source.owns(path))
        });
        match seed.and_then(|seed| seed.path.clone()) {
            Some(from) => {
                let kind = match (request.keep_identity, ssh) {
                    (false, Some(ssh)) => {
                        let (seed, host_key) = self.new_identity(request, uuid, ssh, macs)?;
                        ssh.host_key = Some(host_key);
                        Kind::Bytes(seed)
                    }
                    _ => Kind::Small,
                };
                let to = names.volume("-seed.img");
                pieces.push(Piece { from, to, format: "raw".into(), kind });
            }
            None if !request.keep_identity => {
                let vm = request.name.to_string();
                self.op.report(Event::Warning(Warning::IdentityKept { vm, ignition }));
            }
            None => {}
        }
        Ok(())
    }

    async fn nvram_piece(
        &self,
        source: &Domain,
        names: &Names<'_>,
        pieces: &mut Vec<Piece>,
    ) -> Result<Option<String>, Error> {
        let Some(from) = source.nvram() else { return Ok(None) };
        let format = source.tree.find_attribute("os/nvram", "format").unwrap_or("raw").to_owned();
        let to = names.volume(if format == "qcow2" { "_VARS.qcow2" } else { "_VARS.fd" });
        let path = to.path.clone();
        pieces.push(Piece { from, to, format, kind: Kind::Small });
        Ok(Some(path))
    }

    /// When the disks that are copied were last written to.
    pub(super) async fn traces(&self, settled: &Settled) -> Result<Vec<Option<SystemTime>>, Error> {
        let mut traces = Vec::new();
        for piece in &settled.pieces {
            if let Kind::Copy { volume, .. } = &piece.kind {
                traces.push(Storage::of(self.op).volume_now(volume).await?.modified);
            }
        }
        Ok(traces)
    }
}

/// Whether a file of the format can be copied as it is.
fn is_plain(format: &str) -> bool {
    matches!(format, "raw" | "qcow2")
}

fn is_base(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with(base::PREFIX))
}

pub(in crate::manager) fn is_encrypted(source: &Domain, disk: &Disk) -> bool {
    let disks = source.tree.find("devices").into_iter().flat_map(|devices| devices.all("disk"));
    let mut of_it = disks.filter(|element| element.find_attribute("target", "dev") == Some(&disk.target));
    of_it.any(|element| element.find("encryption").is_some() || element.find("source/encryption").is_some())
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

/// The files that the firmware hands to the guest, each once.
fn firmware_files(tree: &Element) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    let entries = tree.all("sysinfo").flat_map(|info| info.all("entry"));
    for file in entries.filter_map(|entry| entry.attribute("file")) {
        if !files.iter().any(|known| known == file) {
            files.push(file.to_owned());
        }
    }
    files
}
