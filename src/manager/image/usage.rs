//! What stands on the bases in the storage pools.

use super::Images;
use crate::libvirt::{Domain, OwnedVolume, Volume};
use crate::manager::Error;
use crate::manager::inventory::{DeletionSet, Dependent, Inventory};
use crate::manager::storage::base::{PREFIX, is_base, marker_name};
use crate::model::Timestamp;

/// More than any marker has.
const MARKER_BYTES: u64 = 16 << 10;

/// A base in a storage pool, whole.
#[derive(Debug, Clone)]
pub(super) struct Base {
    pub(super) volume: OwnedVolume,
    pub(super) format: Option<String>,
    pub(super) size_bytes: u64,
    /// The VMs, and files that belong to none, that need it.
    pub(super) users: Vec<Dependent>,
    /// When it was last read or written, as far as the file system notes it.
    pub(super) last_used: Option<Timestamp>,
}

/// What a base's marker tells.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Marker {
    pub(super) name: Option<String>,
    pub(super) source: String,
    pub(super) digest: Option<String>,
    pub(super) virtual_size_bytes: Option<u64>,
}

impl Base {
    /// Whether it is a copy of what has this digest, `sha256:HEX`.
    pub(super) fn is_of(&self, digest: &str) -> bool {
        is_copy_of(&self.volume.volume, digest)
    }
}

impl Images<'_> {
    /// The bases of all active pools.
    pub(super) async fn bases(&self) -> Result<Vec<Base>, Error> {
        Ok(bases(&Inventory::load(self.op).await?))
    }

    /// What the base's marker tells; nothing where it can't be read.
    pub(super) async fn marker(&self, base: &Base) -> Result<Marker, Error> {
        let name = marker_name(&base.volume.volume);
        match self.op.client().volumes().tail(&base.volume.pool, &name, MARKER_BYTES).await {
            Ok(text) => Ok(serde_json::from_str(&text).unwrap_or_default()),
            Err(error) if error.is_connection() => Err(error.into()),
            Err(_) => Ok(Marker::default()),
        }
    }
}

/// Those of the inventory's volumes that are whole bases, by path.
pub(super) fn bases(inventory: &Inventory) -> Vec<Base> {
    let has_marker = |pool: &str, volume: &Volume| {
        let marker = marker_name(&volume.name);
        inventory.files.volumes().any(|(other, volume)| other == pool && volume.name == marker)
    };
    let whole =
        inventory.files.volumes().filter(|(pool, volume)| is_base(&volume.name) && has_marker(pool, volume));
    let mut bases: Vec<Base> = whole
        .map(|(pool, volume)| Base {
            volume: OwnedVolume {
                pool: pool.to_owned(),
                volume: volume.name.clone(),
                path: volume.path.clone(),
            },
            format: volume.name.rsplit_once('.').map(|(_, ending)| ending.to_owned()),
            size_bytes: volume.allocation_bytes,
            users: users_of(inventory, volume),
            last_used: volume.accessed.max(volume.modified).map(Timestamp::from),
        })
        .collect();
    bases.sort_by(|a, b| a.volume.path.cmp(&b.volume.path));
    bases
}

/// Beside who stands on it: a VM that is just being made of it, or of which a disk can't be followed.
fn users_of(inventory: &Inventory, base: &Volume) -> Vec<Dependent> {
    let mut users = inventory.needed_by(&base.path, &DeletionSet::default());
    let may_need = |domain: &&Domain| {
        let Some(record) = &domain.metadata else { return false };
        let is_of_it = record.image_digest.as_ref().is_some_and(|digest| is_copy_of(&base.name, digest));
        let unknown = |path: &String| !inventory.files.below(&inventory.files.key(path)).1;
        let disks = || domain.disks.iter().filter_map(|disk| disk.path.as_ref());
        is_of_it && (record.creator.is_some() || disks().any(unknown))
    };
    let more = inventory.definitions.all_stored().iter().filter(may_need);
    users.extend(more.map(|domain| Dependent::Vm(domain.name.clone())));
    users.sort();
    users.dedup();
    users
}

fn is_copy_of(volume: &str, digest: &str) -> bool {
    let hex = digest.rsplit(':').next().unwrap_or(digest);
    let digits = volume.strip_prefix(PREFIX).and_then(|rest| rest.split('.').next());
    digits.is_some_and(|digits| !digits.is_empty() && hex.starts_with(digits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manager::inventory::testing::{domain, inventory};

    const BASE: &str = "/p/vmtools-base-aa.qcow2";
    const MARKER: &str = "/p/vmtools-base-aa.qcow2.json";

    fn record(digest: &str, more: &str) -> String {
        format!(
            "<metadata><v:vm xmlns:v='urn:vmtools:vm:1'><v:image digest='{digest}'>x</v:image></v:vm>{more}</metadata>"
        )
    }

    fn users(volumes: &[(&str, Option<&str>)], domains: Vec<Domain>) -> Vec<String> {
        let all = [&[(BASE, None), (MARKER, None)], volumes].concat();
        let bases = bases(&inventory(&all, domains));
        assert_eq!(bases.len(), 1);
        bases[0].users.iter().map(|user| user.name().to_owned()).collect()
    }

    #[test]
    fn a_chain_is_followed_to_its_end() {
        let volumes = [("/p/a", Some(BASE)), ("/p/b", Some("/p/a"))];
        assert_eq!(users(&volumes, vec![domain("web", "/p/b", "")]), ["web"]);
        // Nobody's overlays.
        assert_eq!(users(&volumes, vec![]), ["/p/a", "/p/b"]);
        assert!(users(&[], vec![domain("web", "/p/other", "")]).is_empty());
        let circle = [("/p/a", Some("/p/b")), ("/p/b", Some("/p/a"))];
        assert!(users(&circle, vec![domain("web", "/p/b", "")]).is_empty());
    }

    #[test]
    fn what_cannot_be_followed_counts_if_it_was_made_of_it() {
        let (same, other) = (record("sha256:aabb", ""), record("sha256:bbaa", ""));
        let full = [("/p/full", None)];
        assert_eq!(users(&full, vec![domain("web", "/elsewhere/x", &same)]), ["web"]);
        assert!(users(&full, vec![domain("web", "/elsewhere/x", &other)]).is_empty());
        // A full copy stands on nothing.
        assert!(users(&full, vec![domain("web", "/p/full", &same)]).is_empty());
        let made = record("sha256:aabb", "<c:by xmlns:c='urn:vmtools:creating:1'>h/b/1</c:by>");
        assert_eq!(users(&full, vec![domain("web", "/p/full", &made)]), ["web"]);
    }
}
