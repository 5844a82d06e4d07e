use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A program that vmtools needs, or that makes more possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// libvirt's shell.
    Virsh,
    /// QEMU's tool for images.
    QemuImg,
    /// The emulator for this host's own CPU.
    QemuSystem,
    /// User-mode networking for session VMs.
    Passt,
    /// The ssh client.
    Ssh,
    /// The copier over ssh.
    Scp,
    /// Gives one user rights on a file.
    Setfacl,
    /// Serves a directory of the host to a guest.
    Virtiofsd,
    /// Gives an ordinary user's program more ids than that user's.
    Newuidmap,
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Virsh,
        Self::QemuImg,
        Self::QemuSystem,
        Self::Passt,
        Self::Ssh,
        Self::Scp,
        Self::Setfacl,
        Self::Virtiofsd,
        Self::Newuidmap,
    ];

    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Self::Virsh => "virsh",
            Self::QemuImg => "qemu-img",
            Self::QemuSystem if cfg!(target_arch = "aarch64") => "qemu-system-aarch64",
            Self::QemuSystem => "qemu-system-x86_64",
            Self::Passt => "passt",
            Self::Ssh => "ssh",
            Self::Scp => "scp",
            Self::Setfacl => "setfacl",
            Self::Virtiofsd => "virtiofsd",
            Self::Newuidmap => "newuidmap",
        }
    }
}

/// Where the program is: in `PATH`; for QEMU, also where Red Hat's systems keep it, and for virtiofsd, which
/// nobody has in `PATH`, where the distributions do.
pub fn tool(tool: Tool) -> Option<PathBuf> {
    let elsewhere: &[&str] = match tool {
        Tool::QemuSystem => &["/usr/libexec/qemu-kvm"],
        Tool::Virtiofsd => &["/usr/libexec/virtiofsd", "/usr/lib/virtiofsd", "/usr/lib/qemu/virtiofsd"],
        _ => &[],
    };
    in_path(tool.program()).or_else(|| {
        let mut known = elsewhere.iter().map(PathBuf::from);
        known.find(|file| is_program(file))
    })
}

/// Where a program of that name is in `PATH`.
pub(super) fn in_path(program: &str) -> Option<PathBuf> {
    find(program, &std::env::var_os("PATH").unwrap_or_default())
}

fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_can_be_run_is_found() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (first, second) = (folder.path().join("1"), folder.path().join("2"));
        for (dir, mode) in [(&first, 0o644), (&second, 0o755)] {
            std::fs::create_dir(dir).expect("makes it");
            std::fs::write(dir.join("virsh"), "").expect("writes");
            std::fs::set_permissions(dir.join("virsh"), std::fs::Permissions::from_mode(mode)).expect("sets");
        }
        let path = std::env::join_paths([&first, &second]).expect("joins");
        assert_eq!(find("virsh", &path), Some(second.join("virsh")));
        assert_eq!(find("qemu-img", &path), None);
        assert_eq!(find("virsh", OsStr::new("")), None);
    }
}
