//! The client of libvirt by itself, spoken with over a sandbox's socket from outside.

use std::path::Path;
use std::sync::Mutex;

use vmtools::libvirt::{
    Client, Definition, Domain, Error, HostUpdate, Object, Pool, PoolKind, RefusalReason, Reservation,
    VolumeKind, VolumeSpec,
};
use vmtools::model::Uuid;

use super::support::{Sandbox, sandbox_or_skip};
use super::{define_empty, empty_domain};

/// Runs the work with a client of the sandbox's system libvirt.
fn with_client<T>(sandbox: &Sandbox, work: impl AsyncFnOnce(&Client) -> T) -> T {
    let socket = sandbox.outside("/run/libvirt/libvirt-sock");
    let uri = format!("qemu+unix:///system?socket={}", socket.display()).parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { work(&Client::new(uri)).await })
}

fn spec<'a>(name: &'a str) -> VolumeSpec<'a> {
    VolumeSpec { name, capacity_bytes: 1 << 20, format: "raw", mode: "0600", backing: None }
}

/// Files as they lie about, of which case 40 of the public reports is made.
const ODD: [&str; 16] = [
    "my overlay.qcow2",
    "  lead trail .x",
    "a   b  ",
    "Drums & Perc <1>.x",
    "50%41.x",
    "has#hash.x",
    "it's.x",
    "dou\"ble.x",
    "Größe 测试.x",
    "json:{\"driver\":\"raw\"}.x",
    "-dash.x",
    "back\\slash.x",
    "x\\x41y",
    "semi;colon.x",
    "$(id).x",
    "?q=1.x",
];

#[test]
fn volumes_of_any_name_are_known() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let pool = sandbox.tmp().join("odd pool");
    std::fs::create_dir(&pool).unwrap();
    for name in ODD.into_iter().chain(["new\nline.x", "tab\tname.x"]) {
        std::fs::write(pool.join(name), [0; 4096]).unwrap();
    }
    std::fs::write(
        pool.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff\xfe.x")),
        "",
    )
    .unwrap();
    std::fs::create_dir(pool.join("folder")).unwrap();
    let folder = pool.to_str().unwrap();
    with_client(&sandbox, async |client| {
        assert_eq!(client.pools().find("odd pool").await.unwrap(), None);
        let made = pool_of(client, "odd pool", folder).await;
        assert_eq!((made.kind, made.active, made.path.as_str()), (PoolKind::Dir, true, folder));
        let contents = client.volumes().contents("odd pool").await.unwrap();
        let mut names: Vec<&str> = contents.volumes.iter().map(|volume| volume.name.as_str()).collect();
        let mut expected: Vec<&str> = ODD.into_iter().chain(["folder"]).collect();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
        for volume in &contents.volumes {
            assert_eq!(volume.path, format!("{folder}/{}", volume.name));
            let kind = if volume.name == "folder" { VolumeKind::Dir } else { VolumeKind::File };
            assert_eq!(volume.kind, kind, "{}", volume.name);
        }
        assert_eq!(contents.unreadable.len(), 3, "{:?}", contents.unreadable);
        client.volumes().delete("odd pool", "my overlay.qcow2").await.unwrap();
        client.pools().destroy("odd pool").await.unwrap();
        let off = client.pools().find("odd pool").await.unwrap().unwrap();
        assert!(!off.active && client.pools().list().await.unwrap().contains(&off));
    });
    assert!(!pool.join("my overlay.qcow2").exists());
}

async fn pool_of(client: &Client, name: &str, folder: &str) -> Pool {
    let pools = client.pools();
    pools.define_folder(name, folder).await.unwrap();
    let mut built = false;
    loop {
        let pool = pools.find(name).await.unwrap().unwrap();
        if pool.active {
            return pool;
        }
        pools.start(&pool, &mut built).await.unwrap();
    }
}

#[test]
fn what_others_do_to_a_pools_files_is_learned() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let folder = sandbox.tmp().join("pool");
    let file = |name: &str| folder.join(name);
    with_client(&sandbox, async |client| {
        pool_of(client, "p", folder.to_str().unwrap()).await;
        // Listed and gone: not there, and its name is free.
        client.volumes().create("p", &spec("a")).await.unwrap();
        std::fs::remove_file(file("a")).unwrap();
        assert_eq!(client.volumes().find_refreshed("p", "a").await.unwrap(), None);
        client.volumes().create("p", &VolumeSpec { format: "qcow2", ..spec("b") }).await.unwrap();
        std::fs::remove_file(file("b")).unwrap();
        client.volumes().create("p", &spec("b")).await.unwrap();
        assert!(file("b").exists());
        // There and not listed: the name is taken, and it can be deleted.
        std::fs::write(file("c"), "c").unwrap();
        assert!(client.volumes().find_each("p", &["c"]).await.unwrap()[0].is_none());
        let error = client.volumes().create("p", &spec("c")).await.unwrap_err();
        assert!(matches!(error, Error::Exists { object: Object::Volume, .. }), "{error:?}");
        std::fs::write(file("d"), "d").unwrap();
        assert!(client.volumes().learn("p", "d").await.unwrap());
        std::fs::write(file("e"), "e").unwrap();
        client.volumes().delete("p", "e").await.unwrap();
        assert!(!file("e").exists());
        // What libvirt takes for no volume.
        let fifo = file("fifo");
        sandbox.exec(&["mkfifo".as_ref(), fifo.as_os_str()]);
        let error = client.volumes().create("p", &spec("fifo")).await.unwrap_err();
        assert!(matches!(&error, Error::FileExists { path } if Path::new(path) == fifo), "{error:?}");
    });
}

#[test]
fn one_odd_definition_is_an_error_of_its_own() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let names: Vec<String> = (0..230).map(|number| format!("vm-{number}")).collect();
    let mut script = String::new();
    for name in &names {
        let file = sandbox.tmp().join(format!("{name}.xml"));
        std::fs::write(&file, empty_domain(name)).unwrap();
        script.push_str(&format!("define {}\n", file.display()));
    }
    // As deep as libvirt takes it: its parser reads 256 levels.
    let chain = format!(
        "{}{}",
        "<backingStore type='file'><format type='qcow2'/><source file='/x'/>".repeat(70),
        "</backingStore>".repeat(70)
    );
    let disk = format!(
        "<devices><disk type='file'><driver name='qemu' type='qcow2'/><source file='/x'/>{chain}<target dev='vda'/></disk></devices>"
    );
    let deep = sandbox.tmp().join("deep.xml");
    std::fs::write(&deep, empty_domain("deep").replace("<devices/>", &disk)).unwrap();
    script.push_str(&format!("define {}\n", deep.display()));
    sandbox.command("virsh", &["-q", "-c", sandbox.uri()]).stdin(script).run().success();
    with_client(&sandbox, async |client| {
        let all = client.domains().list(vmtools::libvirt::Scope::All).await.unwrap();
        let gone = Uuid::from_u128(5);
        for many in [all.len(), 20] {
            let mut uuids: Vec<Uuid> = all.iter().take(many).map(|id| id.uuid).collect();
            // Among those of the open virsh, and among those of the second one.
            uuids.insert(many / 2, gone);
            uuids.insert(uuids.len() - 1, gone);
            let told = Mutex::new(Vec::new());
            let tell = |uuid: Uuid, domain| told.lock().unwrap().push((uuid, domain));
            client.definitions().for_each(&uuids, Definition::Stored, Domain::parse, tell).await.unwrap();
            let told = told.into_inner().unwrap();
            assert_eq!(told.len(), uuids.len());
            for (uuid, domain) in &told {
                match domain {
                    Ok(domain) => {
                        assert_eq!(&domain.uuid, uuid);
                        assert!(all.iter().any(|id| id.uuid == *uuid && id.name == domain.name));
                    }
                    Err(error) => assert!(*uuid == gone && error.is_not_found(), "{uuid}: {error:?}"),
                }
            }
        }
    });
    sandbox.vmtools(&["list", "--all", "--json"]).run().success().stdout_has("\"deep\"");
    sandbox.vmtools(&["gc", "--dry-run"]).run().success();
    sandbox.vmtools(&["delete", "vm-7", "--yes"]).run().success();
}

#[test]
fn a_path_that_libvirt_would_change_is_refused() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    define_empty(&sandbox, &["web"]);
    let odd = sandbox.tmp().join("tab\tname.x");
    std::fs::write(&odd, "").unwrap();
    let uuid: Uuid = sandbox.virsh(&["domuuid", "web"]).stdout.trim().parse().unwrap();
    with_client(&sandbox, async |client| {
        let source = vmtools::libvirt::Element::new("source").with("file", odd.to_str().unwrap());
        let target = vmtools::libvirt::Element::new("target").with("dev", "vda");
        let disk = vmtools::libvirt::Element::new("disk").with("type", "file").child(source).child(target);
        let add = |domain: &mut vmtools::libvirt::Element| {
            let devices = domain.find_mut("devices").unwrap();
            devices.children.push(vmtools::libvirt::Node::Element(disk));
        };
        let error = client.definitions().change(uuid, add).await.unwrap_err();
        assert!(matches!(&error, Error::NotKept { value } if Path::new(value) == odd), "{error:?}");
    });
    assert_eq!(sandbox.virsh(&["domblklist", "web"]).stdout.trim(), "");
}

#[test]
fn reservations_go_where_their_address_is() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let define = |name: &str, document: &str| {
        let file = sandbox.tmp().join(format!("{name}.xml"));
        std::fs::write(&file, document).unwrap();
        sandbox.virsh(&["net-define", file.to_str().unwrap()]);
        sandbox.virsh(&["net-start", name]);
    };
    define(
        "two",
        "<network><name>two</name><bridge name='c32br'/><ip address='10.32.1.1' prefix='24'/>
         <ip address='10.32.2.1' prefix='24'><dhcp><host name='printer' ip='10.32.2.9'><lease expiry='5' unit='hours'/></host></dhcp></ip>
         <ip family='ipv6' address='fd32::1' prefix='64'><dhcp><range start='fd32::100' end='fd32::1ff'/></dhcp></ip></network>",
    );
    define(
        "class",
        "<network><name>class</name><bridge name='c32cbr'/><ip address='192.168.232.1'><dhcp>
         <range start='192.168.232.50' end='192.168.232.99'/></dhcp></ip></network>",
    );
    let mac = "52:54:00:32:00:01";
    with_client(&sandbox, async |client| {
        let class = client.networks().find("class").await.unwrap();
        assert_eq!(class.addresses, ["192.168.232.1/24"]);
        let address = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
        let add = async |reservation: &Reservation| {
            let network = client.networks().find("two").await.unwrap();
            client.networks().update_reservation(&network, HostUpdate::Add(reservation)).await
        };
        add(&Reservation::of_mac(mac, address("10.32.2.7"), Some("web".into()))).await.unwrap();
        let id = Some("00:03:00:01:52:54:00:32:00:01".to_owned());
        add(&Reservation::of_id(id, address("fd32::7"), Some("web".into()))).await.unwrap();
        let taken = add(&Reservation::of_mac("52:54:00:32:00:02", address("10.32.2.7"), None)).await;
        assert!(matches!(taken, Err(Error::Exists { object: Object::Reservation, .. })), "{taken:?}");
        let outside = add(&Reservation::of_mac(mac, address("10.99.0.1"), None)).await;
        assert!(matches!(outside, Err(Error::WrongState { .. })), "{outside:?}");

        let network = client.networks().find("two").await.unwrap();
        let places: Vec<usize> = network.ips.iter().map(|ip| ip.reservations.len()).collect();
        assert_eq!(places, [0, 2, 1]);
        let moved = Reservation::of_mac(mac, address("10.32.2.8"), None);
        let printer = Reservation::of_id(None, address("10.32.2.10"), Some("printer".into()));
        let of_two = &network.ips[1].reservations;
        for (present, with) in [(&of_two[1], &moved), (&of_two[0], &printer)] {
            client
                .networks()
                .update_reservation(&network, HostUpdate::Replace { present, with })
                .await
                .unwrap();
        }
        // libvirt's modify finds no entry by its id.
        let present = &network.ips[2].reservations[0];
        let with = &Reservation::of_id(None, address("fd32::8"), None);
        client.networks().update_reservation(&network, HostUpdate::Replace { present, with }).await.unwrap();
        let network = client.networks().find("two").await.unwrap();
        let kept: Vec<_> =
            network.ips[2].reservations.iter().map(|kept| (kept.id.is_some(), kept.ip)).collect();
        assert_eq!(kept, [(true, address("fd32::8"))]);
        for kept in network.ips[2].reservations.iter() {
            client.networks().update_reservation(&network, HostUpdate::Remove(kept)).await.unwrap();
        }
        let gone = client
            .networks()
            .update_reservation(&network, HostUpdate::Remove(&network.ips[2].reservations[0]))
            .await;
        assert!(gone.is_err_and(|error| error.is_not_found()));
    });
    let document = sandbox.virsh(&["net-dumpxml", "two", "--inactive"]).stdout;
    assert!(document.contains(&format!("<host mac='{mac}' name='web' ip='10.32.2.8'/>")), "{document}");
    assert!(
        document.contains("<host name='printer' ip='10.32.2.10'>\n        <lease expiry='5' unit='hours'/>"),
        "{document}"
    );
    assert!(!document.contains("fd32::7"), "{document}");
    sandbox.vmtools(&["network", "info", "two"]).run().success().stdout_has("printer");
}

#[test]
fn a_refusal_has_its_reason() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    // The word is in the name and in the message, and has nothing to do with passt.
    let passthrough = empty_domain("gpu-passt").replace(
        "<devices/>",
        "<devices><hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x65' slot='0x00' function='0x0'/></source></hostdev></devices>",
    );
    sandbox
        .command("virsh", &["-c", sandbox.uri(), "define", "/dev/stdin"])
        .stdin(passthrough)
        .run()
        .success();
    let clash = sandbox.tmp().join("clash.xml");
    std::fs::write(
        &clash,
        "<network><name>clash</name><bridge name='vb9'/><ip address='198.51.100.1' prefix='24'/></network>",
    )
    .unwrap();
    sandbox.virsh(&["net-define", clash.to_str().unwrap()]);
    let uuid = |verb: &str, name: &str| sandbox.virsh(&[verb, name]).stdout.trim().parse::<Uuid>().unwrap();
    let (domain, network) = (uuid("domuuid", "gpu-passt"), uuid("net-uuid", "clash"));
    with_client(&sandbox, async |client| {
        // libvirt 12 calls a host without VFIO unsupported, earlier ones miss the device.
        let error = client.domains().start(domain).await.unwrap_err();
        assert_ne!(error.refusal(), Some(RefusalReason::Passt), "{error:?}");
        let error = client.networks().start(network).await.unwrap_err();
        assert_eq!(error.refusal(), Some(RefusalReason::SubnetInUse), "{error:?}");
    });
}

#[test]
fn a_daemon_that_hangs_is_waited_for_once() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let names: Vec<String> = (0..100).map(|number| format!("vm-{number}")).collect();
    define_empty(&sandbox, &names.iter().map(String::as_str).collect::<Vec<_>>());
    with_client(&sandbox, async |client| {
        let all = client.domains().list(vmtools::libvirt::Scope::All).await.unwrap();
        let uuids: Vec<Uuid> = all.iter().map(|id| id.uuid).collect();
        assert_eq!(uuids.len(), 100);
        sandbox.libvirtd_freeze();
        let started = std::time::Instant::now();
        let result =
            client.definitions().for_each(&uuids, Definition::Current, Domain::parse, |_, _| {}).await;
        let took = started.elapsed();
        sandbox.libvirtd_thaw();
        assert!(matches!(result, Err(Error::TimedOut { .. })), "{result:?}");
        assert!(took.as_secs() < 25, "{took:?}");
        client
            .definitions()
            .for_each(&uuids, Definition::Current, Domain::parse, |_, domain| assert!(domain.is_ok()))
            .await
            .unwrap();
    });
}
