//! Every command's reply as QEMU 7.2 and 10.0 gave it (tests/fixtures/qmp), and what may be sent at all.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::*;

macro_rules! recorded {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/qmp/", $name))
    };
}

const VERSIONS: [&str; 2] = [recorded!("replies-7.2.18.txt"), recorded!("replies-10.0.2.txt")];

#[derive(serde::Deserialize)]
struct Line<'a> {
    id: String,
    #[serde(borrow, rename = "return", default)]
    value: Option<&'a RawValue>,
}

/// The recorded replies by their ids, which are the commands' names, some with a word behind.
fn replies(recorded: &str) -> BTreeMap<String, &RawValue> {
    let lines = recorded.lines().skip(1).map(|line| serde_json::from_str::<Line<'_>>(line).expect(line));
    lines.filter_map(|line| Some((line.id, line.value?))).collect()
}

fn decode<C: Command>(recorded: &str, id: &str) -> C::Reply {
    assert!(id.starts_with(C::NAME));
    let replies = replies(recorded);
    let value = replies.get(id).unwrap_or_else(|| panic!("{id} was not recorded"));
    serde_json::from_str(value.get()).unwrap_or_else(|error| panic!("{id}: {error}: {value}"))
}

#[test]
fn the_machine() {
    let versions = VERSIONS.map(|recorded| decode::<QueryVersion>(recorded, "query-version").qemu);
    assert_eq!(versions.map(|version| version.to_string()), ["7.2.18", "10.0.2"]);
    assert!(versions[0] < versions[1]);
    for recorded in VERSIONS {
        let status = |id: &str| {
            let Status { running, status } = decode::<QueryStatus>(recorded, id);
            (running, status)
        };
        assert_eq!(status("query-status"), (true, "running".to_owned()));
        assert_eq!(status("query-status prelaunch"), (false, "prelaunch".to_owned()));
        // 7.2 had sent its last page, but was not done with it.
        assert!(!status("query-status postmigrate").0);
        assert_eq!(decode::<QueryName>(recorded, "query-name").name.as_deref(), Some("web"));
        let uuid = decode::<QueryUuid>(recorded, "query-uuid").uuid;
        assert_eq!(uuid, "6c0e6d7e-6f0b-4f6e-9d2f-1c2d3e4f5a6b");
        assert_eq!(decode::<QueryKvm>(recorded, "query-kvm"), Kvm { enabled: false, present: true });
        let cpus = decode::<QueryCpusFast>(recorded, "query-cpus-fast");
        assert_eq!(cpus.iter().map(|cpu| cpu.cpu_index).collect::<Vec<_>>(), [0, 1]);
        assert!(cpus.iter().all(|cpu| cpu.thread_id > 0 && cpu.qom_path.starts_with("/machine/")));
        let iothreads = decode::<QueryIothreads>(recorded, "query-iothreads");
        assert_eq!(iothreads.iter().map(|thread| thread.id.as_str()).collect::<Vec<_>>(), ["iothread1"]);
        assert_eq!(decode::<QueryBalloon>(recorded, "query-balloon").actual, 128 << 20);
        let memory = decode::<QueryMemorySizeSummary>(recorded, "query-memory-size-summary");
        assert_eq!(memory, MemorySize { base_memory: 128 << 20, plugged_memory: Some(0) });
        for target in ["vm", "vcpu"] {
            decode::<QueryStats>(recorded, &format!("query-stats {target}"));
        }
        decode::<QueryStatsSchemas>(recorded, "query-stats-schemas");
    }
}

#[test]
fn disks() {
    for recorded in VERSIONS {
        let stats = decode::<QueryBlockStats>(recorded, "query-blockstats");
        let found: Vec<_> =
            stats.iter().map(|drive| (drive.device_id(), drive.node_name.as_deref())).collect();
        assert_eq!(found[1..], [(Some("virtio-disk0"), Some("libvirt-2-format")), (Some("sata0-0-0"), None)]);
        assert_eq!((found[0].0, stats[0].device.as_deref()), (Some("virtio-disk1"), Some("drive-seed")));
        let read = (stats[0].stats.rd_bytes, stats[0].stats.rd_operations);
        assert_eq!(read, (512, 1));
        assert!(stats[0].stats.rd_total_time_ns > 0);
        assert_eq!((stats[1].stats.idle_time_ns, stats[1].stats.wr_bytes), (None, 0));
        let nodes = decode::<QueryBlockStats>(recorded, "query-blockstats nodes");
        assert!(nodes.iter().any(|node| node.node_name.as_deref() == Some("libvirt-3-storage")));

        for id in ["query-block", "query-block mirror"] {
            let drives = decode::<QueryBlock>(recorded, id);
            let top = drives[1].inserted.as_ref().expect("a disk in it");
            assert_eq!((top.drv.as_str(), top.ro, top.backing_file_depth), ("qcow2", false, 1));
            assert_eq!(
                (top.file.as_str(), top.backing_file.as_deref()),
                ("/vm/top.qcow2", Some("/vm/base.qcow2"))
            );
            assert_eq!((top.image.virtual_size, top.image.format.as_str()), (64 << 20, "qcow2"));
            assert!(top.image.actual_size.is_some_and(|size| size > 0));
            assert_eq!((drives[2].inserted.is_some(), drives[2].tray_open), (false, Some(false)));
        }
        let nodes = decode::<QueryNamedBlockNodes>(recorded, "query-named-block-nodes");
        assert!(nodes.iter().any(|node| node.node_name.as_deref() == Some("libvirt-3-format") && node.ro));
    }
}

#[test]
fn jobs_and_migration() {
    for recorded in VERSIONS {
        assert!(decode::<QueryBlockJobs>(recorded, "query-block-jobs").is_empty());
        assert!(decode::<QueryJobs>(recorded, "query-jobs").is_empty());
        let mirror = &decode::<QueryBlockJobs>(recorded, "query-block-jobs mirror")[0];
        assert_eq!((mirror.device.as_str(), mirror.kind.as_str()), ("mirror0", "mirror"));
        assert_eq!(
            (mirror.len, mirror.speed, mirror.ready, mirror.paused),
            (64 << 20, 8 << 20, false, false)
        );
        assert!(decode::<QueryBlockJobs>(recorded, "query-block-jobs ready")[0].ready);
        let job = &decode::<QueryJobs>(recorded, "query-jobs mirror")[0];
        assert_eq!(
            (job.id.as_str(), job.status.as_str(), job.total_progress),
            ("mirror0", "running", 64 << 20)
        );
        let concluded = &decode::<QueryJobs>(recorded, "query-jobs concluded")[0];
        assert_eq!((concluded.kind.as_str(), concluded.status.as_str()), ("commit", "concluded"));

        let none = decode::<QueryMigrate>(recorded, "query-migrate");
        assert_eq!((none.status, none.ram), (None, None));
        assert!(decode::<QueryMigrate>(recorded, "query-migrate active").status.is_some());
        let done = decode::<QueryMigrate>(recorded, "query-migrate completed");
        assert_eq!(done.status.as_deref(), Some("completed"));
        assert!(done.downtime.is_some() && done.total_time.is_some());
        assert!(done.ram.is_some_and(|ram| ram.transferred > 0 && ram.total > ram.remaining));
    }
}

#[test]
fn devices() {
    for recorded in VERSIONS {
        let chardevs = decode::<QueryChardev>(recorded, "query-chardev");
        let open = |label: &str| {
            chardevs.iter().find(|chardev| chardev.label == label).map(|chardev| chardev.frontend_open)
        };
        assert_eq!([open("vmtqmp"), open("charchannel0"), open("none")], [Some(true), Some(false), None]);

        let buses = decode::<QueryPci>(recorded, "query-pci");
        let behind = buses[0].devices.iter().filter_map(|device| device.pci_bridge.as_ref());
        let ids: Vec<_> = behind.flat_map(|bridge| &bridge.devices).map(|device| &device.qdev_id).collect();
        assert_eq!(ids, ["virtio-disk0"]);

        let properties = decode::<QomList>(recorded, "qom-list");
        assert!(properties.iter().any(|property| property.name == "guest-stats"));
        let untold = decode::<QomGet<GuestStats>>(recorded, "qom-get guest-stats");
        assert_eq!(untold, GuestStats { last_update: 0, stats: GuestMemory::default() });
        assert_eq!(decode::<QomGet<String>>(recorded, "qom-get type"), "virtio-balloon-pci");
    }
}

#[test]
fn minus_one_is_not_known() {
    let stats = r#"{"stats": {"stat-free-memory": -1, "stat-total-memory": 18446744073709551615,
        "stat-available-memory": 0, "stat-disk-caches": 18446744073709551614, "stat-new": "x"},
        "last-update": 1795644562}"#;
    let GuestStats { stats, last_update } = serde_json::from_str(stats).expect("decodes");
    let expected =
        GuestMemory { available: Some(0), disk_caches: Some(u64::MAX - 1), ..GuestMemory::default() };
    assert_eq!((stats, last_update), (expected, 1_795_644_562));
    assert!(serde_json::from_str::<GuestMemory>(r#"{"stat-free-memory": "1"}"#).is_err());
}

/// What vmtools holds itself to, though the socket would take everything. These are all the types that
/// [`Command`] is implemented for, but the one that negotiates.
#[test]
fn only_what_is_safe_can_be_sent() {
    let names = [
        QueryStatus::NAME,
        QueryVersion::NAME,
        QueryName::NAME,
        QueryUuid::NAME,
        QueryKvm::NAME,
        QueryCpusFast::NAME,
        QueryBlockStats::NAME,
        QueryBlock::NAME,
        QueryBlockJobs::NAME,
        QueryJobs::NAME,
        QueryNamedBlockNodes::NAME,
        QueryIothreads::NAME,
        QueryBalloon::NAME,
        QueryMemorySizeSummary::NAME,
        QueryMigrate::NAME,
        QueryStats::NAME,
        QueryStatsSchemas::NAME,
        QueryChardev::NAME,
        QueryPci::NAME,
        QomGet::<IgnoredAny>::NAME,
        QomList::NAME,
    ];
    let safe = "query-status query-version query-name query-uuid query-kvm query-cpus-fast query-blockstats \
                query-block query-block-jobs query-jobs query-named-block-nodes query-iothreads query-balloon \
                query-memory-size-summary query-migrate query-stats query-stats-schemas query-chardev \
                query-pci qom-get qom-list";
    assert_eq!(names.join(" "), safe);
    for forbidden in ["human-monitor-command", "qom-set", "screendump", "blockdev-", "job-", "migrate", "x-"]
    {
        assert!(names.iter().all(|name| !name.starts_with(forbidden)), "{forbidden}");
    }

    // No name is written down in the sources but these.
    let sources = [
        include_str!("block.rs"),
        include_str!("device.rs"),
        include_str!("machine.rs"),
        include_str!("progress.rs"),
    ];
    let mut written: Vec<&str> = sources.iter().flat_map(|source| source.split(" = \"").skip(1)).collect();
    written.retain(|rest| rest.contains("\" -> "));
    let mut written: Vec<&str> = written.iter().filter_map(|rest| rest.split('"').next()).collect();
    let mut names = names.to_vec();
    written.sort_unstable();
    names.sort_unstable();
    assert_eq!(written, names);
}
