use std::path::{Path, PathBuf};

use super::Error;
use crate::system::fs;

/// The host's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All that the kernel manages, in MiB.
    pub total_mib: u64,
    /// What programs can still get without swapping, in MiB.
    pub available_mib: u64,
}

/// The host's memory, from /proc/meminfo (proc_meminfo(5)).
///
/// # Errors
/// When the file can't be read or has neither number.
pub fn memory() -> Result<Memory, Error> {
    let path = Path::new("/proc/meminfo");
    let text = std::fs::read_to_string(path).map_err(fs::Error::at("read", path))?;
    parse_meminfo(&text).ok_or(Error::Malformed { path: path.to_owned(), what: "memory" })
}

/// The CPUs that this process may run on.
pub fn cpus() -> u32 {
    std::thread::available_parallelism().ok().and_then(|cpus| u32::try_from(cpus.get()).ok()).unwrap_or(1)
}

/// The bytes that this user may still write at `path`; for a path that is not there yet, at the nearest
/// directory above it.
///
/// # Errors
/// When the system doesn't tell.
pub fn disk_free(path: &Path) -> Result<u64, Error> {
    let failed = |path: &Path, source: std::io::Error| Error::FreeSpace { path: path.to_owned(), source };
    let absolute: PathBuf = std::path::absolute(path).map_err(|source| failed(path, source))?;
    let there = absolute.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let stat = rustix::fs::statvfs(there).map_err(|error| failed(there, error.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Whether the directory lies on a file system that no other host writes to, as far as its kind tells. The numbers
/// are the kernel's (statfs(2)): ext2 to ext4, XFS, Btrfs, F2FS, ZFS, tmpfs, overlayfs.
pub fn is_of_this_host(folder: &Path) -> bool {
    const LOCAL: [u64; 7] =
        [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x2FC1_2FC1, 0x0102_1994, 0x794C_7630];
    rustix::fs::statfs(folder)
        .is_ok_and(|stat| u64::try_from(stat.f_type).is_ok_and(|kind| LOCAL.contains(&kind)))
}

fn parse_meminfo(text: &str) -> Option<Memory> {
    let mib = |wanted: &str| {
        let (_, value) =
            text.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| *key == wanted)?;
        let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib / 1024)
    };
    let total_mib = mib("MemTotal")?;
    // Kernels before 3.14 have no MemAvailable; what is free is a lower bound.
    let available_mib = mib("MemAvailable").or_else(|| mib("MemFree"))?;
    Some(Memory { total_mib, available_mib })
}

#[cfg(test)]
mod tests {
    use super::*;

    // Recorded, shortened.
    const MEMINFO: &str = "MemTotal:       24684096 kB\nMemFree:        21962680 kB\n\
        MemAvailable:   24095652 kB\nBuffers:           26132 kB\nHugePages_Total:       0\n";

    #[test]
    fn meminfo_is_in_kib() {
        let memory = Memory { total_mib: 24105, available_mib: 23530 };
        assert_eq!(parse_meminfo(MEMINFO), Some(memory));
        assert_eq!(parse_meminfo("MemTotal: 1 kB\n"), None);
        assert_eq!(parse_meminfo("MemTotal: x kB\nMemFree: 1 kB"), None);
        assert_eq!(parse_meminfo(""), None);
    }

    #[test]
    fn this_host_has_all() {
        assert!(memory().expect("reads").total_mib > 0);
        assert!(cpus() > 0);
        assert!(disk_free(Path::new("/tmp/not/there/yet")).expect("tells") > 0);
    }
}
