//! Images of the user's own, where there is no libvirt.

use std::fs;
use std::path::PathBuf;

use super::run;
use super::support::{Skip, TestEnv, find_program};

/// A raw disk of 1 MiB.
fn disk(env: &TestEnv) -> PathBuf {
    let path = env.root().join("disk.raw");
    fs::write(&path, vec![7; 1 << 20]).unwrap();
    path
}

#[test]
fn wrong_use_of_image_is_usage() {
    for args in [
        &["image"][..],
        &["image", "no-such"],
        &["image", "import"],
        &["image", "import", "x"],
        &["image", "import", "x", "y", "--format", "qcow2"],
        &["image", "info"],
        &["image", "rm"],
        &["image", "prune", "--older-than", "soon"],
    ] {
        let run = run(args).code(2);
        assert_eq!(run.stdout, "", "{run}");
    }
}

#[test]
fn a_file_becomes_an_image_under_its_name() {
    let env = TestEnv::new();
    env.real_tool("qemu-img");
    let file = disk(&env);
    let file = file.to_str().unwrap();
    let made = env.vmtools(&["image", "import", file, "mine", "--user", "ada", "--json"]).run().success();
    let json = made.json();
    assert_eq!((&json["name"], &json["kind"]), (&"mine".into(), &"own".into()), "{made}");
    assert_eq!(json["virtual_size_bytes"], 1 << 20, "{made}");
    assert_eq!(json["default_user"], "ada", "{made}");
    assert_eq!(json["source"], file, "{made}");
    let taken = env.vmtools(&["image", "import", file, "mine", "--json"]).run().code(4);
    assert_eq!(taken.json_error()["code"], "exists", "{taken}");
    env.vmtools(&["image", "import", file, "mine", "--replace"]).run().success().stdout_has("imported mine");
    env.vmtools(&["image", "import", file, "disk.qcow2"]).run().code(2);
    env.vmtools(&["image", "import", "./none", "other"]).run().code(3);
}

#[test]
fn bad_input_leaves_nothing() {
    let env = TestEnv::new();
    let hostile = env.root().join("hostile");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/image/qcow2-backing.bin"), &hostile)
        .unwrap();
    let failed =
        env.vmtools(&["image", "import", hostile.to_str().unwrap(), "mine", "--json"]).run().code(11);
    assert_eq!(failed.json_error()["code"], "integrity", "{failed}");
    // Without qemu-img, after the place for it was made.
    let file = disk(&env);
    env.vmtools(&["image", "import", file.to_str().unwrap(), "mine"]).run().code(9).stderr_has("qemu-img");
    let folder = env.root().join("data/vmtools/images");
    let left: Vec<_> = fs::read_dir(folder)
        .map(|files| files.flatten().map(|file| file.file_name()).collect())
        .unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}

/// Each of its steps on the file system is its last one in turn.
#[test]
fn a_replacement_that_is_killed_leaves_an_image_of_that_name() {
    let Some(strace) = find_program("strace") else {
        Skip("this machine has no strace".to_owned()).report();
        return;
    };
    let env = TestEnv::new();
    env.real_tool("qemu-img");
    let steps = "rename,renameat,renameat2,unlink,unlinkat";
    let (trace, folder) = (format!("trace={steps}"), env.root().join("data/vmtools/images"));
    let digests = [7, 8].map(|byte| {
        let path = env.root().join(format!("disk-{byte}.raw"));
        fs::write(&path, vec![byte; 1 << 20]).unwrap();
        let import = ["image", "import", path.to_str().unwrap(), "mine", "--replace", "--json"];
        (path.to_str().unwrap().to_owned(), env.vmtools(&import).run().success().json()["digest"].clone())
    });
    for step in 1.. {
        assert!(step < 40, "it never ends");
        let [(_, old), (file, new)] = &digests;
        env.vmtools(&["image", "import", &digests[0].0, "mine", "--replace"]).run().success();
        let inject = format!("inject={steps}:signal=KILL:when={step}");
        let strace_args = ["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        let import = [env!("CARGO_BIN_EXE_vmtools"), "image", "import", file, "mine", "--replace"];
        let killed = env.command(strace.to_str().unwrap(), &[&strace_args[..], &import].concat()).run();
        let found = env.vmtools(&["image", "info", "mine", "--json"]).run().success();
        let digest = &found.json()["digest"];
        assert!(digest == old || digest == new, "step {step}: {found}");
        if killed.status.success() {
            assert!(step > 2 && digest == new, "step {step}: {found}");
            break;
        }
    }
    // What was left by those is for gc; of the last one nothing is.
    let files = fs::read_dir(folder).unwrap().flatten().map(|file| file.file_name().into_string().unwrap());
    let images: Vec<_> =
        files.filter(|name| !name.starts_with(".vmtools-") && !name.ends_with(".lock")).collect();
    assert_eq!(images.len(), 2, "{images:?}");
}

#[test]
fn images_are_listed_without_libvirt() {
    let env = TestEnv::new();
    env.real_tool("qemu-img");
    assert_eq!(env.vmtools(&["image", "list", "--json"]).run().success().json(), serde_json::json!([]));
    env.vmtools(&["image", "import", disk(&env).to_str().unwrap(), "mine"]).run().success();
    let listed = env.vmtools(&["image", "list", "--json"]).run().success().stderr_has("warning: ");
    let image = &listed.json()[0];
    assert_eq!(image["name"], "mine", "{listed}");
    for field in ["digest", "format", "size_bytes", "virtual_size_bytes", "source", "kind", "last_used"] {
        assert!(!image[field].is_null(), "{field}: {listed}");
    }
    assert!(image.get("used_by").is_some_and(serde_json::Value::is_null), "{listed}");
    let table = env.vmtools(&["image", "list"]).run().success();
    assert!(table.lines()[0].starts_with("NAME  FORMAT  SIZE"), "{table}");
    assert_eq!(env.vmtools(&["image", "list", "other"]).run().success().lines().len(), 1);
    env.vmtools(&["image", "info", "mine"]).run().success().stdout_has("digest");
    let unknown = env.vmtools(&["image", "info", "mime"]).run().code(3);
    unknown.stderr_has("did you mean mine?");
    // What is needed can't be told, so nothing goes.
    assert_ne!(env.vmtools(&["image", "rm", "mine"]).run().status.code(), Some(0));
    assert_ne!(env.vmtools(&["image", "prune", "--own", "--yes"]).run().status.code(), Some(0));
    env.vmtools(&["image", "info", "mine"]).run().success();
}

#[test]
fn the_catalogue_tells_what_there_is_for_each_architecture() {
    let env = TestEnv::new();
    let listed = env.vmtools(&["image", "list", "--available"]).run().success();
    assert_eq!(listed.stderr, "", "{listed}");
    let lines = listed.lines();
    let words: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(words, ["NAME", "OS", "ARCH", "USER", "ALIASES"], "{listed}");
    let line = |name: &str| lines.iter().find(|line| line.starts_with(&format!("{name} "))).unwrap();
    let debian = line("debian-13");
    for part in ["Debian 13 (trixie)", " x86_64,aarch64 ", "debian,trixie"] {
        assert!(debian.contains(part), "{debian}");
    }
    assert!(line("arch").contains(" x86_64 "), "{listed}");
    assert!(line("ubuntu-26.04").ends_with("ubuntu,ubuntu-lts,resolute"), "{listed}");
    assert_eq!(env.vmtools(&["image", "list", "--available", "UBUNTU"]).run().success().lines().len(), 4);

    let json = env.vmtools(&["image", "list", "--available", "--json"]).run().success().json();
    let images = json.as_array().unwrap();
    let image = |name: &str| images.iter().find(|image| image["name"] == name).unwrap();
    for image in images {
        let builds = image["builds"].as_array().unwrap();
        let own = builds.iter().find(|build| build["arch"] == std::env::consts::ARCH);
        let own = own.unwrap_or(&builds[0]);
        for field in ["arch", "url", "firmware", "default_user"] {
            assert_eq!(image[field], own[field], "{image}");
        }
        for build in builds {
            assert!(build["checksum_url"].is_string() != build["checksum"].is_string(), "{build}");
        }
    }
    assert_eq!(image("flatcar")["provisioner"], "ignition", "{json}");
    assert_eq!(image("debian-13")["provisioner"], "cloud-init", "{json}");
    assert_eq!(image("debian-13")["os"], "Debian 13 (trixie)", "{json}");
}

#[test]
fn each_verb_of_image_shows_an_example() {
    for verb in ["list", "import", "commit", "info", "rm", "prune"] {
        let help = run(&["image", verb, "--help"]).success();
        assert!(help.stdout.contains("vmtools image "), "{help}");
    }
}
