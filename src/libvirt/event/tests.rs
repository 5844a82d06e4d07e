use super::*;

/// The names and details of what is printed, with the names that are known.
fn read(text: &str, known: &[&str]) -> Vec<(String, String, String)> {
    let mut assembler = Assembler::default();
    text.lines().for_each(|line| assembler.push(line));
    assembler.complete();
    let notices = std::iter::from_fn(|| assembler.next());
    let parts = |notice: Notice| {
        let (name, detail) = notice.read(|name| known.contains(&name));
        (notice.kind.clone(), name.to_owned(), detail)
    };
    notices.map(parts).collect()
}

#[track_caller]
fn holds(text: &str, known: &[&str], expected: &[(&str, &str, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(kind, name, detail)| ((*kind).to_owned(), (*name).to_owned(), (*detail).to_owned()))
        .collect();
    assert_eq!(read(text, known), expected);
}

// All recorded from virsh 11.3.0: `virsh -c qemu:///system event --all --loop --timestamp`.

#[test]
fn lines_and_odd_names() {
    let text = r#"2026-11-25 22:07:12.762+0000: event 'lifecycle' for domain 'it's "x": y': Defined Added
2026-11-25 22:07:12.826+0000: event 'lifecycle' for domain 'a': Started Booted': Defined Added
2026-11-25 22:07:13.085+0000: event 'agent-lifecycle' for domain 'it's "x": y': state: 'disconnected' reason: 'domain started'
2026-11-25 22:07:13.699+0000: event 'reboot' for domain 'it's "x": y'
2026-11-25 22:07:14.017+0000: event 'lifecycle' for domain 'it's "x": y': Shutdown Finished after host request
2026-11-25 22:07:15.989+0000: event 'metadata-change' for domain 'web': type element, uri http://x.org/a
2026-11-25 22:07:18.489+0000: event 'tray-change' for domain 'web' disk sata0-0-0: opened
2026-11-25 22:08:30.788+0000: event 'device-added' for domain 'web': usb-disk1
2026-11-25 22:08:33.038+0000: event 'migration-iteration' for domain 'web': iteration: '1'
event loop interrupted
events received: 39

"#;
    let odd = r#"it's "x": y"#;
    holds(
        text,
        &[],
        &[
            ("lifecycle", odd, "Defined Added"),
            ("lifecycle", "a': Started Booted", "Defined Added"),
            ("agent-lifecycle", odd, "state: 'disconnected' reason: 'domain started'"),
            ("reboot", odd, ""),
            ("lifecycle", odd, "Shutdown Finished after host request"),
            ("metadata-change", "web", "type element, uri http://x.org/a"),
            ("tray-change", "web", "sata0-0-0: opened"),
            ("device-added", "web", "usb-disk1"),
            ("migration-iteration", "web", "iteration: '1'"),
        ],
    );
}

#[test]
fn lines_behind_an_event_are_its_own() {
    let text = "2026-11-25 22:07:18.833+0000: event 'tray-change' for domain 'web' disk sata0-0-0: closed
2026-11-25 22:07:19.194+0000: event 'tunable' for domain 'web':
\tblkdeviotune.disk: sda
\tblkdeviotune.total_iops_sec: 100
2026-11-25 22:07:19.467+0000: event 'lifecycle' for domain 'web': Stopped Failed
2026-11-25 22:08:31.917+0000: event 'job-completed' for domain 'web':
\toperation: 9
\ttime_elapsed: 85
\tdisk_total: 10485760
\tdisk_processed: 10485760
\tdisk_remaining: 0
\tsuccess: 1
2026-11-25 22:08:39.118+0000: event 'graphics' for domain 'web': connect local[IPv4 127.0.0.1 5900] remote[IPv4 127.0.0.1 58492] none
2026-11-25 22:08:39.417+0000: event 'graphics' for domain 'web': initialize local[IPv4 127.0.0.1 5900] remote[IPv4 127.0.0.1 58492] none
";
    let graphics = "local[IPv4 127.0.0.1 5900] remote[IPv4 127.0.0.1 58492] none";
    holds(
        text,
        &[],
        &[
            ("tray-change", "web", "sata0-0-0: closed"),
            ("tunable", "web", "blkdeviotune.disk: sda, blkdeviotune.total_iops_sec: 100"),
            ("lifecycle", "web", "Stopped Failed"),
            (
                "job-completed",
                "web",
                "operation: 9, time_elapsed: 85, disk_total: 10485760, disk_processed: 10485760, disk_remaining: 0, success: 1",
            ),
            ("graphics", "web", &format!("connect {graphics}")),
            ("graphics", "web", &format!("initialize {graphics}")),
        ],
    );
}

#[test]
fn of_several_ways_to_read_a_line_the_known_name_is_taken() {
    let text = "2026-11-25 22:08:31.173+0000: event 'block-job' for domain 'web': Block Copy for /var/lib/libvirt/images/od d': x.qcow2 ready\n";
    let detail = "Block Copy for /var/lib/libvirt/images/od d': x.qcow2 ready";
    holds(text, &["web"], &[("block-job", "web", detail)]);
    let odd = "web': Block Copy for /var/lib/libvirt/images/od d";
    holds(text, &["web", odd], &[("block-job", odd, "x.qcow2 ready")]);
}

// Written from virsh's sources; a guest that has these is not at hand.
#[test]
fn lines_without_a_tab_count_too() {
    let text = "2026-11-25 22:00:00.000+0000: event 'memory-failure' for domain 'web':
recipient: guest
action: inject
flags:
\taction required: 0
\trecursive: 0
2026-11-25 22:00:01.000+0000: event 'nic-mac-change' for domain 'web':
alias: net0
oldMAC: 52:54:00:00:00:01
newMAC: 52:54:00:00:00:02
";
    holds(
        text,
        &[],
        &[
            (
                "memory-failure",
                "web",
                "recipient: guest, action: inject, flags:, action required: 0, recursive: 0",
            ),
            ("nic-mac-change", "web", "alias: net0, oldMAC: 52:54:00:00:00:01, newMAC: 52:54:00:00:00:02"),
        ],
    );
}

#[test]
fn an_event_that_may_go_on_waits_for_silence() {
    let mut assembler = Assembler::default();
    assembler.push("2026-11-25 22:07:19.194+0000: event 'tunable' for domain 'web':");
    assert!(assembler.is_open() && assembler.next().is_none());
    assembler.push("\tx: 1");
    assembler.complete();
    assert_eq!(assembler.next().map(|notice| notice.more), Some(vec!["\tx: 1".to_owned()]));
    assembler.push("2026-11-25 22:07:19.194+0000: event 'reboot' for domain 'web'");
    assert!(!assembler.is_open() && assembler.next().is_some());
}

#[test]
fn the_time_is_universal() {
    let notice = Notice::parse("2026-11-25 22:07:12.762+0000: event 'reboot' for domain 'web'");
    let time = notice.map(|notice| notice.time.to_millis());
    assert_eq!(time.as_deref(), Some("2026-11-25T22:07:12.762Z"));
}

#[test]
fn what_is_no_event_is_passed_over() {
    for line in [
        "",
        "nonsense",
        "\ttab: 1",
        "2026-11-25: event 'reboot' for domain 'web'",
        "2026-11-25 22:07:12.762+0100: event 'reboot' for domain 'web'",
        "2026-11-25 22:07:12.762+0000: event 'reboot'",
        "event 'lifecycle' for domain 'web': Defined Added",
    ] {
        assert_eq!(read(line, &[]), [], "{line:?}");
    }
}
