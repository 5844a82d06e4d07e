//! Completion scripts and manual pages.

use std::fs;

use super::run;
use super::support::TestEnv;

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let env = TestEnv::new();
    let into = |line: &str| env.command("/bin/sh", &["-c", line, env!("CARGO_BIN_EXE_vmtools")]).run();
    into("exec \"$0\" config --show >/dev/full").code(1).stderr_has("standard output");
    for args in
        ["--help", "--version", "create --help", "help list", "completions zsh", "config --json --show"]
    {
        let refused = into(&format!("exec \"$0\" {args} >/dev/full")).code(1);
        assert!(refused.stderr.contains("standard output"), "{refused}");
    }
    // A reader that has seen enough is no failure.
    let closed = into("\"$0\" completions bash | :");
    assert_eq!(closed.stderr, "", "{closed}");
    let closed = into("{ \"$0\" --help; echo \"$?\" >&2; } | :");
    assert!(["0\n", ""].contains(&closed.stderr.as_str()), "{closed}");
}

#[test]
fn completions_know_the_verbs() {
    let env = TestEnv::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]).success();
        assert!(script.stdout.contains("VMTOOLS_COMPLETE"), "{script}");
        assert_eq!(script.stderr, "", "{script}");
        for (index, words, expected) in [
            ("1", &["compl"][..], "completions"),
            ("2", &["create", "--if"], "--if-not-exists"),
            ("2", &["help", "cloud"], "cloud-init"),
        ] {
            let line = [&["--", "vmtools"][..], words].concat();
            let asked = env.vmtools(&line).env("VMTOOLS_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", index);
            let completed = asked.run().success();
            assert!(completed.stdout.starts_with(expected), "{completed}");
            assert_eq!(completed.stderr, "", "{completed}");
        }
    }
    let unknown = env.vmtools(&["--", "vmtools", ""]).env("VMTOOLS_COMPLETE", "tcsh").run();
    assert_eq!(unknown.status.code(), Some(2), "{unknown}");
}

#[test]
fn manual_pages_are_written_for_all_verbs() {
    let env = TestEnv::new();
    let dir = env.root().join("man/pages");
    env.vmtools(&["man", dir.to_str().unwrap()]).run().success();
    for page in ["vmtools.1", "vmtools-create.1", "vmtools-ssh.1"] {
        let text = fs::read_to_string(dir.join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(text.contains(".TH"), "{page}: {text}");
    }
    env.write("file", "");
    let failed = env.vmtools(&["man", env.root().join("file").to_str().unwrap()]).run();
    assert_ne!(failed.status.code(), Some(0), "{failed}");
}
