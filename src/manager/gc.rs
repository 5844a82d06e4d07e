use std::path::Path;
use std::time::{Duration, Instant};

use super::create::base::{MARKER, PREFIX, is_stale, marker_name};
use super::image::{commit, image_store};
use super::{Error, VmManager};
use crate::host::Creator;
use crate::libvirt::{self, Domain, OwnedVolume, Scope, Volume};

const PATIENCE: Duration = Duration::from_secs(30);

/// Why something is garbage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A create that was killed left it.
    Unfinished,
    /// Its time to live is over.
    Expired,
    /// An image's upload that was given up.
    BrokenUpload,
    /// The copy of a disk that a killed `image commit` left.
    BrokenCommit,
    /// What an `image import` or `image commit` that was killed left on this machine.
    BrokenImport,
}

/// Something that `gc` removes.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Garbage {
    /// The VM's name, or the volume's.
    pub name: String,
    /// The VM's UUID; `None` for a volume.
    pub uuid: Option<String>,
    /// Why.
    pub reason: Reason,
    /// The files that go.
    pub files: Vec<String>,
    #[serde(skip)]
    volumes: Vec<OwnedVolume>,
}

impl VmManager {
    /// What `gc` would remove.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub async fn find_garbage(&self) -> Result<Vec<Garbage>, Error> {
        let ids = self.client.domains(Scope::All).await?;
        let uuids: Vec<&str> = ids.iter().map(|id| id.uuid.as_str()).collect();
        let domains = self.client.domains_in_full(&uuids).await?;
        let mut garbage: Vec<Garbage> = domains.iter().filter_map(of_domain).collect();
        garbage.extend(self.broken_volumes().await?);
        garbage.extend(self.broken_imports()?);
        Ok(garbage)
    }

    /// Removes it.
    ///
    /// # Errors
    /// [`Error::LeftBehind`] when not everything could be removed.
    pub async fn remove_garbage(&self, garbage: &Garbage) -> Result<(), Error> {
        if garbage.reason == Reason::BrokenImport {
            let store = image_store(&self.paths)?;
            for file in &garbage.files {
                store.own().remove_abandoned(Path::new(file))?;
            }
            return Ok(());
        }
        let deadline = Instant::now() + PATIENCE;
        let left = match &garbage.uuid {
            Some(uuid) => self.remove_domain(uuid, &garbage.volumes, true, deadline).await,
            None => self.remove_volumes(&garbage.volumes, deadline).await,
        };
        left.map_err(|left| Error::LeftBehind {
            cause: Box::new(Error::NotRemoved { name: garbage.name.clone() }),
            left,
        })
    }

    fn broken_imports(&self) -> Result<Vec<Garbage>, Error> {
        let files = image_store(&self.paths)?.own().abandoned()?;
        let garbage = files.into_iter().map(|file| Garbage {
            name: file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            uuid: None,
            reason: Reason::BrokenImport,
            files: vec![file.to_string_lossy().into_owned()],
            volumes: Vec::new(),
        });
        Ok(garbage.collect())
    }

    /// Bases without a marker, and copies of disks, that nobody writes to any more.
    async fn broken_volumes(&self) -> Result<Vec<Garbage>, Error> {
        let pool = self.config.storage.pool.as_str();
        if self.client.pool(pool).await?.is_none() {
            return Ok(Vec::new());
        }
        match self.client.refresh_pool(pool).await {
            // A pool in which something is being made is looked at the next time.
            Err(libvirt::Error::Busy { .. }) => return Ok(Vec::new()),
            other => other?,
        }
        let volumes = self.client.volumes(pool).await?;
        let is_base = |name: &str| name.starts_with(PREFIX) && !name.ends_with(MARKER);
        let has_marker = |name: &str| volumes.iter().any(|volume| volume.name == marker_name(name));
        // A commit that still goes on loses nothing: it has opened the volume.
        let reason = |volume: &Volume| match volume.name.as_str() {
            name if name.starts_with(commit::PREFIX) => Some(Reason::BrokenCommit),
            name if is_base(name) && !has_marker(name) => Some(Reason::BrokenUpload),
            _ => None,
        };
        let broken = volumes.iter().filter(|volume| is_stale(volume.modified));
        let garbage = broken.filter_map(|volume| {
            Some(Garbage {
                reason: reason(volume)?,
                name: volume.name.clone(),
                uuid: None,
                files: vec![volume.path.clone()],
                volumes: vec![OwnedVolume {
                    pool: pool.to_owned(),
                    volume: volume.name.clone(),
                    path: volume.path.clone(),
                }],
            })
        });
        Ok(garbage.collect())
    }
}

fn of_domain(domain: &Domain) -> Option<Garbage> {
    let record = domain.metadata.as_ref()?;
    let reason = match &record.creator {
        Some(creator) if is_gone(creator) => Reason::Unfinished,
        // Whoever is at it still is.
        Some(_) => return None,
        None if record.expires.is_some_and(|time| time.is_past()) => Reason::Expired,
        None => return None,
    };
    Some(Garbage {
        name: domain.name.clone(),
        uuid: Some(domain.uuid.clone()),
        reason,
        files: record.owned.iter().map(|owned| owned.path.clone()).collect(),
        volumes: record.owned.clone(),
    })
}

/// Whether the process that was making a VM has ended. Of another host's it can't be told, and then it
/// hasn't.
fn is_gone(creator: &str) -> bool {
    creator.parse::<Creator>().is_ok_and(|creator| creator.is_alive() == Some(false))
}
