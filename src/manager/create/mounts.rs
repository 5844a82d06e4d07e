//! The host's directories that the guest mounts, and how it gets at each.

use std::path::Path;

use crate::host::{self, Permission, Virtiofsd};
use crate::libvirt::Version;
use crate::manager::create::Creation;
use crate::manager::host_checks::utf8_path;
use crate::manager::{Error, Event, ResourceError, VmSpec, Warning};
use crate::model::{Invalid, MountDriver, MountSpec, SharedFolder};

/// libvirt's first version with virtiofs for ordinary users.
const SESSIONS: Version = Version(10, 0, 0);

/// libvirt's first version with virtiofs that the guest may only read.
const READ_ONLY: Version = Version(11, 0, 0);

/// The directories, and the program that serves those that are virtiofs.
#[derive(Default)]
pub(super) struct Mounts {
    pub(super) folders: Vec<SharedFolder>,
    pub(super) virtiofsd: Option<String>,
}

/// What this host has for virtiofs.
struct VirtiofsSupport {
    virtiofsd: Option<Virtiofsd>,
    libvirt: Version,
    session: bool,
    subordinate_ids: bool,
}

/// Why a directory can't be given to the guest by virtiofs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VirtiofsFault {
    /// Its program is missing.
    #[error("virtiofsd is not installed")]
    NotInstalled,
    /// libvirt is too old for it in a session.
    #[error("virtiofs in a session needs libvirt {needed}; this is {found}")]
    Session {
        /// The first version that has it.
        needed: Version,
        /// The one that runs.
        found: Version,
    },
    /// In a session it needs further user ids.
    #[error("virtiofs in a session needs newuidmap, and ids in /etc/subuid and /etc/subgid")]
    NoSubordinateIds,
    /// libvirt is too old to keep a guest from writing.
    #[error("read-only virtiofs needs libvirt {needed}; this is {found}")]
    ReadOnly {
        /// The first version that has it.
        needed: Version,
        /// The one that runs.
        found: Version,
    },
    /// virtiofsd is too old to keep a guest from writing.
    #[error("read-only virtiofs needs virtiofsd 1.13")]
    WritesAnyway,
}

impl Creation<'_> {
    /// The directories are there, on the host of the VM.
    pub(super) fn check_mounts(&self, spec: &VmSpec) -> Result<(), Error> {
        for (index, mount) in spec.mounts.iter().enumerate() {
            if !self.op.locality().is_here() {
                return Err(ResourceError::NotHere {
                    path: mount.host.clone(),
                    uri: self.op.uri().to_string(),
                }
                .into());
            }
            if !mount.host.is_dir() {
                return Err(ResourceError::FolderMissing { path: mount.host.clone() }.into());
            }
            utf8_path(&mount.host)?;
            if spec.mounts[..index].iter().any(|other| other.guest == mount.guest) {
                let reason = "two directories cannot be mounted at the same path";
                return Err(Invalid::new("mount", mount.to_string(), reason).into());
            }
        }
        Ok(())
    }

    /// Settles whether each directory goes by virtiofs or by 9p.
    pub(super) async fn mounts(&self, spec: &VmSpec) -> Result<Mounts, Error> {
        if spec.mounts.is_empty() {
            return Ok(Mounts::default());
        }
        let means = VirtiofsSupport {
            virtiofsd: host::virtiofsd().await,
            libvirt: self.op.client().versions().await?.daemon,
            session: self.op.locality().is_session(),
            subordinate_ids: host::has_subordinate_ids(),
        };
        let mut folders = Vec::with_capacity(spec.mounts.len());
        for (number, mount) in spec.mounts.iter().enumerate() {
            let driver = match means.lacks(mount.read_only) {
                None => MountDriver::Virtiofs,
                Some(reason) => {
                    self.check_folder(mount)?;
                    let folder = mount.host.display().to_string();
                    self.op.report(Event::Warning(Warning::NoVirtiofs { folder, reason }));
                    MountDriver::NineP
                }
            };
            folders.push(SharedFolder {
                host: utf8_path(&mount.host)?,
                tag: SharedFolder::tag_of(number),
                guest: mount.guest.clone(),
                read_only: mount.read_only,
                driver,
            });
        }
        let virtiofsd = means.virtiofsd.map(|program| program.path.to_string_lossy().into_owned());
        Ok(Mounts { folders, virtiofsd })
    }

    /// By 9p it is QEMU that reads and writes, as its own user.
    fn check_folder(&self, mount: &MountSpec) -> Result<(), Error> {
        if self.op.locality().is_session() {
            return Ok(());
        }
        let Some(account) = host::qemu_account() else { return Ok(()) };
        let wanted = if mount.read_only { Permission::Browse } else { Permission::Fill };
        let path: &Path = &mount.host;
        match host::blocker(&account, path, Some(wanted)) {
            Ok(Some(blocker)) => Err(ResourceError::PathBlocked { path: path.to_owned(), blocker }.into()),
            _ => Ok(()),
        }
    }
}

impl VirtiofsSupport {
    /// What is missing for virtiofs, if anything is.
    fn lacks(&self, read_only: bool) -> Option<VirtiofsFault> {
        let found = self.libvirt;
        let Some(virtiofsd) = &self.virtiofsd else {
            return Some(VirtiofsFault::NotInstalled);
        };
        if self.session && found < SESSIONS {
            return Some(VirtiofsFault::Session { needed: SESSIONS, found });
        }
        if self.session && !self.subordinate_ids {
            return Some(VirtiofsFault::NoSubordinateIds);
        }
        if read_only && found < READ_ONLY {
            return Some(VirtiofsFault::ReadOnly { needed: READ_ONLY, found });
        }
        (read_only && !virtiofsd.refuses_writes).then_some(VirtiofsFault::WritesAnyway)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(libvirt: Version, session: bool, refuses_writes: bool) -> VirtiofsSupport {
        let virtiofsd = Some(Virtiofsd { path: "/virtiofsd".into(), refuses_writes });
        VirtiofsSupport { virtiofsd, libvirt, session, subordinate_ids: true }
    }

    #[test]
    fn virtiofs_is_taken_where_it_does_what_is_asked() {
        for (libvirt, session, refuses_writes, writable, readable) in [
            (Version(11, 3, 0), false, true, true, true),
            (Version(11, 3, 0), true, true, true, true),
            (Version(11, 3, 0), false, false, true, false),
            (Version(10, 0, 0), false, true, true, false),
            (Version(10, 0, 0), true, true, true, false),
            (Version(9, 0, 0), false, true, true, false),
            (Version(9, 0, 0), true, true, false, false),
        ] {
            let means = means(libvirt, session, refuses_writes);
            let found = (means.lacks(false).is_none(), means.lacks(true).is_none());
            assert_eq!(found, (writable, readable), "{libvirt} {session} {refuses_writes}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let none = VirtiofsSupport { virtiofsd: None, ..means(Version(11, 3, 0), false, true) };
        assert_eq!(none.lacks(false), Some(VirtiofsFault::NotInstalled));
        let no_ids = VirtiofsSupport { subordinate_ids: false, ..means(Version(11, 3, 0), true, true) };
        assert_eq!(no_ids.lacks(false), Some(VirtiofsFault::NoSubordinateIds));
    }
}
