//! A VM that a command works on: resolved once, claimed, and read under the claim.

use super::claim::{Claim, Subject};
use super::gc::{GarbageCollection, Maker};
use super::operation::Operation;
use super::snapshot::is_cut_off;
use super::{Error, VmError};
use crate::libvirt::{self, Affects, Disk, Domain, DomainId, Object, StoredDefinition};
use crate::model::VmState;

/// A VM as it was when it was read. As long as it is claimed, no other command changes it.
pub(in crate::manager) struct Vm {
    /// Its name and UUID.
    pub(in crate::manager) id: DomainId,
    /// What it does.
    pub(in crate::manager) state: VmState,
    /// What its next start makes.
    pub(in crate::manager) stored: Domain,
    /// What runs; `None` when it is shut off.
    pub(in crate::manager) running: Option<Domain>,
    /// Whether its next start goes on with what libvirt has saved of it.
    saved: bool,
    _claim: Option<Claim>,
}

impl Operation<'_> {
    /// Claims the VM of this name or UUID to change it.
    ///
    /// # Errors
    /// When there is none, or it got another name while its claim was waited for; when libvirt can't be asked;
    /// [`Error::Claimed`]; [`VmError::BeingMade`] and [`VmError::Unfinished`] for what a create is at, or has left.
    pub(in crate::manager) async fn claim_vm(self, name: &str) -> Result<Vm, Error> {
        let id = self.client().domains().resolve(name).await?;
        let claim = self.claim_exclusive(Subject::Vm(id.uuid), &id.name).await?;
        let vm = self.read_vm(id, Some(claim)).await?;
        let vm = match self.settle_revert(&vm.stored).await? {
            true => self.read_vm(vm.id, vm._claim).await?,
            false => vm,
        };
        vm.still_meant_by(name)
    }

    /// Claims the VM to use it: others may use it too, none may change it.
    ///
    /// # Errors
    /// As [`Operation::claim_vm`].
    pub(in crate::manager) async fn claim_vm_shared(self, name: &str) -> Result<Vm, Error> {
        let id = self.client().domains().resolve(name).await?;
        loop {
            let claim = self.claim_shared(Subject::Vm(id.uuid), &id.name).await?;
            let vm = self.read_vm(id.clone(), Some(claim)).await?;
            if !is_cut_off(&vm.stored) {
                return vm.still_meant_by(name);
            }
            drop(vm);
            self.settle_unclaimed(id.uuid, &id.name).await?;
        }
    }

    /// The VM as it is now, without a claim: for a plan, which the act checks again.
    ///
    /// # Errors
    /// As [`Operation::claim_vm`], but for the claim.
    pub(in crate::manager) async fn load_vm(self, name: &str) -> Result<Vm, Error> {
        self.load_resolved_vm(self.client().domains().resolve(name).await?).await
    }

    /// As [`Operation::load_vm`], of one that was resolved before.
    pub(in crate::manager) async fn load_resolved_vm(self, id: DomainId) -> Result<Vm, Error> {
        let vm = self.read_vm(id, None).await?;
        if !is_cut_off(&vm.stored) {
            return Ok(vm);
        }
        self.settle_unclaimed(vm.id.uuid, &vm.id.name).await?;
        self.read_vm(vm.id, None).await
    }

    async fn read_vm(self, id: DomainId, claim: Option<Claim>) -> Result<Vm, Error> {
        let StoredDefinition { domain: stored, state, saved } =
            self.client().definitions().stored_with_state(id.uuid).await?;
        self.refuse_unmade(&stored).await?;
        let running = match state.is_active() {
            true => Some(self.client().definitions().current(id.uuid).await?),
            false => None,
        };
        Ok(Vm { id, state, stored, running, saved, _claim: claim })
    }

    /// What a create is still at, or has left half-made, is not touched.
    ///
    /// # Errors
    /// [`VmError::BeingMade`]; [`VmError::Unfinished`].
    pub(in crate::manager) async fn refuse_unmade(self, domain: &Domain) -> Result<(), Error> {
        let name = || domain.name.clone();
        match GarbageCollection::of(self).maker_of(domain).await? {
            Maker::None => Ok(()),
            Maker::AtWork => Err(VmError::BeingMade { name: name() }.into()),
            Maker::Gone => Err(VmError::Unfinished { name: name() }.into()),
        }
    }
}

impl Vm {
    fn still_meant_by(mut self, asked: &str) -> Result<Self, Error> {
        self.id = still_meant_by(asked, self.id, &self.stored)?;
        Ok(self)
    }

    /// What runs, if anything does, then what its next start makes.
    pub(in crate::manager) fn definitions(&self) -> impl Iterator<Item = &Domain> {
        self.running.iter().chain([&self.stored])
    }

    /// The definition of what there is now: of the machine that runs, else of the next start.
    pub(in crate::manager) fn current(&self) -> &Domain {
        self.running.as_ref().unwrap_or(&self.stored)
    }

    /// The disk of that name, as it is now.
    pub(in crate::manager) fn disk(&self, target: &str) -> Option<&Disk> {
        self.definitions().find_map(|domain| domain.disk(target))
    }

    /// Where a change goes: to the next starts, and to what runs.
    pub(in crate::manager) fn affects(&self) -> Affects {
        Affects::all(self.running.is_some())
    }

    /// What libvirt saved goes on with the devices that it had, whatever its definition says by then.
    ///
    /// # Errors
    /// [`VmError::Saved`].
    pub(in crate::manager) fn refuse_saved(&self) -> Result<(), VmError> {
        match self.saved {
            true => Err(VmError::Saved { name: self.id.name.clone() }),
            false => Ok(()),
        }
    }

    /// # Errors
    /// [`VmError::NotOff`] when it is on in any way; [`VmError::Saved`].
    pub(in crate::manager) fn refuse_on(&self) -> Result<(), VmError> {
        match self.state {
            VmState::Shutoff => self.refuse_saved(),
            state => Err(VmError::NotOff { name: self.id.name.clone(), state }),
        }
    }
}

/// The VM as it is called now, if it is still the one that `asked` means. Its name is looked up before it is
/// claimed, and a rename may come in between: then the name means no VM any more, or another one.
///
/// # Errors
/// [`libvirt::Error::NotFound`].
pub(in crate::manager) fn still_meant_by(asked: &str, id: DomainId, now: &Domain) -> Result<DomainId, Error> {
    if asked == id.name && now.name != asked {
        return Err(libvirt::Error::missing(Object::Domain, id.name).into());
    }
    // Asked for by its UUID it is meant by any name.
    Ok(DomainId { name: now.name.clone(), ..id })
}
