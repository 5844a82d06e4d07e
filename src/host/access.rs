use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::account::Account;
use super::acl::{Node, parse_acl};
use super::error::Error;
use super::tool::{Tool, tool};
use crate::system::{fs, process::quoted};

/// What somebody may do with a file or a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Read it.
    Read,
    /// Read and write it; in a directory: make files.
    Write,
    /// Reach what lies in it.
    Search,
    /// List a directory, and reach what lies in it.
    Browse,
    /// The same, and make files in it.
    Fill,
}

/// What keeps a user from a file: the first directory on the way that can't be passed, or the file itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// The directory or file that blocks.
    pub path: PathBuf,
    /// What the user lacks there.
    pub lacks: Permission,
    /// The command that opens the whole way, as one would type it.
    pub fix: String,
}

/// What keeps `account` from `path`, if anything does: each directory above it has to let the account search,
/// and the file itself has to give `wanted`. `None` for `wanted` looks at the directories alone: by default
/// libvirt hands a VM's own disks to QEMU's user when it starts (`dynamic_ownership`), so their bits say
/// little. What of the path isn't there yet is not looked at. Counts mode bits, groups and POSIX ACLs; not
/// AppArmor or SELinux.
///
/// # Errors
/// When this user can't look at the path.
pub fn blocker(account: &Account, path: &Path, wanted: Option<Permission>) -> Result<Option<Blocker>, Error> {
    let absolute = std::path::absolute(path).map_err(fs::Error::at("find", path))?;
    let mut found: Option<Blocker> = None;
    for (step, last) in steps(&absolute) {
        let needed = match (last, wanted) {
            (false, _) => Permission::Search,
            (true, Some(wanted)) => wanted,
            (true, None) => continue,
        };
        let node = match load_node(&step) {
            Ok(node) => node,
            Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        if node.allows(account, needed.bits()) {
            continue;
        }
        let fix = fix(account, &step, needed);
        match &mut found {
            // All that is closed behind the first one is opened with it.
            Some(first) => first.fix = format!("{} && {fix}", first.fix),
            None => found = Some(Blocker { path: step, lacks: needed, fix }),
        }
    }
    Ok(found)
}

fn fix(account: &Account, path: &Path, needed: Permission) -> String {
    let (letters, path) = (needed.letters(), quoted(&path.to_string_lossy()));
    match tool(Tool::Setfacl) {
        Some(_) => format!("setfacl -m u:{}:{letters} {path}", account.name),
        None => format!("chmod o+{letters} {path}"),
    }
}

impl Permission {
    fn bits(self) -> u32 {
        match self {
            Self::Read => 4,
            Self::Write => 6,
            Self::Search => 1,
            Self::Browse => 5,
            Self::Fill => 7,
        }
    }

    fn letters(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::Write => "rw",
            Self::Search => "x",
            Self::Browse => "rx",
            Self::Fill => "rwx",
        }
    }
}

/// The directories that are passed on the way to `path`, from the root on, links followed; last the file
/// itself, with `true`.
fn steps(path: &Path) -> Vec<(PathBuf, bool)> {
    let mut steps: Vec<(PathBuf, bool)> = Vec::new();
    let mut add = |folder: &Path| {
        if !steps.iter().any(|(known, _)| known == folder) {
            steps.push((folder.to_owned(), false));
        }
    };
    // A link on the way leads through its own folders and through its target's.
    let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
    above.reverse();
    for folder in above {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let mut chain: Vec<&Path> = real.ancestors().collect();
        chain.reverse();
        chain.into_iter().for_each(&mut add);
    }
    let file = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut chain: Vec<&Path> = file.ancestors().skip(1).collect();
    chain.reverse();
    chain.into_iter().for_each(&mut add);
    steps.push((file, true));
    steps
}

fn load_node(path: &Path) -> Result<Node, fs::Error> {
    let data = std::fs::metadata(path).map_err(fs::Error::at("look at", path))?;
    let mut value = vec![0; 4096];
    let acl = rustix::fs::getxattr(path, "system.posix_acl_access", &mut value)
        .ok()
        .and_then(|length| parse_acl(value.get(..length)?))
        // No such attribute, no ACLs on that file system, or one that can't be read: the mode counts.
        .unwrap_or_default();
    Ok(Node { mode: data.mode() & 0o777, uid: data.uid(), gid: data.gid(), acl })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn qemu() -> Account {
        Account { name: "libvirt-qemu".into(), uid: 64055, gids: vec![64055] }
    }

    fn chmod(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("sets the mode");
    }

    /// A directory `my home` with a directory `disks` with a file, all closed but the root above them.
    fn closed_home() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let root = tempfile::tempdir().expect("temporary folder");
        let home = root.path().join("my home");
        let file = home.join("disks/a.qcow2");
        std::fs::create_dir_all(home.join("disks")).expect("makes folders");
        std::fs::write(&file, "").expect("writes");
        chmod(root.path(), 0o755);
        chmod(&home.join("disks"), 0o700);
        chmod(&home, 0o700);
        chmod(&file, 0o600);
        (root, home, file)
    }

    fn first_blocker(file: &Path, wanted: Option<Permission>) -> Option<(PathBuf, Permission)> {
        let blocker = blocker(&qemu(), file, wanted).expect("looks");
        blocker.map(|blocker| (blocker.path, blocker.lacks))
    }

    #[test]
    fn the_first_folder_that_blocks_is_named() {
        let (_root, home, file) = closed_home();
        let blocker = blocker(&qemu(), &file, None).expect("looks").expect("is blocked");
        assert_eq!((&blocker.path, blocker.lacks), (&home, Permission::Search));
        let fixes: Vec<&str> = blocker.fix.split(" && ").collect();
        assert_eq!(fixes.len(), 2);
        let closed = [home.clone(), home.join("disks")];
        assert!(
            fixes
                .iter()
                .zip(&closed)
                .all(|(fix, folder)| fix.ends_with(&format!("x '{}'", folder.display())))
        );
        chmod(&home, 0o711);
        assert_eq!(first_blocker(&file, None), Some((home.join("disks"), Permission::Search)));
        chmod(&home.join("disks"), 0o711);
        assert_eq!(first_blocker(&file, None), None);
    }

    #[test]
    fn the_file_itself_counts_if_asked_for() {
        let (_root, home, file) = closed_home();
        chmod(&home, 0o711);
        chmod(&home.join("disks"), 0o711);
        assert_eq!(first_blocker(&file, Some(Permission::Read)), Some((file.clone(), Permission::Read)));
        chmod(&file, 0o644);
        assert_eq!(first_blocker(&file, Some(Permission::Read)), None);
        assert_eq!(first_blocker(&file, Some(Permission::Write)), Some((file.clone(), Permission::Write)));
        assert_eq!(first_blocker(&home.join("disks/new"), Some(Permission::Read)), None);
        assert_eq!(
            first_blocker(&home.join("disks"), Some(Permission::Fill)),
            Some((home.join("disks"), Permission::Fill))
        );
    }

    #[test]
    fn a_links_target_is_passed_too() {
        let root = tempfile::tempdir().expect("temporary folder");
        chmod(root.path(), 0o755);
        let (closed, link) = (root.path().join("closed"), root.path().join("link.qcow2"));
        std::fs::create_dir(&closed).expect("makes it");
        std::fs::write(closed.join("a.qcow2"), "").expect("writes");
        std::os::unix::fs::symlink(closed.join("a.qcow2"), &link).expect("links");
        chmod(&closed, 0o700);
        let found = blocker(&qemu(), &link, None).expect("looks").expect("is blocked");
        assert_eq!(found.path, closed);
    }

    #[test]
    fn an_acl_opens_the_way() {
        let root = tempfile::tempdir().expect("temporary folder");
        chmod(root.path(), 0o700);
        let file = root.path().join("a");
        assert!(blocker(&qemu(), &file, None).expect("looks").is_some());
        let mut value = vec![2, 0, 0, 0];
        for (tag, bits, id) in
            [(1u16, 7u16, u32::MAX), (2, 1, 64055), (4, 0, u32::MAX), (16, 1, u32::MAX), (32, 0, u32::MAX)]
        {
            value.extend(tag.to_le_bytes());
            value.extend(bits.to_le_bytes());
            value.extend(id.to_le_bytes());
        }
        let flags = rustix::fs::XattrFlags::empty();
        // Not every file system under a temporary folder has ACLs.
        if rustix::fs::setxattr(root.path(), "system.posix_acl_access", &value, flags).is_ok() {
            assert_eq!(blocker(&qemu(), &file, None).expect("looks"), None);
        }
    }
}
