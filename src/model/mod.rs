//! The vocabulary that every room speaks: names, states, sizes, addresses.
//!
//! Values are checked where they are made (`FromStr`), so a value that exists is valid. Nothing here
//! does I/O or knows of libvirt.

mod condition;
mod connection_uri;
mod counted;
mod digest;
mod duid;
mod duration;
mod escape_key;
mod firmware;
mod guest_setup;
mod guest_user;
mod hardware;
mod invalid;
mod ip_subnet;
mod label;
mod mac_address;
mod mirror;
mod mount;
mod nearest;
mod network_mode;
mod network_name;
mod network_spec;
mod os_variant;
mod port;
mod shutoff_reason;
mod size;
mod snapshot_name;
mod subnet;
mod subnet6;
mod time_to_live;
mod timestamp;
mod vm_name;
mod vm_state;

/// What libvirt knows a domain or a network by for as long as it exists, whatever its name. libvirt takes several
/// spellings and prints one, in lower case with hyphens, which is this type's too.
pub use uuid::Uuid;

pub use condition::Condition;
pub use connection_uri::{ConnectionUri, SshDestination, UriChoice};
pub use counted::counted;
pub use digest::{Algorithm, Digest};
pub use duid::Duid;
pub use duration::parse_duration;
pub use escape_key::EscapeKey;
pub use firmware::{Acceleration, Firmware};
pub use guest_setup::{GuestFile, GuestSetup};
pub use guest_user::check_guest_user;
pub use hardware::{ClockOffset, CpuModel, DiskBus, Hardware, MachineType, NicModel, VideoModel};
pub use invalid::Invalid;
pub use ip_subnet::{IpRange, IpSubnet};
pub use label::Label;
pub use mac_address::MacAddress;
pub use mirror::Mirror;
pub use mount::{MountDriver, MountSpec, SharedFolder};
pub use nearest::nearest;
pub use network_mode::NetworkMode;
pub use network_name::NetworkName;
pub use network_spec::{InterfaceSpec, NetworkSpec};
pub use os_variant::OsVariant;
pub use port::{PortPublish, Protocol};
pub use shutoff_reason::ShutoffReason;
pub use size::{DiskSize, MemorySize};
pub use snapshot_name::SnapshotName;
pub use subnet::Subnet;
pub use subnet6::Subnet6;
pub use time_to_live::TimeToLive;
pub use timestamp::Timestamp;
pub use vm_name::VmName;
pub use vm_state::VmState;
