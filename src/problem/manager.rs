//! The manager's own errors.

use std::io::ErrorKind as Io;

use super::{Advice, ErrorKind as K, config, disk, image, libvirt, network, seed, ssh};
use crate::manager::Error;

pub(super) fn advice(error: &Error) -> Advice {
    use Error as E;
    let hint = |text: &str| Some(text.to_owned());
    match error {
        E::Libvirt(error) => libvirt::advice(error),
        E::Config(error) => config::advice(error),
        E::Image(error) => image::advice(error),
        E::Seed(error) => (seed::kind(error), None),
        E::Host(_) => (K::Failed, hint("vmtools doctor")),
        E::Guest(error) => ssh::advice(error),
        E::Network(error) => network::advice(error),
        E::Disk(error) => disk::advice(error),
        E::Invalid(_) => (K::Usage, None),
        E::Exists { name } => (
            K::Exists,
            Some(format!(
                "take another name, see it with `vmtools status {name}`, or add --if-not-exists or --replace"
            )),
        ),
        E::NameTaken { name } => {
            (K::Exists, Some(format!("take another name, or see it with `vmtools status {name}`")))
        }
        E::NothingToBoot { .. } => {
            (K::Usage, hint("name a template (--template ubuntu), an --image or an --iso"))
        }
        E::FolderMissing { .. } => (K::NotFound, None),
        E::NotHere { .. } => (K::Usage, None),
        E::TooMuchMemory { .. } => (K::Incapable, hint("ask for less with --memory")),
        E::DiskTooSmall { needed, .. } => {
            (K::Usage, Some(format!("--disk-size {} or more", to_flag(*needed))))
        }
        E::NoRoom { .. } => (K::Failed, hint("make room, or see what can go with `vmtools gc --dry-run`")),
        E::NoKvm { .. } => {
            (K::Incapable, hint("--accel tcg emulates; `vmtools doctor` says how KVM is mended"))
        }
        E::PathBlocked { blocker, .. } => (K::Denied, Some(blocker.fix.clone())),
        E::CannotPublish { .. } => (
            K::Incapable,
            hint(
                "this host reaches the VM at its own address, `vmtools ip NAME`, without any forward. Others do by \
                 `ssh -L 8080:ADDRESS:80 THIS-HOST`, or on a network of --mode routed or bridge; ports of 127.0.0.1 \
                 are forwarded by user-mode networking: --network user, or a session's VM (--connect qemu:///session)",
            ),
        ),
        E::PublishedTwice { .. } => (K::Usage, None),
        E::PortTaken { .. } => (K::Exists, hint("publish another port of the host")),
        E::Paused { name } => (
            K::WrongState,
            Some(format!("`vmtools resume {name}`, or pull the plug: `vmtools stop {name} --force`")),
        ),
        E::TooManyCpus { .. } => (K::Incapable, hint("ask for fewer with --cpus")),
        E::NotRunning { name } => (K::WrongState, Some(format!("vmtools start {name} --wait"))),
        E::NoNetwork { .. } => (K::WrongState, None),
        E::NoAddress { name } => (K::Timeout, Some(format!("vmtools wait {name} --for ip"))),
        E::TimedOut { vm, condition, .. } => {
            (K::Timeout, Some(format!("wait on with `vmtools wait {vm} --for {condition} --timeout 10m`")))
        }
        E::WentOff { vm, .. } => (
            K::WrongState,
            Some(format!(
                "`vmtools start {vm} --wait`; QEMU's own log is {vm}.log in /var/log/libvirt/qemu, of a session's VM in ~/.cache/libvirt/qemu/log"
            )),
        ),
        E::CloudInit { vm, .. } => {
            (K::Failed, Some(format!("vmtools ssh {vm} -- sudo cat /var/log/cloud-init-output.log")))
        }
        E::NoCloudInit { .. } => (K::Incapable, hint("wait for ssh instead: --for ssh")),
        E::StillRunning { name, .. } => {
            (K::Timeout, Some(format!("`vmtools stop {name} --force` pulls the plug")))
        }
        E::NotRestarted { name, .. } => {
            (K::Timeout, Some(format!("`vmtools restart {name} --force` pulls the plug")))
        }
        E::Transient { name } => (K::WrongState, Some(format!("virsh reboot {name}"))),
        E::OtherState { name, .. } => (
            K::Timeout,
            Some(format!(
                "QEMU stops a VM by itself when its disk fails or is full: `virsh domstate {name} --reason`"
            )),
        ),
        E::BeingMade { .. } => (
            K::WrongState,
            hint("wait until that is done; if it was killed, `vmtools gc` removes what it left"),
        ),
        E::NoPool { .. } => (
            K::NotFound,
            hint(
                "`vmtools config --unset storage.pool` goes back to the usual one; with storage.path set vmtools makes a pool of that directory",
            ),
        ),
        E::BaseBroken { .. } => (K::Failed, hint("try again, or `vmtools gc`")),
        E::Claimed { .. } => (K::WrongState, hint("wait until it is done, then try again")),
        E::Unfinished { name } => (
            K::WrongState,
            Some(format!("`vmtools gc` removes what is there; `vmtools create {name} ..` begins anew")),
        ),
        E::NoImage { nearest, .. } => (
            K::NotFound,
            Some(nearest.as_ref().map_or_else(
                || "`vmtools image list` shows what there is".to_owned(),
                |nearest| format!("did you mean {nearest}?"),
            )),
        ),
        E::ImageAmbiguous { digests, .. } => {
            (K::Usage, Some(format!("name one by its digest: {}", digests.join(", "))))
        }
        // As with a VM's disk that another needs: to remove it would lose data.
        E::ImageInUse { .. } => (K::Integrity, hint("delete what needs it first")),
        E::Taken { name } => {
            (K::Exists, Some(format!("take another name, or see it with `vmtools status {name}`")))
        }
        E::SourceRuns { name } => {
            (K::WrongState, Some(format!("`vmtools stop {name}` first, or copy it as it runs: --live")))
        }
        E::SourceChanged { .. } => (K::WrongState, hint("nothing was kept; try again")),
        E::CopyFailed { name, .. } => {
            (K::Failed, Some(format!("try again, or `vmtools stop {name}` and copy it when it is off")))
        }
        E::NotClonable { cause, .. } if cause.would_lose_data() => (K::Integrity, None),
        E::NotClonable { .. } => (K::Incapable, None),
        E::NotCopyable { .. } | E::DiskElsewhere { .. } => (K::Incapable, None),
        E::DiskFileMissing { .. } => (K::NotFound, None),
        E::CpuTopology { name, .. } => {
            (K::Incapable, Some(format!("change its <topology>: virsh edit {name}")))
        }
        E::Forged { name, .. } => (
            K::Integrity,
            Some(format!(
                "its guest may have written that to get at other files; if it is yours, name its format: virsh edit {name}"
            )),
        ),
        E::HasChildren { name, children } => (
            K::WrongState,
            Some(format!(
                "what it writes would damage them: delete them first (vmtools delete {}), or start a copy of it: \
                 `vmtools clone {name} COPY --start`",
                children.join(" ")
            )),
        ),
        E::Hangs { name } => (K::Timeout, Some(format!("end it first: vmtools stop {name} --force"))),
        E::Running { name } => (
            K::WrongState,
            Some(format!("`vmtools stop {name}` first, or delete it with --force, which pulls the plug")),
        ),
        E::NotOff { name } => (K::WrongState, Some(format!("vmtools stop {name}"))),
        E::WouldShrink { has, .. } => {
            (K::Integrity, Some(format!("disks only grow: ask for {} or more", to_flag(*has))))
        }
        E::Saved { name } => (
            K::WrongState,
            Some(format!(
                "`vmtools start {name}` first; `virsh managedsave-remove {name}` gives up what was saved"
            )),
        ),
        E::SizeUnknown { .. } => (K::Failed, hint("is the file there, and does libvirt reach it?")),
        E::NotManaged { .. } => (K::WrongState, None),
        E::Protected { name } => (K::WrongState, Some(format!("vmtools unprotect {name}"))),
        E::NoDisk { .. } => (K::Incapable, None),
        E::NotInPool { path, .. } => (
            K::Incapable,
            Some(format!(
                "make a pool of its folder: virsh pool-create-as NAME dir --target {}",
                std::path::Path::new(path).parent().unwrap_or(std::path::Path::new("/")).display()
            )),
        ),
        E::NoRoomHere { .. } => {
            (K::Failed, hint("make room, or see what can go with `vmtools image prune --dry-run`"))
        }
        E::InUse { .. } => (K::Integrity, hint("delete what needs it first")),
        E::NotRemoved { .. } => (K::Failed, hint("try again, or `vmtools gc`")),
        E::ExecNotStarted { missing, .. } => {
            (if *missing { K::NotFound } else { K::Denied }, hint("a shell's words need one: sh -c '..'"))
        }
        E::ExecOutputLost { vm } => (
            K::Failed,
            Some(format!(
                "write it to a file there, and fetch that: vmtools cp {vm}:FILE .; or vmtools ssh {vm}"
            )),
        ),
        E::ExecInputTooLong { .. } => {
            (K::Usage, hint("copy it into the guest first: vmtools cp FILE NAME:FILE"))
        }
        E::CopySides => (K::Usage, None),
        E::CopyNotFound { .. } => (K::NotFound, None),
        E::CopyIsFolder { .. } => (K::Usage, hint("-r copies it with all that is in it")),
        E::CopyWrongKind { .. } => (K::Exists, hint("name another place")),
        E::CopyRefused { message, .. } if message.contains("Permission denied") => {
            (K::Denied, hint("--by agent copies as root, where the guest has an agent"))
        }
        E::CopyRefused { message, .. } if message.contains("not found") => {
            (K::Incapable, hint("the guest needs sh, tar, base64 and stat"))
        }
        E::CopyRefused { .. } | E::CopyCutOff | E::CopyStream(_) => (K::Failed, None),
        E::CopyHost { source, .. } => (source.kind().into(), None),
        E::ConsoleTaken { .. } => {
            (K::WrongState, hint("--force ends the other one; `vmtools logs -f` only looks on"))
        }
        E::ConsoleRefused { name, .. } => (
            K::Failed,
            Some(format!("has it a serial console? `virsh ttyconsole {name}`; else `vmtools ssh {name}`")),
        ),
        E::NoSerialLog { name } => (
            K::Incapable,
            Some(format!(
                "`virsh edit {name}`: put <log file='/var/log/libvirt/qemu/{name}-serial.log'/> into <serial>, then start it anew"
            )),
        ),
        E::LogUnreadable { source, .. } if source.kind() == Io::PermissionDenied => (
            K::Denied,
            hint(
                "read it as root; where a storage pool of libvirt holds it, members of the group libvirt may",
            ),
        ),
        E::LogUnreadable { .. } => (K::Failed, None),
        E::NoQmpFolder { .. } => (
            K::Incapable,
            hint("`vmtools doctor` says what is missing; by libvirt it is monitored all the same"),
        ),
        E::Unkept { name } => {
            (K::WrongState, Some(format!("virsh dumpxml {name} >{name}.xml; virsh define {name}.xml")))
        }
        E::Interrupted => (K::Interrupted, None),
        E::LeftBehind { cause, left } if left.iter().any(|what| what.starts_with(".vmtools-")) => {
            (advice(cause).0, hint("remove it in the guest"))
        }
        E::LeftBehind { cause, .. } => {
            (advice(cause).0, hint("`vmtools gc` removes it, once libvirt answers"))
        }
    }
}

fn to_flag(size: crate::model::DiskSize) -> String {
    format!("{}G", size.bytes().div_ceil(1 << 30))
}
