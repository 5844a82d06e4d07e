//! Host checks: facts about the local machine, read without libvirt.
//!
//! Each file answers one question: [`kvm()`], [`tool`], [`memory()`], [`disk_free`], whether QEMU's user
//! reaches a file ([`blocker`]), whether this user reaches a daemon ([`probe_system`]), who runs a VM
//! ([`qemu_processes`]), which port is free. This module only reports facts; the manager decides what they mean.
//!
//! Every reader of a file in /proc or /etc has a pure `parse_x` beside it, tested on real content. A fact
//! that this user may not see is an absence (`None`), not an error, unless the doc says otherwise.

mod access;
mod account;
mod acl;
mod apparmor;
mod background;
mod bridge;
mod creator;
mod daemon;
mod error;
mod group;
mod installer;
mod kvm;
mod lock_folder;
mod machine;
mod open_files;
mod port;
mod proc_stat;
mod qemu_process;
mod qmp_folder;
mod resource;
mod route;
mod shell;
mod socket;
mod subid;
mod subnet;
mod tcp_user;
mod tool;
mod usage;
mod viewer;
mod virtiofsd;

pub use access::{Blocker, Permission, blocker};
pub use account::{Account, qemu_account};
pub use apparmor::{AppArmor, apparmor};
pub use background::run_again_in_background;
pub use bridge::{Device, network_device};
pub use creator::Creator;
pub use daemon::daemon_start;
pub use error::Error;
pub use group::{Membership, membership};
pub use installer::installer;
pub use kvm::{Kvm, KvmFault, kvm};
pub use lock_folder::{LockGuard, LockMode, sweep_held, system_lock_folder, try_hold};
pub use machine::machine_identity;
pub use open_files::{Program, programs_with_open};
pub use port::{free_port, is_free};
pub use qemu_process::{QemuProcess, qemu_names_file, qemu_process, qemu_processes};
pub use qmp_folder::{
    QmpFolder, is_stale_socket, qmp_socket, ready_session_qmp_folder, remove_socket, remove_vm_sockets,
    session_qmp_folder, system_qmp_folder, vm_sockets, vnc_socket,
};
pub use resource::{Memory, cpus, disk_free, is_of_this_host, memory};
pub use route::has_default_route;
pub use shell::ShellCommand;
pub use socket::{Socket, probe_session, probe_system, session_socket_folder};
pub use subid::has_subordinate_ids;
pub use subnet::used_subnets;
pub use tcp_user::tcp_user;
pub use tool::{Tool, tool};
pub use usage::{DeviceTraffic, ProcessUsage, device_traffic, process_usage, thread_cpu};
pub use viewer::{Viewer, ViewerProcess, has_display};
pub use virtiofsd::{Virtiofsd, virtiofsd};

/// Whether this process is root's.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The id of the user whose this process is.
pub fn user_id() -> u32 {
    rustix::process::geteuid().as_raw()
}
