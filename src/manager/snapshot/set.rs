//! What is noted of a snapshot, changed.

use super::{SnapshotError, SnapshotStatus, Snapshots};
use crate::libvirt::SnapshotChange;
use crate::manager::{Already, Error, Event};
use crate::model::{TimeToLive, Timestamp};

/// What is to be changed; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct SnapshotSettings {
    /// What is said of it; an empty text removes that.
    pub description: Option<String>,
    /// When `gc` may delete it, from now on.
    pub expires: Option<TimeToLive>,
    /// Whether it is kept in any case.
    pub pinned: Option<bool>,
}

impl Snapshots<'_> {
    /// Changes what is noted of a snapshot, of whomever. What it keeps stays, and whether it is the current one.
    ///
    /// # Errors
    /// [`SnapshotError::NotFound`], [`SnapshotError::NotRecorded`], [`SnapshotError::BeingMade`]; when libvirt refuses.
    pub async fn set(
        &self,
        vm: &str,
        name: &str,
        settings: &SnapshotSettings,
    ) -> Result<SnapshotStatus, Error> {
        let vm = self.op.claim_vm(vm).await?;
        let by_uuid = vm.id.uuid.to_string();
        let before = self.show(&by_uuid, name).await?;
        let of = || (vm.id.name.clone(), name.to_owned());
        if !before.recorded {
            let (vm, name) = of();
            return Err(SnapshotError::NotRecorded { vm, name }.into());
        }
        if before.unfinished {
            let (vm, name) = of();
            return Err(SnapshotError::BeingMade { vm, name }.into());
        }
        let change = settings.change_of(&before);
        if change == SnapshotChange::default() {
            self.op.report(Event::AlreadySo { name: &before.name_of_vm(), what: Already::Set });
            return Ok(before);
        }
        self.op.client().snapshots().change(vm.id.uuid, name, &change).await?;
        self.show(&by_uuid, name).await
    }
}

impl SnapshotSettings {
    /// Without what is so already.
    fn change_of(&self, before: &SnapshotStatus) -> SnapshotChange {
        let description = self.description.as_ref().map(|text| Some(text.trim().to_owned()));
        let description = description.map(|text| text.filter(|text| !text.is_empty()));
        let expires = self.expires.map(|expires| match expires {
            TimeToLive::Unlimited => None,
            TimeToLive::For(span) => Some(Timestamp::now().after(span)),
        });
        SnapshotChange {
            description: description.filter(|text| *text != before.description),
            expires: expires.filter(|time| time.is_some() || before.expires.is_some()),
            pinned: self.pinned.filter(|pinned| *pinned != before.pinned),
            ..SnapshotChange::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::testing::status;
    use super::*;

    #[test]
    fn what_is_so_already_is_no_change() {
        let document = "<domainsnapshot><name>x</name><description>one\nvmtools: pinned=yes</description></domainsnapshot>";
        let before = status("web", document, false);
        let none = SnapshotChange::default();
        let same = SnapshotSettings {
            description: Some(" one ".into()),
            expires: Some(TimeToLive::Unlimited),
            pinned: Some(true),
        };
        assert_eq!(same.change_of(&before), none);
        let other = SnapshotSettings { description: Some(String::new()), pinned: Some(false), ..same };
        let change = SnapshotChange { description: Some(None), pinned: Some(false), ..none };
        assert_eq!(other.change_of(&before), change);
    }
}
