//! How a machine's virtual CPUs are arranged.

use super::definition::Domain;
use super::edit;
use crate::libvirt::xml::{Element, Node};

/// The `<topology>` of a domain's CPUs. libvirt holds that its product is the most CPUs the domain may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuTopology {
    /// Sockets.
    pub sockets: u32,
    /// Dies in a socket.
    pub dies: u32,
    /// Clusters in a die.
    pub clusters: u32,
    /// Cores in a cluster.
    pub cores: u32,
    /// Threads of a core.
    pub threads: u32,
}

/// A number of CPUs that whole sockets of a topology do not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{cpus} vCPUs are not a multiple of the {per_socket} per socket")]
pub struct TopologyMismatch {
    /// The number that was asked for.
    pub cpus: u32,
    /// How many CPUs a socket has.
    pub per_socket: u32,
}

impl CpuTopology {
    /// The CPUs in a socket.
    pub fn per_socket(self) -> u32 {
        [self.clusters, self.cores, self.threads].into_iter().fold(self.dies, u32::saturating_mul)
    }

    /// The same sockets, as many as give that number of CPUs: what a socket holds is what the guest's system
    /// and its licences were set up for.
    ///
    /// # Errors
    /// When no number of sockets does.
    pub fn with_cpus(self, cpus: u32) -> Result<Self, TopologyMismatch> {
        let per_socket = self.per_socket();
        match cpus.checked_rem(per_socket) {
            Some(0) if cpus > 0 => Ok(Self { sockets: cpus / per_socket, ..self }),
            _ => Err(TopologyMismatch { cpus, per_socket }),
        }
    }

    /// Puts it, and the most CPUs it makes, into a definition that has a topology. Of the CPUs that it starts
    /// with there are at most as many; entries for single CPUs that no longer exist go.
    pub(super) fn apply_to(self, domain: &mut Element) {
        let max = self.sockets.saturating_mul(self.per_socket());
        if let Some(topology) = domain.find_mut("cpu/topology") {
            topology.set_attribute("sockets", self.sockets.to_string());
        }
        if let Some(vcpu) = domain.find_mut("vcpu") {
            let had: u32 = vcpu.content().parse().unwrap_or(max);
            let current = vcpu.attribute("current").and_then(|current| current.parse().ok()).unwrap_or(had);
            vcpu.children = vec![Node::Text(max.to_string())];
            // Without it the domain would start with all that it may have.
            vcpu.set_attribute("current", current.min(max).to_string());
        }
        if let Some(vcpus) = domain.find_mut("vcpus") {
            edit::retain_children(vcpus, |vcpu| {
                vcpu.attribute("id").and_then(|id| id.parse().ok()).is_none_or(|id: u32| id < max)
            });
        }
    }
}

/// What a new number of CPUs means for the most that a domain may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxCpusChange {
    /// It stays.
    Keep,
    /// It becomes this ([`DomainHardware::set_max_cpus`](crate::libvirt::DomainHardware::set_max_cpus)).
    To(u32),
    /// The topology becomes this, and with it the most CPUs
    /// ([`DomainHardware::set_cpu_topology`](crate::libvirt::DomainHardware::set_cpu_topology)).
    Topology(CpuTopology),
}

impl Domain {
    /// What becomes of the most CPUs that this domain may have when it is given `cpus`, where `wanted` would be the
    /// most without a topology. libvirt refuses to change the maximum where a topology is set (`virsh setvcpus
    /// --maximum`), even to the same; within it no change is needed.
    ///
    /// # Errors
    /// When it must grow, and whole sockets of the topology do not give that number.
    pub fn max_cpus_change(&self, cpus: u32, wanted: u32) -> Result<MaxCpusChange, TopologyMismatch> {
        match self.topology {
            Some(_) if cpus <= self.max_cpus => Ok(MaxCpusChange::Keep),
            Some(topology) => topology.with_cpus(cpus).map(MaxCpusChange::Topology),
            None if wanted == self.max_cpus => Ok(MaxCpusChange::Keep),
            None => Ok(MaxCpusChange::To(wanted)),
        }
    }
}

/// Reads `<cpu><topology>`.
pub(super) fn topology(domain: &Element) -> Option<CpuTopology> {
    let topology = domain.find("cpu/topology")?;
    let number = |name: &str| topology.attribute(name).and_then(|text| text.parse().ok()).unwrap_or(1);
    Some(CpuTopology {
        sockets: number("sockets"),
        dies: number("dies"),
        clusters: number("clusters"),
        cores: number("cores"),
        threads: number("threads"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grown_topology_is_put_in_and_nothing_else_changes() {
        let document = "<domain><vcpu placement='static'>4</vcpu><vcpus><vcpu id='0' enabled='yes'/><vcpu id='9' enabled='no'/></vcpus>\
             <cpu mode='maximum'><topology sockets='1' dies='1' cores='2' threads='2'/><feature name='x'/></cpu></domain>";
        let mut domain = Element::parse(document).expect("parses");
        let grown = topology(&domain).expect("has one").with_cpus(8).expect("whole sockets");
        grown.apply_to(&mut domain);
        assert_eq!(
            domain.to_line().expect("writes"),
            "<domain><vcpu placement=\"static\" current=\"4\">8</vcpu><vcpus><vcpu id=\"0\" enabled=\"yes\"/></vcpus>\
             <cpu mode=\"maximum\"><topology sockets=\"2\" dies=\"1\" cores=\"2\" threads=\"2\"/><feature name=\"x\"/></cpu></domain>"
        );
        let one = CpuTopology { sockets: 1, dies: 1, clusters: 1, cores: 1, threads: 1 };
        assert_eq!(one.with_cpus(0), Err(TopologyMismatch { cpus: 0, per_socket: 1 }));
        assert_eq!(
            CpuTopology { cores: 0, ..one }.with_cpus(2),
            Err(TopologyMismatch { cpus: 2, per_socket: 0 })
        );
    }
}
