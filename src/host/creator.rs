use std::fmt;
use std::str::FromStr;

use crate::model::Uuid;

use super::proc_stat;
use crate::model::Invalid;

/// The vmtools process that is at work on a VM, written so that another one can later tell whether that
/// process is still alive: `HOST/BOOT-ID/PID-NAMESPACE/PID/START`.
///
/// A process id alone is used again; with the ticks of its start it is unique within a boot of the kernel
/// and a namespace of process ids (a container has its own).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creator {
    host: String,
    boot_id: Uuid,
    namespace: u64,
    pid: u32,
    start_ticks: u64,
}

impl Creator {
    /// This process; `None` where /proc doesn't tell.
    pub fn current() -> Option<Self> {
        let pid = std::process::id();
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Some(Self {
            host: plain(&name),
            boot_id: boot_id()?,
            namespace: pid_namespace()?,
            pid,
            start_ticks: proc_stat::start_ticks(pid)?,
        })
    }

    /// Whether that process is still alive. `None` when that is not known here: it is on another
    /// host, in another container, or hidden from this user.
    pub fn is_alive(&self) -> Option<bool> {
        let here = Self::current()?;
        if self.boot_id != here.boot_id {
            // An earlier boot of this host, whose processes are gone; or another host, of the same name
            // only if somebody named two so.
            return (self.host == here.host).then_some(false);
        }
        if self.namespace != here.namespace {
            return None;
        }
        match proc_stat::start_ticks(self.pid) {
            Some(ticks) => Some(ticks == self.start_ticks),
            // Where /proc hides other users' processes (hidepid), a process that may not be signalled is
            // there, but nobody knows which one it is.
            None if is_hidden(self.pid) => None,
            None => Some(false),
        }
    }

    /// The host that it runs on.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }
}

impl fmt::Display for Creator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, boot_id, namespace, pid, start_ticks } = self;
        write!(f, "{host}/{boot_id}/{namespace}/{pid}/{start_ticks}")
    }
}

impl FromStr for Creator {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = || Invalid::new("creator", text, "expected HOST/BOOT-ID/NAMESPACE/PID/START");
        let fields: Vec<&str> = text.split('/').collect();
        let [host, boot_id, namespace, pid, start_ticks] = fields.as_slice() else {
            return Err(refuse());
        };
        Ok(Self {
            host: Some(*host).filter(|host| plain(host) == **host).map(str::to_owned).ok_or_else(refuse)?,
            boot_id: Uuid::try_parse(boot_id).map_err(|_| refuse())?,
            namespace: namespace.parse().map_err(|_| refuse())?,
            pid: pid.parse().map_err(|_| refuse())?,
            start_ticks: start_ticks.parse().map_err(|_| refuse())?,
        })
    }
}

fn is_hidden(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::PERM))
}

fn boot_id() -> Option<Uuid> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Uuid::try_parse(text.trim()).ok()
}

/// The number in the link /proc/self/ns/pid, `pid:[4026531836]` (namespaces(7)).
fn pid_namespace() -> Option<u64> {
    let link = std::fs::read_link("/proc/self/ns/pid").ok()?;
    let text = link.to_str()?;
    text.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()
}

/// `name` with the characters of host names alone, so that it can stand in an XML attribute.
fn plain(name: &str) -> String {
    let kept = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }
    };
    name.chars().map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_reads_back() {
        let this = Creator::current().expect("/proc is there");
        assert_eq!(this.is_alive(), Some(true));
        assert_eq!(this.to_string().parse(), Ok(this));
    }

    #[test]
    fn the_dead_and_the_unknown() {
        let this = Creator::current().expect("/proc is there");
        let later = Creator { start_ticks: this.start_ticks + 1, ..this.clone() };
        assert_eq!(later.is_alive(), Some(false), "the process id was used again");
        let gone = Creator { pid: u32::MAX, ..this.clone() };
        assert_eq!(gone.is_alive(), Some(false));
        let before = Creator { boot_id: Uuid::nil(), ..this.clone() };
        assert_eq!(before.is_alive(), Some(false), "another boot");
        let elsewhere = Creator { host: "other".into(), ..before };
        assert_eq!(elsewhere.is_alive(), None);
        let container = Creator { namespace: 1, ..this.clone() };
        assert_eq!(container.is_alive(), None);
        let renamed = Creator { host: "other".into(), ..this };
        assert_eq!(renamed.is_alive(), Some(true), "the boot id is unique enough");
    }

    #[test]
    fn other_text_is_refused() {
        let id = "0b0c0d0e-1111-2222-3333-444455556666";
        for text in [
            "",
            "h",
            &format!("h/{id}/1/2"),
            &format!("h\"/{id}/1/2/3"),
            "h/x/1/2/3",
            &format!("h/{id}/1/-2/3"),
        ] {
            assert!(text.parse::<Creator>().is_err(), "{text:?}");
        }
    }
}
