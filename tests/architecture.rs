//! Holds the table of who may import whom: the `crate::ROOM` references of every file of src, outside
//! of its tests, against what its room is allowed.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the rooms that it may import.
const TABLE: [(&str, &[&str]); 13] = [
    ("cli", &["problem", "manager", "model", "config"]),
    // The lower rooms for their error types alone: see below.
    (
        "problem",
        &[
            "manager", "libvirt", "qemu", "agent", "config", "image", "seed", "host", "guest", "system",
            "model",
        ],
    ),
    ("manager", &["libvirt", "qemu", "agent", "config", "image", "seed", "host", "guest", "model"]),
    ("libvirt", &["system", "model"]),
    ("qemu", &["system", "model"]),
    ("agent", &["system", "model"]),
    ("config", &["system", "model"]),
    ("image", &["system", "model"]),
    ("seed", &["system", "model"]),
    ("host", &["system", "model"]),
    ("guest", &["system", "model"]),
    ("system", &[]),
    ("model", &[]),
];

#[test]
fn arrows_point_down_only() {
    let src = src();
    let wrong: Vec<String> = files(&src)
        .iter()
        .flat_map(|path| {
            let name = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
            let code = outside_tests(&fs::read_to_string(path).unwrap());
            let room = name.split(['/', '.']).next().unwrap().to_owned();
            let imported = rooms_in(&code).into_iter().filter(move |to| !may_import(&room, to));
            imported.map(|to| format!("{name} imports {to}")).collect::<Vec<_>>()
        })
        .collect();
    assert!(wrong.is_empty(), "against the table of rooms:\n{}", wrong.join("\n"));
}

/// Of the rooms below the manager the errors are put into words, and nothing else is known.
#[test]
fn problem_knows_the_lower_rooms_by_their_errors_alone() {
    let lower = ["libvirt", "qemu", "agent", "config", "image", "seed", "host", "guest", "system"];
    let is_error = |path: &str| {
        let parts: Vec<&str> = path.split("::").map(str::trim).collect();
        let last = parts[parts.len() - 1];
        // Beside the errors, what they hold, and the quoting of a word.
        let held = [
            "Object",
            "RefusalKind",
            "RefusalReason",
            "Driver",
            "Foreign",
            "NamedFile",
            "quoted",
            "header",
            "self",
        ];
        last.ends_with("Error") || held.contains(&last)
    };
    for path in files(&src().join("problem")) {
        let code = outside_tests(&fs::read_to_string(&path).unwrap());
        for line in code.lines().filter_map(|line| line.trim().strip_prefix("use crate::")) {
            let (room, rest) = line.trim_end_matches(';').split_once("::").unwrap();
            let names =
                rest.trim_matches(['{', '}']).split(',').map(|name| name.split(" as ").next().unwrap());
            for name in names.filter(|_| lower.contains(&room)) {
                assert!(is_error(name), "{} imports {room}::{name}", path.display());
            }
        }
    }
}

/// Where code outside of the retry policy of the manager waits for time to pass, and why it may.
const WAITS: [(&str, &str); 14] = [
    ("manager/retry.rs", "the policy"),
    ("agent/freeze/mod.rs", "a timer: the file systems are thawed at its end, whatever the work does"),
    (
        "agent/process/mod.rs",
        "a room below the manager: growing pauses, a deadline, cancelled by being dropped",
    ),
    (
        "cli/commands/console.rs",
        "timers: when a console that is silent is told so, and one that hangs is left",
    ),
    ("cli/commands/events.rs", "a tick: whether anybody still reads"),
    ("cli/commands/monitor/export.rs", "a timer: when what was measured is sent as it is"),
    ("cli/commands/monitor/mod.rs", "the ticks at which is measured"),
    ("cli/screen/sampler.rs", "the ticks at which is measured"),
    (
        "cli/input.rs",
        "of a channel from the thread that reads: a note when nothing comes, or the end of a read",
    ),
    ("cli/exporter.rs", "nothing is asked again: too many files are open, and later may not be"),
    ("cli/screen/live.rs", "ends with the screen, and each try begins with the manager's own pauses"),
    ("image/download/fetch.rs", "of a thread: it ends as soon as nobody wants the file any more"),
    ("libvirt/event/feed.rs", "a timer: when a line that virsh prints in parts is whole"),
    ("system/process/keyboard.rs", "the kernel hands over what is typed; who leaves a console limits it"),
];

/// A loop that waits by itself is one that may go on for ever, or that an interrupt does not end.
#[test]
fn nothing_but_the_retry_policy_waits_for_time_to_pass() {
    let waits = ["sleep(", "sleep_until(", "interval(", "interval_at(", "recv_timeout("];
    let found: BTreeSet<String> = files(&src())
        .iter()
        .filter(|path| {
            let code = outside_tests(&fs::read_to_string(path).unwrap());
            let code = code.lines().filter(|line| !line.contains("fn "));
            code.into_iter().any(|line| waits.iter().any(|wait| calls(line, wait)))
        })
        .map(|path| path.strip_prefix(src()).unwrap().to_str().unwrap().to_owned())
        .collect();
    let listed: BTreeSet<String> = WAITS.iter().map(|(path, _)| (*path).to_owned()).collect();
    let new: Vec<_> = found.difference(&listed).collect();
    assert!(new.is_empty(), "use manager/retry.rs, or say here why not: {new:?}");
    let stale: Vec<_> = listed.difference(&found).collect();
    assert!(stale.is_empty(), "no longer exceptions: {stale:?}");
}

/// Whether the line calls a function of this name, which ends with its bracket, and not one of a longer name.
fn calls(line: &str, function: &str) -> bool {
    let before = line.match_indices(function).map(|(at, _)| line[..at].chars().next_back());
    before.into_iter().any(|c| !c.is_some_and(|c| c.is_alphanumeric() || c == '_'))
}

#[test]
fn every_folder_is_a_room_of_the_table() {
    let folders = fs::read_dir(src()).unwrap().flatten().filter(|entry| entry.path().is_dir());
    let folders: BTreeSet<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    let rooms: BTreeSet<String> = TABLE.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(folders, rooms);
}

#[test]
fn references_are_found_in_all_their_forms() {
    let code = "use crate::host;\nuse crate::{config, image::Store, libvirt::{self, Domain}};\n\
                fn f() -> crate::system::process::Output {}\nfn main() {\n    vmtools::model::x();\n}\n";
    let found: Vec<String> = rooms_in(code).into_iter().collect();
    assert_eq!(found, ["config", "host", "image", "libvirt", "model", "system"]);
    let kept = outside_tests(
        "use crate::model::A; // crate::cli\n#[cfg(test)]\nmod tests {\n    use crate::cli;\n}\n#[cfg(test)]\nmod other;\nuse crate::host;\n",
    );
    assert_eq!(rooms_in(&kept).into_iter().collect::<Vec<_>>(), ["host", "model"]);
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn may_import(room: &str, to: &str) -> bool {
    match room {
        // The crate's own list of rooms.
        "lib" => true,
        "main" => to == "cli",
        _ => room == to || TABLE.iter().any(|(from, allowed)| *from == room && allowed.contains(&to)),
    }
}

/// The Rust files below a folder, but those that hold tests alone.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path()) {
        if path.file_stem().unwrap() == "tests" {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") && !is_test_module(&path) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Whether the folder's other files name it only as `#[cfg(test)] mod NAME;`.
fn is_test_module(path: &Path) -> bool {
    let declared = format!("mod {};", path.file_stem().unwrap().to_str().unwrap());
    let beside = fs::read_dir(path.parent().unwrap()).unwrap().flatten().map(|entry| entry.path());
    beside.filter(|path| path.is_file()).any(|path| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.contains(&declared) && !outside_tests(&text).contains(&declared)
    })
}

/// The code without comments and without what stands under `#[cfg(test)]`.
fn outside_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("#[cfg(test)]") {
            // Formatted code ends an item with its closing brace as deep as its beginning, or with `;`.
            let depth = line.len() - line.trim_start().len();
            let closing = format!("{}}}", " ".repeat(depth));
            let ends = |line: &str| line == closing || (indent(line) == depth && line.ends_with([';', ',']));
            for line in lines.by_ref() {
                if ends(line) {
                    break;
                }
            }
            continue;
        }
        kept.push_str(line.split("//").next().unwrap_or_default());
        kept.push('\n');
    }
    kept
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The first names after each `crate::`, in braces too.
fn rooms_in(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    // The program names the library by its name; elsewhere that is a log's target.
    let code = code.replace("    vmtools::", "crate::");
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(list) => rooms.extend(first_names(list)),
            None => rooms.extend(name_at(rest)),
        }
    }
    rooms
}

/// The names that begin the parts of a list in braces, up to its end.
fn first_names(list: &str) -> Vec<String> {
    let mut names: Vec<String> = name_at(list.trim_start()).into_iter().collect();
    let mut depth = 0;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.extend(name_at(list[at + 1..].trim_start())),
            _ => {}
        }
    }
    names
}

fn name_at(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty() && name.chars().all(|c| c.is_lowercase() || c == '_')).then_some(name)
}
