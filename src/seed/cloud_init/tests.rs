use serde_json::Value;

use crate::model::{GuestSetup, MountDriver, SharedFolder};
use crate::seed::{CloudInit, Error, HostKey, PasswordHash, UserDataFault};

const SECRET: &str = "c2VjcmV0LWtleS1ib2R5";

fn cloud_init() -> CloudInit {
    CloudInit {
        instance_id: "iid-0b0c".into(),
        hostname: "web".into(),
        user: "ada".into(),
        image_user: None,
        authorized_keys: vec!["ssh-ed25519 AAAA ada@\"home\": it's".into()],
        host_key: Some(HostKey {
            private: format!(
                "-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}\n-----END OPENSSH PRIVATE KEY-----\n"
            ),
            public: "ssh-ed25519 AAAB web".into(),
        }),
        mac_addresses: vec!["52:54:00:AB:cd:ef".into()],
        password: None,
        setup: GuestSetup::default(),
        folders: Vec::new(),
        user_data: None,
        renew_machine_id: false,
    }
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

fn config(bytes: &[u8]) -> Value {
    parse(bytes.strip_prefix(b"#cloud-config\n").expect("a cloud-config"))
}

/// The parts of a multipart document, decoded: type and bytes.
fn parts(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    use base64::Engine;
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    let (head, rest) = text.split_once("\n\n").expect("headers");
    assert!(head.to_ascii_lowercase().contains("mime-version: 1.0"));
    let boundary = head.split('"').nth(1).expect("boundary");
    rest.split(&format!("--{boundary}"))
        .filter(|part| part.contains("Content-Type"))
        .map(|part| {
            let (head, body) = part.split_once("\n\n").expect("headers");
            let kind = head.split("Content-Type: ").nth(1).expect("type");
            let body: String = body.split_whitespace().collect();
            let bytes = base64::engine::general_purpose::STANDARD.decode(body);
            (kind.lines().next().unwrap_or("").to_owned(), bytes.expect("base64"))
        })
        .collect()
}

#[test]
fn one_document_when_there_is_nothing_to_add() {
    let documents = cloud_init().to_documents().expect("documents");
    let config = config(&documents.user_data);
    assert_eq!(config["users"][0], "default");
    assert_eq!(config["users"][1]["name"], "ada");
    assert_eq!(config["users"][1]["sudo"], "ALL=(ALL) NOPASSWD:ALL");
    assert_eq!(config["users"][1]["ssh_authorized_keys"][0], "ssh-ed25519 AAAA ada@\"home\": it's");
    assert_eq!(config["ssh_pwauth"], false);
    assert_eq!(config["ssh_deletekeys"], true);
    assert_eq!(config["ssh_keys"]["ed25519_public"], "ssh-ed25519 AAAB web");
    assert_eq!(config["hostname"], "web");
    assert!(config.get("fqdn").is_none() && config.get("merge_how").is_none());
    let meta = parse(&documents.meta_data);
    assert_eq!((&meta["instance-id"], &meta["local-hostname"]), (&"iid-0b0c".into(), &"web".into()));
}

#[test]
fn the_images_own_user_keeps_its_shell() {
    for (image_user, shell) in [(Some("ada"), None), (Some("alpine"), Some("/bin/bash"))] {
        let cloud_init = CloudInit { image_user: image_user.map(str::to_owned), ..cloud_init() };
        let config = config(&cloud_init.to_documents().expect("documents").user_data);
        assert_eq!(config["users"][1].get("shell").and_then(Value::as_str), shell);
    }
}

#[test]
fn a_password_opens_the_console_and_not_ssh() {
    let locked = config(&cloud_init().to_documents().expect("documents").user_data);
    assert_eq!(locked["users"][1]["lock_passwd"], true);
    let cloud_init = CloudInit { password: PasswordHash::of("geheim").ok(), ..cloud_init() };
    let config = config(&cloud_init.to_documents().expect("documents").user_data);
    let user = &config["users"][1];
    assert_eq!(user["lock_passwd"], false);
    assert!(user["hashed_passwd"].as_str().is_some_and(|hash| hash.starts_with("$6$")));
    assert_eq!(config["ssh_pwauth"], false);
    assert!(!format!("{cloud_init:?} {config}").contains("geheim"));
}

#[test]
fn interfaces_are_matched_by_known_addresses() {
    let documents = cloud_init().to_documents().expect("documents");
    let network = parse(&documents.network_config);
    let interface = &network["ethernets"]["eth0"];
    assert_eq!(network["version"], 2);
    assert_eq!(interface["match"]["macaddress"], "52:54:00:ab:cd:ef");
    assert_eq!((&interface["dhcp4"], &interface["dhcp-identifier"]), (&true.into(), &"mac".into()));

    let any = CloudInit { mac_addresses: Vec::new(), ..cloud_init() };
    let network = parse(&any.to_documents().expect("documents").network_config);
    assert_eq!(network["ethernets"]["all"]["match"]["name"], "e*");
}

#[test]
fn a_full_name_and_root() {
    let cloud_init = CloudInit { hostname: "web.example.org".into(), user: "root".into(), ..cloud_init() };
    let config = config(&cloud_init.to_documents().expect("documents").user_data);
    assert_eq!((&config["hostname"], &config["fqdn"]), (&"web".into(), &"web.example.org".into()));
    assert_eq!(config["disable_root"], false);
    assert!(config["users"][1].get("sudo").is_none());
}

#[test]
fn a_users_own_file_stands_between_defaults_and_access() {
    let theirs = "#cloud-config\npackages: [htop]\nusers: [{name: bob}] # naïve\n";
    let cloud_init = CloudInit { user_data: Some(theirs.into()), ..cloud_init() };
    let parts = parts(&cloud_init.to_documents().expect("documents").user_data);
    let kinds: Vec<&str> = parts.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["text/cloud-config"; 4]);
    assert_eq!(parts[1].1, theirs.as_bytes());
    let (first, user, last) = (config(&parts[0].1), config(&parts[2].1), config(&parts[3].1));
    assert_eq!(first["users"], serde_json::json!(["default"]));
    assert_eq!(user["merge_how"], "dict(no_replace,recurse_list)+list(prepend)");
    assert_eq!(user["users"][0]["name"], "ada");
    assert_eq!(last["merge_how"], "dict(no_replace,recurse_list)+list(append)");
    assert!(last["ssh_keys"]["ed25519_private"].is_string());
    assert!(last.get("hostname").is_none());
}

#[test]
fn what_a_template_has_it_do_is_added_to_a_users_own() {
    let setup = GuestSetup { runcmd: vec!["echo hi".into()], ..GuestSetup::default() };
    let plain = CloudInit { setup, ..cloud_init() };
    assert_eq!(config(&plain.to_documents().expect("documents").user_data)["runcmd"][0], "echo hi");
    let theirs = "#cloud-config\nruncmd: [date]\n";
    let both = CloudInit { user_data: Some(theirs.into()), ..plain };
    let parts = parts(&both.to_documents().expect("documents").user_data);
    assert!(config(&parts[0].1).get("runcmd").is_none());
    assert_eq!(config(&parts[3].1)["runcmd"][0], "echo hi");
}

#[test]
fn folders_are_mounted_beside_those_of_a_users_own() {
    let folder = SharedFolder {
        host: "/a".into(),
        tag: SharedFolder::tag_of(0),
        guest: "/b".into(),
        read_only: true,
        driver: MountDriver::Virtiofs,
    };
    let user_data = Some("#cloud-config\nmounts: [[sdb, /c]]\n".into());
    let cloud_init = CloudInit { folders: vec![folder], user_data, ..cloud_init() };
    let parts = parts(&cloud_init.to_documents().expect("documents").user_data);
    assert!(config(&parts[0].1).get("mounts").is_none());
    let line = serde_json::json!(["vmtools:0", "/b", "virtiofs", "ro,nofail", "0", "0"]);
    assert_eq!(config(&parts[3].1)["mounts"], serde_json::json!([line]));
}

#[test]
fn a_script_gets_its_type() {
    let cloud_init = CloudInit { user_data: Some(b"#!/bin/sh\ntrue\n".to_vec()), ..cloud_init() };
    let parts = parts(&cloud_init.to_documents().expect("documents").user_data);
    assert_eq!(parts[1].0, "text/x-shellscript");
}

#[test]
fn what_cannot_be_told_to_cloud_init_is_refused() {
    type Change = fn(&mut CloudInit);
    let cases: [Change; 14] = [
        |c| c.instance_id.clear(),
        |c| c.instance_id = "a b".into(),
        |c| c.hostname = "-web".into(),
        |c| c.hostname = "web..org".into(),
        |c| c.hostname = "web\n".into(),
        |c| c.hostname = "x".repeat(64),
        |c| c.user = "Ada".into(),
        |c| c.user = "1ada".into(),
        |c| c.user = "a:b".into(),
        |c| c.authorized_keys = vec!["ssh-ed25519".into()],
        |c| c.authorized_keys = vec!["ssh-ed25519 AAAA\nssh-rsa BBBB".into()],
        |c| c.mac_addresses = vec!["52:54:00".into()],
        |c| c.user_data = Some(b"users: []".to_vec()),
        |c| c.user_data = Some(vec![0xff]),
    ];
    for (number, change) in cases.into_iter().enumerate() {
        let mut cloud_init = cloud_init();
        change(&mut cloud_init);
        assert!(cloud_init.to_documents().is_err(), "case {number}");
    }
}

#[test]
fn no_secret_is_ever_shown() {
    let cloud_init = cloud_init();
    let documents = cloud_init.to_documents().expect("documents");
    let mut mistaken = cloud_init.clone();
    mistaken.authorized_keys = vec![cloud_init.host_key.clone().expect("key").private];
    let error = mistaken.to_documents().expect_err("a private key");
    assert!(matches!(error, Error::AuthorizedKey { number: 1, .. }));
    for shown in [format!("{cloud_init:?}"), format!("{documents:?}"), format!("{error} {error:?}")] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[test]
fn a_committed_image_gets_a_machine_id_once_beside_the_users_own_commands() {
    let plain = config(&cloud_init().to_documents().expect("documents").user_data);
    assert!(plain.get("bootcmd").is_none());
    let committed = CloudInit { renew_machine_id: true, ..cloud_init() };
    let document = config(&committed.to_documents().expect("documents").user_data);
    let once = &document["bootcmd"][0];
    for (index, word) in ["cloud-init-per", "instance", "vmtools-machine-id", "sh", "-c"].iter().enumerate() {
        assert_eq!(once[index], *word);
    }
    assert_eq!(document["bootcmd"].as_array().map(Vec::len), Some(1));
    assert!(once[5].as_str().is_some_and(|script| script.contains("systemd-machine-id-setup")));

    let theirs = b"#cloud-config\nbootcmd: [[echo, mine]]\n".to_vec();
    let both = CloudInit { user_data: Some(theirs), ..committed };
    let parts = parts(&both.to_documents().expect("documents").user_data);
    let last = config(&parts.last().expect("parts").1);
    assert_eq!(last["bootcmd"], document["bootcmd"]);
    assert!(last["merge_how"].as_str().is_some_and(|how| how.contains("list(append)")));
}

/// The script itself, in a directory that stands in for the guest's root.
#[test]
fn the_script_renews_what_is_there() {
    use crate::system::process::Invocation;
    let committed = CloudInit { renew_machine_id: true, ..cloud_init() };
    let document = config(&committed.to_documents().expect("documents").user_data);
    let script = document["bootcmd"][0][5].as_str().expect("a script").to_owned();
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    std::fs::create_dir_all(root.join("etc")).expect("makes");
    std::fs::create_dir_all(root.join("var/lib/dbus")).expect("makes");
    let at = root.display().to_string();
    let script =
        script.replace(" /etc/", &format!(" {at}/etc/")).replace("/var/lib", &format!("{at}/var/lib"));
    let setup = format!("systemd-machine-id-setup() {{ echo new > {at}/etc/machine-id; }}; {script}");
    let run = || {
        let work = Invocation::new("bash", std::time::Duration::from_secs(20)).arg("-c").arg(&setup).output();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(work).expect("the script succeeds")
    };
    run();
    assert!(!root.join("etc/machine-id").exists(), "a guest without one got one");
    std::fs::write(root.join("etc/machine-id"), "old").expect("writes");
    std::fs::write(root.join("var/lib/dbus/machine-id"), "old").expect("writes");
    run();
    for file in ["etc/machine-id", "var/lib/dbus/machine-id"] {
        assert_eq!(std::fs::read_to_string(root.join(file)).expect("reads"), "new\n", "{file}");
    }
}

const OURS: &str = "ssh-ed25519 AAAA ada@\"home\": it's";

/// What the parts behind theirs say, by their names.
fn ours(theirs: &str, image_user: Option<&str>) -> Vec<Value> {
    let cloud_init = CloudInit {
        user_data: Some(format!("#cloud-config\n{theirs}\n").into()),
        image_user: image_user.map(str::to_owned),
        ..cloud_init()
    };
    let parts = parts(&cloud_init.to_documents().expect(theirs).user_data);
    parts[2..].iter().map(|(_, bytes)| config(bytes)).collect()
}

#[test]
fn our_user_comes_into_users_of_every_form() {
    // None, and a list: before theirs.
    for theirs in ["hostname: x", "users: []", "users: [default, bob, 'carl,dora', {name: emil}]"] {
        let part = &ours(theirs, None)[0];
        assert_eq!(part["users"].as_array().map(Vec::len), Some(1), "{theirs}");
        assert_eq!(part["users"][0]["name"], "ada");
        assert!(part["merge_how"].as_str().is_some_and(|how| how.contains("list(prepend)")));
    }
    // Names and nothing: in their place.
    let part = &ours("users: deploy, ops,ada", None)[0];
    assert_eq!((part["users"][0]["name"].as_str(), part.get("merge_how")), (Some("ada"), None));
    assert_eq!(part["users"].as_array().map(|users| &users[1..]), Some(&["deploy".into(), "ops".into()][..]));
    let part = &ours("users:", None)[0];
    assert_eq!((part["users"].as_array().map(Vec::len), part.get("merge_how")), (Some(1), None));
    // A mapping: added.
    let part = &ours("users: {bob: true, default: true}", None)[0];
    assert_eq!(part["users"]["ada"]["ssh_authorized_keys"][0], OURS);
    assert!(part["users"]["ada"].get("name").is_none());
    assert!(part["merge_how"].as_str().is_some_and(|how| how.contains("list(append)")));
    // Just a name there is taken away first.
    let parts = ours("users: {ada: true}", None);
    assert_eq!((&parts[0]["users"]["ada"], parts.len()), (&Value::Null, 3));
    assert!(parts[0]["merge_how"].as_str().is_some_and(|how| how.contains("allow_delete")));
    assert_eq!(parts[1]["users"]["ada"]["lock_passwd"], true);
}

#[test]
fn an_entry_for_our_user_is_joined_and_not_overruled() {
    let theirs = "{name: ada, shell: /bin/zsh, sudo: [x], passwd: y, ssh-authorized-keys: [theirs, other]}";
    let user = &ours(&format!("users: [default, {theirs}]"), None)[0]["users"][0];
    assert_eq!(user["ssh_authorized_keys"], serde_json::json!(["theirs", "other", OURS]));
    for key in ["shell", "sudo", "passwd", "lock_passwd", "hashed_passwd"] {
        assert!(user.get(key).is_none(), "{key}: {user}");
    }
    let user = &ours("users: [{name: ada, gecos: A}]", None)[0]["users"][0];
    assert_eq!((user["lock_passwd"].as_bool(), user["shell"].as_str()), (Some(true), Some("/bin/bash")));
    // In a mapping cloud-init joins the lists itself.
    let user = &ours("users: {ada: {ssh_authorized_keys: [theirs]}}", None)[0]["users"]["ada"];
    assert_eq!(user["ssh_authorized_keys"], serde_json::json!([OURS]));
    let cloud_init = CloudInit {
        user_data: Some("#cloud-config\nusers: {ada: {ssh_authorized_keys: theirs}}\n".into()),
        ..cloud_init()
    };
    let refused = cloud_init.to_documents();
    assert!(matches!(refused, Err(Error::UserData(UserDataFault::Keys { .. }))), "{refused:?}");
}

#[test]
fn keys_of_the_images_own_user_are_joined_where_that_is_ours() {
    let theirs = "users: [{ssh_authorized_keys: [theirs]}]";
    for image_user in [Some("ada"), None] {
        let entries = &ours(theirs, image_user)[0]["users"];
        assert_eq!(entries[1]["name"], "default");
        assert_eq!(entries[1]["ssh_authorized_keys"], serde_json::json!(["theirs", OURS]));
    }
    assert_eq!(ours(theirs, Some("debian"))[0]["users"].as_array().map(Vec::len), Some(1));
    // By the key of before.
    let parts = ours("user: {name: ada, ssh_authorized_keys: [theirs]}", Some("debian"));
    assert_eq!(parts[0]["users"][0]["ssh_authorized_keys"], serde_json::json!(["theirs", OURS]));
    assert_eq!(parts[1]["user"]["ssh_authorized_keys"], serde_json::json!([OURS]));
    assert_eq!(ours("user: {name: bob, ssh_authorized_keys: [theirs]}", Some("debian")).len(), 2);
    assert_eq!(ours("user: ada", Some("debian")).len(), 2);
}

#[test]
fn our_users_password_does_not_expire_unless_that_is_said() {
    let last = |theirs: &str| ours(theirs, Some("ada")).pop().expect("parts");
    assert_eq!(last("password: x")["chpasswd"]["expire"], false);
    for theirs in ["hostname: x", "password: x\nchpasswd: {expire: true}", "chpasswd: {list: ['bob:x']}"] {
        assert!(last(theirs).get("chpasswd").is_none(), "{theirs}");
    }
}

#[test]
fn what_would_keep_us_out_is_refused() {
    for theirs in ["users: [{name: ada, system: true}]", "users: [1.5, ~]", "groups: ~"] {
        let user_data = Some(format!("#cloud-config\n{theirs}\n").into());
        let refused = CloudInit { user_data, ..cloud_init() }.to_documents();
        assert!(matches!(refused, Err(Error::UserData(_))), "{theirs}: {refused:?}");
    }
}
