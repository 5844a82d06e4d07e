use super::super::value::Value;
use super::super::{load_config, value_of};
use super::*;

fn home() -> (tempfile::TempDir, Paths) {
    let home = tempfile::tempdir().expect("temporary folder");
    let paths = Paths::below(home.path());
    (home, paths)
}

fn write(paths: &Paths, text: &str) {
    std::fs::create_dir_all(paths.config_folder()).expect("makes the folder");
    std::fs::write(paths.config_file(), text).expect("writes");
}

fn read(paths: &Paths) -> String {
    std::fs::read_to_string(paths.config_file()).expect("reads")
}

#[test]
fn the_file_is_made() {
    let (_home, paths) = home();
    set(&paths, "defaults.memory", "4G").expect("sets");
    set(&paths, "defaults.cpus", "4").expect("sets");
    set(&paths, "defaults.ssh_keys", "/a.pub, /b.pub").expect("sets");
    assert_eq!(read(&paths), "[defaults]\nmemory = \"4G\"\ncpus = 4\nssh_keys = [\"/a.pub\", \"/b.pub\"]\n");
}

#[test]
fn comments_order_and_layout_survive() {
    let (_home, paths) = home();
    write(
        &paths,
        "# top\n[ui]   # looks\ncolor = 'never' # why\n\n[defaults]\n# much\nmemory   =   1024   # MiB\ncpus=1\n",
    );
    set(&paths, "defaults.memory", "4G").expect("sets");
    set(&paths, "ui.color", "always").expect("sets");
    assert_eq!(
        read(&paths),
        "# top\n[ui]   # looks\ncolor = \"always\" # why\n\n[defaults]\n# much\nmemory   =   \"4G\"   # MiB\ncpus=1\n"
    );
}

#[test]
fn what_could_not_be_read_back_is_refused() {
    let (_home, paths) = home();
    for (key, value) in [
        ("defaults.memory", "lots"),
        ("defaults.cpus", "0"),
        ("defaults.cpus", "two"),
        ("defaults.ssh_keys", "relative.pub"),
        ("defaults.ssh_keys", "[1]"),
        ("defaults.ssh_keys", "[oops"),
        ("defaults.user", "\"a\" oops"),
        ("wait.timeout", ""),
        ("libvirt.uri", "xen:///"),
    ] {
        let result = set(&paths, key, value);
        assert!(matches!(result, Err(Error::Refused { .. })), "{key}={value}: {result:?}");
    }
    assert!(!paths.config_file().exists());
    assert!(matches!(set(&paths, "nope", "1"), Err(Error::UnknownKey { .. })));
}

#[test]
fn a_bad_value_can_be_fixed_but_bad_toml_is_left_alone() {
    let (_home, paths) = home();
    write(&paths, "[defaults]\ncpus = 0\nmemory = 0\n");
    set(&paths, "defaults.cpus", "2").expect("sets, though memory is bad too");
    set(&paths, "defaults.memory", "2G").expect("sets");
    load_config(&paths).expect("is fine now");
    write(&paths, "[defaults\n");
    assert!(matches!(set(&paths, "defaults.cpus", "2"), Err(Error::Syntax { .. })));
    assert_eq!(read(&paths), "[defaults\n");
}

#[test]
fn other_layouts_are_understood() {
    for text in ["defaults.cpus = 3\n", "defaults = { cpus = 3, memory = 512 }\n"] {
        let (_home, paths) = home();
        write(&paths, text);
        set(&paths, "defaults.cpus", "5").expect("sets");
        assert_eq!(read(&paths), text.replace('3', "5"));
        assert!(unset(&paths, "defaults.cpus").expect("unsets"));
        assert_eq!(value_of(&paths, "defaults.cpus").expect("reads"), Value::Number(2));
    }
}

#[test]
fn unset_keeps_comments() {
    let (_home, paths) = home();
    write(
        &paths,
        "[defaults]\n# about all of this\nmemory = 1024\nssh_keys = [\n  '/a',\n]\n# cpus\ncpus = 1\n",
    );
    assert!(unset(&paths, "defaults.memory").expect("unsets"));
    assert!(unset(&paths, "defaults.ssh_keys").expect("unsets"));
    assert!(!unset(&paths, "defaults.user").expect("is not there"));
    assert_eq!(read(&paths), "[defaults]\n# about all of this\n# cpus\ncpus = 1\n");
}

#[test]
fn a_link_and_the_mode_stay() {
    let (home, paths) = home();
    write(&paths, "");
    let elsewhere = home.path().join("dotfiles.toml");
    std::fs::rename(paths.config_file(), &elsewhere).expect("moves");
    std::fs::set_permissions(&elsewhere, std::fs::Permissions::from_mode(0o640)).expect("sets the mode");
    std::os::unix::fs::symlink(&elsewhere, paths.config_file()).expect("links");
    set(&paths, "ui.color", "never").expect("sets");
    assert!(paths.config_file().is_symlink());
    let mode = std::fs::metadata(&elsewhere).expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);
    assert!(read(&paths).contains("never"));
}
