use super::*;
use crate::config::template_key::KEYS;
use crate::model::{Condition, DiskSize, MemorySize, NetworkSpec, NicModel, OsVariant};

fn with(files: &[(&str, &str)]) -> (tempfile::TempDir, Paths) {
    let home = tempfile::tempdir().expect("temporary folder");
    let paths = Paths::below(home.path());
    std::fs::create_dir_all(paths.templates_folder()).expect("makes the folder");
    for (name, text) in files {
        std::fs::write(paths.template_file(name), text).expect("writes");
    }
    (home, paths)
}

#[test]
fn the_built_in_ones_are_whole() {
    let (_home, paths) = with(&[]);
    for (name, user, image) in [("ubuntu", "ubuntu", "ubuntu-26.04"), ("debian", "debian", "debian-13")] {
        let loaded = load_template(&paths, name).expect("loads");
        let template = loaded.value;
        assert_eq!(loaded.warnings, []);
        assert_eq!(template.origin, Origin::BuiltIn);
        assert_eq!((template.user.as_deref(), template.image.as_deref()), (Some(user), Some(image)));
        assert_eq!(template.memory, Some(MemorySize::from_mib(2048)));
        assert_eq!(template.disk_size, Some(DiskSize::from_gib(20)));
        // What its image needs depends on the architecture.
        assert_eq!((template.cpus, template.firmware), (Some(2), None));
    }
}

#[test]
fn every_key_is_read() {
    let text = r#"
        description = "all"
        memory = "1G"
        max_memory = "2G"
        cpus = 1
        max_cpus = 4
        disk_size = 5
        firmware = "efi"
        accel = "tcg"
        image = "~/x.qcow2"
        iso = "../a.iso"
        user = "me"
        networks = ["default", "bridge:br0"]
        user_data = "seed.yaml"
        wait = "port=80"
        virtio_win = "/w.iso"
        os_variant = "win11"
        disks = ["10G", 1]
        machine = "pc"
        cpu_model = "EPYC"
        disk_bus = "sata"
        nic_model = "e1000e"
        video = "virtio"
        clock = "localtime"
        hyperv = true
        tpm = true
        cloud_init = false
        warm = true
        packages = ["git"]
        runcmd = ["date"]
        write_files = [{ path = "/etc/motd", content = "x", permissions = "0600", owner = "me:me" }]
        [labels]
        team = "a b"
    "#;
    let (home, paths) = with(&[("all", text)]);
    let template = load_template(&paths, "all").expect("loads").value;
    assert_eq!(template.user_data, Some(paths.templates_folder().join("seed.yaml")));
    assert_eq!(template.iso, Some(paths.templates_folder().join("../a.iso")));
    assert_eq!(template.image, Some(home.path().join("x.qcow2").display().to_string()));
    assert_eq!(template.wait, Some(Condition::Port(80)));
    assert_eq!((template.max_cpus, template.max_memory.map(MemorySize::mib)), (Some(4), Some(2048)));
    assert_eq!(template.labels.get("team").map(String::as_str), Some("a b"));
    let networks = vec![NetworkSpec::network("default"), NetworkSpec::Bridge("br0".into())];
    assert_eq!(template.networks, Some(networks));
    assert_eq!(template.disks, Some(vec![DiskSize::from_gib(10), DiskSize::from_gib(1)]));
    assert_eq!(template.hardware().nic_model, NicModel::E1000e);
    assert_eq!(template.setup().write_files[0].owner.as_deref(), Some("me:me"));
    assert_eq!(template.os_variant.as_ref().map(OsVariant::id), Some("http://microsoft.com/win/11"));
    // All but `extends`.
    assert_eq!(template.settings().len(), KEYS.len() - 1);
}

#[test]
fn each_wrong_value_is_refused() {
    for text in [
        "disks = '10G'",
        "disks = ['0']",
        "disks = [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
        "tpm = 'yes'",
        "disk_bus = 'ide'",
        "cpu_model = '<x>'",
        "os_variant = 'windows'",
        "packages = ['-y']",
        "packages = 'git'",
        "runcmd = ['']",
        "write_files = [{ content = 'x' }]",
        "write_files = [{ path = 'etc/motd' }]",
        "write_files = [{ path = '/x', mode = '0644' }]",
        "write_files = [{ path = '/x', permissions = 'rw' }]",
        "write_files = [{ path = '/x', owner = 'a b' }]",
    ] {
        let (_home, paths) = with(&[("x", text)]);
        assert!(matches!(load_template(&paths, "x"), Err(Error::Value { .. })), "{text}");
    }
}

#[test]
fn layers_lie_over_each_other() {
    let (_home, paths) = with(&[
        ("ubuntu", "extends = 'ubuntu'\nmemory = '4G'\n[labels]\na = '1'\nb = '1'"),
        ("web", "extends = 'ubuntu'\ncpus = 8\n[labels]\nb = '2'"),
    ]);
    let web = load_template(&paths, "web").expect("loads").value;
    assert_eq!((web.memory, web.cpus), (Some(MemorySize::from_mib(4096)), Some(8)));
    assert_eq!(web.image.as_deref(), Some("ubuntu-26.04"));
    let labels: Vec<_> = web.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(labels, ["a=1", "b=2"]);
    assert_eq!(web.name, "web");
    let ubuntu = load_template(&paths, "ubuntu").expect("loads").value;
    assert_eq!(ubuntu.origin, Origin::File(paths.template_file("ubuntu")));
}

#[test]
fn a_shadow_that_extends_nothing_is_alone() {
    let (_home, paths) = with(&[("debian", "image = 'mine'")]);
    let template = load_template(&paths, "debian").expect("loads").value;
    assert_eq!((template.image.as_deref(), template.user), (Some("mine"), None));
}

#[test]
fn circles_are_named() {
    let (_home, paths) = with(&[
        ("a", "extends = 'b'"),
        ("b", "extends = 'c'"),
        ("c", "extends = 'b'"),
        ("own", "extends = 'own'"),
    ]);
    for (name, expected) in [("a", "a -> b -> c -> b"), ("own", "own -> own")] {
        let error = load_template(&paths, name).expect_err("is a circle").to_string();
        assert_eq!(error, format!("templates extend each other in a cycle: {expected}"));
    }
}

#[test]
fn unknown_names_list_the_nearest() {
    let (_home, paths) = with(&[("web", "extends = 'ubunut'")]);
    let error = load_template(&paths, "ubunto").expect_err("is unknown");
    assert!(matches!(error, Error::UnknownTemplate { nearest, .. } if nearest == ["ubuntu"]));
    let error = load_template(&paths, "web").expect_err("is unknown").to_string();
    let end = "web.toml:1:11: extends cannot be \"ubunut\": there is no such template (did you mean ubuntu?)";
    assert!(error.ends_with(end), "{error}");
    for name in ["../x", "a/b", "", ".."] {
        assert!(matches!(load_template(&paths, name), Err(Error::TemplateName(_))), "{name:?}");
    }
}

#[test]
fn unknown_keys_warn_and_wrong_values_fail() {
    let (_home, paths) = with(&[("web", "name = 'web'\nmemry = 1\n"), ("bad", "[labels]\n\"a b\" = 'x'\n")]);
    let warnings = load_template(&paths, "web").expect("loads").warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].to_string().ends_with("web.toml:2:1: unknown key \"memry\" (did you mean memory?)"));
    assert!(matches!(load_template(&paths, "bad"), Err(Error::Value { key, .. }) if key == "labels"));
}
