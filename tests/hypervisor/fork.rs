//! VMs that go on from where a running one was.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::support::{HeldCalls, Passing, Run, Sandbox, is_thorough, sandbox_or_skip, wait_for};
use super::{MINUTE, as_member, create, nothing_is_left, own_volumes, unbootable_image};

/// More than vmtools waits for such a guest.
const LONG: Duration = Duration::from_secs(1260);

/// What a guest is known by: all of it has to be another in a fork.
const IDENTITY: &str = "hostname; hostnamectl hostname; cat /etc/machine-id; \
    sudo cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub; cat /sys/class/net/e*/address; \
    cat /proc/sys/kernel/random/uuid; cat /var/lib/cloud/data/instance-id; \
    ip -4 -br address show scope global | awk '{ print $3 }'";

/// A process that counts in memory: its shell's variable, of which the file in a tmpfs tells.
const COUNT: &str = "sudo sh -c 'setsid sh -c \"i=0; while :; do i=\\$((i+1)); echo \\$i \\$\\$ >/run/count.new; \
    mv /run/count.new /run/count; sleep 0.2; done\" </dev/null >/dev/null 2>&1 &'";

fn ssh(sandbox: &Sandbox, name: &str, script: &str) -> Run {
    sandbox.vmtools(&["ssh", name, "--", script]).run().success()
}

/// The count, and the process that counts.
#[track_caller]
fn count(sandbox: &Sandbox, name: &str) -> (u64, String) {
    let run = ssh(sandbox, name, "cat /run/count");
    let (count, process) = run.stdout.trim().split_once(' ').expect("a count and a process");
    (count.parse().unwrap(), process.to_owned())
}

fn disks(sandbox: &Sandbox, name: &str) -> Vec<String> {
    sandbox.virsh(&["domblklist", name]).success().lines()
}

/// The files of memory that is to be restored.
fn memory_files(sandbox: &Sandbox) -> Vec<String> {
    sandbox.files_under("/var/lib/libvirt/images/vmtools/warm")
}

#[test]
fn a_fork_goes_on_where_its_parent_was_as_another() {
    // In short that is looked at with a parent that is there anyway, in warm.rs.
    if !is_thorough() {
        return;
    }
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.debian_image());
    let parent = ["create", "p", "--image", image.to_str().unwrap(), "-m", "512", "-c", "1", "-d", "4"];
    sandbox.vmtools(&[&parent[..], &["--start", "--wait"]].concat()).timeout(LONG).run().success();
    ssh(&sandbox, "p", COUNT);
    ssh(&sandbox, "p", "echo kept | sudo tee /root/file >/dev/null; sync; echo secret >/dev/shm/secret");
    ssh(&sandbox, "p", "printf '127.0.1.1 p.lan p\\n10.0.0.1 pip ip6-p\\n' | sudo tee -a /etc/hosts");
    wait_for("the count", MINUTE, || (count(&sandbox, "p").0 > 5).then_some(()));
    let identity = ssh(&sandbox, "p", IDENTITY).lines();
    let (before, process) = count(&sandbox, "p");
    let blocks = disks(&sandbox, "p");
    let definition = sandbox.virsh(&["dumpxml", "--inactive", "p"]).success().stdout;
    let volumes = own_volumes(&sandbox);

    // Two at once.
    let spawn = |name| sandbox.vmtools(&["fork", "p", name, "--wait", "--json"]).timeout(LONG).spawn();
    let (fork, second) = (spawn("q"), spawn("r"));
    let (fork, second) = (fork.wait(LONG).success(), second.wait(LONG).success());
    let third = ssh(&sandbox, "r", IDENTITY).lines();
    assert_eq!(third[2], second.json()["uuid"].as_str().unwrap().replace('-', ""));
    sandbox.vmtools(&["delete", "--force", "r"]).run().success();
    let vm = fork.json();
    assert_eq!((&vm["start"], &vm["forked_from"]), (&"fork".into(), &"p".into()), "{fork}");
    let (forked, its_process) = count(&sandbox, "q");
    assert!(forked > before && its_process == process, "{forked} {before} {its_process} {process}");
    wait_for("more of the count", MINUTE, || (count(&sandbox, "q").0 > forked).then_some(()));
    // Only what is the name is another, and not all that has its letter in it.
    assert_eq!(ssh(&sandbox, "q", "tail -2 /etc/hosts").lines(), ["127.0.1.1 q.lan q", "10.0.0.1 pip ip6-p"]);
    let has = ssh(&sandbox, "q", "sudo cat /root/file; cat /dev/shm/secret");
    assert_eq!(has.lines(), ["kept", "secret"]);
    let others = ssh(&sandbox, "q", IDENTITY).lines();
    assert_eq!(others.len(), identity.len(), "{others:?} {identity:?}");
    for (one, other) in identity.iter().zip(&others) {
        assert_ne!(one, other, "{identity:?} {others:?}");
    }
    assert!(third.iter().zip(&others).all(|(one, other)| one != other), "{third:?} {others:?}");
    let uuid = vm["uuid"].as_str().unwrap();
    let expected = ["q", "q", &uuid.replace('-', "")];
    assert_eq!(others[..3], expected.map(str::to_owned));
    assert_eq!(others[4], vm["interfaces"][0]["mac"].as_str().unwrap());
    assert_eq!(others[6], format!("vmtools-{uuid}"));
    sandbox.vmtools(&["status", "q"]).run().success().stdout_has("from p while it was running");

    // The parent was not stopped: it counts on, is who it was, and has its disks, which nobody shares.
    let (after, same) = count(&sandbox, "p");
    assert!(after > before && same == process);
    let now = ssh(&sandbox, "p", IDENTITY).lines();
    assert_eq!((&now[..5], &now[6..]), (&identity[..5], &identity[6..]));
    assert_eq!(disks(&sandbox, "p"), blocks);
    assert_eq!(sandbox.virsh(&["dumpxml", "--inactive", "p"]).success().stdout, definition);
    assert_eq!(memory_files(&sandbox), Vec::<String>::new());
    let own = own_volumes(&sandbox).into_iter().filter(|volume| !volume.contains("/q-"));
    assert_eq!(own.collect::<Vec<_>>(), volumes);

    // What boots stays who it is, and is set up no more.
    sandbox.vmtools(&["restart", "q", "--wait"]).timeout(LONG).run().success();
    let rebooted = ssh(&sandbox, "q", IDENTITY).lines();
    assert_eq!((&rebooted[..5], &rebooted[6..]), (&others[..5], &others[6..]));
    let quiet = "cloud-init status; systemctl --failed --no-legend --plain; sudo journalctl -q -n 1 >/dev/null && echo journal";
    assert_eq!(ssh(&sandbox, "q", quiet).lines(), ["status: done", "journal"]);
    sandbox.vmtools(&["exec", "q", "--", "true"]).run().success();
    sandbox.vmtools(&["delete", "--force", "q"]).run().success();
    assert_eq!(own_volumes(&sandbox), volumes);

    interrupted(&sandbox, &blocks, &volumes);
    killed(&sandbox, &blocks, &volumes);
    without_an_agent(&sandbox, &identity);
    assert_eq!(count(&sandbox, "p").1, process);
    sandbox.vmtools(&["delete", "--force", "p"]).run().success();
    assert_eq!(memory_files(&sandbox), Vec::<String>::new());
    nothing_is_left(&sandbox);
}

/// By Ctrl-C once the disks are copied, and once the guest is another: the parent is on its own disks again, and of the
/// fork there is nothing.
fn interrupted(sandbox: &Sandbox, blocks: &[String], volumes: &[String]) {
    for command in ["pool-refresh", "detach-interface"] {
        let calls = HeldCalls::hold(sandbox, command, Passing::Kept);
        let mut running = sandbox.vmtools(&["fork", "p", "q"]).spawn();
        calls.await_call(&mut running);
        match command {
            "pool-refresh" => assert!(disks(sandbox, "p").iter().any(|line| line.contains("-fork-"))),
            // It has the parent's address, which nobody is to see.
            _ => {
                let look = ["exec", "q", "--", "sh", "-c", "cat /sys/class/net/e*/carrier; hostname"];
                let seen = sandbox.vmtools(&look).run().success();
                assert_eq!(seen.lines(), ["0", "q"], "{seen}");
            }
        }
        running.signal("INT");
        calls.go_on();
        running.wait(LONG).code(130);
        drop(calls);
        assert_eq!((disks(sandbox, "p"), sandbox.domains()), (blocks.to_vec(), vec!["p".to_owned()]));
        assert_eq!((own_volumes(sandbox), memory_files(sandbox)), (volumes.to_vec(), Vec::new()));
        ssh(sandbox, "p", "sync; cat /run/count");
    }
}

/// By SIGKILL at the same point: the parent runs on an overlay that is its own, and `gc` puts it back.
fn killed(sandbox: &Sandbox, blocks: &[String], volumes: &[String]) {
    let calls = HeldCalls::hold(sandbox, "blockcommit", Passing::Kept);
    let mut running = sandbox.vmtools(&["fork", "p", "q"]).spawn();
    calls.await_call(&mut running);
    // As long as the fork goes on nothing is garbage.
    let found = sandbox
        .command("env", &["PATH=/usr/bin", env!("CARGO_BIN_EXE_vmtools"), "gc", "--dry-run", "--json"]);
    assert_eq!(found.run().success().json(), serde_json::json!([]));
    running.signal("KILL");
    running.wait(MINUTE);
    drop(calls);
    assert!(disks(sandbox, "p").iter().any(|line| line.contains("-fork-")));
    ssh(sandbox, "p", "echo meanwhile | sudo tee /root/meanwhile; sync");
    let status = sandbox.vmtools(&["status", "p", "--json"]).run().success().json();
    assert_eq!(status["disks"][0]["owned"], true, "{status}");
    sandbox.vmtools(&["gc"]).run().success().stdout_has("-fork-");
    assert_eq!((disks(sandbox, "p"), sandbox.domains()), (blocks.to_vec(), vec!["p".to_owned()]));
    assert_eq!((own_volumes(sandbox), memory_files(sandbox)), (volumes.to_vec(), Vec::new()));
    assert_eq!(ssh(sandbox, "p", "sudo cat /root/meanwhile").lines(), ["meanwhile"]);
}

/// The helper is started by ssh, and is in the fork alone afterwards.
fn without_an_agent(sandbox: &Sandbox, identity: &[String]) {
    ssh(sandbox, "p", "sudo systemctl stop qemu-guest-agent");
    wait_for("the agent's end", MINUTE, || {
        let document = sandbox.virsh(&["dumpxml", "p"]).success().stdout;
        document.contains("state='disconnected'").then_some(())
    });
    let fork = sandbox.vmtools(&["fork", "p", "q", "--wait", "--json"]).timeout(LONG).run().success();
    assert_eq!(fork.json()["start"], "fork");
    let others = ssh(sandbox, "q", IDENTITY).lines();
    for (one, other) in identity.iter().zip(&others) {
        assert_ne!(one, other, "{identity:?} {others:?}");
    }
    ssh(sandbox, "p", "[ ! -e /run/vmtools-warm ] && ! pgrep -f [h]elper.py");
    sandbox.vmtools(&["delete", "--force", "q"]).run().success();
}

/// What stands in the way is found before anything is done.
#[test]
fn what_cannot_be_forked_is_left_alone() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let fork = |source: &str| sandbox.vmtools(&["fork", source, "q"]).run();
    create(&sandbox, "p", &image, &[]).run().success();
    fork("p").code(5).stderr_has("start it");
    fork("none").code(3);
    sandbox.vmtools(&["start", "p"]).run().success();
    sandbox.vmtools(&["pause", "p"]).run().success();
    fork("p").code(5).stderr_has("resume it");
    sandbox.vmtools(&["resume", "p"]).run().success();
    sandbox.vmtools(&["fork", "p", "p"]).run().code(4);
    // Its guest has no agent, nor an address.
    let (blocks, volumes) = (disks(&sandbox, "p"), own_volumes(&sandbox));
    let run = fork("p");
    assert_ne!(run.status.code(), Some(0), "{run}");
    as_member(&sandbox, &["fork", "p", "q"]).run().code(7).stderr_has("cannot write");
    // What is stored is no more what runs.
    let mac = sandbox.vmtools(&["status", "p", "--json"]).run().success().json();
    let mac = mac["interfaces"][0]["mac"].as_str().unwrap().to_owned();
    sandbox.virsh(&["detach-interface", "p", "network", "--mac", &mac, "--config"]).success();
    fork("p").code(5).stderr_has("has changed since it started").stderr_has("restart");
    let shared = sandbox.tmp().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o777)).unwrap();
    let shared = format!("{}:/mnt", shared.display());
    create(&sandbox, "m", &image, &["--mount", &shared, "--start"]).run().success();
    fork("m").code(9).stderr_has("mounts host directories").stderr_has("--live");
    assert_eq!((disks(&sandbox, "p"), sandbox.domains()), (blocks, vec!["m".to_owned(), "p".to_owned()]));
    assert!(volumes.iter().all(|volume| own_volumes(&sandbox).contains(volume)));
    sandbox.vmtools(&["delete", "--force", "p", "m"]).run().success();
    nothing_is_left(&sandbox);
}
