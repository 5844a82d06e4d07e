//! 03, 05, 21, 23, 55: what goes with a VM, what others keep, and that all that stays is said.

use super::super::support::{Sandbox, sandbox_or_skip};
use super::super::{nothing_is_left, own_volumes};
use super::{
    Faults, IMAGES, POOL, brief, case, create_tiny, define, disk, domain, exists, forget, give, hash, output,
    path_of, qcow2, shell, stored,
};

/// A VM with firmware that keeps its variables where `nvram` says.
fn with_nvram(name: &str, nvram: &str, devices: &str) -> String {
    let loader = "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>";
    domain(name, devices).replace("hvm</type>", &format!("hvm</type>{loader}{nvram}"))
}

#[test]
fn an_nvram_file_that_another_vm_names_stays() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let file = "/var/lib/libvirt/qemu/nvram/base_VARS.fd";
    sandbox.tmpfs_at("/srv", "16M");
    shell(&sandbox, "mkdir -p \"${0%/*}\" && ln -s \"$0\" /srv/link.fd", &[file]);
    let by_element = |file: &str| format!("<nvram type='file'><source file='{file}'/></nvram>");
    let others = [
        ("of the same name", case("03-nvram-b.xml")),
        ("by a symlink", with_nvram("c03-b", "<nvram>/srv/link.fd</nvram>", "")),
        ("as a source", with_nvram("c03-b", &by_element(file), "")),
        ("as a disk", domain("c03-b", &disk(file, "raw", "vda"))),
    ];
    let mut faults = Faults::default();
    for (other, xml) in others {
        for verb in [&["delete", "--yes", "c03-a"][..], &["delete", "--force", "c03-a", "--json"]] {
            shell(&sandbox, "echo variables >\"$0\"", &[file]);
            let before = hash(&sandbox, file);
            define(&sandbox, &case("03-nvram-a.xml"));
            define(&sandbox, &xml);
            let run = sandbox.vmtools(verb).run();
            // It stays with its file, or goes without it; either is said.
            let is_said = matches!(run.status.code(), Some(0 | 11)) && output(&run).contains("c03-b");
            faults.check(is_said, format_args!("{other}: {}", brief(&run)));
            faults.check(hash(&sandbox, file) == before, format_args!("{other}: {} is gone", brief(&run)));
            if !sandbox.domains().contains(&"c03-a".to_owned()) {
                define(&sandbox, &case("03-nvram-a.xml"));
            }
            let together = sandbox.vmtools(&["delete", "--yes", "--if-exists", "c03-a", "c03-b"]).run();
            faults.check(together.status.success(), format_args!("{other}: {}", brief(&together)));
            faults.check(sandbox.domains().is_empty(), format_args!("{other}: one is left"));
            // A disk that vmtools did not make stays, whatever else it was.
            let is_right = exists(&sandbox, file) == (other == "as a disk");
            faults.check(is_right, format_args!("{other}: {} there or gone", brief(&together)));
        }
    }
    faults.none();
}

#[test]
fn an_nvram_file_of_vmtools_that_another_vm_names_stays() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    create_tiny(&sandbox, "own", &["--firmware", "efi"]);
    let xml = sandbox.virsh(&["dumpxml", "--inactive", "own"]).stdout;
    let nvram = xml.split("<nvram").nth(1).and_then(|rest| rest.split("</nvram>").next()).unwrap();
    let file = nvram.rsplit(['>', '\'']).find(|word| word.starts_with('/')).unwrap().to_owned();
    shell(&sandbox, "mkdir -p \"${0%/*}\" && echo variables >\"$0\"", &[&file]);
    define(&sandbox, &with_nvram("other", &format!("<nvram>{file}</nvram>"), ""));
    let before = hash(&sandbox, &file);
    let run = sandbox.vmtools(&["delete", "--yes", "own"]).run();
    assert!(matches!(run.status.code(), Some(0 | 11)) && output(&run).contains("other"), "{run}");
    assert_eq!(hash(&sandbox, &file), before, "{run}");
}

#[test]
fn a_record_that_names_another_file_removes_neither() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    create_tiny(&sandbox, "own", &[]);
    sandbox.vmtools(&["disk", "add", "own", "16M"]).run().success();
    let own = path_of(&sandbox, "own", "vdc");
    let precious = format!("{IMAGES}/precious.qcow2");
    qcow2(&sandbox, &precious, "1M");
    // A copy of the VM, as a program that copies definitions makes one: its record was copied and edited.
    let xml = sandbox.virsh(&["dumpxml", "--inactive", "own"]).stdout.replace(&own, &precious);
    let keeps = |line: &&str| !line.contains("<uuid>") && !line.contains("<mac ");
    let xml: Vec<&str> = xml.lines().filter(keeps).collect();
    let before = [hash(&sandbox, &own), hash(&sandbox, &precious)];
    for verb in [&["delete", "--force", "copy"][..], &["disk", "remove", "copy", "vdc", "--yes"]] {
        define(&sandbox, &xml.join("\n").replace("<name>own</name>", "<name>copy</name>"));
        let run = sandbox.vmtools(verb).run();
        assert_eq!([hash(&sandbox, &own), hash(&sandbox, &precious)], before, "{run}");
        forget(&sandbox, "copy");
    }
    sandbox.vmtools(&["delete", "--force", "own"]).run().success();
    assert!(!exists(&sandbox, &own) && exists(&sandbox, &precious));
}

#[test]
fn a_tpm_state_that_another_vm_names_stays() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    sandbox.tmpfs_at("/srv", "16M");
    let tpm = |path: &str| {
        format!(
            "<tpm model='tpm-crb'><backend type='emulator' version='2.0'><source type='dir' path='{path}'/>\
             </backend></tpm>"
        )
    };
    // Before 10.10 libvirt kept it by UUID alone, where nothing can be shared.
    if !sandbox
        .virsh_command(&["define", "/dev/stdin", "--validate"])
        .stdin(domain("c03-a", &tpm("/srv/tpm")))
        .run()
        .status
        .success()
    {
        return;
    }
    shell(&sandbox, "mkdir /srv/tpm && echo state >/srv/tpm/tpm2-00.permall && ln -s tpm /srv/link", &[]);
    let mut faults = Faults::default();
    for path in ["/srv/tpm", "/srv/link"] {
        forget(&sandbox, "c03-a");
        forget(&sandbox, "c03-b");
        define(&sandbox, &domain("c03-a", &tpm("/srv/tpm")));
        define(&sandbox, &domain("c03-b", &tpm(path)));
        let run = sandbox.vmtools(&["delete", "--yes", "c03-a"]).run();
        let is_said = matches!(run.status.code(), Some(0 | 11)) && output(&run).contains("c03-b");
        faults.check(is_said, brief(&run));
        faults.check(exists(&sandbox, "/srv/tpm/tpm2-00.permall"), format_args!("{}: gone", brief(&run)));
        shell(&sandbox, "mkdir -p /srv/tpm && echo state >/srv/tpm/tpm2-00.permall", &[]);
        if !sandbox.domains().contains(&"c03-a".to_owned()) {
            define(&sandbox, &domain("c03-a", &tpm("/srv/tpm")));
        }
        let together = sandbox.vmtools(&["delete", "--yes", "c03-a", "c03-b"]).run();
        let is_done = together.status.success() && sandbox.domains().is_empty();
        faults.check(is_done, format_args!("{path}: {}", brief(&together)));
        let anew = "mkdir -p /srv/tpm && echo state >/srv/tpm/tpm2-00.permall && ln -sfn tpm /srv/link";
        shell(&sandbox, anew, &[]);
    }
    faults.none();
}

#[test]
fn vms_that_share_a_disk_go_together_whichever_is_named_first() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let mut faults = Faults::default();
    for names in [["own", "other"], ["other", "own"]] {
        create_tiny(&sandbox, "own", &[]);
        let file = path_of(&sandbox, "own", "vda");
        define(&sandbox, &domain("other", &disk(&file, "qcow2", "vda")));
        let run = sandbox.vmtools(&["delete", "--yes", names[0], names[1]]).run();
        let is_done = run.status.success() && sandbox.domains().is_empty() && !exists(&sandbox, &file);
        faults.check(is_done, brief(&run));
        discard(&sandbox, "own");
        forget(&sandbox, "other");
    }
    faults.none();
}

#[test]
fn a_vm_with_external_snapshots_is_deleted() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    sandbox.tmpfs_at("/srv", "16M");
    let snapshot = |vm: &str, name: &str, vda: &str| {
        let spec = format!("vda,snapshot=external{vda}");
        let seed = ["--diskspec", "vdb,snapshot=no"];
        let args = [&["snapshot-create-as", vm, name, "--disk-only", "--diskspec", &spec], &seed[..]];
        sandbox.virsh(&args.concat());
    };
    let mut faults = Faults::default();
    for (what, files) in [
        ("beside its disk", &[""][..]),
        ("in no pool", &[",file=/srv/snap.s1"]),
        ("two of them", &["", ",file=/srv/snap.s2"]),
        ("a name with a blank", &[",file=/var/lib/libvirt/images/vmtools/my snapshot.qcow2"]),
    ] {
        create_tiny(&sandbox, "snap", &["--ttl", "1s"]);
        let own = path_of(&sandbox, "snap", "vda");
        for (at, file) in files.iter().enumerate() {
            snapshot("snap", &format!("s{}", at + 1), file);
        }
        let top = path_of(&sandbox, "snap", "vda");
        let plan = sandbox.vmtools(&["delete", "snap", "--dry-run", "--json"]).run();
        let is_told = plan.status.success()
            && plan.stdout.contains(&own)
            && plan.stdout.contains(&top)
            && plan.json()["snapshots"].to_string().contains("s1");
        faults.check(is_told, format_args!("{what}: {}\n{}", brief(&plan), plan.stdout));
        let run = sandbox.vmtools(&["delete", "--yes", "snap"]).run();
        let is_gone = run.status.success() && sandbox.domains().is_empty() && !exists(&sandbox, &own);
        faults.check(is_gone, format_args!("{what}: {}", brief(&run)));
        // Without what it stands on it is of use to nobody; else it is said that it stays.
        let is_told = !exists(&sandbox, &top) || output(&run).contains(&top);
        faults.check(is_told, format_args!("{what}: {top} is left"));
        discard(&sandbox, "snap");
    }
    faults.none();
}

/// Removes a VM behind vmtools' back, with the files of its pool but the bases.
fn discard(sandbox: &Sandbox, vm: &str) {
    forget(sandbox, vm);
    let script = "find \"$0\" -type f ! -name 'vmtools-base-*' -delete; rm -f /srv/*.s? ";
    shell(sandbox, script, &[POOL]);
}

#[test]
fn gc_removes_an_expired_vm_with_an_external_snapshot() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    create_tiny(&sandbox, "snap", &["--ttl", "1s"]);
    let spec = ["--diskspec", "vda,snapshot=external", "--diskspec", "vdb,snapshot=no"];
    sandbox.virsh(&[&["snapshot-create-as", "snap", "s1", "--disk-only"], &spec[..]].concat());
    super::super::support::wait_for("the end of its time", super::super::MINUTE, || {
        sandbox.vmtools(&["gc", "--dry-run"]).run().stdout.contains("snap").then_some(())
    });
    sandbox.vmtools(&["gc"]).run().success();
    nothing_is_left(&sandbox);

    // Each of these is needed by the other alone, which goes too.
    create_tiny(&sandbox, "parent", &["--ttl", "1s"]);
    sandbox.vmtools(&["clone", "--linked", "parent", "child"]).run().success();
    sandbox.vmtools(&["set", "child", "--ttl", "1s"]).run().success();
    let variables = "/var/lib/libvirt/qemu/nvram/both_VARS.fd";
    shell(&sandbox, "mkdir -p \"${0%/*}\" && : >\"$0\"", &[variables]);
    for vm in ["parent", "child"] {
        let firmware = with_nvram("x", &format!("<nvram>{variables}</nvram>"), "");
        let firmware = firmware.split("hvm</type>").nth(1).unwrap().split("</os>").next().unwrap();
        define(&sandbox, &stored(&sandbox, vm).replace("</os>", &format!("{firmware}</os>")));
    }
    super::super::support::wait_for("the end of their time", super::super::MINUTE, || {
        let named = sandbox.vmtools(&["gc", "--dry-run"]).run().stdout;
        (named.contains("parent") && named.contains("child")).then_some(())
    });
    sandbox.vmtools(&["gc"]).run().success().stdout_has("removed parent").stdout_has("removed child");
    nothing_is_left(&sandbox);
    let left = sandbox.as_root("test", &["-e", variables]).run();
    assert!(!left.status.success(), "{variables} is left");
}

#[test]
fn a_snapshot_that_another_vm_stands_on_keeps_its_vm() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    create_tiny(&sandbox, "snap", &[]);
    let spec = ["--diskspec", "vda,snapshot=external", "--diskspec", "vdb,snapshot=no"];
    sandbox.virsh(&[&["snapshot-create-as", "snap", "s1", "--disk-only"], &spec[..]].concat());
    sandbox.tmpfs_at("/srv", "16M");
    super::overlay(&sandbox, "/srv/child.qcow2", &path_of(&sandbox, "snap", "vda"));
    define(&sandbox, &domain("child", &disk("/srv/child.qcow2", "qcow2", "vda")));
    let run = sandbox.vmtools(&["delete", "--yes", "snap", "--json"]).run();
    assert!(run.status.code() == Some(11) && output(&run).contains("child"), "{run}");
    assert!(super::chain_holds(&sandbox, "/srv/child.qcow2"), "{run}");
    assert_eq!(sandbox.domains(), ["child", "snap"]);
}

#[test]
fn a_disk_that_was_added_to_a_vm_of_others_goes_with_it() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let own = format!("{IMAGES}/c05.qcow2");
    qcow2(&sandbox, &own, "8M");
    let given = sandbox.tmp().join("given.qcow2");
    let given = given.to_str().unwrap();
    qcow2(&sandbox, given, "8M");
    let mut faults = Faults::default();
    for (name, more) in [
        ("c05-nosource", &[][..]),
        ("renamed", &["rename", "c05-nosource", "renamed"]),
        ("c05-nosource", &["set", "c05-nosource", "-m", "128"]),
    ] {
        define(&sandbox, &case("05-nosource.xml"));
        let added = sandbox.vmtools(&["disk", "add", "c05-nosource", "1", "--json"]).run().success().json();
        faults.check(added["owned"] == true, format_args!("it is not its own: {added}"));
        let path = added["path"].as_str().unwrap().to_owned();
        sandbox.vmtools(&["disk", "add", "c05-nosource", "--file", given]).run().success();
        if !more.is_empty() {
            sandbox.vmtools(more).run().success();
        }
        let plan = sandbox.vmtools(&["delete", name, "--dry-run", "--json"]).run().success().json();
        faults.check(plan["delete"].to_string().contains(&path), format_args!("the plan: {plan}"));
        let run = sandbox.vmtools(&["delete", name, "--yes"]).run();
        faults.check(run.status.success() && !exists(&sandbox, &path), brief(&run));
        faults.check(exists(&sandbox, &own) && exists(&sandbox, given), "what others made is gone");
        shell(&sandbox, "rm -f \"$0\"", &[&path]);
    }
    faults.none();
}

#[test]
fn a_disk_of_others_that_stays_is_said() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    sandbox.tmpfs_at("/srv", "32M");
    let script = "mkdir -p '/srv/pool a' '/srv/pool b' && truncate -s 1M /srv/node.img
        for pool in a b; do virsh -q pool-define-as pool-$pool dir --target \"/srv/pool $pool\"; done
        virsh -q pool-start pool-a";
    shell(&sandbox, script, &[]);
    let file = |name: &str| disk(name, "qcow2", "vda");
    let network = |protocol: &str, name: &str| {
        format!(
            "<disk type='network' device='disk'><driver name='qemu' type='raw'/>\
             <source protocol='{protocol}' name='{name}'><host name='203.0.113.11'/></source>\
             <target dev='vda'/></disk>"
        )
    };
    let volume = |pool: &str| {
        format!(
            "<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/>\
             <source pool='{pool}' volume='my disk.qcow2'/><target dev='vda'/></disk>"
        )
    };
    let cases = [
        ("in no pool", file("/srv/RedHat VM/disk 1.qcow2"), "disk 1.qcow2", true),
        ("in a pool, with a blank", file("/srv/pool a/my disk.qcow2"), "my disk.qcow2", false),
        ("a volume with a blank", volume("pool-a"), "my disk.qcow2", false),
        ("in a pool that is stopped", file("/srv/pool b/my disk.qcow2"), "my disk.qcow2", true),
        ("a volume of a stopped pool", volume("pool-b"), "my disk.qcow2", true),
        ("of the network", network("rbd", "pool-a/vm-root"), "pool-a/vm-root", true),
        (
            "a device",
            "<disk type='block' device='disk'><source dev='/dev/vg/lv-root'/><target dev='vda'/></disk>"
                .into(),
            "/dev/vg/lv-root",
            true,
        ),
    ];
    let mut faults = Faults::default();
    for (what, devices, name, stays) in cases {
        for json in [false, true] {
            for path in
                ["/srv/RedHat VM/disk 1.qcow2", "/srv/pool a/my disk.qcow2", "/srv/pool b/my disk.qcow2"]
            {
                qcow2(&sandbox, path, "1M");
            }
            let xml = case("55-blanks.xml");
            let (head, rest) = xml.split_once("<disk").unwrap();
            define(&sandbox, &format!("{head}{devices}{}", rest.split_once("</disk>").unwrap().1));
            let vm = "Red Hat \"VM\" 8";
            let args = ["delete", "--with-foreign-disks", "--yes", vm, "--json"];
            let run = sandbox.vmtools(if json { &args } else { &args[..4] }).run();
            let is_done = run.status.success() && sandbox.domains().is_empty();
            faults.check(is_done, format_args!("{what}: {}", brief(&run)));
            // JSON quotes nothing of these names.
            let is_said = output(&run).contains(name);
            faults.check(is_said, format_args!("{what}: {} says nothing of {name}", brief(&run)));
            if !stays {
                let left = exists(&sandbox, "/srv/pool a/my disk.qcow2");
                faults.check(!left, format_args!("{what}: {} left it", brief(&run)));
            }
            forget(&sandbox, vm);
        }
    }
    faults.none();
}

#[test]
fn a_transient_vm_is_deleted_stopped_and_told_as_any_other() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let mut faults = Faults::default();
    let xml = domain("c23-trans", "");
    let own = format!("{IMAGES}/c23.qcow2");
    for (verb, is_done) in [
        (&["delete", "--force", "c23-trans", "--json"][..], true),
        (&["delete", "--force", "c23-trans"], true),
        (&["delete", "--force", "--if-exists", "c23-trans"], true),
        (&["delete", "--force", "--keep-disks", "c23-trans"], true),
        (&["stop", "--force", "c23-trans"], true),
        (&["stop", "--force", "c23-trans", "--json"], true),
        (&["delete", "c23-trans", "--yes"], false),
    ] {
        for devices in ["", &disk(&own, "qcow2", "vda")] {
            shell(&sandbox, "rm -f \"$0\"", &[&own]);
            qcow2(&sandbox, &own, "8M");
            shell(&sandbox, "chmod 666 \"$0\"", &[&own]);
            give(
                &sandbox,
                &["create", "--paused"],
                &xml.replace("<devices>", &format!("<devices>{devices}")),
            );
            let run = sandbox.vmtools(verb).run();
            let codes = if is_done { [0, 0] } else { [5, 5] };
            faults.check(run.status.code().is_some_and(|code| codes.contains(&code)), brief(&run));
            faults.check(!output(&run).contains("there is no VM"), brief(&run));
            faults.check(
                sandbox.domains().is_empty() == is_done,
                format_args!("{}: it is still there", brief(&run)),
            );
            faults.check(exists(&sandbox, &own), format_args!("{}: its disk is gone", brief(&run)));
            sandbox.virsh_command(&["destroy", "c23-trans"]).run();
        }
    }
    // A restart would be its end.
    give(&sandbox, &["create", "--paused"], &xml);
    let run = sandbox.vmtools(&["restart", "--force", "c23-trans"]).run();
    let is_right = if run.status.success() {
        sandbox.domains() == ["c23-trans"]
    } else {
        run.status.code() == Some(5) && sandbox.domains() == ["c23-trans"]
    };
    faults.check(is_right, format_args!("{}: {:?}", brief(&run), sandbox.domains()));
    faults.none();
    assert_eq!(own_volumes(&sandbox), Vec::<String>::new());
}

/// A clone's ports write to files beside its source's, and libvirt leaves them.
#[test]
fn what_its_ports_have_written_is_said_to_stay() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let (own, folder) = (format!("{IMAGES}/c16.qcow2"), "/var/log/libvirt/qemu");
    qcow2(&sandbox, &own, "8M");
    shell(&sandbox, "chmod 666 \"$0\" && mkdir -p \"$1\"", &[&own, folder]);
    define(&sandbox, &case("16-serial.xml"));
    sandbox.vmtools(&["clone", "c16-serial", "twin"]).run().success();
    let plan = || sandbox.vmtools(&["delete", "twin", "--dry-run", "--json"]).run().success();
    let written = &format!("{folder}/c16-console.log.twin");
    assert!(!plan().stdout.contains(written), "it is not there yet");
    shell(&sandbox, "echo boot >\"$0\"", &[written]);
    let kept = plan().json()["kept"].clone();
    let is_it = |kept: &serde_json::Value| kept["path"] == **written && kept["why"] == "output";
    assert!(kept.as_array().unwrap().iter().any(is_it), "{kept}");
    let run = sandbox.vmtools(&["delete", "twin", "--yes"]).run().success();
    assert!(run.stdout.contains(&format!("keeping {written}")) && exists(&sandbox, written), "{run}");
}
