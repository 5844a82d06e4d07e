//! Flags, names and questions.

use super::run;

const VERBS: [&str; 21] = [
    "list",
    "create",
    "start",
    "stop",
    "status",
    "delete",
    "wait",
    "ip",
    "ssh",
    "exec",
    "cp",
    "console",
    "ssh-config",
    "logs",
    "template",
    "networks",
    "config",
    "doctor",
    "gc",
    "completions",
    "man",
];

#[test]
fn each_verb_shows_an_example() {
    for verb in VERBS {
        let help = run(&[verb, "--help"]).success().stdout_has("Example:").stdout_has("Usage:");
        assert!(help.stdout.contains(&format!("  vmtools {verb}")) || verb == "ip", "{help}");
        assert_eq!(help.stderr, "", "{help}");
    }
    run(&["image", "pull", "--help"]).success().stdout_has("Example:\n  vmtools image pull");
}

#[test]
fn the_help_names_every_verb() {
    let help = run(&["--help"]).success().stdout_has("Example:");
    for verb in VERBS {
        assert!(help.stdout.contains(&format!("\n  {verb} ")), "{verb}: {help}");
    }
    assert_eq!(run(&["--version"]).success().stdout, concat!("vmtools ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn bad_flags_and_names_are_usage() {
    for args in [
        &["list", "--nonsense"][..],
        &["no-such-verb"],
        &[],
        &["create"],
        &["create", "a b", "--image", "./x"],
        &["create", "123", "--image", "./x"],
        &["create", "web", "--image", "./x", "-m", "lots"],
        &["create", "web", "--image", "./x", "-c", "0"],
        &["create", "web", "--image", "./x", "--wait"],
        &["create", "web", "--image", "./x", "-p", "80"],
        &["create", "web", "--image", "./x", "--if-not-exists", "--replace"],
        &["wait", "web", "--for", "luck"],
        &["wait", "web", "--timeout", "soon"],
        &["config"],
        &["config", "--set", "defaults.memory"],
        &["config", "--show", "--path"],
        &["list", "--connect", "not a uri"],
        &["completions", "tcsh-no"],
        &["logs", "web", "-n", "few"],
        &["logs"],
        &["exec", "web"],
        &["cp", "a", "b"],
        &["console", "web"],
        &["console", "web", "--escape", "ab"],
        &["cp", "a:b", "c:d"],
        &["cp", "./a:b", "-"],
        &["cp", "a", "web:b", "--by", "luck"],
        &["exec", "web", "true"],
    ] {
        let run = run(args).code(2);
        assert_eq!(run.stdout, "", "{run}");
        assert!(!run.stderr.is_empty(), "{run}");
    }
}

#[test]
fn a_question_that_nobody_can_answer_is_usage_before_libvirt_is_asked() {
    run(&["delete", "web"]).code(2).stderr_has("--yes");
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
