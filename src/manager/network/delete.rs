use std::time::{Duration, Instant};

use crate::libvirt::{self, Network};
use crate::manager::Error;
use crate::manager::claim::Subject;
use crate::manager::network::Networks;
use crate::manager::retry::Retry;
use crate::model::{IpSubnet, Uuid};

const PATIENCE: Duration = Duration::from_secs(20);

/// What deleting a network takes away.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NetworkDeletePlan {
    /// The network.
    pub name: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// Its mode.
    pub mode: String,
    /// Whether it is up, and stopped first.
    pub active: bool,
    /// The bridge that goes; `None` when there is none, or it is the host's own.
    pub bridge: Option<String>,
    /// Its subnets, which get free.
    pub subnets: Vec<IpSubnet>,
    /// How many addresses are kept there, which are not any more.
    pub reservation_count: usize,
    #[serde(skip)]
    persistent: bool,
}

/// A network that was deleted.
#[derive(Debug, Clone, serde::Serialize)]
pub struct DeletedNetwork {
    /// The network.
    pub name: String,
    /// Its UUID.
    pub uuid: Uuid,
}

impl Networks<'_> {
    /// What deleting the network would do.
    ///
    /// # Errors
    /// [`NetworkError::InUse`](crate::manager::NetworkError::InUse) when VMs are attached, running or not.
    pub async fn plan_delete(&self, name: &str) -> Result<NetworkDeletePlan, Error> {
        self.plan_delete_of(self.op.client().networks().find(name).await?).await
    }

    async fn plan_delete_of(&self, network: Network) -> Result<NetworkDeletePlan, Error> {
        self.refuse_used(&network, false).await?;
        let reservation_count = network.reservations().count();
        Ok(NetworkDeletePlan {
            bridge: network.bridge.filter(|_| network.mode != "bridge"),
            name: network.name,
            uuid: network.uuid,
            mode: network.mode,
            active: network.active,
            subnets: network.subnets,
            reservation_count,
            persistent: network.persistent,
        })
    }

    /// Carries out the plan.
    ///
    /// # Errors
    /// [`NetworkError::InUse`](crate::manager::NetworkError::InUse) when a VM was attached meanwhile.
    pub async fn delete(&self, plan: NetworkDeletePlan) -> Result<DeletedNetwork, Error> {
        self.op.check()?;
        let _claim = self.op.claim_exclusive(Subject::Network(plan.uuid), &plan.name).await?;
        // Since the plan was made somebody has thought about it.
        self.plan_delete_of(self.op.client().networks().of_uuid(plan.uuid).await?).await?;
        self.remove_network(plan.uuid, plan.persistent).await?;
        Ok(DeletedNetwork { name: plan.name, uuid: plan.uuid })
    }

    async fn remove_network(&self, uuid: Uuid, persistent: bool) -> Result<(), libvirt::Error> {
        let deadline = Instant::now() + PATIENCE;
        Retry::regardless(deadline)
            .while_busy(async || self.op.client().networks().destroy(uuid).await)
            .await?;
        if persistent {
            Retry::regardless(deadline)
                .while_busy(async || self.op.client().networks().undefine(uuid).await)
                .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
impl NetworkDeletePlan {
    /// Of one that nothing goes with.
    pub(crate) fn of_nothing(name: &str, mode: &str) -> Self {
        Self {
            name: name.to_owned(),
            uuid: Uuid::nil(),
            mode: mode.to_owned(),
            active: false,
            bridge: None,
            subnets: Vec::new(),
            reservation_count: 0,
            persistent: true,
        }
    }
}
