//! Making a network: settle, define, start, have it started by itself. What was begun is taken back on
//! every error.
//!
//! Two creates at once may find the same subnet free. So whoever has defined a network with a subnet that
//! it found by itself looks again, and gives way to any other that has it by then; the next try takes
//! another one, not the next, so that two don't meet again.

use std::time::Duration;

use super::{NetworkError, NetworkStatus};
use crate::host;
use crate::libvirt::{self, Network, NetworkDevice, NetworkSpec, Object, RefusalReason};
use crate::manager::network::Networks;
use crate::manager::undo::UndoStack;
use crate::manager::{Error, SubnetUser};
use crate::model::{AddressRange, NetworkMode, NetworkName, Subnet, Uuid};

/// How often a subnet is looked for that nobody takes in the meantime.
const TRIES: u32 = 8;
/// How long a roll-back may try.
const PATIENCE: Duration = Duration::from_secs(20);

/// A network to be made.
#[derive(Debug, Clone)]
pub struct NetworkRequest {
    /// Its name.
    pub name: NetworkName,
    /// What it is.
    pub kind: NetworkKind,
    /// Whether to start it.
    pub start: bool,
    /// Whether libvirt is to start it by itself.
    pub autostart: bool,
}

/// What a new network is.
#[derive(Debug, Clone)]
pub enum NetworkKind {
    /// A bridge that the host has.
    Host {
        /// The bridge.
        bridge: String,
    },
    /// A bridge that libvirt makes.
    Own {
        /// Any mode but [`NetworkMode::Bridge`].
        mode: NetworkMode,
        /// Its addresses; `None` finds some that are free.
        subnet: Option<Subnet>,
        /// Whether libvirt gives addresses to guests.
        dhcp: bool,
        /// Whether libvirt answers for names.
        dns: bool,
        /// The domain of the guests' names.
        domain: Option<String>,
    },
}

/// What a create would make.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NetworkPlan {
    /// The network.
    pub name: String,
    /// Its mode.
    pub mode: &'static str,
    /// Its addresses; `None` where it has none of its own.
    pub subnet: Option<Subnet>,
    /// The addresses for guests.
    pub dhcp_range: Option<AddressRange>,
    /// Whether libvirt answers for names.
    pub dns: bool,
    /// The domain of the guests' names.
    pub domain: Option<String>,
    /// The host's bridge, where that is taken.
    pub bridge: Option<String>,
    /// Whether it would be started.
    pub start: bool,
    /// Whether libvirt would start it by itself.
    pub autostart: bool,
    /// The definition that libvirt would get.
    #[serde(skip)]
    pub xml: String,
}

impl Networks<'_> {
    /// What [`Networks::create`] would do. It changes nothing.
    ///
    /// # Errors
    /// What the create's checks would find.
    pub async fn plan(&self, request: &NetworkRequest) -> Result<NetworkPlan, Error> {
        let spec = self.settle_network(request, 0).await?;
        let xml = spec.to_element().to_document().map_err(|error| libvirt::Error::Unexpected {
            command: "network create".into(),
            reason: error.to_string(),
        })?;
        let plan = NetworkPlan {
            name: spec.name.to_string(),
            mode: NetworkMode::Bridge.name(),
            subnet: None,
            dhcp_range: None,
            dns: false,
            domain: None,
            bridge: None,
            start: request.start,
            autostart: request.autostart,
            xml,
        };
        Ok(match spec.device {
            NetworkDevice::Host { bridge } => NetworkPlan { bridge: Some(bridge), ..plan },
            NetworkDevice::Own { mode, subnet, subnet6: _, dhcp, dns, domain } => NetworkPlan {
                mode: mode.name(),
                subnet: Some(subnet),
                dhcp_range: dhcp.then(|| subnet.guests()),
                dns,
                domain,
                ..plan
            },
        })
    }

    /// Makes a network.
    ///
    /// # Errors
    /// When its name or its subnet is taken, or libvirt refuses; then nothing of it stays.
    pub async fn create(&self, request: &NetworkRequest) -> Result<NetworkStatus, Error> {
        let found_by_itself = matches!(request.kind, NetworkKind::Own { subnet: None, .. });
        for attempt in 0..TRIES {
            let spec = self.settle_network(request, attempt).await?;
            let uuid = spec.uuid;
            let mut undo = UndoStack::new(self.op).within(PATIENCE);
            undo.will_define_network(uuid, spec.name.as_str());
            let error = match self.make_network(&spec, request, found_by_itself).await {
                Ok(()) => return self.network_status(uuid).await,
                // Then nothing was made, and what has the name is not ours.
                Err(error @ Error::Libvirt(libvirt::Error::Exists { .. })) => return Err(error),
                Err(error) => undo.unwind(error).await,
            };
            if !(found_by_itself && is_clash(&error)) {
                return Err(error);
            }
        }
        Err(NetworkError::NoFreeSubnet.into())
    }

    async fn make_network(
        &self,
        spec: &NetworkSpec,
        request: &NetworkRequest,
        yields: bool,
    ) -> Result<(), Error> {
        let uuid = spec.uuid;
        self.op.check()?;
        self.op.client().networks().define(&spec.to_element()).await?;
        if yields && let NetworkDevice::Own { subnet, .. } = spec.device {
            let mut others = self.op.client().networks().list().await?;
            others.retain(|other| other.uuid != uuid);
            refuse_overlap(subnet, &others, &[])?;
        }
        if request.start {
            self.op.check()?;
            let started = self.bring_up(spec.name.as_str(), uuid).await;
            // Whatever came of it: nobody waits for it any more.
            self.op.check()?;
            started?;
        }
        if request.autostart {
            self.op.client().networks().set_autostart(uuid, true).await?;
        }
        self.op.check()
    }

    /// Checks what can be checked, and finds a subnet.
    async fn settle_network(&self, request: &NetworkRequest, attempt: u32) -> Result<NetworkSpec, Error> {
        self.refuse_session()?;
        let networks = self.op.client().networks().list().await?;
        if networks.iter().any(|network| network.name == request.name.as_str()) {
            let name = request.name.to_string();
            return Err(libvirt::Error::Exists { object: Object::Network, name }.into());
        }
        let uuid = Uuid::new_v4();
        let device = match &request.kind {
            NetworkKind::Host { bridge } => {
                self.check_bridge(bridge)?;
                NetworkDevice::Host { bridge: bridge.clone() }
            }
            NetworkKind::Own { mode, subnet, dhcp, dns, domain } => {
                let used = if self.op.locality().is_here() { host::used_subnets() } else { Vec::new() };
                let subnet = match subnet {
                    Some(subnet) => {
                        refuse_overlap(*subnet, &networks, &used)?;
                        *subnet
                    }
                    None => {
                        let luck = if attempt == 0 { 0 } else { usize::from(uuid.as_bytes()[0]) };
                        free_subnet(&networks, &used, luck).ok_or(NetworkError::NoFreeSubnet)?
                    }
                };
                NetworkDevice::Own {
                    mode: *mode,
                    subnet,
                    subnet6: None,
                    dhcp: *dhcp,
                    dns: *dns,
                    domain: domain.clone(),
                }
            }
        };
        Ok(NetworkSpec { name: request.name.clone(), uuid, device })
    }

    /// This host has the bridge, if libvirt's is this host.
    pub(in crate::manager) fn check_bridge(&self, name: &str) -> Result<(), Error> {
        if !self.op.locality().is_here() {
            return Ok(());
        }
        let name = name.to_owned();
        match host::network_device(&name) {
            host::Device::Bridge => Ok(()),
            host::Device::Other => Err(NetworkError::NotABridge { name }.into()),
            host::Device::Missing => Err(NetworkError::NoBridge { name }.into()),
        }
    }
}

/// Whether the subnet turned out to be somebody else's. libvirt itself looks at the host's routes when it
/// starts a network.
fn is_clash(error: &Error) -> bool {
    match error {
        Error::Network(NetworkError::SubnetTaken { .. }) => true,
        Error::Network(NetworkError::NotStarted { cause, .. }) => {
            cause.refusal() == Some(RefusalReason::SubnetInUse)
        }
        _ => false,
    }
}

fn refuse_overlap(subnet: Subnet, networks: &[Network], used: &[Subnet]) -> Result<(), NetworkError> {
    // A network's name says more than the route that the host has to it.
    let of_networks = networks.iter().flat_map(|network| {
        network.subnets.iter().map(move |subnet| (*subnet, SubnetUser::Network(network.name.clone())))
    });
    let of_host = used.iter().map(|subnet| (*subnet, SubnetUser::Host));
    match of_networks.chain(of_host).find(|(with, _)| with.overlaps(subnet)) {
        Some((with, by)) => Err(NetworkError::SubnetTaken { subnet, with, by }),
        None => Ok(()),
    }
}

/// The first of the candidates that is free, or with some luck one further on.
fn free_subnet(networks: &[Network], used: &[Subnet], luck: usize) -> Option<Subnet> {
    let free: Vec<Subnet> =
        candidates().filter(|subnet| refuse_overlap(*subnet, networks, used).is_ok()).collect();
    free.get(luck.checked_rem(free.len())?).copied()
}

/// Behind libvirt's own default, where routers at home seldom are; then what container tools leave alone.
fn candidates() -> impl Iterator<Item = Subnet> {
    let home = (123..=254).map(|n| [192, 168, n, 0]);
    let large = (64..=127).map(|n| [10, 201, n, 0]);
    home.chain(large).map(|address| Subnet::of(address.into(), 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnets(texts: &[&str]) -> Vec<Subnet> {
        texts.iter().map(|text| text.parse().expect("valid")).collect()
    }

    #[test]
    fn a_free_subnet_is_clear_of_the_host() {
        let found =
            |used: &[&str], luck| free_subnet(&[], &subnets(used), luck).map(|subnet| subnet.to_string());
        assert_eq!(found(&[], 0).as_deref(), Some("192.168.123.0/24"));
        assert_eq!(found(&["192.168.123.0/25", "192.168.124.0/23"], 0).as_deref(), Some("192.168.126.0/24"));
        assert_eq!(found(&["192.168.0.0/16"], 0).as_deref(), Some("10.201.64.0/24"));
        assert_eq!(found(&["192.168.0.0/16"], 65).as_deref(), Some("10.201.65.0/24"));
        assert_eq!(found(&["192.168.0.0/16", "10.0.0.0/8"], 3), None);
    }

    #[test]
    fn what_overlaps_is_named() {
        let [wanted, host] = subnets(&["10.1.0.0/16", "10.1.2.0/24"])[..] else { unreachable!() };
        let refused = refuse_overlap(wanted, &[], &[host]).expect_err("overlaps");
        assert_eq!(
            refused.to_string(),
            "the subnet 10.1.0.0/16 overlaps 10.1.2.0/24, which is used by this host"
        );
    }
}
