//! What a connection can be asked for, by noun: each handle has the calls of one of libvirt's kinds of objects.
//!
//! A handle is a reference to the connection and costs nothing; all of them share its one virsh.

use super::Client;

macro_rules! handles {
    ($($(#[$doc:meta])* $handle:ident by $accessor:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub struct $handle<'a> {
                pub(in crate::libvirt) client: &'a Client,
            }
        )*

        impl Client {
            $(
                $(#[$doc])*
                pub fn $accessor(&self) -> $handle<'_> {
                    $handle { client: self }
                }
            )*
        }
    };
}

handles! {
    /// Which domains there are, what state they are in, and what starts and stops them.
    Domains by domains;
    /// What domains are using and have counted, as `virsh domstats` prints it.
    Statistics by statistics;
    /// Domains' definitions: read, completed with what libvirt hides, changed, written and removed.
    DomainDefinitions by definitions;
    /// A domain's vCPUs, memory, disks and other devices, of a running one too.
    DomainHardware by hardware;
    /// What vmtools keeps of a domain in that domain's `<metadata>`.
    DomainMetadata by metadata;
    /// The agent inside a guest, reached through libvirt.
    AgentChannel by agent;
    /// The jobs that libvirt runs on a domain, a backup among them.
    Jobs by jobs;
    /// Domains' snapshots.
    Snapshots by snapshots;
    /// Virtual networks, their leases and reservations.
    VirtualNetworks by networks;
    /// Storage pools.
    Pools by pools;
    /// The volumes of storage pools.
    Volumes by volumes;
}
