//! The variables of UEFI: a qcow2 of the VM's own, which snapshots include, made of what libvirt chose.

use super::question::{CTRL_C, answer};
use super::support::{Sandbox, is_thorough, sandbox_or_skip};
use super::{create, nothing_is_left, nvram_of, own_volumes, unbootable_image};

/// libvirt's version, as `11.3`.
fn version(sandbox: &Sandbox) -> (u32, u32) {
    let text = sandbox.virsh(&["version", "--daemon"]).stdout;
    let version = text.lines().find_map(|line| line.strip_prefix("Running against daemon: ")).unwrap();
    let mut parts = version.split('.').map(|part| part.trim().parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap())
}

/// The template of a VM's variables, and whether libvirt takes a qcow2 of it (10.9 and later).
fn template_of(sandbox: &Sandbox, vm: &str) -> Option<String> {
    let xml = sandbox.virsh(&["dumpxml", "--inactive", vm]).stdout;
    let nvram = xml.split("<nvram ").nth(1)?.split('>').next()?.to_owned();
    nvram.contains("templateFormat").then(|| nvram.split('\'').nth(1).unwrap().to_owned())
}

#[test]
fn variables_are_a_qcow2_of_what_the_firmware_brings() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    for (name, firmware, keys) in [("plain", "efi", ""), ("secure", "efi-secure", ".ms")] {
        create(&sandbox, name, &image, &["--firmware", firmware]).run().success();
        let Some(template) = template_of(&sandbox, name) else { return };
        let nvram = nvram_of(&sandbox, name).unwrap();
        // Some libvirts start no VM whose template is of another format.
        assert_eq!(template, nvram);
        assert!(own_volumes(&sandbox).contains(&nvram), "{nvram}");
        // The keys that make Secure Boot what it is are in there.
        let chosen = format!("/usr/share/OVMF/OVMF_VARS_4M{keys}.fd");
        let same = ["qemu-img", "compare", "-f", "raw", "-F", "qcow2", &chosen, &nvram];
        sandbox.exec(&same);
        sandbox.vmtools(&["start", name]).run().success();
        let xml = sandbox.virsh(&["dumpxml", name]).stdout;
        assert_eq!(xml.contains("secure='yes'"), !keys.is_empty(), "{xml}");
    }
    // What a raw file forbids: libvirt saves them with a running VM, and brings them back.
    sandbox.virsh(&["snapshot-create-as", "plain", "s1"]);
    let listed = |vm: &str| {
        let nvram = nvram_of(&sandbox, vm).unwrap();
        sandbox.exec(&["qemu-img", "snapshot", "-U", "-l", &nvram]).stdout.contains("s1")
    };
    assert!(listed("plain"));
    sandbox.virsh(&["snapshot-revert", "plain", "s1"]);
    assert_eq!(sandbox.state("plain"), "running");
    sandbox.vmtools(&["stop", "--force", "plain"]).run().success();
    // A clone has its own, and no snapshot in it.
    sandbox.vmtools(&["clone", "plain", "twin"]).run().success();
    assert_ne!(nvram_of(&sandbox, "twin"), nvram_of(&sandbox, "plain"));
    assert!(!listed("twin"));
    sandbox.vmtools(&["rename", "twin", "other"]).run().success();
    sandbox.vmtools(&["start", "other"]).run().success();
    sandbox.vmtools(&["delete", "--force", "plain", "secure", "other"]).run().success();
    nothing_is_left(&sandbox);
}

#[test]
fn without_qemu_img_they_are_what_libvirt_makes() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    sandbox.fake_tool("qemu-img", "exit 1");
    let iso = sandbox.root().join("images/empty.iso");
    sandbox.as_root("truncate", &["-s", "1M", iso.to_str().unwrap()]).run().success();
    let iso = iso.to_str().unwrap();
    let made = ["create", "web", "--firmware", "efi", "-m", "256", "-c", "1", "-d", "1", "--iso", iso];
    sandbox.vmtools(&[&made[..], &["--start"]].concat()).run().success();
    let volumes = own_volumes(&sandbox);
    assert!(!volumes.iter().any(|path| path.contains("_VARS.")), "{volumes:?}");
    if let Some(nvram) = nvram_of(&sandbox, "web") {
        assert!(nvram.ends_with("/qemu/nvram/web_VARS.fd"), "{nvram}");
    }
    let plan = sandbox.vmtools(&["delete", "web", "--force", "--dry-run", "--json"]).run().success();
    assert!(!plan.stdout.contains("_VARS.qcow2"), "{plan}");
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

/// As vmtools made them before.
#[test]
fn a_raw_file_of_before_becomes_a_qcow2_with_all_that_it_holds() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &["--firmware", "efi-secure"]).run().success();
    if template_of(&sandbox, "web").is_none() {
        return;
    }
    let raw = "/var/lib/libvirt/qemu/nvram/web_VARS.fd";
    let qcow2 = nvram_of(&sandbox, "web").unwrap();
    // Its template is the one of the firmware, with any libvirt.
    let script = "virsh -q -c qemu:///system dumpxml --inactive web | sed \"s,format='qcow2'>$0<,format='raw'>$1<,
        s,template='$0' templateFormat='qcow2',template='/usr/share/OVMF/OVMF_VARS_4M.ms.fd' templateFormat='raw',\" >$2 && \
        virsh -q -c qemu:///system define $2 && virsh -q -c qemu:///system vol-delete $0";
    let file = sandbox.tmp().join("raw.xml");
    sandbox.as_root("bash", &["-c", script, &qcow2, raw, file.to_str().unwrap()]).run().success();
    vmtools(&["start", "web"]).success();
    vmtools(&["stop", "--force", "web"]).success();
    let copy = sandbox.tmp().join("before.fd");
    let copy = copy.to_str().unwrap();
    sandbox
        .as_root("sh", &["-c", "printf key | dd of=$0 bs=1 seek=300000 conv=notrunc && cp $0 $1", raw, copy])
        .run()
        .success();

    // Whoever ends the question ends all of it.
    create(&sandbox, "db", &image, &[]).run().success();
    let ended = answer(&sandbox, "snapshot create web db", CTRL_C).code(130);
    assert_eq!(ended.stdout.matches("error:").count(), 1, "{ended}");
    vmtools(&["delete", "--force", "db"]).success();
    vmtools(&["snapshot", "create", "web", "--name", "s1", "--yes"]).success();
    let nvram = nvram_of(&sandbox, "web").unwrap();
    assert!(own_volumes(&sandbox).contains(&nvram) && nvram.ends_with("_VARS.qcow2"), "{nvram}");
    sandbox.exec(&["qemu-img", "compare", "-f", "raw", "-F", "qcow2", copy, &nvram]);
    assert!(!sandbox.as_root("test", &["-e", raw]).run().status.success());
    assert!(sandbox.exec(&["qemu-img", "snapshot", "-l", &nvram]).stdout.contains("s1"));
    // Once there is a snapshot nothing is converted, nor is it again.
    vmtools(&["snapshot", "create", "web", "--name", "s2", "--yes"]).success();
    assert_eq!(nvram_of(&sandbox, "web"), Some(nvram));
    vmtools(&["start", "web"]).success();
    vmtools(&["snapshot", "create", "web", "--name", "s3", "--memory"]).success();
    vmtools(&["snapshot", "revert", "web", "s1", "--yes"]).success();
    vmtools(&["delete", "--force", "web"]).success();
    nothing_is_left(&sandbox);
}

/// What an older libvirt can't is told before anything is done, with the version that can.
#[test]
fn what_libvirt_is_too_old_for_is_refused_with_the_version() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = unbootable_image(&sandbox);
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run();
    create(&sandbox, "web", &image, &["--firmware", "efi"]).run().success();
    let version = version(&sandbox);
    // libvirt 9.0 chooses the firmware at each start, and sees none in a VM that is shut off.
    vmtools(&["snapshot", "create", "web", "--yes", "--name", "off"]).success();
    vmtools(&["start", "web"]).success();
    let refused = |more: &str, needed: &str| {
        let run = vmtools(&["snapshot", "create", "web", "--json", "--name", "none", more]);
        let error = run.code(9).json_error();
        assert!(error["message"].as_str().unwrap().contains(needed), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("vmtools"), "{error}");
        assert_eq!(sandbox.virsh(&["snapshot-list", "--name", "web"]).lines(), ["off"]);
    };
    for more in ["--memory", "--no-memory"] {
        match version >= (10, 9) {
            true => drop(vmtools(&["snapshot", "create", "web", more]).success()),
            false => refused(more, "libvirt 10.9.0"),
        }
    }
    vmtools(&["snapshot", "revert", "web", "off", "--off", "--yes"]).success();
    if version < (9, 3) {
        let xml = sandbox.virsh(&["dumpxml", "--inactive", "web"]).stdout;
        let (before, rest) = xml.split_once("<loader").unwrap();
        let loader = "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>";
        let xml = format!("{before}{loader}{}", rest.split_once("/>").unwrap().1);
        let define = sandbox.command("virsh", &["-c", sandbox.uri(), "define", "/dev/stdin"]);
        let (before, rest) = xml.split_once(" firmware='efi'>").unwrap();
        let (os, after) = rest.split_once("<firmware>").unwrap();
        let xml = format!("{before}>{os}{}", after.split_once("</firmware>").unwrap().1);
        define.stdin(xml).run().success();
        refused("--no-memory", "libvirt 9.3.0");
    }
    vmtools(&["delete", "--force", "web"]).success();
    nothing_is_left(&sandbox);
}

#[test]
fn secure_boot_survives_snapshots_of_every_kind() {
    if !is_thorough() {
        return;
    }
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.signed_image());
    let vmtools = |args: &[&str]| sandbox.vmtools(args).run().success();
    // GRUB has no space for the kernel in 256 MiB.
    let size = ["-m", "512", "-c", "1", "-d", "1", "--firmware", "efi-secure", "--user", "root"];
    let create = ["create", "web", "--image", image.to_str().unwrap(), "--start", "--wait=ssh"];
    vmtools(&[&create[..], &size].concat());
    let is_secure = || {
        vmtools(&["wait", "web", "--for", "ssh"]);
        vmtools(&["ssh", "web", "--", "dmesg"]).stdout_has("secureboot: Secure boot enabled");
    };
    // What is enrolled, and what the firmware has noted of its boot since.
    let nvram = nvram_of(&sandbox, "web").unwrap();
    let keys = || {
        let raw = sandbox.tmp().join("vars.fd");
        sandbox.exec(&["qemu-img", "convert", "-U", "-O", "raw", &nvram, raw.to_str().unwrap()]);
        let bytes = std::fs::read(raw).unwrap();
        // "Microsoft Corporation UEFI CA 2011", by which shim is signed.
        let name = b"UEFI CA 2011";
        bytes.windows(name.len()).filter(|window| window == name).count()
    };
    let enrolled = keys();
    assert!(enrolled > 0);
    is_secure();
    vmtools(&["snapshot", "create", "web", "--name", "running", "--memory"]);
    vmtools(&["ssh", "web", "--", "touch /run/after"]);
    vmtools(&["snapshot", "revert", "web", "running", "--yes"]);
    is_secure();
    sandbox.vmtools(&["ssh", "web", "--", "test -e /run/after"]).run().code(1);
    vmtools(&["stop", "web"]);
    vmtools(&["snapshot", "create", "web", "--name", "off"]);
    vmtools(&["start", "web"]);
    is_secure();
    vmtools(&["snapshot", "revert", "web", "off", "--yes", "--start"]);
    is_secure();
    assert_eq!(keys(), enrolled);
    vmtools(&["delete", "--force", "web"]);
    nothing_is_left(&sandbox);
}
