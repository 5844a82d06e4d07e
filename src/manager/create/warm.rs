//! A create's part in warm starts.

use super::{Creation, Prepared, Wiring};
use crate::libvirt::{FirstStart, MetadataChange, OwnedVolume};
use crate::manager::claim::Claim;
use crate::manager::delete::Deletion;
use crate::manager::image::Images;
use crate::manager::power::Power;
use crate::manager::undo::UndoStack;
use crate::manager::warm::{Chosen, Wanted, WarmStart, WarmStates};
use crate::manager::{ColdReason, CreateError, Error, Event, Step, VmSpec, Warning};
use crate::model::{InterfaceSpec, Uuid};

/// A VM that is defined, has its disks, and bears the mark of an unfinished create.
pub(in crate::manager) struct Built {
    pub(in crate::manager) uuid: Uuid,
    /// The disk that it boots from.
    pub(in crate::manager) disk: OwnedVolume,
    /// Its other files.
    pub(in crate::manager) others: Vec<OwnedVolume>,
}

/// How a VM that was to go on from a state has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Started {
    FromState,
    Booted,
}

/// All that a state for VMs like the spec's depends on, and a claim under which the image stays.
pub(in crate::manager) struct PreparedForState {
    prepared: Prepared,
    _image: Claim,
}

impl PreparedForState {
    pub(in crate::manager) fn as_wanted<'a>(
        &'a self,
        spec: &'a VmSpec,
        interfaces: &'a [InterfaceSpec],
    ) -> Wanted<'a> {
        wanted(spec, interfaces, &self.prepared)
    }
}

fn wanted<'a>(spec: &'a VmSpec, interfaces: &'a [InterfaceSpec], prepared: &'a Prepared) -> Wanted<'a> {
    Wanted {
        spec,
        interfaces,
        image: prepared.image.as_ref(),
        domain: &prepared.domain,
        cloud_init: prepared.setup.as_ref().and_then(super::Setup::cloud_init),
        disk_size_bytes: prepared.disk_size_bytes,
        pool: &prepared.pool,
    }
}

impl Creation<'_> {
    /// How the VM is to be started.
    pub(super) async fn choose_start(&self, spec: &VmSpec, prepared: &Prepared) -> Result<WarmStart, Error> {
        let interfaces = Wiring::of(self.op).interfaces_of(spec);
        let start = WarmStates::of(self.op).choose(&wanted(spec, &interfaces, prepared), true).await?;
        match start {
            // One is made now, which the command says.
            WarmStart::Cold(ColdReason::NoState | ColdReason::NotStarted) => {}
            WarmStart::Cold(reason) => self.report_cold(spec, reason),
            WarmStart::NotAsked | WarmStart::From(_) => {}
        }
        Ok(start)
    }

    /// Whether it would go on from a state, and else why not; `None` where nobody asked for that.
    pub(super) async fn planned_start(
        &self,
        spec: &VmSpec,
        prepared: &Prepared,
    ) -> Result<Option<Result<(), ColdReason>>, Error> {
        // Of an image that is to be downloaded there can be no state.
        if spec.warm && spec.start && spec.image.is_some() && prepared.image.is_none() {
            return Ok(Some(Err(ColdReason::NoState)));
        }
        let interfaces = Wiring::of(self.op).interfaces_of(spec);
        let start = WarmStates::of(self.op).choose(&wanted(spec, &interfaces, prepared), false).await?;
        Ok(match start {
            WarmStart::NotAsked => None,
            WarmStart::Cold(reason) => Some(Err(reason)),
            WarmStart::From(_) => Some(Ok(())),
        })
    }

    fn report_cold(&self, spec: &VmSpec, reason: ColdReason) {
        self.op.report(Event::Warning(Warning::ColdStart { vm: spec.name.to_string(), reason }));
    }

    /// Starts the VM from the state; if that fails, its disk is made anew, and it is booted.
    pub(super) async fn resume_or_boot(
        &self,
        spec: &VmSpec,
        prepared: &Prepared,
        chosen: Box<Chosen>,
    ) -> Result<Started, Error> {
        let uuid = prepared.domain.uuid;
        let states = WarmStates::of(self.op);
        let Err(reason) = states.resume(&chosen, uuid, spec.wait.as_ref()).await? else {
            return Ok(Started::FromState);
        };
        self.report_cold(spec, reason);
        let client = self.op.client();
        match client.domains().destroy(uuid).await {
            // It did not come so far.
            Ok(()) | Err(crate::libvirt::Error::WrongState { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        client.volumes().delete(&prepared.names.disk.pool, &prepared.names.disk.volume).await?;
        states.note_failure(chosen, reason).await;
        self.make_disk_on_image(prepared).await?;
        let domain = client.definitions().stored(uuid).await?;
        let first_start = Some(FirstStart::Cold { reason: reason.name().to_owned() });
        let change = MetadataChange { first_start, ..MetadataChange::default() };
        client.metadata().change(&domain, &change, false).await?;
        self.op.check()?;
        Power::of(self.op).power_on(uuid).await?;
        Ok(Started::Booted)
    }

    /// What a state for VMs like the spec's depends on. The image is obtained, and the network made ready.
    ///
    /// # Errors
    /// Those of a create's checks.
    pub(in crate::manager) async fn prepare_for_state(
        &self,
        spec: &VmSpec,
    ) -> Result<PreparedForState, Error> {
        let spec = &*self.for_provisioner(spec)?;
        self.check_user_data(spec)?;
        let nothing = || CreateError::NothingToBoot { name: spec.name.to_string() };
        let reference = self.reference(spec)?.ok_or_else(nothing)?;
        let (image, claim) = Images::of(self.op).obtain_claimed(&reference, spec.takes_unvouched).await?;
        let mounts = self.mounts(spec).await?;
        let prepared = self.prepare(spec, Some(image), None, mounts, true).await?;
        Ok(PreparedForState { prepared, _image: claim })
    }

    /// Makes the VM as far as its disks; what a killed command has left under its name is removed.
    ///
    /// # Errors
    /// Those of a create, which the caller's undo stack rolls back.
    pub(in crate::manager) async fn build(
        &self,
        spec: &VmSpec,
        undo: &mut UndoStack<'_>,
    ) -> Result<Built, Error> {
        if let Some(remnant) = self.check_name(spec).await? {
            Deletion::of(self.op).delete(remnant).await?;
        }
        let state = self.prepare_for_state(spec).await?;
        let PreparedForState { mut prepared, _image } = state;
        let uuid = prepared.domain.uuid;
        let definition = prepared.domain.definition();
        self.step(spec, Step::ClaimName)?;
        self.claim(undo, uuid, &definition).await?;
        prepared.claims.clear();
        self.step(spec, Step::MakeDisks)?;
        self.make_disks(undo, &prepared, None).await?;
        let disk = prepared.names.disk.clone();
        let owned = prepared.names.owned(prepared.setup.is_some());
        let others = owned.into_iter().filter(|volume| volume.path != disk.path).collect();
        Ok(Built { uuid, disk, others })
    }
}
