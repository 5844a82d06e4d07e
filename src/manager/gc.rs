use std::time::{Duration, Instant};

use super::create::base::{MARKER, PREFIX, is_stale, marker_name};
use super::{Error, VmManager};
use crate::host::Creator;
use crate::image::Leftover;
use crate::libvirt::{self, Domain, OwnedVolume, Scope};

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
    /// An image's download that broke off.
    BrokenDownload,
}

/// Something that `gc` removes.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Garbage {
    /// The VM's name, the volume's, or that of a download's file.
    pub name: String,
    /// The VM's UUID; `None` for a volume or a download.
    pub uuid: Option<String>,
    /// Why.
    pub reason: Reason,
    /// The files that go.
    pub files: Vec<String>,
    #[serde(skip)]
    volumes: Vec<OwnedVolume>,
    #[serde(skip)]
    download: Option<Leftover>,
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
        garbage.extend(self.broken_uploads().await?);
        garbage.extend(self.image_store()?.leftovers().await?.into_iter().map(of_download));
        Ok(garbage)
    }

    /// Removes it.
    ///
    /// # Errors
    /// [`Error::LeftBehind`] when not everything could be removed.
    pub async fn remove_garbage(&self, garbage: &Garbage) -> Result<(), Error> {
        if let Some(download) = &garbage.download {
            return Ok(self.image_store()?.remove_leftover(download).await?);
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

    /// Bases without a marker that nobody writes to any more.
    async fn broken_uploads(&self) -> Result<Vec<Garbage>, Error> {
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
        let broken = volumes
            .iter()
            .filter(|volume| is_base(&volume.name) && !has_marker(&volume.name) && is_stale(volume.modified));
        Ok(broken
            .map(|volume| Garbage {
                name: volume.name.clone(),
                uuid: None,
                reason: Reason::BrokenUpload,
                files: vec![volume.path.clone()],
                volumes: vec![OwnedVolume {
                    pool: pool.to_owned(),
                    volume: volume.name.clone(),
                    path: volume.path.clone(),
                }],
                download: None,
            })
            .collect())
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
        download: None,
    })
}

fn of_download(download: Leftover) -> Garbage {
    let name = download.path.file_name().map(|name| name.to_string_lossy().into_owned());
    Garbage {
        name: name.unwrap_or_default(),
        uuid: None,
        reason: Reason::BrokenDownload,
        files: download.files.iter().map(|file| file.display().to_string()).collect(),
        volumes: Vec::new(),
        download: Some(download),
    }
}

/// Whether the process that was making a VM has ended. Of another host's it can't be told, and then it
/// hasn't.
fn is_gone(creator: &str) -> bool {
    creator.parse::<Creator>().is_ok_and(|creator| creator.is_alive() == Some(false))
}
