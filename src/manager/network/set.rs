use super::users::{self, interfaces_on};
use super::{NetworkError, NetworkStatus, Networks};
use crate::libvirt::{self, LeaseDelay, Network};
use crate::manager::claim::Subject;
use crate::manager::inventory::VmDefinitions;
use crate::manager::{Already, Error, Event};
use crate::model::Uuid;

/// What removing the delays of a network changes.
#[derive(Debug, Clone, serde::Serialize)]
pub struct SpeedupPlan {
    /// The network.
    pub name: String,
    /// Its UUID.
    pub uuid: Uuid,
    /// What is removed; nothing where there is no delay.
    pub removes: LeaseDelay,
    /// Whether the network is restarted, so that it is so at once.
    pub restarts: bool,
    /// The running VMs that are attached, and keep it from being restarted.
    pub vms: Vec<String>,
}

impl Networks<'_> {
    /// What removing the delays of guests' first leases would change.
    ///
    /// # Errors
    /// When there is no such network, or it is one that does not stay.
    pub async fn plan_speedup(&self, name: &str) -> Result<SpeedupPlan, Error> {
        self.plan_speedup_of(self.op.client().networks().find(name).await?).await
    }

    async fn plan_speedup_of(&self, network: Network) -> Result<SpeedupPlan, Error> {
        if !network.persistent {
            return Err(NetworkError::Transient { network: network.name }.into());
        }
        let definitions = VmDefinitions::load(self.op).await?;
        let attached = interfaces_on(&definitions, &network);
        let vms = users::names(attached.iter().filter(|interface| interface.active));
        Ok(SpeedupPlan {
            restarts: network.active && vms.is_empty() && network.lease_delay.is_some(),
            name: network.name,
            uuid: network.uuid,
            removes: network.lease_delay,
            vms,
        })
    }

    /// Carries out the plan. A network that running VMs are attached to by now is changed for its next start.
    ///
    /// # Errors
    /// When libvirt refuses the change, or the network does not start again: then it is as it was.
    pub async fn speed_up(&self, plan: SpeedupPlan) -> Result<NetworkStatus, Error> {
        self.op.check()?;
        let _claim = self.op.claim_exclusive(Subject::Network(plan.uuid), &plan.name).await?;
        let networks = || self.op.client().networks();
        let plan = self.plan_speedup_of(networks().of_uuid(plan.uuid).await?).await?;
        let (removed, before) = networks().remove_lease_delay(plan.uuid).await?;
        if !removed.is_some() && !plan.restarts {
            self.op.report(Event::AlreadySo { name: &plan.name, what: Already::Set });
        }
        if plan.restarts {
            match networks().destroy(plan.uuid).await {
                Ok(()) | Err(libvirt::Error::WrongState { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            if let Err(error) = self.bring_up(&plan.name, plan.uuid).await {
                let _ = networks().define(&before).await;
                let _ = networks().start(plan.uuid).await;
                return Err(error);
            }
        }
        self.network_status(plan.uuid).await
    }
}
