//! A libvirt that isn't there, doesn't answer, or has no virsh.

use std::path::Path;
use std::time::Duration;

use super::run;
use super::support::{Skip, TestEnv};

#[test]
fn without_virsh_it_is_incapable_and_says_how_to_get_it() {
    for args in [
        &["list", "--json"][..],
        &["status", "web", "--json"],
        &["start", "web", "--json"],
        &["gc", "--json"],
        &["events", "--json"],
        &["events", "web", "--exec", "true", "--json"],
    ] {
        let failed = run(args).code(9);
        let error = failed.json_error();
        assert_eq!(error["code"], "incapable", "{failed}");
        assert!(error["hint"].as_str().unwrap().contains("install"), "{failed}");
        assert_eq!(failed.stdout, "", "{failed}");
    }
    run(&["list"]).code(9).stderr_has("virsh").stderr_has("hint: ");
}

#[test]
fn a_socket_that_is_not_there_is_unreachable() {
    if !Path::new("/usr/bin/virsh").exists() {
        return Skip("needs virsh".to_string()).report();
    }
    let env = TestEnv::new();
    env.real_tool("virsh");
    let failed =
        env.vmtools(&["--json", "list", "--connect", "qemu+unix:///system?socket=/nope"]).run().code(8);
    assert_eq!(failed.json_error()["code"], "unreachable", "{failed}");
    assert!(!failed.json_error()["hint"].is_null(), "{failed}");
    let failed =
        env.vmtools(&["--json", "events", "--connect", "qemu+unix:///system?socket=/nope"]).run().code(8);
    assert_eq!(failed.json_error()["code"], "unreachable", "{failed}");
    let by_variable = env.vmtools(&["list"]).env("VMTOOLS_CONNECT", "qemu+unix:///system?socket=/nope").run();
    by_variable.code(8).stderr_has("hint: ");
}

#[test]
fn a_virsh_that_hangs_is_given_up() {
    let env = TestEnv::new();
    env.fake_tool("virsh", "exec /bin/sleep 300");
    let failed = env
        .vmtools(&["list", "--json", "--connect", "qemu:///system"])
        .timeout(Duration::from_secs(90))
        .run()
        .code(6);
    assert_eq!(failed.json_error()["code"], "timeout", "{failed}");
    assert!(failed.took < Duration::from_secs(60), "{failed}");
}
