use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;

use crate::model::Uuid;

use super::proc_stat;
use crate::model::Timestamp;

/// The QEMU process behind a VM that runs on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QemuProcess {
    /// Its process id.
    pub pid: u32,
    /// When it began, to a hundredth of a second.
    pub started: Timestamp,
    /// The user that it runs as.
    pub uid: u32,
}

/// The process of the VM `uuid`; `None` also when this user may not see it.
pub fn qemu_process(uuid: Uuid) -> Option<QemuProcess> {
    process_ids().find(|pid| uuid_of(*pid) == Some(uuid)).and_then(describe)
}

/// The processes of all VMs, in one pass over /proc.
pub fn qemu_processes() -> HashMap<Uuid, QemuProcess> {
    process_ids().filter_map(|pid| Some((uuid_of(pid)?, describe(pid)?))).collect()
}

/// Whether the command line of the VM's process names the file; `None` when there is no process to be seen.
pub fn qemu_names_file(uuid: Uuid, path: &str) -> Option<bool> {
    let pid = process_ids().find(|pid| uuid_of(*pid) == Some(uuid))?;
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    // libvirt writes block devices as JSON, in which a string may have escapes.
    let quoted = format!("\"{}\"", path.replace('\\', r"\\").replace('"', "\\\""));
    Some(line.windows(quoted.len()).any(|window| window == quoted.as_bytes()))
}

pub(super) fn process_ids() -> impl Iterator<Item = u32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn uuid_of(pid: u32) -> Option<Uuid> {
    parse_uuid(&std::fs::read(format!("/proc/{pid}/cmdline")).ok()?)
}

fn describe(pid: u32) -> Option<QemuProcess> {
    let ticks = proc_stat::start_ticks(pid)?;
    Some(QemuProcess {
        pid,
        started: proc_stat::moment(ticks)?.into(),
        uid: std::fs::metadata(format!("/proc/{pid}")).ok()?.uid(),
    })
}

/// The VM of a command line: words that end in a NUL, of which the first is QEMU's and `-uuid` has the
/// UUID behind it. libvirt always gives it.
fn parse_uuid(cmdline: &[u8]) -> Option<Uuid> {
    let mut words = cmdline.split(|byte| *byte == 0);
    let program = String::from_utf8_lossy(words.next()?);
    let name = program.rsplit('/').next().unwrap_or_default();
    if !name.starts_with("qemu") {
        return None;
    }
    words.find(|word| *word == b"-uuid")?;
    Uuid::try_parse_ascii(words.next()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::process::Invocation;
    use std::time::Duration;
    use tokio::io::AsyncReadExt;

    #[test]
    fn the_uuid_stands_behind_its_flag() {
        let uuid = "0b0c0d0e-1111-2222-3333-444455556666";
        // Shortened from a command line of libvirt 11.3.
        let line = |program: &str, flag: &str| {
            format!("{program}\0-name\0guest=web,debug-threads=on\0-S\0{flag}\0{uuid}\0-no-user-config\0")
        };
        let parsed = |text: String| parse_uuid(text.as_bytes());
        let expected = Uuid::try_parse(uuid).ok();
        assert_eq!(parsed(line("/usr/bin/qemu-system-x86_64", "-uuid")), expected);
        assert_eq!(parsed(line("/usr/libexec/qemu-kvm", "-uuid")), expected);
        assert_eq!(parsed(line("/usr/bin/qemu-system-x86_64", "-id")), None);
        assert_eq!(parsed(line("grep", "-uuid")), None);
        assert_eq!(parse_uuid(b"qemu-system-x86_64\0-uuid\0"), None);
        assert_eq!(parse_uuid(b""), None);
    }

    /// A shell under a name like QEMU's, with libvirt's flag behind it, is a process like QEMU's.
    #[tokio::test]
    async fn a_process_is_found_with_its_start() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let program = folder.path().join("qemu-system-fake");
        std::os::unix::fs::symlink("/bin/sh", &program).expect("links");
        let uuid = Uuid::new_v4();
        let invocation = Invocation::new(&program, Duration::from_secs(20));
        let invocation = invocation.args(["-c", "echo up; read line", "-uuid", &uuid.to_string()]);
        let invocation = invocation.args(["-blockdev", r#"{"driver":"file","filename":"/p/a b.qcow2"}"#]);
        let mut shell = invocation.spawn_piped().expect("starts");
        shell.stdout.read_exact(&mut [0; 3]).await.expect("says that it runs");
        let found = qemu_process(uuid).expect("is found");
        assert_eq!(found.uid, rustix::process::getuid().as_raw());
        assert!(found.started.elapsed() < Duration::from_secs(60), "{found:?}");
        assert_eq!(qemu_processes().get(&uuid), Some(&found));
        assert_eq!(qemu_names_file(uuid, "/p/a b.qcow2"), Some(true));
        assert_eq!(qemu_names_file(uuid, "/p/a"), Some(false));
        shell.close(Duration::from_secs(5)).await;
        assert_eq!(qemu_process(uuid), None);
    }

    #[test]
    fn nobody_runs_an_unknown_vm() {
        assert_eq!(qemu_process(Uuid::nil()), None);
    }
}
