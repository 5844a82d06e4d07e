//! 53, 08: files that others stand on, wherever these lie and however they are named, are never removed.

use super::super::as_member;
use super::super::support::{Sandbox, sandbox_or_skip};
use super::{
    Faults, IMAGES, POOL, brief, case, chain_holds, create_tiny, define, disk, domain, exists, forget, give,
    hash, output, overlay, path_of, qcow2, shell, tiny_base, tiny_image,
};

/// A way in which a VM that is off stands on a file: it makes what it takes for that, and gives the VM's
/// devices and the topmost of its files.
type Stand = fn(&Sandbox, &str) -> (String, String);

/// Those of one named file in a folder of no pool.
const STANDS: [(&str, Stand); 14] = [
    ("an overlay in a folder of no pool", |sandbox, low| {
        let top = "/srv/overlays/child.qcow2".to_owned();
        overlay(sandbox, &top, low);
        (disk(&top, "qcow2", "vda"), top)
    }),
    ("a backing name that is relative", |sandbox, low| {
        let top = "/srv/overlays/relative.qcow2".to_owned();
        overlay(sandbox, &top, &format!("../..{low}"));
        (disk(&top, "qcow2", "vda"), top)
    }),
    ("a backing name that goes by a symlinked folder", |sandbox, low| {
        let top = "/srv/overlays/by-link.qcow2".to_owned();
        shell(sandbox, "ln -sfn \"$1\" /srv/link", &["", POOL]);
        overlay(sandbox, &top, &low.replace(POOL, "/srv/link"));
        (disk(&top, "qcow2", "vda"), top)
    }),
    ("a disk that is a symlink to the overlay", |sandbox, low| {
        let top = "/srv/overlays/linked.qcow2".to_owned();
        overlay(sandbox, "/srv/elsewhere/real.qcow2", low);
        shell(sandbox, "ln -s /srv/elsewhere/real.qcow2 \"$0\"", &[&top]);
        (disk(&top, "qcow2", "vda"), top)
    }),
    ("names with blanks", |sandbox, low| {
        let top = "/srv/my overlays/my child.qcow2".to_owned();
        overlay(sandbox, &top, low);
        (disk(&top, "qcow2", "vda"), top)
    }),
    ("a name with a blank in vmtools' own pool", |sandbox, low| {
        let top = format!("{POOL}/my overlay.qcow2");
        overlay(sandbox, &top, low);
        (disk(&top, "qcow2", "vda"), top)
    }),
    ("an overlay of an overlay", |sandbox, low| {
        let top = "/srv/overlays/top.qcow2".to_owned();
        overlay(sandbox, "/srv/overlays/mid.qcow2", low);
        overlay(sandbox, &top, "mid.qcow2");
        (disk(&top, "qcow2", "vda"), top)
    }),
    ("a backing name with a protocol", |sandbox, low| {
        let top = "/srv/overlays/file-colon.qcow2".to_owned();
        overlay(sandbox, &top, &format!("file:{low}"));
        (disk(&top, "qcow2", "vda"), top)
    }),
    ("a backing name in JSON", |sandbox, low| {
        let top = "/srv/overlays/json.qcow2".to_owned();
        let name =
            format!("json:{{\"driver\":\"qcow2\",\"file\":{{\"driver\":\"file\",\"filename\":\"{low}\"}}}}");
        overlay(sandbox, &top, &name);
        (disk(&top, "qcow2", "vda"), top)
    }),
    ("a disk that is a volume of another pool", |sandbox, low| {
        let top = "/srv/pool a/root.qcow2".to_owned();
        overlay(sandbox, &top, low);
        if !sandbox.virsh(&["pool-list", "--all", "--name"]).stdout.contains("pool-a") {
            sandbox.virsh(&["pool-define-as", "pool-a", "dir", "--target", "/srv/pool a"]);
            sandbox.virsh(&["pool-start", "pool-a"]);
        }
        let disk = "<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/>\
            <source pool='pool-a' volume='root.qcow2'/><target dev='vda'/></disk>";
        (disk.to_owned(), top)
    }),
    ("a disk that is a volume of a pool that is stopped", |sandbox, low| {
        let top = "/srv/pool b/root.qcow2".to_owned();
        overlay(sandbox, &top, low);
        if !sandbox.virsh(&["pool-list", "--all", "--name"]).stdout.contains("pool-b") {
            sandbox.virsh(&["pool-define-as", "pool-b", "dir", "--target", "/srv/pool b"]);
        }
        let disk = "<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/>\
            <source pool='pool-b' volume='root.qcow2'/><target dev='vda'/></disk>";
        (disk.to_owned(), top)
    }),
    ("the file itself, by a folder that is mounted twice", |sandbox, low| {
        let script = "mkdir -p /srv/twice && { mountpoint -q /srv/twice || mount --bind \"$0\" /srv/twice; }";
        shell(sandbox, script, &[POOL]);
        let top = low.replace(POOL, "/srv/twice");
        (disk(&top, "qcow2", "vda"), top)
    }),
    ("the file itself, by a symlink", |sandbox, low| {
        let top = "/srv/overlays/itself.qcow2".to_owned();
        shell(sandbox, "ln -sfn \"$1\" \"$0\"", &[&top, low]);
        (disk(&top, "qcow2", "vda"), top)
    }),
    ("an overlay of another format", |sandbox, low| {
        let top = "/srv/overlays/child.qed".to_owned();
        shell(sandbox, "rm -f \"$0\" && qemu-img create -q -f qed -b \"$1\" -F qcow2 \"$0\"", &[&top, low]);
        (disk(&top, "qed", "vda"), top)
    }),
];

fn srv(sandbox: &Sandbox) {
    sandbox.tmpfs_at("/srv", "64M");
    shell(sandbox, "mkdir -p /srv/overlays", &[]);
}

/// Takes away what a stand has made.
fn clear(sandbox: &Sandbox, top: &str) {
    forget(sandbox, "c53-child");
    // There it is the file itself.
    if !top.starts_with("/srv/twice/") {
        shell(sandbox, "rm -f \"$0\"", &[top]);
    }
}

#[test]
fn a_disk_that_another_vm_stands_on_is_not_deleted() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    srv(&sandbox);
    let mut faults = Faults::default();
    for (stand, make) in STANDS {
        if !sandbox.domains().contains(&"low".to_owned()) {
            create_tiny(&sandbox, "low", &[]);
        }
        let low = path_of(&sandbox, "low", "vda");
        let (devices, top) = make(&sandbox, &low);
        define(&sandbox, &domain("c53-child", &devices));
        let before = hash(&sandbox, &low);
        let run = sandbox.vmtools(&["delete", "--yes", "low", "--json"]).run();
        let is_refused = run.status.code() == Some(11) && output(&run).contains("c53-child");
        faults.check(is_refused, format_args!("{stand}: {}", brief(&run)));
        let is_whole = chain_holds(&sandbox, &top) && hash(&sandbox, &low) == before;
        faults.check(is_whole, format_args!("{stand}: the other VM's disk is broken"));
        clear(&sandbox, &top);
    }
    faults.none();
}

#[test]
fn a_base_that_another_vm_stands_on_is_not_removed() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    srv(&sandbox);
    let mut faults = Faults::default();
    for (stand, make) in STANDS {
        create_tiny(&sandbox, "low", &[]);
        sandbox.vmtools(&["delete", "--yes", "low"]).run().success();
        let base = tiny_base(&sandbox);
        let (devices, top) = make(&sandbox, &base);
        define(&sandbox, &domain("c53-child", &devices));
        let before = hash(&sandbox, &base);
        let removed = sandbox.vmtools(&["image", "rm", "tiny.qcow2", "--yes", "--json"]).run();
        let is_refused = removed.status.code() == Some(11) && output(&removed).contains("c53-child");
        faults.check(is_refused, format_args!("{stand}: {}", brief(&removed)));
        let pruned = sandbox.vmtools(&["image", "prune", "--yes", "--json"]).run();
        let is_kept = pruned.status.code() == Some(0) && !pruned.stdout.contains(&base);
        faults.check(is_kept, format_args!("{stand}: {}\n{}", brief(&pruned), pruned.stdout));
        let is_whole = chain_holds(&sandbox, &top) && hash(&sandbox, &base) == before;
        faults.check(is_whole, format_args!("{stand}: the other VM's disk is broken"));
        clear(&sandbox, &top);
    }
    faults.none();
}

#[test]
fn no_verb_removes_or_writes_what_another_vm_stands_on() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    srv(&sandbox);
    let image = tiny_image(&sandbox);
    let mut faults = Faults::default();
    let verbs: [(&[&str], &[i32]); 10] = [
        (&["delete", "--force", "low"], &[11]),
        (&["delete", "--all", "--yes"], &[11]),
        (&["delete", "--yes", "-l", "kind=low"], &[11]),
        (&["delete", "--yes", "--with-foreign-disks", "low"], &[11]),
        (&["create", "low", "--image", &image, "--replace", "--yes"], &[11]),
        (&["disk", "remove", "low", "vdc", "--yes"], &[11]),
        // What is written below an overlay damages it.
        (&["start", "low"], &[5, 11]),
        (&["set", "low", "-d", "30G"], &[5, 11]),
        (&["disk", "resize", "low", "vdc", "30G"], &[5, 11]),
        (&["disk", "add", "other", "--file", "/srv/itself"], &[11]),
    ];
    for (verb, codes) in verbs {
        if !sandbox.domains().contains(&"low".to_owned()) {
            create_tiny(&sandbox, "low", &["-l", "kind=low"]);
        }
        if !sandbox.virsh(&["domblklist", "low"]).stdout.contains("vdc") {
            sandbox.vmtools(&["disk", "add", "low", "16M"]).run().success();
        }
        let tops = ["vda", "vdc"].map(|target| {
            let below = path_of(&sandbox, "low", target);
            let top = format!("/srv/overlays/{target} child.qcow2");
            overlay(&sandbox, &top, &below);
            shell(&sandbox, "ln -sfn \"$0\" /srv/itself", &[&below]);
            (top, hash(&sandbox, &below), below)
        });
        let devices = format!("{}{}", disk(&tops[0].0, "qcow2", "vda"), disk(&tops[1].0, "qcow2", "vdb"));
        define(&sandbox, &domain("c53-child", &devices));
        super::super::define_empty(&sandbox, &["other"]);
        let run = sandbox.vmtools(&[verb, &["--json"]].concat()).run();
        let is_refused = run.status.code().is_some_and(|code| codes.contains(&code));
        // The file itself is in use by its own VM.
        let needs = if verb[1] == "add" { "low" } else { "c53-child" };
        faults.check(is_refused && output(&run).contains(needs), brief(&run));
        for (top, before, below) in &tops {
            let is_whole = chain_holds(&sandbox, top) && hash(&sandbox, below) == *before;
            faults.check(is_whole, format_args!("`{}` broke {top}", verb.join(" ")));
        }
        sandbox.virsh_command(&["destroy", "low"]).run();
        for vm in ["c53-child", "other"] {
            forget(&sandbox, vm);
        }
    }
    faults.none();
}

#[test]
fn gc_keeps_what_another_vm_stands_on() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    srv(&sandbox);
    create_tiny(&sandbox, "low", &["--ttl", "1s"]);
    let low = path_of(&sandbox, "low", "vda");
    // As an upload or a commit that was killed leaves them, long ago.
    let broken = ["vmtools-base-00112233445566778899aabbccddeeff.qcow2", "vmtools-commit-0011.qcow2"]
        .map(|name| format!("{POOL}/{name}"));
    let files = [&low, &broken[0], &broken[1]];
    let mut tops = Vec::new();
    for (at, file) in files.iter().enumerate() {
        if *file != &low {
            qcow2(&sandbox, file, "8M");
        }
        let top = format!("/srv/overlays/child {at}.qcow2");
        overlay(&sandbox, &top, file);
        shell(&sandbox, "touch -d '1 day ago' \"$0\"", &[file]);
        define(&sandbox, &domain(&format!("c53-child-{at}"), &disk(&top, "qcow2", "vda")));
        tops.push(top);
    }
    super::super::support::wait_for("the end of its time", super::super::MINUTE, || {
        let dry = sandbox.vmtools(&["gc", "--dry-run"]).run();
        dry.stdout.contains("low").then_some(())
    });
    let run = sandbox.vmtools(&["gc", "--json"]).run();
    let mut faults = Faults::default();
    faults.check(run.status.code() != Some(0) && output(&run).contains("c53-child-0"), brief(&run));
    for top in &tops {
        faults.check(chain_holds(&sandbox, top), format_args!("gc broke {top}: {}", brief(&run)));
    }
    faults.none();
}

/// The files of others may be theirs alone to read.
#[test]
fn a_member_of_libvirts_group_breaks_no_chain_that_only_root_can_read() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    srv(&sandbox);
    create_tiny(&sandbox, "low", &[]);
    let low = path_of(&sandbox, "low", "vda");
    let top = "/srv/overlays/child.qcow2";
    overlay(&sandbox, top, &low);
    define(&sandbox, &case("53-overlay.xml"));
    shell(&sandbox, "chmod 600 \"$0\" && chmod 700 /srv/overlays", &[top]);
    let mut faults = Faults::default();
    for args in [&["delete", "--yes", "low"][..], &["delete", "--force", "--all"]] {
        if sandbox.domains() == ["c53-child"] {
            create_tiny(&sandbox, "low", &[]);
            overlay(&sandbox, top, &path_of(&sandbox, "low", "vda"));
        }
        let run = as_member(&sandbox, args).run();
        faults.check(run.status.code() != Some(0), brief(&run));
        faults.check(chain_holds(&sandbox, top), format_args!("{}: the chain is broken", brief(&run)));
    }
    faults.none();
}

#[test]
fn what_goes_together_goes() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    srv(&sandbox);
    create_tiny(&sandbox, "low", &[]);
    sandbox.vmtools(&["clone", "low", "kid", "--linked"]).run().success();
    sandbox.vmtools(&["clone", "kid", "grandkid", "--linked"]).run().success();
    let run = sandbox.vmtools(&["delete", "--yes", "low", "kid", "--json"]).run();
    assert_eq!(run.status.code(), Some(11), "{run}");
    assert_eq!(sandbox.domains(), ["grandkid", "kid", "low"], "{run}");
    sandbox.vmtools(&["delete", "--yes", "low", "kid", "grandkid"]).run().success();
    super::super::nothing_is_left(&sandbox);
    // Nobody stands on it any more.
    sandbox.vmtools(&["image", "prune", "--yes"]).run().success();
    assert_eq!(sandbox.volumes(), Vec::<String>::new());
}

#[test]
fn a_vm_of_others_with_linked_clones_is_not_deleted() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let disk = format!("{IMAGES}/c08x.qcow2");
    qcow2(&sandbox, &disk, "16M");
    define(&sandbox, &case("08-foreign-parent.xml"));
    sandbox.vmtools(&["clone", "c08-src", "kid", "--linked"]).run().success();
    sandbox.vmtools(&["clone", "kid", "grandkid", "--linked"]).run().success();
    let before = hash(&sandbox, &disk);
    let mut faults = Faults::default();
    for more in [&[][..], &["--with-foreign-disks"], &["--force"]] {
        let args = [&["delete", "c08-src", "--yes", "--json"], more].concat();
        let run = sandbox.vmtools(&args).run();
        let is_refused = run.status.code() == Some(11) && output(&run).contains("kid");
        faults.check(is_refused, brief(&run));
        if !sandbox.domains().contains(&"c08-src".to_owned()) {
            define(&sandbox, &case("08-foreign-parent.xml"));
        }
    }
    faults.check(hash(&sandbox, &disk) == before, "the source's disk is another");
    faults.check(chain_holds(&sandbox, &path_of(&sandbox, "grandkid", "vda")), "the clone is broken");
    let together = ["delete", "--yes", "c08-src", "kid", "grandkid"];
    faults.check(sandbox.vmtools(&together).run().status.success(), "they don't go together");
    faults.check(exists(&sandbox, &disk), "the disk of others is gone");
    faults.none();
}

/// What a running VM has been given for this run alone is in no stored definition.
#[test]
fn a_disk_that_only_a_running_vm_knows_is_not_deleted() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    srv(&sandbox);
    create_tiny(&sandbox, "low", &[]);
    let low = path_of(&sandbox, "low", "vda");
    let top = "/srv/overlays/hot.qcow2";
    overlay(&sandbox, top, &low);
    shell(&sandbox, "chmod 666 \"$0\"", &[top]);
    give(&sandbox, &["create", "--paused"], &domain("c53-child", &disk(top, "qcow2", "vda")));
    let run = sandbox.vmtools(&["delete", "--yes", "low", "--json"]).run();
    assert!(run.status.code() == Some(11) && output(&run).contains("c53-child"), "{run}");
    assert!(chain_holds(&sandbox, top), "{run}");
}
