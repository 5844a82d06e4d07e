//! Runs in a suite's root folder. It is this machine's own, by a link, which spares the tests an installation.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::MINUTE;
use crate::support::{Cmd, PATH, Skip, TestEnv, is_root, wait_for};

#[test]
fn what_a_run_in_a_suite_leaves_is_gone_with_its_end() {
    let env = TestEnv::new();
    let script = "echo own >/etc/vmtools-selftest && touch /tmp/file && mount -t tmpfs tmpfs /mnt &&
        setsid -f sleep 300 </dev/null >/dev/null 2>&1 && cat /etc/vmtools-selftest && exit 3";
    let Some(run) = in_a_suite(&env, script) else { return };
    let run = run.env("VMTOOLS_TEST_LEAK_SECONDS", "1").run().code(3);
    assert_eq!(run.stdout, "own\n", "{run}");
    let run = run.stderr_has("left behind:").stderr_has(": sleep 300 ");
    assert!(!run.stderr.contains("mount: "), "{run}");
    assert!(!fs::exists("/etc/vmtools-selftest").unwrap());
    nothing_is_left(&env);
}

#[test]
fn an_interrupted_run_in_a_suite_leaves_nothing() {
    let env = TestEnv::new();
    let Some(run) = in_a_suite(&env, "setsid -f sleep 300; echo ready; sleep 300") else { return };
    let run = run.env("VMTOOLS_TEST_LEAK_SECONDS", "1");
    let mut interrupted = run.clone().spawn();
    wait_for("ready", MINUTE, || interrupted.stdout().contains("ready").then_some(()));
    interrupted.signal_group("INT");
    let interrupted = interrupted.wait(MINUTE);
    assert!(!interrupted.status.success(), "{interrupted}");
    nothing_is_left(&env);

    let mut killed = run.spawn();
    wait_for("ready", MINUTE, || killed.stdout().contains("ready").then_some(()));
    killed.signal("KILL");
    wait_for("the end of all", MINUTE, || processes_of(&env).is_empty().then_some(()));
}

/// A shell script run as a test binary is; nothing where that is not possible.
fn in_a_suite(env: &TestEnv, script: &str) -> Option<Cmd> {
    if !is_root() {
        Skip("needs root, for namespaces".into()).report();
        return None;
    }
    let root = env.root().join("suite");
    symlink("/", &root).unwrap();
    env.write("suite.lock", "");
    let runner = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/suite_run.sh");
    let command = env
        .command(runner, &["bash", "-c", script])
        .env("PATH", PATH)
        .env("VMTOOLS_TEST_SUITE_ROOT", root)
        .env("VMTOOLS_TEST_CACHE", env.root().join("cache"))
        .cwd(env!("CARGO_MANIFEST_DIR"));
    Some(command)
}

/// No process, and no file where a run puts its own.
#[track_caller]
fn nothing_is_left(env: &TestEnv) {
    let files: Vec<_> = fs::read_dir(env.root().join("tmp")).unwrap().flatten().collect();
    assert!(files.is_empty(), "{files:?}");
    let processes = processes_of(env);
    assert!(processes.is_empty(), "{processes:?}");
}

/// The command lines of the processes that have the run's folder in them or in their environment.
fn processes_of(env: &TestEnv) -> Vec<String> {
    let name = env.root().file_name().unwrap().to_str().unwrap();
    let text =
        |path: PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).replace('\0', " ");
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    processes
        .filter(|process| ["cmdline", "environ"].iter().any(|file| text(process.join(file)).contains(name)))
        .map(|process| text(process.join("cmdline")))
        .collect()
}
