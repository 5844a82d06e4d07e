//! VMs that others made, under any name that libvirt takes.

use super::support::{Sandbox, sandbox_or_skip};

#[test]
fn odd_names_are_listed_and_operated_on_and_their_disks_kept() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let names = ["5", "a b", "--x", "it's", "naïve"];
    let disk = sandbox.root().join("images/foreign.raw");
    sandbox.exec(&["truncate", "-s", "1M", disk.to_str().unwrap()]);
    for name in names {
        let xml = format!(
            "<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>\
             <os><type arch='x86_64' machine='q35'>hvm</type></os><devices>\
             <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{}'/>\
             <target dev='vda' bus='virtio'/><shareable/></disk></devices></domain>",
            disk.display()
        );
        let file = sandbox.tmp().join("foreign.xml");
        sandbox.command("sh", &["-c", "cat >\"$0\"", file.to_str().unwrap()]).stdin(xml).run().success();
        sandbox.virsh(&["define", file.to_str().unwrap()]);
    }
    let listed = sandbox.vmtools(&["list", "--all", "--json"]).run().success().json();
    let mut found: Vec<&str> =
        listed.as_array().unwrap().iter().filter_map(|vm| vm["name"].as_str()).collect();
    found.sort_unstable();
    let mut wanted = names.to_vec();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    for name in names {
        let verb = |verb: &[&str]| sandbox.vmtools(&[verb, &["--", name]].concat()).run().success();
        let status = verb(&["status", "--json"]).json();
        assert_eq!((status["name"].as_str(), status["managed"].as_bool()), (Some(name), Some(false)));
        verb(&["start"]);
        assert_eq!(verb(&["status", "--json"]).json()["state"], "running");
        verb(&["stop", "--force"]);
        verb(&["delete", "--yes"]);
    }
    assert!(sandbox.domains().is_empty());
    assert!(disk.exists());
}
