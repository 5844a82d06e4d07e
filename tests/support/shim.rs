//! Programs put before the real ones: fakes with a behaviour, and shims that count.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::process::find_program;
use super::run::Run;
use super::sandbox::Sandbox;

/// The programs that are counted, if there are any such.
const COUNTED: [&str; 28] = [
    "virsh",
    "qemu-img",
    "qemu-io",
    "qemu-nbd",
    "qemu-system-x86_64",
    "ssh",
    "scp",
    "sftp",
    "ssh-keygen",
    "ssh-keyscan",
    "curl",
    "wget",
    "ip",
    "ss",
    "nft",
    "cp",
    "tar",
    "zstd",
    "xz",
    "genisoimage",
    "xorriso",
    "mkfs.vfat",
    "mcopy",
    "sh",
    "bash",
    "systemctl",
    "getent",
    "setfacl",
];

/// A run, and how many processes it started of each program.
#[derive(Debug)]
pub struct Counted {
    /// The run itself.
    pub run: Run,
    /// Processes by program; a program that was not started is not in it.
    pub counts: BTreeMap<String, usize>,
    /// Each process as `program arguments`, in the order of their starts.
    pub log: Vec<String>,
}

impl Counted {
    /// How many processes of that program.
    pub fn of(&self, program: &str) -> usize {
        self.counts.get(program).copied().unwrap_or(0)
    }
}

impl Sandbox {
    /// Puts a shell script before the real program of that name, for all later commands in here.
    /// It may call the real one by its full path.
    pub fn fake_tool(&self, name: &str, script: &str) {
        write_script(&self.root().join("fakes").join(name), script);
    }

    /// Takes a fake away.
    pub fn real_tool(&self, name: &str) {
        let _ = fs::remove_file(self.root().join("fakes").join(name));
    }

    /// Runs vmtools and counts the programs that it and its children start by name. A program that is
    /// started by its full path is not seen.
    #[track_caller]
    pub fn count_processes(&self, args: &[impl AsRef<OsStr>]) -> Counted {
        self.count_processes_within(args, Duration::from_secs(120))
    }

    /// The same of one that may take so long.
    #[track_caller]
    pub fn count_processes_within(&self, args: &[impl AsRef<OsStr>], timeout: Duration) -> Counted {
        let (shims, log) = (self.root().join("shims"), self.tmp().join("shims.log"));
        fs::create_dir_all(&shims).unwrap();
        for name in COUNTED {
            if let Some(real) = find_program(name) {
                let line = format!("echo \"{name} $*\" >>{}\nexec {} \"$@\"", log.display(), real.display());
                write_script(&shims.join(name), &line);
            }
        }
        let _ = fs::remove_file(&log);
        let run = self.vmtools(args).path_first(&shims).timeout(timeout).run();
        let text = fs::read_to_string(&log).unwrap_or_default();
        let mut counts = BTreeMap::new();
        let log: Vec<String> = text.lines().map(ToString::to_string).collect();
        for line in &log {
            let name = line.split(' ').next().unwrap_or_default();
            *counts.entry(name.to_string()).or_default() += 1;
        }
        Counted { run, counts, log }
    }
}

/// An executable script, begun with the shell's own line unless it brings one.
pub fn write_script(path: &Path, script: &str) {
    let first = if script.starts_with("#!") { "" } else { "#!/bin/sh\n" };
    // Written beside and renamed: a script that is being run cannot be written.
    let part = path.with_extension("part");
    fs::write(&part, format!("{first}{script}\n")).unwrap();
    fs::set_permissions(&part, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(&part, path).unwrap();
}
