use std::sync::Arc;

use super::clone::Cloning;
use super::create::Creation;
use super::doctor::Doctor;
use super::locality::Locality;
use super::operation::Operation;
use super::{
    Changes, Check, CloneRequest, Deletion, Disks, Error, FileCopy, GarbageCollection, GuestAccess,
    GuestAgent, Images, Monitoring, Networks, Plan, Power, Reverts, Snapshots, Task, VmSpec, VmStatus, Vms,
    WarmStates,
};
use crate::config::{Config, Paths};
use crate::libvirt::Client;
use crate::model::ConnectionUri;

/// One host: its connection, configuration and paths. Cheap to clone; many tasks may share one.
///
/// Operations are grouped by noun in types such as [`Networks`]; each takes the [`Task`] that it belongs to.
#[derive(Clone)]
pub struct VmManager(Arc<Host>);

struct Host {
    client: Client,
    second_client: Client,
    config: Config,
    paths: Paths,
    locality: Locality,
}

impl VmManager {
    pub(super) fn new(client: Client, config: Config, paths: Paths) -> Self {
        let second_client = Client::new(client.uri().clone());
        let locality = Locality::of(client.uri());
        Self(Arc::new(Host { client, second_client, config, paths, locality }))
    }

    /// The same host by a connection of its own.
    pub fn beside(&self) -> Self {
        Self::new(self.client().second(), self.config().clone(), self.paths().clone())
    }

    /// The connection that its VMs are on.
    pub fn uri(&self) -> &ConnectionUri {
        self.0.client.uri()
    }

    /// The list of VMs, and the page on one.
    pub fn vms<'a>(&'a self, task: &'a Task) -> Vms<'a> {
        Vms::of(self.operation(task))
    }

    /// Starting, stopping, pausing.
    pub fn power<'a>(&'a self, task: &'a Task) -> Power<'a> {
        Power::of(self.operation(task))
    }

    /// What a VM's definition and record say, changed.
    pub fn changes<'a>(&'a self, task: &'a Task) -> Changes<'a> {
        Changes::of(self.operation(task))
    }

    /// Deleting VMs by plan.
    pub fn deletion<'a>(&'a self, task: &'a Task) -> Deletion<'a> {
        Deletion::of(self.operation(task))
    }

    /// What killed commands have left, and VMs whose time is over.
    pub fn garbage<'a>(&'a self, task: &'a Task) -> GarbageCollection<'a> {
        GarbageCollection::of(self.operation(task))
    }

    /// VMs' disks and drives.
    pub fn disks<'a>(&'a self, task: &'a Task) -> Disks<'a> {
        Disks::of(self.operation(task))
    }

    /// VMs' snapshots.
    pub fn snapshots<'a>(&'a self, task: &'a Task) -> Snapshots<'a> {
        Snapshots::of(self.operation(task))
    }

    /// VMs brought back to their snapshots.
    pub fn reverts<'a>(&'a self, task: &'a Task) -> Reverts<'a> {
        Reverts::of(self.operation(task))
    }

    /// Images, on this machine and in libvirt's pools.
    pub fn images<'a>(&'a self, task: &'a Task) -> Images<'a> {
        Images::of(self.operation(task))
    }

    /// Running states from which new VMs are started.
    pub fn warm_states<'a>(&'a self, task: &'a Task) -> WarmStates<'a> {
        WarmStates::of(self.operation(task))
    }

    /// libvirt's networks, and VMs' interfaces on them.
    pub fn networks<'a>(&'a self, task: &'a Task) -> Networks<'a> {
        Networks::of(self.operation(task))
    }

    /// Reaching a guest: address, ssh, console, logs, waiting.
    pub fn guest<'a>(&'a self, task: &'a Task) -> GuestAccess<'a> {
        GuestAccess::of(self.operation(task))
    }

    /// Running commands in a guest by its agent.
    pub fn agent<'a>(&'a self, task: &'a Task) -> GuestAgent<'a> {
        GuestAgent::of(self.operation(task))
    }

    /// Copying files between this host and a guest.
    pub fn file_copy<'a>(&'a self, task: &'a Task) -> FileCopy<'a> {
        FileCopy::of(self.operation(task))
    }

    /// Samples and events, as they come.
    pub fn monitoring<'a>(&'a self, task: &'a Task) -> Monitoring<'a> {
        Monitoring::of(self.operation(task))
    }

    /// Makes a VM, starts it and waits for it, as the spec says.
    ///
    /// # Errors
    /// On every error, and when the user interrupts, all that was made is rolled back; only a wait that
    /// timed out leaves the VM, so that it can be looked at.
    pub async fn create(&self, task: &Task, spec: &VmSpec) -> Result<VmStatus, Error> {
        Creation::of(self.operation(task)).create(spec).await
    }

    /// What [`VmManager::create`] would do. Changes nothing, and does not need the image to be downloaded.
    ///
    /// # Errors
    /// Those of the checks that a create makes.
    pub async fn plan(&self, task: &Task, spec: &VmSpec) -> Result<Plan, Error> {
        Creation::of(self.operation(task)).plan(spec).await
    }

    /// Clones a VM, starts the clone and waits for it, as requested.
    ///
    /// # Errors
    /// Those of [`VmError`](super::VmError), [`CloneError`](super::CloneError) and [`StorageError`](super::StorageError).
    /// On every error, and when the user interrupts, all that was made is rolled back; only a wait that timed out
    /// leaves the clone.
    pub async fn clone_vm(&self, task: &Task, request: &CloneRequest) -> Result<VmStatus, Error> {
        Cloning::of(self.operation(task)).clone_vm(request).await
    }

    /// Checks whatever a create needs, as far as one check lets the next be made.
    pub async fn doctor(&self, task: &Task) -> Vec<Check> {
        Doctor::of(self.operation(task)).doctor().await
    }

    pub(super) fn operation<'a>(&'a self, task: &'a Task) -> Operation<'a> {
        Operation::new(self, task)
    }

    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(super) fn second_client(&self) -> &Client {
        &self.0.second_client
    }

    pub(super) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(super) fn paths(&self) -> &Paths {
        &self.0.paths
    }

    pub(super) fn locality(&self) -> Locality {
        self.0.locality
    }
}
