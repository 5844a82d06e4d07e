//! Files of the user's that are read whole: named in errors, and read from pipes too.

use std::time::Duration;

use super::support::{TestEnv, wait_for};

const BAD: &str = "#cloud-config\nusers: [a\n";

fn create<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["create", "web", "--image", "/none.qcow2"][..], more].concat()
}

#[test]
fn a_document_with_a_mistake_is_named_and_its_place_said_once() {
    let env = TestEnv::new();
    let bad = env.write("bad.yaml", BAD);
    let bad = bad.to_str().unwrap();
    let refused = env.vmtools(&create(&["--user-data", bad, "--json"])).run().code(2);
    let error = refused.json_error();
    assert_eq!(error["message"], format!("cannot use {bad}"), "{refused}");
    let cause = error["cause"][0].as_str().unwrap();
    assert_eq!(cause, "the user-data has a mistake in line 2, column 8: unclosed bracket '['", "{refused}");
    let ignition = env.write("bad.ign", "{\"ignition\": {\n\"version\" 3}}");
    let ignition = ignition.to_str().unwrap();
    env.vmtools(&create(&["--ignition", ignition])).run().code(2).stderr_has(ignition).stderr_has("line 2");
}

#[test]
fn user_data_for_an_image_that_reads_none_is_refused() {
    let env = TestEnv::new();
    let file = env.write("user.yaml", "#cloud-config\nhostname: x\n");
    let file = file.to_str().unwrap();
    let create = ["create", "web", "--image", "flatcar", "--user-data", file, "--json"];
    let error = env.vmtools(&create).run().code(2).json_error();
    assert_eq!(
        (&error["message"], &error["hint"]),
        (
            &"the image flatcar is set up by Ignition, which reads no cloud-init user-data".into(),
            &"give an Ignition configuration with --ignition".into()
        )
    );
}

#[test]
fn pipes_are_files_too() {
    let env = TestEnv::new();
    let bad = "printf '#cloud-config\\nusers: [a\\n'";
    let by_bash =
        |line: String| env.command("/bin/bash", &["-c", &line, env!("CARGO_BIN_EXE_vmtools")]).run();
    let create = "\"$0\" create web --image /none.qcow2 --user-data";
    by_bash(format!("{bad} | {create} -")).code(2).stderr_has("standard input").stderr_has("line 2");
    by_bash(format!("{bad} | {create} /dev/stdin")).code(2).stderr_has("line 2");
    by_bash(format!("{create} <({bad})")).code(2).stderr_has("line 2");
    by_bash(format!("{create} /dev/zero")).code(2).stderr_has("is longer than 16 MiB");
    // Read once, whatever the number of VMs.
    let counted = by_bash(format!("{create} <(printf '#cloud-config\\n') --count 2"));
    assert!(!counted.stderr.contains("empty"), "{counted}");
}

#[test]
fn a_pipe_that_nobody_writes_to_is_named_and_ctrl_c_ends_the_wait() {
    let env = TestEnv::new();
    let pipe = env.root().join("pipe");
    env.command("/usr/bin/mkfifo", &[&pipe]).run().success();
    let pipe = pipe.to_str().unwrap();
    for (option, what) in [
        ("--user-data", "user-data"),
        ("--ignition", "Ignition"),
        ("--password-file", "password"),
        ("--ssh-key", "ssh key"),
    ] {
        let mut waiting = env.vmtools(&create(&[option, pipe])).spawn();
        wait_for("a word on what is read", Duration::from_secs(20), || {
            let said = waiting.stderr();
            (said.contains("reading the") && said.contains(what) && said.contains(pipe)).then_some(())
        });
        waiting.signal("INT");
        let ended = waiting.wait(Duration::from_secs(5));
        assert!(!ended.status.success(), "{ended}");
    }
}
