use std::collections::HashMap;

use crate::model::{ShutoffReason, VmState};

/// The counters of one domain, as `domstats --raw` prints them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainStats {
    /// The domain's name.
    pub name: String,
    values: HashMap<String, String>,
}

impl DomainStats {
    /// Reads what `domstats --raw` prints: a `Domain: 'name'` line, then `  key=value` lines, for each.
    pub fn parse(text: &str) -> Vec<DomainStats> {
        let mut domains: Vec<DomainStats> = Vec::new();
        for line in text.lines() {
            // A name may hold a quote, so the last one ends it.
            let name = line.strip_prefix("Domain: '").and_then(|rest| rest.strip_suffix('\''));
            if let Some(name) = name {
                domains.push(DomainStats { name: name.to_owned(), values: HashMap::new() });
            } else if let (Some(domain), Some((key, value))) =
                (domains.last_mut(), line.trim().split_once('='))
            {
                domain.values.insert(key.to_owned(), value.to_owned());
            }
        }
        domains
    }

    /// The state.
    pub fn state(&self) -> VmState {
        self.number("state.state").map_or(VmState::Unknown, VmState::from_libvirt)
    }

    /// Why it is shut off, in words (`virDomainShutoffReason`); `None` when it runs or libvirt doesn't know.
    pub fn why_off(&self) -> Option<ShutoffReason> {
        if self.state() != VmState::Shutoff {
            return None;
        }
        ShutoffReason::from_libvirt(self.number("state.reason")?)
    }

    /// Whether it is paused because its QEMU is just starting (`VIR_DOMAIN_PAUSED_STARTING_UP`).
    pub fn is_starting(&self) -> bool {
        self.state() == VmState::Paused && self.number("state.reason") == Some(11)
    }

    /// Whether it is paused because its memory is being saved (`VIR_DOMAIN_PAUSED_SAVE`, `_SNAPSHOT`), or for a reason that
    /// libvirt does not know: so it is after a daemon was killed over that.
    pub fn is_paused_by_saving(&self) -> bool {
        self.state() == VmState::Paused && matches!(self.number("state.reason"), None | Some(0 | 3 | 9))
    }

    /// Whether a user has paused it (`VIR_DOMAIN_PAUSED_USER`). A daemon says so, too, of one that it finds paused and that the
    /// daemon before it had paused (11.3).
    pub fn is_paused_by_user(&self) -> bool {
        self.state() == VmState::Paused && self.number("state.reason") == Some(1)
    }

    /// A counter, by libvirt's name for it (`virConnectGetAllDomainStats` documents them).
    pub fn number(&self, key: &str) -> Option<u64> {
        self.values.get(key)?.parse().ok()
    }

    /// A text, by libvirt's name for it.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The vCPUs that it has now.
    pub fn cpus(&self) -> Option<u32> {
        self.number("vcpu.current").and_then(|cpus| u32::try_from(cpus).ok())
    }

    /// The memory that it has now, in MiB.
    pub fn memory_mib(&self) -> Option<u64> {
        self.number("balloon.current").map(|kib| kib >> 10)
    }

    /// The memory that its guest uses, in MiB, when the balloon driver tells: all that the guest has,
    /// less what it could give to a new program. Memory that only caches files does not count.
    pub fn memory_used_mib(&self) -> Option<u64> {
        let available = self.number("balloon.available")?;
        let free = self.number("balloon.usable").or_else(|| self.number("balloon.unused"))?;
        Some(available.saturating_sub(free) >> 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<DomainStats> {
        DomainStats::parse(text)
    }

    // virsh 11.3.0: `virsh -c qemu:///system domstats --raw --state --vcpu --balloon --nowait`
    const RECORDED: &str = "Domain: 'off'
  state.state=5
  state.reason=0
  balloon.current=262144
  balloon.maximum=262144
  vcpu.current=1
  vcpu.maximum=1

Domain: 'it's on'
  state.state=1
  state.reason=1
  balloon.current=1048576
  balloon.maximum=1048576
  balloon.swap_in=0
  balloon.unused=600000
  balloon.available=1000000
  balloon.usable=700000
  balloon.last-update=1700000000
  balloon.rss=300000
  vcpu.current=2
  vcpu.maximum=2
  vcpu.0.state=1
";

    #[test]
    fn recorded_output() {
        let domains = parse(RECORDED);
        assert_eq!(domains.len(), 2);
        assert_eq!((domains[0].name.as_str(), domains[0].state()), ("off", VmState::Shutoff));
        assert_eq!((domains[0].memory_mib(), domains[0].cpus()), (Some(256), Some(1)));
        assert_eq!(domains[0].memory_used_mib(), None);
        assert_eq!((domains[0].why_off(), domains[1].why_off()), (None, None));
        assert_eq!((domains[1].name.as_str(), domains[1].state()), ("it's on", VmState::Running));
        assert_eq!(domains[1].memory_used_mib(), Some(300_000 >> 10));
    }

    #[test]
    fn why_it_is_off() {
        // virsh 11.3.0, after `virsh destroy`.
        let destroyed = parse("Domain: 'web'\n  state.state=5\n  state.reason=2\n");
        assert_eq!(destroyed[0].why_off(), Some(ShutoffReason::Destroyed));
    }

    #[test]
    fn who_has_paused_it() {
        let of =
            |reason| parse(&format!("Domain: 'web'\n  state.state=3\n  state.reason={reason}\n")).remove(0);
        // By a daemon that was killed, a save and a snapshot; by a user, and for an error of a disk.
        let by_saving = [0, 3, 9, 1, 5].map(|reason| of(reason).is_paused_by_saving());
        assert_eq!(by_saving, [true, true, true, false, false]);
        assert!(of(1).is_paused_by_user() && !of(5).is_paused_by_user());
        assert!(!parse(RECORDED)[1].is_paused_by_saving() && of(11).is_starting());
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        assert!(parse("").is_empty());
        assert!(parse("  key=value\nnonsense\n").is_empty());
        assert_eq!(parse("Domain: 'x'\n  no-equals\n")[0].state(), VmState::Unknown);
    }
}
