//! The errors of what is asked for of a VM: by a create, and of the host's resources.

use super::{Advice, ErrorKind as K, command, hint, seed, to_flag, vmtools};
use crate::manager::{CreateError, KvmFault, ResourceError};

pub(super) fn advice(error: &CreateError) -> Advice {
    use CreateError as E;
    match error {
        E::NothingToBoot { name } => (
            K::Usage,
            hint(format_args!(
                "name a template, such as {}; {} lists them. Or give --image or --iso",
                vmtools("create").arg(name).flag("--template ubuntu"),
                vmtools("template list")
            )),
        ),
        E::Document { cause, .. } => (seed::kind(cause), None),
        E::DiskTooSmall { needed, .. } => {
            (K::Usage, hint(format_args!("use --disk-size {} or more", to_flag(*needed))))
        }
        E::NotCloudInit { .. } => (K::Usage, hint("give an Ignition configuration with --ignition")),
        E::CannotPublish { .. } => (
            K::Incapable,
            hint(format_args!(
                "this host reaches the VM at its own address ({}) without forwarding; from elsewhere use `ssh -L \
                 8080:ADDRESS:80 THIS-HOST`, or a network of --mode routed or bridge. Ports of 127.0.0.1 are \
                 forwarded only by user-mode networking: --network user, or a VM of a session (--connect \
                 qemu:///session)",
                vmtools("ip").fixed("NAME")
            )),
        ),
        E::PublishedTwice { .. } => (K::Usage, None),
        E::PortTaken { .. } => (K::Exists, hint("publish another host port")),
    }
}

pub(super) fn resource_advice(error: &ResourceError) -> Advice {
    use ResourceError as E;
    match error {
        E::TooMuchMemory { .. } => (K::Incapable, hint("decrease --memory")),
        E::TooManyCpus { .. } => (K::Incapable, hint("decrease --cpus")),
        E::NoKvm { reason: KvmFault::NotADevice } => (
            K::Incapable,
            hint(format_args!("something replaced the device with a file: {}", command("sudo rm /dev/kvm"))),
        ),
        E::NoKvm { .. } => (
            K::Incapable,
            hint(format_args!(
                "--accel tcg emulates the CPU instead; {} shows how to enable KVM",
                vmtools("doctor")
            )),
        ),
        E::FolderMissing { path } => {
            (K::NotFound, hint(format_args!("create it with {}", command("mkdir -p").path(path))))
        }
        E::NotUtf8 { .. } => (K::Usage, hint("rename it")),
        E::NotHere { .. } => (K::Usage, None),
        E::PathBlocked { blocker, .. } => {
            (K::Denied, hint(format_args!("grant access with `{}`", blocker.fix)))
        }
    }
}
