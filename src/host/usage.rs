//! What processes and network devices have used so far, from /proc.

use std::collections::HashMap;
use std::time::Duration;

use super::proc_stat;

/// What a process has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessUsage {
    /// CPU time of all its threads, to a hundredth of a second.
    pub cpu: Duration,
    /// The memory of the host that it holds, in bytes.
    pub resident_bytes: u64,
}

/// What has passed a network device, as the host counts it: what a guest behind a tap sends, the host receives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeviceTraffic {
    /// Bytes that the host received.
    pub received_bytes: u64,
    /// Bytes that the host sent.
    pub sent_bytes: u64,
}

/// What the process has used; `None` when there is none.
pub fn process_usage(pid: u32) -> Option<ProcessUsage> {
    proc_stat::usage(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The CPU time that a thread of a process has used; `None` when there is none.
pub fn thread_cpu(pid: u32, thread: u32) -> Option<Duration> {
    let of = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/{file}")).ok();
    // To a nanosecond, where the kernel counts that (CONFIG_SCHED_INFO); else to a hundredth of a second.
    let precise = of("schedstat").as_deref().and_then(parse_schedstat).filter(|time| !time.is_zero());
    precise.or_else(|| Some(proc_stat::usage(&of("stat")?)?.cpu))
}

/// What has passed the network devices of this network namespace.
pub fn device_traffic() -> HashMap<String, DeviceTraffic> {
    std::fs::read_to_string("/proc/net/dev").map(|text| parse_devices(&text)).unwrap_or_default()
}

/// The first number of /proc/PID/schedstat: nanoseconds on a CPU (the kernel's sched-stats.rst).
fn parse_schedstat(text: &str) -> Option<Duration> {
    text.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// /proc/net/dev: two lines of headings, then `name: ` and 16 numbers, of which the 1st counts the bytes
/// received and the 9th those sent (proc_pid_net(5)).
fn parse_devices(text: &str) -> HashMap<String, DeviceTraffic> {
    text.lines()
        .filter_map(|line| {
            let (name, numbers) = line.rsplit_once(':')?;
            let mut numbers = numbers.split_ascii_whitespace().map(|number| number.parse().ok());
            let traffic = DeviceTraffic { received_bytes: numbers.next()??, sent_bytes: numbers.nth(7)?? };
            Some((name.trim().to_owned(), traffic))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let used = process_usage(std::process::id()).expect("is there");
        assert!(used.resident_bytes > 100_000, "{used:?}");
        let pid = std::process::id();
        assert!(thread_cpu(pid, pid).is_some());
        assert_eq!((process_usage(0), thread_cpu(pid, 0)), (None, None));
    }

    #[test]
    fn schedstat_begins_with_the_time_on_a_processor() {
        assert_eq!(parse_schedstat("1653843187 4023331 1017\n"), Some(Duration::from_nanos(1_653_843_187)));
        assert_eq!(parse_schedstat(""), None);
    }

    #[test]
    fn devices_from_recorded_content() {
        let text = "Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  111368    1242    0    0    0     0          0         0   111368    1242    0    0    0     0       0          0
 vnet0: 7 1 0 0 0 0 0 0 42 2 0 0 0 0 0 0
";
        let devices = parse_devices(text);
        assert_eq!(devices.len(), 2);
        assert_eq!(devices["vnet0"], DeviceTraffic { received_bytes: 7, sent_bytes: 42 });
        assert!(parse_devices("a: 1 2\n").is_empty());
    }
}
