//! The QMP client against a real guest's own socket, beside libvirt and its monitor.

use std::path::{Path, PathBuf};
use std::time::Duration;

use vmtools::qemu::{
    Command, Connection, Error, GuestStats, QomGet, QomList, QueryBalloon, QueryBlock, QueryBlockJobs,
    QueryBlockStats, QueryChardev, QueryCpusFast, QueryIothreads, QueryJobs, QueryKvm,
    QueryMemorySizeSummary, QueryMigrate, QueryName, QueryNamedBlockNodes, QueryPci, QueryStats,
    QueryStatsSchemas, QueryStatus, QueryUuid, QueryVersion, StatsTarget,
};

use super::support::{Sandbox, sandbox_or_skip, wait_for};
use super::{MINUTE, create, word};

#[test]
fn a_guest_is_looked_into_by_its_own_socket() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    sandbox.as_root("install", &["-d", "-m", "0777", "/run/libvirt/qemu/vmtools"]).run().success();
    create(&sandbox, "web", &image, &["--start", "--wait=ssh"]).run().success();
    let status = sandbox.vmtools(&["status", "web", "--json"]).run().success();
    let socket = reachable(&sandbox, Path::new(&word(&status, "qmp")));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = Connection::connect(&socket, MINUTE).await.unwrap();
        every_command(&mut client, &word(&status, "uuid")).await;

        // Another client has to wait until this one is gone, and is told.
        let second = Connection::connect(&socket, Duration::from_millis(500)).await.unwrap_err();
        assert!(matches!(second, Error::Busy { .. }), "{second:?}");
        assert!(run(&mut client, &QueryStatus).await.running);

        // libvirt's own monitor works beside it, and what libvirt does is told here.
        client.take_events();
        for (verb, event, running) in [("suspend", "STOP", false), ("resume", "RESUME", true)] {
            sandbox.virsh(&[verb, "web"]);
            let told = tokio::time::timeout(MINUTE, client.event()).await.unwrap().unwrap();
            assert_eq!(told.name, event);
            assert_eq!(run(&mut client, &QueryStatus).await.running, running);
        }
        assert_eq!(sandbox.state("web"), "running");
        drop(client);

        let mut client = Connection::connect(&socket, MINUTE).await.unwrap();
        let pid = sandbox.as_root("cat", &["/run/libvirt/qemu/web.pid"]).run().success().stdout;
        sandbox.as_root("kill", &["-STOP", pid.trim()]).run().success();
        let hung = client.run_within(&QueryStatus, Duration::from_millis(300)).await;
        assert!(matches!(hung, Err(Error::TimedOut { command: "query-status", .. })), "{hung:?}");
        sandbox.as_root("kill", &["-CONT", pid.trim()]).run().success();
        assert!(matches!(client.run(&QueryStatus).await, Err(Error::Unusable { .. })));
        drop(client);

        let mut client = Connection::connect(&socket, MINUTE).await.unwrap();
        sandbox.as_root("kill", &["-KILL", pid.trim()]).run().success();
        // What it still had to tell comes first.
        let closed = tokio::time::timeout(MINUTE, async {
            loop {
                if let Err(error) = client.event().await {
                    return error;
                }
            }
        });
        let closed = closed.await.unwrap();
        assert!(matches!(closed, Error::Closed { .. }), "{closed:?}");
        // Its listening socket may live a moment longer than its connections.
        let gone = tokio::time::timeout(MINUTE, async {
            loop {
                match Connection::connect(&socket, MINUTE).await {
                    Err(Error::Closed { .. } | Error::Busy { .. }) => tokio::task::yield_now().await,
                    other => return other.map(drop),
                }
            }
        });
        let gone = gone.await.unwrap();
        assert!(matches!(gone, Err(Error::Connect { .. })), "{gone:?}");

        wait_for("libvirt to see it off", MINUTE, || (sandbox.state("web") == "shut off").then_some(()));
        sandbox.vmtools(&["start", "web"]).run().success();
        let mut client = Connection::connect(&socket, MINUTE).await.unwrap();
        assert!(run(&mut client, &QueryStatus).await.running);
    });
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
}

async fn every_command(client: &mut Connection, uuid: &str) {
    let version = run(client, &QueryVersion).await;
    assert_eq!(&version, client.version());
    assert_eq!(run(client, &QueryName).await.name.as_deref(), Some("web"));
    assert_eq!(run(client, &QueryUuid).await.uuid, uuid);
    assert!(run(client, &QueryStatus).await.running);
    assert!(run(client, &QueryKvm).await.present);
    assert_eq!(run(client, &QueryCpusFast).await.len(), 1);
    assert_eq!(run(client, &QueryBalloon).await.actual, 256 << 20);
    assert_eq!(run(client, &QueryMemorySizeSummary).await.base_memory, 256 << 20);
    run(client, &QueryIothreads).await;
    let stats = run(client, &QueryBlockStats::default()).await;
    let disk = stats.iter().find(|drive| drive.device_id() == Some("virtio-disk0")).unwrap();
    assert!(disk.stats.rd_bytes > 0 && disk.stats.rd_operations > 0, "{disk:?}");
    run(client, &QueryBlockStats { query_nodes: true }).await;
    assert!(run(client, &QueryBlock).await.iter().any(|drive| drive.inserted.is_some()));
    assert!(run(client, &QueryNamedBlockNodes::flat()).await.iter().any(|node| node.drv == "qcow2"));
    assert!(run(client, &QueryBlockJobs).await.is_empty());
    assert!(run(client, &QueryJobs).await.is_empty());
    assert_eq!(run(client, &QueryMigrate).await.status, None);
    for target in [StatsTarget::Vm, StatsTarget::Vcpu] {
        run(client, &QueryStats { target }).await;
    }
    run(client, &QueryStatsSchemas::default()).await;
    assert!(run(client, &QueryChardev).await.iter().any(|chardev| chardev.label == "vmtqmp"));
    assert!(!run(client, &QueryPci).await.is_empty());
    assert!(!run(client, &QomList { path: "/machine/peripheral".into() }).await.is_empty());
    let told: GuestStats = run(client, &QomGet::guest_stats()).await;
    assert!(told.stats.free <= told.stats.total, "{told:?}");
    let refused = client.run_within(&QomGet::<String>::new("/machine/none", "x"), MINUTE).await;
    assert!(matches!(refused, Err(Error::Refused { command: "qom-get", .. })), "{refused:?}");
    let both = (QueryStatus, QueryBlockStats::default());
    let (status, stats) = client.run_all_within(&both, MINUTE).await.unwrap();
    assert!(status.unwrap().running && !stats.unwrap().is_empty());
}

async fn run<C: Command>(client: &mut Connection, command: &C) -> C::Reply {
    client.run_within(command, MINUTE).await.unwrap_or_else(|error| panic!("{}: {error:?}", C::NAME))
}

/// The socket's path on the outside, short enough for an address: by a link to its folder.
pub fn reachable(sandbox: &Sandbox, inside: &Path) -> PathBuf {
    let outside = sandbox.outside(inside);
    if outside.as_os_str().len() < 108 {
        return outside;
    }
    let link = sandbox.root().join("q");
    std::os::unix::fs::symlink(outside.parent().unwrap(), &link).unwrap();
    link.join(outside.file_name().unwrap())
}
