//! Templates: what libvirt makes of each, and machines of another kind than the usual.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::{INSTALLED, INSTALLING, Sandbox, Skip, installer_iso, sandbox_or_skip, wait_for};
use super::{MINUTE, create, nothing_is_left, own_volumes, word};

#[test]
fn every_built_in_template_gives_what_libvirts_schema_takes() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let iso = iso(&sandbox);
    let listed = sandbox.vmtools(&["template", "list", "--json"]).run().success().json();
    for row in listed.as_array().unwrap() {
        let name = row["name"].as_str().unwrap();
        let small = ["create", "x", "--template", name, "-m", "512", "--print-xml"];
        let media = [&["--iso", &iso][..], &["--iso", &iso, "--virtio-win", &iso]];
        let media = if name == "windows" { &media[..] } else { &[&[][..]] };
        for media in media {
            let xml = sandbox.vmtools(&[&small[..], media].concat()).run().success().stdout;
            let file = sandbox.tmp().join("x.xml");
            fs::write(&file, &xml).unwrap();
            let file = file.to_str().unwrap();
            sandbox.command("virt-xml-validate", &[file, "domain"]).run().success();
            assert!(xml.contains("libosinfo:os id="), "{name}: {xml}");
        }
    }
    let installed = ["create", "x", "--template", "development", "--iso", &iso, "-m", "512", "--print-xml"];
    sandbox
        .vmtools(&installed)
        .run()
        .success()
        .stderr_has("packages, write_files and runcmd of its template are ignored");
    sandbox.vmtools(&["create", "x", "--template", "windows"]).run().code(2).stderr_has("--iso");
    nothing_is_left(&sandbox);
}

#[test]
fn a_windows_machine_starts_and_all_of_it_goes() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    windows(&sandbox, Path::new("/var/lib/libvirt/swtpm"));
}

#[test]
fn a_windows_machine_of_a_session_too() {
    let sandbox = sandbox_or_skip!(Sandbox::session());
    windows(&sandbox, &sandbox.home().join(".config/libvirt/qemu/swtpm"));
}

/// `tpms` is where libvirt keeps the state of TPMs.
fn windows(sandbox: &Sandbox, tpms: &Path) {
    sandbox_or_skip!(can_windows());
    let iso = iso(sandbox);
    let windows =
        ["create", "win", "--template", "windows", "-m", "512", "-c", "1", "-d", "1", "--iso", &iso];
    let made = sandbox.vmtools(&[&windows[..], &["--start", "--json"]].concat()).run().success();
    assert_eq!((word(&made, "state"), word(&made, "firmware")), ("running".into(), "efi-secure".into()));
    assert!(made.json()["ssh"].is_null(), "{made}");
    let xml = sandbox.virsh(&["dumpxml", "win"]).stdout;
    for part in [
        "secure='yes'",
        "<tpm model='tpm-crb'>",
        "<relaxed state='on'/>",
        "offset='localtime'",
        "bus='sata'",
        "<model type='e1000e'/>",
        "http://microsoft.com/win/11",
    ] {
        assert!(xml.contains(part), "no {part} in {xml}");
    }
    let snapshot =
        sandbox.vmtools(&["snapshot", "create", "win", "--name", "s1", "--no-memory"]).run().success();
    snapshot.stderr_has("does not include the TPM state of win: only snapshots with memory do");
    sandbox.vmtools(&["snapshot", "delete", "win", "s1", "--yes"]).run().success();
    assert!(!own_volumes(sandbox).iter().any(|volume| volume.contains("-seed")), "{xml}");
    let nvram = super::nvram_of(sandbox, "win");
    let nvram = nvram.unwrap_or("/var/lib/libvirt/qemu/nvram/win_VARS.fd".into());
    let files = || {
        let is_there = sandbox.as_root("test", &["-e", &nvram]).run().status.success();
        (is_there, sandbox.files_under(tpms).len())
    };
    assert!(files().0 && files().1 > 0, "{:?} {nvram}", files());
    let plan = sandbox.vmtools(&["delete", "win", "--force", "--dry-run", "--json"]).run().success().json();
    assert_eq!(plan["state"], serde_json::json!(["tpm"]), "{plan}");
    sandbox.vmtools(&["delete", "--force", "win"]).run().success();
    nothing_is_left(sandbox);
    assert_eq!(files(), (false, 0));
    wait_for("the TPM's end", MINUTE, || {
        sandbox.processes().iter().all(|process| !process.contains("swtpm")).then_some(())
    });
    assert!(Path::new(&iso).exists());

    // With its drivers at hand, the machine is virtio's.
    let drivers = [&windows[..], &["--virtio-win", &iso]].concat();
    sandbox.vmtools(&drivers).run().success();
    let xml = sandbox.virsh(&["dumpxml", "win"]).stdout;
    assert!(xml.contains("dev='vda' bus='virtio'") && xml.contains("<model type='virtio'/>"), "{xml}");
    assert_eq!(xml.matches("device='cdrom'").count(), 2, "{xml}");
    sandbox.vmtools(&["delete", "--force", "win"]).run().success();
    nothing_is_left(sandbox);
}

#[test]
fn plain_uefi_boots_what_nobody_signed() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    sandbox_or_skip!(can_windows());
    let iso = iso(&sandbox);
    let made = ["create", "efi", "--firmware", "efi", "-m", "256", "-d", "1", "--iso", &iso, "--json"];
    let made = sandbox.vmtools(&made).run().success();
    assert_eq!(word(&made, "firmware"), "efi");
    let xml = sandbox.virsh(&["dumpxml", "efi"]).stdout;
    // libvirt 9.0 chooses the firmware at each start.
    let is_chosen = xml.contains("type='pflash'") || xml.contains("<os firmware='efi'>");
    assert!(is_chosen && !xml.contains("secure='yes'"), "{xml}");
    assert!(xml.contains("type='pflash'") || xml.contains("enabled='no' name='secure-boot'"), "{xml}");
    sandbox.vmtools(&["delete", "--force", "efi"]).run().success();
    nothing_is_left(&sandbox);
}

#[test]
fn a_machine_that_the_host_has_no_parts_for_is_told_before_anything_is_made() {
    let sandbox = sandbox_or_skip!(Sandbox::builder().without("swtpm").without("swtpm_setup").system());
    let iso = iso(&sandbox);
    let windows = [
        "create",
        "win",
        "--template",
        "windows",
        "-m",
        "512",
        "-c",
        "1",
        "--iso",
        &iso,
        "--start",
        "--json",
    ];
    let no_tpm = sandbox.vmtools(&windows).run().code(9);
    assert!(no_tpm.json_error()["hint"].as_str().unwrap().contains("swtpm"), "{no_tpm}");
    nothing_is_left(&sandbox);
    sandbox.tmpfs_at("/usr/share/qemu/firmware", "1M");
    let efi =
        ["create", "efi", "--firmware", "efi", "-m", "512", "-c", "1", "--iso", &iso, "--start", "--json"];
    let no_firmware = sandbox.vmtools(&efi).run().code(9);
    assert!(no_firmware.json_error()["hint"].as_str().unwrap().contains("ovmf"), "{no_firmware}");
    nothing_is_left(&sandbox);
}

#[test]
fn an_installation_boots_the_iso_once_and_then_the_disk() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let iso = sandbox.root().join("images/install.iso");
    fs::write(&iso, installer_iso()).unwrap();
    let args = ["create", "web", "--iso", iso.to_str().unwrap(), "-m", "64", "-c", "1", "-d", "1", "--start"];
    sandbox.vmtools(&args).run().success();
    let log = serial_log(&sandbox, "web");
    let read = || String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
    wait_for("the disk to boot", MINUTE, || read().contains(INSTALLED.trim()).then_some(()));
    assert_eq!(read().matches(INSTALLING.trim()).count(), 1, "{}", read());
    // The ISO is still there, and again it is the disk that boots.
    sandbox.vmtools(&["stop", "--force", "web"]).run().success();
    sandbox.vmtools(&["start", "web"]).run().success();
    wait_for("the disk to boot again", MINUTE, || read().contains(INSTALLED.trim()).then_some(()));
    assert!(!read().contains(INSTALLING.trim()), "{}", read());
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
    assert!(iso.exists());
}

#[test]
fn a_template_brings_disks_and_has_the_guest_do_things() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let folder = sandbox.home().join(".config/vmtools/templates");
    fs::create_dir_all(&folder).unwrap();
    let template = r#"
        description = "a worker"
        disks = ["1G", "64M"]
        packages = ["git", "jq"]
        runcmd = ["cp /etc/greeting /tmp/copied", "echo \"it's\" >/tmp/quoted"]
        labels = { team = "a" }
        [[write_files]]
        path = "/etc/greeting"
        content = "hello \"you\"\n"
        permissions = "0600"
    "#;
    fs::write(folder.join("worker.toml"), template).unwrap();
    let own = sandbox.home().join("own.sh");
    fs::write(&own, "#!/bin/sh\necho own >/tmp/own\n").unwrap();
    let own = ["--template", "worker", "--user-data", own.to_str().unwrap(), "--start", "--wait"];
    create(&sandbox, "web", &image, &own).run().success();
    let guest = |command: &str| sandbox.vmtools(&["ssh", "web", "--", command]).run().success().stdout;
    assert_eq!(guest("sudo cat /tmp/copied /tmp/quoted /var/log/packages"), "hello \"you\"\nit's\ngit\njq\n");
    assert_eq!(guest("cat /tmp/own"), "own\n");
    assert_eq!(guest("stat -c %a /etc/greeting"), "600\n");
    let sizes = "cat /sys/block/vdb/size /sys/block/vdc/size";
    assert_eq!(guest(sizes), format!("{}\n{}\n", (1 << 30) / 512, (64 << 20) / 512));
    assert_eq!(own_volumes(&sandbox).iter().filter(|volume| volume.ends_with(".qcow2")).count(), 3);

    // The VM as a template again.
    sandbox.vmtools(&["template", "new", "like-web", "--from", "web"]).run().success();
    sandbox.vmtools(&["template", "check", "like-web"]).run().success();
    let shown = sandbox.vmtools(&["template", "show", "like-web", "--json"]).run().success().json();
    let value = |key: &str| {
        let row = shown["settings"].as_array().unwrap().iter().find(|row| row["key"] == key);
        row.unwrap_or_else(|| panic!("no {key}: {shown}"))["value"].clone()
    };
    assert_eq!(value("disks"), serde_json::json!(["1G", "64M"]));
    assert_eq!((value("memory"), value("disk_size")), ("256M".into(), "1G".into()));
    assert_eq!((value("extends"), value("labels.team")), ("worker".into(), "a".into()));
    assert_eq!(value("packages"), serde_json::json!(["git", "jq"]));
    assert_eq!(value("image"), image.to_str().unwrap());
    sandbox.vmtools(&["template", "new", "x", "--from", "none"]).run().code(3).stderr_has("neither");

    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

/// An ISO that nothing boots from, which QEMU's user may read.
fn iso(sandbox: &Sandbox) -> String {
    let path = sandbox.root().join("images/empty.iso");
    fs::write(&path, vec![0; 1 << 20]).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What a UEFI with enrolled keys and an emulated TPM take.
fn can_windows() -> Result<(), Skip> {
    let missing = ["/usr/share/OVMF/OVMF_VARS_4M.ms.fd", "/usr/bin/swtpm", "/usr/bin/swtpm_setup"]
        .into_iter()
        .find(|path| !Path::new(path).exists());
    missing.map_or(Ok(()), |path| Err(Skip(format!("{path} is not there"))))
}

fn serial_log(sandbox: &Sandbox, name: &str) -> PathBuf {
    let status = sandbox.vmtools(&["status", name, "--json"]).run().success();
    sandbox.outside(word(&status, "serial_log"))
}
