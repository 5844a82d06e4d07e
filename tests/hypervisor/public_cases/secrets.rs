//! 17, 18, 37: passwords and keys are neither lost, nor printed, nor written in clear; a screen is its owner's alone.

use super::super::support::{Sandbox, sandbox_or_skip, wait_for};
use super::super::{MINUTE, create, own_volumes};
use super::{
    Faults, IMAGES, POOL, brief, case, create_tiny, define, disk, domain, exists, forget, hash, output,
    qcow2, shell, stored, tiny_image,
};

const PASSWORD: &str = "letmein1";
const SCREEN: &str = "<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1' passwd='letmein1'/>";

#[test]
fn a_start_that_fails_changes_nothing() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let missing = disk(&format!("{IMAGES}/not-mounted-yet.qcow2"), "qcow2", "vda");
    let mut cases = vec![
        ("c18-word".to_owned(), case("18-word-vnc.xml")),
        ("gpu-passthrough".to_owned(), case("18-name-passthrough.xml")),
    ];
    // Words that tools also say of other things.
    for name in ["passt", "slirp", "my-passt-vm", "already-exists", "not-found", "network-is-not-active"] {
        cases.push((name.to_owned(), domain(name, &format!("{missing}{SCREEN}"))));
    }
    let mut faults = Faults::default();
    for (name, xml) in cases {
        define(&sandbox, &xml);
        let before = stored(&sandbox, &name);
        for verb in [&["start"][..], &["start", "--wait"], &["restart", "--force"]] {
            let run = sandbox.vmtools(&[verb, &[&name, "-vv"]].concat()).run();
            faults.check(!run.status.success(), brief(&run));
            faults.check(stored(&sandbox, &name) == before, format_args!("{}: it is changed", brief(&run)));
            faults.check(!output(&run).contains(PASSWORD), format_args!("{}: it prints it", brief(&run)));
            // What it is not about.
            let said = output(&run).replace(&name, "");
            let is_wrong = said.contains("passt cannot be used");
            faults.check(!is_wrong, format_args!("{}: a wrong cause", brief(&run)));
        }
        forget(&sandbox, &name);
    }
    faults.none();
}

#[test]
fn a_network_that_stands_in_for_passt_costs_no_password() {
    let sandbox = sandbox_or_skip!(Sandbox::builder().without_passt().system());
    let interface = "<interface type='user'><backend type='passt'/><model type='virtio'/></interface>";
    define(&sandbox, &domain("c18-user", &format!("{interface}{SCREEN}")));
    let run = sandbox.vmtools(&["start", "c18-user"]).run();
    assert!(stored(&sandbox, "c18-user").contains(PASSWORD), "{run}");
    sandbox.vmtools(&["stop", "--force", "c18-user"]).run();
    assert!(stored(&sandbox, "c18-user").contains(PASSWORD), "{run}");
}

#[test]
fn a_vms_password_survives_every_verb_that_changes_it() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let [own, extra] = ["own.qcow2", "extra.qcow2"].map(|name| format!("{IMAGES}/{name}"));
    for file in [&own, &extra] {
        qcow2(&sandbox, file, "8M");
        shell(&sandbox, "chmod 666 \"$0\"", &[file]);
    }
    let iso = sandbox.tmp().join("some.iso");
    std::fs::write(&iso, vec![0; 1 << 20]).unwrap();
    let iso = iso.to_str().unwrap();
    let drive = "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>";
    sandbox.vmtools(&["network", "create", "lab"]).run().success();

    // vmtools' own, which has since got a password, and one of others.
    create_tiny(&sandbox, "web", &["-l", "a=b"]);
    let xml = stored(&sandbox, "web");
    let (head, rest) = xml.split_once("<graphics").unwrap();
    define(&sandbox, &format!("{head}{SCREEN}{drive}{}", rest.split_once("</graphics>").unwrap().1));
    define(&sandbox, &domain("theirs", &format!("{}{drive}{SCREEN}", disk(&own, "qcow2", "vda"))));

    let mut faults = Faults::default();
    let mut check = |vm: &str, args: &[&str]| {
        let run = sandbox.vmtools(&[args, &["--yes", "-vv"]].concat()).run();
        // A verb that cannot do it says so, and what is there stays.
        let vm = if run.status.success() && args[0] == "rename" { args[2] } else { vm };
        faults.check(stored(&sandbox, vm).contains(PASSWORD), format_args!("{}: it is lost", brief(&run)));
        faults.check(!output(&run).contains(PASSWORD), format_args!("{}: it prints it", brief(&run)));
        if sandbox.state(vm) == "running" {
            let live = sandbox.virsh(&["dumpxml", "--security-info", vm]).stdout;
            faults.check(live.contains(PASSWORD), format_args!("{}: it is lost while it runs", brief(&run)));
        }
    };
    for vm in ["web", "theirs"] {
        for verb in [
            &["set", vm, "-m", "80"][..],
            &["set", vm, "-c", "2"],
            &["set", vm, "-d", "32M"],
            &["set", vm, "--label", "c=d", "--ttl", "1h"],
            &["set", vm, "--unlabel", "c"],
            &["set", vm, "--autostart"],
            &["set", vm, "--no-autostart"],
            &["protect", vm],
            &["unprotect", vm],
            &["disk", "add", vm, "16M"],
            &["disk", "add", vm, "--file", &extra],
            &["disk", "resize", vm, "vda", "48M"],
            &["disk", "insert", vm, iso],
            &["disk", "eject", vm],
            &["network", "attach", "lab", vm],
            &["network", "detach", "lab", vm],
            &["delete", vm, "--dry-run"],
            &["rename", vm, "other"],
            &["rename", "other", vm],
            &["start", vm],
            &["set", vm, "--label", "c=d", "--autostart"],
            &["disk", "add", vm, "16M"],
            &["disk", "insert", vm, iso],
            &["network", "attach", "lab", vm],
            &["pause", vm],
            &["resume", vm],
            &["status", vm],
            &["list", "--all", "--json"],
        ] {
            check(vm, verb);
        }
        check(vm, &["stop", "--force", vm]);
        for target in ["vdc", "vdb"] {
            check(vm, &["disk", "remove", vm, target]);
        }
    }
    faults.none();
}

/// The text that is nowhere but in encrypted disks.
const MARKER: &str = "clear-text-marker-of-37";

fn is_in_clear(sandbox: &Sandbox) -> String {
    let script = "grep -rlaF \"$0\" /var/lib/libvirt \"$HOME\" \"$TMPDIR\" || true";
    shell(sandbox, script, &[MARKER]).stdout
}

#[test]
fn an_encrypted_disk_is_never_written_in_clear() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let file = format!("{IMAGES}/c37.qcow2");
    let make = "cd / && printf %s 'keyword-of-37' >/run/pw && truncate -s 8M /run/src.raw &&
        printf %s \"$2\" | dd of=/run/src.raw bs=1M seek=1 conv=notrunc status=none && rm -f \"$0\" &&
        qemu-img convert -f raw -O \"$1\" --object secret,id=s,file=/run/pw \
            -o \"$3\"key-secret=s,\"$3\"iter-time=10\"$4\" /run/src.raw \"$0\" && rm /run/src.raw";
    sandbox.virsh(&["pool-define-as", "images", "dir", "--target", IMAGES]);
    sandbox.virsh(&["pool-start", "images"]);
    super::give(&sandbox, &["secret-define"], &case("37-secret.xml"));
    let key = sandbox.tmp().join("key");
    std::fs::write(&key, "keyword-of-37").unwrap();
    let uuid = "37370000-0000-4000-8000-000000000037";
    sandbox.virsh(&["secret-set-value", uuid, "--file", key.to_str().unwrap(), "--plain"]);
    let xml = case("37-encrypted.xml");
    let encryption =
        format!("<encryption format='luks'><secret type='passphrase' uuid='{uuid}'/></encryption>");
    let beside = xml.replace(&encryption, "").replace("<target", &format!("{encryption}<target"));
    // libvirt takes it at both places.
    let mut faults = Faults::default();
    for (what, xml, format, prefix, more) in [
        ("qcow2", xml.clone(), "qcow2", "encrypt.", ",encrypt.format=luks"),
        ("qcow2, as older definitions say it", beside, "qcow2", "encrypt.", ",encrypt.format=luks"),
        ("LUKS alone", xml.replace("type='qcow2'", "type='raw'"), "luks", "", ""),
        (
            "a definition that says nothing of it",
            xml.replace(&encryption, ""),
            "qcow2",
            "encrypt.",
            ",encrypt.format=luks",
        ),
    ] {
        shell(&sandbox, make, &[&file, format, MARKER, prefix, more]);
        let before = hash(&sandbox, &file);
        define(&sandbox, &xml);
        for verb in [
            &["image", "commit", "c37-enc", "ready"][..],
            &["clone", "c37-enc", "twin"],
            &["clone", "--linked", "c37-enc", "twin"],
            &["image", "import", &file, "ready"],
            &["create", "twin", "--image", &file],
        ] {
            let run = sandbox.vmtools(&[verb, &["-vv"]].concat()).run();
            let clear = is_in_clear(&sandbox);
            faults.check(clear.is_empty(), format_args!("{what}: {}: in clear: {clear}", brief(&run)));
            faults.check(!output(&run).contains("keyword-of-37"), format_args!("{what}: {}", brief(&run)));
            faults.check(hash(&sandbox, &file) == before, format_args!("{what}: {}: changed", brief(&run)));
            let is_image = verb[0] != "clone";
            // Whoever gets it has no key for it.
            faults.check(!(is_image && run.status.success()), format_args!("{what}: {}", brief(&run)));
            if run.status.success() && !is_image {
                let has_key =
                    stored(&sandbox, "twin").contains("<encryption") || !xml.contains("<encryption");
                faults.check(has_key, format_args!("{what}: {}: the clone has no key", brief(&run)));
            }
            sandbox.vmtools(&["delete", "--force", "--if-exists", "twin"]).run();
            sandbox.vmtools(&["image", "rm", "ready", "--yes"]).run();
            shell(&sandbox, "rm -rf \"$0\"/* \"$HOME\"/.local/share/vmtools/images", &[POOL]);
            sandbox.virsh_command(&["pool-refresh", "vmtools"]).run();
        }
        forget(&sandbox, "c37-enc");
    }
    faults.none();
}

#[test]
fn the_screen_of_a_new_system_vm_is_a_socket() {
    screen(&sandbox_or_skip!(Sandbox::system()));
}

#[test]
fn the_screen_of_a_new_session_vm_is_a_socket() {
    screen(&sandbox_or_skip!(Sandbox::session()));
}

/// The socket that the definition names for VNC.
fn socket_of(sandbox: &Sandbox, vm: &str) -> Option<String> {
    let xml = stored(sandbox, vm);
    let graphics = xml.split("<graphics type='vnc'").nth(1)?.split("</graphics>").next()?.to_owned();
    let socket = graphics.split("socket='").nth(1)?.split('\'').next()?;
    (!graphics.contains("port='")).then(|| socket.to_owned())
}

fn screen(sandbox: &Sandbox) {
    let image = tiny_image(sandbox);
    sandbox.as_root("chmod", &["644", &image]).run().success();
    let image = std::path::Path::new(&image);
    let mut faults = Faults::default();
    create(sandbox, "web", image, &[]).run().success();
    let off = sandbox.vmtools(&["vnc", "web", "--json"]).run();
    faults.check(off.status.code() == Some(5), brief(&off));
    sandbox.vmtools(&["start", "web"]).run().success();
    let socket = socket_of(sandbox, "web");
    let listening = sandbox.as_root("ss", &["-Hltn"]).run().success().stdout;
    faults.check(!listening.contains(":59"), format_args!("it listens on the network: {listening}"));
    if let Some(socket) = &socket {
        let qmp = sandbox.vmtools(&["status", "web", "--json"]).run().success().json()["qmp"].clone();
        let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        faults.check(folder(socket) == qmp.as_str().and_then(folder), format_args!("{socket} beside {qmp}"));
        faults.check(socket.len() < 108 && exists(sandbox, socket), format_args!("no socket: {socket}"));
        let run = sandbox.as_user(&[], "test", &["-w", socket]).run();
        let is_theirs = sandbox.uri() == "qemu:///session";
        faults.check(run.status.success() == is_theirs, "others may write to it");
        for more in [&[][..], &["--json"]] {
            let run = sandbox.vmtools(&[&["vnc", "web"], more].concat()).run();
            faults.check(run.status.success() && run.stdout.contains(socket.as_str()), brief(&run));
        }
        let mut forwarding = sandbox.vmtools(&["vnc", "web", "--port", "6999"]).spawn();
        let script = "exec 3<>/dev/tcp/127.0.0.1/6999 && head -c 4 <&3";
        let hello = super::super::support::poll(MINUTE / 6, || {
            let run = sandbox.as_root("bash", &["-c", script]).run();
            (run.stdout == "RFB ").then_some(())
        });
        faults.check(hello.is_some(), format_args!("--port forwards nothing: {}", forwarding.stderr()));
        forwarding.signal_group("INT");
        forwarding.wait(MINUTE);
    } else {
        faults.check(false, format_args!("its screen is no socket: {}", stored(sandbox, "web")));
    }
    sandbox.vmtools(&["stop", "--force", "web"]).run().success();
    sandbox.vmtools(&["clone", "web", "twin"]).run().success();
    faults.check(socket.is_none() || socket_of(sandbox, "twin") != socket, "the clone has the same socket");
    sandbox.vmtools(&["delete", "--force", "web", "twin"]).run().success();
    if let Some(socket) = socket {
        faults.check(!exists(sandbox, &socket), "the socket is left");
    }
    faults.none();
}

/// Writes down who it is and what it is given; a port it reads from.
const VIEWER: &str = "#!/bin/bash
    [ \"$1\" = -h ] && { echo 'usage: vncviewer [parameters] [unix socket]' >&2; exit 1; }
    printf '%s\\n' \"${0##*/}\" \"$@\" >/tmp/viewer
    [[ $1 == *127.0.0.1:* ]] || exit 7
    exec 3<>\"/dev/tcp/127.0.0.1/${1##*:}\" && read -r -N 4 hello <&3 && [ \"$hello\" = 'RFB ' ] && exit 8";

#[test]
fn a_screen_opens_in_whichever_viewer_can_show_it() {
    for sandbox in [Sandbox::system(), Sandbox::session()] {
        let sandbox = sandbox_or_skip!(sandbox);
        screen_in_a_viewer(&sandbox);
    }
}

fn screen_in_a_viewer(sandbox: &Sandbox) {
    let image = tiny_image(sandbox);
    sandbox.as_root("chmod", &["644", &image]).run().success();
    create(sandbox, "web", std::path::Path::new(&image), &["--start"]).run().success();
    let socket = socket_of(sandbox, "web").unwrap();
    // A folder that a member of libvirt's group may use, too.
    let home = sandbox.root().join("member");
    sandbox.as_root("install", &["-d", "-m", "777", home.to_str().unwrap()]).run().success();
    let written = home.join("viewer");
    let viewer = VIEWER.replace("/tmp/viewer", written.to_str().unwrap());
    let args = ["vnc", "web", "--viewer", "--connect", sandbox.uri()];
    let started = |command: super::super::support::Cmd, status: i32| {
        let _ = std::fs::remove_file(&written);
        let run = command.env("DISPLAY", ":7").run().code(status);
        (std::fs::read_to_string(&written).unwrap_or_default(), run)
    };
    // By a port that leads to QEMU's own socket.
    sandbox.fake_tool("remote-viewer", &viewer);
    let (text, run) = started(sandbox.vmtools(&args), 8);
    assert!(text.starts_with("remote-viewer\nvnc://127.0.0.1:"), "{text}\n{run}");
    sandbox.fake_tool("vncviewer", &viewer);
    let (text, run) = started(sandbox.vmtools(&args), 7);
    assert_eq!(text, format!("vncviewer\n{socket}\n"), "{run}");
    if sandbox.uri() == "qemu:///system" {
        let program = env!("CARGO_BIN_EXE_vmtools");
        let member = |vm: &str| {
            let args = ["vnc", vm, "--viewer", "--connect", "qemu:///system"];
            sandbox.as_user(&["libvirt"], program, &args).env("HOME", &home).cwd(&home)
        };
        let (text, run) = started(member("web"), 7);
        assert_eq!(text, format!("vncviewer\n{socket}\n"), "{run}");
        // A socket in libvirt's own folder is open to QEMU's user alone, and libvirt lets in who may manage the VM.
        define(sandbox, &domain("hidden", "<graphics type='vnc'><listen type='socket'/></graphics>"));
        sandbox.virsh(&["start", "--paused", "hidden"]);
        let (text, run) = started(member("hidden"), 7);
        assert_eq!(text, "", "{run}");
        assert!(run.stderr.contains("virt-viewer") && run.stderr.contains("vnc.sock"), "{run}");
        sandbox.fake_tool("virt-viewer", &viewer);
        let (text, run) = started(member("hidden"), 7);
        let uuid = sandbox.virsh(&["domuuid", "hidden"]).stdout.trim().to_owned();
        assert_eq!(text, format!("virt-viewer\n--attach\n--connect\nqemu:///system\n--\n{uuid}\n"), "{run}");
    }
    sandbox.vmtools(&["stop", "--force", "web"]).run().success();
    let off = sandbox.vmtools(&args).env("DISPLAY", ":7").run();
    assert_eq!(off.status.code(), Some(5), "{off}");
}

#[test]
fn a_vm_with_a_port_for_its_screen_keeps_it() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let xml = domain("old", "<graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'/>");
    define(&sandbox, &xml);
    sandbox.vmtools(&["start", "old"]).run().success();
    wait_for("its screen", MINUTE, || {
        let listening = sandbox.as_root("ss", &["-Hltn"]).run().success().stdout;
        listening.contains("127.0.0.1:5900").then_some(())
    });
    let run = sandbox.vmtools(&["vnc", "old"]).run();
    assert!(run.status.success() && run.stdout.contains("127.0.0.1") && run.stdout.contains("5900"), "{run}");
    sandbox.vmtools(&["delete", "--force", "old"]).run().success();
    assert_eq!(own_volumes(&sandbox), Vec::<String>::new());
}
