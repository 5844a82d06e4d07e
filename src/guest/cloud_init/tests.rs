use super::*;

fn parsed(text: &str) -> Report {
    parse_status(text).expect("is cloud-init's")
}

// Recorded by others, shortened: canonical/cloud-init issue 5903 (24.x), where nothing tells the error.
const ERROR: &str = r#"{
"boot_status_code": "enabled-by-generator", "datasource": "oracle", "detail": "DataSourceOracle",
"errors": [], "extended_status": "error",
"init": {"errors": [], "finished": 1732547547.5313206, "recoverable_errors": {}, "start": 1732547546.840897},
"last_update": "Mon, 25 Nov 2024 15:16:40 +0000",
"modules-final": {"errors": [], "finished": 1732547800.8979197, "recoverable_errors": {}, "start": 1732547550.2112055},
"recoverable_errors": {}, "stage": null, "status": "error"
}"#;

// Recorded by others, shortened: the same tracker's pull request 4500 (23.4).
const ERROR_IN_STAGE: &str = r#"{
"boot_status_code": "enabled-by-generator", "datasource": "lxd", "detail": "DataSourceLXD",
"errors": ["Unknown network config version: None"], "extended_status": "error",
"init": {"errors": [], "recoverable_errors": {"WARNING": ["Failed to rename devices"]}},
"init-local": {"errors": ["Unknown network config version: None"], "recoverable_errors": {}},
"status": "error"
}"#;

// From cloud-init's documentation of 24.1, shortened (howto/status).
const DEGRADED: &str = r#"{
"boot_status_code": "enabled-by-generator", "datasource": "lxd", "detail": "DataSourceLXD", "errors": [],
"extended_status": "degraded done",
"init": {"errors": [], "finished": 1708550839.1837437, "recoverable_errors": {}, "start": 1708550838.6881146},
"modules-config": {"errors": [], "recoverable_errors": {"WARNING": ["Removing /etc/apt/sources.list to favor deb822 source format"]}},
"recoverable_errors": {"WARNING": ["Removing /etc/apt/sources.list to favor deb822 source format"]},
"stage": null, "status": "done"
}"#;

// Recorded by others, shortened: canonical/cloud-init issue 5304 (24.1).
const RUNNING: &str = r#"{
"_schema_version": "1", "boot_status_code": "enabled-by-generator", "datasource": null,
"detail": "Cloud-init enabled by systemd cloud-init-generator", "errors": [], "extended_status": "running",
"init": {"errors": [], "finished": null, "start": null}, "last_update": "Sat, 18 May 2024 14:21:26 +0000",
"status": "running"
}"#;

// Written from 22.4's sources (cmd/status.py): its static schema is there twice.
const OLD_DONE: &str = r#"{
"_schema_version": "1", "boot_status_code": "enabled-by-generator", "datasource": "nocloud",
"detail": "DataSourceNoCloud [seed=/dev/vdb][dsmode=net]", "errors": [], "last_update": "",
"schemas": {"1": {"boot_status_code": "enabled-by-generator", "status": "done"}},
"status": "done"
}"#;

#[test]
fn each_versions_json() {
    assert_eq!(parsed(ERROR).state, State::Error);
    let stage = parsed(ERROR_IN_STAGE);
    assert_eq!(
        (stage.state, stage.errors),
        (State::Error, vec!["Unknown network config version: None".into()])
    );
    assert_eq!(stage.warnings, ["Failed to rename devices"]);
    let degraded = parsed(DEGRADED);
    assert_eq!((degraded.state, degraded.errors.len(), degraded.warnings.len()), (State::Done, 0, 1));
    assert_eq!(parsed(RUNNING).state, State::Running);
    let old = parsed(OLD_DONE);
    assert_eq!(
        (old.state, old.detail.as_str()),
        (State::Done, "DataSourceNoCloud [seed=/dev/vdb][dsmode=net]")
    );
    assert_eq!(parsed(&format!("....\n{RUNNING}\n")).state, State::Running);
}

#[test]
fn each_state_in_plain_text() {
    for (text, state) in [
        ("status: not run\n", State::NotRun),
        ("status: not started\n", State::NotRun),
        ("status: running\n", State::Running),
        ("....status: done\n", State::Done),
        ("\nstatus: error\n", State::Error),
        ("status: disabled\n", State::Disabled),
        ("status: not installed\n", State::Disabled),
    ] {
        assert_eq!(parsed(text).state, state, "{text}");
    }
}

// Written from documentation: the form of `--long` before 23.4 and since.
#[test]
fn long_text_has_a_detail() {
    let old = "status: error\ntime: Fri, 14 Dec 2022 15:06:47 +0000\ndetail:\n('scripts-user', RuntimeError('Runparts'))\n";
    let report = parsed(old);
    assert_eq!(
        (report.state, report.detail.as_str()),
        (State::Error, "('scripts-user', RuntimeError('Runparts'))")
    );
    let new = "status: error\nextended_status: error - done\ndetail:\nDataSourceNoCloud\nerrors:\n\t- one\n\t- two\nrecoverable_errors: {}\n";
    let report = parsed(new);
    assert_eq!(
        (report.detail.as_str(), report.errors),
        ("DataSourceNoCloud", vec!["one".into(), "two".into()])
    );
    assert_eq!(parsed("status: done\nerrors: []\n").errors, Vec::<String>::new());
}

#[test]
fn other_text_is_not_understood() {
    for text in [
        "",
        "{}",
        "{\"status\": 5}",
        "status: wonderful",
        "sh: cloud-init: not found",
        "{\"status\": \"done\"",
    ] {
        assert!(parse_status(text).is_err(), "{text}");
    }
}
