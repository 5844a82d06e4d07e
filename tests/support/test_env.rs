//! The program under test without any libvirt, as any user: a home of its own and little else.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::process::find_program;
use super::run::Cmd;
use super::shim::write_script;
use super::stopwatch::Stopwatch;

/// A temporary home with empty XDG folders and a PATH with nothing in it but what a test puts there.
pub struct TestEnv {
    root: PathBuf,
    _stopwatch: Stopwatch,
}

impl TestEnv {
    /// A fresh one.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("vmt-env-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = std::env::temp_dir().join(name);
        for dir in ["home", "config", "data", "state", "cache", "runtime", "bin", "tmp"] {
            fs::create_dir_all(root.join(dir)).unwrap();
        }
        Self { root, _stopwatch: Stopwatch::start() }
    }

    /// The program under test, not run yet.
    pub fn vmtools(&self, args: &[impl AsRef<OsStr>]) -> Cmd {
        self.command(env!("CARGO_BIN_EXE_vmtools"), args)
    }

    /// Any program, by its full path, in the same environment.
    pub fn command(&self, program: &str, args: &[impl AsRef<OsStr>]) -> Cmd {
        let dir = |name: &str| self.root.join(name);
        Cmd::new(Vec::new(), program, args)
            .env("PATH", dir("bin"))
            .env("HOME", self.home())
            .env("XDG_CONFIG_HOME", dir("config"))
            .env("XDG_DATA_HOME", dir("data"))
            .env("XDG_STATE_HOME", dir("state"))
            .env("XDG_CACHE_HOME", dir("cache"))
            .env("XDG_RUNTIME_DIR", dir("runtime"))
            .env("TMPDIR", dir("tmp"))
            .env("LANG", "C.UTF-8")
            .env("USER", "tester")
    }

    /// The home.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Where everything of this environment lies: `config`, `data`, `state`, `cache`, `runtime`, `bin`, `tmp`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a file below the root, with its folders: `config/vmtools/config.toml`.
    pub fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Puts a fake program into PATH: a script by a full-path shell, for there is no other.
    pub fn fake_tool(&self, name: &str, script: &str) {
        write_script(&self.root.join("bin").join(name), script);
    }

    /// Puts the machine's own program into PATH.
    pub fn real_tool(&self, name: &str) {
        let real = find_program(name).unwrap_or_else(|| panic!("this machine has no {name}"));
        std::os::unix::fs::symlink(real, self.root.join("bin").join(name)).unwrap();
    }
}

impl Default for TestEnv {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}
