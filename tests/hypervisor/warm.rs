//! VMs that start from a saved running state.

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::support::{Cmd, NetworkManagement, Run, Sandbox, is_thorough, sandbox_or_skip, wait_for};
use super::{MINUTE, as_member, create, nothing_is_left, own_volumes, said, unbootable_image};

/// More than vmtools waits for such a guest.
const LONG: Duration = Duration::from_secs(1260);

/// What a guest is known by: all of it has to be another in each.
const IDENTITY: &str = "hostname; cat /etc/machine-id; cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub; \
    cat /sys/class/net/e*/address; cat /proc/sys/kernel/random/uuid; cat /var/lib/cloud/data/instance-id; \
    ip -4 -br address show scope global | awk '{ print $3 }'";

fn debian(sandbox: &Sandbox, name: &str, image: &Path, more: &[&str]) -> Cmd {
    let image = image.to_str().unwrap();
    let mut args = vec!["create", name, "--image", image, "-m", "512", "-c", "1", "-d", "4", "--warm"];
    args.extend(more);
    sandbox.vmtools(&args).timeout(LONG)
}

fn ssh(sandbox: &Sandbox, name: &str, script: &str) -> Run {
    sandbox.vmtools(&["ssh", name, "--", script]).run().success()
}

fn folder(sandbox: &Sandbox) -> PathBuf {
    sandbox.outside("/var/lib/libvirt/images/vmtools/warm")
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The files of states.
fn states(sandbox: &Sandbox) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(sandbox)).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "save")).collect()
}

/// From now on the guest that is prepared refuses the first connection, and the second one breaks after its work is done.
/// Gives the file with the number of connections.
fn broken_connections(sandbox: &Sandbox) -> PathBuf {
    let tries = sandbox.tmp().join("tries");
    let script = r#"
        input=$(cat)
        case $input in *VMTOOLS_END*)
            try=$(($(cat TRIES 2>/dev/null || echo 0) + 1))
            echo $try >TRIES
            case $try in
            1) echo 'ssh: connect to host guest port 22: Connection refused' >&2; exit 255 ;;
            2) printf '%s\n' "$input" | /usr/bin/ssh "$@"; echo 'Connection reset by peer' >&2; exit 255 ;;
            esac ;;
        esac
        printf '%s\n' "$input" | exec /usr/bin/ssh "$@""#;
    sandbox.fake_tool("ssh", &script.replace("TRIES", &tries.display().to_string()));
    tries
}

/// Once a command that was killed at that step is tidied up after, nothing of it is left but shared bases and whole states.
fn killed_at(sandbox: &Sandbox, command: Cmd, step: &str) {
    let mut running = command.spawn();
    said(&mut running, step);
    running.signal("KILL");
    running.wait(MINUTE);
    sandbox.vmtools(&["gc"]).timeout(LONG).run().success();
    assert_eq!(sandbox.domains(), Vec::<String>::new());
    let mut left = own_volumes(sandbox);
    let is_state = |path: &String| {
        path.ends_with(".save") || path.contains("/vmtools-warm-") && path.ends_with(".qcow2")
    };
    left.retain(|path| !is_state(path));
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn debian_goes_on_from_a_saved_state_as_another() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.debian_image());
    let text = "#cloud-config\nruncmd: ['echo ran >>/var/log/ran']\n";
    let user_data = sandbox.home().join("user-data");
    std::fs::write(&user_data, text).unwrap();
    let user_data = ["--user-data", user_data.to_str().unwrap()];
    let warm = ["image", "warm", image.to_str().unwrap(), "-m", "512", "-c", "1", "-d", "4", "--json"];
    // A plan makes nothing, not even the directory.
    let planned =
        debian(&sandbox, "a", &image, &[&user_data[..], &["--start", "--dry-run", "--json"]].concat());
    let planned = planned.run().success();
    assert_eq!(
        (&planned.json()["warm"], &planned.json()["warm_reason"]),
        (&false.into(), &"no_state".into())
    );
    assert!(!folder(&sandbox).exists());
    killed_at(&sandbox, sandbox.vmtools(&[&warm[..], &user_data].concat()), "starting");
    let tries = broken_connections(&sandbox);
    let made = sandbox.vmtools(&[&warm[..], &user_data].concat()).timeout(LONG).run().success();
    sandbox.real_tool("ssh");
    assert_eq!(std::fs::read_to_string(tries).unwrap().trim(), "3");
    let state = made.json();
    assert_eq!((&state["kind"], &state["warm"]["state"]), (&"warm".into(), &"ready".into()), "{made}");
    let name = state["name"].as_str().unwrap().to_owned();
    assert!(sandbox.domains().is_empty());
    // It holds what was in the guest's memory.
    let [file] = states(&sandbox).try_into().unwrap();
    assert_eq!((mode(&file), mode(&folder(&sandbox))), (0o600, 0o700));
    // There is one for what was asked for.
    let planned =
        debian(&sandbox, "a", &image, &[&user_data[..], &["--start", "--dry-run", "--json"]].concat());
    let planned = planned.run().success();
    assert_eq!(
        (&planned.json()["warm"], &planned.json()["warm_reason"]),
        (&true.into(), &().into()),
        "{planned}"
    );
    let again = sandbox.vmtools(&[&warm[..], &user_data].concat()).timeout(LONG).run().success();
    again.stderr_has("is up to date");

    let started = [&user_data[..], &["--start", "--wait=port=9"]].concat();
    killed_at(&sandbox, debian(&sandbox, "killed", &image, &started), "starting");
    // Three at once.
    let wait = [&user_data[..], &["--start", "--wait", "--json"]].concat();
    let creates: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|name| {
            let hostname = format!("{name}.example.org");
            debian(&sandbox, name, &image, &[&wait[..], &["--hostname", &hostname]].concat()).spawn()
        })
        .collect();
    for create in creates {
        let made = create.wait(LONG).success();
        assert_eq!(
            (&made.json()["start"], &made.json()["warm_state"]),
            (&"warm".into(), &name.clone().into()),
            "{made}"
        );
    }
    let identities: Vec<Vec<String>> =
        ["a", "b", "c"].iter().map(|name| ssh(&sandbox, name, IDENTITY).lines()).collect();
    for of_each in 0..identities[0].len() {
        let values: HashSet<&String> = identities.iter().map(|identity| &identity[of_each]).collect();
        assert_eq!(values.len(), 3, "{identities:?}");
    }
    for (vm, identity) in ["a", "b", "c"].iter().zip(&identities) {
        let status = sandbox.vmtools(&["status", vm, "--json"]).run().success().json();
        let uuid = status["uuid"].as_str().unwrap();
        assert_eq!(identity[..2], [(*vm).to_owned(), uuid.replace('-', "")]);
        assert_eq!(identity[3], status["interfaces"][0]["mac"].as_str().unwrap());
        assert_eq!(identity[5], format!("vmtools-{uuid}"));
        assert_eq!(ssh(&sandbox, vm, "hostname -f").lines(), [format!("{vm}.example.org")]);
        // The disk has what the guest has written since.
        assert!(status["disks"][0]["backing"].as_str().unwrap().contains("vmtools-warm-"), "{status}");
    }
    let page = sandbox.vmtools(&["status", "a"]).run().success();
    page.stdout_has(&format!("from the warm state {name}"));
    // Nothing names the VM that the state was made of, nor is anything of it left.
    let unhurried = "[ -e /run/vmtools-warm ] || echo ready";
    wait_for("the guest to have finished", MINUTE, || {
        ssh(&sandbox, "a", unhurried).stdout.contains("ready").then_some(())
    });
    let quiet = ssh(
        &sandbox,
        "a",
        "sudo grep -rl vmtools-warm /etc /var/lib/cloud/data /run/cloud-init /run/systemd/network; hostnamectl hostname; \
         cloud-init status; sudo journalctl -q -n 1 >/dev/null && echo journal; cat /var/log/ran; \
         systemctl --failed --no-legend --plain",
    );
    assert_eq!(quiet.lines(), ["a", "status: done", "journal", "ran"], "{quiet}");
    // An agent that ran in the guest does so again; an image of another kind may have none.
    let agent = ssh(&sandbox, "a", "systemctl is-enabled qemu-guest-agent 2>/dev/null || :").stdout;
    if !agent.trim().is_empty() {
        sandbox.vmtools(&["exec", "a", "--", "true"]).run().success();
    }
    is_on_time(&sandbox, "a");
    one_is_forked(&sandbox, "c", &identities[2]);
    one_is_reverted(&sandbox, "b", &identities[1]);
    if is_thorough() {
        twenty_at_once(&sandbox, &image, &wait);
    }
    // Its machine has room for more, as any.
    sandbox.vmtools(&["disk", "add", "b", "1"]).run().success();
    assert_eq!(ssh(&sandbox, "b", "lsblk -dno NAME,SIZE | awk '$2 == \"1G\"' | wc -l").stdout.trim(), "1");
    // What boots stays who it is, and nothing is set up anew.
    sandbox.vmtools(&["restart", "a", "--wait"]).timeout(LONG).run().success();
    let rebooted = ssh(&sandbox, "a", &format!("{IDENTITY}; cat /var/log/ran")).lines();
    assert_eq!((&rebooted[..4], &rebooted[5..7]), (&identities[0][..4], &identities[0][5..7]));
    assert_eq!(rebooted[7..], ["ran"]);
    sandbox.vmtools(&["stop", "a"]).timeout(LONG).run().success();
    sandbox.vmtools(&["clone", "a", "d"]).run().success();
    sandbox.vmtools(&["delete", "--force", "c"]).run().success();

    // The state goes, and its disk with the last VM that stands on it. A full clone stands on none.
    let listed = sandbox.vmtools(&["image", "list", "--json"]).run().success().json();
    let of_state = |image: &&serde_json::Value| image["name"] == name.as_str();
    let listed = listed.as_array().unwrap().iter().find(of_state).unwrap().clone();
    assert_eq!(listed["used_by"], serde_json::json!(["a", "b"]), "{listed}");
    sandbox.vmtools(&["image", "rm", "nothing"]).run().code(3);
    a_state_of_no_use_is_no_obstacle(&sandbox, &image, text);
    ssh(&sandbox, "b", "sync; cat /etc/machine-id");
    sandbox.vmtools(&["gc"]).run().success();
    let disks = || sandbox.volumes().into_iter().filter(|volume| volume.contains("vmtools-warm-")).count();
    assert_eq!(disks(), 1);
    sandbox.vmtools(&["delete", "--force", "a", "b", "d"]).run().success();
    sandbox.vmtools(&["gc"]).run().success();
    assert_eq!(disks(), 0);
    nothing_is_left(&sandbox);
}

#[track_caller]
fn is_on_time(sandbox: &Sandbox, name: &str) {
    let clock = ssh(sandbox, name, "date +%s").stdout.trim().parse::<u64>().unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(now.abs_diff(clock) <= 5, "{clock} {now}");
}

/// A VM that was started from a state goes back to its own memory, as who it is, and its clock is right.
fn one_is_reverted(sandbox: &Sandbox, name: &str, identity: &[String]) {
    let see = "cat /dev/shm/then; sudo cat /root/then";
    ssh(sandbox, name, "echo then >/dev/shm/then; echo then | sudo tee /root/then; sync");
    let snapshot =
        |args: &[&str]| sandbox.vmtools(&[&["snapshot"], args].concat()).timeout(LONG).run().success();
    let made = snapshot(&["create", name, "--memory", "--name", "then", "--json"]).json();
    assert_eq!((&made["memory"], &made["state"]), (&true.into(), &"running".into()), "{made}");
    ssh(sandbox, name, "echo now >/dev/shm/then; echo now | sudo tee /root/then; sudo hostname other; sync");
    let done = snapshot(&["revert", name, "then", "--yes", "--json"]).json();
    assert_eq!(done["state"], "running", "{done}");
    sandbox.vmtools(&["wait", name, "--for", "ssh"]).timeout(LONG).run().success();
    assert_eq!(ssh(sandbox, name, see).lines(), ["then", "then"]);
    assert_eq!(ssh(sandbox, name, IDENTITY).lines()[..4], identity[..4]);
    if done["clock_set"] == true {
        is_on_time(sandbox, name);
    }
    snapshot(&["delete", name, "then", "--yes"]);
}

/// A VM that was started from a state goes on as another, once more.
fn one_is_forked(sandbox: &Sandbox, parent: &str, identity: &[String]) {
    let domain = ssh(sandbox, parent, "hostname -f").stdout.trim().trim_start_matches(parent).to_owned();
    ssh(sandbox, parent, "echo in-memory >/dev/shm/file; echo on-disk | sudo tee /root/file");
    let fork = sandbox.vmtools(&["fork", parent, "f", "--wait", "--json"]).timeout(LONG).run().success();
    assert_eq!(
        (&fork.json()["start"], &fork.json()["forked_from"]),
        (&"fork".into(), &parent.into()),
        "{fork}"
    );
    let has = ssh(sandbox, "f", "cat /dev/shm/file; sudo cat /root/file; hostname -f");
    assert_eq!(has.lines(), ["in-memory".to_owned(), "on-disk".to_owned(), format!("f{domain}")]);
    let forked = ssh(sandbox, "f", IDENTITY).lines();
    assert!(identity.iter().zip(&forked).all(|(one, other)| one != other), "{identity:?} {forked:?}");
    assert_eq!(ssh(sandbox, parent, "hostname; cat /etc/machine-id").lines(), identity[..2]);
    sandbox.vmtools(&["delete", "--force", "f"]).run().success();
}

/// As many as are asked for, as many at a time as the host has processors, and none is another.
fn twenty_at_once(sandbox: &Sandbox, image: &Path, args: &[&str]) {
    let made = debian(sandbox, "job", image, &[args, &["--count", "20"]].concat()).run().success();
    let vms = made.json();
    let vms = vms.as_array().unwrap();
    assert!(vms.len() == 20 && vms.iter().all(|vm| vm["start"] == "warm"), "{made}");
    let names: Vec<String> = vms.iter().map(|vm| vm["name"].as_str().unwrap().to_owned()).collect();
    let identities: HashSet<String> = names
        .iter()
        .map(|name| ssh(sandbox, name, "cat /etc/machine-id /proc/sys/kernel/random/uuid").stdout)
        .collect();
    assert_eq!(identities.len(), 20);
    let delete: Vec<&str> =
        ["delete", "--force"].into_iter().chain(names.iter().map(String::as_str)).collect();
    sandbox.vmtools(&delete).timeout(LONG).run().success();
}

/// Whatever is wrong with the state, the VM is there and boots, and what was of no use is gone in the end.
fn a_state_of_no_use_is_no_obstacle(sandbox: &Sandbox, image: &Path, user_data: &str) {
    let [file] = states(sandbox).try_into().unwrap();
    let cold = |name: &str, more: &[&str], reason: &str| {
        // What came by a pipe can't be read again, so that no state is made anew in the background.
        let args = [&["--start", "--json", "--user-data", "-"], more].concat();
        let made = debian(sandbox, name, image, &args).stdin(user_data).run().success();
        let vm = made.json();
        assert_eq!((&vm["start"], &vm["warm_reason"]), (&"cold".into(), &reason.into()), "{made}");
        assert_eq!(sandbox.state(name), "running");
        assert!(vm["disks"][0]["backing"].as_str().unwrap().contains("vmtools-base-"), "{made}");
        sandbox.vmtools(&["delete", "--force", name]).run().success();
    };
    cold("other", &["--max-memory", "1G"], "no_state");
    let whole = std::fs::read(&file).unwrap();
    let saved = std::fs::metadata(&file).unwrap().modified().unwrap();
    let write = |bytes: &[u8], when: SystemTime| {
        std::fs::write(&file, bytes).unwrap();
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(when).unwrap();
    };
    // Of a save that was cut off.
    write(&[b"LibvirtQemudPart", &whole[16..]].concat(), saved);
    cold("partial", &[], "bad_state");
    // Older than its disk's last write, which somebody has come to after the save; and just old.
    write(&whole, saved - Duration::from_secs(60));
    cold("touched", &[], "bad_state");
    // Cut off in its middle: QEMU finds out.
    write(&whole[..whole.len() / 2], saved);
    cold("short", &[], "restore_failed");
    // Of tomorrow: the host's clock was set back. The guest's is set to the host's.
    write(&whole, saved + Duration::from_secs(24 * 3600));
    debian(sandbox, "good", image, &["--start", "--wait=ssh", "--json", "--user-data", "-"])
        .stdin(user_data)
        .run()
        .success()
        .stdout_has("\"start\": \"warm\"");
    is_on_time(sandbox, "good");
    sandbox.vmtools(&["delete", "--force", "good"]).run().success();
    // Its helper does not answer, so that nobody knows who the guest is. The state has failed twice by now, and goes.
    let mute = "sed -u 's/^qemu-agent-command .*/qemu-agent-command none none/' | exec /usr/bin/virsh \"$@\"";
    sandbox.fake_tool("virsh", mute);
    cold("mute", &[], "identity_failed");
    sandbox.real_tool("virsh");
    assert!(states(sandbox).is_empty());
}

/// Where no state can be, none is looked for, and it is said why.
#[test]
fn what_cannot_be_warm_boots_and_says_why() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let shared = sandbox.tmp().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o777)).unwrap();
    let shared = format!("{}:/mnt", shared.display());
    let cases: [(&[&str], &str); 3] = [
        (&["--network", "none"], "interfaces"),
        (&["--network", "default", "--network", "default"], "interfaces"),
        (&["--mount", &shared], "mounts"),
    ];
    for (more, reason) in cases {
        let made = create(&sandbox, "vm", &image, &[&["--warm", "--start", "--json"], more].concat());
        let made = made.run().success();
        assert_eq!(made.json()["warm_reason"], reason, "{made}");
        let status = sandbox.vmtools(&["status", "vm", "--json"]).run().success().json();
        assert_eq!((&status["start"], &status["warm_reason"]), (&"cold".into(), &reason.into()));
        sandbox.vmtools(&["delete", "--force", "vm"]).run().success();
    }
    create(&sandbox, "vm", &image, &["--warm"]).run().code(2).stderr_has("--start");
    // A state may hold secrets: it is in a directory of root's, who owns the storage pool.
    let theirs = ["create", "vm", "--image", image.to_str().unwrap(), "-m", "256", "-c", "1", "-d", "1"];
    let made = as_member(&sandbox, &[&theirs[..], &["--warm", "--start", "--json"]].concat()).run().success();
    assert_eq!(made.json()["warm_reason"], "not_permitted", "{made}");
    sandbox.vmtools(&["delete", "--force", "vm"]).run().success();
    nothing_is_left(&sandbox);
}

/// An ordinary user's VM, behind user-mode networking.
#[test]
fn a_session_has_warm_starts_too() {
    if !is_thorough() {
        return;
    }
    let sandbox = sandbox_or_skip!(Sandbox::session());
    let image = sandbox_or_skip!(sandbox.debian_image());
    let warm = ["image", "warm", image.to_str().unwrap(), "-m", "512", "-c", "1", "-d", "4"];
    sandbox.vmtools(&warm).timeout(LONG).run().success();
    for name in ["a", "b"] {
        let made = debian(&sandbox, name, &image, &["--start", "--wait", "--json"]).run().success();
        assert_eq!(made.json()["start"], "warm", "{made}");
    }
    let identities = ["a", "b"].map(|name| ssh(&sandbox, name, "hostname; cat /etc/machine-id").lines());
    assert_eq!((identities[0][0].as_str(), identities[1][0].as_str()), ("a", "b"));
    assert_ne!(identities[0][1], identities[1][1]);
    sandbox.vmtools(&["restart", "a", "--wait"]).timeout(LONG).run().success();
    assert_eq!(ssh(&sandbox, "a", "hostname; cat /etc/machine-id").lines(), identities[0]);
    sandbox.vmtools(&["delete", "--force", "a", "b"]).run().success();
    sandbox.vmtools(&["image", "prune", "--yes"]).run().success();
    nothing_is_left(&sandbox);
}

/// Firmware has variables in a file of each VM's own, which is there once the VM goes on, and is used when it boots.
#[test]
fn uefi_vms_go_on_with_variables_of_their_own() {
    if !is_thorough() {
        return;
    }
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.debian_image());
    // As libvirt makes it, or vmtools.
    let variables = || {
        let by_libvirt = sandbox.as_root("ls", &["/var/lib/libvirt/qemu/nvram"]).run().success().lines();
        let volumes = sandbox.volumes().into_iter().filter(|path| path.contains("_VARS."));
        by_libvirt.into_iter().chain(volumes).collect::<Vec<_>>()
    };
    let machine = ["-m", "512", "-c", "1", "-d", "4", "--firmware", "efi"];
    let warm = [&["image", "warm", image.to_str().unwrap()], &machine[..]].concat();
    sandbox.vmtools(&warm).timeout(LONG).run().success();
    assert_eq!(variables(), Vec::<String>::new());
    for name in ["a", "b"] {
        let more = ["--firmware", "efi", "--start", "--wait", "--json"];
        let made = debian(&sandbox, name, &image, &more).run().success();
        assert_eq!(made.json()["start"], "warm", "{made}");
    }
    assert_eq!(variables().len(), 2);
    let identities = ["a", "b"].map(|name| ssh(&sandbox, name, IDENTITY).lines());
    assert!(identities[0].iter().zip(&identities[1]).all(|(a, b)| a != b), "{identities:?}");
    assert_eq!(ssh(&sandbox, "a", "ls -d /sys/firmware/efi").lines(), ["/sys/firmware/efi"]);
    sandbox.vmtools(&["restart", "a", "--wait"]).timeout(LONG).run().success();
    let rebooted = ssh(&sandbox, "a", IDENTITY).lines();
    assert_eq!((&rebooted[..4], &rebooted[5..]), (&identities[0][..4], &identities[0][5..]));
    one_is_forked(&sandbox, "b", &identities[1]);
    sandbox.vmtools(&["delete", "--force", "a", "b"]).run().success();
    assert_eq!(variables(), Vec::<String>::new());
    sandbox.vmtools(&["image", "prune", "--yes"]).run().success();
    nothing_is_left(&sandbox);
}

#[test]
fn ifupdown_takes_the_new_interface() {
    if is_thorough() {
        another_network(NetworkManagement::Ifupdown);
    }
}

#[test]
fn network_manager_takes_the_new_interface() {
    if is_thorough() {
        another_network(NetworkManagement::NetworkManager);
    }
}

/// Two VMs of one state, each with addresses and a lease of its own, in a guest whose network is not networkd's.
fn another_network(network: NetworkManagement) {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.debian_image_with(network));
    let warm = ["image", "warm", image.to_str().unwrap(), "-m", "512", "-c", "1", "-d", "4"];
    sandbox.vmtools(&warm).timeout(LONG).run().success();
    let script = format!(
        "{IDENTITY}; ip -br address show scope link | awk '{{ print $3 }}'; ps -o comm= -C dhclient,NetworkManager"
    );
    let client = match network {
        NetworkManagement::Ifupdown => "dhclient",
        NetworkManagement::NetworkManager => "NetworkManager",
    };
    // The IPv6 address may come after the one that ssh goes to.
    let whole = |name: &str| {
        wait_for("all addresses", MINUTE, || {
            let mut lines = ssh(&sandbox, name, &script).lines();
            (lines.len() == 9).then(|| {
                // What goes on after the helper has ended, and has the lease renewed.
                assert_eq!(lines.pop().as_deref(), Some(client));
                lines
            })
        })
    };
    let identities = ["a", "b"].map(|name| {
        let made = debian(&sandbox, name, &image, &["--start", "--wait", "--json"]).run().success();
        assert_eq!(made.json()["start"], "warm", "{made}");
        let unhurried = "[ -e /run/vmtools-warm ] || echo ready";
        wait_for("the guest to have finished", MINUTE, || {
            ssh(&sandbox, name, unhurried).stdout.contains("ready").then_some(())
        });
        whole(name)
    });
    for (a, b) in identities[0].iter().zip(&identities[1]) {
        assert_ne!(a, b, "{identities:?}");
    }
    sandbox.vmtools(&["restart", "a", "--wait"]).timeout(LONG).run().success();
    let rebooted = whole("a");
    assert_eq!((&rebooted[..4], &rebooted[5..]), (&identities[0][..4], &identities[0][5..]));
    let quiet = ssh(&sandbox, "a", "cloud-init status; systemctl --failed --no-legend --plain");
    assert_eq!(quiet.lines(), ["status: done"], "{quiet}");
    sandbox.vmtools(&["delete", "--force", "a", "b"]).run().success();
    sandbox.vmtools(&["image", "prune", "--yes"]).run().success();
    nothing_is_left(&sandbox);
}
