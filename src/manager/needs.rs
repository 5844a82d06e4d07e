//! Which VMs and files need a file: asked before anything is removed, or written to.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::remove::is_piece;
use super::{Error, Event, VmManager, Warning};
use crate::host;
use crate::libvirt::{Definitions, Domain, DomainId, OwnedVolume, Scope, Volume};

/// How long a pool in which something is being made is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// All VMs and all files of the storage pools, as they were at one moment.
pub(super) struct Look {
    /// The stored definitions.
    domains: Vec<Domain>,
    /// The definitions of those that run: only these tell chains, and disks that the next start won't have.
    running: Vec<Domain>,
    /// Those whose QEMU hangs and holds even their definition back.
    hidden: Vec<DomainId>,
    files: HashMap<String, (String, Volume)>,
    taken: Instant,
}

/// What is about to be removed.
#[derive(Debug, Default)]
pub(super) struct Doomed {
    /// The UUIDs of the VMs.
    pub(super) vms: HashSet<String>,
    /// The paths of the files.
    pub(super) files: HashSet<String>,
}

impl VmManager {
    /// Looks at all VMs and, with libvirt's own look made anew, at all active pools.
    pub(super) async fn look(&self) -> Result<Look, Error> {
        let taken = Instant::now();
        let (domains, running, hidden) = self.definitions().await?;
        if !hidden.is_empty() {
            self.report(Event::Warning(Warning::Hidden {
                vms: hidden.iter().map(|id| id.name.clone()).collect(),
            }));
        }
        let files = self.files_of_pools().await?.into_iter();
        let files = files.map(|(pool, file)| (file.path.clone(), (pool, file))).collect();
        Ok(Look { domains, running, hidden, files, taken })
    }

    /// The files of all active pools, each with its pool's name. libvirt looks anew: others may have put something
    /// there since it last did.
    pub(super) async fn files_of_pools(&self) -> Result<Vec<(String, Volume)>, Error> {
        let mut files = Vec::new();
        for pool in self.client.active_pools().await? {
            self.retry(Instant::now() + PATIENCE, || self.client.refresh_pool(&pool)).await?;
            match self.client.volumes(&pool).await {
                Ok(found) => files.extend(found.into_iter().map(|file| (pool.clone(), file))),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(files)
    }

    /// The VMs whose disks stand on this one's, by their own record or by their files.
    pub(super) async fn children_of(&self, uuid: &str) -> Result<Vec<String>, Error> {
        let (domains, running, hidden) = self.definitions().await?;
        let look = Look { domains, running, hidden, files: HashMap::new(), taken: Instant::now() };
        let Some(parent) = look.domain(uuid) else { return Ok(Vec::new()) };
        let others = look.both().filter(|domain| domain.uuid != uuid);
        let stands = |domain: &&Domain| {
            let own = |path: &String| parent.disks.iter().any(|disk| disk.writes_to(path));
            is_child(domain, uuid) || domain.disks.iter().flat_map(|disk| &disk.backing).any(own)
        };
        let mut names: Vec<String> = others.filter(stands).map(|domain| domain.name.clone()).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn definitions(&self) -> Result<(Vec<Domain>, Vec<Domain>, Vec<DomainId>), Error> {
        let ids = self.client.domains(Scope::All).await?;
        let uuids: Vec<&str> = ids.iter().map(|id| id.uuid.as_str()).collect();
        let Definitions { domains, hidden } = self.client.stored_domains(&uuids).await?;
        let active = self.client.domains(Scope::Active).await?;
        let active = active.iter().map(|id| id.uuid.as_str());
        let active: Vec<&str> = active.filter(|uuid| !hidden.iter().any(|other| other == uuid)).collect();
        let running = self.client.running_domains(&active).await?.domains;
        let hidden = ids.into_iter().filter(|id| hidden.contains(&id.uuid)).collect();
        Ok((domains, running, hidden))
    }
}

impl Look {
    /// Whether it is too old to act upon.
    pub(super) fn is_older_than(&self, age: Duration) -> bool {
        self.taken.elapsed() > age
    }

    /// The VM's stored definition.
    pub(super) fn domain(&self, uuid: &str) -> Option<&Domain> {
        self.domains.iter().find(|domain| domain.uuid == uuid)
    }

    /// The volumes that are the VM's own, with the older pieces of its serial log. A program that copies VMs copies vmtools' record of them, too: what
    /// bears the UUID of another VM that has it in its record is that one's.
    pub(super) fn owned_by(&self, domain: &Domain) -> Vec<OwnedVolume> {
        let mut owned = domain.metadata.as_ref().map(|record| record.owned.clone()).unwrap_or_default();
        owned.retain(|volume| {
            !self.domains.iter().any(|other| {
                let mark = other.uuid.get(..8).unwrap_or(&other.uuid);
                other.uuid != domain.uuid && other.owns(&volume.path) && volume.volume.contains(mark)
            })
        });
        let is_piece =
            |pool: &str, name: &str| owned.iter().any(|log| log.pool == pool && is_piece(name, &log.volume));
        let beside = self.files.values().filter(|(pool, file)| is_piece(pool, &file.name));
        let mut pieces: Vec<OwnedVolume> = beside
            .map(|(pool, file)| OwnedVolume {
                pool: pool.clone(),
                volume: file.name.clone(),
                path: file.path.clone(),
            })
            .collect();
        pieces.sort_by(|one, other| one.path.cmp(&other.path));
        owned.extend(pieces);
        owned
    }

    /// The file, if it lies in a pool.
    pub(super) fn file(&self, path: &str) -> Option<&Volume> {
        self.files.get(path).map(|(_, file)| file)
    }

    /// The file as a volume of its pool.
    pub(super) fn volume(&self, path: &str) -> Option<OwnedVolume> {
        let (pool, file) = self.files.get(path)?;
        Some(OwnedVolume { pool: pool.clone(), volume: file.name.clone(), path: path.to_owned() })
    }

    /// The files below a file, the nearest first, as far as they are known.
    pub(super) fn below<'a>(&'a self, path: &str) -> Vec<&'a str> {
        let mut found: Vec<&str> = Vec::new();
        let mut at = path;
        while let Some(next) = self.file(at).and_then(|file| file.backing.as_deref()) {
            if found.contains(&next) {
                break;
            }
            found.push(next);
            at = next;
        }
        found
    }

    /// How many files stand below the VM's disks, at most.
    pub(super) fn depth(&self, uuid: &str) -> usize {
        let disks = self.domain(uuid).into_iter().flat_map(|domain| &domain.disks);
        disks.filter_map(|disk| disk.path.as_ref()).map(|path| self.below(path).len()).max().unwrap_or(0)
    }

    /// Those among `vms` that stand on one of the files, or are children of the VM.
    pub(super) fn standing_on(&self, uuid: &str, files: &[&str], vms: &HashSet<String>) -> Vec<String> {
        let needs = |domain: &&Domain| {
            domain.uuid != uuid
                && vms.contains(&domain.uuid)
                && (is_child(domain, uuid) || files.iter().any(|file| self.uses(domain, file)))
        };
        self.both().filter(needs).map(|domain| domain.uuid.clone()).collect()
    }

    /// Who needs the VM's file and isn't going with it: VMs, and files that belong to none.
    pub(super) fn needed_by(&self, path: &str, doomed: &Doomed) -> Vec<String> {
        let stays = |domain: &&Domain| !doomed.vms.contains(&domain.uuid);
        let users: Vec<&Domain> =
            self.both().filter(stays).filter(|domain| self.uses(domain, path)).collect();
        let mut needed_by: Vec<String> = users.iter().map(|user| format!("the VM {}", user.name)).collect();
        let of_users = |file: &str| {
            users.iter().flat_map(|user| &user.disks).any(|disk| {
                disk.path.as_deref().is_some_and(|top| top == file || self.below(top).contains(&file))
            })
        };
        let others = self.files.keys().filter(|file| {
            !doomed.files.contains(*file) && self.below(file).contains(&path) && !of_users(file)
        });
        needed_by.extend(others.cloned());
        // A disk in no pool, of a VM that goes without it.
        let tops = self.both().filter(|domain| !stays(domain)).flat_map(|domain| &domain.disks);
        needed_by.extend(tops.filter_map(|disk| {
            let top = disk.path.as_ref().filter(|top| !doomed.files.contains(*top))?;
            disk.backing.iter().any(|below| below == path).then(|| top.clone())
        }));
        // Of one that hangs its process' command line tells, where it is this host's.
        let names_it = |id: &&DomainId| {
            id.uuid.parse().ok().and_then(|uuid| host::qemu_names_file(uuid, path)).unwrap_or(false)
        };
        needed_by.extend(self.hidden.iter().filter(names_it).map(|id| format!("the VM {}", id.name)));
        needed_by.sort();
        needed_by.dedup();
        needed_by
    }

    /// Whether it is there, but tells nothing of itself.
    pub(super) fn is_hidden(&self, uuid: &str) -> bool {
        self.hidden.iter().any(|id| id.uuid == uuid)
    }

    /// The VMs with a disk that is this very file of this machine, by whatever path.
    pub(super) fn users_of_file(&self, file: &Path) -> Vec<String> {
        let identity = |path: &Path| std::fs::metadata(path).ok().map(|data| (data.dev(), data.ino()));
        let wanted = identity(file);
        let is_it = |path: &String| wanted.is_some() && identity(Path::new(path)) == wanted;
        let uses = |domain: &&Domain| {
            domain.disks.iter().flat_map(|disk| disk.path.iter().chain(&disk.backing)).any(is_it)
        };
        self.both().filter(uses).map(|domain| format!("the VM {}", domain.name)).collect()
    }

    /// The VMs that record this one as their parent and are not going with it.
    pub(super) fn children_of(&self, uuid: &str, doomed: &Doomed) -> Vec<String> {
        let children = self.domains.iter().filter(|domain| is_child(domain, uuid));
        let staying = children.filter(|domain| !doomed.vms.contains(&domain.uuid));
        staying.map(|domain| format!("the VM {}", domain.name)).collect()
    }

    fn both(&self) -> impl Iterator<Item = &Domain> {
        self.domains.iter().chain(&self.running)
    }

    fn uses(&self, domain: &Domain, path: &str) -> bool {
        domain.disks.iter().any(|disk| {
            disk.path.as_deref().is_some_and(|top| top == path || self.below(top).contains(&path))
                || disk.backing.iter().any(|below| below == path)
        })
    }
}

fn is_child(domain: &Domain, uuid: &str) -> bool {
    let parent = domain.metadata.as_ref().and_then(|record| record.parent.as_ref());
    parent.is_some_and(|parent| parent.uuid == uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(files: &[(&str, Option<&str>)], vms: &[(&str, &str)]) -> Look {
        let volume = |path: &str, backing: Option<&str>| Volume {
            name: path.trim_start_matches("/p/").into(),
            path: path.into(),
            backing: backing.map(str::to_owned),
            ..Volume::default()
        };
        let domain = |name: &str, disk: &str| {
            let document = format!(
                "<domain><name>{name}</name><uuid>{name}</uuid><devices><disk type='file' device='disk'>\
                 <source file='{disk}'/><target dev='vda'/></disk></devices></domain>"
            );
            Domain::parse(&document).expect("parses")
        };
        Look {
            domains: vms.iter().map(|(name, disk)| domain(name, disk)).collect(),
            running: Vec::new(),
            hidden: Vec::new(),
            files: files
                .iter()
                .map(|(path, backing)| ((*path).to_owned(), ("p".to_owned(), volume(path, *backing))))
                .collect(),
            taken: Instant::now(),
        }
    }

    fn doomed(vms: &[&str], files: &[&str]) -> Doomed {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Doomed { vms: owned(vms), files: owned(files) }
    }

    #[test]
    fn what_stays_needs_what_is_below_it() {
        let files =
            [("/p/base", None), ("/p/a", Some("/p/base")), ("/p/b", Some("/p/a")), ("/p/x", Some("/p/a"))];
        let look = look(&files, &[("a", "/p/a"), ("b", "/p/b")]);
        assert_eq!(look.below("/p/b"), ["/p/a", "/p/base"]);
        assert_eq!(look.needed_by("/p/a", &doomed(&["a"], &["/p/a"])), ["/p/x", "the VM b"]);
        // The child goes with its disk; nobody's overlay stays.
        assert_eq!(look.needed_by("/p/a", &doomed(&["a", "b"], &["/p/a", "/p/b"])), ["/p/x"]);
        // It goes without its disk.
        let kept = look.needed_by("/p/a", &doomed(&["a", "b"], &["/p/a", "/p/x"]));
        assert_eq!(kept, ["/p/b"]);
        assert_eq!(look.standing_on("a", &["/p/a"], &doomed(&["a", "b"], &[]).vms), ["b"]);
        assert!(look.depth("b") > look.depth("a"));
    }

    #[test]
    fn a_copied_record_owns_nothing() {
        let document = |uuid: &str| {
            format!(
                "<domain><name>{uuid}</name><uuid>{uuid}</uuid><metadata><v:vm xmlns:v='urn:vmtools:vm:1'>\
                 <v:volume pool='p' name='web-aaaaaaaa.qcow2' path='/p/web-aaaaaaaa.qcow2'/></v:vm></metadata></domain>"
            )
        };
        let domains =
            ["aaaaaaaa-1", "bbbbbbbb-1"].map(|uuid| Domain::parse(&document(uuid)).expect("parses"));
        let look = Look { domains: domains.to_vec(), ..look(&[], &[]) };
        assert_eq!(domains.map(|domain| look.owned_by(&domain).len()), [1, 0]);
    }

    #[test]
    fn a_circle_ends() {
        let look = look(&[("/p/a", Some("/p/b")), ("/p/b", Some("/p/a"))], &[("a", "/p/a")]);
        assert_eq!(look.below("/p/a"), ["/p/b", "/p/a"]);
    }
}
