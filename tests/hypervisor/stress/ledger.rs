//! What the commands said that they did, against what is there.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::traffic::Outcome;

/// What the commands said of VMs.
#[derive(Default)]
struct Ledger {
    /// The VMs that were said to be there, by UUID, with all the names that they had.
    made: HashMap<String, HashSet<String>>,
    /// Those that were said to be deleted, and by how many commands.
    deleted: HashMap<String, usize>,
    collected: HashSet<String>,
    /// The names of VMs that a command may have deleted without saying so.
    doubtful: HashSet<String>,
    /// The old and the new name of renames of which nobody says whether they were done.
    doubtful_renames: Vec<(String, String)>,
    /// The disks that were said to be added.
    added: HashSet<String>,
    removed: HashSet<String>,
    /// The devices of which a command may have removed one without saying so.
    doubtful_disks: HashSet<String>,
}

/// Each line tells of something that is not as it was said. `there` are the VMs, by UUID, with their disks' files.
pub fn contradictions(outcomes: &[Outcome], there: &HashMap<String, Vec<String>>) -> Vec<String> {
    let mut ledger = Ledger::default();
    for outcome in outcomes {
        ledger.take(outcome);
    }
    let mut found = Vec::new();
    for (uuid, names) in &ledger.made {
        let is_told = ledger.deleted.contains_key(uuid) || ledger.collected.contains(uuid);
        let may_be_called = ledger.doubtful_renames.iter().filter(|(old, _)| names.contains(old));
        let mut all_names = names.iter().chain(may_be_called.map(|(_, new)| new));
        if !there.contains_key(uuid) && !is_told && all_names.all(|name| !ledger.doubtful.contains(name)) {
            found.push(format!("{names:?} ({uuid}) is made, nobody says that it is deleted, and it is gone"));
        }
    }
    for (uuid, times) in &ledger.deleted {
        if there.contains_key(uuid) {
            found.push(format!("{uuid} is deleted, and there"));
        }
        if *times > 1 {
            found.push(format!("{uuid} is deleted {times} times"));
        }
    }
    for path in &ledger.added {
        // NAME-UUID-DEVICE-UNIQUE.qcow2, of which the UUID is the beginning.
        let words: Vec<&str> = path.rsplit('/').next().unwrap_or_default().split('-').collect();
        let [_, mark, device, _] = words.as_slice() else { continue };
        let vm = there.iter().find(|(uuid, _)| uuid.starts_with(mark));
        let is_gone = vm.is_some_and(|(_, disks)| !disks.contains(path));
        if is_gone && !ledger.removed.contains(path) && !ledger.doubtful_disks.contains(*device) {
            let removals = outcomes.iter().filter(|outcome| {
                outcome.args.starts_with(&["disk".to_owned(), "remove".to_owned()])
                    && outcome.args.iter().any(|word| word == device)
            });
            let ends: Vec<String> = removals
                .map(|outcome| {
                    format!("{:?} {:?} {}", outcome.args, outcome.code(), outcome.run.stderr.trim())
                })
                .collect();
            found.push(format!(
                "{path} is added, nobody says that it is removed, and its VM has it no more; removals: {}",
                ends.join("\n  ")
            ));
        }
    }
    found
}

impl Ledger {
    fn take(&mut self, outcome: &Outcome) {
        let json: Value = serde_json::from_str(&outcome.run.stdout).unwrap_or_default();
        let items = match json {
            Value::Array(items) => items,
            Value::Null => Vec::new(),
            item => vec![item],
        };
        let args: Vec<&str> = outcome.args.iter().map(String::as_str).collect();
        let is_clear = matches!(outcome.code(), Some(0 | 3 | 4 | 5 | 10 | 11));
        match args.as_slice() {
            ["create", name, ..] if args.contains(&"--replace") => {
                self.doubtful.insert((*name).to_owned());
                self.take_made(&items);
            }
            ["rename", old, new, ..] if !is_clear => {
                self.doubtful_renames.push(((*old).to_owned(), (*new).to_owned()));
            }
            ["create" | "clone" | "rename", ..] => self.take_made(&items),
            ["delete", names @ ..] => {
                for uuid in items.iter().filter_map(|item| word(item, "uuid")) {
                    *self.deleted.entry(uuid).or_default() += 1;
                }
                if !is_clear {
                    self.doubtful.extend(names.iter().map(|&name| name.to_owned()));
                }
            }
            ["gc", ..] => self.collected.extend(items.iter().filter_map(|item| word(item, "uuid"))),
            ["disk", "add", ..] => self.added.extend(items.iter().filter_map(|item| word(item, "path"))),
            ["disk", "remove", ..] => {
                self.removed.extend(items.iter().filter_map(|item| word(item, "path")));
                if !is_clear {
                    self.doubtful_disks.extend(["vdc", "vdd"].map(str::to_owned));
                }
            }
            _ => {}
        }
    }

    fn take_made(&mut self, items: &[Value]) {
        for item in items {
            if let (Some(uuid), Some(name)) = (word(item, "uuid"), word(item, "name")) {
                self.made.entry(uuid).or_default().insert(name);
            }
        }
    }
}

fn word(item: &Value, field: &str) -> Option<String> {
    item[field].as_str().map(str::to_owned)
}
