//! A VM that takes the place of another. It is made beside that one first, under a name of its own, so that what
//! can fail fails while the old VM is there still:
//!
//! ```text
//!   defined as NAME.new-XXXXXXXX, disks made | old VM deleted, renamed to NAME | started, waited for
//!   an error or an interrupt leaves the old  | finished whatever the user asks | leaves the new
//! ```

use super::{Creation, Failure, Prepared};
use crate::libvirt;
use crate::manager::claim::{Claim, Subject};
use crate::manager::delete::Deletion;
use crate::manager::storage::file_mark;
use crate::manager::{DeletePlan, Error, Event, Left, Step, VmError, VmSpec, Warning};
use crate::model::{Uuid, VmName};

impl Creation<'_> {
    /// The name, kept from others that would replace its VM: the second replaces what the first one has made.
    pub(super) async fn claim_place(&self, spec: &VmSpec) -> Result<Option<Claim>, Error> {
        if !spec.replace {
            return Ok(None);
        }
        let name = spec.name.as_str();
        self.op.claim_exclusive_waiting(Subject::Name(name), name).await.map(Some)
    }

    /// The name under which the new VM is made as long as the old one has its own.
    pub(super) fn name_beside(prepared: &Prepared) -> Result<VmName, Error> {
        let (name, mark) = (prepared.domain.name.as_str(), file_mark(prepared.domain.uuid));
        // As much of the name as leaves room for the rest.
        Ok(format!("{name:.45}.new-{mark}").parse()?)
    }

    /// Deletes the old VM and gives its name to the new one, which is whole by then.
    pub(super) async fn take_place(
        &self,
        spec: &VmSpec,
        old: DeletePlan,
        new: (Uuid, &VmName),
    ) -> Result<(), Failure> {
        let (uuid, beside) = new;
        self.step(spec, Step::ReplaceVm)?;
        let old_uuid = old.uuid;
        match Deletion::of(self.op).delete(old).await {
            // Somebody else was faster.
            Err(error) if error.is_not_found() => {}
            Err(error) if self.is_harmed(old_uuid, &error).await => {
                return Err(self.keep_new(uuid, beside, error));
            }
            deleted => drop(deleted?),
        }
        match self.give_name(uuid, &spec.name).await {
            // The name is another command's by now, and so there is a VM of that name.
            Err(error @ Error::Vm(VmError::Exists { .. })) => Err(error.into()),
            Err(error) => Err(self.keep_new(uuid, beside, error)),
            Ok(()) => Ok(()),
        }
    }

    /// With the old VM gone, the new one stays whatever happens to it.
    pub(super) fn keep_new(&self, uuid: Uuid, name: &VmName, error: Error) -> Failure {
        self.op.report(Event::Warning(Warning::NewVmKept { vm: name.to_string() }));
        Failure::Keep { uuid, error }
    }

    /// Whether a deletion that failed has taken anything from the VM.
    async fn is_harmed(&self, old: Uuid, error: &Error) -> bool {
        match error {
            Error::LeftBehind { left, .. } => {
                !left.iter().all(|left| matches!(left.what, Left::RunningVm { .. }))
            }
            _ => self.op.client().domains().state(old).await.is_err_and(|error| error.is_not_found()),
        }
    }

    /// Done twice it is done once: whether libvirt did it before it went away can't be known.
    async fn give_name(&self, uuid: Uuid, name: &VmName) -> Result<(), Error> {
        let client = self.op.client();
        let rename = async || {
            if client.definitions().current(uuid).await?.name == name.as_str() {
                return Ok(());
            }
            client.domains().rename(uuid, name.as_str()).await.map_err(|error| match error {
                libvirt::Error::Exists { name, .. } => VmError::Exists { name }.into(),
                other => Error::from(other),
            })
        };
        self.op.while_daemon_restarts(rename).await
    }
}
