//! What stands on the bases in the storage pools.

use std::collections::HashMap;

use crate::libvirt::{Domain, OwnedVolume, Scope, Volume};
use crate::manager::create::base::{MARKER, PREFIX, marker_name};
use crate::manager::{Error, VmManager};
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
    pub(super) users: Vec<String>,
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
        let hex = digest.rsplit(':').next().unwrap_or(digest);
        let own = self.volume.volume.strip_prefix(PREFIX).and_then(|rest| rest.split('.').next());
        own.is_some_and(|own| !own.is_empty() && hex.starts_with(own))
    }
}

impl VmManager {
    /// The bases of all active pools.
    pub(super) async fn bases(&self) -> Result<Vec<Base>, Error> {
        let ids = self.client.domains(Scope::All).await?;
        let uuids: Vec<&str> = ids.iter().map(|id| id.uuid.as_str()).collect();
        let domains = self.client.domains_in_full(&uuids).await?;
        let volumes = self.files_of_pools().await?;
        let chains = Chains::new(&volumes, &domains);
        let is_whole = |pool: &str, volume: &Volume| {
            let marker = marker_name(&volume.name);
            volume.name.starts_with(PREFIX)
                && !volume.name.ends_with(MARKER)
                && volumes.iter().any(|(other, volume)| other == pool && volume.name == marker)
        };
        let bases = volumes.iter().filter(|(pool, volume)| is_whole(pool, volume)).map(|(pool, volume)| {
            let mut base = Base {
                volume: OwnedVolume {
                    pool: pool.clone(),
                    volume: volume.name.clone(),
                    path: volume.path.clone(),
                },
                format: volume.name.rsplit_once('.').map(|(_, ending)| ending.to_owned()),
                size_bytes: volume.allocation_bytes,
                users: Vec::new(),
                last_used: volume.accessed.max(volume.modified).map(Timestamp::from),
            };
            base.users = chains.users_of(&base);
            base
        });
        Ok(bases.collect())
    }

    /// What the base's marker tells; nothing where it can't be read.
    pub(super) async fn marker(&self, base: &Base) -> Result<Marker, Error> {
        let name = marker_name(&base.volume.volume);
        match self.client.volume_tail(&base.volume.pool, &name, MARKER_BYTES).await {
            Ok(text) => Ok(serde_json::from_str(&text).unwrap_or_default()),
            Err(error) if error.is_connection() => Err(error.into()),
            Err(_) => Ok(Marker::default()),
        }
    }
}

/// Which file stands on which.
struct Chains<'a> {
    /// A known file, and the file below it.
    below: HashMap<&'a str, Option<&'a str>>,
    domains: &'a [Domain],
}

impl<'a> Chains<'a> {
    fn new(volumes: &'a [(String, Volume)], domains: &'a [Domain]) -> Self {
        let below = volumes.iter().map(|(_, volume)| (volume.path.as_str(), volume.backing.as_deref()));
        Self { below: below.collect(), domains }
    }

    fn users_of(&self, base: &Base) -> Vec<String> {
        let needs = |domain: &&Domain| self.needs(domain, base);
        let mut users: Vec<String> =
            self.domains.iter().filter(needs).map(|domain| domain.name.clone()).collect();
        let all_disks =
            self.domains.iter().flat_map(|domain| &domain.disks).filter_map(|disk| disk.path.as_deref());
        let of_vms: Vec<&str> = all_disks.flat_map(|path| self.chain(path).0).collect();
        let path = base.volume.path.as_str();
        let others =
            self.below.iter().filter(|(file, below)| **below == Some(path) && !of_vms.contains(file));
        users.extend(others.map(|(file, _)| (*file).to_owned()));
        users.sort();
        users
    }

    /// A VM that is just being made of it, or of which a disk can't be followed, needs it too.
    fn needs(&self, domain: &Domain, base: &Base) -> bool {
        let record = domain.metadata.as_ref();
        let is_of_it =
            record.and_then(|record| record.image_digest.as_ref()).is_some_and(|digest| base.is_of(digest));
        let being_made = record.is_some_and(|record| record.creator.is_some());
        if is_of_it && being_made {
            return true;
        }
        domain.disks.iter().any(|disk| {
            let Some(path) = disk.path.as_deref() else { return false };
            let (files, whole) = self.chain(path);
            files.contains(&base.volume.path.as_str())
                || disk.backing.contains(&base.volume.path)
                || (is_of_it && !whole && disk.backing.is_empty())
        })
    }

    /// The file and those below it, and whether the last of them is known to be the last.
    fn chain(&self, path: &'a str) -> (Vec<&'a str>, bool) {
        let mut files = vec![path];
        let mut at = path;
        loop {
            match self.below.get(at) {
                Some(Some(below)) if !files.contains(below) => {
                    at = below;
                    files.push(below);
                }
                Some(_) => return (files, true),
                None => return (files, false),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "/p/vmtools-base-aa.qcow2";

    fn volume(path: &str, backing: Option<&str>) -> (String, Volume) {
        let volume = Volume {
            name: path.rsplit('/').next().unwrap_or_default().into(),
            path: path.into(),
            backing: backing.map(str::to_owned),
            ..Volume::default()
        };
        ("p".into(), volume)
    }

    fn domain(name: &str, disk: &str, record: &str) -> Domain {
        let document = format!(
            "<domain><name>{name}</name><metadata>{record}</metadata><devices><disk type='file' device='disk'>\
             <source file='{disk}'/><target dev='vda'/></disk></devices></domain>"
        );
        Domain::parse(&document).expect("parses")
    }

    fn record(digest: &str) -> String {
        format!("<v:vm xmlns:v='urn:vmtools:vm:1'><v:image digest='{digest}'>x</v:image></v:vm>")
    }

    fn users(volumes: &[(String, Volume)], domains: &[Domain]) -> Vec<String> {
        let base = Base {
            volume: OwnedVolume {
                pool: "p".into(),
                volume: "vmtools-base-aa.qcow2".into(),
                path: BASE.into(),
            },
            format: None,
            size_bytes: 0,
            users: Vec::new(),
            last_used: None,
        };
        Chains::new(volumes, domains).users_of(&base)
    }

    #[test]
    fn a_chain_is_followed_to_its_end() {
        let volumes = [volume(BASE, None), volume("/p/a", Some(BASE)), volume("/p/b", Some("/p/a"))];
        let none = "";
        assert_eq!(users(&volumes, &[domain("web", "/p/b", none)]), ["web"]);
        // Nobody's overlay.
        assert_eq!(users(&volumes, &[]), ["/p/a"]);
        assert_eq!(users(&volumes[..1], &[domain("web", "/p/other", none)]), Vec::<String>::new());
        let circle = [volume(BASE, None), volume("/p/a", Some("/p/b")), volume("/p/b", Some("/p/a"))];
        assert_eq!(users(&circle, &[domain("web", "/p/b", none)]), Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_followed_counts_if_it_was_made_of_it() {
        let volumes = [volume(BASE, None), volume("/p/full", None)];
        let (same, other) = (record("sha256:aabb"), record("sha256:bbaa"));
        assert_eq!(users(&volumes, &[domain("web", "/elsewhere/x", &same)]), ["web"]);
        assert_eq!(users(&volumes, &[domain("web", "/elsewhere/x", &other)]), Vec::<String>::new());
        // A full copy stands on nothing.
        assert_eq!(users(&volumes, &[domain("web", "/p/full", &same)]), Vec::<String>::new());
        let made = format!("{same}<c:by xmlns:c='urn:vmtools:creating:1'>h/b/1</c:by>");
        assert_eq!(users(&volumes, &[domain("web", "/p/full", &made)]), ["web"]);
    }
}
