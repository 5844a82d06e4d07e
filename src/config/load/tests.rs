use super::*;
use crate::model::MemorySize;

fn with(text: &str) -> (tempfile::TempDir, Paths) {
    let home = tempfile::tempdir().expect("temporary folder");
    let paths = Paths::below(home.path());
    std::fs::create_dir_all(paths.config_folder()).expect("makes the folder");
    std::fs::write(paths.config_file(), text).expect("writes");
    (home, paths)
}

#[test]
fn no_file_is_the_defaults() {
    let home = tempfile::tempdir().expect("temporary folder");
    let paths = Paths::below(home.path());
    let loaded = load_config(&paths).expect("loads");
    assert_eq!((loaded.value, loaded.warnings), (Config::default(), vec![]));
}

#[test]
fn values_and_their_places() {
    let (_home, paths) = with("# mine\n[defaults]\ncpus = 8\nmemory = 4096\n[wait]\ntimeout = '2m'\n");
    let config = load_config(&paths).expect("loads").value;
    assert_eq!(config.defaults.memory, MemorySize::from_mib(4096));
    assert_eq!(config.defaults.cpus, 8);
    assert_eq!(config.wait.timeout.as_secs(), 120);
    assert_eq!(value_of(&paths, "defaults.memory").expect("is known"), Value::Text("4G".into()));
    let settings = show(&paths).expect("shows").value;
    assert_eq!(settings.len(), KEYS.len());
    let source = |key: &str| settings.iter().find(|s| s.key == key).map(|s| s.source.clone());
    assert!(matches!(source("defaults.cpus"), Some(Source::File(at)) if (at.line, at.column) == (3, 1)));
    assert_eq!(source("ui.color"), Some(Source::Default));
}

#[test]
fn unknown_keys_warn_with_the_nearest() {
    let (_home, paths) = with("memory = 1\n[defaults]\nmemroy = 1\n  disk = 2\n[defalts]\nx = 1\n[zzz]\n");
    let warnings: Vec<_> = load_config(&paths)
        .expect("loads")
        .warnings
        .into_iter()
        .map(|w| (w.key, w.at.line, w.at.column, w.nearest.unwrap_or_default()))
        .collect();
    let expected = [
        ("memory", 1, 1, "defaults.memory"),
        ("defaults.memroy", 3, 1, "defaults.memory"),
        ("defaults.disk", 4, 3, "defaults.disk_size"),
        ("defalts", 5, 2, "defaults"),
        ("zzz", 7, 2, ""),
    ];
    let expected = expected.map(|(k, l, c, n)| (k.to_owned(), l, c, n.to_owned()));
    assert_eq!(warnings, expected);
}

#[test]
fn wrong_values_say_where_and_what() {
    for (text, expected) in [
        (
            "[defaults]\ncpus = \"four\"\n",
            "2:8: defaults.cpus cannot be \"four\": expected a whole number, not text",
        ),
        ("defaults = 5\n", "1:12: defaults cannot be 5: expected a table, not a number"),
        ("[ui]\ncolor = 'blue'", "2:9: ui.color cannot be 'blue': expected auto, always or never"),
        ("[defaults]\nmemory = 1\nmemory = 2", "3:1: duplicate key"),
        ("[defaults\n", "1:10: "),
    ] {
        let (_home, paths) = with(text);
        let message = load_config(&paths).expect_err("is refused").to_string();
        let start = format!("{}:{expected}", paths.config_file().display());
        assert!(message.starts_with(&start), "{message}");
    }
}

#[test]
fn unknown_keys_are_not_found() {
    let home = tempfile::tempdir().expect("temporary folder");
    let paths = Paths::below(home.path());
    let error = value_of(&paths, "defaults.ram").expect_err("is not known");
    assert_eq!(error.to_string(), "there is no key \"defaults.ram\"");
    let error = value_of(&paths, "defaults.cpu").expect_err("is not known");
    assert!(matches!(error, Error::UnknownKey { nearest, .. } if nearest == ["defaults.cpus"]));
}
