//! What is taken, refused and warned of.

use super::*;

fn check(text: &str) -> Result<Vec<UserDataWarning>, Error> {
    check_user_data(text.as_bytes())
}

#[track_caller]
fn fault(text: &str) -> UserDataFault {
    match check(text) {
        Err(Error::UserData(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn mistake(text: &str) -> (u64, String) {
    match check(text) {
        Err(Error::CloudConfig { line, reason, .. }) => (line, reason),
        other => panic!("{other:?}"),
    }
}

fn multipart(parts: &[(&str, &str)]) -> String {
    let parts: String =
        parts.iter().map(|(kind, text)| format!("--B\nContent-Type: {kind}\n\n{text}\n")).collect();
    format!("Content-Type: multipart/mixed; boundary=\"B\"\nMIME-Version: 1.0\n\n{parts}--B--\n")
}

#[test]
fn what_is_right_passes() {
    for text in [
        "#cloud-config\n",
        "#cloud-config\npackages: [htop, {snap: [x]}]\nruncmd:\n  - [ls, -l]\n  - echo 'a: b'\n",
        "#cloud-config\nwrite_files:\n- path: /x\n  permissions: '0644'\n  content: |\n    a\n     b\n",
        "#cloud-config\nwrite_files:\n- path: /x\n  content: !!binary |\n    /////w==\n",
        "#cloud-config\nntp: &base {a: 1}\nsnap:\n  <<: *base\nusers: [default]\n",
        "#cloud-config\nusers: [{name: a, uid: 99999999999999999999, sudo: ~, groups: [x]}]\n",
        "#cloud-config\nusers: [default, [a, 'b,c'], 'd,e']\ngroups: [x, {y: [z]}, {v: w}]\n",
        "#cloud-config\nusers: {a: yes, b: {sudo: x}, c: false}\n",
        "#cloud-config\nusers: deploy,ops\ngroups: x,y\n",
        "#cloud-config\nusers:\n",
        "#cloud-config\nuser: {name: ada}\n",
        "\n#cloud-config\nhostname: x\n",
        "#Cloud-Config\nhostname: x\n",
        "#!/bin/sh\n: [ not yaml\n",
        "## template: jinja\n#cloud-config\nhostname: {{ v1.name }}\n",
        "## template: jinja\n#cloud-config\nusers: [default]\nhostname: {{ v1.name }}\n",
        "#cloud-config-archive\n- 'hostname: x'\n- {type: text/cloud-config, content: 'users: [a]'}\n",
        "From nobody\nMIME-Version: 1.0\nContent-Type: text/cloud-config\n\nhostname: x\n",
    ] {
        assert_eq!(check(text).expect(text), [], "{text}");
    }
}

#[test]
fn mistakes_have_their_line() {
    assert_eq!(mistake("#cloud-config\nruncmd:\n  - a\n - b\n").0, 4);
    assert_eq!(mistake("#cloud-config\nusers: [a\nhostname: x\n").0, 3);
    assert_eq!(mistake("#cloud-config\nhostname: a\nhostname: b\n").0, 3);
    let (line, reason) = mistake("#cloud-config\nhostname: a\npackages: htop\n");
    assert_eq!((line, reason.contains("list")), (3, true));
    assert!(mistake("#cloud-config\n- a\n- b\n").0 > 0);
    assert!(mistake("#cloud-config\na: 1\n---\nb: 2\n").0 > 0);
    let parts = multipart(&[("text/x-shellscript", "#!/bin/sh"), ("text/cloud-config", "a: [")]);
    assert!(matches!(check(&parts), Err(Error::CloudConfig { part: Some(2), .. })));
}

#[test]
fn unknown_keys_come_with_the_nearest_known_one() {
    let key =
        |key: &str, line, nearest| UserDataWarning::UnknownKey { key: key.into(), line: Some(line), nearest };
    assert_eq!(
        check("#cloud-config\nhostname: a\npackage: [htop]\nzzz: 1\n").expect("is YAML"),
        [key("package", 3, Some("packages")), key("zzz", 4, None)]
    );
    let parts = multipart(&[("text/cloud-config", "package: [htop]")]);
    assert_eq!(check(&parts).expect("is YAML"), [key("package", 1, Some("packages"))]);
}

#[test]
fn users_that_cloud_init_gives_up_at_are_refused() {
    for (users, expected) in [
        ("[default, ~]", UserDataFault::UserEntry { number: 2 }),
        ("[true]", UserDataFault::UserEntry { number: 1 }),
        ("{a: []}", UserDataFault::UserEntry { number: 1 }),
        ("true", UserDataFault::Users),
    ] {
        assert_eq!(fault(&format!("#cloud-config\nusers: {users}\n")), expected, "{users}");
    }
    for groups in ["~", "true", "[~]", "{a: ~}", "[{a: {b: c}}]"] {
        assert_eq!(fault(&format!("#cloud-config\ngroups: {groups}\n")), UserDataFault::Groups, "{groups}");
    }
    assert_eq!(fault("## template: jinja\n#cloud-config\nusers: a,b\n"), UserDataFault::Users);
    let forms =
        [("text/cloud-config", "users: [a]"), ("text/cloud-config", "users: b\nmerge_how: list(append)")];
    assert_eq!(fault(&multipart(&forms)), UserDataFault::UsersOfSeveralForms);
}

#[test]
fn broken_multipart_messages_are_refused_or_warned_of() {
    let broken = include_str!("../testdata/multipart-broken.txt");
    assert_eq!(fault(broken), UserDataFault::NoParts { boundary: "==BB==".into() });
    let fixed = broken.replace("\n==BB==", "\n--==BB==");
    assert_eq!(check(&fixed).expect("taken"), [UserDataWarning::NoInterpreter { number: 2 }]);
    let odd = multipart(&[
        ("text/html", "<html>"),
        ("text/plain", "hello"),
        ("text/x-shellscript", "#!/bin/sh\nB\n"),
    ]);
    let warnings = check(&odd).expect("taken");
    let part = |number, kind: &str| UserDataWarning::UnknownPart { number, content_type: kind.into() };
    assert!(
        warnings.contains(&part(1, "text/html")) && warnings.contains(&part(2, "text/plain")),
        "{warnings:?}"
    );
    assert!(warnings.iter().any(|warning| matches!(warning, UserDataWarning::BrokenBoundary { .. })));
    // A handler of the user's own may take them.
    let handled = multipart(&[("text/part-handler", "#part-handler"), ("text/mine", "x")]);
    assert_eq!(check(&handled).expect("taken"), []);
}

#[test]
fn packed_user_data_is_looked_into() {
    use std::io::Write;
    let packed = |text: &str| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).expect("packs");
        packer.finish().expect("packs")
    };
    assert!(check_user_data(&packed("#cloud-config\nruncmd: x\n")).is_err());
    check_user_data(&packed("#cloud-config\nruncmd: [x]\n")).expect("right");
    assert!(matches!(check_user_data(&[0x1f, 0x8b, 0xff]), Err(Error::UserData(UserDataFault::Packed))));
    let message = multipart(&[("text/cloud-config", "runcmd: [x]")]);
    assert_eq!(
        mime::users_part(&packed(&message)).expect("taken"),
        mime::Part::Message(message.into_bytes())
    );
}

fn read(text: &str) -> UserData {
    UserData::read(format!("#cloud-config\n{text}\n").as_bytes()).expect(text)
}

#[test]
fn what_keeps_vmtools_out_is_told() {
    for (text, key) in [
        ("users: [{name: ada, system: yes}]", "system"),
        ("users: [{name: ada, no-create-home: true}]", "no_create_home"),
        ("users: {ada: {snapuser: a@b.c}}", "snapuser"),
        ("users: [{name: ada, ssh_redirect_user: default}]", "ssh_redirect_user"),
        ("user: {name: ada, system: true}", "system"),
    ] {
        let result = read(text).check_access("ada", Some("debian"));
        let expected = UserDataFault::LocksOut { key, user: "ada".into() };
        assert!(matches!(&result, Err(Error::UserData(fault)) if *fault == expected), "{text}: {result:?}");
        read(&text.replace("ada", "bob")).check_access("ada", Some("debian")).expect("somebody else");
    }
    assert!(read("disable_root: true").check_access("root", None).is_err());
    read("disable_root: true").check_access("ada", None).expect("not root");
}

#[test]
fn what_may_keep_vmtools_out_is_warned_of() {
    let warnings = |text: &str| read(text).warnings_for("ada", Some("debian")).expect(text);
    assert_eq!(
        warnings("users: [{name: ada, shell: /usr/sbin/nologin}]"),
        [UserDataWarning::Shell { user: "ada".into(), shell: "/usr/sbin/nologin".into() }]
    );
    let file = |content: &str| {
        format!(
            "write_files: [{{path: /etc/ssh/sshd_config.d/50.conf, content: {}}}]",
            serde_json::json!(content)
        )
    };
    for (content, word) in [
        ("AllowUsers myuser\n", Some("AllowUsers")),
        ("# AllowUsers bob\nAllowUsers bob a?a@*\n", None),
        ("AllowUsers bob\nAllowUsers ada\n", None),
        ("DenyUsers a*", Some("DenyUsers")),
        ("AllowGroups ssh", Some("AllowGroups")),
        ("PubkeyAuthentication no", Some("PubkeyAuthentication")),
        ("AuthenticationMethods publickey,password publickey", None),
        ("AuthenticationMethods publickey,password", Some("AuthenticationMethods")),
        ("Port=2222", Some("Port")),
        ("Match User bob\nPubkeyAuthentication no", None),
        ("PermitRootLogin no\nPort 22\n", None),
    ] {
        let expected = word.map(|word| UserDataWarning::SshdConfig {
            user: "ada".into(),
            path: "/etc/ssh/sshd_config.d/50.conf".into(),
            directive: word.into(),
        });
        assert_eq!(warnings(&file(content)), Vec::from_iter(expected), "{content}");
    }
    let encoded = "write_files: [{path: /etc/ssh/sshd_config, encoding: b64, content: QWxsb3dVc2VycyBib2I=}]";
    assert_eq!(warnings(encoded).len(), 1);
    let apart = "write_files: [{path: /etc/ssh/sshd_config, content: AllowUsers bob}, \
                 {path: /etc/ssh/sshd_config.d/1.conf, content: AllowUsers ada}]";
    assert_eq!(warnings(apart), []);
    assert_eq!(warnings("write_files: [{path: /etc/other, content: AllowUsers bob}]"), []);
}

#[test]
fn passwords_that_expire_at_once() {
    for (text, of_debian, of_ada) in [
        ("password: x", Some(Said::ByDefault), None),
        ("password: x\nchpasswd: {expire: false}", None, None),
        ("password: x\nchpasswd: {expire: true}", Some(Said::Yes), None),
        ("chpasswd: {list: [\"ada:x\"]}", None, Some(Said::ByDefault)),
        ("chpasswd: {list: \"bob:x\\nada:y\", expire: yes}", None, Some(Said::Yes)),
        ("chpasswd: {users: [{name: ada, password: x}]}", None, Some(Said::ByDefault)),
        ("password: x\nuser: ada", None, Some(Said::ByDefault)),
        ("password: x\nchpasswd: {list: [\"bob:x\"]}", None, None),
    ] {
        assert_eq!(read(text).expires("debian", Some("debian")), of_debian, "{text}");
        assert_eq!(read(text).expires("ada", Some("debian")), of_ada, "{text}");
    }
}

#[test]
fn a_host_key_of_the_users_own_is_found() {
    assert_eq!(host_key_in(b"#cloud-config\nssh_keys: {rsa_private: x}\n").expect("taken"), None);
    assert!(host_key_in(b"#cloud-config\nssh_keys: {ed25519_private: x}\n").is_err());
    let key = ssh_key::PrivateKey::random(&mut rand_core::OsRng, ssh_key::Algorithm::Ed25519).expect("a key");
    let private = key.to_openssh(ssh_key::LineEnding::LF).expect("text").to_string();
    let config =
        format!("#cloud-config\n{}\n", serde_json::json!({"ssh_keys": {"ed25519_private": private}}));
    let found = host_key_in(config.as_bytes()).expect("taken").expect("a key");
    assert_eq!(found.public, key.public_key().to_openssh().expect("text"));
}

/// The message says the place by itself.
#[test]
fn a_mistake_says_its_place_once() {
    for (text, place) in [
        ("#cloud-config\nusers: [a\n", "line 2, column 8"),
        ("#cloud-config\na: b: c\n", "line 2, column 5"),
        ("#cloud-config\n- a\n", "line 2, column 1"),
        ("#cloud-config\na: 1\na: 2\n", "line 3, column 1"),
        ("#cloud-config\nx: [1}\n", "line 2, column 4"),
        ("#cloud-config\npackages: x\n", "line 2, column 1"),
    ] {
        let said = check(text).expect_err("is refused").to_string();
        assert_eq!((said.matches("line").count(), said.contains(place)), (1, true), "{said}");
    }
}
