//! Flags, names and questions.

use super::run;

#[test]
fn a_maximum_below_the_number_is_refused() {
    let create = ["create", "web", "--image", "x", "-c", "4", "-m", "2G"];
    for (flag, most) in [("--max-cpus", "3"), ("--max-memory", "1G")] {
        let refused = run(&[&create[..], &[flag, most]].concat()).code(2);
        refused.stderr_has("the maximum ").stderr_has(&format!("hint: increase {flag}"));
    }
    run(&[&create[..], &["--max-cpus", "0"]].concat()).code(2);
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(run(&["--version"]).success().stdout, concat!("vmtools ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn bad_flags_and_names_are_usage() {
    for args in [
        &["list", "--nonsense"][..],
        &["no-such-verb"],
        &["create"],
        &["create", "a b", "--image", "./x"],
        &["create", "123", "--image", "./x"],
        &["create", "web", "--image", "./x", "-m", "lots"],
        &["create", "web", "--image", "./x", "-c", "0"],
        &["create", "web", "--image", "./x", "--wait"],
        &["create", "web", "--image", "./x", "-p", "80"],
        &["create", "web", "--image", "./x", "--mount", "/tmp"],
        &["create", "web", "--image", "./x", "--mount", "/tmp:relative"],
        &["create", "web", "--image", "./x", "--mount", "/tmp:/"],
        &["create", "web", "--image", "./x", "--mount", "/tmp:/a", "--mount", "/:/a/"],
        &["create", "web", "--image", "./x", "--mount", "/tmp:/a", "--connect", "qemu+ssh://far/system"],
        &["create", "web", "--image", "./x", "--if-not-exists", "--replace"],
        &["stop"],
        &["stop", "web", "--all"],
        &["restart", "web", "--wait=luck"],
        &["restart", "web", "--timeout", "0"],
        &["pause"],
        &["resume", "-l", "nonsense"],
        &["rename", "web"],
        &["rename", "web", "a b"],
        &["rename", "web", "123"],
        &["set", "web"],
        &["set", "-m", "1G"],
        &["set", "web", "--autostart", "--no-autostart"],
        &["set", "web", "--ttl", "soon"],
        &["set", "web", "-c", "0"],
        &["set", "web", "--label", "nonsense"],
        &["protect"],
        &["unprotect", "web", "--all"],
        &["clone", "web"],
        &["clone", "web", "a b"],
        &["clone", "web", "twin", "--linked", "--live"],
        &["clone", "web", "twin", "--wait"],
        &["delete", "web", "--keep-disks", "--with-foreign-disks"],
        &["wait", "web", "--for", "luck"],
        &["wait", "web", "--timeout", "soon"],
        &["config"],
        &["config", "--set", "defaults.memory"],
        &["config", "--show", "--path"],
        &["list", "--connect", "not a uri"],
        &["completions", "tcsh-no"],
        &["logs", "web", "-n", "few"],
        &["logs"],
        &["events", "--count", "0"],
        &["disk", "add", "web"],
        &["disk", "add", "web", "1", "--file", "x"],
        &["disk", "resize", "web", "vda", "large"],
        &["exec", "web"],
        &["cp", "a", "b"],
        &["console", "web"],
        &["vnc"],
        &["vnc", "web", "--port", "0"],
        &["vnc", "web", "--port", "65536"],
        &["console", "web", "--escape", "ab"],
        &["cp", "a:b", "c:d"],
        &["cp", "./a:b", "-"],
        &["cp", "a", "web:b", "--by", "luck"],
        &["exec", "web", "true"],
        &["snapshot", "create"],
        &["snapshot", "delete", "web"],
        &["snapshot", "delete", "--before", "7d"],
        &["snapshot", "delete", "--all"],
        &["snapshot", "delete", "--all", "web", "--snapshot", "clean"],
        &["snapshot", "delete", "--all", "-l", "a=b", "--snapshot", "clean"],
        &["snapshot", "set", "web", "--pin"],
        &["snapshot", "set", "web", "clean"],
        &["snapshot", "set", "-l", "a=b", "--pin"],
        &["snapshot", "list", "web", "--all"],
    ] {
        let run = run(args).code(2);
        assert_eq!(run.stdout, "", "{run}");
        assert!(!run.stderr.is_empty(), "{run}");
    }
}

#[test]
fn a_question_that_nobody_can_answer_is_usage_before_libvirt_is_asked() {
    run(&["delete", "web"]).code(2).stderr_has("--yes");
    run(&["snapshot", "delete", "--all", "--before", "7d"]).code(2).stderr_has("--yes");
    // The flag that is for the VM does not answer for disks that others made.
    run(&["delete", "web", "--force", "--with-foreign-disks"]).code(2).stderr_has("did not create");
}

#[test]
fn a_folder_to_mount_is_there_before_anything_is_begun() {
    let create = ["create", "web", "--image", "./x", "--mount", "./none:/a:ro", "--json"];
    let error = run(&create).code(3).json_error();
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("there is no directory /") && message.ends_with("/none"), "{error}");
}

#[test]
fn an_input_that_no_agent_takes_is_usage() {
    let command =
        super::TestEnv::new().vmtools(&["exec", "-i", "web", "--connect", "test:///default", "--", "cat"]);
    command.stdin("x".repeat(200_000)).run().code(2).stderr_has("128 KiB").stderr_has("vmtools cp");
}

#[test]
fn json_failures_end_with_an_object() {
    for args in [&["list", "--nonsense", "--json"][..], &["--json", "create", "a b"], &["--json", "no-such"]]
    {
        let run = run(args).code(2);
        let error = run.json_error();
        assert_eq!(error["code"], "usage", "{run}");
        assert_eq!(error["exit_code"], 2, "{run}");
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{run}");
        assert!(error["cause"].is_array(), "{run}");
        assert_eq!(run.stdout, "", "{run}");
    }
}

#[test]
fn json_after_the_double_dash_is_the_guests() {
    let run = run(&["ssh", "web", "--nonsense", "--", "--json"]).code(2);
    assert!(!run.stderr.contains("exit_code"), "{run}");
}

#[test]
fn what_monitor_cannot_do_at_once_is_refused() {
    for args in [
        &["--json", "--csv"][..],
        &["--once", "--count", "2"],
        &["--count", "0"],
        &["--interval", "99ms"],
        &["--interval", "soon"],
        &["--sort", "colour"],
        &["--prometheus", "localhost"],
        &["--prometheus", "1", "--textfile", "x"],
        &["--prometheus", "1", "--json"],
        &["--enable"],
        &["web", "--all"],
        &["web", "--label", "a=b"],
    ] {
        run(&[&["monitor"], args].concat()).code(2);
    }
}

#[test]
fn without_a_command_it_says_what_to_do_next() {
    let shown = run(&[]).success();
    assert!(
        shown.stdout.contains("vmtools create NAME") && shown.stdout.contains("vmtools doctor"),
        "{shown}"
    );
    assert!(shown.stdout.lines().count() <= 10, "{shown}");
    let json = run(&["--json"]).success().json();
    assert_eq!((json["vm_count"].as_u64(), json["libvirt_error"].is_string()), (Some(0), true), "{json}");
}

#[test]
fn words_of_other_tools_and_misplaced_arguments_get_the_command() {
    let rm = run(&["rm", "web"]).code(2);
    assert_eq!(rm.stderr, "error: there is no command \"rm\"\nhint: did you mean `vmtools delete web`?\n");
    assert_eq!(rm.stdout, "");
    let error = run(&["image", "ls", "--json"]).code(2).json_error();
    assert_eq!(error["message"], "there is no command \"image ls\"", "{error}");
    assert_eq!(error["hint"], "did you mean `vmtools image list`?", "{error}");
    // clap's own words stay, with the command below them.
    let create = run(&["create", "app", "ubuntu"]).code(2).stderr_has("unexpected argument 'ubuntu'");
    create.stderr_has("\nhint: did you mean `vmtools create app --template ubuntu`?\n");
}
