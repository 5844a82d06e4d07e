use std::path::PathBuf;
use std::time::Duration;

use super::{DiskError, KvmFault, Needer, NetworkError, Seen};
use crate::model::{Condition, DiskSize, Invalid, MemorySize, VmState};
use crate::{config, guest, host, image, libvirt, seed};

/// Why something that was to be done to a VM was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// libvirt, or virsh on the way to it.
    #[error(transparent)]
    Libvirt(#[from] libvirt::Error),
    /// The configuration or a template.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// An image.
    #[error(transparent)]
    Image(#[from] image::Error),
    /// What a guest was to be told.
    #[error(transparent)]
    Seed(#[from] seed::Error),
    /// The host's own facts.
    #[error(transparent)]
    Host(#[from] host::Error),
    /// ssh and its keys.
    #[error(transparent)]
    Guest(#[from] guest::Error),
    /// A network, or a VM's card on it.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A disk or CD-ROM drive of a VM.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A value that can't be taken.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The name is taken.
    #[error("the VM {name} exists already")]
    Exists {
        /// The name.
        name: String,
    },
    /// The name that a VM was to get is another one's.
    #[error("the VM {name} exists already")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Neither an image nor an ISO to install from was named.
    #[error("there is nothing to boot {name} from")]
    NothingToBoot {
        /// The VM.
        name: String,
    },
    /// A folder that isn't there.
    #[error("{} is not there, or is no folder", .path.display())]
    FolderMissing {
        /// The folder.
        path: PathBuf,
    },
    /// The VM would need more memory than the host has.
    #[error("{wanted} of memory are more than the {total} that this host has")]
    TooMuchMemory {
        /// What was asked for.
        wanted: MemorySize,
        /// What the host has.
        total: MemorySize,
    },
    /// The disk would be smaller than its image.
    #[error("a disk of {wanted} is too small for the image {image}, which has {needed}")]
    DiskTooSmall {
        /// What was asked for.
        wanted: DiskSize,
        /// The image's size.
        needed: DiskSize,
        /// The image.
        image: String,
    },
    /// There is no room for the VM's files.
    #[error("the storage pool {pool} has room for {available}, and {needed} are needed")]
    NoRoom {
        /// The pool.
        pool: String,
        /// The room that it has.
        available: DiskSize,
        /// The room that is needed at least.
        needed: DiskSize,
    },
    /// KVM was asked for and can't be used.
    #[error("KVM cannot be used")]
    NoKvm {
        /// Why.
        #[source]
        reason: KvmFault,
    },
    /// QEMU's user can't get at a file.
    #[error("QEMU cannot use {}: {} is closed to it", .path.display(), .blocker.path.display())]
    PathBlocked {
        /// The file that it needs.
        path: PathBuf,
        /// What stands in the way.
        blocker: host::Blocker,
    },
    /// Ports can be published only by user-mode networking.
    #[error("ports cannot be published on {network}")]
    CannotPublish {
        /// What the VM is plugged into.
        network: String,
    },
    /// One port of the host would lead to two places.
    #[error("port {port} of 127.0.0.1 is to be published twice")]
    PublishedTwice {
        /// The port.
        port: u16,
    },
    /// A port of the host is taken.
    #[error("port {port} of 127.0.0.1 is taken")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// It is paused, and stays so.
    #[error("the VM {name} is paused")]
    Paused {
        /// The VM.
        name: String,
    },
    /// The VM would need more processors than make sense.
    #[error("{wanted} virtual processors are more than this host, which has {host}, could run")]
    TooManyCpus {
        /// What was asked for.
        wanted: u32,
        /// The processors of the host.
        host: u32,
    },
    /// The VM has to run for it.
    #[error("the VM {name} is not running")]
    NotRunning {
        /// The VM.
        name: String,
    },
    /// The VM has no network card that could be reached.
    #[error("the VM {name} has no network that can be reached from here")]
    NoNetwork {
        /// The VM.
        name: String,
    },
    /// No source knows an address of the VM.
    #[error("no address of the VM {name} is known yet")]
    NoAddress {
        /// The VM.
        name: String,
    },
    /// It didn't come about in time.
    #[error("timed out after {} waiting for {}", humantime::format_duration(*.timeout), condition_of(.vm, .condition))]
    TimedOut {
        /// The VM.
        vm: String,
        /// What was waited for.
        condition: Condition,
        /// How long.
        timeout: Duration,
        /// What was seen last.
        seen: Seen,
        /// The end of the serial log.
        serial_log: Option<String>,
    },
    /// The VM went off during the wait.
    #[error("the VM {vm} went off while {condition} was waited for: {reason}")]
    WentOff {
        /// The VM.
        vm: String,
        /// What was waited for.
        condition: Condition,
        /// Why, as libvirt knows it, or the state it is in.
        reason: &'static str,
        /// The end of the serial log.
        serial_log: Option<String>,
    },
    /// cloud-init reports errors.
    #[error("cloud-init failed in {vm}: {}", .errors.join("; "))]
    CloudInit {
        /// The VM.
        vm: String,
        /// Its error lines.
        errors: Vec<String>,
    },
    /// The guest has no cloud-init to wait for.
    #[error("{vm} has no cloud-init, or it is switched off")]
    NoCloudInit {
        /// The VM.
        vm: String,
    },
    /// The guest did not go off in time.
    #[error("the VM {name} did not go off within {}", humantime::format_duration(*.timeout))]
    StillRunning {
        /// The VM.
        name: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// As [`Error::StillRunning`], when it was to be started anew.
    #[error("the VM {name} did not go off within {}, so it was not restarted", humantime::format_duration(*.timeout))]
    NotRestarted {
        /// The VM.
        name: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// It has no definition that it could be started from again.
    #[error("the VM {name} is transient: once off it is gone, with its definition")]
    Transient {
        /// The VM.
        name: String,
    },
    /// It did not come to the state that it was asked for.
    #[error("the VM {name} is {state}, though libvirt was told to have it {wanted}")]
    OtherState {
        /// The VM.
        name: String,
        /// What it was to be.
        wanted: VmState,
        /// What it is.
        state: VmState,
    },
    /// A disk is not made smaller.
    #[error("{path} has {has}, and would lose data with {wanted}")]
    WouldShrink {
        /// The disk.
        path: String,
        /// Its size.
        has: DiskSize,
        /// What was asked for.
        wanted: DiskSize,
    },
    /// Its next start goes on with the machine that it was.
    #[error("the VM {name} was saved as it ran, and goes on so")]
    Saved {
        /// The VM.
        name: String,
    },
    /// libvirt doesn't tell how large a disk is.
    #[error("how large {path} is cannot be told")]
    SizeUnknown {
        /// The disk.
        path: String,
    },
    /// vmtools has no record of the VM that could be changed.
    #[error("the VM {name} was not made by vmtools, so it has no labels and no time to live")]
    NotManaged {
        /// The VM.
        name: String,
    },
    /// The VM is protected against being deleted.
    #[error("the VM {name} is protected")]
    Protected {
        /// The VM.
        name: String,
    },
    /// There is no such image on this machine.
    #[error("there is no image {name:?} on this machine")]
    NoImage {
        /// The name or digest that was asked for.
        name: String,
        /// The name that looks most alike.
        nearest: Option<String>,
    },
    /// Several images have the name.
    #[error("{} images are called {name:?}", .digests.len())]
    ImageAmbiguous {
        /// The name or digest that was asked for.
        name: String,
        /// Their digests.
        digests: Vec<String>,
    },
    /// Disks stand on the image.
    #[error("the image {image} is needed by {}", list(.needed_by))]
    ImageInUse {
        /// The image.
        image: String,
        /// The VMs, and files that belong to none.
        needed_by: Vec<Needer>,
    },
    /// The name for a clone is taken.
    #[error("the VM {name} exists already")]
    Taken {
        /// The name.
        name: String,
    },
    /// The VM to be cloned runs.
    #[error("the VM {name} is running")]
    SourceRuns {
        /// The VM.
        name: String,
    },
    /// The VM was started, or its disks were written to, while they were copied.
    #[error("the VM {name} was started or changed while it was copied")]
    SourceChanged {
        /// The VM.
        name: String,
    },
    /// The disks of a running VM could not be copied.
    #[error("the disks of the running VM {name} could not be copied: {reason}")]
    CopyFailed {
        /// The VM.
        name: String,
        /// Why, in libvirt's words.
        reason: String,
    },
    /// Its clone would share what only one VM can have.
    #[error("the VM {name} cannot be cloned")]
    NotClonable {
        /// The VM.
        name: String,
        /// What they would share.
        #[source]
        cause: libvirt::NotCopyable,
    },
    /// A disk's data is in no file or block device of the host.
    #[error("the disk {disk} of the VM {name} is no file of the host: it is {source_name}")]
    DiskElsewhere {
        /// The VM.
        name: String,
        /// The disk's device.
        disk: String,
        /// What it is.
        source_name: String,
    },
    /// A file of a disk is missing.
    #[error("the disk {disk} of the VM {name} needs {path}, which does not exist")]
    DiskFileMissing {
        /// The VM.
        name: String,
        /// The disk's device.
        disk: String,
        /// The disk's own file, or one below it.
        path: PathBuf,
    },
    /// Its CPUs are arranged so that it can't have that number.
    #[error("the VM {name} cannot have that number of CPUs by its topology")]
    CpuTopology {
        /// The VM.
        name: String,
        /// Why.
        #[source]
        cause: libvirt::TopologyMismatch,
    },
    /// A disk is of a kind that can't be copied.
    #[error("the disk {disk} of the VM {name} cannot be copied: {reason}")]
    NotCopyable {
        /// The VM.
        name: String,
        /// The disk's device.
        disk: String,
        /// Why.
        reason: &'static str,
    },
    /// A raw disk's first bytes are another format's header, which may be of the guest's making.
    #[error("the disk {disk} of the VM {name} is raw, but its content looks like another format")]
    Forged {
        /// The VM.
        name: String,
        /// The disk's device.
        disk: String,
    },
    /// Disks of other VMs stand on its own.
    #[error("the disks of {} stand on those of the VM {name}", .children.join(", "))]
    HasChildren {
        /// The VM.
        name: String,
        /// The linked clones.
        children: Vec<String>,
    },
    /// Its QEMU hangs, and libvirt can't tell what belongs to it.
    #[error("the QEMU of the VM {name} does not answer, so what belongs to it is not known")]
    Hangs {
        /// The VM.
        name: String,
    },
    /// It runs, and was not to be stopped.
    #[error("the VM {name} is running")]
    Running {
        /// The VM.
        name: String,
    },
    /// The VM has to be off for it.
    #[error("the VM {name} is not off")]
    NotOff {
        /// The VM.
        name: String,
    },
    /// A file or folder of this machine was named for a VM on another.
    #[error("{} is on this machine, and the VM is at {uri}", .path.display())]
    NotHere {
        /// The file.
        path: PathBuf,
        /// The connection.
        uri: String,
    },
    /// The VM has no disk that is a file.
    #[error("the VM {name} has no disk that is a file")]
    NoDisk {
        /// The VM.
        name: String,
    },
    /// The VM's disk lies where libvirt has no storage pool.
    #[error("the disk {path} of the VM {name} lies in no active storage pool")]
    NotInPool {
        /// The VM.
        name: String,
        /// Its disk.
        path: String,
    },
    /// There is no room for an image on this machine.
    #[error("{} has room for {available}, and {needed} are needed", .folder.display())]
    NoRoomHere {
        /// The folder.
        folder: PathBuf,
        /// The room that it has.
        available: DiskSize,
        /// The room that is needed.
        needed: DiskSize,
    },
    /// Another process is making the VM right now.
    #[error("the VM {name} is being made by another process")]
    BeingMade {
        /// The VM.
        name: String,
    },
    /// Another command has it for too long.
    #[error("another vmtools command is working on {name}")]
    Claimed {
        /// The VM, image or network.
        name: String,
    },
    /// A create that was killed has left it half-made.
    #[error("the VM {name} was never finished: the create that was at it was killed")]
    Unfinished {
        /// The VM.
        name: String,
    },
    /// The disk of another VM stands on one that was to be removed.
    #[error("{path} is needed by {}", list(.needed_by))]
    InUse {
        /// The disk.
        path: String,
        /// The VMs and files that need it.
        needed_by: Vec<Needer>,
    },
    /// The configuration names a storage pool that libvirt has not.
    #[error("there is no storage pool {name}, which storage.pool of the configuration names")]
    NoPool {
        /// The pool.
        name: String,
    },
    /// A base image stays neither whole nor gone.
    #[error(
        "the base image {volume} in the storage pool {pool} is broken, and others change it all the time"
    )]
    BaseBroken {
        /// The pool.
        pool: String,
        /// The volume.
        volume: String,
    },
    /// Not everything of it could be removed.
    #[error("{name} could not be removed")]
    NotRemoved {
        /// The VM or volume.
        name: String,
    },
    /// The program can't be started in the guest.
    #[error("{program:?} cannot be started in {vm}: {reason}")]
    ExecNotStarted {
        /// The VM.
        vm: String,
        /// The program.
        program: String,
        /// The agent's words.
        reason: String,
        /// Whether there is no such program.
        missing: bool,
    },
    /// What the command has printed is lost.
    #[error("the command in {vm} printed more than libvirt passes on; it ended, its status is lost")]
    ExecOutputLost {
        /// The VM.
        vm: String,
    },
    /// What is to be given to the command is too much for the agent.
    #[error("the command's input is longer than {} KiB", .limit >> 10)]
    ExecInputTooLong {
        /// What it may be, in bytes.
        limit: usize,
    },
    /// Not just one side of a copy is in a guest.
    #[error("one side of a copy is in a guest, and the other one is here")]
    CopySides,
    /// There is no such file, or no such folder to put it in.
    #[error("there is no such file or folder: {place}")]
    CopyNotFound {
        /// What was named.
        place: String,
    },
    /// It is a folder, and folders were not asked for.
    #[error("{place} is a folder")]
    CopyIsFolder {
        /// What was named.
        place: String,
    },
    /// A file would take the place of a folder, or the other way round; or it is neither.
    #[error("{place} is not of the kind that can be copied there")]
    CopyWrongKind {
        /// What was named.
        place: String,
    },
    /// The guest did not do it.
    #[error("{place} cannot be copied: {message}")]
    CopyRefused {
        /// What was named.
        place: String,
        /// The words of the guest's tool.
        message: String,
    },
    /// Not all of it has arrived.
    #[error("the copy broke off")]
    CopyCutOff,
    /// The stream that is copied can't be read or written.
    #[error("the copy broke off")]
    CopyStream(#[source] std::io::Error),
    /// This host's side can't be read or written.
    #[error("cannot {action} {}", .path.display())]
    CopyHost {
        /// Such as "read" or "write".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Somebody else is at the console.
    #[error("another console of the VM {name} is open")]
    ConsoleTaken {
        /// The VM.
        name: String,
    },
    /// The console can't be opened.
    #[error("the console of {name} cannot be opened: {message}")]
    ConsoleRefused {
        /// The VM.
        name: String,
        /// libvirt's words.
        message: String,
    },
    /// The VM has no VNC server.
    #[error("the VM {name} has no screen that VNC shows")]
    NoScreen {
        /// The VM.
        name: String,
    },
    /// The VM's screen can be reached on the daemon's host only.
    #[error("the screen of the VM {name} is at {endpoint} of another host, that of {uri}")]
    ScreenNotHere {
        /// The VM.
        name: String,
        /// Its socket, or its host and port.
        endpoint: String,
        /// The connection.
        uri: String,
    },
    /// The VM's VNC server can't be connected to.
    #[error("cannot connect to the screen of the VM {name} at {endpoint}")]
    ScreenUnreachable {
        /// The VM.
        name: String,
        /// Its socket, or its host and port.
        endpoint: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A port of the host can't be listened on.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    CannotListen {
        /// The port.
        port: u16,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// What the VM prints on its serial console goes to no file.
    #[error("the VM {name} has no log of its serial console")]
    NoSerialLog {
        /// The VM.
        name: String,
    },
    /// The serial log can't be read, neither as a file nor through libvirt.
    #[error("cannot read the serial log {path}")]
    LogUnreadable {
        /// The log's file.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// There is no folder where QEMU could put a QMP socket for vmtools.
    #[error("there is no place for a QMP socket of {name}")]
    NoQmpFolder {
        /// The VM.
        name: String,
    },
    /// libvirt keeps no definition of it.
    #[error("the VM {name} has no definition that outlives it")]
    Unkept {
        /// The VM.
        name: String,
    },
    /// The user asked for the end.
    #[error("interrupted")]
    Interrupted,
    /// It failed, and not everything could be taken back.
    #[error("{cause}; left behind: {}", .left.join(", "))]
    LeftBehind {
        /// Why it failed.
        #[source]
        cause: Box<Error>,
        /// What is still there.
        left: Vec<String>,
    },
}

impl Error {
    /// Whether it says that a VM, network, pool or volume isn't there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Libvirt(error) if error.is_not_found())
    }

    /// Whether libvirt can't be reached, or was lost midway.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Libvirt(error) if error.is_connection())
    }
}

fn list(needers: &[Needer]) -> String {
    needers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn condition_of(vm: &str, condition: &Condition) -> String {
    match condition {
        Condition::Ip => format!("an address of {vm}"),
        Condition::Ssh => format!("ssh on {vm}"),
        Condition::Agent => format!("the guest agent of {vm}"),
        Condition::CloudInit => format!("the end of cloud-init on {vm}"),
        Condition::Stopped => format!("the end of {vm}"),
        Condition::Port(port) => format!("port {port} of {vm}"),
    }
}
