//! Templates, which work without libvirt.

use std::collections::BTreeSet;
use std::fs;

use super::run;
use super::support::TestEnv;

const FOLDER: &str = "config/vmtools/templates";

#[test]
fn every_image_of_the_catalogue_has_a_template() {
    let env = TestEnv::new();
    let names = |args: &[&str], field: &str| -> BTreeSet<String> {
        let json = env.vmtools(args).run().success().json();
        json.as_array().unwrap().iter().filter_map(|row| Some(row[field].as_str()?.to_owned())).collect()
    };
    let images = names(&["image", "list", "--available", "--json"], "name");
    let taken = names(&["template", "list", "--json"], "image");
    assert_eq!(images.difference(&taken).collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(taken.is_subset(&images), "{taken:?}");
}

#[test]
fn the_list_holds_the_users_own_and_names_what_is_broken() {
    let env = TestEnv::new();
    env.write(&format!("{FOLDER}/web.toml"), "extends = 'ubuntu'\ndescription = 'mine'\n");
    env.write(&format!("{FOLDER}/bad.toml"), "cpus = 0\n");
    let listed = env.vmtools(&["template", "list"]).run().success();
    assert_eq!(listed.stderr, "", "{listed}");
    let line = |name: &str| listed.lines().into_iter().find(|line| line.starts_with(name)).unwrap();
    assert!(line("web ").contains("ubuntu-26.04") && line("web ").ends_with("mine"), "{listed}");
    assert!(line("bad ").contains("bad.toml:1:8"), "{listed}");
    assert!(line("windows ").contains("built-in"), "{listed}");
}

#[test]
fn what_holds_is_shown_with_its_place() {
    let env = TestEnv::new();
    let base = env.write(&format!("{FOLDER}/base.toml"), "extends = 'debian'\n\ndisks = ['1G']\n");
    env.write(&format!("{FOLDER}/web.toml"), "extends = 'base'\n[labels]\nteam = 'a'\n");
    let config = env.write("config/vmtools/config.toml", "[defaults]\naccel = 'tcg'\n");
    let shown = env.vmtools(&["template", "show", "web"]).run().success();
    assert_eq!(shown.stderr, "", "{shown}");
    let row = |key: &str| {
        let line = shown.lines().into_iter().find(|line| line.starts_with(&format!("{key} "))).unwrap();
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("image"), "debian-13 built-in debian");
    assert_eq!(row("disks"), format!("1G {}:3:1", base.display()));
    assert_eq!(row("accel"), format!("tcg {}:2:1", config.display()));
    assert!(row("labels.team").starts_with("a "), "{shown}");
    let json = env.vmtools(&["template", "show", "web", "--json"]).run().success().json();
    let chain: Vec<_> = json["chain"].as_array().unwrap().iter().map(|link| &link["name"]).collect();
    assert_eq!(chain, ["web", "base", "debian"]);
    let disks = json["settings"].as_array().unwrap().iter().find(|row| row["key"] == "disks").unwrap();
    assert_eq!((&disks["value"][0], &disks["template"]), (&"1G".into(), &"base".into()), "{json}");
    let failed = run(&["template", "show", "ubunut", "--json"]).code(3);
    assert!(failed.json_error()["hint"].as_str().unwrap().contains("ubuntu"), "{failed}");
}

#[test]
fn a_new_one_extends_another_and_is_never_written_over() {
    let env = TestEnv::new();
    let path = env.root().join(FOLDER).join("web.toml");
    let made = env.vmtools(&["template", "new", "web", "--from", "development"]).run().success();
    assert_eq!((made.stdout.as_str(), made.stderr.as_str()), (&*format!("{}\n", path.display()), ""));
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.starts_with("extends = \"development\"\n") && text.contains("\n# memory = \"8G\"\n"),
        "{text}"
    );
    env.vmtools(&["template", "check", "web"]).run().success();
    env.vmtools(&["template", "new", "web"]).run().code(4).stderr_has("already exists");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    let json = env.vmtools(&["template", "new", "empty", "--json"]).run().success().json();
    assert_eq!(json["name"], "empty");
    env.vmtools(&["template", "new", "a/b", "--from", "ubuntu"]).run().code(2).stderr_has("template name");
    env.vmtools(&["template", "new", "x", "--from", "some-vm", "--connect", "qemu:///session"])
        .run()
        .code(9)
        .stderr_has("virsh");
}

#[test]
fn a_check_names_each_mistake_with_its_place() {
    let env = TestEnv::new();
    let file = env.write("tmp/web.toml", "memry = '1G'\ncpus = 'two'\nvideo = 'vag'\nextends = 'ubunut'\n");
    let name = file.to_str().unwrap();
    let checked = env.vmtools(&["template", "check", name]).run().code(2);
    let expected = [
        format!("{name}:1:1: unknown key \"memry\" (did you mean memory?)"),
        format!("{name}:2:8: cpus cannot be 'two'"),
        format!("{name}:3:9: video cannot be 'vag'"),
        format!("{name}:4:11: extends cannot be \"ubunut\""),
    ];
    let lines = checked.lines();
    // By line, whatever the kind.
    let mut sorted = lines.clone();
    sorted.sort();
    assert_eq!(lines, sorted, "{checked}");
    assert_eq!(lines.len(), expected.len(), "{checked}");
    for (line, start) in lines.iter().zip(&expected) {
        assert!(line.starts_with(start), "{line} is not {start}");
    }
    assert_eq!(checked.stderr, "error: the template web has 4 mistakes\n", "{checked}");

    let json = env.vmtools(&["template", "check", name, "--json"]).run().code(2);
    assert_eq!(json.json()["valid"], false);
    assert_eq!(json.json()["problems"][1]["column"], 8, "{json}");
    assert_eq!(json.json_error()["code"], "usage");
}

#[test]
fn a_check_of_what_is_right_or_is_not_there() {
    let env = TestEnv::new();
    let valid = env.vmtools(&["template", "check", "windows"]).run().success();
    assert_eq!((valid.stdout.as_str(), valid.stderr.as_str()), ("windows is valid\n", ""));
    env.vmtools(&["template", "check", "./none.toml"]).run().code(3).stderr_has("none.toml");
    env.vmtools(&["template", "check", "none"]).run().code(3);
    let broken = env.write("tmp/broken.toml", "memory = [\n");
    let place = format!("{}:", broken.display());
    env.vmtools(&["template", "check", broken.to_str().unwrap()]).run().code(2).stdout_has(&place);
    let missing = env.write("tmp/missing.toml", "image = './x'\nuser_data = 'none.yaml'\n");
    let checked = env.vmtools(&["template", "check", missing.to_str().unwrap()]).run().code(2);
    assert!(checked.stdout.contains(":1:1: image: there is no file "), "{checked}");
    assert!(checked.stdout.contains(":2:1: user_data: there is no file "), "{checked}");
}
