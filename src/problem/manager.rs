//! The manager's own errors.

use std::io::ErrorKind as Io;
use std::path::Path;

use super::{
    Advice, ErrorKind as K, command, config, disk, hint, image, libvirt, network, seed, ssh, virsh, vmtools,
};
use crate::manager::Error;

pub(super) fn advice(error: &Error) -> Advice {
    use Error as E;
    match error {
        E::Libvirt(error) => libvirt::advice(error),
        E::Config(error) => config::advice(error),
        E::Image(error) => image::advice(error),
        E::Seed(error) => (seed::kind(error), None),
        E::Host(_) => (K::Failed, hint(format_args!("run {}", vmtools("doctor")))),
        E::Guest(error) => ssh::advice(error),
        E::Network(error) => network::advice(error),
        E::Disk(error) => disk::advice(error),
        E::Invalid(_) => (K::Usage, None),
        E::Exists { name } => (
            K::Exists,
            hint(format_args!(
                "choose another name, look at it with {}, or add --if-not-exists or --replace",
                vmtools("status").arg(name)
            )),
        ),
        E::NameTaken { name } | E::Taken { name } => (
            K::Exists,
            hint(format_args!("choose another name, or look at it with {}", vmtools("status").arg(name))),
        ),
        E::NothingToBoot { .. } => {
            (K::Usage, hint("give a template (--template ubuntu), an --image or an --iso"))
        }
        E::FolderMissing { .. } => (K::NotFound, None),
        E::NotHere { .. } => (K::Usage, None),
        E::TooMuchMemory { .. } => (K::Incapable, hint("give less with --memory")),
        E::DiskTooSmall { needed, .. } => {
            (K::Usage, hint(format_args!("give --disk-size {} or more", to_flag(*needed))))
        }
        E::NoRoom { .. } => (
            K::Failed,
            hint(format_args!(
                "free some space; {} shows what can be removed",
                vmtools("gc").flag("--dry-run")
            )),
        ),
        E::NoKvm { .. } => (
            K::Incapable,
            hint(format_args!(
                "--accel tcg emulates the CPU instead; {} says how to enable KVM",
                vmtools("doctor")
            )),
        ),
        E::PathBlocked { blocker, .. } => (K::Denied, hint(format_args!("open it: `{}`", blocker.fix))),
        E::CannotPublish { .. } => (
            K::Incapable,
            hint(format_args!(
                "this host reaches the VM at its own address ({}) without forwarding; others do by `ssh -L \
                 8080:ADDRESS:80 THIS-HOST`, or on a network of --mode routed or bridge. Ports of 127.0.0.1 are \
                 forwarded by user-mode networking only: --network user, or a VM of a session (--connect \
                 qemu:///session)",
                vmtools("ip").fixed("NAME")
            )),
        ),
        E::PublishedTwice { .. } => (K::Usage, None),
        E::PortTaken { .. } => (K::Exists, hint("publish another host port")),
        E::Paused { name } => (
            K::WrongState,
            hint(format_args!(
                "resume it with {}, or power it off with {}",
                vmtools("resume").arg(name),
                vmtools("stop").arg(name).flag("--force")
            )),
        ),
        E::TooManyCpus { .. } => (K::Incapable, hint("give fewer with --cpus")),
        E::NotRunning { name } => {
            (K::WrongState, hint(format_args!("start it with {}", vmtools("start").arg(name).flag("--wait"))))
        }
        E::NoNetwork { .. } => (K::WrongState, None),
        E::NoAddress { name } => (
            K::Timeout,
            hint(format_args!("wait for one with {}", vmtools("wait").arg(name).option("--for", "ip"))),
        ),
        E::TimedOut { vm, condition, .. } => (
            K::Timeout,
            hint(format_args!(
                "keep waiting with {}",
                vmtools("wait").arg(vm).option("--for", condition).option("--timeout", "10m")
            )),
        ),
        E::WentOff { vm, .. } => (
            K::WrongState,
            hint(format_args!(
                "start it again with {}; QEMU's log is {vm}.log in /var/log/libvirt/qemu, for a VM of a session in \
                 ~/.cache/libvirt/qemu/log",
                vmtools("start").arg(vm).flag("--wait")
            )),
        ),
        E::CloudInit { vm, .. } => (
            K::Failed,
            hint(format_args!(
                "see its log: {}",
                vmtools("ssh").arg(vm).then("-- sudo cat /var/log/cloud-init-output.log")
            )),
        ),
        E::NoCloudInit { .. } => (K::Incapable, hint("wait for ssh instead: --for ssh")),
        E::StillRunning { name, .. } => (
            K::Timeout,
            hint(format_args!("power it off with {}", vmtools("stop").arg(name).flag("--force"))),
        ),
        E::NotRestarted { name, .. } => (
            K::Timeout,
            hint(format_args!("power it off and on with {}", vmtools("restart").arg(name).flag("--force"))),
        ),
        E::Transient { name } => {
            (K::WrongState, hint(format_args!("restart it in place with {}", virsh("reboot").arg(name))))
        }
        E::OtherState { name, .. } => (
            K::Timeout,
            hint(format_args!(
                "QEMU pauses a VM by itself when its disk fails or is full: {}",
                virsh("domstate").arg(name).flag("--reason")
            )),
        ),
        E::BeingMade { .. } => (
            K::WrongState,
            hint(format_args!(
                "wait until it is done; if it was killed, {} removes what it left",
                vmtools("gc")
            )),
        ),
        E::NoPool { .. } => (
            K::NotFound,
            hint(format_args!(
                "{} goes back to the default pool; with storage.path set, vmtools makes a pool of that directory",
                vmtools("config").flag("--unset storage.pool")
            )),
        ),
        E::BaseBroken { .. } => (K::Failed, hint(format_args!("try again, or run {}", vmtools("gc")))),
        E::Claimed { .. } => (K::WrongState, hint("try again when it is done")),
        E::Unfinished { .. } => (
            K::WrongState,
            hint(format_args!("{} removes what is there; then create it again", vmtools("gc"))),
        ),
        E::NoImage { nearest: Some(nearest), .. } => {
            (K::NotFound, hint(format_args!("did you mean {nearest}?")))
        }
        E::NoImage { .. } => (K::NotFound, hint(format_args!("{} lists images", vmtools("image list")))),
        E::ImageAmbiguous { digests, .. } => {
            (K::Usage, hint(format_args!("name one by its digest: {}", digests.join(", "))))
        }
        // As with a VM's disk that another needs: to remove it would lose data.
        E::ImageInUse { .. } | E::InUse { .. } => (K::Integrity, hint("delete what needs it first")),
        E::SourceRuns { name } => (
            K::WrongState,
            hint(format_args!(
                "stop it with {}, or clone it while it runs: --live",
                vmtools("stop").arg(name)
            )),
        ),
        E::SourceChanged { .. } => (K::WrongState, hint("nothing was kept; try again")),
        E::CopyFailed { name, .. } => {
            (K::Failed, hint(format_args!("try again, or stop it first with {}", vmtools("stop").arg(name))))
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
            hint(format_args!(
                "the guest may have written that to get at other files; if you trust it, name the disk's format: {}",
                virsh("edit").arg(name)
            )),
        ),
        E::HasChildren { name, children } => (
            K::WrongState,
            hint(format_args!(
                "writing to its disks would damage them: delete them first with {}, or start a clone of it with {}",
                vmtools("delete").args(children),
                vmtools("clone").arg(name).fixed("COPY").flag("--start")
            )),
        ),
        E::Hangs { name } => {
            (K::Timeout, hint(format_args!("end it with {}", vmtools("stop").arg(name).flag("--force"))))
        }
        E::Running { name } => (
            K::WrongState,
            hint(format_args!(
                "stop it with {}, or delete it with --force, which powers it off",
                vmtools("stop").arg(name)
            )),
        ),
        E::NotOff { name } => {
            (K::WrongState, hint(format_args!("stop it with {}", vmtools("stop").arg(name))))
        }
        E::WouldShrink { has, .. } => {
            (K::Integrity, hint(format_args!("disks only grow: give {} or more", to_flag(*has))))
        }
        E::Saved { name } => (
            K::WrongState,
            hint(format_args!(
                "start it with {}, or discard its saved state with {}",
                vmtools("start").arg(name),
                virsh("managedsave-remove").arg(name)
            )),
        ),
        E::SizeUnknown { .. } => {
            (K::Failed, hint("check that the file is there, and that libvirt may read it"))
        }
        E::NotManaged { .. } => (K::WrongState, None),
        E::Protected { name } => (
            K::WrongState,
            hint(format_args!("remove the protection with {}", vmtools("unprotect").arg(name))),
        ),
        E::NoDisk { .. } => (K::Incapable, None),
        E::NotInPool { path, .. } => (
            K::Incapable,
            hint(format_args!(
                "make a storage pool of its directory: {}",
                virsh("pool-create-as")
                    .fixed("NAME dir")
                    .option("--target", Path::new(path).parent().unwrap_or(Path::new("/")).display())
            )),
        ),
        E::NoRoomHere { .. } => (
            K::Failed,
            hint(format_args!(
                "free some space; {} shows what can be removed",
                vmtools("image prune").flag("--dry-run")
            )),
        ),
        E::NotRemoved { .. } => (K::Failed, hint(format_args!("try again, or run {}", vmtools("gc")))),
        E::ExecNotStarted { missing, .. } => {
            (if *missing { K::NotFound } else { K::Denied }, hint("shell syntax needs a shell: `sh -c '..'`"))
        }
        E::ExecOutputLost { vm } => (
            K::Failed,
            hint(format_args!(
                "write it to a file in the guest and copy that: {}; or use {}",
                vmtools("cp").arg(format_args!("{vm}:FILE")).fixed("."),
                vmtools("ssh").arg(vm)
            )),
        ),
        E::ExecInputTooLong { .. } => (
            K::Usage,
            hint(format_args!("copy it into the guest first: {}", vmtools("cp").fixed("FILE NAME:FILE"))),
        ),
        E::CopySides => (K::Usage, None),
        E::CopyNotFound { .. } => (K::NotFound, None),
        E::CopyIsFolder { .. } => (K::Usage, hint("copy it with -r")),
        E::CopyWrongKind { .. } => (K::Exists, hint("choose another destination")),
        E::CopyRefused { message, .. } if message.contains("Permission denied") => {
            (K::Denied, hint("--by agent copies as root, if the guest runs the agent"))
        }
        E::CopyRefused { message, .. } if message.contains("not found") => {
            (K::Incapable, hint("the guest needs sh, tar, base64 and stat"))
        }
        E::CopyRefused { .. } | E::CopyCutOff | E::CopyStream(_) => (K::Failed, None),
        E::CopyHost { source, .. } => (source.kind().into(), None),
        E::ConsoleTaken { name } => (
            K::WrongState,
            hint(format_args!(
                "--force disconnects the other one; {} only watches",
                vmtools("logs").arg(name).flag("-f")
            )),
        ),
        E::ConsoleRefused { name, .. } => (
            K::Failed,
            hint(format_args!(
                "check that it has a serial console with {}, or use {}",
                virsh("ttyconsole").arg(name),
                vmtools("ssh").arg(name)
            )),
        ),
        E::NoScreen { name } => (
            K::Incapable,
            hint(format_args!(
                "put <graphics type='vnc'><listen type='socket'/></graphics> into its <devices> with {}, then restart it",
                virsh("edit").arg(name)
            )),
        ),
        E::ScreenNotHere { .. } => (K::Usage, hint("run it on that host, or forward a port by `ssh -L`")),
        E::ScreenUnreachable { name, source, .. } if source.kind() == Io::PermissionDenied => (
            K::Denied,
            hint(format_args!(
                "run it as root, or view it through libvirt: {}",
                command("virt-viewer").flag("--attach").arg(name)
            )),
        ),
        E::ScreenUnreachable { .. } => (K::Failed, None),
        E::CannotListen { source, .. } if source.kind() == Io::AddrInUse => {
            (K::Exists, hint("another program uses it; choose another port"))
        }
        E::CannotListen { source, .. } => (source.kind().into(), None),
        E::NoSerialLog { name } => (
            K::Incapable,
            hint(format_args!(
                "put <log file='/var/log/libvirt/qemu/NAME-serial.log'/> into its <serial> with {}, then restart it",
                virsh("edit").arg(name)
            )),
        ),
        E::LogUnreadable { source, .. } if source.kind() == Io::PermissionDenied => (
            K::Denied,
            hint("read it as root; if it is in a storage pool, members of the group libvirt may read it"),
        ),
        E::LogUnreadable { .. } => (K::Failed, None),
        E::NoQmpFolder { .. } => (
            K::Incapable,
            hint(format_args!(
                "{} says what is missing; the VM is monitored by libvirt all the same",
                vmtools("doctor")
            )),
        ),
        E::Unkept { name } => {
            let file = format!("{name}.xml");
            (
                K::WrongState,
                hint(format_args!(
                    "keep its definition: {}, then {}",
                    virsh("dumpxml").arg(name).into_file(&file),
                    virsh("define").path(Path::new(&file))
                )),
            )
        }
        E::Interrupted => (K::Interrupted, None),
        E::LeftBehind { cause, left } if left.iter().any(|what| what.starts_with(".vmtools-")) => {
            (advice(cause).0, hint("remove it in the guest"))
        }
        E::LeftBehind { cause, .. } => {
            (advice(cause).0, hint(format_args!("{} removes it, once libvirt answers", vmtools("gc"))))
        }
    }
}

fn to_flag(size: crate::model::DiskSize) -> String {
    format!("{}G", size.bytes().div_ceil(1 << 30))
}
