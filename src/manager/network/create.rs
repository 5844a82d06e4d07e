//! Creating a network: plan, define, start, set autostart. All of it is rolled back on
//! every error.
//!
//! Two creates at once may find the same subnet free. Of this host's one waits for the other, by a claim. Against
//! other hosts and other programs, whoever has defined a network with a subnet that it found by itself looks again, and
//! gives way to any other that has it by then; the next try takes another one, not the next, so that two don't meet
//! again.

use std::time::Duration;

use super::{NetworkError, NetworkStatus};
use crate::host;
use crate::libvirt::{self, Network, NetworkDevice, NetworkSpec, Object, RefusalReason};
use crate::manager::claim::{Claim, Subject};
use crate::manager::network::Networks;
use crate::manager::undo::UndoStack;
use crate::manager::{Error, SubnetUser};
use crate::model::{IpRange, IpSubnet, NetworkMode, NetworkName, Subnet, Subnet6, Uuid};

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
        /// Its addresses of IPv4.
        ipv4: Ipv4Choice,
        /// Its addresses of IPv6; `None` for none.
        subnet6: Option<Subnet6>,
        /// Whether libvirt gives addresses to guests.
        dhcp: bool,
        /// Whether libvirt answers for names.
        dns: bool,
        /// The domain of the guests' names.
        domain: Option<String>,
    },
}

/// Which addresses of IPv4 a new network has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ipv4Choice {
    /// Some that are free.
    Free,
    /// These.
    Subnet(Subnet),
    /// None.
    None,
}

/// What a create would make.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NetworkPlan {
    /// The network.
    pub name: String,
    /// Its mode.
    pub mode: &'static str,
    /// Its IPv4 addresses; `None` where it has none of its own.
    pub subnet: Option<IpSubnet>,
    /// Its IPv6 addresses; `None` where it has none of its own.
    pub subnet6: Option<IpSubnet>,
    /// The IPv4 addresses for guests.
    pub dhcp_range: Option<IpRange>,
    /// The IPv6 addresses for guests.
    pub dhcp_range6: Option<IpRange>,
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
        let spec = self.plan_network(request, 0).await?;
        let xml = spec.to_element().to_document().map_err(|error| libvirt::Error::Unexpected {
            command: "network create".into(),
            reason: error.to_string(),
        })?;
        let plan = NetworkPlan {
            name: spec.name.to_string(),
            mode: NetworkMode::Bridge.name(),
            subnet: None,
            subnet6: None,
            dhcp_range: None,
            dhcp_range6: None,
            dns: false,
            domain: None,
            bridge: None,
            start: request.start,
            autostart: request.autostart,
            xml,
        };
        Ok(match spec.device {
            NetworkDevice::Host { bridge } => NetworkPlan { bridge: Some(bridge), ..plan },
            NetworkDevice::Own { mode, subnets, dhcp, dns, domain } => {
                let subnet = |ipv6| subnets.iter().copied().find(|subnet| subnet.is_ipv6() == ipv6);
                let range = |subnet: Option<IpSubnet>| subnet.filter(|_| dhcp).map(IpSubnet::guests);
                NetworkPlan {
                    mode: mode.name(),
                    subnet: subnet(false),
                    subnet6: subnet(true),
                    dhcp_range: range(subnet(false)),
                    dhcp_range6: range(subnet(true)),
                    dns,
                    domain,
                    ..plan
                }
            }
        })
    }

    /// Makes a network.
    ///
    /// # Errors
    /// When its name or its subnet is taken, or libvirt refuses; then nothing of it stays.
    pub async fn create(&self, request: &NetworkRequest) -> Result<NetworkStatus, Error> {
        let found_by_itself = matches!(request.kind, NetworkKind::Own { ipv4: Ipv4Choice::Free, .. });
        for attempt in 0..TRIES {
            let claim = self.op.claim_exclusive(Subject::Subnets, "the subnets of networks").await?;
            let spec = self.plan_network(request, attempt).await?;
            let uuid = spec.uuid;
            let mut undo = UndoStack::new(self.op).within(PATIENCE);
            undo.will_define_network(uuid, spec.name.as_str());
            let error = match self.make_network(&spec, request, claim, found_by_itself).await {
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
        claim: Claim,
        yields: bool,
    ) -> Result<(), Error> {
        let uuid = spec.uuid;
        self.op.check()?;
        self.op.client().networks().define(&spec.to_element()).await?;
        // From here on others see whose the subnets are.
        drop(claim);
        if yields && let NetworkDevice::Own { subnets, .. } = &spec.device {
            let mut others = self.op.client().networks().list().await?;
            others.retain(|other| other.uuid != uuid);
            refuse_overlap(subnets, &others, &[])?;
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
    async fn plan_network(&self, request: &NetworkRequest, attempt: u32) -> Result<NetworkSpec, Error> {
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
            NetworkKind::Own { mode, ipv4, subnet6, dhcp, dns, domain } => {
                let used = if self.op.locality().is_here() { host::used_subnets() } else { Vec::new() };
                let luck = if attempt == 0 { 0 } else { usize::from(uuid.as_bytes()[0]) };
                let v4 = match ipv4 {
                    Ipv4Choice::Free => {
                        Some(free_subnet(&networks, &used, luck).ok_or(NetworkError::NoFreeSubnet)?)
                    }
                    Ipv4Choice::Subnet(subnet) => Some(*subnet),
                    Ipv4Choice::None => None,
                };
                let v6 = subnet6.map(IpSubnet::V6);
                let subnets: Vec<IpSubnet> = v4.map(IpSubnet::V4).into_iter().chain(v6).collect();
                refuse_overlap(&subnets, &networks, &used)?;
                NetworkDevice::Own { mode: *mode, subnets, dhcp: *dhcp, dns: *dns, domain: domain.clone() }
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

fn refuse_overlap(wanted: &[IpSubnet], networks: &[Network], used: &[IpSubnet]) -> Result<(), NetworkError> {
    // A network's name says more than the route that the host has to it.
    let of_networks = networks.iter().flat_map(|network| {
        network.subnets.iter().map(move |subnet| (*subnet, SubnetUser::Network(network.name.clone())))
    });
    let of_host = used.iter().map(|subnet| (*subnet, SubnetUser::Host));
    let taken: Vec<(IpSubnet, SubnetUser)> = of_networks.chain(of_host).collect();
    for subnet in wanted {
        if let Some((with, by)) = taken.iter().find(|(with, _)| with.overlaps(*subnet)) {
            return Err(NetworkError::SubnetTaken { subnet: *subnet, with: *with, by: by.clone() });
        }
    }
    Ok(())
}

/// The first of the candidates that is free, or with some luck one further on.
fn free_subnet(networks: &[Network], used: &[IpSubnet], luck: usize) -> Option<Subnet> {
    let is_free = |subnet: &Subnet| refuse_overlap(&[IpSubnet::V4(*subnet)], networks, used).is_ok();
    let free: Vec<Subnet> = candidates().filter(is_free).collect();
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

    fn subnets(texts: &[&str]) -> Vec<IpSubnet> {
        let subnet = |text: &&str| {
            let (address, prefix) = text.split_once('/').expect("a prefix");
            IpSubnet::of(address.parse().expect("valid"), prefix.parse().expect("valid"))
        };
        texts.iter().map(subnet).collect()
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
        let taken = subnets(&["10.1.2.0/24", "fd44:1::/64"]);
        let refused = |wanted: &[&str]| {
            let error = refuse_overlap(&subnets(wanted), &[], &taken).err();
            error.map(|error| error.to_string())
        };
        assert_eq!(
            refused(&["10.1.0.0/16"]).as_deref(),
            Some("the subnet 10.1.0.0/16 overlaps 10.1.2.0/24, which is used by this host")
        );
        assert_eq!(
            refused(&["10.2.0.0/16", "fd44:1:0:0:8000::/66"]).as_deref(),
            Some("the subnet fd44:1:0:0:8000::/66 overlaps fd44:1::/64, which is used by this host")
        );
        assert_eq!(refused(&["10.2.0.0/16", "fd44:2::/64"]), None);
    }
}
