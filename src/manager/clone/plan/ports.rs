//! The ports of the host that lead to a clone.

use std::collections::HashMap;

use crate::host;
use crate::libvirt;
use crate::manager::Error;
use crate::manager::clone::Cloning;
use crate::model::{PortPublish, Protocol};

impl Cloning<'_> {
    /// A free port of the host for each that leads to the source.
    pub(super) fn new_ports(
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
}
