use std::path::Path;
use std::time::{Duration, SystemTime};

use super::ProcessUsage;

/// The kernel counts a process' start in hundredths of a second for user space (USER_HZ) on every
/// architecture that libvirt runs on.
const TICKS_PER_SECOND: u64 = 100;

/// When the process began, in ticks since the boot; `None` when there is none, or it is dead and only
/// waits to be reaped.
pub(super) fn start_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_start_ticks(&stat)
}

/// The moment of `ticks` after the boot.
pub(super) fn moment(ticks: u64) -> Option<SystemTime> {
    let stat = std::fs::read_to_string(Path::new("/proc/stat")).ok()?;
    let boot = Duration::from_secs(parse_boot_time(&stat)?);
    let since = Duration::from_millis(ticks.checked_mul(1000 / TICKS_PER_SECOND)?);
    SystemTime::UNIX_EPOCH.checked_add(boot)?.checked_add(since)
}

/// What stands in /proc/PID/stat of use: fields 14 and 15, and the pages of field 24 (proc_pid_stat(5)).
pub(super) fn usage(stat: &str) -> Option<ProcessUsage> {
    let (_, fields) = stat.rsplit_once(')')?;
    // The state, behind the name, is field 3.
    let mut fields = fields.split_ascii_whitespace().skip(14 - 3).map(|field| field.parse::<u64>().ok());
    let ticks = fields.next()?? + fields.next()??;
    let pages = fields.nth(24 - 16)??;
    Some(ProcessUsage {
        cpu: Duration::from_millis(ticks.saturating_mul(1000 / TICKS_PER_SECOND)),
        resident_bytes: pages.saturating_mul(rustix::param::page_size() as u64),
    })
}

/// Field 22 of /proc/PID/stat (proc_pid_stat(5)). The name in field 2 may hold blanks and parentheses.
fn parse_start_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    // The state was field 3.
    fields.nth(22 - 4)?.parse().ok()
}

/// The boot in seconds since 1970, from /proc/stat.
fn parse_boot_time(stat: &str) -> Option<u64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Recorded.
    const CAT: &str = "17860 (cat) R 17846 17846 15635 0 -1 4194304 101 0 0 0 0 0 0 0 20 0 1 0 191450 3133440 \
        412 18446744073709551615 94153750450176 94153750470057 140720523729392 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0\n";

    #[test]
    fn the_start_is_field_22() {
        assert_eq!(parse_start_ticks(CAT), Some(191_450));
        assert_eq!(parse_start_ticks(&CAT.replace("(cat)", "(a) R (b )")), Some(191_450));
        assert_eq!(parse_start_ticks(&CAT.replace(") R", ") Z")), None);
        assert_eq!(parse_start_ticks("1 (x) R 1 2"), None);
        assert_eq!(parse_start_ticks(""), None);
    }

    #[test]
    fn what_was_used_stands_in_three_fields() {
        let stat = CAT.replace(" 0 0 0 0 20 0 1 0 ", " 150 50 0 0 20 0 1 0 ");
        let used = usage(&stat).expect("understood");
        assert_eq!(used.cpu, Duration::from_secs(2));
        assert_eq!(used.resident_bytes, 412 * rustix::param::page_size() as u64);
        assert_eq!(usage("1 (x) R 1 2"), None);
    }

    #[test]
    fn the_boot_time_is_a_line() {
        assert_eq!(parse_boot_time("cpu 1 2\nbtime 1795424490\nprocesses 1\n"), Some(1_795_424_490));
        assert_eq!(parse_boot_time("cpu 1 2\n"), None);
    }

    #[test]
    fn this_process_began_lately() {
        let began = start_ticks(std::process::id()).and_then(moment).expect("is known");
        let age = SystemTime::now().duration_since(began).unwrap_or_default();
        assert!(age < Duration::from_secs(3600), "{age:?}");
    }
}
