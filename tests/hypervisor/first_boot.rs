//! What a guest is told at its first boot.

use std::path::Path;

use super::support::{Sandbox, sandbox_or_skip};
use super::{create, nothing_is_left};

#[test]
fn ignition_sets_a_guest_up_without_cloud_init() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let config = sandbox.home().join("config.ign");
    // `there`, in base64.
    let own = r#"{"ignition": {"version": "3.4.0"}, "storage": {"files":
        [{"path": "/etc/own", "contents": {"source": "data:;base64,dGhlcmU="}}]}}"#;
    std::fs::write(&config, own).unwrap();
    let config = config.to_str().unwrap();
    let args = ["--ignition", config, "--start", "--wait"];
    let made = create(&sandbox, "web", &image, &args).run().success();
    assert!(!made.stderr.contains("cloud-init"), "{made}");
    let told = sandbox.vmtools(&["ssh", "web", "--", "hostname; whoami; cat /etc/own"]).run().success();
    assert_eq!(told.lines(), ["web", "core", "there"], "{told}");
    sandbox.vmtools(&["stop", "--force", "web"]).run().success();
    sandbox.vmtools(&["start", "web", "--wait"]).run().success();
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

/// What the catalogue knows of an image is enough to log in.
#[test]
fn an_image_for_ignition_needs_no_configuration_of_the_users_own() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let server = sandbox.serve(image.parent().unwrap());
    let digest = sandbox.command("sha256sum", &[&image]).run().success().stdout[..64].to_owned();
    let folder = sandbox.home().join(".config/vmtools");
    std::fs::create_dir_all(&folder).unwrap();
    let catalog = format!(
        "[[image]]\nname = \"pigeon\"\nprovisioner = \"ignition\"\ndefault_user = \"homer\"\n\
         url = \"{}\"\nchecksum = \"sha256:{digest}\"\n",
        server.url("busybox.qcow2")
    );
    std::fs::write(folder.join("catalog.toml"), catalog).unwrap();
    let pigeon = Path::new("pigeon");
    let user_data = folder.join("user-data");
    std::fs::write(&user_data, "#cloud-config\nhostname: x\n").unwrap();
    create(&sandbox, "web", pigeon, &["--user-data", user_data.to_str().unwrap()])
        .run()
        .code(2)
        .stderr_has("the image pigeon is set up by Ignition")
        .stderr_has("--ignition");
    create(&sandbox, "web", pigeon, &["--start", "--wait"]).run().success();
    let told = sandbox.vmtools(&["ssh", "web", "--", "hostname; whoami"]).run().success();
    assert_eq!(told.lines(), ["web", "homer"], "{told}");
    let template = folder.join("templates/tools.toml");
    std::fs::create_dir_all(template.parent().unwrap()).unwrap();
    std::fs::write(template, "packages = [\"curl\"]\n").unwrap();
    std::fs::write(folder.join("password"), "secret\n").unwrap();
    let password = folder.join("password");
    let args = ["--print-xml", "--template", "tools", "--password-file", password.to_str().unwrap()];
    let planned = create(&sandbox, "two", pigeon, &args).run().success();
    let planned =
        planned.stdout_has("opt/com.coreos/config").stderr_has("the packages, write_files and runcmd");
    assert!(!planned.stderr.contains("password"), "{planned}");
    sandbox.vmtools(&["delete", "--force", "web"]).run().success();
    nothing_is_left(&sandbox);
}

/// The lines that should begin its parts lack their dashes, so cloud-init finds none.
const BROKEN_MULTIPART: &str = "Content-Type: multipart/mixed; boundary=\"==BB==\"\nMIME-Version: 1.0\n\n\
    ==BB==\nContent-Type: text/cloud-config\n\ntimezone: Europe/Rome\n==BB==\n";

#[test]
fn mistakes_in_user_data_are_told_before_anything_is_made() {
    let sandbox = sandbox_or_skip!(Sandbox::system());
    let image = sandbox_or_skip!(sandbox.busybox_image());
    let file = sandbox.home().join("user-data");
    let name = file.to_str().unwrap();
    for (text, flag, place) in [
        ("#cloud-config\nruncmd: [a\nhostname: x\n", "--user-data", "line 3"),
        ("#cloud-config\nhostname: x\npackages: htop\n", "--user-data", "line 3"),
        ("packages: [htop]\n", "--user-data", "first line"),
        ("#cloud-config\nusers: [default, ~]\n", "--user-data", "entry 2"),
        ("#cloud-config\nusers: [{name: vmtools, system: true}]\n", "--user-data", "`system`"),
        (BROKEN_MULTIPART, "--user-data", "`--==BB==`"),
        ("{\n\"ignition\" {}}", "--ignition", "line 2"),
    ] {
        std::fs::write(&file, text).unwrap();
        create(&sandbox, "web", &image, &[flag, name]).run().code(2).stderr_has(place);
        // Not even an image that is not there is looked for.
        let nowhere = ["create", "web", "--image", "https://nowhere.invalid/x.img", flag, name];
        sandbox.vmtools(&nowhere).run().code(2).stderr_has(place);
    }
    // Whom vmtools logs in as is the catalogue's word for its images.
    std::fs::write(&file, "#cloud-config\nusers: [{name: debian, system: true}]\n").unwrap();
    let of_catalogue = ["create", "web", "--image", "debian-12", "--user-data", name];
    sandbox.vmtools(&of_catalogue).run().code(2).stderr_has("`system`");
    nothing_is_left(&sandbox);
    assert!(sandbox.volumes().is_empty());
}
