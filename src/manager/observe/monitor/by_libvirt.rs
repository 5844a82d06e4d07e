//! Reads VMs' counters from libvirt's `domstats`.

use std::time::{Duration, Instant};

use super::counters::{Counters, Disk, InterfaceCounters, SampleSource, Transfers};
use crate::libvirt::DomainStats;
use crate::model::Timestamp;

/// What `domstats` tells of a VM. Of one that is shut off it tells the counters of its last life.
pub(in crate::manager) fn counters(stats: &DomainStats, at: Instant, time: Timestamp) -> Counters {
    let state = stats.state();
    let nothing = Counters { at, time, ..Counters::nothing(state, SampleSource::Domstats) };
    if !state.is_active() {
        return Counters { memory_mib: stats.memory_mib(), ..nothing };
    }
    Counters {
        cpu: stats.number("cpu.time").map(Duration::from_nanos),
        vcpus: vcpus(stats),
        memory_mib: stats.memory_mib(),
        memory_used_mib: stats.memory_used_mib(),
        memory_resident_mib: stats.number("balloon.rss").map(|kib| kib >> 10),
        disks: disks(stats),
        interfaces: interfaces(stats),
        ..nothing
    }
}

/// One that is plugged out has no time, and libvirt leaves its number out.
fn vcpus(stats: &DomainStats) -> Vec<Option<Duration>> {
    let time = |number: u64| stats.number(&format!("vcpu.{number}.time")).map(Duration::from_nanos);
    let mut times: Vec<_> = (0..stats.number("vcpu.maximum").unwrap_or(0)).map(time).collect();
    while times.last().is_some_and(Option::is_none) {
        times.pop();
    }
    times
}

/// libvirt leaves the counters out while somebody else has a question to the same QEMU: then none are known.
fn disks(stats: &DomainStats) -> Option<Vec<Disk>> {
    let mut disks = Vec::new();
    for number in 0..stats.number("block.count")? {
        match disk(stats, number) {
            Some(disk) => disks.push(disk),
            // An empty drive.
            None if stats.text(&format!("block.{number}.path")).is_none() => {}
            None => return None,
        }
    }
    Some(disks)
}

fn disk(stats: &DomainStats, number: u64) -> Option<Disk> {
    let of = |direction: &str| {
        let count = |what: &str| stats.number(&format!("block.{number}.{direction}.{what}"));
        Some(Transfers {
            operations: count("reqs")?,
            bytes: count("bytes")?,
            nanoseconds: count("times").unwrap_or(0),
        })
    };
    let target = stats.text(&format!("block.{number}.name"))?.to_owned();
    Some(Disk { target, read: of("rd")?, written: of("wr")? })
}

/// Interfaces of user-mode networking have a number, but nothing more.
fn interfaces(stats: &DomainStats) -> Option<Vec<InterfaceCounters>> {
    let interfaces: Vec<InterfaceCounters> = (0..stats.number("net.count")?)
        .filter_map(|number| {
            Some(InterfaceCounters {
                device: stats.text(&format!("net.{number}.name"))?.to_owned(),
                received_bytes: stats.number(&format!("net.{number}.rx.bytes"))?,
                sent_bytes: stats.number(&format!("net.{number}.tx.bytes"))?,
            })
        })
        .collect();
    (!interfaces.is_empty()).then_some(interfaces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::VmState;

    /// virsh 11.3.0, of a VM with a disk, a seed and an interface: `domstats --raw --state --cpu-total --balloon --vcpu
    /// --interface --block --nowait web`, without lines that are of no use here.
    const RECORDED: &str = "\
Domain: 'web'
  state.state=1
  state.reason=1
  cpu.time=94020000000
  cpu.user=68710000000
  cpu.system=25310000000
  balloon.current=262144
  balloon.maximum=262144
  balloon.unused=109956
  balloon.available=222604
  balloon.usable=178980
  balloon.last-update=1795648001
  balloon.disk_caches=77816
  balloon.rss=325192
  vcpu.current=1
  vcpu.maximum=1
  vcpu.0.state=1
  vcpu.0.time=53040000000
  vcpu.0.wait=0
  vcpu.0.delay=35568222363
  net.count=1
  net.0.name=vnet0
  net.0.rx.bytes=52483
  net.0.rx.pkts=828
  net.0.tx.bytes=10458
  net.0.tx.pkts=65
  block.count=2
  block.0.name=vda
  block.0.path=/var/lib/libvirt/images/vmtools/web-d96f14cc.qcow2
  block.0.rd.reqs=712
  block.0.rd.bytes=19016192
  block.0.rd.times=1546080340
  block.0.wr.reqs=77
  block.0.wr.bytes=67111936
  block.0.wr.times=66706096
  block.0.allocation=67633152
  block.0.capacity=1073741824
  block.1.name=vdb
  block.1.rd.reqs=47
  block.1.rd.bytes=262144
  block.1.rd.times=3755804
  block.1.wr.reqs=0
  block.1.wr.bytes=0
  block.1.wr.times=0
  block.1.allocation=0
  block.1.capacity=524288
";

    fn counters_of(text: &str) -> Counters {
        counters(&DomainStats::parse(text)[0], Instant::now(), Timestamp::now())
    }

    #[test]
    fn of_a_running_vm_all_is_counted() {
        let now = counters_of(RECORDED);
        assert_eq!((now.state, now.source), (VmState::Running, SampleSource::Domstats));
        assert_eq!(
            (now.memory_mib, now.memory_used_mib, now.memory_resident_mib),
            (Some(256), Some(42), Some(317))
        );
        assert_eq!(now.vcpus, [Some(Duration::from_nanos(53040000000))]);
        let disks = now.disks.expect("are counted");
        let targets: Vec<&str> = disks.iter().map(|disk| disk.target.as_str()).collect();
        assert_eq!(targets, ["vda", "vdb"]);
        assert_eq!(
            disks[0].written,
            Transfers { operations: 77, bytes: 67_111_936, nanoseconds: 66_706_096 }
        );
        let interfaces = now.interfaces.expect("are counted");
        assert_eq!((interfaces[0].device.as_str(), interfaces[0].received_bytes), ("vnet0", 52483));
    }

    #[test]
    fn counters_that_libvirt_left_out_are_unknown() {
        // As virsh prints it while another command holds the same VM.
        let lines = RECORDED.lines().filter(|line| !line.contains(".rd.") && !line.contains(".wr."));
        assert_eq!(counters_of(&lines.collect::<Vec<_>>().join("\n")).disks, None);
        let empty = format!("{}  block.2.name=sda\n", RECORDED.replace("block.count=2", "block.count=3"));
        assert_eq!(counters_of(&empty).disks.map(|disks| disks.len()), Some(2));
    }

    #[test]
    fn of_a_vm_that_is_off_only_its_memory_is_told() {
        let now = counters_of(&RECORDED.replace("state.state=1", "state.state=5"));
        assert_eq!((now.state, now.memory_mib), (VmState::Shutoff, Some(256)));
        assert!(now.cpu.is_none() && now.vcpus.is_empty() && now.disks.is_none() && now.interfaces.is_none());
    }

    #[test]
    fn interfaces_without_counters_are_unknown_and_gaps_are_kept() {
        let text = "Domain: 'x'\n  state.state=1\n  net.count=1\n  vcpu.maximum=4\n  vcpu.1.time=5\n";
        let now = counters_of(text);
        assert_eq!((now.interfaces, now.disks), (None, None));
        assert_eq!(now.vcpus, [None, Some(Duration::from_nanos(5))]);
    }
}
