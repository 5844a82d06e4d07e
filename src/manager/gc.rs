use crate::manager::delete::Deletion;
use crate::manager::image::Images;
use crate::manager::inventory;
use crate::manager::retry::Retry;
use crate::manager::storage::Storage;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Error;
use super::clone::copying::maker_of_folder;
use super::image::commit;
use super::storage::base::{MARKER, PREFIX, is_stale, marker_name};
use crate::host::Creator;
use crate::image::Leftover;
use crate::libvirt::{self, Domain, OwnedVolume, Scope, Volume};
use crate::manager::operation::noun;

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
    /// The copy of a disk that a killed `image commit` left.
    BrokenCommit,
    /// What an `image import` or `image commit` that was killed left on this machine.
    BrokenImport,
    /// The pool that a killed `clone` had made of a folder for the time being; the folder's files stay.
    ForgottenPool,
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

noun! {
    /// What killed commands have left, and VMs whose time is over.
    GarbageCollection
}

impl GarbageCollection<'_> {
    /// What `gc` would remove.
    ///
    /// # Errors
    /// When libvirt can't be asked.
    pub async fn find(&self) -> Result<Vec<Garbage>, Error> {
        let ids = self.op.client().domains(Scope::All).await?;
        let uuids: Vec<&str> = ids.iter().map(|id| id.uuid.as_str()).collect();
        let domains = self.op.client().domains_in_full(&uuids).await?;
        let mut garbage = Vec::new();
        for domain in &domains {
            if of_domain(domain).is_some() {
                garbage.extend(self.garbage_again(&domain.uuid).await?);
            }
        }
        garbage.extend(self.broken_volumes().await?);
        garbage.extend(self.forgotten_pools(&domains).await?);
        garbage.extend(self.broken_imports()?);
        garbage.extend(Images::of(self.op).image_store()?.leftovers().await?.into_iter().map(of_download));
        Ok(garbage)
    }

    /// Removes it, unless it has come to be of use since it was found.
    ///
    /// # Errors
    /// [`Error::LeftBehind`] when not everything could be removed.
    pub async fn remove(&self, garbage: &Garbage) -> Result<(), Error> {
        if let Some(download) = &garbage.download {
            return Ok(Images::of(self.op).image_store()?.remove_leftover(download).await?);
        }
        if garbage.reason == Reason::BrokenImport {
            let store = Images::of(self.op).image_store()?;
            for file in &garbage.files {
                store.own().remove_abandoned(Path::new(file))?;
            }
            return Ok(());
        }
        let deadline = Instant::now() + PATIENCE;
        if garbage.reason == Reason::ForgottenPool {
            // One in which libvirt still copies is busy.
            return Ok(Retry::regardless(deadline)
                .while_busy(async || self.op.client().end_pool(&garbage.name).await)
                .await
                .map(drop)?);
        }
        let still = match &garbage.uuid {
            Some(uuid) => self.garbage_again(uuid).await?.is_some(),
            None => self.broken_volumes().await?.iter().any(|now| now.files == garbage.files),
        };
        if !still {
            return Ok(());
        }
        if let Some(uuid) = &garbage.uuid {
            // What others have come to need of it stays, and so does it.
            let removed =
                async { Deletion::of(self.op).delete(Deletion::of(self.op).plan_delete(uuid).await?).await };
            return match removed.await {
                Err(Error::Libvirt(error)) if error.is_not_found() => Ok(()),
                other => other.map(drop),
            };
        }
        Storage::of(self.op).remove_volumes(&garbage.volumes, deadline).await.map_err(|left| {
            Error::LeftBehind { cause: Box::new(Error::NotRemoved { name: garbage.name.clone() }), left }
        })
    }

    /// A look at the definition as it is now. A create takes its mark off before it ends, so only a mark
    /// that is read after its end was seen proves that it was killed.
    async fn garbage_again(&self, uuid: &str) -> Result<Option<Garbage>, Error> {
        match self.op.client().domain(uuid).await {
            // It goes when its linked clones have gone.
            Ok(domain) if domain.is_parent() && !inventory::children_of(self.op, uuid).await?.is_empty() => {
                Ok(None)
            }
            Ok(domain) => Ok(of_domain(&domain)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a create is at work on the VM.
    pub(super) async fn maker_of(&self, domain: &Domain) -> Result<Maker, Error> {
        match maker(domain) {
            Maker::Gone => Ok(maker(&self.op.client().domain(&domain.uuid).await?)),
            other => Ok(other),
        }
    }

    fn broken_imports(&self) -> Result<Vec<Garbage>, Error> {
        let files = Images::of(self.op).image_store()?.own().abandoned()?;
        let garbage = files.into_iter().map(|file| Garbage {
            name: file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            uuid: None,
            reason: Reason::BrokenImport,
            files: vec![file.to_string_lossy().into_owned()],
            volumes: Vec::new(),
            download: None,
        });
        Ok(garbage.collect())
    }

    /// The pools that were made for the sake of clones of which none goes on. One may use what another has made.
    async fn forgotten_pools(&self, domains: &[Domain]) -> Result<Vec<Garbage>, Error> {
        if domains.iter().any(|domain| matches!(maker(domain), Maker::AtWork)) {
            return Ok(Vec::new());
        }
        let is_forgotten =
            |pool: &String| maker_of_folder(pool).is_some_and(|maker| maker.is_alive() == Some(false));
        let pools = self.op.client().active_pools().await?.into_iter().filter(is_forgotten);
        let garbage = pools.map(|name| Garbage {
            name,
            uuid: None,
            reason: Reason::ForgottenPool,
            files: Vec::new(),
            volumes: Vec::new(),
            download: None,
        });
        Ok(garbage.collect())
    }

    /// Bases without a marker, and copies of disks, that nobody writes to any more.
    async fn broken_volumes(&self) -> Result<Vec<Garbage>, Error> {
        let pool = self.op.config().storage.pool.as_str();
        if self.op.client().pool(pool).await?.is_none() {
            return Ok(Vec::new());
        }
        match self.op.client().refresh_pool(pool).await {
            // A pool in which something is being made is looked at the next time.
            Err(libvirt::Error::Busy { .. }) => return Ok(Vec::new()),
            other => other?,
        }
        let volumes = self.op.client().volumes(pool).await?;
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
                download: None,
            })
        });
        Ok(garbage.collect())
    }
}

fn of_domain(domain: &Domain) -> Option<Garbage> {
    let record = domain.metadata.as_ref()?;
    let reason = match maker(domain) {
        Maker::Gone => Reason::Unfinished,
        Maker::AtWork => return None,
        Maker::None if domain.protected => return None,
        Maker::None if record.expires.is_some_and(|time| time.is_past()) => Reason::Expired,
        Maker::None => return None,
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

/// Whether a create is at work on a VM.
pub(super) enum Maker {
    /// None is: it was finished.
    None,
    /// One is, as far as can be told: of another host's process it can't.
    AtWork,
    /// The one that was has ended before it was finished.
    Gone,
}

/// As far as this definition tells, which may be older than the end of its maker.
fn maker(domain: &Domain) -> Maker {
    match domain.creator().map(str::parse::<Creator>) {
        None => Maker::None,
        Some(Ok(creator)) if creator.is_alive() == Some(false) => Maker::Gone,
        Some(_) => Maker::AtWork,
    }
}
