//! The configuration, which works without libvirt.

use std::fs;

use super::run;
use super::support::TestEnv;

const FILE: &str = "config/vmtools/config.toml";

#[test]
fn a_value_is_set_told_and_taken_away() {
    let env = TestEnv::new();
    let vmtools = |args: &[&str]| env.vmtools(args).run();
    let default = vmtools(&["config", "--get", "defaults.memory"]).success().stdout;
    let set = vmtools(&["config", "--set", "defaults.memory=3G"]).success();
    assert_eq!(set.stdout, "", "{set}");
    let shown = vmtools(&["config", "--get", "defaults.memory"]).success();
    assert_ne!(shown.stdout, default);
    let json = vmtools(&["--json", "config", "--get", "defaults.memory"]).success().json();
    assert_eq!(json["key"], "defaults.memory");
    assert!(!json["value"].is_null(), "{json}");
    vmtools(&["config", "--unset", "defaults.memory"]).success();
    assert_eq!(vmtools(&["config", "--get", "defaults.memory"]).success().stdout, default);
    vmtools(&["config", "--unset", "defaults.memory"]).success().stderr_has("was not set");
}

#[test]
fn mirrors_are_a_list_of_rewrites() {
    let env = TestEnv::new();
    let mirror = "https://cloud.debian.org/=http://mirror.lan/debian/";
    env.vmtools(&["config", "--set", &format!("image.mirrors={mirror}")]).run().success();
    let shown = env.vmtools(&["--json", "config", "--get", "image.mirrors"]).run().success().json();
    assert_eq!(shown["value"], serde_json::json!([mirror]));
    env.vmtools(&["config", "--set", "image.mirrors=mirror.lan"])
        .run()
        .code(2)
        .stderr_has("PREFIX=REPLACEMENT");
}

#[test]
fn comments_and_order_survive() {
    let env = TestEnv::new();
    let file = env.write(FILE, "# mine\n[wait]\ntimeout = \"2m\" # short\n\n[defaults]\n# why\ncpus = 2\n");
    env.vmtools(&["config", "--set", "defaults.cpus=3"]).run().success();
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, "# mine\n[wait]\ntimeout = \"2m\" # short\n\n[defaults]\n# why\ncpus = 3\n");
}

#[test]
fn all_is_shown_with_its_source() {
    let env = TestEnv::new();
    let file = env.write(FILE, "[defaults]\ncpus = 2\n");
    let shown = env.vmtools(&["config", "--show"]).run().success().stdout_has("defaults.cpus");
    assert!(shown.stdout.contains(file.to_str().unwrap()), "{shown}");
    let json = env.vmtools(&["--json", "config", "--show"]).run().success().json();
    let rows = json.as_array().unwrap();
    let cpus = rows.iter().find(|row| row["key"] == "defaults.cpus").unwrap();
    assert_eq!(cpus["value"], 2);
    let memory = rows.iter().find(|row| row["key"] == "defaults.memory").unwrap();
    assert_eq!(memory["source"], "default");
}

#[test]
fn the_path_is_told() {
    let env = TestEnv::new();
    let path = env.root().join(FILE).display().to_string();
    assert_eq!(env.vmtools(&["config", "--path"]).run().success().stdout, format!("{path}\n"));
    assert_eq!(env.vmtools(&["--json", "config", "--path"]).run().success().json()["path"], path.as_str());
}

#[test]
fn an_unknown_key_is_not_found_and_the_nearest_is_named() {
    for flag in
        [&["--get", "defaults.memroy"][..], &["--set", "defaults.memroy=1G"], &["--unset", "defaults.memroy"]]
    {
        let args = [&["--json", "config"], flag].concat();
        let failed = run(&args).code(3);
        let error = failed.json_error();
        assert_eq!(error["code"], "not_found");
        assert!(error["hint"].as_str().unwrap().contains("defaults.memory"), "{failed}");
    }
}

#[test]
fn a_bad_value_or_file_is_usage() {
    run(&["config", "--set", "defaults.memory=lots"]).code(2).stderr_has("memory");
    let env = TestEnv::new();
    env.write(FILE, "[defaults\ncpus = 2\n");
    env.vmtools(&["config", "--show"]).run().code(2).stderr_has("config.toml");
    let env = TestEnv::new();
    env.write(FILE, "[defaults]\ncpsu = 2\n");
    env.vmtools(&["config", "--show"]).run().success().stderr_has("cpus");
}
