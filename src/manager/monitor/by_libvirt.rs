//! A look at VMs by libvirt's `domstats`.

use std::time::{Duration, Instant};

use super::counters::{Card, Counters, Disk, SampleSource, Transfers};
use crate::libvirt::DomainStats;
use crate::model::Timestamp;

/// What `domstats` tells of a VM. Of one that is off it tells the counters of its last life.
pub(super) fn counters(stats: &DomainStats, at: Instant, time: Timestamp) -> Counters {
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
        disks: stats.number("block.count").map(|count| (0..count).map(|n| disk(stats, n)).collect()),
        cards: cards(stats),
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

fn disk(stats: &DomainStats, number: u64) -> Disk {
    let of = |direction: &str| {
        let count = |what: &str| stats.number(&format!("block.{number}.{direction}.{what}")).unwrap_or(0);
        Transfers { operations: count("reqs"), bytes: count("bytes"), nanoseconds: count("times") }
    };
    Disk {
        target: stats.text(&format!("block.{number}.name")).unwrap_or_default().to_owned(),
        read: of("rd"),
        written: of("wr"),
    }
}

/// Cards of user-mode networking have a number, but nothing more.
fn cards(stats: &DomainStats) -> Option<Vec<Card>> {
    let cards: Vec<Card> = (0..stats.number("net.count")?)
        .filter_map(|number| {
            Some(Card {
                device: stats.text(&format!("net.{number}.name"))?.to_owned(),
                received_bytes: stats.number(&format!("net.{number}.rx.bytes"))?,
                sent_bytes: stats.number(&format!("net.{number}.tx.bytes"))?,
            })
        })
        .collect();
    (!cards.is_empty()).then_some(cards)
}
